"""The meter alone: both sides of every boundary, and exactly on it."""

import pytest

from bucket_failover.testing.quota import Meter, Quota, Reading

TWO_PER_TEN = Quota(requests=2, window_seconds=10, window="5h")


def test_a_window_opens_with_its_first_request_and_ends_half_open() -> None:
    """Two requests in ten seconds; the third waits for the end, and at the very end it is let in."""
    meter = Meter(TWO_PER_TEN)
    readings = [meter.admit(now=now) for now in (100.0, 109.0, 109.5, 109.999, 110.0)]
    assert readings == [
        Reading(admitted=True, window="5h", utilization=0.5, resets_at=110.0, limit=2, remaining=1),
        Reading(admitted=True, window="5h", utilization=1.0, resets_at=110.0, limit=2),
        Reading(admitted=False, window="5h", utilization=1.0, resets_at=110.0, limit=2),
        Reading(admitted=False, window="5h", utilization=1.0, resets_at=110.0, limit=2),
        Reading(admitted=True, window="5h", utilization=0.5, resets_at=120.0, limit=2, remaining=1),
    ]


def test_a_clock_that_steps_back_opens_no_new_window() -> None:
    """The window's end is a moment, so an earlier moment is inside it."""
    meter = Meter(TWO_PER_TEN)
    meter.admit(now=100.0)
    assert meter.admit(now=50.0) == Reading(admitted=True, window="5h", utilization=1.0, resets_at=110.0, limit=2)


def test_no_quota_measures_nothing() -> None:
    """An unlimited account has no reading."""
    assert [Meter(None).admit(now=now) for now in (0.0, 0.0, 1e9)] == [None, None, None]


def test_a_quota_of_nothing_admits_nothing() -> None:
    """Zero requests per window: each window is spent from its start."""
    meter = Meter(Quota(requests=0, window_seconds=10))
    assert meter.admit(now=0.0) == Reading(admitted=False, window="5h", utilization=1.0, resets_at=10.0, limit=0)
    assert meter.admit(now=10.0) == Reading(admitted=False, window="5h", utilization=1.0, resets_at=20.0, limit=0)


@pytest.mark.parametrize(("quota", "window"), [(None, "5h"), (Quota(requests=1, window_seconds=5, window="7d"), "7d")])
def test_what_is_spent_outright_stays_spent_until_then(quota: Quota | None, window: str) -> None:
    """`spend` overrides what is left, whatever the quota; the last word counts."""
    meter = Meter(quota)
    meter.spend(until=900.0)
    meter.spend(until=200.0)
    reading = meter.admit(now=199.9)
    assert reading is not None
    assert (reading.admitted, reading.window, reading.utilization, reading.resets_at) == (False, window, 1.0, 200.0)
    fresh = meter.admit(now=200.0)
    assert fresh is None or fresh.admitted


def test_what_was_spent_until_the_past_is_not_spent() -> None:
    """A moment that is over limits nothing."""
    meter = Meter(None)
    meter.spend(until=100.0)
    assert meter.admit(now=100.0) is None
