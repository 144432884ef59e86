"""The commands `status`, `explain`, `bench` and `clear`, on real files."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bucket_failover import Limit, OAuthToken, SqliteLimitStore, SqliteTokenStore
from bucket_failover.cli.app import run
from bucket_failover_core.request import Refusal
from tests.support.people import as_a_person

_PROFILE = """
[anthropic]
buckets = ["default", "claudius", { name = "team", quota_domain = "acme", api_key = true }]
"""
_ISSUER = """
[anthropic.oauth]
token_endpoint = "https://issuer.example/token"
client_id = "x"
"""


class Desk:
    """A user at a command line: a profile, a store, and what the last command said."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.profile = folder / "profile.toml"
        self.store = folder / "buckets.db"
        self.profile.write_text(_PROFILE + _ISSUER)
        self.now = time.time()
        self._capsys = capsys
        self.error = ""

    def run(self, *arguments: str, status: int = 0) -> str:
        """Run a command; its output."""
        options = ["--profile", str(self.profile), "--store", str(self.store)]
        assert run([arguments[0], *options, *arguments[1:]]) == status, self._capsys.readouterr()
        told = self._capsys.readouterr()
        self.error = told.err
        return told.out

    def json(self, *arguments: str, status: int = 0) -> Any:
        """Run a command that prints JSON."""
        return json.loads(self.run(*arguments, "--json", status=status))

    def log_in(self, bucket: str, lifetime: float = 3_600.0, **fields: Any) -> None:
        """Store a token."""
        known = {"access_token": f"secret-of-{bucket}", "expiry": self.now + lifetime, "issued_at": self.now}
        with SqliteTokenStore(self.store) as tokens:
            tokens.write("anthropic", bucket, OAuthToken.model_validate(known | fields))

    def believe(self, bucket: str, *limits: Limit) -> None:
        """Store limits."""
        with SqliteLimitStore(self.store) as store:
            store.change_limits("anthropic", lambda _: {bucket: limits})


def watching(desk: Desk, *options: str) -> list[str]:
    """`status --watch`, as a user starts it."""
    program = str(Path(sys.executable).with_name("bucket-failover"))
    files = ["--profile", str(desk.profile), "--store", str(desk.store)]
    command = [program, "status", "--watch", "--interval", "0.1", *options, *files]
    return as_a_person([sys.executable, *command])


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    """Three buckets: a login, one that is spent for five hours, and an API key."""
    desk = Desk(tmp_path, capsys)
    desk.log_in("default", refresh_token="r")
    desk.log_in("claudius", lifetime=100_000.0)
    with SqliteTokenStore(desk.store) as tokens:
        tokens.write("anthropic", "team", OAuthToken.from_api_key("secret-of-team"))
        tokens.write_session_bucket("anthropic", "claudius")
    limit = Limit(until=desk.now + 15_630.0, window="5h", source="header", detail="5h window", observed_at=desk.now)
    desk.believe("claudius", limit)
    return desk


def test_status_is_a_table_of_what_is_believed(desk: Desk) -> None:
    """Standing, token, limits with source and remaining time, and what happens next and when; never a secret."""
    told = desk.run("status")
    assert "the session is with claudius" in told
    lines = {line.split()[0]: line for line in told.splitlines() if line.strip()}
    assert "usable" in lines["default"]
    assert "can be refreshed" in lines["default"]
    assert "its token is to be renewed at" in lines["default"]
    assert "quota-exhausted" in lines["claudius"]
    assert "5h for 4 h 20 min (advisory, from header: 5h" in lines["claudius"]
    assert "the limit ends at" in lines["claudius"]
    assert "API key" in lines["team"]
    assert "secret" not in told


def test_status_as_json(desk: Desk) -> None:
    """The findings are the core's own."""
    told = desk.json("status")
    assert (told["provider"], told["session_bucket"]) == ("anthropic", "claudius")
    default, claudius, team = told["buckets"]
    assert (default["usable"], default["fact"], default["token"]["kind"]) == (True, "usable", "held")
    assert default["next"] == {"change": "token-renewal", "at": pytest.approx(desk.now + 2_880.0)}
    assert (claudius["usable"], claudius["reason"], claudius["remedy"]) == (False, "quota-exhausted", "wait")
    assert claudius["until"] == claudius["limits"][0]["until"] == claudius["next"]["at"]
    assert claudius["limits"][0]["source"] == "header"
    assert (team["token"]["kind"], team["next"]) == ("api-key", None)


