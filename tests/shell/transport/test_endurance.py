"""The endurance run in short: 2 000 requests with random faults, of which nothing is left.

The long one is `python -m tests.benchmarks.transport_endurance`.
"""

import asyncio

from tests.benchmarks.transport_endurance import play_sockets, play_tasks, play_threads


def test_threads_that_share_a_client() -> None:
    """Each request ends as it should, and every answer is closed."""
    told = play_threads(960)
    assert (told["requests"], told["left_open"], told["in_flight"]) == (960, 0, 0)
    assert told["ends"]["provider's 200"] > 600
    assert told["ends"]["ours"] > 0


def test_tasks_that_share_a_client() -> None:
    """64 at the same time; no task is left."""

    async def limited() -> dict[str, object]:
        async with asyncio.timeout(60.0):
            return await play_tasks(960)

    told = asyncio.run(limited())
    assert (told["left_open"], told["in_flight"], told["tasks"]) == (0, 0, 1)


def test_two_connections_for_eight_threads() -> None:
    """Over real sockets: the pool is as free at the end as at the beginning."""
    told = play_sockets(80)
    assert (told["requests"], told["held"], told["in_pool"]) == (80, [], 0)
    assert told["ends"]["provider's 200"] > 60
