"""classify_failure and read_limits: statuses, waits, and hostile input."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returns.result import Failure, Success

from bucket_failover_core import (
    CallFailure,
    Cause,
    Limit,
    LimitsUnreadable,
    Unclassifiable,
    Verdict,
    classify_failure,
    read_limits,
)

NOW = 1_786_553_400.0
DAY = 86_400.0


def classify(status: int | None, *headers: tuple[str, str], **fields: object) -> Verdict | Unclassifiable:
    """The verdict on an answer."""
    failure = CallFailure.model_validate({"status": status, "headers": headers} | fields)
    answer = classify_failure(failure, now=NOW)
    return answer.unwrap() if isinstance(answer, Success) else answer.failure()


def wish(value: str, *more: tuple[str, str], status: int = 503) -> float | None:
    """The wait that is wished for, in seconds."""
    verdict = classify(status, ("Retry-After", value), *more)
    assert isinstance(verdict, Verdict)
    return None if verdict.retry_not_before is None else verdict.retry_not_before - NOW


@pytest.mark.requirement("REQ-1598-CL01")
@pytest.mark.parametrize(
    ("status", "cause"),
    [
        (401, Cause.UNAUTHENTICATED),
        (402, Cause.QUOTA),
        (403, Cause.FORBIDDEN),
        (404, Cause.CLIENT_ERROR),
        (408, Cause.TIMEOUT),
        (429, Cause.QUOTA),
        (500, Cause.SERVER_ERROR),
        (529, Cause.OVERLOADED),
    ],
)
def test_a_bare_status_decides(status: int, cause: Cause) -> None:
    """With nothing else to go by; the detail says what it was."""
    verdict = classify(status)
    assert isinstance(verdict, Verdict)
    assert (verdict.cause, verdict.retry_not_before, verdict.detail) == (cause, None, f"HTTP {status}")
    assert bool(verdict.limits) is (status in {402, 429})


@pytest.mark.parametrize("status", [429, 402])
def test_a_bare_refusal_is_guessed_to_last_a_minute(status: int) -> None:
    """A guess is advisory."""
    limit = Limit(
        until=NOW + 60.0,
        window="unknown",
        source="guess",
        detail=f"HTTP {status}, with no end given",
        observed_at=NOW,
    )
    assert classify(status) == Verdict(cause=Cause.QUOTA, limits=(limit,), detail=f"HTTP {status}")


@pytest.mark.parametrize(
    ("kind", "cause"), [("network", Cause.NETWORK), ("timeout", Cause.TIMEOUT), ("cancelled", Cause.CANCELLED)]
)
def test_an_error_kind_beats_a_status(kind: str, cause: Cause) -> None:
    """And creates no limit, whatever comes with it."""
    expected = Verdict(cause=cause, detail=kind)
    assert classify(None, error_kind=kind) == expected
    assert classify(429, ("retry-after", "9000"), error_kind=kind) == expected


@pytest.mark.parametrize(
    ("status", "detail"),
    [(None, "neither a status nor an error"), (200, "status 200 is no failure"), (304, "status 304 is no failure")],
)
def test_what_is_no_failure_cannot_be_classified(status: int | None, detail: str) -> None:
    """It says so."""
    assert classify(status) == Unclassifiable(detail=detail)


@pytest.mark.parametrize(
    ("seconds", "cause"),
    [
        ("1", Cause.THROTTLED),
        ("300", Cause.THROTTLED),
        ("300.5", Cause.QUOTA),
        ("301", Cause.QUOTA),
        ("0", Cause.QUOTA),
    ],
)
def test_a_short_wait_is_a_burst_and_a_long_one_a_window(seconds: str, cause: Cause) -> None:
    """Three hundred seconds are the boundary; a wait of nothing is nothing to go by (lesson 6)."""
    verdict = classify(429, ("retry-after", seconds))
    assert isinstance(verdict, Verdict)
    assert verdict.cause is cause
    assert isinstance(payment := classify(402, ("retry-after", seconds)), Verdict)
    assert payment.cause is Cause.QUOTA


def test_a_wish_on_a_refusal_is_a_limit_as_well() -> None:
    """Directive, and no longer than its window's ceiling."""
    limit = Limit(
        until=NOW + 20.0,
        window="unknown",
        source="retry-after",
        strength="directive",
        detail="HTTP 429, retry-after",
        observed_at=NOW,
    )
    verdict = Verdict(cause=Cause.THROTTLED, limits=(limit,), retry_not_before=NOW + 20.0, detail="HTTP 429")
    assert classify(429, ("retry-after", "20")) == verdict
    month = classify(429, ("retry-after", str(40 * 86_400)))
    assert isinstance(month, Verdict)
    assert month.limits[0].until == NOW + 8 * DAY
    assert month.retry_not_before == NOW + 32 * DAY


