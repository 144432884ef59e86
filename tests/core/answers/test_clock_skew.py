"""How far the provider's clock is from ours, and what that makes of its moments."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returns.pipeline import is_successful

from bucket_failover_core import CallFailure, Limit, Verdict, classify_failure, read_limits
from bucket_failover_core.answers import (
    ClockSkew,
    SkewUnknown,
    estimate_skew,
    read_windows,
)
from bucket_failover_core.answers.clock_skew import NO_SKEW
from tests.core.answers.by_clock import limits_told, verdict_told, windows_told

NOON = 1_786_536_000.0
"""2026-08-12 12:00:00 UTC, a Wednesday."""

DATE = "Wed, 12 Aug 2026 12:00:00 GMT"


def answer(*headers: tuple[str, str], status: int = 429, **fields: Any) -> CallFailure:
    """An answer with these headers."""
    return CallFailure(status=status, headers=headers, **fields)


def ahead(now: float, *dates: str, name: str = "Date") -> float | str:
    """How far its clock is ahead, or why the core does not know."""
    told = estimate_skew(answer(*((name, date) for date in dates)), now=now)
    return told.unwrap().seconds if is_successful(told) else told.failure().detail


@pytest.mark.parametrize(
    ("now", "seconds"),
    [
        (NOON + 0.5, 0.0),
        (NOON - 4.4, 0.0),
        (NOON - 4.5, 5.0),
        (NOON - 4.6, 5.1),
        (NOON + 5.4, 0.0),
        (NOON + 5.5, -5.0),
        (NOON - 60.0, 60.5),
        (NOON + 60.0, -59.5),
        (NOON - 86_399.5, 86_400.0),
        (NOON + 86_400.5, -86_400.0),
    ],
)
def test_the_difference_is_believed_between_five_seconds_and_a_day(now: float, seconds: float) -> None:
    """`Date` is cut to the second, so half of one is added; less than 5 s may be the answer's way to us."""
    assert ahead(now, DATE) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("now", "detail"),
    [
        (NOON - 86_399.6, "a difference of 86400 s is no clock's"),
        (NOON + 86_400.6, "a difference of -86400 s is no clock's"),
        (NOON - 90_000.0, "a difference of 90000 s is no clock's"),
        (0.0, "a difference of 1786536000 s is no clock's"),
    ],
)
def test_more_than_a_day_is_no_clock(now: float, detail: str) -> None:
    """It is a cached answer, or nonsense."""
    assert ahead(now, DATE) == detail


@pytest.mark.parametrize("date", ["", "now", "12", "Wed, 12 Aug 2026 12:00:00 CET", "Wed, 42 Aug 2026 12:00:00 GMT"])
def test_what_cannot_be_read_is_unknown(date: str) -> None:
    """Never zero."""
    assert ahead(NOON, date) == "the Date header cannot be read"


def test_where_a_date_is_looked_for() -> None:
    """A header in any case, in any of its three forms; of several the last: it is the nearest server's."""
    assert ahead(NOON) == "no Date header"
    assert ahead(NOON, DATE, name="last-modified") == "no Date header"
    for name in ("date", "DATE", "Date"):
        assert ahead(NOON - 60.0, DATE, name=name) == 60.5
    for date in ("Wednesday, 12-Aug-26 12:00:00 GMT", "Wed Aug 12 12:00:00 2026"):
        assert ahead(NOON - 60.0, date) == 60.5
    assert ahead(NOON - 60.0, "nonsense", DATE) == 60.5
    assert ahead(NOON - 60.0, DATE, "nonsense") == "the Date header cannot be read"


def test_a_successful_answer_has_a_clock_too() -> None:
    """And what is answered survives JSON."""
    told = estimate_skew(answer(("Date", DATE), status=200), now=NOON - 60.0).unwrap()
    assert ClockSkew.model_validate_json(told.model_dump_json()) == told == ClockSkew(seconds=60.5)
    unknown = estimate_skew(answer(), now=NOON).failure()
    assert SkewUnknown.model_validate_json(unknown.model_dump_json()) == unknown


