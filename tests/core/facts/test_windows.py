"""Readings of windows that are still open: the newest of each counts, and it replaces what was believed of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bucket_failover_core import Limit
from bucket_failover_core.facts import WindowReading
from bucket_failover_core.facts.windows import fullest, merge_readings, soonest_reset, without_stale
from tests.support.quotas import hard, soft


def reading(used: float | None = 0.5, resets_at: float | None = None, **fields: object) -> WindowReading:
    """Of the week, at 100.0."""
    told = {"window": "week", "used": used, "resets_at": resets_at, "observed_at": 100.0}
    return WindowReading.model_validate(told | fields)


WEEK, WEEK_LATER = reading(0.1), reading(0.2, observed_at=200.0)
HOURS = reading(0.3, window="5h")
OPUS = reading(0.4, model="opus")
ORG = reading(0.5, scope="organization")


@pytest.mark.parametrize("used", [-0.1, float("nan"), float("inf")])
def test_a_fraction_is_not_negative(used: float) -> None:
    """Nor endless; over 1 it may be: the user pays for the overage."""
    with pytest.raises(ValidationError, match="used"):
        reading(used)
    assert reading(1.2).used == 1.2


@pytest.mark.parametrize(
    ("held", "fresh", "merged"),
    [
        ((), (), ()),
        ((WEEK,), (), (WEEK,)),
        ((), (WEEK,), (WEEK,)),
        ((WEEK,), (WEEK_LATER,), (WEEK_LATER,)),
        ((WEEK, HOURS), (WEEK_LATER,), (HOURS, WEEK_LATER)),
        ((WEEK,), (HOURS,), (WEEK, HOURS)),
        ((WEEK,), (OPUS,), (WEEK, OPUS)),
        ((WEEK,), (ORG,), (WEEK, ORG)),
        ((WEEK, HOURS, OPUS, ORG), (OPUS, WEEK_LATER), (HOURS, ORG, OPUS, WEEK_LATER)),
        ((WEEK,), (reading(None, observed_at=None),), (reading(None, observed_at=None),)),
        ((WEEK,), (reading(0.9),), (reading(0.9),)),
    ],
)
def test_one_reading_of_each_window_stays(
    held: tuple[WindowReading, ...], fresh: tuple[WindowReading, ...], merged: tuple[WindowReading, ...]
) -> None:
    """The same window of the same scope and model; those held before first."""
    assert merge_readings(held, fresh) == merged


def test_a_late_answer_does_not_replace_a_newer_one() -> None:
    """The newest counts, in whatever order they come in."""
    assert merge_readings((WEEK_LATER,), (WEEK,)) == (WEEK_LATER,)


@pytest.mark.parametrize(
    ("limit", "stays"),
    [
        (soft(9_000.0, observed_at=99.0), False),
        (soft(9_000.0, observed_at=100.0), False),
        (soft(9_000.0, observed_at=100.1), True),
        (soft(9_000.0, observed_at=None), False),
        (hard(9_000.0, observed_at=99.0), False),
        (hard(9_000.0, observed_at=101.0), True),
        (soft(9_000.0, observed_at=99.0, window="5h"), True),
        (soft(9_000.0, observed_at=99.0, scope="organization"), True),
        (soft(9_000.0, observed_at=99.0, model="opus"), True),
        (soft(9_000.0, observed_at=99.0, source="operator"), True),
        (hard(9_000.0, observed_at=None, source="operator"), True),
    ],
)
def test_a_fresh_reading_replaces_a_stale_limit(limit: Limit, stays: bool) -> None:  # noqa: FBT001 - a column of the table
    """Of the same window, seen no later, however hard it is; an operator's word stays."""
    other = soft(8_000.0, window="day")
    assert without_stale((other, limit), (reading(), HOURS.model_copy(update={"observed_at": 0.0}))) == (
        (other, limit) if stays else (other,)
    )


def test_a_reading_of_unknown_age_is_fresh() -> None:
    """It has just come in."""
    assert without_stale((soft(9_000.0, observed_at=9e9),), (reading(observed_at=None),)) == ()
    assert without_stale((soft(9_000.0),), ()) == (soft(9_000.0),)


@pytest.mark.parametrize(
    ("moments", "soonest"),
    [
        ((), None),
        ((None,), None),
        ((999.0,), None),
        ((1_000.0,), None),
        ((1_000.5,), 1_000.5),
        ((3_000.0, 2_000.0), 2_000.0),
        ((None, 900.0, 3_000.0), 3_000.0),
    ],
)
def test_the_first_window_to_begin_anew(moments: tuple[float | None, ...], soonest: float | None) -> None:
    """Of those that are to come, and known."""
    assert soonest_reset(tuple(reading(resets_at=moment) for moment in moments), now=1_000.0) == soonest


@pytest.mark.parametrize(
    ("readings", "used"),
    [
        ((), 0.0),
        ((reading(None),), 0.0),
        ((reading(0.4),), 0.4),
        ((reading(0.4), HOURS, reading(0.7, 2_000.0)), 0.7),
        ((reading(0.4), reading(0.7, 1_000.0)), 0.4),
        ((reading(0.7, 999.0),), 0.0),
        ((reading(0.7, 1_000.5),), 0.7),
    ],
)
def test_the_fullest_window(readings: tuple[WindowReading, ...], used: float) -> None:
    """Of those that have not begun anew since."""
    assert fullest(readings, now=1_000.0) == used


READINGS = st.lists(
    st.builds(
        WindowReading,
        window=st.sampled_from(("5h", "week")),
        used=st.sampled_from((None, 0.5)),
        scope=st.sampled_from(("credential", "organization")),
        model=st.sampled_from((None, "opus")),
        observed_at=st.sampled_from((None, 1.0, 2.0)),
    ),
    max_size=4,
    unique_by=lambda each: (each.window, each.scope, each.model),
).map(tuple)


@given(held=READINGS, fresh=READINGS)
def test_each_window_has_one_reading(held: tuple[WindowReading, ...], fresh: tuple[WindowReading, ...]) -> None:
    """None is invented or forgotten, and what is learned twice is known once."""
    merged = merge_readings(held, fresh)
    subjects = [(each.window, each.scope, each.model) for each in merged]
    assert sorted(map(repr, subjects)) == sorted(
        {repr((each.window, each.scope, each.model)) for each in (*held, *fresh)}
    )
    assert set(merged) <= {*held, *fresh}
    assert set(merge_readings(merged, fresh)) == set(merged)