def test_status_at_a_moment_to_come(desk: Desk) -> None:
    """The state as it will be believed then: the limit has ended, the token too."""
    default, claudius, _ = desk.json("status", "--at", "5h")["buckets"]
    assert (default["fact"], default["token"]["expired"], default["next"]) == ("refreshable", True, None)
    assert (claudius["usable"], claudius["limits"]) == (True, [])
    assert "expired at" in desk.run("status", "--at", "5h")


def test_status_of_buckets_without_a_token(desk: Desk) -> None:
    """Each says what heals it."""
    desk.profile.write_text('[openai]\nbuckets = ["a", { name = "b", api_key = true }]\n')
    told = desk.run("status")
    assert "log in" in told
    assert "store a valid key" in told
    assert {row["reason"] for row in desk.json("status")["buckets"]} == {"no-token"}


def test_status_knows_what_is_no_token(desk: Desk) -> None:
    """What the store holds is unreadable; that is no outage."""
    import sqlite3  # noqa: PLC0415 - to spoil the file as another program would

    connection = sqlite3.connect(desk.store)
    connection.execute("UPDATE token SET record = '{}' WHERE bucket = 'default'")
    connection.commit()
    connection.close()
    assert desk.json("status")["buckets"][0]["token"] == {"kind": "corrupt"}
    assert "unreadable" in desk.run("status")


def test_explain_prints_the_decisions_own_findings(desk: Desk) -> None:
    """The bucket that the next request would use, and the fact that rules out each one before it."""
    told = desk.run("explain")
    assert told.splitlines()[0].endswith("the next request would use default.")
    assert "- default: usable" in told
    assert "- claudius: a limit is in force until" in told
    assert "- team: usable, and comes later in the order" in told
    document = desk.json("explain")
    assert (document["uses"], document["switched"]) == ("default", True)
    assert [(finding["bucket"], finding["fact"]) for finding in document["not_looked_at"]] == [("team", "usable")]
    assert [finding["fact"] for finding in document["findings"]] == ["limit-in-force", "usable"]
    assert desk.json("explain", "--at", "5h")["uses"] == "claudius"


def test_explain_tells_of_a_canary(desk: Desk) -> None:
    """Ten minutes on, the advisory limit is put to the test."""
    told = desk.json("explain", "--at", "11m")
    assert (told["uses"], told["is_probe"]) == ("claudius", True)
    assert "use claudius, to test whether its limit still holds." in desk.run("explain", "--at", "11m")


def test_explain_when_nothing_is_left(desk: Desk) -> None:
    """Exit status 1, the moment, and what to do first."""
    for bucket in ("default", "claudius", "team"):
        desk.run("bench", bucket, "--until", "3h")
    told = desk.json("explain", status=1)
    assert told["uses"] is None
    assert told["retry_at"] == pytest.approx(desk.now + 3 * 3_600.0, abs=60.0)
    assert "would use no bucket. Wait until" in desk.run("explain", status=1)


def test_a_bucket_is_benched_by_hand_and_cleared(desk: Desk) -> None:
    """An operator's limit is directive; clearing forgets it, and every other."""
    told = desk.run("bench", "default", "--until", "2h30m", "--reason", "kept for the demo")
    assert "default is benched until " in told
    assert "(for 2 h 30 min). To undo it: bucket-failover clear default" in told
    row = desk.json("status")["buckets"][0]
    assert (row["usable"], row["detail"]) == (False, "kept for the demo")
    assert [(limit["source"], limit["strength"]) for limit in row["limits"]] == [("operator", "directive")]
    assert "by hand for 2 h 29 min (kept for the demo)" in desk.run("status").replace("30 min", "29 min")
    assert desk.run("clear", "default") == "default: 1 limit forgotten\n"
    assert desk.json("status")["buckets"][0]["usable"]
    assert {name: len(limits) for name, limits in desk.json("clear", "--all").items()} == {
        "default": 0,
        "claudius": 1,
        "team": 0,
    }


