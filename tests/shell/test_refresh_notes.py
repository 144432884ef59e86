"""What an issuer has said of a refresh token, over real HTTP and a real file: every process that shares it obeys."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from bucket_failover import (
    BucketFailureReason,
    FailoverContext,
    SyncBucketFailoverHandlerImpl,
    SyncStoredOAuthManager,
)
from bucket_failover.errors import IssuerBusyError, RefreshFailedError
from bucket_failover.tokens import OAuthToken
from tests.support.people import PROVIDER
from tests.support.token_endpoint import BUCKET, UNWANTED, Form, Stage

NOW = 1_786_553_400.0
BUSY = {"retry-after": "600"}


class World:
    """A stage whose issuer answers as it is told to, and a clock."""

    def __init__(self, path: Path, stack: ExitStack) -> None:
        self.now = NOW
        self.answer: tuple[int, dict[str, Any], dict[str, str]] = (503, {}, BUSY)
        self.stage = Stage(path, stack, self._answer)
        self.stage.gate.opened.set()

    def _answer(self, _: Form) -> tuple[int, dict[str, Any], dict[str, str]]:
        return self.answer

    def clock(self) -> float:
        """Unix seconds."""
        return self.now

    def another_process(self) -> SyncStoredOAuthManager:
        """A manager over the file, opened once more, with a client of its own."""
        return SyncStoredOAuthManager(
            self.stage.another_store(), refresh=self.stage.issuer(self.clock), clock=self.clock
        )

    def refresh(self) -> OAuthToken | None:
        """What a process gets that comes anew."""
        return self.another_process().replace_token(PROVIDER, BUCKET, UNWANTED)

    @property
    def asked(self) -> int:
        """How often the issuer was asked."""
        return len(self.stage.endpoint.presented)


@pytest.fixture
def world(tmp_path: Path) -> Any:
    """A world of its own for each test."""
    with ExitStack() as stack:
        yield World(tmp_path / "tokens.db", stack)


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_issuer_is_not_asked_again_before_its_time(world: World, status: int) -> None:
    """By no process; from that moment on it is, and nothing was lost."""
    world.answer = (status, {}, BUSY)
    for _ in range(3):
        with pytest.raises(IssuerBusyError, match=r"busy until 2026-08-12 17:00:00 UTC") as told:
            world.refresh()
        assert told.value.retry_at == NOW + 600
    assert world.asked == 1
    world.now += 600
    world.answer = (200, {"access_token": "new", "refresh_token": "newer", "expires_in": 3_600}, {})
    token = world.refresh()
    assert token is not None
    assert token == world.stage.stored()
    assert world.asked == 2


def test_a_failover_says_that_the_issuer_is_busy_and_asks_for_no_login(world: World) -> None:
    """The report names the moment, and "log in" is no advice."""
    handler = SyncBucketFailoverHandlerImpl([BUCKET], PROVIDER, world.another_process(), clock=world.clock)
    assert not handler.try_failover(FailoverContext(triggering_status=401, fingerprint=UNWANTED))
    assert handler.last_decision is not None
    exhausted = handler.last_decision.failure()
    assert exhausted.reasons == {BUCKET: BucketFailureReason.EXPIRED_REFRESH_FAILED}
    assert (exhausted.needs_login, exhausted.retry_at) == ((), NOW + 600)
    assert "the issuer is busy until 2026-08-12 17:00:00 UTC" in exhausted.message
    assert exhausted.message.startswith("Wait until")


def test_a_refused_refresh_token_is_presented_once(world: World) -> None:
    """Whatever asks for it again; a login makes it good."""
    world.answer = (
        400,
        {"error": {"message": "x", "type": "invalid_request_error", "code": "app_session_expired"}},
        {},
    )
    assert [world.refresh() for _ in range(3)] == [None] * 3
    assert world.asked == 1
    world.stage.store.write(PROVIDER, BUCKET, OAuthToken.model_validate({"access_token": "b", "refresh_token": "s"}))
    world.answer = (200, {"access_token": "new", "expires_in": 60}, {})
    assert world.another_process().refresh_oauth_token(PROVIDER, BUCKET) is not None
    assert world.asked == 2


def test_an_answer_without_an_end_is_read_from_the_token_itself(world: World) -> None:
    """A JWT says it; without one the last token's life is the measure; without that there is no end."""
    claims = "eyJhbGciOiJub25lIn0.eyJleHAiOjE3ODc0MTc0MDB9.c2ln"
    world.answer = (200, {"access_token": claims, "refresh_token": "r"}, {})
    token = world.refresh()
    assert token is not None
    assert (token.expiry, token.issued_at) == (1_787_417_400.0, NOW)
    world.answer = (200, {"access_token": "opaque", "refresh_token": "r2"}, {})
    again = world.another_process().replace_token(PROVIDER, BUCKET, token.fingerprint)
    assert again is not None
    assert again.expiry == NOW + (1_787_417_400.0 - NOW)


def test_what_is_not_needed_spoils_no_token(world: World) -> None:
    """Infinities, deep nesting, and a number for a refresh token."""
    nested: object = "x"
    for _ in range(300):
        nested = [nested]
    body = {"access_token": "new", "refresh_token": 12_345, "expires_in": 60, "a": 1e400, "b": nested, "c": "kept"}
    world.answer = (200, body, {})
    token = world.refresh()
    assert token is not None
    assert token.refresh_token is not None
    assert (token.refresh_token.get_secret_value(), dict(token.extra)) == ("12345", {"c": "kept"})


def test_a_form_is_an_answer_as_well(world: World) -> None:
    """GitHub's, unless it is asked for JSON."""
    world.answer = (200, {"": "access_token=new&refresh_token=newer&expires_in=28800&token_type=bearer"}, {"form": "1"})
    token = world.refresh()
    assert token is not None
    assert (token.expiry, token.token_type) == (NOW + 28_800, "bearer")


def test_an_issuer_that_fails_without_a_wait_may_be_asked_at_once(world: World) -> None:
    """It has not asked to wait."""
    world.answer = (503, {}, {})
    for _ in range(2):
        with pytest.raises(RefreshFailedError):
            world.refresh()
    assert world.asked == 2
