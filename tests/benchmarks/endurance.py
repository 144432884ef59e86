"""Does anything grow? Many requests with random faults and cancellations; prints what is left, as JSON.

    python -m tests.benchmarks.endurance            # 100 000 requests: about a minute
    python -m tests.benchmarks.endurance 20000

Measured are Python's own allocations (`tracemalloc`) after the first tenth and at the end, and what is left in the end:
requests in flight, threads, descriptors, tasks.
"""

import argparse
import asyncio
import gc
import json
import random
import tempfile
import threading
import tracemalloc
from pathlib import Path

from bucket_failover import (
    ActiveBucket,
    BucketFailoverError,
    BucketFailoverHandlerImpl,
    OAuthToken,
    RetryOrchestrator,
    SqliteLimitStore,
    SqliteTokenStore,
    StoredOAuthManager,
)

_SEED = 1598
_NAMES = ("default", "claudius", "vybestack")
_IN_FLIGHT = 50


class FaultError(Exception):
    """A failed call, in the shape of the well-known clients' exceptions."""

    def __init__(self, status_code: int, **headers: str) -> None:
        super().__init__(f"HTTP {status_code}")
        self.status_code = status_code
        self.headers = headers


class World:
    """Accounts of which now and then one refuses, ends, hangs, or forgets its token.

    Args:
        folder: where the stores are.
    """

    def __init__(self, folder: Path) -> None:
        self.now = 1_000_000.0
        self.chance = random.Random(_SEED)  # noqa: S311 - the same story in each run
        self.tokens = SqliteTokenStore(folder / "tokens.db")
        self.limits = SqliteLimitStore(folder / "tokens.db")
        for name in _NAMES:
            self.tokens.write("anthropic", name, self.token())
        manager = StoredOAuthManager(self.tokens, refresh=self.refresh, clock=self.clock)
        self.handler = BucketFailoverHandlerImpl(
            list(_NAMES), "anthropic", manager, clock=self.clock, limits=self.limits
        )
        self.orchestrator = RetryOrchestrator(self.handler, manager, clock=self.clock, sleep=self.sleep)

    def clock(self) -> float:
        """Unix seconds."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Wait on this clock."""
        self.now += seconds
        await asyncio.sleep(0)

    def token(self) -> OAuthToken:
        """A new one."""
        name = f"{self.chance.random()}"
        fields = {"access_token": f"a{name}", "refresh_token": f"r{name}", "expiry": self.now + 3_600.0}
        return OAuthToken.model_validate(fields)

    async def refresh(self, _provider: str, _bucket: str, _held: OAuthToken) -> OAuthToken:
        """The issuer, which always issues."""
        return self.token()

    async def operation(self, bucket: ActiveBucket) -> str:
        """One call."""
        self.now += 0.01
        fault = self.chance.random()
        if fault < 0.02:
            raise FaultError(429, **{"retry-after": str(self.chance.randrange(1, 300))})
        if fault < 0.04:
            raise FaultError(self.chance.choice((401, 403, 500, 503, 529, 400)))
        if fault < 0.05:
            raise asyncio.CancelledError
        if fault < 0.06:
            raise ZeroDivisionError
        if fault < 0.07:
            await asyncio.sleep(0)
        return bucket.name

    async def play(self, requests: int) -> None:
        """So many requests, some at the same time."""
        for _ in range(requests // _IN_FLIGHT):
            calls = (self.orchestrator.call(self.operation) for _ in range(_IN_FLIGHT))
            for outcome in await asyncio.gather(*calls, return_exceptions=True):
                expected = str | BucketFailoverError | FaultError | ZeroDivisionError | asyncio.CancelledError
                assert isinstance(outcome, expected), outcome


def descriptors_open() -> int:
    """How many this process has."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def measure(requests: int, folder: Path) -> dict[str, float]:
    """Play, and count what is left."""
    world = World(folder)
    threads, descriptors = threading.active_count(), descriptors_open()
    await world.play(requests // 10)
    gc.collect()
    tracemalloc.start()
    await world.play(requests // 10)
    gc.collect()
    before, _ = tracemalloc.get_traced_memory()
    await world.play(requests - 2 * (requests // 10))
    world.handler.flush_limits()
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    left = {
        "requests": float(requests),
        "growth_kilobytes": round((after - before) / 1_000, 1),
        "requests_in_flight": float(len(world.handler.snapshot().requests)),
        "threads": float(threading.active_count() - threads),
        "descriptors": float(descriptors_open() - descriptors),
        "tasks": float(len(asyncio.all_tasks()) - 1),
    }
    world.tokens.close()
    world.limits.close()
    return left


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.endurance", description=__doc__)
    parser.add_argument("requests", nargs="?", type=int, default=100_000, help="how many; default: 100000")
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(asyncio.run(measure(parser.parse_args().requests, Path(folder))), indent=2))


if __name__ == "__main__":
    main()
