"""The retry loop around answers that come piece by piece.

It runs over both twins, but for what only an event loop has: coroutines that return a stream, and a `close` to await.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from bucket_failover import (
    ActiveBucket,
)
from tests.support.line import THREE, TWO, Line
from tests.support.people import CallError, replace
from tests.support.twins import Pieces, Twin, each_twin

twin = each_twin


class TestStream:
    """Answers that come piece by piece."""

    def test_a_failure_before_the_first_piece_is_repeated(self, twin: Twin) -> None:
        """The caller sees one answer."""
        line = Line(*THREE, twin=twin)

        def operation(bucket: ActiveBucket) -> Iterator[str]:
            if bucket.name == "default":
                raise CallError(402)
            yield "one "
            yield bucket.name

        assert line.stream(operation) == ["one ", "claudius"]
        assert line.handler.get_current_bucket() == "claudius"

    def test_a_failure_after_the_first_piece_is_the_callers(self, twin: Twin) -> None:
        """Two answers are not mixed (lesson 28); the request ends."""
        line = Line(*THREE, twin=twin)
        error = CallError(529)

        def operation(_bucket: ActiveBucket) -> Iterator[str]:
            yield "half a haiku"
            raise error

        with pytest.raises(CallError) as caught:
            line.stream(operation)
        assert caught.value is error
        assert line.pieces == ["half a haiku"]
        assert line.handler.get_current_bucket() == "default"
        assert line.handler.snapshot().requests == ()

    def test_a_coroutine_that_returns_a_stream_is_one(self) -> None:
        """As the clients' own methods are."""
        line = Line(*THREE)

        async def operation(bucket: ActiveBucket) -> AsyncIterator[str]:
            return Pieces(bucket.name)

        assert line.stream(operation) == ["default"]

    def test_a_stream_that_the_caller_leaves_is_closed_and_its_ledger_ends(self, twin: Twin) -> None:
        """Nothing is left behind."""
        line = Line(*THREE, twin=twin)
        closed: list[str] = []

        def operation(bucket: ActiveBucket) -> Iterator[str]:
            try:
                yield "one"
                yield "two"
            finally:
                closed.append(bucket.name)

        def left() -> None:
            assert closed == ["default"]
            assert line.handler.snapshot().requests == ()

        assert line.stream(operation, left) == ["one"]

    def test_a_clients_stream_that_the_caller_leaves_is_closed(self, twin: Twin) -> None:
        """It is no generator, which would be closed when it is forgotten."""
        pieces, closed = Pieces("one", "two"), []
        replace(pieces, close=lambda: closed.append("default"))

        def left() -> None:
            assert closed == ["default"]

        assert Line(*TWO, twin=twin).stream(lambda _bucket: pieces, left) == ["one"]

    def test_an_iterator_that_cannot_be_closed_is_not(self, twin: Twin) -> None:
        """Only generators have `close` or `aclose`."""
        streams = {"default": Pieces(CallError(402)), "claudius": Pieces("a", "b")}
        assert Line(*TWO, twin=twin).stream(lambda bucket: streams[bucket.name]) == ["a", "b"]


OVERLOADED = '{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}'


def test_an_error_event_in_a_stream_that_began_well_is_a_failure(twin: Twin) -> None:
    """Its status was 200. Before the first piece it is repeated, and charged to no account; after it, it is told."""
    line = Line(*TWO, twin=twin)
    line.faults["default"] = [CallError(200, body=OVERLOADED), CallError(200, body=OVERLOADED)]

    def early(bucket: ActiveBucket) -> Iterator[str]:
        yield line.operation(bucket)

    def late(bucket: ActiveBucket) -> Iterator[str]:
        yield "a piece"
        yield line.operation(bucket)

    assert line.stream(early) == ["an answer from claudius"]
    assert line.names() == ["default", "default", "claudius"]
    assert all(not bucket.limits for bucket in line.handler.snapshot().session.profile.buckets)
    line.faults["claudius"] = [CallError(200, body=OVERLOADED)]
    with pytest.raises(CallError):
        line.stream(late)
    assert line.pieces == ["a piece"]


def test_a_stream_that_has_only_close_is_closed(twin: Twin) -> None:
    """As the clients' own streams have it."""
    closed: list[str] = []

    def operation(bucket: ActiveBucket) -> Pieces:
        pieces = Pieces() if bucket.name == "claudius" else Pieces(CallError(402))
        replace(pieces, close=lambda: closed.append(bucket.name))
        return pieces

    assert Line(*TWO, twin=twin).stream(operation) == []
    assert closed == ["default"]


def test_a_close_that_has_to_be_awaited_is() -> None:
    """As the clients' asynchronous streams have it."""
    closed: list[str] = []

    class Awaited(Pieces):
        async def close(self) -> None:
            """Lets go of the connection."""
            closed.append("default")

    streams = {"default": Awaited(CallError(402)), "claudius": Pieces()}
    assert Line(*TWO).stream(lambda bucket: streams[bucket.name]) == []
    assert closed == ["default"]


@pytest.mark.parametrize("is_bad", ["raises", "hangs"])
def test_a_close_that_fails_or_hangs_prevents_no_failover(is_bad: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does it replace the error that a caller is told."""
    monkeypatch.setattr("bucket_failover.orchestrator.retry_loops._CLOSING_SECONDS", 0.01)
    line = Line(*THREE)
    closed: list[str] = []

    class Broken(Pieces):
        def __init__(self, name: str) -> None:
            super().__init__(name)
            self.name = name

        async def __anext__(self) -> str:
            if self.name == "default":
                raise CallError(402)
            return str(await super().__anext__())

        async def aclose(self) -> None:
            closed.append(self.name)
            if is_bad == "raises":
                raise ZeroDivisionError
            await asyncio.Event().wait()

    async def operation(bucket: ActiveBucket) -> AsyncIterator[str]:
        return Broken(bucket.name)

    assert line.stream(operation) == ["claudius"]
    assert closed == ["default"]


def test_a_close_that_fails_without_an_event_loop(twin: Twin) -> None:
    """The caller is told what the operation has raised."""
    line = Line(*TWO, twin=twin)
    error = CallError(400)

    class Broken(Pieces):
        def close(self) -> None:
            raise ZeroDivisionError

    def operation(_bucket: ActiveBucket) -> Iterator[str]:
        return Broken(error)

    with pytest.raises(CallError) as caught:
        line.stream(operation)
    assert caught.value is error