def test_clear_forgets_refused_tokens_as_well(desk: Desk) -> None:
    """A user who knows that a key is good again need not wait until it is tried."""
    desk.log_in("default")
    with SqliteLimitStore(desk.store) as store:
        refused = Refusal(fingerprint="f", at=desk.now)
        store.change_refusals("anthropic", lambda _: {"default": (refused,), "claudius": (refused,)})
        assert desk.run("clear", "default") == "default: 0 limits and 1 refused token forgotten\n"
        assert store.read_refusals("anthropic") == {"claudius": (refused,)}


def test_an_interval_is_for_watching(desk: Desk) -> None:
    """It is not passed over in silence."""
    assert desk.run("status", "--interval", "3", status=64) == ""
    assert desk.error == "bucket-failover: --interval: it is for --watch\n"


def test_a_shell_completes_the_commands() -> None:
    """As bash asks for it."""
    program = str(Path(sys.executable).with_name("bucket-failover"))
    asked = {"_BUCKET_FAILOVER_COMPLETE": "complete_bash", "COMP_WORDS": "bucket-failover st", "COMP_CWORD": "1"}
    told = subprocess.run([program], env={**os.environ, **asked}, capture_output=True, text=True, check=False)
    assert told.stdout.split() == ["status"]


def test_without_an_issuer_nothing_can_be_refreshed_here(desk: Desk) -> None:
    """The token is not said to be renewed, and one that has ended needs a login."""
    desk.profile.write_text(_PROFILE)
    desk.log_in("default", refresh_token="r")
    told = desk.json("status")["buckets"][0]
    assert (told["token"]["refreshable"], told["next"]["change"]) == (False, "token-expires")
    assert "can be refreshed" not in desk.run("status")
    ended = desk.json("status", "--at", "2h")["buckets"][0]
    assert (ended["fact"], ended["remedy"]) == ("token-expired", "login")


def test_a_token_that_other_programs_were_refused_is_shown_as_refused(desk: Desk) -> None:
    """By every command that looks; a minute is not asked about, and what heals it is said."""
    desk.run("clear", "--all")
    desk.log_in("default")
    desk.log_in("claudius")
    with SqliteTokenStore(desk.store) as tokens:
        tokens.write("anthropic", "team", OAuthToken.from_api_key("secret-of-team"))
        fingerprints = {name: _fingerprint(tokens, name) for name in ("default", "team")}
    refused = {name: (Refusal(fingerprint=value, at=desk.now),) for name, value in fingerprints.items()}
    with SqliteLimitStore(desk.store) as store:
        store.change_refusals("anthropic", lambda _: refused)
    default, claudius, team = desk.json("status")["buckets"]
    assert [each["usable"] for each in (default, claudius, team)] == [False, True, False]
    assert [each["token"]["refused"] for each in (default, claudius, team)] == [True, False, True]
    assert (default["fact"], default["remedy"]) == ("token-refused", "login")
    assert (team["fact"], team["remedy"]) == ("key-refused", "new-key")
    table = desk.run("status", "--plain")
    assert "refused by the provider, though valid until" in " ".join(table.split())
    assert "API key, refused by the provider" in " ".join(table.split())
    assert desk.json("explain")["uses"] == "claudius"
    assert desk.json("status", "--at", "11m")["buckets"][0]["usable"] is True
    advice = [check["text"] for check in desk.json("doctor", "--offline")["checks"] if check["about"] == "advice"]
    assert [text.split(":")[0] for text in advice] == ["log in to default", "store a valid API key for team"]


def _fingerprint(tokens: SqliteTokenStore, bucket: str) -> str:
    held = tokens.read("anthropic", bucket)
    assert held is not None
    return held.fingerprint


