"""After many requests with random faults and cancellations nothing is left of them."""

import asyncio
from pathlib import Path

import pytest

from tests.benchmarks.endurance import measure


@pytest.mark.slow
def test_nothing_is_left_of_requests_that_have_ended(tmp_path: Path) -> None:
    """No request in flight, no task, no descriptor; threads are those of the pools, which are bounded."""
    left = asyncio.run(measure(2_000, tmp_path))
    assert (left["requests_in_flight"], left["tasks"], left["descriptors"]) == (0, 0, 0)
    assert left["threads"] <= 8
    assert left["growth_kilobytes"] < 2_000
