"""The forms in which numbers, waits and moments are written: laws."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from email.utils import format_datetime
from math import isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucket_failover_core.formats import (
    number_in,
    parse_any_moment,
    parse_epoch_milliseconds,
    parse_epoch_seconds,
    parse_go_duration,
    parse_http_date,
    parse_number,
    parse_rfc_3339,
)

NOW = 1_786_553_400.0  # 2026-08-12 16:50:00 UTC
SECONDS = st.integers(0, 253_370_764_800)
MOMENTS = SECONDS.map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
NANOSECONDS = st.integers(0, 2**63 - 1) | st.sampled_from([0, 1, 999, 1_000, 10**6, 10**9, 60 * 10**9, 3_600 * 10**9])
PIECES = st.sampled_from(
    [
        "1",
        "0",
        "9" * 15,
        "9" * 16,
        ".",
        ".5",
        "-",
        "+",
        "e9",
        "s",
        "ms",
        "h",
        "m",
        "d",
        "T",
        "Z",
        "+02:00",
        " ",
        "\t",
        "2026-08-12",
        "16:50:00",
        "Wed, ",
        "12 Aug 2026 ",
        "GMT",
        "٣",
        "\ud800",
        "\x00",
        "NaN",
        "inf",
        "☃",
        "12-Aug-26 ",
    ]
)
TEXTS = st.text(max_size=60) | st.text(st.characters(), max_size=20) | st.lists(PIECES, max_size=10).map("".join)


def go_duration(nanoseconds: int) -> str:
    """As Go's `Duration.String` prints it."""
    if nanoseconds == 0:
        return "0s"
    if nanoseconds < 10**9:
        for unit, size in (("ms", 10**6), ("µs", 10**3), ("ns", 1)):
            if nanoseconds >= size:
                return f"{Decimal(nanoseconds) / size:f}{unit}"
    minutes, rest = divmod(nanoseconds, 60 * 10**9)
    seconds = f"{Decimal(rest) / 10**9:f}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes}m{seconds}" if hours else f"{minutes}m{seconds}" if minutes else seconds


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0s"),
        (1, "1ns"),
        (1_100, "1.1µs"),
        (2_200_000, "2.2ms"),
        (3_300_000_000, "3.3s"),
        (245_000_000_000, "4m5s"),
        (245_001_000_000, "4m5.001s"),
        (18_367_001_000_000, "5h6m7.001s"),
        (2**63 - 1, "2562047h47m16.854775807s"),
    ],
)
def test_the_printer_prints_as_go_does(nanoseconds: int, text: str) -> None:
    """The examples of Go's own `time_test.go`."""
    assert go_duration(nanoseconds) == text


@given(nanoseconds=NANOSECONDS)
def test_every_duration_that_go_prints_is_read(nanoseconds: int) -> None:
    """To the accuracy of a float."""
    assert parse_go_duration(go_duration(nanoseconds)) == pytest.approx(nanoseconds / 1e9, rel=1e-12, abs=0)


@given(whole=st.integers(0, 10**18), fraction=st.none() | st.text("0123456789", min_size=1, max_size=400))
def test_every_decimal_that_is_written_is_read(whole: int, fraction: str | None) -> None:
    """In any length; at most 1e15."""
    text = str(whole) if fraction is None else f"{whole}.{fraction}"
    expected = min(float(text), 1e15)
    assert parse_number(text) == pytest.approx(expected, rel=1e-14)
    assert number_in(text) == parse_number(text)
    if expected:
        assert parse_epoch_seconds(text) == parse_number(text)
        assert parse_epoch_milliseconds(text) == pytest.approx(expected / 1_000, rel=1e-14)


@given(value=st.floats(0, 1e15) | st.integers(0, 10**15))
def test_every_json_number_up_to_1e15_is_itself(value: float) -> None:
    """As a float."""
    assert number_in(value) == float(value)


@given(seconds=SECONDS, microseconds=st.integers(0, 999_999), offset=st.integers(-1_439, 1_439), letter=st.booleans())
def test_every_rfc_3339_moment_is_read(seconds: int, microseconds: int, offset: int, letter: bool) -> None:  # noqa: FBT001 - drawn
    """With any offset, with and without a fraction."""
    zone = UTC if letter else timezone(timedelta(minutes=offset))
    moment = datetime.fromtimestamp(seconds, zone).replace(microsecond=microseconds)
    text = moment.isoformat()
    assert parse_rfc_3339(text) == pytest.approx(moment.timestamp(), abs=1e-6)
    if letter:
        assert parse_rfc_3339(text.replace("+00:00", "Z")) == pytest.approx(moment.timestamp(), abs=1e-6)
    assert parse_any_moment(text, now=NOW) == parse_rfc_3339(text)


