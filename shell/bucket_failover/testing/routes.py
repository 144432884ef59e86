"""HTTP around the endpoints: unpacks requests, packs answers, keeps the record. What to answer is decided elsewhere."""

import threading
from collections.abc import AsyncIterator, Callable
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from bucket_failover.testing.accounts import Account
from bucket_failover.testing.answers import Answer, HangUp, Reply, messages_error
from bucket_failover.testing.messages_endpoint import MessagesEndpoint, MessagesRequest
from bucket_failover.testing.oauth_endpoints import OAuthEndpoints
from bucket_failover.testing.received import Endpoint, ReceivedRequest
from bucket_failover.testing.server import hang_up

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class Routes:
    """The paths of the provider. Every answer is worked out and recorded under the lock, in one go."""

    def __init__(
        self, messages: MessagesEndpoint, oauth: OAuthEndpoints, *, clock: Callable[[], float], lock: threading.Lock
    ) -> None:
        self.received: list[ReceivedRequest] = []
        self._messages_endpoint = messages
        self._oauth = oauth
        self._clock = clock
        self._lock = lock

    def app(self) -> Starlette:
        """The ASGI application."""
        routes = [
            Route("/v1/messages", self._messages, methods=["POST"]),
            Route("/oauth/authorize", self._authorize, methods=["GET"]),
            Route("/oauth/token", self._token, methods=["POST"]),
            Route("/oauth/revoke", self._revoke, methods=["POST"]),
            Route("/{path:path}", self._unknown, methods=_METHODS),
        ]
        return Starlette(routes=routes)

    async def _messages(self, request: Request) -> Response:
        bearer, api_key = _bearer(request.headers.get("authorization")), request.headers.get("x-api-key")
        asked = MessagesRequest(bearer, api_key, await request.body())
        return self._settle("messages", lambda now: self._messages_endpoint.answer(asked, now=now))

    async def _authorize(self, request: Request) -> Response:
        query = dict(request.query_params)
        return self._settle("authorize", lambda now: self._oauth.authorize(query, now=now))

    async def _token(self, request: Request) -> Response:
        form = _form(await request.body())
        return self._settle("token", lambda now: self._oauth.token(form, now=now))

    async def _revoke(self, request: Request) -> Response:
        form = _form(await request.body())
        return self._settle("revoke", lambda _now: self._oauth.revoke(form))

    async def _unknown(self, _request: Request) -> Response:
        reply = messages_error(404, "Not found", request_id="req_unknown")
        return self._settle("unknown", lambda _now: (None, reply))

    def _settle(self, endpoint: Endpoint, ask: Callable[[float], tuple[Account | None, Reply]]) -> Response:
        with self._lock:
            now = self._clock()
            account, reply = ask(now)
            status = reply.status if isinstance(reply, Answer) else None
            self.received.append(ReceivedRequest(endpoint, account.name if account else None, status, now))
        return _response(reply)


class _HangUpResponse(Response):
    """Is not one: closes the connection instead."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        await hang_up(scope, receive)


def _response(reply: Reply) -> Response:
    if isinstance(reply, HangUp):
        return _HangUpResponse()
    if isinstance(reply.body, str):
        return Response(reply.body, reply.status, reply.headers)
    return StreamingResponse(_one_by_one(reply.body), reply.status, reply.headers)


async def _one_by_one(events: tuple[str, ...]) -> AsyncIterator[str]:
    # Asynchronous, because starlette gives each step of a plain iterator to a thread.
    for event in events:
        yield event


def _bearer(authorization: str | None) -> str | None:
    scheme, _, token = (authorization or "").partition(" ")
    return token if scheme.lower() == "bearer" else None


def _form(body: bytes) -> dict[str, str] | None:
    """The parameters; None: they are none, or one is repeated (RFC 6749, 3.2)."""
    pairs = parse_qsl(body.decode("utf-8", errors="replace"), keep_blank_values=True)
    parameters = dict(pairs)
    return parameters if pairs and len(parameters) == len(pairs) else None
