"""What several dialects have in common: waits in headers, and counts with the moment of their refill."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucket_failover_core import CallFailure, classify_failure
from bucket_failover_core.answers.rate_limit_headers import asked_wait, read_count
from bucket_failover_core.answers.response import answer_of
from bucket_failover_core.answers.signals import NOTED, Open, Signal, Unreadable, UsedUp
from tests.core.answers.answers import NOW, Pairs, answer

REMAINING, RESET = "x-ratelimit-remaining-x", "x-ratelimit-reset-x"


@pytest.mark.parametrize(
    ("headers", "wait", "unreadable"),
    [
        ((), None, ""),
        ((("retry-after", "20"),), 20.0, ""),
        ((("retry-after", "0"),), 0.0, ""),
        ((("retry-after", "soon"),), None, "retry-after"),
        ((("retry-after", "Wed, 12 Aug 2026 16:51:00 GMT"),), 60.0, ""),
        ((("retry-after", "Wed, 12 Aug 2026 16:49:00 GMT"),), -60.0, ""),
        ((("retry-after", "20"), ("retry-after", "30")), 30.0, ""),
        ((("retry-after", "30"), ("retry-after", "20")), 30.0, ""),
        ((("retry-after", "30"), ("retry-after", "Wed, 12 Aug 2026 16:51:00 GMT")), 60.0, ""),
        ((("retry-after", "soon"), ("retry-after", "20")), 20.0, "retry-after"),
        ((("retry-after-ms", "1500"),), 1.5, ""),
        ((("x-ms-retry-after-ms", "1500"),), 1.5, ""),
        ((("retry-after-ms", "1500"), ("x-ms-retry-after-ms", "2500")), 2.5, ""),
        ((("retry-after-ms", "2500"), ("x-ms-retry-after-ms", "1500")), 2.5, ""),
        ((("retry-after-ms", "1500"), ("retry-after", "20")), 1.5, ""),
        ((("retry-after", "1"), ("retry-after-ms", "1500")), 1.5, ""),
        ((("retry-after-ms", "soon"), ("retry-after", "20")), 20.0, "retry-after-ms"),
        ((("x-ms-retry-after-ms", "-1"), ("retry-after", "x")), None, "x-ms-retry-after-ms"),
        ((("retry-after-ms", "Wed, 12 Aug 2026 16:51:00 GMT"),), None, "retry-after-ms"),
    ],
)
def test_waits_in_headers(headers: Pairs, wait: float | None, unreadable: str) -> None:
    """Milliseconds beat seconds; of several, the later counts; the last that cannot be read is named."""
    moment, fields = asked_wait(answer_of(answer(429, *headers)), now=NOW)
    assert moment == (None if wait is None else NOW + wait)
    assert fields == unreadable


def is_open(wait: float | None = None) -> Open:
    """Something remains."""
    return Open("day", resets_at=None if wait is None else NOW + wait)


def count(*values: tuple[str, str], reads_open: bool = False) -> Signal | None:
    """What a pair of headers says; its resets are plain seconds. Of an open allowance only window and end are told."""
    names = {"remaining": REMAINING, "reset": RESET}
    found = answer_of(answer(200, *((names[name], value) for name, value in values)), reads_open=reads_open)
    said = read_count(
        found,
        REMAINING,
        RESET,
        lambda text, now: now + float(text) if text.isdecimal() else None,
        now=NOW,
        window="day",
        scope="model",
        model="m",
    )
    return Open(said.window, said.used, said.resets_at) if isinstance(said, Open) else said


def used_up(wait: float | None) -> UsedUp:
    """Nothing remains."""
    until = None if wait is None else NOW + wait
    return UsedUp("day", until, "header", "advisory", "model", "m", f"{REMAINING}: 0", yields=True)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((), None),
        ((("remaining", " "), ("reset", "")), None),
        ((("remaining", "0"),), used_up(None)),
        ((("remaining", "0"), ("reset", "37")), used_up(37.0)),
        ((("remaining", "0.0"), ("reset", "37")), used_up(37.0)),
        ((("remaining", "00"), ("reset", "37")), used_up(37.0)),
        ((("remaining", "0"), ("reset", "soon")), used_up(None)),
        ((("remaining", "0"), ("reset", "37"), ("reset", "30"), ("reset", "x")), used_up(37.0)),
        ((("remaining", "0"), ("remaining", "5")), used_up(None)),
        ((("remaining", "5"), ("remaining", "0")), used_up(None)),
        ((("remaining", "x"), ("remaining", "0")), used_up(None)),
        ((("remaining", "5"),), is_open()),
        ((("remaining", "1"), ("reset", "x")), is_open()),
        ((("remaining", "05"), ("reset", "37")), is_open(37)),
        ((("remaining", "0.5"), ("reset", "37")), is_open(37)),
        ((("remaining", "5"), ("remaining", "7"), ("reset", "37")), is_open(37)),
        ((("reset", "37"),), NOTED),
        ((("remaining", "x"), ("reset", "37")), NOTED),
        ((("remaining", "x"),), Unreadable(REMAINING)),
        ((("remaining", "-1"), ("reset", "x")), Unreadable(REMAINING)),
        ((("remaining", "٣"),), Unreadable(REMAINING)),
        ((("reset", "x"),), Unreadable(RESET)),
    ],
)
def test_counts(values: Pairs, said: Signal | None) -> None:
    """Zero is used up, more is open; the least of several counts, and the later reset."""
    assert count(*values) == said


def test_open_allowances_are_read_in_full_where_that_is_wanted() -> None:
    """Else their reset is not looked at, for nearly every success has one."""
    assert count(("remaining", "5"), ("reset", "37")) == is_open()
    assert count(("remaining", "5"), ("reset", "37"), reads_open=True) == is_open(37)


def test_an_open_allowance_says_whom_it_concerns() -> None:
    """Where it is read in full."""
    found = answer_of(answer(200, (REMAINING, "5")), reads_open=True)
    said = read_count(found, REMAINING, RESET, lambda text, now: None, now=NOW, window="day", scope="model", model="m")
    assert said == Open("day", None, None, "model", "m")


def test_a_count_is_the_credentials_unless_the_dialect_says_otherwise() -> None:
    """And about no model."""
    found = answer_of(answer(200, (REMAINING, "0")))
    said = read_count(found, REMAINING, RESET, lambda text, now: None, now=NOW, window="minute")
    assert said == UsedUp("minute", None, "header", "advisory", "credential", None, f"{REMAINING}: 0", yields=True)


VALUES = st.sampled_from(["", "0", "5", "-1", "x", "37", "٣", "\ud800", "9" * 400, "1.5"]) | st.text(max_size=5)


@given(
    headers=st.lists(
        st.tuples(st.sampled_from([REMAINING, RESET, "retry-after", "retry-after-ms"]), VALUES), max_size=6
    ),
    now=st.floats(-1e12, 1e12),
)
def test_nothing_raises(headers: list[tuple[str, str]], now: float) -> None:
    """And every wait is a moment, or a field that cannot be read."""
    found = answer_of(answer(429, *headers))
    moment, unreadable = asked_wait(found, now=now)
    is_asked = bool(found.values("retry-after") or found.values("retry-after-ms"))
    assert (moment is not None or unreadable != "") is is_asked
    assert unreadable in {"", "retry-after", "retry-after-ms"}
    said = read_count(found, REMAINING, RESET, lambda text, now: None, now=now, window="day")
    assert (said is None) is (not found.values(REMAINING) and not found.values(RESET))


@pytest.mark.parametrize(
    ("text", "seconds"), [("20, 30", 30.0), ("30,20", 30.0), ("20, soon", None), (",", None), ("20,", None)]
)
def test_numbers_that_a_client_has_joined(text: str, seconds: float | None) -> None:
    """Repeated headers may come as one (RFC 9110, 5.3); the larger counts, if all can be read."""
    failure = CallFailure(status=503, headers=(("retry-after", text),))
    verdict = classify_failure(failure, now=1_000.0).unwrap()
    assert verdict.retry_not_before == (None if seconds is None else 1_000.0 + seconds)
