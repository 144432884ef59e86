"""The retry loop around answers that come piece by piece."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from bucket_failover import (
    ActiveBucket,
)
from tests.support.line import THREE, Line
from tests.support.people import CallError


class TestStream:
    """Answers that come piece by piece."""

    def collect(self, line: Line, operation: Callable[[ActiveBucket], Any]) -> list[str]:
        """All pieces."""

        async def main() -> list[str]:
            return [piece async for piece in line.orchestrator.stream(operation)]

        return line.world.run(main())

    def test_a_failure_before_the_first_piece_is_repeated(self) -> None:
        """The caller sees one answer."""
        line = Line(*THREE)

        async def operation(bucket: ActiveBucket) -> AsyncIterator[str]:
            if bucket.name == "default":
                raise CallError(402)
            yield "one "
            yield bucket.name

        assert self.collect(line, operation) == ["one ", "claudius"]
        assert line.handler.get_current_bucket() == "claudius"

    def test_a_failure_after_the_first_piece_is_the_callers(self) -> None:
        """Two answers are not mixed (lesson 28); the abandoned generator is closed."""
        line = Line(*THREE)
        error = CallError(529)

        async def operation(_bucket: ActiveBucket) -> AsyncIterator[str]:
            yield "half a haiku"
            raise error

        with pytest.raises(CallError) as caught:
            self.collect(line, operation)
        assert caught.value is error
        assert line.handler.get_current_bucket() == "default"

    def test_a_coroutine_that_returns_a_stream_is_one(self) -> None:
        """As the clients' own methods are."""
        line = Line(*THREE)

        async def pieces(name: str) -> AsyncIterator[str]:
            yield name

        async def operation(bucket: ActiveBucket) -> AsyncIterator[str]:
            return pieces(bucket.name)

        assert self.collect(line, operation) == ["default"]

    def test_a_stream_that_the_caller_leaves_is_closed_and_its_ledger_ends(self) -> None:
        """Nothing is left behind."""
        line = Line(*THREE)
        closed: list[str] = []

        async def operation(bucket: ActiveBucket) -> AsyncIterator[str]:
            try:
                yield "one"
                yield "two"
            finally:
                closed.append(bucket.name)

        async def main() -> None:
            stream = line.orchestrator.stream(operation)
            assert await anext(stream) == "one"
            await stream.aclose()  # type: ignore[attr-defined]  # it is a generator
            assert closed == ["default"]

        line.world.run(main())
        assert line.handler.snapshot().requests == ()

    def test_an_iterator_that_cannot_be_closed_is_not(self) -> None:
        """Only generators have `aclose`."""
        line = Line(*THREE)

        class Pieces:
            def __init__(self) -> None:
                self.left = ["a", "b"]

            def __aiter__(self) -> "Pieces":
                return self

            async def __anext__(self) -> str:
                if not self.left:
                    raise StopAsyncIteration
                return self.left.pop(0)

        assert self.collect(line, lambda _bucket: Pieces()) == ["a", "b"]


OVERLOADED = '{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}'


def test_an_error_event_in_a_stream_that_began_well_is_a_failure() -> None:
    """Its status was 200. Before the first piece it is repeated, and charged to no account; after it, it is told."""
    line = Line("default", "claudius")
    line.faults["default"] = [CallError(200, body=OVERLOADED), CallError(200, body=OVERLOADED)]

    async def read(pieces: list[str], *, late: bool) -> None:
        async def operation(bucket: ActiveBucket) -> AsyncIterator[str]:
            if late:
                yield "a piece"
            yield await line.operation(bucket)

        async for piece in line.orchestrator.stream(operation):
            pieces.append(piece)  # noqa: PERF401 - what came before the exception is to be seen

    early: list[str] = []
    line.world.run(read(early, late=False))
    assert early == ["an answer from claudius"]
    assert line.names() == ["default", "default", "claudius"]
    assert all(not bucket.limits for bucket in line.handler.snapshot().session.profile.buckets)
    line.faults["claudius"] = [CallError(200, body=OVERLOADED)]
    begun: list[str] = []
    with pytest.raises(CallError):
        line.world.run(read(begun, late=True))
    assert begun == ["a piece"]


def test_a_stream_that_has_only_close_is_closed() -> None:
    """As the clients' own streams have it, awaitable or not."""
    line = Line(*THREE)
    closed: list[str] = []

    class Pieces:
        def __init__(self, name: str) -> None:
            self.name = name

        def __aiter__(self) -> "Pieces":
            return self

        async def __anext__(self) -> str:
            if self.name != "vybestack":
                raise CallError(402)
            raise StopAsyncIteration

        async def close(self) -> None:
            """Lets go of the connection."""
            closed.append(self.name)

    class Plain(Pieces):
        def close(self) -> None:  # type: ignore[override]  # a synchronous one
            """Lets go of the connection."""
            closed.append(self.name)

    kinds = {"default": Pieces, "claudius": Plain, "vybestack": Pieces}
    collected = TestStream().collect(line, lambda bucket: kinds[bucket.name](bucket.name))
    assert collected == []
    assert closed == ["default", "claudius"]
