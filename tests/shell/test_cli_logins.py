"""The commands `login` and `logout`, and what `import` shares with them: real files, a real issuer, and a browser."""

import io
import json
import os
import pty
import signal
import subprocess
import sys
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from bucket_failover import OAuthToken, SqliteTokenStore
from tests.shell.test_cli_limits import Desk
from tests.support.issuer import OAuthServer, browser
from tests.support.people import as_a_person

_BUCKETS: Final = '[anthropic]\nbuckets = ["default", "claudius", { name = "team", api_key = true }]\n'
_SECRET: Final = "s3cret-that-nobody-sees"
_PROGRAM: Final = str(Path(sys.executable).with_name("bucket-failover"))


class Office(Desk):
    """A desk with an issuer, and a browser on it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], server: OAuthServer) -> None:
        super().__init__(folder, capsys)
        self.server = server
        self.profile.write_text(_BUCKETS + server.table())

    def token(self, bucket: str) -> OAuthToken | None:
        """What is stored."""
        with SqliteTokenStore(self.store) as tokens:
            return tokens.read("anthropic", bucket)

    def secret(self, bucket: str) -> str:
        """Its access token."""
        token = self.token(bucket)
        return "" if token is None else token.access_token.get_secret_value()

    def owner(self, bucket: str) -> str | None:
        """Whose token is stored, if the issuer takes it."""
        return self.server.owner(self.secret(bucket))

    def command(self, name: str, *arguments: str) -> list[str]:
        """The same as a user starts it."""
        files = ["--profile", str(self.profile), "--store", str(self.store)]
        return as_a_person([sys.executable, _PROGRAM, name, *files, *arguments])


@pytest.fixture
def office(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """Three buckets, none of which has anything."""
    monkeypatch.setenv("BROWSER", browser(tmp_path))
    # Else whatever an earlier test has found out about browsers would count.
    monkeypatch.setattr(webbrowser, "_tryorder", None)
    monkeypatch.setattr(webbrowser, "_browsers", {})
    server = OAuthServer(device_seconds=(60, 1))
    with server.serve():
        yield Office(tmp_path, capsys, server)


def pipe(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Text on stdin."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


@pytest.mark.requirement("REQ-1598-FR01")
def test_login_opens_a_browser(office: Office) -> None:
    """The address is printed as well; stdout is empty."""
    assert office.run("login", "anthropic", "claudius") == ""
    first, address, *_, last = office.error.splitlines()
    assert first == "anthropic claudius: to log in, open"
    assert address.startswith(f"  {office.server.url}/authorize?response_type=code&")
    assert last.startswith("claudius: logged in with a token until ")
    assert last.endswith(", which can be refreshed")
    assert office.owner("claudius") == "claudius"
    assert office.token("default") is None
    assert office.secret("claudius") not in office.error


def test_the_browser_inherits_no_key(office: Office, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It, and whatever it starts, lives on with its environment; the command has its key again afterwards."""
    monkeypatch.setenv("BUCKET_FAILOVER_KEY", "s3cret-key")
    seen = tmp_path / "environment"
    writing = f"import os, pathlib; pathlib.Path({str(seen)!r}).write_text(repr(dict(os.environ)))"
    (script := tmp_path / "spy.py").write_text(f"{writing}\n{(tmp_path / 'browser.py').read_text()}")
    monkeypatch.setenv("BROWSER", f"{sys.executable} -I {script} %s")
    office.run("login", "anthropic", "claudius")
    assert office.owner("claudius") == "claudius"
    assert "BROWSER" in seen.read_text()
    assert "s3cret-key" not in seen.read_text()
    assert os.environ["BUCKET_FAILOVER_KEY"] == "s3cret-key"


def test_login_that_is_declined(office: Office) -> None:
    """Exit status 1; the others are asked all the same."""
    office.server.answers["default"] = "no"
    office.run("login", "anthropic", "default", "claudius", status=1)
    assert "default: not logged in: the user said no\n" in office.error
    assert (office.token("default"), office.owner("claudius")) == (None, "claudius")


def test_login_without_a_browser_prints_the_address(office: Office) -> None:
    """And waits for the user to open it, no longer than allowed."""
    office.run("login", "anthropic", "default", "--no-browser", "--timeout", "1", status=1)
    first, address, last = office.error.splitlines()
    assert first == "anthropic default: to log in, open"
    assert "/authorize?" in address
    assert last == "default: not logged in: the user has not answered within 1 s"
    assert office.server.windows == []


