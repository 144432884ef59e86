"""An answer is read once: what it was, what it says of quota and of windows, and all of it in our time."""

from typing import Any

import pytest

from bucket_failover_core import (
    AnswerRead,
    CallFailure,
    Cause,
    Verdict,
    classify_failure,
    read_answer,
    read_limits,
)
from bucket_failover_core.answers import read_windows
from bucket_failover_core.answers.classify import hear, is_success
from bucket_failover_core.answers.clock_skew import (
    ClockSkew,
)
from tests.core.answers.by_clock import limits_told, verdict_told, windows_told
from tests.support.worlds import limit

NOW = 1_786_553_400.0
"""Wed, 12 Aug 2026 16:50:00 GMT."""

DATE = "Wed, 12 Aug 2026 16:51:00 GMT"
"""A clock that is a minute ahead; half a second more, because it is cut to the second."""

AHEAD = 60.5

OPEN = (
    ("anthropic-ratelimit-unified-5h-status", "allowed"),
    ("anthropic-ratelimit-unified-5h-utilization", "0.4"),
    ("anthropic-ratelimit-unified-5h-reset", f"{NOW + 6_600:.0f}"),
)
USED_UP = (
    ("anthropic-ratelimit-requests-limit", "10"),
    ("anthropic-ratelimit-requests-remaining", "0"),
    ("anthropic-ratelimit-requests-reset", "2026-08-12T16:53:00Z"),
)
REJECTED = (
    ("anthropic-ratelimit-unified-status", "rejected"),
    ("anthropic-ratelimit-unified-7d-status", "rejected"),
    ("anthropic-ratelimit-unified-7d-reset", f"{NOW + 90_000:.0f}"),
    *OPEN,
)
ERROR_EVENT = 'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'

ANSWERS = [
    CallFailure(status=200),
    CallFailure(status=204, headers=(("x-request-id", "1"),), body="fine"),
    CallFailure(status=200, headers=OPEN),
    CallFailure(status=200, headers=USED_UP),
    CallFailure(status=200, headers=(*OPEN, *USED_UP)),
    CallFailure(status=200, body=ERROR_EVENT),
    CallFailure(status=199),
    CallFailure(status=300),
    CallFailure(status=302),
    CallFailure(),
    CallFailure(status=429),
    CallFailure(status=429, headers=(("retry-after", "20"),)),
    CallFailure(status=429, headers=REJECTED),
    CallFailure(status=401, body="no"),
    CallFailure(status=503, headers=(("retry-after", "20"),)),
    CallFailure(status=500, error_kind="network"),
    CallFailure(status=200, error_kind="timeout"),
    CallFailure(error_kind="cancelled"),
]

# Read once, it says what the single questions say.


@pytest.mark.parametrize("dated", [(), (("date", DATE),)])
@pytest.mark.parametrize("failure", ANSWERS)
def test_it_says_what_the_single_questions_say(failure: CallFailure, dated: tuple[tuple[str, str], ...]) -> None:
    """Verdict, limits, windows, and whether it was served, by the provider's clock."""
    failure = failure.model_copy(update={"headers": (*failure.headers, *dated)})
    skew = ClockSkew(seconds=AHEAD if dated else 0.0)
    told = read_answer(failure, now=NOW)
    served = is_success(failure)
    verdict = verdict_told(failure, now=NOW, skew=skew).value_or(None)
    limits = limits_told(failure, now=NOW, skew=skew).value_or(())
    assert told == AnswerRead(
        at=NOW,
        served=served,
        verdict=None if served else verdict,
        limits=limits if served else () if verdict is None else verdict.limits,
        readings=windows_told(failure, now=NOW, skew=skew),
        skew_seconds=AHEAD if dated else None,
    )


@pytest.mark.parametrize("reads_windows", [True, False])
@pytest.mark.parametrize("failure", ANSWERS)
def test_what_is_heard_is_what_the_single_questions_say(failure: CallFailure, reads_windows: bool) -> None:  # noqa: FBT001 - a column
    """By the clock that its moments are told by."""
    heard = hear(failure, now=NOW, reads_windows=reads_windows)
    served = is_success(failure)
    verdict = classify_failure(failure, now=NOW).value_or(None)
    assert heard.served is served
    assert heard.verdict == (None if served else verdict)
    assert heard.limits == (
        read_limits(failure, now=NOW).value_or(()) if served else () if verdict is None else verdict.limits
    )
    assert heard.readings == (read_windows(failure, now=NOW) if reads_windows else ())


# What is told.


def test_a_plain_answer_says_nothing_but_that_it_was_served() -> None:
    """When it came, and no more; so do answers with a text."""
    assert read_answer(CallFailure(status=200), now=NOW) == AnswerRead(at=NOW, served=True)
    assert read_answer(CallFailure(status=200, body="a poem"), now=NOW) == AnswerRead(at=NOW, served=True)