@given(moment=MOMENTS)
def test_every_http_date_that_is_written_is_read(moment: datetime) -> None:
    """As the standard library writes it, and in the form of C's `asctime`."""
    assert parse_http_date(format_datetime(moment, usegmt=True), now=NOW) == moment.timestamp()
    written = f"{moment:%a %b} {moment.day:>2} {moment:%H:%M:%S} {moment.year:04}"
    assert parse_http_date(written, now=NOW) == moment.timestamp()
    zeros = f"{moment:%a %b %d %H:%M:%S} {moment.year:04}"
    assert parse_http_date(zeros, now=NOW) == moment.timestamp()


@given(year=st.integers(1977, 2076), day=st.integers(0, 364), second=st.integers(0, 86_399))
def test_every_http_date_with_two_digits_is_read(year: int, day: int, second: int) -> None:
    """The obsolete form of RFC 850, in the hundred years that two digits can mean today."""
    moment = datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=day, seconds=second)
    assert parse_http_date(moment.strftime("%A, %d-%b-%y %H:%M:%S GMT"), now=NOW) == moment.timestamp()


@given(digits=st.integers(0, 99), this_year=st.integers(2_000, 2_049))
def test_two_digits_mean_the_last_such_year_that_is_not_over_fifty_ahead(digits: int, this_year: int) -> None:
    """By the dumb way: try the years one after the other."""
    now = datetime(this_year, 7, 1, tzinfo=UTC).timestamp()
    year = next(year for year in range(this_year + 50, 0, -1) if year % 100 == digits)
    told = parse_http_date(f"Monday, 02-Jan-{digits:02} 00:00:00 GMT", now=now)
    assert told == datetime(year, 1, 2, tzinfo=UTC).timestamp()


@given(text=TEXTS, now=st.floats(-1e15, 1e15))
def test_nothing_raises_and_what_is_read_is_finite(text: str, now: float) -> None:
    """Whatever is sent; numbers and waits are not negative, and no number is above 1e15."""
    number, milliseconds = parse_number(text), parse_epoch_milliseconds(text)
    for amount in (number, number_in(text), parse_epoch_seconds(text), milliseconds):
        assert amount is None or 0 <= amount <= 1e15
    wait = parse_go_duration(text)
    assert wait is None or (isfinite(wait) and wait >= 0)
    for moment in (parse_rfc_3339(text), parse_http_date(text, now=now), parse_any_moment(text, now=now)):
        assert moment is None or isfinite(moment)


@given(
    now=st.floats(allow_nan=False, allow_infinity=False), text=st.sampled_from(["Monday, 02-Jan-26 00:00:00 GMT", "7"])
)
def test_no_clock_breaks_a_parser(now: float, text: str) -> None:
    """Not even one beyond all calendars."""
    parse_http_date(text, now=now)
    parse_any_moment(text, now=now)


@given(size=st.integers(200, 400), piece=st.sampled_from(["1.", "1s", "9", " ", "1h1m", "2026-08-12T", "\u00b5s"]))
def test_what_is_too_long_for_any_form_is_unreadable(size: int, piece: str) -> None:
    """A duration or a moment of over 200 characters is none, whatever it begins with."""
    for head in ("1s", "2026-08-12T16:50:00Z", "Wed, 12 Aug 2026 16:50:00 GMT"):
        text = head + piece * size
        assert parse_rfc_3339(text) is None
        assert parse_http_date(text, now=NOW) is None
        assert parse_go_duration(text) is None or piece == " "


@pytest.mark.parametrize("piece", ["1.", "1.1.1.", "9", "0", "1s", "1h1m1s", "0.", "2026-08-12T", "Wed, ", " ", "-"])
def test_long_repeats_end(piece: str) -> None:
    """64 KiB of any repeat are read in linear time: this test ends."""
    text = piece * (65_536 // len(piece))
    for tail in ("", "x"):
        parse_number(text + tail)
        parse_go_duration(text + tail)
        parse_rfc_3339(text + tail)
        parse_any_moment(text + tail, now=NOW)
