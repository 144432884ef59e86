"""The twins of the shell, with an event loop and without: a test that asks for `twin` runs over both.

Such a test is written once, without `await`. The functions that it brings along, an operation, a stream, a stand-in for
a method, are plain ones: `does` and `yields` make them of the twin's kind. What the twin answers is handed to
`world.run`, which runs a coroutine to its end, and gives back what is an answer already.
"""

import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from bucket_failover import (
    BucketFailoverHandlerImpl,
    RetryOrchestrator,
    StoredOAuthManager,
    SyncBucketFailoverHandlerImpl,
    SyncRetryOrchestrator,
    SyncStoredOAuthManager,
)
from tests.support.virtual_time import World

Plain = Callable[..., Any]
Left = Callable[[], None] | None
"""Called when a stream has been left after its first piece; None: it is read to its end."""


class SyncWorld:
    """A clock that moves only when a caller waits; see `World`."""

    def __init__(self, start: float = 1_000_000.0) -> None:
        self.start = start
        self.now = start
        self.sleeps: list[float] = []

    def clock(self) -> float:
        """Unix seconds."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Wait on this clock, and remember for how long."""
        self.sleeps.append(round(seconds, 6))
        self.now += seconds

    def run(self, answer: Any) -> Any:
        """It has been run already."""
        return answer


@dataclass(frozen=True)
class Twin:
    """One of the two; what differs is how it is waited for.

    Args:
        world: its clock, and what runs it.
        manager: its token manager.
        handler: its handler.
        orchestrator: its retry loop.
        does: makes a plain function one of its kind.
        yields: makes a plain generator function one of its kind.
        reads: hands on the pieces of a stream, and may leave it.
        asks_each_time: the options of a manager that asks its store each time, in the thread that asks it.
    """

    world: type[World] | type[SyncWorld]
    manager: Any
    handler: Any
    orchestrator: Any
    does: Callable[[Plain], Plain]
    yields: Callable[[Plain], Plain]
    reads: Callable[[Any, list[Any], Left], Any]
    asks_each_time: Mapping[str, Any]


def _does(function: Plain) -> Plain:
    async def does(*arguments: Any, **named: Any) -> Any:
        answer = function(*arguments, **named)
        return await answer if inspect.isawaitable(answer) else answer

    return does


def _yields(function: Plain) -> Plain:
    async def yields(*arguments: Any) -> AsyncGenerator[Any]:
        pieces: Generator[Any] = function(*arguments)
        try:
            for piece in pieces:
                yield piece
        finally:
            pieces.close()

    return yields


async def _reads(stream: AsyncGenerator[Any], pieces: list[Any], left: Left) -> None:
    async for piece in stream:
        pieces.append(piece)
        if left is not None:
            await stream.aclose()
            left()
            return


def _reads_now(stream: Generator[Any], pieces: list[Any], left: Left) -> None:
    for piece in stream:
        pieces.append(piece)
        if left is not None:
            stream.close()
            left()
            return


def _as_it_is(function: Plain) -> Plain:
    return function


ASYNCIO = Twin(
    World,
    StoredOAuthManager,
    BucketFailoverHandlerImpl,
    RetryOrchestrator,
    _does,
    _yields,
    _reads,
    {"in_thread": False},
)

THREADS = Twin(
    SyncWorld,
    SyncStoredOAuthManager,
    SyncBucketFailoverHandlerImpl,
    SyncRetryOrchestrator,
    _as_it_is,
    _as_it_is,
    _reads_now,
    {"trust_seconds": 0.0},
)


@pytest.fixture(params=[ASYNCIO, THREADS], ids=["asyncio", "threads"])
def each_twin(request: pytest.FixtureRequest) -> Twin:
    """One of the twins. A module whose tests are to run over both says `twin = each_twin`."""
    twin: Twin = request.param
    return twin


def driven(function: Callable[..., Coroutine[Any, Any, Any]]) -> Plain:
    """A coroutine function that never waits, as a plain function."""

    def drive(*arguments: Any) -> Any:
        call = function(*arguments)
        try:
            call.send(None)
        except StopIteration as end:
            return end.value
        call.close()
        message = "it waits, and there is no event loop"
        raise AssertionError(message)

    return drive


class Pieces:
    """A stream that is no generator, as the clients' own ones: it serves both twins.

    Args:
        pieces: what it brings; an exception is raised.
    """

    def __init__(self, *pieces: Any) -> None:
        self.left = list(pieces)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if not self.left:
            raise StopIteration
        piece = self.left.pop(0)
        if isinstance(piece, Exception):
            raise piece
        return piece

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        try:
            return next(self)
        except StopIteration:
            raise StopAsyncIteration from None
