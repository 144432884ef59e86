"""How cost grows: with requests in flight that all hear one 429, and with buckets whose tokens all have to be read.

python -m tests.benchmarks.bursts
"""

import asyncio
import time
from collections.abc import Mapping
from types import MappingProxyType

from bucket_failover import ActiveBucket, BucketFailoverHandlerImpl, OAuthToken, RetryOrchestrator, in_memory_manager

REQUESTS = (250, 500, 1_000, 2_000)
BUCKETS = (50, 100, 200, 400)


class TooManyRequestsError(Exception):
    """A 429 that names the end of its window."""

    status_code = 429
    headers: Mapping[str, str] = MappingProxyType({"retry-after": "7200"})


async def burst(count: int) -> tuple[float, float]:
    """Seconds until all of them are served by the second bucket, and the longest that the event loop stood still."""
    manager = in_memory_manager("anthropic", {name: OAuthToken.from_api_key(name) for name in ("a", "b")})
    orchestrator = RetryOrchestrator(BucketFailoverHandlerImpl(["a", "b"], "anthropic", manager), manager)
    all_are_there, arrived, longest = asyncio.Event(), 0, 0.0

    async def operation(bucket: ActiveBucket) -> str:
        nonlocal arrived
        if bucket.name == "b":
            return bucket.name
        arrived += 1
        if arrived == count:
            all_are_there.set()
        await all_are_there.wait()
        raise TooManyRequestsError

    async def watch() -> None:
        nonlocal longest
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0)
            longest = max(longest, time.perf_counter() - began)

    watching = asyncio.create_task(watch())
    began = time.perf_counter()
    await asyncio.gather(*(orchestrator.call(operation) for _ in range(count)))
    seconds = time.perf_counter() - began
    watching.cancel()
    return seconds, longest


async def search(count: int) -> float:
    """Seconds of a request in which only the last of the buckets has a token."""
    names = [f"bucket-{place}" for place in range(count)]
    manager = in_memory_manager("anthropic", {names[-1]: OAuthToken.from_api_key("key")})
    orchestrator = RetryOrchestrator(BucketFailoverHandlerImpl(names, "anthropic", manager), manager)

    async def operation(bucket: ActiveBucket) -> str:
        return bucket.name

    began = time.perf_counter()
    await orchestrator.call(operation)
    return time.perf_counter() - began


def main() -> None:
    """Print both tables; the ratios are to the first line."""
    first = 0.0
    for count in REQUESTS:
        seconds, longest = asyncio.run(burst(count))
        first = first or seconds
        print(f"{count} requests hear one 429: {seconds:.2f} s, {seconds / first:.1f} times; loop held {longest:.2f} s")
    for count in BUCKETS:
        print(f"a search over {count} buckets: {asyncio.run(search(count)):.2f} s")


if __name__ == "__main__":
    main()
