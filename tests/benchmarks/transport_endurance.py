"""Does a transport lose anything? Many requests with random faults; prints what they came to, as JSON.

    python -m tests.benchmarks.transport_endurance            # 100 000 requests: some minutes
    python -m tests.benchmarks.transport_endurance 20000

Three parts: threads that share a synchronous client, 64 tasks that share an asynchronous one (both over an inner
transport that opens no socket), and a hundredth of the requests over real sockets, with two connections. Each request
has to end in an answer of the provider, in the one clear 429 of ours, or in the client's own exception for a broken
connection; no answer may stay open. Memory is that of the process, after the first tenth of a part and at its end.
"""

import argparse
import asyncio
import gc
import json
import logging
import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import httpx2

from bucket_failover.testing import EmbeddedProvider
from bucket_failover.transport import EXTENSION, AsyncFailoverTransport, FailoverTransport
from tests.support.inner import Answer, Inner

SEED: Final = 1_598
IN_FLIGHT: Final = 64
THREADS: Final = 8
URL: Final = "https://api.anthropic.com/v1/messages"
KEYS: Final = {f"bucket {number}": f"key-{number}" for number in range(4)}
BODY: Final = (
    b'{"model": "m", "max_tokens": 64, "stream": true, "messages": [{"role": "user", "content": "A haiku, please."}]}'
)

_SSE: Final = {"content-type": "text/event-stream", "x-provider": "yes"}
_PLAIN: Final = {"x-provider": "yes"}
_START: Final = b'event: message_start\ndata: {"type": "message_start"}\n\n'
_DELTA: Final = b'event: content_block_delta\ndata: {"type": "content_block_delta"}\n\n'
_ERROR: Final = b'event: error\ndata: {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}\n\n'
_SPENT: Final = {"anthropic-ratelimit-unified-status": "rejected"}


class World:
    """A provider that now and then refuses, breaks off, or answers with too much; and a clock that waits move.

    Args:
        seed: of its chances.
    """

    def __init__(self, seed: int) -> None:
        self.now = 1_786_553_400.0
        self.chance = random.Random(seed)  # noqa: S311 - the same story in each run
        self.inner = Inner(httpx2, self.answer)
        self.inner.keeps_requests = False
        self.ends: Counter[str] = Counter()

    def clock(self) -> float:
        """Unix seconds."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Wait on this clock."""
        self.now += max(seconds, 0.001)

    async def sleep_async(self, seconds: float) -> None:
        """Wait on this clock, and let others run."""
        self.sleep(seconds)
        await asyncio.sleep(0)

    def answer(self, _: Any) -> Answer:
        """What the provider says."""
        self.now += 0.05
        fault = self.chance.random()
        if self.now % 20.0 < 0.5:
            return Answer(429, _PLAIN | _SPENT | {"retry-after": "900"}, (b"{}",))  # all buckets are spent together
        if fault < 0.02:
            message = "broken"
            raise self.chance.choice((httpx2.ConnectError, httpx2.ReadTimeout, httpx2.RemoteProtocolError))(message)
        if fault < 0.05:
            seconds = str(self.chance.randrange(1, 120))
            return Answer(429, _PLAIN | _SPENT | {"retry-after": seconds}, (b'{"error": ', b"{}}"))
        return self._damaged(fault) or Answer(200, _SSE, (_START, _DELTA, None, _DELTA))

    @staticmethod
    def _damaged(fault: float) -> Answer | None:
        """An answer that is wrong in another way; None: in none."""
        broken = httpx2.RemoteProtocolError("broken off")
        damaged = (
            Answer(529, _PLAIN, (b"busy",)),
            Answer(500, _PLAIN, (b"half", broken)),
            Answer(503, _PLAIN, (b"x" * 1_100_000, b"more")),
            Answer(429, _PLAIN | {"content-encoding": "gzip", "retry-after": "1"}, (b"no gzip",)),
            Answer(200, _SSE, (_START, _ERROR, _DELTA)),
            Answer(200, _SSE, (_START, broken)),
            Answer(200, _SSE),
            Answer(400, _PLAIN, (b'{"error": {"message": "no such model"}}',)),
        )
        number = int((fault - 0.05) / 0.01)
        return damaged[number] if number < len(damaged) else None

    def ended(self, status: int, headers: Any, extensions: Any) -> None:
        """A request has ended with an answer: the provider's, or the one of ours."""
        if headers.get("x-provider") == "yes":
            self.ends[f"provider's {status}"] += 1
            return
        assert status == 429, status
        assert headers["x-should-retry"] == "false"
        assert EXTENSION in extensions
        self.ends["ours"] += 1
        self.now += 60.0  # without a call, no other time passes

    def broke(self, error: Exception) -> None:
        """A request has ended with the client's own exception."""
        self.ends[type(error).__name__] += 1

    def stops(self) -> bool:
        """Whether a caller stops reading half way."""
        return self.chance.random() < 0.05


