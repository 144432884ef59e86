"""Nothing of a terminal's language from outside reaches a terminal or a log: it is shown escaped, in --plain too."""

import json
import logging
from pathlib import Path
from typing import Final

import pytest

from bucket_failover import (
    ActiveBucket,
    AllBucketsExhaustedError,
    Limit,
    MemoryTokenStore,
    OAuthToken,
    SqliteLimitStore,
    SyncBucketFailoverHandlerImpl,
    SyncRetryOrchestrator,
    SyncStoredOAuthManager,
)
from tests.shell.test_cli_limits import Desk
from tests.support.people import CallError

RED: Final = "\x1b[31mred\x07"
SHOWN: Final = "\\x1b[31mred\\x07"


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    """A profile whose bucket's name would colour the terminal, with a limit about a model whose name would too."""
    desk = Desk(tmp_path, capsys)
    desk.profile.write_text(f"[anthropic]\nbuckets = [{json.dumps(RED)}, 'b']\n")
    desk.log_in(RED)
    with SqliteLimitStore(desk.store) as store:
        held = Limit(
            until=desk.now + 60, window="day", source="body", strength="directive", scope="model", model=RED, detail=RED
        )
        store.change_limits("anthropic", lambda _: {RED: (held,)})
    return desk


@pytest.mark.parametrize("plain", [("--plain",), ()])
@pytest.mark.parametrize("command", ["status", "explain", "doctor"])
def test_no_command_prints_them(desk: Desk, command: str, plain: tuple[str, ...]) -> None:
    """Names, models and details."""
    told = desk.run(command, *plain) + desk.error
    assert SHOWN[:6] in told
    assert not set(told) & set("\x1b\x07")


def test_no_error_of_a_command_prints_them(desk: Desk) -> None:
    """Nor what a user has typed, or copied."""
    desk.run("bench", "nobody" + RED, "--until", "1h", status=64)
    assert SHOWN in desk.error
    desk.run("bench", RED, "--until", RED, status=64)
    desk.run("status", "--provider", RED, status=64)
    assert "\x1b" not in desk.error
    assert SHOWN in desk.run("bench", RED, "--until", "1h", "--reason", RED)


def test_no_log_and_no_exception_has_them(caplog: pytest.LogCaptureFixture) -> None:
    """Of a bucket's name and a provider's."""
    caplog.set_level(logging.DEBUG, "bucket_failover")
    store = MemoryTokenStore()
    for name in (RED, "b"):
        store.write(RED, name, OAuthToken.from_api_key("k"))
    manager = SyncStoredOAuthManager(store)
    handler = SyncBucketFailoverHandlerImpl([RED, "b"], RED, manager)

    def refused(_: ActiveBucket) -> None:
        raise CallError(403, body=json.dumps({"error": {"message": f"Your account {RED} has been suspended."}}))

    with pytest.raises(AllBucketsExhaustedError) as caught:
        SyncRetryOrchestrator(handler, manager, sleep=lambda _: None).call(refused)
    assert SHOWN in str(caught.value)
    assert not set(str(caught.value) + caplog.text) & set("\x1b\x07")
    assert SHOWN in caplog.text
