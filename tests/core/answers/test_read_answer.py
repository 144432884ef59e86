"""An answer is read once: what was it, what does it say of quota, by whose clock?"""

import pytest

from bucket_failover_core import AnswerRead, CallFailure, Cause, read_answer
from bucket_failover_core.answers import (
    classify_by_its_clock,
    estimate_skew,
    read_limits_by_its_clock,
    read_windows_by_its_clock,
)
from bucket_failover_core.answers.classify import is_success

NOW = 1_786_553_400.0
AHEAD = ("date", "Wed, 12 Aug 2026 16:51:00 GMT")  # a minute ahead of ours

ANSWERS = {
    "a plain success": CallFailure(status=200),
    "a success that says what is left": CallFailure(
        status=200,
        headers=(("x-codex-primary-used-percent", "40"), ("x-codex-primary-window-minutes", "300")),
    ),
    "a success that says what is spent": CallFailure(
        status=200, headers=(("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "6m0s"))
    ),
    "a bare refusal": CallFailure(status=429),
    "a refusal with a wait": CallFailure(status=429, headers=(("retry-after", "7200"),)),
    "the same, by a clock that is ahead": CallFailure(status=429, headers=(("retry-after", "7200"), AHEAD)),
    "an overload": CallFailure(status=529),
    "a timeout": CallFailure(error_kind="timeout"),
    "a cancellation": CallFailure(error_kind="cancelled"),
    "a client's error": CallFailure(status=400, body='{"error": {"message": "no"}}'),
    "nothing known": CallFailure(status=302),
    "an error event in a success": CallFailure(
        status=200, body='event: error\ndata: {"type": "error", "error": {"type": "overloaded_error"}}\n\n'
    ),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_it_says_what_the_single_readings_say(name: str) -> None:
    """Verdict, limits, windows, and whether it was served, by the sender's clock."""
    failure = ANSWERS[name]
    read = read_answer(failure, now=NOW)
    skew = estimate_skew(failure, now=NOW).value_or(None)
    clock = {} if skew is None else {"skew": skew}
    verdict = classify_by_its_clock(failure, now=NOW, **clock)
    assert read.at == NOW
    assert read.served == is_success(failure)
    assert read.verdict == verdict.value_or(None)
    assert read.readings == read_windows_by_its_clock(failure, now=NOW, **clock)
    assert read.skew_seconds == (None if skew is None else skew.seconds)
    limits = read_limits_by_its_clock(failure, now=NOW, **clock).value_or(())
    assert read.limits == (limits if read.verdict is None else read.verdict.limits)


def test_windows_are_read_only_where_they_are_asked_for() -> None:
    """A strategy or a limit asks for them."""
    failure = ANSWERS["a success that says what is left"]
    assert read_answer(failure, now=NOW).readings
    assert read_answer(failure, now=NOW, reads_windows=False) == AnswerRead(at=NOW, served=True)


def test_what_the_caller_knows_of_the_call_is_kept() -> None:
    """Its model, and that output has started."""
    read = read_answer(CallFailure(status=500, model="m", output_started=True), now=NOW)
    assert (read.model, read.output_started) == ("m", True)
    assert read.verdict is not None
    assert read.verdict.cause is Cause.SERVER_ERROR


def test_moments_are_told_in_our_time() -> None:
    """The wait stays as long as it is."""
    read = read_answer(ANSWERS["the same, by a clock that is ahead"], now=NOW)
    assert read.verdict is not None
    assert read.verdict.retry_not_before == NOW + 7_200
    assert [limit.until for limit in read.limits] == [NOW + 7_200]


def test_no_moment_is_refused() -> None:
    """NaN is none."""
    with pytest.raises(ValueError, match="now: nan"):
        read_answer(CallFailure(status=200), now=float("nan"))
