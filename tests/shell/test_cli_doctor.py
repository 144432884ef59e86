"""The command `doctor`, on real files and with an issuer that is there, or is not."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final

import pytest

from bucket_failover import Limit, OAuthToken, SqliteTokenStore
from tests.shell.test_cli_limits import Desk
from tests.support.issuer import OAuthServer

_BUCKETS: Final = '[anthropic]\nbuckets = ["default", "claudius", { name = "team", api_key = true }]\n'


class Practice(Desk):
    """A desk, and what the doctor finds there."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (folder / "private").mkdir(mode=0o700)
        super().__init__(folder / "private", capsys)
        self.profile.write_text(_BUCKETS)
        self.log_in("default", refresh_token="r")
        self.log_in("claudius")
        with SqliteTokenStore(self.store) as tokens:
            tokens.write("anthropic", "team", OAuthToken.from_api_key("secret-of-team"))

    def spoil(self, table: str) -> None:
        """Damage a table of the store, as a bad disk does."""
        connection = sqlite3.connect(self.store)
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        question = "SELECT rootpage FROM sqlite_master WHERE name = ?"
        (page,) = connection.execute(question, (table,)).fetchone()
        connection.close()
        with self.store.open("r+b") as file:
            file.seek((page - 1) * size)
            file.write(b"\xff" * size)

    def checks(self, *options: str, status: int = 0) -> dict[str, list[tuple[str, str]]]:
        """State and text of each check, by what it is about."""
        found: dict[str, list[tuple[str, str]]] = {}
        for check in self.json("doctor", *options, status=status)["checks"]:
            found.setdefault(check["about"], []).append((check["state"], check["text"]))
        return found


@contextmanager
def clock_that_is_off(seconds: float) -> Iterator[str]:
    """An issuer whose clock goes otherwise; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response_only(404)
            self.send_header("date", formatdate(time.time() + seconds, usegmt=True))
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/token"
        server.shutdown()
        thread.join()


def issuer(address: str) -> str:
    """The table of an issuer that can refresh."""
    return f'[anthropic.oauth]\ntoken_endpoint = "{address}"\nclient_id = "test"\n'


@pytest.fixture
def practice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Practice:
    """Three buckets in good health."""
    return Practice(tmp_path, capsys)


def test_all_is_well(practice: Practice) -> None:
    """Every check says so, and none shows a secret or sends more than an empty question."""
    server = OAuthServer()
    with server.serve():
        practice.profile.write_text(_BUCKETS + server.table())
        told = practice.run("doctor")
    lines = [line.split(maxsplit=2) for line in told.splitlines()]
    assert [line[1] for line in lines if line[0] != "ok"] == ["secrets"], "which are not sealed here"
    assert [line[1] for line in lines] == [
        *("store", "permissions", "secrets", "locks"),
        *("endpoint", "endpoint", "endpoint", "clock"),
        *("bucket", "bucket", "bucket"),
    ]
    assert "secret-of" not in told
    assert (server.forms, server.issued) == ([], [])


def test_offline_no_issuer_is_asked(practice: Practice) -> None:
    """The rest is checked as ever."""
    practice.profile.write_text(_BUCKETS + issuer("http://127.0.0.1:1/token"))
    found = practice.checks("--offline")
    assert list(found) == ["store", "permissions", "secrets", "locks", "bucket"]
    assert found["bucket"] == [("ok", "default: usable"), ("ok", "claudius: usable"), ("ok", "team: usable")]


def test_an_issuer_that_cannot_be_reached(practice: Practice) -> None:
    """Exit status 1; the address is named, and the other checks go on."""
    practice.profile.write_text(_BUCKETS + issuer("http://127.0.0.1:1/token"))
    found = practice.checks(status=1)
    assert found["endpoint"] == [("failure", "http://127.0.0.1:1/token: cannot be reached (ConnectError)")]
    assert "clock" not in found
    assert len(found["bucket"]) == 3
    assert "failure endpoint     http://127.0.0.1:1/token" in practice.run("doctor", status=1)


@pytest.mark.parametrize(
    ("seconds", "state", "text"),
    [
        (0.0, "ok", "within 1 s of the issuer's"),
        (-50.0, "ok", "within 5"),
        (-200.0, "warning", " s ahead of the issuer's; set it, or tokens end at the wrong time"),
        (200.0, "warning", " s behind the issuer's; set it, or tokens end at the wrong time"),
    ],
)
def test_a_clock_that_is_off(practice: Practice, seconds: float, state: str, text: str) -> None:
    """As the issuer's Date header tells; an answer of 404 is one, too."""
    with clock_that_is_off(seconds) as address:
        practice.profile.write_text(_BUCKETS + issuer(address))
        found = practice.checks()
    ((told, words),) = found["clock"]
    assert told == state
    assert text in words


