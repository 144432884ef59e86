"""A transport inside ours that opens no socket: it answers by rule, and counts the streams that are open."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache
from types import ModuleType
from typing import Any, NamedTuple


class Answer(NamedTuple):
    """What an inner transport answers.

    Args:
        status: of HTTP.
        headers: of the answer.
        pieces: of its body; an exception is raised where it stands, None takes a turn of the event loop.
        at_close: is raised when the stream is closed.
    """

    status: int = 200
    headers: dict[str, str] = {}  # noqa: RUF012 - a named tuple's default, which no test changes
    pieces: tuple[bytes | Exception | None, ...] = ()
    at_close: BaseException | None = None


class Inner:
    """Stands for the connections of one client.

    Args:
        http: the family: the module `httpx2` or `httpx`.
        answer: what answers a request; it may raise.
        connections_max: how many answers may be open at the same time; one more is a timeout of the pool.
    """

    def __init__(
        self, http: ModuleType, answer: Callable[[Any], Answer], *, connections_max: int | None = None
    ) -> None:
        self._http = http
        self._answer = answer
        self._connections_max = connections_max
        self._mutex = threading.Lock()
        self.sent: list[Any] = []
        self.keeps_requests = True
        self.opened = 0
        self.closed = 0
        self.closes = 0
        """How often it was closed itself."""

    @property
    def open_now(self) -> int:
        """Streams that are not closed."""
        return self.opened - self.closed

    def handle_request(self, request: Any) -> Any:
        """Answer."""
        if self.keeps_requests:
            self.sent.append(request)
        b"".join(request.stream)
        return self._made(request)

    async def handle_async_request(self, request: Any) -> Any:
        """Answer, in an event loop."""
        if self.keeps_requests:
            self.sent.append(request)
        async for _ in request.stream:
            pass
        await asyncio.sleep(0)
        return self._made(request)

    def _made(self, request: Any) -> Any:
        if self._connections_max is not None and self.open_now >= self._connections_max:
            message = "no connection is free"
            raise self._http.PoolTimeout(message, request=request)
        answer = self._answer(request)
        with self._mutex:
            self.opened += 1
        return self._http.Response(answer.status, headers=answer.headers, stream=_stream(self._http)(self, answer))

    def count_close(self) -> None:
        """A stream was closed."""
        with self._mutex:
            self.closed += 1

    def close(self) -> None:
        """Count it."""
        self.closes += 1

    async def aclose(self) -> None:
        """Count it, in an event loop."""
        self.closes += 1


class _Stream:
    """The body of an answer."""

    def __init__(self, inner: Inner, answer: Answer) -> None:
        self._inner, self._answer, self._is_closed = inner, answer, False

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._answer.pieces:
            if isinstance(piece, Exception):
                raise piece
            if piece is not None:
                yield piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._answer.pieces:
            if isinstance(piece, Exception):
                raise piece
            await asyncio.sleep(0)
            if piece is not None:
                yield piece

    def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            self._inner.count_close()
        if self._answer.at_close is not None:
            raise self._answer.at_close

    async def aclose(self) -> None:
        self.close()


@cache
def _stream(http: Any) -> Any:
    """The class of streams of that family."""
    return type("Stream", (_Stream, http.SyncByteStream, http.AsyncByteStream), {})