def test_a_later_word_of_the_operator_replaces_the_former(desk: Desk) -> None:
    """Also if it is shorter."""
    desk.run("bench", "default", "--until", "9h")
    told = desk.json("bench", "default", "--until", "1h")
    assert told["limit"]["detail"] == "benched by hand"
    assert len(desk.json("status")["buckets"][0]["limits"]) == 1
    assert desk.json("status", "--at", "2h")["buckets"][0]["limits"] == []


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("bench", "nobody", "--until", "1h"), "BUCKET: 'nobody' is none of anthropic's: default, claudius, team"),
        (("bench", "default", "--until", "soon"), "--until: 'soon' is no moment"),
        (("bench", "default", "--until", "2020-01-01"), "--until: '2020-01-01' is not after now"),
        (("bench", "default"), "Missing option '--until'"),
        (("clear",), "BUCKET: name the buckets, or say --all"),
        (("clear", "default", "--all"), "BUCKET: name the buckets, or say --all"),
        (("clear", "nobody"), "BUCKET: 'nobody' is none of"),
        (("status", "--at", "25:00"), "--at: '25:00' is no moment"),
        (("status", "--watch", "--at", "1h"), "--at: --watch shows what is now"),
        (("status", "--provider", "openai"), "--provider: 'openai' is none of anthropic"),
    ],
)
def test_a_users_mistake_is_one_clear_line(desk: Desk, arguments: tuple[str, ...], problem: str) -> None:
    """It names the field and the value, loses nothing, and shows no stack trace."""
    assert desk.run(*arguments, status=64) == ""
    assert problem in desk.error
    assert desk.error.count("\n") == 1
    assert len(desk.json("status")["buckets"][1]["limits"]) == 1


def test_several_providers_are_told_apart_by_name(desk: Desk) -> None:
    """And none is chosen for the user."""
    desk.profile.write_text(_PROFILE + '\n[openai]\nbuckets = ["default"]\n')
    desk.run("status", status=64)
    assert "--provider: name one of anthropic, openai" in desk.error
    assert desk.json("status", "--provider", "openai")["provider"] == "openai"


def test_files_come_from_the_environment(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else from the platform's folders."""
    monkeypatch.setenv("BUCKET_FAILOVER_PROFILE", str(desk.profile))
    monkeypatch.setenv("BUCKET_FAILOVER_STORE", str(desk.store))
    assert run(["clear", "--all"]) == 0
    monkeypatch.delenv("BUCKET_FAILOVER_PROFILE")
    monkeypatch.delenv("BUCKET_FAILOVER_STORE")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(desk.store.parent / "nothing"))
    monkeypatch.setenv("XDG_DATA_HOME", str(desk.store.parent / "nothing"))
    assert run(["status"]) == 64


def test_a_store_that_cannot_be_opened_is_one_clear_line(desk: Desk) -> None:
    """It names the file."""
    desk.store.unlink()
    desk.store.mkdir()
    desk.run("status", status=64)
    assert "buckets.db: the token store could not be opened" in desk.error


def test_watch_prints_again_and_again_until_interrupted(desk: Desk) -> None:
    """To a pipe one document after the other; it sees what another process changes; Ctrl-C ends it with 130."""
    command = watching(desk, "--json")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "{\n"
        desk.run("bench", "default", "--until", "1h")
        assert any("operator" in line for line in process.stdout)
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.wait(timeout=10) == 130
        assert process.stderr.read() == ""


def test_watch_refreshes_in_place_on_a_terminal(desk: Desk) -> None:
    """The cursor goes back up instead of the table scrolling by."""
    command = watching(desk)
    master, slave = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "120"}
    with subprocess.Popen(command, stdout=slave, stderr=slave, env=environment) as process:
        os.close(slave)
        told = b""
        while told.count(b"claudius") < 4:
            told += os.read(master, 4_096)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 130
    os.close(master)
    assert b"\x1b[1A" in told or b"\x1b[2K" in told


def test_a_reader_that_has_seen_enough_is_no_error(desk: Desk) -> None:
    """`bucket-failover status --watch | head -1`."""
    with subprocess.Popen(watching(desk), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


@pytest.mark.parametrize("command", ["status", "explain", "bench", "clear"])
def test_help_has_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """And the exit statuses."""
    assert run([command, "--help"]) == 0
    told = capsys.readouterr().out
    assert "Examples" in told
    assert "Exit status" in told


def test_brackets_are_text(desk: Desk) -> None:
    """What a user or a provider has written is no markup."""
    desk.run("bench", "default", "--until", "1h", "--reason", "[/x] keep [cheap] one")
    assert "[/x] keep [cheap]" in " ".join(desk.run("status").split())


def test_explain_tells_what_rules_out_each_other_one(desk: Desk) -> None:
    """Those that the decision had no need to look at, too."""
    desk.run("bench", "team", "--until", "1h", "--reason", "kept")
    told = desk.run("explain")
    assert "- team: an operator has benched it until" in told
    assert "(kept)" in told
