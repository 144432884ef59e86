"""A token endpoint over loopback HTTP that remembers what is presented to it, takes its time, and can be watched.

What it answers is the embedded provider's to say (refresh tokens of single use, reuse is detected), or a function's.
"""

import asyncio
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl

import httpx2
from pydantic import SecretStr
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bucket_failover import OAuthToken, SqliteTokenStore, StoredOAuthManager, SyncStoredOAuthManager
from bucket_failover.oauth.form_post import TIMEOUT
from bucket_failover.oauth.http_issuer import OAuthIssuer
from bucket_failover.testing import EmbeddedProvider
from bucket_failover.testing.credentials import IssuedToken
from bucket_failover.testing.server import serve_in_thread
from bucket_failover_core.oauth import IssuerSettings
from tests.support.people import PROVIDER, token

Form = Mapping[str, str]
"""What a client has sent."""

Answerer = Callable[[Form], tuple[Any, ...]]
"""A form to a status and a body, and headers if there are any (`form`: the body is a form, under the name "")."""


BUCKET: Final = "default"
OLD: Final = token("old", expiry=9e9)
UNWANTED: Final = OLD.fingerprint
PATIENCE_SECONDS: Final = 120.0
"""What is longer is a hang."""


def _nothing() -> None:
    """The test does not watch."""


class TokenEndpoint:
    """An ASGI application that stands before another one, or before a function.

    Args:
        answers: who answers.
        seconds: how long a request waits before it is answered, and its answer before it is sent.
        received: called when a request has come in whole, and nothing has become of it yet.
        used: called when it was answered, and nothing was sent yet.
    """

    def __init__(
        self,
        answers: EmbeddedProvider | Answerer,
        *,
        seconds: float = 0.0,
        received: Callable[[], None] = _nothing,
        used: Callable[[], None] = _nothing,
    ) -> None:
        self.presented: list[str] = []
        self._app = answers._routes.app() if isinstance(answers, EmbeddedProvider) else _application(answers)
        self._seconds = seconds
        self.received = received
        self.used = used

    @contextmanager
    def serve(self) -> Iterator[str]:
        """Run it in a thread while the block lasts; what it is called by clients."""
        with serve_in_thread(self) as base_url:
            yield f"{base_url}/oauth/token"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A request, from its last byte to the last byte of its answer, whether or not the client still listens."""
        try:
            body = await Request(scope, receive).body()
        except ClientDisconnect:
            return
        self.presented.append(dict(parse_qsl(body.decode())).get("refresh_token", ""))
        await self._pass(self.received)
        messages: list[Message] = []

        async def once() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def keep(message: Message) -> None:
            messages.append(message)

        await self._app(scope, once, keep)
        await self._pass(self.used)
        for message in messages:
            await send(message)

    async def _pass(self, watcher: Callable[[], None]) -> None:
        await asyncio.sleep(self._seconds)
        if watcher is not _nothing:
            await asyncio.to_thread(watcher)


def _application(answer: Answerer) -> ASGIApp:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        status, body, *more = answer(dict(parse_qsl((await Request(scope, receive).body()).decode())))
        headers = dict(more[0]) if more else {}
        is_form = headers.pop("form", "") != ""
        content = body[""] if is_form else json.dumps(body)
        media_type = "application/x-www-form-urlencoded" if is_form else "application/json"
        await Response(content, status, headers, media_type)(scope, receive, send)

    return application


def issuer_at(url: str, *, single_use: bool = True, clock: Callable[[], float] = time.time) -> OAuthIssuer:
    """An issuer over HTTP, as programs use it: each call has a connection of its own."""
    settings = IssuerSettings(token_endpoint=url, client_id="test", single_use_refresh_tokens=single_use)
    limits = httpx2.Limits(max_keepalive_connections=0)
    # To read the machine's certificates, which no test needs here, takes longer than a refresh.
    nothing = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    http = httpx2.Client(timeout=TIMEOUT, trust_env=False, limits=limits, verify=nothing)
    return OAuthIssuer(settings, http=http, clock=clock)


def held(issued: IssuedToken) -> OAuthToken:
    """A login that the embedded provider has issued out of band, as a store holds it."""
    return OAuthToken(
        access_token=SecretStr(issued.access_token),
        refresh_token=SecretStr(issued.refresh_token),
        expiry=issued.expires_at,
    )


class Gate:
    """Holds back an answer until it is opened."""

    def __init__(self) -> None:
        self.arrived = threading.Event()
        self.opened = threading.Event()

    def __call__(self) -> None:
        """A request has come."""
        self.arrived.set()
        assert self.opened.wait(PATIENCE_SECONDS)


class Stage:
    """A file with a token that is refused, an endpoint that issues others, and a gate in it."""

    def __init__(self, path: Path, stack: ExitStack, answer: Answerer | None = None) -> None:
        self.path = path
        self.gate = Gate()
        self.endpoint = TokenEndpoint(answer or self._issue, received=self.gate)
        self.url = stack.enter_context(self.endpoint.serve())
        stack.callback(self.gate.opened.set)
        self._stack = stack
        self.store = self.another_store()
        self.store.write(PROVIDER, BUCKET, OLD)

    def _issue(self, _: Form) -> tuple[int, dict[str, Any]]:
        number = len(self.endpoint.presented)
        return 200, {"access_token": f"access-{number}", "refresh_token": f"refresh-{number}", "expires_in": 3_600}

    def another_store(self) -> SqliteTokenStore:
        """The same file, opened once more."""
        return self._stack.enter_context(SqliteTokenStore(self.path))

    def issuer(self, clock: Callable[[], float] = time.time) -> OAuthIssuer:
        """Its client."""
        issuer = issuer_at(self.url, clock=clock)
        self._stack.callback(issuer.close)
        return issuer

    def sync(self, clock: Callable[[], float] = time.time, **options: Any) -> SyncStoredOAuthManager:
        """A manager for threads."""
        return SyncStoredOAuthManager(self.store, refresh=self.issuer(clock), clock=clock, **options)

    def manager(self) -> StoredOAuthManager:
        """A manager for an event loop, over the file opened once more."""
        return StoredOAuthManager(self.another_store(), refresh=self.issuer())

    @contextmanager
    def in_the_middle(self) -> Iterator[list[OAuthToken | None]]:
        """The block happens while the refresh token is with the issuer; what came of it is in the list then."""
        got: list[OAuthToken | None] = []
        manager = self.sync()
        refresh = threading.Thread(target=lambda: got.append(manager.replace_token(PROVIDER, BUCKET, UNWANTED)))
        refresh.start()
        assert self.gate.arrived.wait(PATIENCE_SECONDS)
        yield got
        self.gate.opened.set()
        refresh.join(PATIENCE_SECONDS)

    def stored(self) -> OAuthToken | None:
        """What is stored, and no mark with it."""
        stored = self.store.read_stored(PROVIDER, BUCKET)
        assert stored.mark is None
        return stored.token