def test_a_failed_one_is_judged_at_its_own_moment() -> None:
    """A 429 with a wait of 20 s."""
    told = read_answer(CallFailure(status=429, headers=(("retry-after", "20"),)), now=NOW)
    wish = limit(NOW + 20, window="unknown", source="retry-after", detail="HTTP 429, retry-after", observed_at=NOW)
    verdict = Verdict(cause=Cause.THROTTLED, limits=(wish,), retry_not_before=NOW + 20, detail="HTTP 429")
    assert told == AnswerRead(at=NOW, served=False, verdict=verdict, limits=(wish,))


@pytest.mark.parametrize("failure", [CallFailure(status=302), CallFailure(), CallFailure(status=302, body="moved")])
def test_what_cannot_be_classified_is_neither_served_nor_judged(failure: CallFailure) -> None:
    """It says nothing that is known."""
    assert read_answer(failure, now=NOW) == AnswerRead(at=NOW, served=False)


@pytest.mark.parametrize(
    ("kind", "cause"), [("network", Cause.NETWORK), ("timeout", Cause.TIMEOUT), ("cancelled", Cause.CANCELLED)]
)
def test_no_answer_at_all_is_what_went_wrong(kind: Any, cause: Cause) -> None:
    """Whatever status is told beside it."""
    told = read_answer(CallFailure(status=200, headers=OPEN, error_kind=kind), now=NOW)
    assert told == AnswerRead(at=NOW, served=False, verdict=Verdict(cause=cause, detail=kind))


@pytest.mark.parametrize(
    ("fields", "told"), [({"model": "opus"}, {"model": "opus"}), ({"output_started": True}, {"output_started": True})]
)
@pytest.mark.parametrize("status", [200, 302])
def test_what_the_caller_says_of_its_call_is_kept(fields: dict[str, Any], told: dict[str, Any], status: int) -> None:
    """The model that was asked, and that output has started."""
    failure = CallFailure.model_validate({"status": status, **fields})
    assert read_answer(failure, now=NOW) == AnswerRead.model_validate({"at": NOW, "served": status == 200, **told})


def test_windows_that_are_still_open_are_read_unless_they_are_not_wanted() -> None:
    """Of a served answer and of a failed one; limits are told all the same."""
    for headers, status in ((OPEN, 200), (REJECTED, 429)):
        failure = CallFailure(status=status, headers=headers)
        wanted, plain = read_answer(failure, now=NOW), read_answer(failure, now=NOW, reads_windows=False)
        assert [reading.window for reading in wanted.readings] == ["5h"]
        assert plain.model_copy(update={"readings": wanted.readings}) == wanted
        assert plain.readings == ()


# In our time.


def test_moments_are_met_when_the_provider_means_them() -> None:
    """Its clock is a minute ahead: a reset comes a minute earlier by ours, a wait stays as long as it is."""
    dated = ("date", DATE)
    (window,) = read_answer(CallFailure(status=200, headers=(*OPEN, dated)), now=NOW).readings
    assert (window.resets_at, window.observed_at) == (NOW + 6_600 - AHEAD, NOW)
    (used_up,) = read_answer(CallFailure(status=200, headers=(*USED_UP, dated)), now=NOW).limits
    assert (used_up.until, used_up.observed_at) == (NOW + 180 - AHEAD, NOW)
    week = read_answer(CallFailure(status=429, headers=(*REJECTED, dated)), now=NOW)
    assert week.verdict is not None
    assert week.verdict.limits == week.limits
    assert [held.until for held in week.limits] == [NOW + 90_000 - AHEAD]
    assert week.verdict.retry_not_before is None
    wish = read_answer(CallFailure(status=503, headers=(("retry-after", "20"), dated)), now=NOW)
    assert wish.verdict is not None
    assert (wish.verdict.retry_not_before, wish.limits) == (NOW + 20, ())


@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        (DATE, AHEAD),
        ("Wed, 12 Aug 2026 16:49:00 GMT", -59.5),
        ("Wed, 12 Aug 2026 16:50:02 GMT", 0.0),
        ("Fri, 14 Aug 2026 16:50:02 GMT", None),
        ("yesterday", None),
        (None, None),
    ],
)
def test_how_far_the_senders_clock_is_from_ours_is_told(date: str | None, seconds: float | None) -> None:
    """As far as it is believed; of a failed answer and of a served one."""
    headers = () if date is None else (("Date", date),)
    for status in (200, 500):
        assert read_answer(CallFailure(status=status, headers=headers), now=NOW).skew_seconds == seconds


@pytest.mark.parametrize("now", [float("nan"), float("inf")])
def test_a_moment_is_a_number(now: float) -> None:
    """As everywhere."""
    with pytest.raises(ValueError, match=r"^now: "):
        read_answer(CallFailure(status=200), now=now)


def test_an_answer_survives_json() -> None:
    """As all values do."""
    told = read_answer(CallFailure(status=429, headers=(*REJECTED, ("date", DATE)), model="opus"), now=NOW)
    assert AnswerRead.model_validate_json(told.model_dump_json()) == told
