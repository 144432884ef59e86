"""HTTP clients of both families, with and without an event loop, behind one face; and a server with a script."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import httpx
import httpx2
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from bucket_failover.testing.server import serve_in_thread
from bucket_failover.transport import AsyncFailoverTransport, FailoverTransport
from bucket_failover.transport import httpx as for_httpx


class Kind(NamedTuple):
    """A kind of client: its family, and the transport for it."""

    http: Any
    transport: Any
    is_async: bool


KINDS = {
    "httpx2": Kind(httpx2, FailoverTransport, is_async=False),
    "httpx2-async": Kind(httpx2, AsyncFailoverTransport, is_async=True),
    "httpx": Kind(httpx, for_httpx.FailoverTransport, is_async=False),
    "httpx-async": Kind(httpx, for_httpx.AsyncFailoverTransport, is_async=True),
}


class Waits(list[float]):
    """Waits that take no time, on a clock that they move."""

    def __init__(self, now: float) -> None:
        super().__init__()
        self.now = now

    def clock(self) -> float:
        """Unix seconds."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Wait."""
        self.append(seconds)
        self.now += seconds

    async def sleep_async(self, seconds: float) -> None:
        """Wait, in an event loop."""
        self.sleep(seconds)


class Caller:
    """A client of one kind, which a test uses as if there were no event loop."""

    def __init__(self, kind: Kind, runner: asyncio.Runner, options: dict[str, Any]) -> None:
        self.kind = kind
        self._runner = runner
        waits: Waits = options.pop("waits") if "waits" in options else Waits(time.time())  # no test waits for real
        client = {"timeout": 600.0} | options.pop("client", {})  # as the SDKs have it
        options |= {"clock": waits.clock, "sleep": waits.sleep_async if kind.is_async else waits.sleep}
        self.transport = kind.transport(**options)
        self.client = (kind.http.AsyncClient if kind.is_async else kind.http.Client)(transport=self.transport, **client)

    def _run(self, coroutine: Any) -> Any:
        return self._runner.run(coroutine) if self.kind.is_async else coroutine

    def send(self, method: str, url: str, **options: Any) -> Any:
        """A request, and its whole answer."""
        return self._run(self.client.request(method, url, **options))

    def stream(self, url: str, **options: Any) -> tuple[Any, list[bytes]]:
        """A request, its answer, and the pieces in which it came."""
        if not self.kind.is_async:
            with self.client.stream("POST", url, **options) as answer:
                return answer, list(answer.iter_raw())

        async def pieces() -> tuple[Any, list[bytes]]:
            async with self.client.stream("POST", url, **options) as answer:
                return answer, [piece async for piece in answer.aiter_raw()]

        answer, found = self._runner.run(pieces())
        return answer, found

    def body(self, pieces: list[bytes]) -> Any:
        """A body that can be read once."""
        if not self.kind.is_async:
            return iter(pieces)

        async def reading() -> Any:
            for piece in pieces:
                yield piece

        return reading()

    def close(self) -> None:
        """Give everything back."""
        self._run(self.client.aclose() if self.kind.is_async else self.client.close())


@contextmanager
def calling(kind: str, **options: Any) -> Iterator[Caller]:
    """A client of that kind, closed at the end."""
    with asyncio.Runner() as runner:
        caller = Caller(KINDS[kind], runner, options)
        try:
            yield caller
        finally:
            caller.close()


class Received(NamedTuple):
    """What reached the server."""

    path: str
    query: str
    headers: dict[str, str]
    body: bytes


class Script:
    """A server on loopback that answers each credential by script.

    Args:
        answers: for each API key, what answers it in turn; the last one again and again.
    """

    def __init__(self, **answers: list[Callable[[], Response]]) -> None:
        self._answers = answers
        self.received: list[Received] = []

    @contextmanager
    def serve(self) -> Iterator[str]:
        """Yields "http://127.0.0.1:PORT"."""

        async def application(scope: Scope, receive: Receive, send: Send) -> None:
            answer = await self._answer(Request(scope, receive))
            await answer(scope, receive, send)

        with serve_in_thread(application) as url:
            yield url

    async def _answer(self, request: Request) -> Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.received.append(Received(request.url.path, request.url.query, headers, await request.body()))
        key = self.keys[-1]
        answers = self._answers.get(key, [lambda: Response(status_code=404)])
        return (answers.pop(0) if len(answers) > 1 else answers[0])()

    @property
    def keys(self) -> list[str]:
        """The credentials that came, in order."""
        names = ("x-api-key", "x-goog-api-key", "api-key", "authorization")
        found = [next((each.headers[name] for name in names if name in each.headers), "") for each in self.received]
        return [value.removeprefix("Bearer ") for value in found]