def test_login_with_a_code_that_is_typed_elsewhere(office: Office) -> None:
    """The code, where to type it, and until when."""
    office.run("login", "anthropic", "default", "--device")
    told = office.error
    (device,) = office.server.devices.values()
    assert (
        f"anthropic default: to log in, open\n  {office.server.url}/device\nand type {device.user_code} (until " in told
    )
    assert f"or open\n  {office.server.url}/device?user_code={device.user_code}\n" in told
    assert office.owner("default") == "default"


def test_login_to_all_that_need_one(office: Office) -> None:
    """Not to those that are logged in, or can be refreshed; then there is nothing to do."""
    office.profile.write_text('[anthropic]\nbuckets = ["default", "claudius", "third"]\n' + office.server.table())
    office.log_in("claudius", lifetime=-1.0, refresh_token="r")
    office.run("login", "anthropic")
    assert office.server.windows == ["default", "third"]
    told = office.run("login", "anthropic")
    assert told == "anthropic: every bucket has a usable token or can be refreshed; name one to log in anew\n"
    assert office.run("login", "anthropic", "default") == ""
    assert office.server.windows == ["default", "third", "default"]


def test_login_as_json(office: Office) -> None:
    """Machines read stdout; the user is asked on stderr."""
    office.server.answers["claudius"] = "no"
    told = office.json("login", "anthropic", "default", "claudius", status=1)
    problems = {
        "default": {"problem": None, "notes": []},
        "claudius": {"problem": "the user said no", "notes": []},
    }
    assert told == {"provider": "anthropic", "buckets": problems}
    assert office.error.count("to log in, open") == 2
    assert office.json("login", "anthropic", "default")["buckets"]["default"]["problem"] is None


def test_a_note_on_a_login_is_told_to_machines_as_well(office: Office) -> None:
    """A scope that the issuer has not granted."""
    office.server.refused_scopes.add("offline_access")
    office.profile.write_text(
        '[anthropic]\nbuckets = ["default", "claudius"]\n' + office.server.table(scopes=["chat", "offline_access"])
    )
    told = office.json("login", "anthropic", "default")["buckets"]["default"]
    assert told == {"problem": None, "notes": ["default: the issuer has not granted offline_access"]}
    assert told["notes"][0] in office.error


