"""A caller that stops: wherever a request is, its connection goes back, and nothing of it is left."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from bucket_failover import RetryPolicy
from bucket_failover.transport.httpx2 import AsyncFailoverTransport
from tests.support.callers import KINDS, Waits
from tests.support.inner import Answer, Inner
from tests.support.scripted import ASK, DELTA, ERROR_EVENT, NOW, START

SSE = {"content-type": "text/event-stream"}
URL = "https://api.anthropic.com/v1/messages"
TURNS = 40
"""More turns of the event loop than any of these requests takes."""

STORIES = {
    "served": [Answer(200, {}, (b"{}",))],
    "spent": [Answer(429, {"retry-after": "7200"}, (b"{", None, b"}"))],
    "peeking": [Answer(200, SSE, (START, None, None, START, None, DELTA, None, DELTA))],
    "error-event": [Answer(200, SSE, (START, ERROR_EVENT, None, DELTA)), Answer(200, SSE, (START, DELTA))],
    "busy": [Answer(529, {}, (b"busy",)), Answer(529, {}, (b"x" * 1_100_000, None, b"x")), Answer(200, {}, (b"{}",))],
    "revoked": [Answer(401, {}, (b'{"error": {"type": "authentication_error"}}',)), Answer(200)],
}
async_families = pytest.mark.parametrize("kind", [name for name, kind in KINDS.items() if kind.is_async])


class Slow(Waits):
    """Waits that take a few turns of the event loop."""

    async def sleep_async(self, seconds: float) -> None:
        """Wait."""
        for _ in range(3):
            await asyncio.sleep(0)
        self.sleep(seconds)


def inner_of(kind: str, story: str) -> Inner:
    """An inner transport with one connection, which plays a story."""
    left = list(STORIES[story])
    return Inner(KINDS[kind].http, lambda _: left.pop(0) if len(left) > 1 else left[0], connections_max=1)


def client_of(kind: str, inner: Inner) -> Any:
    """A client with two keys in front of it."""
    waits = Slow(NOW)
    options: dict[str, Any] = {"clock": waits.clock, "sleep": waits.sleep_async, "inner": inner}
    transport = KINDS[kind].transport(keys=["k1", "k2"], provider="anthropic", **options)
    return KINDS[kind].http.AsyncClient(transport=transport, timeout=600.0)


async def parts() -> Any:
    """A body that comes slowly."""
    for part in (b"one", b"two"):
        await asyncio.sleep(0)
        yield part


def within(seconds: float, work: Callable[[], Any]) -> None:
    """Run it in a loop of its own; what hangs is a failure."""

    async def limited() -> None:
        async with asyncio.timeout(seconds):
            await work()

    asyncio.run(limited())


@async_families
@pytest.mark.parametrize("story", STORIES)
def test_cancelled_at_any_turn(kind: str, story: str) -> None:
    """While its body is read, its answer awaited, peeked at or read, or a wait is on: no answer stays open.

    The client serves the next request.
    """

    async def cancelled_after(turns: int) -> None:
        inner = inner_of(kind, story)
        async with client_of(kind, inner) as client:
            asked = asyncio.create_task(client.post(URL, content=parts()))
            for _ in range(turns):
                await asyncio.sleep(0)
            asked.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asked
            assert inner.open_now == 0, f"after {turns} turns"
            assert client._transport.handler.snapshot().requests == ()
            assert (await client.post(URL, json=ASK)).status_code in {200, 429}
            assert inner.open_now == 0
        assert len(asyncio.all_tasks()) == 1

    async def every_turn() -> None:
        for turns in range(TURNS):
            await cancelled_after(turns)

    within(30.0, every_turn)


@async_families
def test_a_reader_that_is_cancelled(kind: str) -> None:
    """Half way through a stream that is passed on."""

    async def play() -> None:
        inner = inner_of(kind, "peeking")
        async with client_of(kind, inner) as client:
            for turns in range(TURNS):

                async def read(client: Any = client) -> None:
                    async with client.stream("POST", URL, json=ASK) as answer:
                        async for _ in answer.aiter_raw():
                            await asyncio.sleep(0)

                reading = asyncio.create_task(read())
                for _ in range(turns):
                    await asyncio.sleep(0)
                reading.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await reading
                assert inner.open_now == 0, f"after {turns} turns"

    within(30.0, play)


@async_families
def test_a_deadline_of_the_callers_ends_a_wait(kind: str) -> None:
    """`asyncio.timeout` around a request holds over its waits too."""

    async def forever(_: float) -> None:
        await asyncio.Event().wait()

    async def play() -> None:
        inner = Inner(KINDS[kind].http, lambda _: Answer(529, {}, (b"x" * 1_100_000, b"x")), connections_max=1)
        transport = KINDS[kind].transport(keys=["k1"], provider="anthropic", sleep=forever, inner=inner)
        async with KINDS[kind].http.AsyncClient(transport=transport, timeout=None) as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02):
                    await client.post(URL, json=ASK)
            assert inner.open_now == 0

    within(10.0, play)


def test_of_many_requests_the_cancelled_ones_take_nothing_from_the_others() -> None:
    """64 in flight with two connections' worth of answers; each third is cancelled."""

    async def play() -> None:
        inner = inner_of("httpx2-async", "busy")
        inner._connections_max = None
        waits = Slow(NOW)
        options: dict[str, Any] = {"clock": waits.clock, "sleep": waits.sleep_async, "inner": inner}
        transport = AsyncFailoverTransport(
            keys=["k1", "k2"], provider="anthropic", policy=RetryPolicy(max_attempts=5), **options
        )
        async with KINDS["httpx2-async"].http.AsyncClient(transport=transport, timeout=600.0) as client:
            tasks = [asyncio.create_task(client.post(URL, content=parts())) for _ in range(64)]
            for turns, task in enumerate(tasks[::3]):
                for _ in range(turns % 4):
                    await asyncio.sleep(0)
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        statuses = {answer.status_code for answer in ended if not isinstance(answer, BaseException)}
        assert statuses <= {200, 529}
        assert all(isinstance(end, asyncio.CancelledError) for end in ended if isinstance(end, BaseException))
        assert inner.open_now == 0

    within(10.0, play)