def in_threads(world: World, requests: int, client: httpx2.Client, url: str = URL) -> None:
    """So many requests, from threads that share a client."""

    def several(count: int) -> None:
        for _ in range(count):
            try:
                with client.stream("POST", url, content=BODY) as answer:
                    for _ in answer.iter_raw():
                        if world.stops():
                            break
                world.ended(answer.status_code, answer.headers, answer.extensions)
            except httpx2.TransportError as error:
                world.broke(error)

    with ThreadPoolExecutor(THREADS) as pool:
        for done in [pool.submit(several, requests // THREADS) for _ in range(THREADS)]:
            done.result()


async def in_tasks(world: World, requests: int, client: httpx2.AsyncClient, url: str = URL) -> None:
    """So many requests, 64 at the same time."""

    async def several(count: int) -> None:
        for _ in range(count):
            try:
                async with client.stream("POST", url, content=BODY) as answer:
                    async for _ in answer.aiter_raw():
                        if world.stops():
                            break
                world.ended(answer.status_code, answer.headers, answer.extensions)
            except httpx2.TransportError as error:
                world.broke(error)

    await asyncio.gather(*(several(max(1, requests // IN_FLIGHT)) for _ in range(IN_FLIGHT)))


def play_threads(requests: int) -> dict[str, Any]:
    """The part with threads."""
    world = World(SEED)
    options: dict[str, Any] = {"clock": world.clock, "sleep": world.sleep, "inner": world.inner}
    transport = FailoverTransport(keys=KEYS, provider="anthropic", **options)
    with httpx2.Client(transport=transport, timeout=600.0) as client:
        in_threads(world, requests // 10, client)
        before = memory_kilobytes()
        in_threads(world, requests - requests // 10, client)
        return _told(world, before, len(transport.handler.snapshot().requests))


async def play_tasks(requests: int) -> dict[str, Any]:
    """The part with an event loop."""
    world = World(SEED)
    options: dict[str, Any] = {"clock": world.clock, "sleep": world.sleep_async, "inner": world.inner}
    transport = AsyncFailoverTransport(keys=KEYS, provider="anthropic", **options)
    async with httpx2.AsyncClient(transport=transport, timeout=600.0) as client:
        await in_tasks(world, requests // 10, client)
        before = memory_kilobytes()
        await in_tasks(world, requests - requests // 10, client)
        told = _told(world, before, len(transport.handler.snapshot().requests))
        for _ in range(100):
            await asyncio.sleep(0)  # generators that callers have left are closed by the event loop, in tasks
        return told | {"tasks": len(asyncio.all_tasks())}


def play_sockets(requests: int) -> dict[str, Any]:
    """The part over real sockets, with two connections for eight threads."""
    world = World(SEED)
    provider = EmbeddedProvider(clock=world.clock)
    keys = {}
    for name in KEYS:
        provider.add_account(name)
        keys[name] = provider.add_api_key(name)
    inner = httpx2.HTTPTransport(limits=httpx2.Limits(max_connections=2))
    options: dict[str, Any] = {"clock": world.clock, "sleep": world.sleep, "inner": inner, "provider": "anthropic"}
    with provider.serve_in_thread() as url:
        transport = FailoverTransport(keys=keys, base_url=url, patience_seconds=600.0, **options)
        with httpx2.Client(transport=transport, timeout=20.0) as client:
            for _ in range(max(1, requests // 80)):
                world.chance.choice((provider.overload, provider.disconnect_next, provider.reset_stream_next))()
                provider.break_stream_next(after_pieces=world.chance.randrange(2))
                in_threads(_Served(world), 80, client, f"{url}/v1/messages")
            held = [str(each) for each in inner._pool.connections if "IDLE" not in repr(each)]
            waiting = len(inner._pool._requests)
    return {"requests": sum(world.ends.values()), "ends": dict(world.ends), "held": held, "in_pool": waiting}


class _Served(World):
    """Counts for another world; over sockets every answer is the provider's, or ours."""

    def __init__(self, world: World) -> None:
        self.chance, self.ends, self.now = world.chance, world.ends, world.now

    def ended(self, status: int, headers: Any, extensions: Any) -> None:
        """See `World.ended`."""
        marked = {"x-provider": "no" if EXTENSION in extensions else "yes"}
        super().ended(status, {**headers, **marked}, extensions)


def memory_kilobytes() -> int:
    """What this process takes."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4


def _told(world: World, before: int, in_flight: int) -> dict[str, Any]:
    return {
        "requests": sum(world.ends.values()),
        "ends": dict(world.ends),
        "answers": world.inner.opened,
        "left_open": world.inner.open_now,
        "in_flight": in_flight,
        "growth_kilobytes": memory_kilobytes() - before,
    }


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.transport_endurance", description=__doc__)
    parser.add_argument("requests", nargs="?", type=int, default=100_000, help="how many; default: 100000")
    requests = parser.parse_args().requests
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # the server tells of each reader that has stopped
    told = {
        "threads": play_threads(requests // 2),
        "tasks": asyncio.run(play_tasks(requests // 2)),
        "sockets": play_sockets(requests // 100),
        "threads_left": threading.active_count() - 1,
    }
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
