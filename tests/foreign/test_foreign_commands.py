"""The command line with authorization servers that other people wrote: a new user, an empty home, a real browser."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from bucket_failover import OAuthToken, SqliteTokenStore
from tests.foreign.person import command
from tests.foreign.servers import LIFETIME_SECONDS, ForeignServer
from tests.foreign.users import PROVIDER

pytestmark = pytest.mark.slow

_PROGRAM: Final = str(Path(sys.executable).with_name("bucket-failover"))
_SECONDS: Final = 60.0


class Newcomer:
    """A user whose home has a profile in it, and nothing else.

    Args:
        home: the home.
        server: whom the profile names.
    """

    def __init__(self, home: Path, server: ForeignServer) -> None:
        self.home = home
        self.profile = home / "profile.toml"
        self.store = home / "buckets.db"
        self.browser = command("ada")
        self.asks(server)

    def asks(self, server: ForeignServer, **fields: Any) -> None:
        """Write the profile."""
        buckets = 'buckets = ["default", "claudius"]'
        self.profile.write_text(f"[{PROVIDER}]\n{buckets}\n\n{server.table(PROVIDER, **fields)}")

    def runs(self, *arguments: str, status: int = 0) -> tuple[str, str]:
        """What a command says: stdout and stderr."""
        environment = {
            "HOME": str(self.home),
            "PATH": os.environ["PATH"],
            "BROWSER": self.browser,
            "BUCKET_FAILOVER_PROFILE": str(self.profile),
            "BUCKET_FAILOVER_STORE": str(self.store),
            "BUCKET_FAILOVER_SECRETS": "file",
        }
        ran = subprocess.run(
            [_PROGRAM, *arguments],
            env=environment,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
        )
        assert ran.returncode == status, ran.stderr
        return ran.stdout, ran.stderr

    def token(self, bucket: str = "default") -> OAuthToken:
        """What is stored."""
        with SqliteTokenStore(self.store) as store:
            token = store.read(PROVIDER, bucket)
        assert token is not None
        return token


def about(bucket: str, told: str) -> list[str]:
    """What was said of a bucket; what is said of the browser may come in between."""
    return [line for line in told.splitlines() if line.startswith(f"{bucket}: ")]


@pytest.fixture
def newcomer(tmp_path: Path, server: ForeignServer) -> Newcomer:
    """A user who has heard of the program today."""
    return Newcomer(tmp_path, server)


def test_a_new_user_logs_in_and_out(server: ForeignServer, newcomer: Newcomer) -> None:
    """login, status, logout; the server knows the login, and then does not."""
    _, told = newcomer.runs("login", PROVIDER, "default")
    assert f"{server.url}{server.paths['authorization_endpoint']}?response_type=code&" in told
    (logged_in,) = about("default", told)
    assert logged_in.startswith("default: logged in with a token until ")
    assert logged_in.endswith(", which can be refreshed")
    token = newcomer.token()
    assert server.owner(token) == "ada"
    assert token.access_token.get_secret_value() not in told

    told, _ = newcomer.runs("status", "--json")
    states = {bucket["bucket"]: bucket["usable"] for bucket in json.loads(told)["buckets"]}
    assert states == {"default": True, "claudius": False}
    assert token.access_token.get_secret_value() not in told

    told, _ = newcomer.runs("logout", PROVIDER, "default")
    assert told == "default: logged out, and the issuer has forgotten the login\n"
    assert server.owner(token) is None


def test_the_user_says_no(newcomer: Newcomer) -> None:
    """The status says so, and nothing is stored."""
    newcomer.browser = command("ada", says_yes=False)
    _, told = newcomer.runs("login", PROVIDER, "default", status=1)
    assert about("default", told) == ["default: not logged in: the user said no"]
    told, _ = newcomer.runs("status", "--json")
    assert not any(bucket["usable"] for bucket in json.loads(told)["buckets"])


def test_the_user_is_told_of_what_was_not_granted(server: ForeignServer, newcomer: Newcomer) -> None:
    """The login is kept, for what was granted."""
    newcomer.asks(server, **server.narrowing.asks)
    newcomer.browser = command("ada", withholds=server.narrowing.withholds)
    _, told = newcomer.runs("login", PROVIDER, "default")
    logged_in, *notes = about("default", told)
    assert logged_in.startswith("default: logged in with a token until ")
    assert notes == [f"default: {note}" for note in server.narrowing.told]
    assert server.owner(newcomer.token()) == "ada"


def test_the_user_is_told_of_one_account_in_two_buckets(newcomer: Newcomer) -> None:
    """The same user has logged in to both, which the ID token says."""
    newcomer.runs("login", PROVIDER, "default")
    _, told = newcomer.runs("login", PROVIDER, "claudius")
    _, note = about("claudius", told)
    assert note.startswith("claudius: this is the account that default has already")
    newcomer.browser = command("bob")
    _, told = newcomer.runs("login", PROVIDER, "claudius")
    (logged_in,) = about("claudius", told)
    assert logged_in.startswith("claudius: logged in with a token until ")


def test_renew_refreshes_what_is_due(server: ForeignServer, newcomer: Newcomer) -> None:
    """The user's token is past four fifths of its life; the server takes its refresh token, and sends another pair."""
    newcomer.runs("login", PROVIDER, "default")
    old = newcomer.token()
    assert old.expiry is not None
    assert old.issued_at is not None
    earlier = {"expiry": old.expiry - LIFETIME_SECONDS + 60, "issued_at": old.issued_at - LIFETIME_SECONDS + 60}
    with SqliteTokenStore(newcomer.store) as store:
        store.write(PROVIDER, "default", old.model_copy(update=earlier))
    told, _ = newcomer.runs("renew")
    assert " default: renewed until " in told
    new = newcomer.token()
    assert new.fingerprint != old.fingerprint
    assert new.refresh_fingerprint != old.refresh_fingerprint
    assert server.owner(new) == "ada"