@pytest.mark.parametrize("status", [401, 403, 408, 500, 503, 529])
def test_a_wish_on_any_other_status_is_none(status: int) -> None:
    """The provider's own trouble benches no account (lesson 7)."""
    verdict = classify(status, ("retry-after", "20"))
    assert isinstance(verdict, Verdict)
    assert verdict.limits == ()
    assert verdict.retry_not_before == NOW + 20.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        (" 7 ", 7.0),
        ("1.5", 1.5),
        ("0", None),
        ("Wed, 12 Aug 2026 16:51:00 GMT", 60.0),
        ("Wednesday, 12-Aug-26 16:51:00 GMT", 60.0),
        ("Wed Aug 12 16:51:00 2026", 60.0),
        ("Wed, 12 Aug 2026 16:50:00 GMT", None),
        ("Wed, 12 Aug 2020 16:51:00 GMT", None),
        ("", None),
        ("-5", None),
        ("soon", None),
        ("1e3", None),
        ("NaN", None),
        ("٣", None),
        ("9" * 400, 32 * DAY),
        ("Wed, 12 Aug 2026 16:51:00 PST", None),
        ("x" * 100_000, None),
    ],
)
def test_a_wait_is_read_in_every_form_or_is_unknown(value: str, seconds: float | None) -> None:
    """Never zero, and never an exception."""
    assert wish(value) == seconds


@pytest.mark.parametrize(
    ("more", "seconds"),
    [
        ((), 20.0),
        ((("retry-after-ms", "1500"),), 1.5),
        ((("RETRY-AFTER-MS", "90000"),), 90.0),
        ((("retry-after-ms", "soon"),), 20.0),
        ((("retry-after", "30"),), 30.0),
        ((("retry-after", "10"), ("retry-after", "x")), 20.0),
        ((("retry-after-ms", "1"), ("retry-after-ms", "2000")), 2.0),
        ((("retry-after-ms", "0"),), None),
        ((("x-other", "99"),), 20.0),
    ],
)
def test_of_several_waits_milliseconds_count_first_and_then_the_later(
    more: tuple[tuple[str, str], ...], seconds: float | None
) -> None:
    """What cannot be read spoils nothing that can."""
    assert wish("20", *more) == seconds


def test_only_the_first_64_kib_of_the_headers_are_looked_at() -> None:
    """Names and values counted, to the character."""
    name, value = "retry-after", "20"
    room = 65_536 - len(name) - len(value)
    fits = classify(503, ("x" * room, ""), (name, value))
    beyond = classify(503, ("x" * room, "y"), (name, value))
    assert isinstance(fits, Verdict)
    assert isinstance(beyond, Verdict)
    assert fits.retry_not_before == NOW + 20.0
    assert beyond.retry_not_before is None


class TestReadLimits:
    """What an answer says about quota."""

    def test_a_refusal_with_a_wait(self) -> None:
        """The same limit as the verdict's."""
        failure = CallFailure(status=429, headers=(("retry-after", "20"),))
        verdict = classify_failure(failure, now=NOW).unwrap()
        assert read_limits(failure, now=NOW) == Success(verdict.limits)

    @pytest.mark.parametrize(
        "failure",
        [
            CallFailure(status=200),
            CallFailure(status=200, headers=(("retry-after", "soon"),)),
            CallFailure(status=429),
            CallFailure(status=429, headers=(("retry-after", "  "),)),
            CallFailure(status=429, headers=(("x-other", "soon"),)),
            CallFailure(status=503, headers=(("retry-after", "20"),)),
            CallFailure(status=429, headers=(("retry-after", "20"),), error_kind="timeout"),
        ],
    )
    def test_an_answer_that_speaks_of_none(self, failure: CallFailure) -> None:
        """An empty value is no speech."""
        assert read_limits(failure, now=NOW) == Success(())

    @pytest.mark.parametrize("name", ["retry-after", "Retry-After-MS"])
    def test_an_answer_that_cannot_be_read(self, name: str) -> None:
        """The field is named."""
        failure = CallFailure(status=429, headers=(("x", "y"), (name, "soon")))
        assert read_limits(failure, now=NOW) == Failure(LimitsUnreadable(detail=f"{name.lower()} cannot be read"))


HEADERS = st.lists(
    st.tuples(st.sampled_from(["retry-after", "Retry-After", "retry-after-ms", "x", ""]), st.text(max_size=40)),
    max_size=4,
).map(tuple)


@given(status=st.none() | st.integers(100, 999), headers=HEADERS, now=st.floats(-1e15, 1e15))
def test_no_input_whatever_raises(status: int | None, headers: tuple[tuple[str, str], ...], now: float) -> None:
    """And no wish or limit lies in the past or beyond its bounds."""
    failure = CallFailure(status=status, headers=headers)
    read_limits(failure, now=now)
    answer = classify_failure(failure, now=now)
    if isinstance(answer, Success):
        verdict = answer.unwrap()
        assert verdict.retry_not_before is None or now < verdict.retry_not_before <= now + 32 * DAY
        assert all(now < limit.until <= now + 8 * DAY for limit in verdict.limits)