AHEAD = ClockSkew(seconds=60.0)
BEHIND = ClockSkew(seconds=-3_600.0)
IN_TWO_HOURS = "Wed, 12 Aug 2026 14:00:00 GMT"


def ends(failure: CallFailure, skew: ClockSkew) -> tuple[float | None, list[float]]:
    """The wait, and the ends of the limits, in seconds from now."""
    verdict = verdict_told(failure, now=NOON, skew=skew).unwrap()
    limits = limits_told(failure, now=NOON, skew=skew).unwrap()
    assert limits in {verdict.limits, ()}  # an answer that speaks of none leaves a guess to the verdict
    assert all(limit.observed_at == NOON for limit in verdict.limits)
    wish = verdict.retry_not_before
    return (None if wish is None else wish - NOON, [limit.until - NOON for limit in verdict.limits])


@pytest.mark.parametrize("skew", [NO_SKEW, AHEAD, BEHIND])
def test_a_wait_stays_as_long_as_it_is(skew: ClockSkew) -> None:
    """Twenty seconds are twenty seconds on every clock; and so is a guess."""
    assert ends(answer(("retry-after", "20")), skew) == (20.0, [20.0])
    assert ends(answer(), skew) == (None, [60.0])


@pytest.mark.parametrize(
    ("skew", "seconds"),
    [(NO_SKEW, 7_200.0), (AHEAD, 7_140.0), (BEHIND, 10_800.0), (ClockSkew(seconds=1.0), 7_199.0)],
)
def test_a_moment_is_met_when_the_provider_means_it(skew: ClockSkew, seconds: float) -> None:
    """An HTTP date, and a reset in Unix seconds."""
    assert ends(answer(("retry-after", IN_TWO_HOURS)), skew) == (seconds, [seconds])
    reset = (
        ("anthropic-ratelimit-unified-5h-status", "rejected"),
        ("anthropic-ratelimit-unified-5h-reset", f"{NOON + 7_200:.0f}"),
    )
    assert ends(answer(*reset), skew) == (None, [seconds])


def test_a_moment_that_has_passed_only_by_our_clock_is_still_to_come() -> None:
    """The provider is an hour behind; its reset at 11:30 is our 12:30."""
    half_past = "Wed, 12 Aug 2026 11:30:00 GMT"
    assert ends(answer(("retry-after", half_past)), NO_SKEW) == (None, [60.0])
    assert ends(answer(("retry-after", half_past)), BEHIND) == (1_800.0, [1_800.0])


def test_ceilings_are_those_of_our_time() -> None:
    """A wild number benches a bucket for a week of ours, whatever the clocks."""
    body = json.dumps({"error": {"type": "usage_limit_reached", "resets_at": 9_999_999_999}})
    wild = answer(body=body, dialect="codex")
    for skew in (NO_SKEW, AHEAD, BEHIND):
        assert ends(wild, skew)[1] == [8 * 86_400.0]


def test_what_cannot_be_classified_stays_so() -> None:
    """Failures are handed through."""
    served = answer(status=200)
    unreadable = answer(("anthropic-ratelimit-unified-5h-reset", "soon"), status=200)
    assert verdict_told(served, now=NOON, skew=AHEAD) == classify_failure(served, now=NOON)
    assert not is_successful(read_limits(unreadable, now=NOON))
    assert limits_told(unreadable, now=NOON, skew=AHEAD) == read_limits(unreadable, now=NOON)


def test_a_moment_is_a_number() -> None:
    """As everywhere."""
    with pytest.raises(ValueError, match=r"^now: "):
        estimate_skew(answer(), now=float("nan"))


# Laws. Whole seconds, and halves: so that sums of them are exact.

