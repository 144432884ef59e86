"""The forms in which waits and moments are written."""

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucket_failover_core.forms import parse_http_date, parse_number

NOW = 1_786_553_400.0  # 2026-08-12 16:50:00 UTC
MOMENTS = st.integers(0, 253_370_764_800).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("\t1.5 ", 1.5),
        ("9" * 15, 1e15 - 1),
        ("9" * 16, None),
        ("1.123456789", 1.123456789),
        ("1.1234567890", None),
        ("", None),
        (".5", None),
        ("5.", None),
        ("+5", None),
        ("-5", None),
        ("1_000", None),
        ("0x10", None),
        ("inf", None),
        ("1 2", None),
        ("5\n", None),
    ],
)
def test_numbers(text: str, number: float | None) -> None:
    """Plain decimals; anything else cannot be read."""
    assert parse_number(text) == number


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("Wed, 21 Oct 2026 07:28:00 GMT", 1_792_567_680.0),
        (" Wed, 21 Oct 2026 07:28:00 GMT\t", 1_792_567_680.0),
        ("Wednesday, 21-Oct-26 07:28:00 GMT", 1_792_567_680.0),
        ("Wed Oct 21 07:28:00 2026", 1_792_567_680.0),
        ("Thu Oct  1 07:28:00 2026", 1_790_839_680.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("Sat, 30 Jun 2012 23:59:60 GMT", 1_341_100_800.0),
        ("Sat, 30 Jun 2012 23:59:61 GMT", None),
        ("Sun, 06-Nov-94 08:49:37 GMT", 784_111_777.0),
        ("Wed, 21 Oct 2026 24:00:00 GMT", None),
        ("Wed, 31 Feb 2026 07:28:00 GMT", None),
        ("Wed, 21 okt 2026 07:28:00 GMT", None),
        ("Wed, 21 Oct 2026 07:28:00 UTC", None),
        ("21 Oct 2026 07:28:00 GMT", None),
        ("Wed, 21 Oct 0000 07:28:00 GMT", None),
        ("Wed, 2\u0661 Oct 2026 07:28:00 GMT", None),
        ("x" + "Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT" + " " * 12, None),
        ("", None),
    ],
)
def test_http_dates(text: str, moment: float | None) -> None:
    """The three forms of RFC 9110, 5.6.7; a leap second is the second after 59."""
    assert parse_http_date(text, now=NOW) == moment


@pytest.mark.parametrize(
    ("year", "full"), [("26", 2026), ("76", 2076), ("77", 1977), ("99", 1999), ("00", 2000), ("94", 1994)]
)
def test_a_year_of_two_digits_is_at_most_fifty_years_ahead(year: str, full: int) -> None:
    """Else it is in the past."""
    told = parse_http_date(f"Monday, 02-Jan-{year} 00:00:00 GMT", now=NOW)
    assert told == datetime(full, 1, 2, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("now", [1e300, -1e300])
def test_a_clock_beyond_all_calendars_does_not_break_it(now: float) -> None:
    """Then the two digits are the year."""
    assert parse_http_date("Monday, 02-Jan-26 00:00:00 GMT", now=now) == datetime(26, 1, 2, tzinfo=UTC).timestamp()


@given(moment=MOMENTS)
def test_every_date_that_is_written_is_read(moment: datetime) -> None:
    """As the standard library writes it."""
    assert parse_http_date(format_datetime(moment, usegmt=True), now=NOW) == moment.timestamp()


@given(text=st.text(max_size=60), now=st.floats(allow_nan=False, allow_infinity=False))
def test_nothing_raises(text: str, now: float) -> None:
    """Whatever is sent."""
    parse_number(text)
    parse_http_date(text, now=now)
