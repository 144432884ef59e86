"""Authorization servers that other people wrote, each in a process of its own on the loopback interface.

A further one is one more class: the command that starts it, where its endpoints are, and what it is known to do.
A server reads `CLIENTS` from the first line of its stdin, prints its address, and ends when stdin does.
"""

import json
import select
import subprocess
import sys
import urllib.request
from abc import ABC, abstractmethod
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final
from urllib.parse import quote_plus, urlencode

from bucket_failover import OAuthToken
from bucket_failover_core.oauth import IssuerSettings
from tests.foreign.npm import installed
from tests.foreign.person import PASSWORD

SECRET: Final = "s3cret: 100 % & more+"
"""Of the confidential client; in a Basic header it has to be encoded (RFC 6749, 2.3.1)."""

LIFETIME_SECONDS: Final = 1_234
"""Of an access token."""

CLIENTS: Final[dict[str, Any]] = {
    "public": "program",
    "device": "program-on-a-device",
    "confidential": "program with: a secret",
    "resource": "resource-server",
    "secret": SECRET,
    "people": ["ada", "bob"],
    "password": PASSWORD,
    "lifetime": LIFETIME_SECONDS,
}

_HERE: Final = Path(__file__).parent
_SECONDS: Final = 30.0
_HTTP: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Narrowing:
    """How a login comes to less than it asks for.

    Args:
        asks: fields of the settings.
        withholds: the scope that the user takes off the page; empty: the server grants less by itself.
        told: what the user is told of it.
    """

    asks: dict[str, Any]
    withholds: str
    told: tuple[str, ...]


class ForeignServer(ABC):
    """One of them, as long as it runs.

    Args:
        url: its address.
    """

    paths: ClassVar[dict[str, str]]
    introspection_path: ClassVar[str]
    device_client: ClassVar[str]
    scopes: ClassVar[tuple[str, ...]]
    parameters: ClassVar[dict[str, str]] = {}
    owner_field: ClassVar[str]
    device_interval: ClassVar[float]
    narrowing: ClassVar[Narrowing]
    mistake: ClassVar[tuple[dict[str, Any], str]]
    """Fields of the settings with which a login is an error, and its registered name."""

    def __init__(self, url: str) -> None:
        self.url = url

    @classmethod
    @abstractmethod
    def command(cls) -> list[str]:
        """What starts it."""

    def known(self, **fields: Any) -> dict[str, Any]:
        """What a client is told of it."""
        endpoints: dict[str, Any] = {name: self.url + path for name, path in self.paths.items()}
        told = {"client_id": CLIENTS["public"], "scopes": list(self.scopes)}
        return endpoints | told | {"authorization_parameters": self.parameters} | fields

    def settings(self, **fields: Any) -> IssuerSettings:
        """The same as settings."""
        return IssuerSettings.model_validate(self.known(**fields))

    def table(self, provider: str, **fields: Any) -> str:
        """The same as a table of a profile file."""
        lines = [f"{name} = {_toml(value)}" for name, value in self.known(**fields).items()]
        return "\n".join([f"[{provider}.oauth]", *lines, ""])

    def owner(self, token: OAuthToken) -> str | None:
        """Whose access token it is, if the server takes it now (RFC 7662)."""
        pair = f"{quote_plus(CLIENTS['resource'])}:{quote_plus(SECRET)}"
        asked = urllib.request.Request(  # noqa: S310 - the address is ours
            self.url + self.introspection_path,
            urlencode({"token": token.access_token.get_secret_value()}).encode(),
            {"authorization": f"Basic {b64encode(pair.encode()).decode()}"},
        )
        with _HTTP.open(asked, timeout=_SECONDS) as answer:
            told: dict[str, Any] = json.load(answer)
        return str(told[self.owner_field]) if told["active"] else None


class OidcProvider(ForeignServer):
    """npm's oidc-provider."""

    paths: ClassVar = {
        "authorization_endpoint": "/auth",
        "token_endpoint": "/token",
        "device_authorization_endpoint": "/device/auth",
        "revocation_endpoint": "/token/revocation",
    }
    introspection_path = "/token/introspection"
    device_client = CLIENTS["public"]
    scopes = ("openid", "offline_access")
    parameters: ClassVar = {"prompt": "consent"}
    owner_field = "sub"
    device_interval = 5.0  # the server names none, which means five seconds (RFC 8628, 3.2)
    # Without prompt=consent there is no offline access (OpenID Connect Core 1.0, 11).
    narrowing = Narrowing(
        asks={"authorization_parameters": {}},
        withholds="",
        told=(
            "the issuer has not granted offline_access",
            "the issuer has sent no refresh token, so a login is needed when this one ends",
        ),
    )
    # No user is logged in there yet, and no page is to be shown (OpenID Connect Core 1.0, 3.1.2.6).
    mistake = ({"authorization_parameters": {"prompt": "none"}}, "login_required")

    @classmethod
    def command(cls) -> list[str]:
        """See `ForeignServer.command`.

        Raises:
            NpmUnavailableError: it cannot be started on this machine.
        """
        folder = _HERE / "oidc_provider"
        return ["node", str(folder / "server.mjs"), str(installed(folder))]


class DjangoOAuthToolkit(ForeignServer):
    """Django OAuth Toolkit."""

    paths: ClassVar = {
        "authorization_endpoint": "/o/authorize/",
        "token_endpoint": "/o/token/",
        "device_authorization_endpoint": "/o/device-authorization/",
        "revocation_endpoint": "/o/revoke_token/",
    }
    introspection_path = "/o/introspect/"
    device_client = CLIENTS["device"]
    scopes = ("openid", "read", "write")
    owner_field = "username"
    device_interval = 1.0
    narrowing = Narrowing(asks={}, withholds="write", told=("the issuer has not granted write",))
    mistake = ({"scopes": ["no-such-scope"]}, "invalid_scope")

    @classmethod
    def command(cls) -> list[str]:
        """See `ForeignServer.command`."""
        return [sys.executable, "-I", str(_HERE / "django_oauth_toolkit" / "server.py")]


@contextmanager
def serving(kind: type[ForeignServer], log: Path) -> Iterator[ForeignServer]:
    """Run a server while the block lasts; what it complains of is in the log.

    Raises:
        NpmUnavailableError: it cannot be started on this machine.
    """
    command = kind.command()
    with (
        log.open("w") as complaints,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaints, text=True
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(CLIENTS) + "\n")
            process.stdin.flush()
            is_there, _, _ = select.select([process.stdout], [], [], _SECONDS)
            first = process.stdout.readline() if is_there else ""
            assert first, f"{kind.__name__} has not started: {log.read_text()}"
            yield kind(json.loads(first)["url"])
        finally:
            process.stdin.close()
            try:
                process.wait(_SECONDS)
            finally:
                process.kill()


def _toml(value: object) -> str:
    """A text, a list or a table as TOML has it."""
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{name} = {_toml(each)}' for name, each in value.items())} }}"
    return json.dumps(value)
