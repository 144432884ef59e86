"""An OAuth authorization server that is not ours: Authlib and Flask over real HTTP on the loopback interface.

It has code and PKCE (S256 alone), rotation with reuse detection (a refresh token that comes a second time ends its
login), device codes whose pace it enforces, and revocation. Everything is in memory, and one request is served at a
time. A user is a `login_hint`; `answers` says what the user does.

Source: RFC 6749, RFC 7636, RFC 7009, RFC 8628, as Authlib implements them.
"""
# Authlib is untyped, so its base classes are of any type.
# mypy: allow-subclassing-any, disable-error-code="import-untyped"

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import grants
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc8628 import DeviceAuthorizationEndpoint, DeviceCodeGrant
from flask import Flask, Response, request
from werkzeug.serving import WSGIRequestHandler, make_server

from bucket_failover_core.oauth import IssuerSettings

Answer = Literal["yes", "no", "away"]
"""What a user does with a login; who is away has not decided yet."""

CLIENT_ID: Final = "test"
_METHODS: Final = ["none", "client_secret_post"]
_TRANSPORT_VARIABLE: Final = "AUTHLIB_INSECURE_TRANSPORT"
_SLOWER_SECONDS: Final = 5.0

_BROWSER: Final = """
import sys, urllib.request
urllib.request.build_opener(urllib.request.ProxyHandler({})).open(sys.argv[1], timeout=10).read()
"""


@dataclass(eq=False)
class Login:
    """What a user has granted once, and every token that came of it."""

    person: str
    client_id: str
    scope: str
    is_live: bool = True


@dataclass(eq=False)
class Issued:
    """A pair of tokens, as Authlib asks for it."""

    login: Login
    access_token: str
    refresh_token: str
    expires_at: float
    is_used: bool = False

    def check_client(self, client: "_Client") -> bool:
        return self.login.client_id == client.get_client_id()

    def get_scope(self) -> str:
        return self.login.scope


@dataclass(eq=False)
class _Code:
    """An authorization code, as Authlib asks for it."""

    code: str
    person: str
    redirect_uri: str
    scope: str
    code_challenge: str
    code_challenge_method: str

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope


@dataclass(eq=False)
class Device:
    """A device code, as Authlib asks for it."""

    books: "OAuthServer"
    person: str
    client_id: str
    scope: str
    user_code: str
    expires_at: float
    interval: float
    asked_at: float

    def get_client_id(self) -> str:
        return self.client_id

    def get_scope(self) -> str:
        return self.scope

    def get_user_code(self) -> str:
        return self.user_code

    def is_expired(self) -> bool:
        return self.books.clock() >= self.expires_at


class _Client:
    """The only client: a command line program, which may come back to any port of this machine (RFC 8252, 7.3)."""

    def __init__(self, books: "OAuthServer") -> None:
        self._books = books

    def get_client_id(self) -> str:
        return CLIENT_ID

    def get_allowed_scope(self, scope: str | None) -> str:
        return " ".join(each for each in (scope or "").split() if each not in self._books.refused_scopes)

    def check_redirect_uri(self, uri: str) -> bool:
        return uri.startswith("http://127.0.0.1:") and uri.endswith("/callback")

    def check_client_secret(self, secret: str) -> bool:
        return secret == self._books.client_secret

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == ("client_secret_post" if self._books.client_secret else "none")

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return True


class _S256(CodeChallenge):
    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)