def test_permissions_that_are_lax(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store's own folder, and a profile with a client secret in it; with the command that helps."""
    monkeypatch.setattr("bucket_failover.cli.checks.own_folder", lambda: practice.store.parent)
    practice.store.parent.chmod(0o755)
    practice.profile.write_text(_BUCKETS + issuer("http://127.0.0.1:1/token"))
    practice.profile.chmod(0o644)
    ((state, text),) = practice.checks("--offline")["permissions"]
    assert (state, text.split("; run: ")[1]) == ("warning", f"chmod go-rwx {practice.store.parent}")
    practice.profile.write_text(_BUCKETS + issuer("http://127.0.0.1:1/token") + 'client_secret = "s3cret"\n')
    told = " ".join(practice.run("doctor", "--offline").split())
    assert f"chmod go-rwx {practice.store.parent} {practice.profile}" in told
    assert "s3cret" not in told
    practice.store.parent.chmod(0o700)
    practice.profile.chmod(0o600)
    assert practice.checks("--offline")["permissions"][0][0] == "ok"


def test_a_store_that_is_damaged(practice: Practice) -> None:
    """Exit status 1, and what to do; what its buckets hold cannot be told."""
    practice.spoil("token")
    found = practice.checks("--offline", status=1)
    assert found["store"] == [
        ("failure", f"{practice.store}: damaged; repair it, restore a copy, or move it away and log in again")
    ]
    assert all("the token store could not answer" in text for _, text in found["bucket"])
    assert "advice" not in found


def test_a_store_that_is_damaged_all_over(practice: Practice) -> None:
    """The session's bucket cannot be read either; that is told, too, and what was found before is not lost."""
    practice.spoil("token")
    practice.spoil("session_bucket")
    assert practice.checks("--offline", status=1)["store"][0][0] == "failure"


def test_a_file_that_is_no_store(practice: Practice) -> None:
    """That is what a doctor is asked about."""
    practice.store.write_bytes(b"no database" * 1_000)
    assert "move it away" in practice.checks("--offline", status=1)["store"][0][1]


def test_a_folder_that_is_not_ours_is_left_alone(practice: Practice) -> None:
    """A user who keeps a store in /tmp must not be told to close /tmp."""
    practice.store.parent.chmod(0o1777)
    ((state, text),) = practice.checks("--offline")["permissions"]
    practice.store.parent.chmod(0o700)
    assert (state, "chmod" in text) == ("ok", False)


def test_a_login_that_is_under_way(practice: Practice) -> None:
    """Another program has a window open."""
    with SqliteTokenStore(practice.store) as tokens:
        lease = tokens.try_lease("anthropic", "claudius", "login")
        assert lease is not None
        found = practice.checks("--offline")
        lease.release()
    assert ("ok", "claudius: a program is asking for a login right now") in found["locks"]


def test_advice_is_tried_before_it_is_given(practice: Practice) -> None:
    """Spent, or without a token, or both: a login to the latter helps only when its limit has ended."""
    practice.profile.write_text(_BUCKETS + issuer("http://127.0.0.1:1/token"))
    until = practice.now + 9_000.0
    limit = Limit(until=until, window="5h", source="operator", detail="kept", observed_at=practice.now)
    practice.log_in("default", refresh_token="r")
    practice.believe("default", limit)
    ((_, wait),) = practice.checks("--offline")["advice"]
    assert wait.startswith("wait for default; it can be used from ")
    assert wait.endswith(": bucket-failover clear --provider anthropic default, if you know better")

    practice.log_in("default", lifetime=-1.0)
    ((_, both),) = practice.checks("--offline")["advice"]
    assert both.startswith("log in to default; it can be used from ")
    assert both.endswith(" on: bucket-failover login anthropic default")
    assert wait.split(" from ")[1].split(" on: ")[0] == both.split(" from ")[1].split(" on: ")[0]

    practice.run("clear", "default")
    assert practice.checks("--offline")["advice"] == [
        ("warning", "log in to default: bucket-failover login anthropic default")
    ]


def test_an_endpoint_that_is_not_there_is_no_answer(practice: Practice) -> None:
    """The server is, and the path is not."""
    server = OAuthServer()
    with server.serve():
        practice.profile.write_text(_BUCKETS + server.table(token_endpoint=f"{server.url}/tokn"))
        found = practice.checks()["endpoint"]
    assert ("warning", f"{server.url}/tokn: the server answers 404; is the path right?") in found
    assert ("ok", f"{server.url}/authorize: answers") in found


def test_a_key_that_is_missing(practice: Practice) -> None:
    """It is stored, not logged in for; a bucket that can be refreshed needs no advice."""
    practice.profile.write_text(
        f'{_BUCKETS}[anthropic.oauth]\ntoken_endpoint = "https://issuer.example/token"\nclient_id = "x"\n'
    )
    practice.log_in("default", lifetime=-1.0, refresh_token="r")
    with SqliteTokenStore(practice.store) as tokens:
        tokens.delete("anthropic", "team")
    found = practice.checks("--offline")
    assert found["advice"] == [("warning", "store a valid API key for team: bucket-failover import anthropic team")]
    assert ("warning", "team: no API key is stored") in found["bucket"]


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ('token_endpoint = "http://example.com"\nclient_id = "x"', "oauth.token_endpoint: an endpoint is https"),
        ('token_endpoint = "https://e.com"\nclient_id = "x"\nclient_secret = 53021598', "client_secret: it is no text"),
        ('token_endpoint = "https://x:53021598@e.com"\nclient_id = "x"', "an endpoint has no user and no password"),
        ('token_endpoint = "https://e.com"\nclient_id = "x"\nsecret = "53021598"', "oauth.secret: there is no such"),
    ],
)
def test_a_profile_that_does_not_fit(practice: Practice, table: str, problem: str) -> None:
    """One clear line, which may not show what may be a secret."""
    practice.profile.write_text(f"{_BUCKETS}[anthropic.oauth]\n{table}\n")
    assert practice.run("doctor", status=64) == ""
    assert problem in practice.error
    assert "53021598" not in practice.error
    assert practice.error.count("\n") == 1


def test_help_has_examples(practice: Practice) -> None:
    """And the exit statuses."""
    told = practice.run("doctor", "--help")
    assert "Examples" in told
    assert "Exit status" in told


def test_where_the_user_cannot_log_in_a_token_has_to_come_from_elsewhere(practice: Practice) -> None:
    """The profile names no issuer, so `login` would only say so."""
    practice.profile.write_text(_BUCKETS)
    practice.log_in("default", lifetime=-1.0)
    ((_, text),) = practice.checks("--offline")["advice"]
    assert text == "log in to default: bucket-failover import anthropic default"
