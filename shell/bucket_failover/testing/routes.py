"""HTTP around the endpoints: unpacks requests, and keeps the record. What to answer is decided elsewhere."""

import threading
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bucket_failover.testing.accounts import Account
from bucket_failover.testing.answers import Answer, Reply
from bucket_failover.testing.generating import Generating
from bucket_failover.testing.oauth_endpoints import OAuthEndpoints
from bucket_failover.testing.received import Endpoint, ReceivedRequest
from bucket_failover.testing.sending import response
from bucket_failover.testing.shapes.chat_completions import ChatCompletions
from bucket_failover.testing.shapes.gemini import Gemini
from bucket_failover.testing.shapes.messages import Messages
from bucket_failover.testing.shapes.responses import Responses
from bucket_failover.testing.shapes.shape import Call, Shape
from bucket_failover.testing.shapes.transcriptions import Transcriptions

_METHODS: Final = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

_SHAPES: Final[tuple[tuple[str, Shape], ...]] = (
    ("/v1/messages", Messages()),
    ("/v1/chat/completions", ChatCompletions()),
    ("/v1/responses", Responses()),
    ("/v1/audio/transcriptions", Transcriptions()),
    ("/v1beta/models/{model}:generateContent", Gemini(streams=False)),
    ("/v1beta/models/{model}:streamGenerateContent", Gemini(streams=True)),
    ("/v1/models/{model}:generateContent", Gemini(streams=False)),
    ("/v1/models/{model}:streamGenerateContent", Gemini(streams=True)),
)
"""What is posted where, and in which shape."""


class Routes:
    """The paths of the provider. Every answer is worked out and recorded under the lock, in one go."""

    def __init__(
        self, generating: Generating, oauth: OAuthEndpoints, *, clock: Callable[[], float], lock: threading.Lock
    ) -> None:
        self.received: list[ReceivedRequest] = []
        self._generating = generating
        self._oauth = oauth
        self._clock = clock
        self._lock = lock

    def app(self) -> Starlette:
        """The ASGI application."""
        routes = [
            *(Route(path, self._generates(shape), methods=["POST"]) for path, shape in _SHAPES),
            Route("/oauth/authorize", self._authorize, methods=["GET"]),
            Route("/oauth/token", self._token, methods=["POST"]),
            Route("/oauth/revoke", self._revoke, methods=["POST"]),
            Route("/{path:path}", self._unknown, methods=_METHODS),
        ]
        return Starlette(routes=routes)

    def _generates(self, shape: Shape) -> Callable[[Request], Awaitable[Response]]:
        async def generate(request: Request) -> Response:
            call = Call(request.headers, request.query_params, request.path_params, await request.body())
            return self._settle(shape.endpoint, lambda now: self._generating.answer(shape, call, now=now))

        return generate

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
        reply = Messages().error(404, "Not found", request_id="req_unknown")
        return self._settle("unknown", lambda _now: (None, reply))

    def _settle(self, endpoint: Endpoint, ask: Callable[[float], tuple[Account | None, Reply]]) -> Response:
        with self._lock:
            now = self._clock()
            account, reply = ask(now)
            status = reply.status if isinstance(reply, Answer) else None
            self.received.append(ReceivedRequest(endpoint, account.name if account else None, status, now))
        return response(reply)


def _form(body: bytes) -> dict[str, str] | None:
    """The parameters; None: they are none, or one is repeated (RFC 6749, 3.2)."""
    pairs = parse_qsl(body.decode("utf-8", errors="replace"), keep_blank_values=True)
    parameters = dict(pairs)
    return parameters if pairs and len(parameters) == len(pairs) else None
