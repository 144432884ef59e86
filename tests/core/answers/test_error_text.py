"""What error messages say in words: waits, windows, the return of access."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucket_failover_core.answers.error_message import message_of
from bucket_failover_core.answers.error_text import parse_regained_access, parse_wait, windows_named
from bucket_failover_core.facts.limits import Window

UNITS = {
    0.001: ("ms", "msec", "msecs", "millisecond", "milliseconds"),
    1.0: ("s", "sec", "secs", "second", "seconds"),
    60.0: ("m", "min", "mins", "minute", "minutes"),
    3_600.0: ("h", "hr", "hrs", "hour", "hours"),
    86_400.0: ("d", "day", "days"),
    604_800.0: ("w", "week", "weeks"),
}
EVERY_UNIT = [(unit, seconds) for seconds, units in UNITS.items() for unit in units]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Please try again in 1d2h.", 93_600.0),
        ("try again in 2 days", 172_800.0),
        ("try again in 7d2h", 612_000.0),
        ("try again in 1.5h", 5_400.0),
        ("Please try again in 5.289s. Visit", 5.289),
        ("Please retry after 37 seconds.", 37.0),
        ("Try again after 1 minute", 60.0),
        ("RETRY IN 3 SECS", 3.0),
        ("retry again in 3s", 3.0),
        ("Please retry your request in 20s", 20.0),
        ("try your request again after 20s", 20.0),
        ("Please wait 5 minutes", 300.0),
        ("wait for 5 minutes", 300.0),
        ("wait for about 5 minutes", 300.0),
        ("try again in approximately 2 hours", 7_200.0),
        ("wait another 3 weeks", 1_814_400.0),
        ("try again in 1 hour and 30 minutes", 5_400.0),
        ("try again in 1 hour, 30 minutes", 5_400.0),
        ("try again in 1 hour, and 30 minutes", 5_400.0),
        ("try again in 1 hour,30 minutes", 5_400.0),
        ("try again in 1 hour 30 minutes", 5_400.0),
        ("try again in 6m0s", 360.0),
        ("try again in 2m59.56s", 179.56),
        ("try again in 900ms", 0.9),
        ("try again in 0s", 0.0),
        ("try again in 3s, or try again in 2m", 120.0),
        ("try again in 2m, or try again in 3s", 120.0),
        ("try again in " + "1s" * 8, 8.0),
        ("try again in " + "1s" * 9, 8.0),
        ("try again in " + "9" * 12 + "s", 1e12 - 1),
        ("try again in " + "9" * 13 + "s", None),
        ("try again in 1." + "5" * 18 + "s", 1.5555555555555556),
        ("try again in 1." + "5" * 19 + "s", None),
        ("try again in 5m30x", 300.0),
        ("try again in 5m and leave", 300.0),
        ("try again in 5 x", None),
        ("try again in 5  s", None),
        ("try again in 5sx", None),
        ("try again in 5 monthsx", None),
        ("try again in 1e3 seconds", None),
        ("try again in -5s", None),
        ("try again in .5s", None),
        ("try again in 1.5.5s", None),
        ("try again in ٣s", None),
        ("try again in five seconds", None),
        ("try again later", None),
        ("try again  in 5s", None),
        ("try again on 5s", None),
        ("entry in 5s", None),
        ("await 5s", None),
        ("trying in 5s", None),
        ("in 5 seconds", None),
        ("5 seconds", None),
        ("", None),
    ],
)
def test_waits(text: str, seconds: float | None) -> None:
    """Units from milliseconds to weeks, in up to eight parts; of several waits the longest counts."""
    assert parse_wait(message_of(text)) == (None if seconds is None else pytest.approx(seconds, rel=1e-12))


@pytest.mark.parametrize(("unit", "seconds"), EVERY_UNIT)
def test_every_unit_of_a_wait(unit: str, seconds: float) -> None:
    """Written in any case, with and without a space."""
    for text in (f"try again in 3{unit}", f"TRY AGAIN IN 3 {unit.upper()}!", f"wait 3 {unit.title()}, please"):
        assert parse_wait(message_of(text)) == pytest.approx(3 * seconds, rel=1e-12)


PARTS = st.tuples(st.integers(0, 10**6), st.sampled_from([pair for pair in EVERY_UNIT if len(pair[0]) > 1]))


@given(
    parts=st.lists(PARTS, min_size=1, max_size=8),
    joint=st.sampled_from([" ", ", ", ",", " and ", ", and ", ""]),
    start=st.sampled_from(["try again in", "Retry after", "wait", "wait for", "please retry your request in"]),
)
def test_every_wait_that_is_written_is_read(parts: list[tuple[int, tuple[str, float]]], joint: str, start: str) -> None:
    """It is the sum of its parts."""
    text = joint.join(f"{number} {unit}" for number, (unit, _) in parts)
    expected = sum(number * seconds for number, (_, seconds) in parts)
    assert parse_wait(message_of(f"Sorry. {start} {text}. Bye 99 days")) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("You will regain access on 2026-09-01 at 00:00 UTC.", 1_788_220_800.0),
        ("you will REGAIN ACCESS ON 2026-09-01 AT 00:01 utc", 1_788_220_860.0),
        ("You will regain access on 2026-02-30 at 00:00 UTC.", None),
        ("You will regain access on 2026-09-01 at 24:00 UTC.", None),
        ("You will regain access on 2026-09-01 at 00:00 PST.", None),
        ("You will regain access on 2026-09-01.", None),
        ("You will regain access on 2026-09-٣1 at 00:00 UTC.", None),
        ("You will regain access soon.", None),
        ("", None),
    ],
)
def test_the_return_of_access(text: str, moment: float | None) -> None:
    """A date and a time in UTC, as Anthropic writes them."""
    assert parse_regained_access(text) == moment


@pytest.mark.parametrize(
    ("text", "windows"),
    [
        ("Rate limit reached for gpt-5 on tokens per min (TPM): Limit 30000", {"minute"}),
        ("on requests per min (RPM)", {"minute"}),
        ("on requests per day (RPD)", {"day"}),
        ("on tokens per day (TPD): try", {"day"}),
        ("RPM and TPD", {"minute", "day"}),
        ("rpm", {"minute"}),
        ("tpm.", {"minute"}),
        ("Rate limit exceeded: free-models-per-day", {"day"}),
        ("Rate limit exceeded: free-models-per-min. ", {"minute"}),
        ("free-model-per-minute", {"minute"}),
        ("limit per week", {"week"}),
        ("quota per month", {"month"}),
        ("Daily limit", {"day"}),
        ("WEEKLY quota", {"week"}),
        ("your monthly budget, your daily one", {"month", "day"}),
        ("10 images per day", set()),
        ("requests per days", set()),
        ("per day", set()),
        ("requests  per day", set()),
        ("myrequests per day", set()),
        ("requests per hour", set()),
        ("TPH", set()),
        ("xTPM", set()),
        ("TPMx", set()),
        ("biweekly", set()),
        ("", set()),
    ],
)
def test_windows(text: str, windows: set[Window]) -> None:
    """Only what a limit is counted per; any word with a day in it is not enough."""
    assert windows_named(message_of(text)) == windows


WORDS = st.sampled_from(
    [
        "try again in ",
        "retry after ",
        "wait ",
        "for ",
        "about ",
        "1",
        "9" * 13,
        ".5",
        "d",
        "h",
        "ms",
        " seconds",
        ", ",
        " and ",
        "regain access on ",
        "2026-09-01",
        " at ",
        "00:00",
        " UTC",
        "tokens per ",
        "min",
        "day",
        "RPD",
        "٣",
        "\ud800",
        "ſ",
        "\n",
    ]
)


@given(text=st.text(max_size=80) | st.lists(WORDS, max_size=15).map("".join))
def test_nothing_raises_and_what_is_read_is_within_range(text: str) -> None:
    """A wait is at most eight times 10^12 weeks; and only windows that a word stands for are named."""
    wait, moment = parse_wait(message_of(text)), parse_regained_access(text)
    assert wait is None or 0 <= wait <= 8e12 * 604_800
    assert moment is None or -1e11 < moment < 1e12
    named = windows_named(message_of(text))
    assert named <= {"minute", "day", "week", "month"}
    assert not named or re.search(r"min|day|daily|week|month|[rt]p[md]", text, re.IGNORECASE)


@pytest.mark.parametrize(
    "piece",
    [
        "try again in 1d1d1d",
        "1d",
        "1 d ",
        "1.1.1.",
        "try again in ",
        "wait ",
        "wait for 1",
        "1" * 12,
        "1s, and ",
        "limit: 0",
        "requests per ",
        "regain access on ",
        "regain access on 2026-09-01 at ",
        "daily",
        "rpd ",
        " ",
        "\n",
    ],
)
def test_long_repeats_end(piece: str) -> None:
    """64 KiB of any repeat are read in linear time: this test ends."""
    for text in (piece * (65_536 // len(piece)), "try again in " + piece * (65_536 // len(piece)) + "x"):
        parse_wait(message_of(text))
        parse_regained_access(text)
        windows_named(message_of(text))