HALVES = st.integers(-172_800, 172_800).map(lambda half: half / 2)
HEADERS = st.lists(
    st.sampled_from(
        (
            ("retry-after", "20"),
            ("retry-after", "7200"),
            ("retry-after", IN_TWO_HOURS),
            ("retry-after", "nonsense"),
            ("anthropic-ratelimit-unified-5h-status", "rejected"),
            ("anthropic-ratelimit-unified-5h-reset", f"{NOON + 500:.0f}"),
            ("x-codex-primary-used-percent", "100"),
            ("x-codex-primary-window-minutes", "300"),
            ("x-codex-primary-reset-after-seconds", "77"),
            ("x-ratelimit-remaining-requests", "0"),
            ("x-ratelimit-reset-requests", "6m0s"),
        )
    ),
    max_size=5,
).map(tuple)
ANSWERS = st.builds(
    CallFailure,
    status=st.sampled_from((200, 402, 429, 500, 529)),
    headers=HEADERS,
    dialect=st.sampled_from((None, "codex", "openai", "anthropic-subscription")),
    error_kind=st.sampled_from((None, None, None, "timeout")),
)


def shifted(limits: tuple[Limit, ...], seconds: float) -> list[dict[str, Any]]:
    """The limits, some seconds earlier, as plain data."""
    told = [limit.model_dump() for limit in limits]
    return [{**each, "until": each["until"] - seconds, "observed_at": each["observed_at"] - seconds} for each in told]


@given(failure=ANSWERS, seconds=HALVES)
def test_an_answer_is_read_by_its_clock_and_told_by_ours(failure: CallFailure, seconds: float) -> None:
    """As if it were read at the moment that its clock shows, and all of it moved back by the difference."""
    ours = verdict_told(failure, now=NOON, skew=ClockSkew(seconds=seconds))
    its = classify_failure(failure, now=NOON + seconds)
    assert is_successful(ours) == is_successful(its)
    if is_successful(its):
        one: Verdict = ours.unwrap()
        two: Verdict = its.unwrap()
        wish = two.retry_not_before
        assert one.retry_not_before == (None if wish is None else wish - seconds)
        assert [limit.model_dump() for limit in one.limits] == shifted(two.limits, seconds)
        assert (one.cause, one.detail) == (two.cause, two.detail)
    limits = limits_told(failure, now=NOON, skew=ClockSkew(seconds=seconds))
    told = read_limits(failure, now=NOON + seconds)
    assert is_successful(limits) == is_successful(told)
    if is_successful(told):
        assert [limit.model_dump() for limit in limits.unwrap()] == shifted(told.unwrap(), seconds)
    else:
        assert limits == told


@given(now=st.floats(NOON - 200_000, NOON + 200_000))
def test_a_clock_is_right_to_half_a_second_or_not_believed(now: float) -> None:
    """What is estimated is the truth, but for what `Date` cuts off."""
    told = estimate_skew(answer(("date", DATE)), now=now)
    truth = NOON - now  # up to a second more
    if is_successful(told) and told.unwrap() != NO_SKEW:
        assert 5 <= abs(told.unwrap().seconds) <= 86_400
        assert told.unwrap().seconds == pytest.approx(truth + 0.5, abs=1e-6)
    elif is_successful(told):
        assert abs(truth + 0.5) < 5
    else:
        assert abs(truth + 0.5) > 86_400


OPEN_WEEK = (
    ("anthropic-ratelimit-unified-7d-status", "allowed"),
    ("anthropic-ratelimit-unified-7d-utilization", "0.4"),
    ("anthropic-ratelimit-unified-7d-reset", str(int(NOON) + 9_000)),
)


@pytest.mark.parametrize("seconds", [-3_600.0, 60.5])
def test_readings_are_in_our_time_too(seconds: float) -> None:
    """When a window begins anew is a moment; when it was read, ours."""
    failure = answer(*OPEN_WEEK, status=200)
    (reading,) = windows_told(failure, now=NOON, skew=ClockSkew(seconds=seconds))
    assert (reading.resets_at, reading.observed_at) == (NOON + 9_000 - seconds, NOON)
    assert windows_told(failure, now=NOON) == read_windows(failure, now=NOON)


def test_a_reading_without_a_reset_has_none_in_our_time_either() -> None:
    """Unknown stays unknown."""
    failure = answer(*OPEN_WEEK[:2], status=200)
    (reading,) = windows_told(failure, now=NOON, skew=ClockSkew(seconds=60.0))
    assert (reading.resets_at, reading.observed_at) == (None, NOON)