class _CodeGrant(grants.AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = _METHODS

    def save_authorization_code(self, code: str, asked: Any) -> None:
        names = ("redirect_uri", "scope", "code_challenge", "code_challenge_method")
        given = (asked.payload.data.get(name, "") for name in names)
        self.server.books.codes[code] = _Code(code, asked.user, *given)

    def query_authorization_code(self, code: str, client: _Client) -> _Code | None:
        found: _Code | None = self.server.books.codes.get(code)
        return found

    def delete_authorization_code(self, code: _Code) -> None:
        del self.server.books.codes[code.code]

    def authenticate_user(self, code: _Code) -> str:
        return code.person


class _RefreshGrant(grants.RefreshTokenGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = _METHODS
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> Issued | None:
        found: Issued | None = self.server.books.find(refresh_token)
        if found is not None and found.is_used:
            self.server.books.reuses += 1
            found.login.is_live = False
        return found if found is not None and found.login.is_live else None

    def authenticate_user(self, issued: Issued) -> str:
        return issued.login.person

    def revoke_old_credential(self, issued: Issued) -> None:
        issued.is_used = True


class _DeviceGrant(DeviceCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = _METHODS

    def query_device_credential(self, device_code: str) -> Device | None:
        found: Device | None = self.server.books.devices.get(device_code)
        return found

    def query_user_grant(self, user_code: str) -> tuple[str, bool] | None:
        person: str = self.server.books.person_of(user_code)
        answer = self.server.books.answers.get(person, "yes")
        return None if answer == "away" else (person, answer == "yes")

    def should_slow_down(self, device: Device) -> bool:
        hurries: bool = self.server.books.hurries(device)
        return hurries


class _DeviceEndpoint(DeviceAuthorizationEndpoint):
    CLIENT_AUTH_METHODS = _METHODS

    def create_endpoint_response(self, asked: Any) -> Any:
        self.EXPIRES_IN, self.INTERVAL = self.server.books.device_seconds
        return super().create_endpoint_response(asked)

    def get_verification_uri(self) -> str:
        return f"{self.server.books.url}/device"

    def save_device_credential(self, client_id: str, scope: str | None, data: dict[str, Any]) -> None:
        books = self.server.books
        books.windows.append(request.form.get("login_hint", ""))
        books.devices[data["device_code"]] = Device(
            books=books,
            person=request.form.get("login_hint", ""),
            client_id=client_id,
            scope=scope or "",
            user_code=data["user_code"],
            expires_at=books.clock() + data["expires_in"],
            interval=data["interval"],
            asked_at=books.clock(),
        )


class _Revocation(RevocationEndpoint):
    CLIENT_AUTH_METHODS = _METHODS

    def query_token(self, token: str, _hint: str | None) -> Issued | None:
        found: Issued | None = self.server.books.find(token)
        return found

    def revoke_token(self, issued: Issued, _request: Any) -> None:
        issued.login.is_live = False


class _Quiet(WSGIRequestHandler):
    """Logs nothing: a request line may have a code in it, and the tests look for those in all logs."""

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Nothing."""


@dataclass
class OAuthServer:
    """The server; what it is told by tests, and what it has seen.

    Args:
        clock: gives Unix seconds.
        client_secret: what the client must know; empty: it is a public client.
        lifetime_seconds: of an access token.
        device_seconds: of a device code, and between two questions about it.
        slow_downs: how many of the next questions about a device code come too early, whenever they come.
        answers: what people do; who is not in it says yes.
        refused_scopes: what is granted to no client (RFC 6749, 3.3).
        windows: whose login was asked for, in this order.
        forms: every form that has come, with its path.
    """

    clock: Callable[[], float] = time.time
    client_secret: str = ""
    lifetime_seconds: int = 3_600
    device_seconds: tuple[int, int] = (1_800, 5)
    slow_downs: int = 0
    answers: dict[str, Answer] = field(default_factory=dict)
    refused_scopes: set[str] = field(default_factory=set)
    windows: list[str] = field(default_factory=list)
    forms: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    issued: list[Issued] = field(default_factory=list)
    codes: dict[str, _Code] = field(default_factory=dict)
    devices: dict[str, Device] = field(default_factory=dict)
    reuses: int = 0
    url: str = ""

    def settings(self, **fields: Any) -> IssuerSettings:
        """What a client is told of it."""
        known: dict[str, Any] = {name: f"{self.url}/{path}" for name, path in _PATHS.items()}
        known |= {"client_id": CLIENT_ID, "has_client_secret": self.client_secret != ""}
        known |= {"authorization_parameters": {"login_hint": "{bucket}"}}
        return IssuerSettings.model_validate(known | fields)

    def table(self, provider: str = "anthropic", **fields: object) -> str:
        """The same as a table of a profile file."""
        known = {name: f"{self.url}/{path}" for name, path in _PATHS.items()} | {"client_id": CLIENT_ID}
        known |= {"client_secret": self.client_secret} if self.client_secret else {}
        lines = [f"{name} = {value!r}" for name, value in (known | fields).items() if value is not None]
        hint = 'authorization_parameters = { login_hint = "{bucket}" }'
        return "\n".join([f"\n[{provider}.oauth]", *lines, hint, ""])

    def find(self, token: str) -> Issued | None:
        """What was issued with this access token or refresh token."""
        return next((each for each in self.issued if token in {each.access_token, each.refresh_token}), None)

    def owner(self, access_token: str) -> str | None:
        """Whose access token it is, if it is good now."""
        found = self.find(access_token)
        if found is None or not found.login.is_live or self.clock() >= found.expires_at:
            return None
        return found.login.person

    def person_of(self, user_code: str) -> str:
        """Whose device code it is."""
        return next(device.person for device in self.devices.values() if device.user_code == user_code)

    def hurries(self, device: Device) -> bool:
        """Whether a question comes too early; each that does makes the pace slower (RFC 8628, 3.5)."""
        now = self.clock()
        early = now < device.asked_at + device.interval
        device.asked_at = now
        if not early and self.slow_downs == 0:
            return False
        self.slow_downs = max(self.slow_downs - 1, 0)
        device.interval += _SLOWER_SECONDS
        return True

    def save(self, token: dict[str, Any], asked: Any) -> None:
        """Remember what is issued: of a new login, or of the one that is refreshed."""
        former: Issued | None = asked.refresh_token
        login = former.login if former is not None else Login(asked.user, CLIENT_ID, token.get("scope", ""))
        secrets = token["access_token"], token["refresh_token"]
        self.issued.append(Issued(login, *secrets, self.clock() + self.lifetime_seconds))

    @contextmanager
    def serve(self) -> Iterator[None]:
        """Run it in a thread while the block lasts; `url` is its address."""
        server = make_server("127.0.0.1", 0, self._app(), threaded=False, request_handler=_Quiet)
        self.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), name="oauth-server", daemon=True)
        # Authlib logs the tokens that it issues, and wants https, which no server has on the loopback interface.
        logger, before = logging.getLogger("authlib"), os.environ.get(_TRANSPORT_VARIABLE)
        level = logger.level
        logger.setLevel(logging.WARNING)
        os.environ[_TRANSPORT_VARIABLE] = "1"
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
            logger.setLevel(level)
            os.environ.pop(_TRANSPORT_VARIABLE)
            os.environ.update({} if before is None else {_TRANSPORT_VARIABLE: before})

    def _app(self) -> Flask:
        app = Flask("oauth-server")
        app.config["OAUTH2_REFRESH_TOKEN_GENERATOR"] = True
        kinds = ("authorization_code", "refresh_token", _DeviceGrant.GRANT_TYPE)
        app.config["OAUTH2_TOKEN_EXPIRES_IN"] = dict.fromkeys(kinds, self.lifetime_seconds)
        server = AuthorizationServer(app, lambda name: _Client(self) if name == CLIENT_ID else None, self.save)
        server.books = self
        server.register_grant(_CodeGrant, [_S256(required=True)])
        server.register_grant(_RefreshGrant)
        server.register_grant(_DeviceGrant)
        server.register_endpoint(_DeviceEndpoint)
        server.register_endpoint(_Revocation)

        def post(path: str, answer: Callable[[], Any]) -> None:
            def heard() -> Any:
                self.forms.append((path, request.form.to_dict()))
                return answer()

            app.add_url_rule(f"/{path}", path, heard, methods=["POST"])

        app.add_url_rule("/authorize", "authorize", lambda: self._authorize(server))
        post("token", server.create_token_response)
        post("device_authorization", lambda: server.create_endpoint_response("device_authorization"))
        post("revoke", lambda: server.create_endpoint_response("revocation"))
        return app

    def _authorize(self, server: Any) -> Any:
        """The page on which a user says yes or no; a user who is away leaves it open."""
        person = request.args.get("login_hint", "")
        self.windows.append(person)
        try:
            grant = server.get_consent_grant()
        except OAuth2Error as error:
            return Response(str(error.error), 400)
        answer = self.answers.get(person, "yes")
        if answer == "away":
            return Response("Log in, please.")
        return server.create_authorization_response(grant_user=person if answer == "yes" else None, grant=grant)


_PATHS: Final = {
    "authorization_endpoint": "authorize",
    "token_endpoint": "token",
    "device_authorization_endpoint": "device_authorization",
    "revocation_endpoint": "revoke",
}


def browser(folder: Path) -> str:
    """A browser, for the variable BROWSER: it follows redirects, and shows nothing to the user."""
    (script := folder / "browser.py").write_text(_BROWSER)
    return f"{sys.executable} -I {script} %s"