def test_login_goes_on_after_a_key_that_the_user_cannot_type(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no terminal; the other buckets are asked for, and JSON is printed."""
    pipe(monkeypatch, "")
    told = office.json("login", "anthropic", "team", "default", status=1)
    assert "there is no terminal" in told["buckets"]["team"]["problem"]
    assert told["buckets"]["default"]["problem"] is None


def test_login_where_the_profile_has_no_issuer(office: Office) -> None:
    """It says what else there is; so it does where the issuer has no such login."""
    office.profile.write_text(_BUCKETS)
    office.run("login", "anthropic", "default", status=1)
    assert "the profile has no table [anthropic.oauth]; `bucket-failover import` stores a token" in office.error
    office.profile.write_text(_BUCKETS + office.server.table(device_authorization_endpoint=None))
    office.run("login", "anthropic", "default", "--device", status=1)
    assert "default: not logged in: the profile has no endpoint" in office.error


@pytest.mark.parametrize("how", ["--no-browser", "--device"])
def test_ctrl_c_ends_a_login(office: Office, how: str) -> None:
    """130, no stack trace, and nothing is left: the next one is asked at once."""
    office.server.answers["default"] = "away"
    command = office.command("login", "anthropic", "default", how)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stderr.readline() == "anthropic default: to log in, open\n"
        process.send_signal(signal.SIGINT)
        assert "Traceback" not in process.stderr.read()
        assert process.wait(timeout=10) == 130
    office.server.answers["default"] = "yes"
    office.run("login", "anthropic", "default")
    assert office.owner("default") == "default"


def test_logout_is_revoked(office: Office) -> None:
    """The token is gone here, and refused there; a second time there is none."""
    office.run("login", "anthropic", "default")
    secret = office.secret("default")
    assert office.run("logout", "anthropic", "default") == (
        "default: logged out, and the issuer has forgotten the login\n"
    )
    assert (office.token("default"), office.server.owner(secret)) == (None, None)
    assert office.run("logout", "anthropic", "default") == "default: there was no token\n"


def test_logout_that_the_issuer_does_not_hear_of(office: Office) -> None:
    """The token is gone all the same, and the user is told."""
    office.log_in("default")
    office.log_in("claudius")
    office.profile.write_text(_BUCKETS + office.server.table(revocation_endpoint="http://127.0.0.1:1/revoke"))
    told = office.run("logout", "anthropic", "default", status=1)
    assert told.startswith("default: logged out here, but the issuer still knows the login: the issuer could not be ")
    office.profile.write_text(_BUCKETS + office.server.table(revocation_endpoint=None))
    assert "the issuer was not asked" in office.run("logout", "anthropic", "claudius")
    assert (office.token("default"), office.token("claudius")) == (None, None)


def test_logout_of_all(office: Office) -> None:
    """As JSON; a key is removed, and no issuer is asked about it."""
    office.run("login", "anthropic", "default")
    office.log_in("team", token_type="api-key")
    told = office.json("logout", "anthropic", "--all")
    assert told["buckets"] == {
        "default": {"had_token": True, "api_key": False, "revoked": True, "problem": None},
        "claudius": {"had_token": False, "api_key": False, "revoked": False, "problem": None},
        "team": {"had_token": True, "api_key": True, "revoked": False, "problem": None},
    }


@pytest.mark.parametrize("command", [("import", "anthropic", "team"), ("login", "anthropic", "team")])
def test_a_key_is_typed_without_an_echo(office: Office, command: tuple[str, ...]) -> None:
    """At a terminal, both commands ask for it."""
    master, slave = pty.openpty()
    told = b""
    with subprocess.Popen(
        office.command(*command), stdin=slave, stdout=slave, stderr=slave, start_new_session=True
    ) as process:
        os.close(slave)
        while b"API key: " not in told:
            told += os.read(master, 4_096)
        os.write(master, f"{_SECRET}\n".encode())
        told += _rest(master)
        assert process.wait(timeout=10) == 0
    os.close(master)
    assert _SECRET.encode() not in told
    assert office.secret("team") == _SECRET


def _rest(master: int) -> bytes:
    told = b""
    while True:
        try:
            part = os.read(master, 4_096)
        except OSError:  # Linux says so when the other end has gone
            return told
        if part == b"":
            return told
        told += part


def test_a_provider_is_named_where_there_are_several(office: Office) -> None:
    """As an option, as in every command, or before the buckets; with one provider, not at all."""
    for arguments in (("claudius",), ("anthropic", "claudius"), ("claudius", "--provider", "anthropic")):
        office.log_in("claudius")
        told = json.loads(office.run("logout", *arguments, "--json"))
        assert (told["provider"], list(told["buckets"])) == ("anthropic", ["claudius"])
    office.profile.write_text(office.profile.read_text() + '\n[openai]\nbuckets = ["anthropic", "mine"]\n')
    assert "PROVIDER: name one of anthropic, openai" in (office.run("logout", "mine", status=64) or office.error)
    told = json.loads(office.run("logout", "--provider", "openai", "anthropic", "--json"))
    assert (told["provider"], list(told["buckets"])) == ("openai", ["anthropic"])


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("login", "openai"), "BUCKET: 'openai' is none of anthropic's: default, claudius, team"),
        (("login", "anthropic", "nobody"), "BUCKET: 'nobody' is none of anthropic's: default, claudius, team"),
        (("login", "--provider", "openai"), "PROVIDER: 'openai' is none of anthropic"),
        (("login", "anthropic", "--timeout", "0"), "'--timeout'"),
        (("login", "anthropic", "--timeout", "nan"), "'--timeout'"),
        (("logout", "anthropic"), "BUCKET: name the buckets, or say --all"),
        (("logout", "anthropic", "default", "--all"), "BUCKET: name the buckets, or say --all"),
        (("logout", "anthropic", "nobody"), "BUCKET: 'nobody' is none of"),
        (("import", "anthropic"), "BUCKET: name the one that gets the token"),
        (("import", "default", "team"), "BUCKET: one at a time"),
    ],
)
def test_a_mistake_is_one_clear_line(office: Office, arguments: tuple[str, ...], problem: str) -> None:
    """It changes nothing."""
    office.log_in("default")
    assert office.run(*arguments, status=64) == ""
    assert problem in office.error
    assert office.error.count("\n") == 1
    assert office.secret("default") == "secret-of-default"


@pytest.mark.parametrize("command", ["login", "logout", "import"])
def test_help_has_examples(command: str, office: Office) -> None:
    """And the exit statuses."""
    told = office.run(command, "--help")
    assert "Examples" in told
    assert "Exit status" in told


def test_login_tells_of_scopes_that_were_not_granted(office: Office) -> None:
    """The issuer grants what it likes (RFC 6749, 3.3); the login is stored, and the user told."""
    office.server.refused_scopes.add("write")
    office.profile.write_text(_BUCKETS + office.server.table(scopes=["read", "write"]))
    office.run("login", "anthropic", "default")
    assert office.error.splitlines()[-1] == "default: the issuer has not granted write"
    assert office.owner("default") == "default"
