"""The command `renew`, on a real file and with a real issuer."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

import pytest

from bucket_failover import OAuthToken, SqliteTokenStore
from tests.shell.test_cli_limits import Desk
from tests.support.issuer import Issued, Login, OAuthServer
from tests.support.people import as_a_person

_BUCKETS: Final = '[anthropic]\nbuckets = ["default", "claudius", "third"]\n'


class Watchman(Desk):
    """A desk with an issuer."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], server: OAuthServer) -> None:
        super().__init__(folder, capsys)
        self.server = server
        self.profile.write_text(_BUCKETS + server.table())

    def grant(self, bucket: str, *, age: float, lifetime: float = 3_600.0) -> None:
        """A login of some time ago, which the issuer knows."""
        issued = Issued(Login(bucket, "test", ""), f"secret-of-{bucket}", f"refresh-of-{bucket}", self.now)
        self.server.issued.append(issued)
        known = {"refresh_token": issued.refresh_token, "issued_at": self.now - age}
        self.log_in(bucket, lifetime=lifetime - age, **known)

    def token(self, bucket: str) -> OAuthToken:
        """What is stored."""
        with SqliteTokenStore(self.store) as tokens:
            token = tokens.read("anthropic", bucket)
        assert token is not None
        return token

    def owner(self, bucket: str) -> str | None:
        """Whose token is stored, if the issuer takes it."""
        return self.server.owner(self.token(bucket).access_token.get_secret_value())


@pytest.fixture
def watchman(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Watchman]:
    """No user is logged in yet."""
    server = OAuthServer()
    with server.serve():
        yield Watchman(tmp_path, capsys, server)


def test_a_bucket_is_renewed_now_whether_it_is_time_or_not(watchman: Watchman) -> None:
    """The one that is named, or all; what cannot be is said, and the exit status tells."""
    watchman.grant("default", age=10.0)
    watchman.grant("claudius", age=10.0)
    before = watchman.token("claudius")
    assert " default: renewed until " in watchman.run("renew", "default", "--now")
    assert watchman.owner("default") == "default"
    assert watchman.token("claudius") == before
    told = watchman.run("renew", "--now", status=1).splitlines()
    assert [line.split(": ")[1].split(" ")[0] for line in told] == ["renewed", "renewed", "not"]
    assert watchman.owner("claudius") == "claudius"
    events = [json.loads(line) for line in watchman.run("renew", "third", "--now", "--json", status=1).splitlines()]
    assert [(event["event"], event["bucket"]) for event in events] == [("renewal-failed", "third")]


@pytest.mark.requirement("REQ-1598-PR02")
def test_what_is_due_is_renewed(watchman: Watchman) -> None:
    """Past four fifths of its life, or ended; what is younger, cannot be refreshed, or is not there is left alone."""
    watchman.grant("default", age=3_000.0)
    watchman.grant("claudius", age=600.0)
    told = watchman.run("renew")
    first, last = told.splitlines()
    assert " default: renewed until " in first
    assert last.startswith("The next renewal is at ")
    assert watchman.owner("default") == "default"
    assert watchman.token("default").expiry == pytest.approx(watchman.now + 3_600.0, abs=30.0)
    assert watchman.token("claudius").access_token.get_secret_value() == "secret-of-claudius"
    assert [form["refresh_token"] for _, form in watchman.server.forms] == ["refresh-of-default"]
    assert watchman.run("renew").count("\n") == 1
    assert len(watchman.server.forms) == 1


def test_nothing_is_there_to_renew(watchman: Watchman) -> None:
    """Where the profile names no issuer, nothing can be renewed, and that is said."""
    assert watchman.run("renew") == "No renewal is in sight.\n"
    assert watchman.error == "default: not logged in\nclaudius: not logged in\nthird: not logged in\n"
    watchman.profile.write_text(_BUCKETS)
    watchman.log_in("default")
    assert watchman.run("renew", status=64) == ""
    assert "the profile has no table [anthropic.oauth], so nothing can be renewed" in watchman.error


def test_why_a_token_has_no_renewal_ahead_of_its_end(watchman: Watchman) -> None:
    """Each of them is named, in JSON as well; a key does not end, and is no news."""
    names = 'buckets = ["default", "claudius", "third", { name = "team", api_key = true }]'
    watchman.profile.write_text(f"[anthropic]\n{names}\n" + watchman.server.table())
    watchman.grant("default", age=10.0, lifetime=240.0)
    watchman.log_in("claudius")
    assert watchman.run("renew") == "No renewal is in sight.\n"
    assert watchman.error.splitlines() == [
        "default: lives five minutes at most, so it is refreshed when a call needs it",
        "claudius: has no refresh token, so a login is needed when it ends",
        "third: not logged in",
    ]
    told = json.loads(watchman.run("renew", "--json"))
    assert told["not_renewable"] == {"default": "short-lived", "claudius": "not-refreshable", "third": "no-token"}
    assert watchman.server.forms == []
    with SqliteTokenStore(watchman.store) as tokens:  # a key that the profile does not announce is one all the same
        tokens.write("anthropic", "claudius", OAuthToken.from_api_key("key"))
    assert json.loads(watchman.run("renew", "--json"))["not_renewable"] == {
        "default": "short-lived",
        "third": "no-token",
    }


