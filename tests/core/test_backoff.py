"""backoff_seconds: doubling, capped, and spread."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucket_failover_core.backoff import backoff_seconds


@pytest.mark.parametrize(
    ("failures", "seconds"), [(1, 5.0), (2, 10.0), (3, 20.0), (4, 30.0), (5, 30.0), (10_000, 30.0)]
)
def test_it_doubles_up_to_the_cap(failures: int, seconds: float) -> None:
    """However many failures there were."""
    assert backoff_seconds(failures, minimum=5.0, maximum=30.0, jitter=0.3, draw=0.5) == seconds


@pytest.mark.parametrize(("draw", "seconds"), [(0.0, 3.5), (0.5, 5.0), (0.75, 5.75)])
def test_it_is_spread_around_the_delay(draw: float, seconds: float) -> None:
    """Below it as far as above it."""
    assert backoff_seconds(1, minimum=5.0, maximum=30.0, jitter=0.3, draw=draw) == pytest.approx(seconds)


@given(st.integers(1, 200), st.floats(0.0, 1.0), st.floats(0.0, 1.0, exclude_max=True))
def test_it_stays_within_the_spread_of_the_cap(failures: int, jitter: float, draw: float) -> None:
    """No failure waits longer than the cap and its spread, and none less than the least delay's."""
    waited = backoff_seconds(failures, minimum=5.0, maximum=30.0, jitter=jitter, draw=draw)
    assert 5.0 * (1 - jitter) <= waited <= 30.0 * (1 + jitter)