@pytest.mark.requirement("REQ-1598-PR04")
def test_a_renewal_that_is_refused(watchman: Watchman) -> None:
    """Exit status 1; the others are renewed, and the token that still lives stays."""
    watchman.grant("default", age=3_000.0)
    watchman.grant("claudius", age=3_000.0)
    watchman.server.issued[0].login.is_live = False
    told = watchman.run("renew", status=1)
    assert "default: not renewed (the issuer has refused; a login is needed); not tried again\n" in told
    assert watchman.owner("claudius") == "claudius"
    assert watchman.token("default").access_token.get_secret_value() == "secret-of-default"


@pytest.mark.requirement("REQ-1598-PR04")
def test_an_issuer_that_cannot_be_reached(watchman: Watchman) -> None:
    """It is tried again, at a moment that is told."""
    watchman.grant("default", age=3_000.0)
    watchman.profile.write_text(_BUCKETS + watchman.server.table(token_endpoint="http://127.0.0.1:1/token"))
    told = watchman.run("renew", status=1)
    assert "default: not renewed (default: the issuer could not be reached (ConnectError)); tried again at " in told


def test_renewals_as_json(watchman: Watchman) -> None:
    """A line for each outcome, and one for the next moment."""
    watchman.grant("default", age=3_000.0)
    watchman.grant("claudius", age=3_000.0)
    watchman.server.issued[1].login.is_live = False
    lines = [json.loads(line) for line in watchman.run("renew", "--json", status=1).splitlines()]
    renewed, failed = sorted(lines[:-1], key=lambda line: str(line["bucket"]), reverse=True)
    assert (lines[-1]["event"], lines[-1]["wake_at"]) == ("looked", pytest.approx(watchman.now + 2_880.0, abs=30.0))
    assert (renewed["event"], renewed["bucket"]) == ("token-renewed", "default")
    assert renewed["expiry"] == watchman.token("default").expiry
    assert (failed["event"], failed["bucket"], failed["retry_at"]) == ("renewal-failed", "claudius", None)
    assert watchman.run("renew", "--provider", "anthropic", "--json", status=1).count("\n") == 2


def watching(watchman: Watchman, *options: str) -> "subprocess.Popen[str]":
    """`renew --watch`, as a user starts it."""
    program = str(Path(sys.executable).with_name("bucket-failover"))
    files = ["--profile", str(watchman.profile), "--store", str(watchman.store)]
    command = as_a_person([sys.executable, program, "renew", "--watch", *files, *options])
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def interrupted(process: "subprocess.Popen[str]") -> str:
    """What it says until Ctrl-C has ended it; nothing on stderr."""
    process.send_signal(signal.SIGINT)
    rest = _file(process.stdout).read()
    assert process.wait(timeout=10) == 130
    assert _file(process.stderr).read() == ""
    return rest


def _file(file: IO[str] | None) -> IO[str]:
    assert file is not None
    return file


def test_watch_renews_until_interrupted(watchman: Watchman) -> None:
    """At once what is due; then it waits, and says for what. Ctrl-C ends it with 130 and no stack trace."""
    watchman.grant("default", age=3_000.0)
    with watching(watchman) as process:
        out = _file(process.stdout)
        assert " default: renewed until " in out.readline()
        waiting = out.readline()
        assert waiting.startswith("Watching. The next renewal is at ")
        assert waiting.endswith(" Ctrl-C ends it.\n")
        assert interrupted(process) == ""
    assert watchman.owner("default") == "default"


def test_watch_as_json(watchman: Watchman) -> None:
    """A line for each outcome, at once."""
    watchman.grant("default", age=3_000.0)
    watchman.grant("claudius", age=3_000.0)
    with watching(watchman, "--json") as process:
        lines: list[dict[str, Any]] = [json.loads(_file(process.stdout).readline()) for _ in range(2)]
        assert interrupted(process) == ""
    assert {(line["event"], line["bucket"]) for line in lines} == {
        ("token-renewed", "default"),
        ("token-renewed", "claudius"),
    }
    assert (watchman.owner("default"), watchman.owner("claudius")) == ("default", "claudius")


def test_a_reader_that_has_seen_enough_is_no_error(watchman: Watchman) -> None:
    """`bucket-failover renew --watch | head -1`, when the next line is due."""
    watchman.grant("default", age=3_000.0)
    with watching(watchman) as process:
        _file(process.stdout).close()
        assert _file(process.stderr).read() == ""
    assert process.returncode == 141


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--provider", "openai"), "--provider: 'openai' is none of anthropic"),
        (("nobody",), "BUCKET: 'nobody' is none of anthropic's"),
        (("--now", "--watch"), "--now: --watch waits for each token's time"),
    ],
)
def test_a_mistake_is_one_clear_line(watchman: Watchman, arguments: tuple[str, ...], problem: str) -> None:
    """And nothing is renewed."""
    watchman.grant("default", age=3_000.0)
    assert watchman.run("renew", *arguments, status=64) == ""
    assert problem in watchman.error
    assert watchman.server.forms == []


def test_help_has_examples(watchman: Watchman) -> None:
    """And the exit statuses."""
    told = watchman.run("renew", "--help")
    assert "Examples" in told
    assert "Exit status" in told
