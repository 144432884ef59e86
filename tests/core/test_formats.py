"""The forms in which numbers, waits and moments are written: examples."""

import time
from datetime import UTC, datetime

import pytest

from bucket_failover_core.formats import (
    number_in,
    parse_any_moment,
    parse_epoch_milliseconds,
    parse_epoch_seconds,
    parse_go_duration,
    parse_http_date,
    parse_number,
    parse_rfc_3339,
    printable,
)

NOW = 1_786_553_400.0  # 2026-08-12 16:50:00 UTC


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("\t1.5 ", 1.5),
        ("9" * 15, 1e15 - 1),
        ("9" * 16, 1e15),
        ("1" + "0" * 15, 1e15),
        ("9" * 400, 1e15),
        ("0" * 400, 0.0),
        ("0" * 400 + ".25", 0.25),
        ("0" * 400 + "7", 7.0),
        ("0" * 400 + "9" * 15, 1e15 - 1),
        ("0" * 400 + "9" * 16, 1e15),
        ("9" * 16 + ".5", 1e15),
        ("1.123456789", 1.123456789),
        ("1.1234567890", 1.123456789),
        ("1.1234567890123", 1.1234567890123),
        ("1.12345678901234", 1.12345678901234),
        ("1." + "5" * 400, 1.5555555555555556),
        ("", None),
        (" ", None),
        (".5", None),
        ("5.", None),
        ("5.5.5", None),
        ("+5", None),
        ("-5", None),
        ("-0", None),
        ("1e9", None),
        ("1_000", None),
        ("1,000", None),
        ("0x10", None),
        ("inf", None),
        ("NaN", None),
        ("1 2", None),
        ("5\n", None),
        ("\u00a05", None),
        ("X5", None),
        ("٣", None),
        ("1.٣", None),
        ("\ud800", None),
    ],
)
def test_numbers(text: str, number: float | None) -> None:
    """Plain decimals of any length; more than fifteen digits are the largest number; anything else cannot be read."""
    told = parse_number(text)
    assert told == (None if number is None else pytest.approx(number, rel=1e-13))
    assert number is None or isinstance(told, float)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (37, 37.0),
        (37.5, 37.5),
        ("37", 37.0),
        (" 37.5 ", 37.5),
        (0, 0.0),
        (0.0, 0.0),
        ("0", 0.0),
        (10**15, 1e15),
        (10**15 + 1, 1e15),
        (10**400, 1e15),
        (-1, None),
        (-0.5, None),
        ("-1", None),
        ("", None),
        (True, None),
        (False, None),
        (None, None),
        (float("nan"), None),
        (float("inf"), 1e15),
        ([37], None),
        ({"37": 37}, None),
    ],
)
def test_numbers_in_json(value: object, number: float | None) -> None:
    """Written as a number or as a text; a boolean is none, and no provider means more than 1e15."""
    told = number_in(value)
    assert told == number
    assert told is None or isinstance(told, float)


@pytest.mark.parametrize(
    ("text", "moment"),
    [("1786553400", 1_786_553_400.0), ("1.5", 1.5), ("1", 1.0), ("0", None), ("0.0", None), ("", None), ("-1", None)],
)
def test_moments_in_epoch_seconds(text: str, moment: float | None) -> None:
    """A zero is a placeholder, and cannot be read."""
    assert parse_epoch_seconds(text) == moment


@pytest.mark.parametrize(
    ("text", "moment"),
    [("1788220800000", 1_788_220_800.0), ("1500", 1.5), ("1", 0.001), ("0", None), ("", None), ("x", None)],
)
def test_moments_in_epoch_milliseconds(text: str, moment: float | None) -> None:
    """A thousandth; a zero is a placeholder, and cannot be read."""
    assert parse_epoch_milliseconds(text) == moment


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-08-21T12:41:00Z", 1_755_780_060.0),
        ("2025-08-21T14:41:00.000+02:00", 1_755_780_060.0),
        ("2025-08-21T07:11:00-05:30", 1_755_780_060.0),
        ("2025-08-21t12:41:00z", 1_755_780_060.0),
        ("2025-08-21 12:41:00Z", 1_755_780_060.0),
        ("\t2025-08-21T12:41:00Z ", 1_755_780_060.0),
        ("2025-08-21T12:41:00-00:00", 1_755_780_060.0),
        ("2025-08-21T12:41:00.5Z", 1_755_780_060.5),
        ("2025-08-21T12:41:00.123456789Z", 1_755_780_060.123456789),
        ("2025-08-21T12:41:59Z", 1_755_780_119.0),
        ("2016-12-31T23:59:60Z", 1_483_228_800.0),
        ("2016-12-31T23:59:61Z", None),
        ("1970-01-01T00:00:00Z", 0.0),
        ("1969-12-31T23:59:59Z", -1.0),
        ("0001-01-01T00:00:00Z", -62_135_596_800.0),
        ("9999-12-31T23:59:59Z", 253_402_300_799.0),
        ("9999-12-31T23:59:59-23:59", 253_402_387_139.0),
        ("0000-01-01T00:00:00Z", None),
        ("2025-02-29T00:00:00Z", None),
        ("2024-02-29T00:00:00Z", 1_709_164_800.0),
        ("2025-13-01T00:00:00Z", None),
        ("2025-08-21T24:00:00Z", None),
        ("2025-08-21T23:60:00Z", None),
        ("2025-08-21T12:41:00+24:00", None),
        ("2025-08-21T12:41:00+02:60", None),
        ("2025-08-21T12:41:00", None),
        ("2025-08-21T12:41Z", None),
        ("2025-08-21", None),
        ("2025-08-21T12:41:00.Z", None),
        ("2025-08-21T12:41:00+0200", None),
        ("20250821T124100Z", None),
        ("2025-08-21T12:41:0٣Z", None),
        ("2025-08-21T12:41:00Z x", None),
        ("x2025-08-21T12:41:00Z", None),
        ("X2025-08-21T12:41:00Z", None),
        ("2025-08-21T12:41:00Z\n", None),
        ("2025-08-21T12:41:00Z" + " " * 180, 1_755_780_060.0),
        ("2025-08-21T12:41:00Z" + " " * 181, None),
        ("", None),
    ],
)
def test_rfc_3339(text: str, moment: float | None) -> None:
    """A date, a time and an offset; a leap second is the second after 59; a few characters are looked at."""
    assert parse_rfc_3339(text) == moment


def test_rfc_3339_has_any_number_of_fraction_digits() -> None:
    """`time-secfrac = "." 1*DIGIT`, RFC 3339, 5.6."""
    assert parse_rfc_3339("2025-08-21T12:41:00.5000000000Z") == 1_755_780_060.5


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("6m0s", 360.0),
        ("12ms", 0.012),
        ("2m59.56s", 179.56),
        ("1h2m3s", 3_723.0),
        ("34.07s", 34.07),
        ("900ms", 0.9),
        ("562476.75s", 562_476.75),
        ("156h14m36.75s", 562_476.75),
        ("0s", 0.0),
        ("0", 0.0),
        (" 7s\t", 7.0),
        ("5us", 5e-6),
        ("5µs", 5e-6),
        ("5μs", 5e-6),
        ("5ns", 5e-9),
        ("2562047h47m16.854775807s", 9_223_372_036.854775807),
        ("1s1h", 3_601.0),
        ("1.5h", 5_400.0),
        ("1m", 60.0),
        ("9" * 15 + "s", 1e15 - 1),
        ("9" * 16 + "s", None),
        ("1." + "5" * 18 + "s", 1.5555555555555556),
        ("1." + "5" * 19 + "s", None),
        ("1s" * 8, 8.0),
        ("1s" * 9, None),
        ("1s" + " " * 198, 1.0),
        ("1s" + " " * 199, 1.0),
        ("1s" + "x" * 199, None),
        ("-1s", None),
        ("+1s", None),
        ("37", None),
        ("1.s", None),
        (".5s", None),
        ("1 s", None),
        ("1d", None),
        ("1S", None),
        ("s", None),
        ("1s 1s", None),
        ("X1s", None),
        ("1s\n", None),
        ("00", None),
        ("٣s", None),
        ("", None),
    ],
)
def test_go_durations(text: str, seconds: float | None) -> None:
    """As Go prints them: units from nanoseconds to hours, at most eight parts."""
    told = parse_go_duration(text)
    assert told == (None if seconds is None else pytest.approx(seconds, rel=1e-12))
    assert seconds is None or isinstance(told, float | int)


def test_a_go_duration_has_two_hundred_characters_at_most() -> None:
    """To the character."""
    long = ("9" * 15 + "." + "5" * 18 + "ns") * 5
    assert parse_go_duration(long + "9" * 15 + ".55ms") == pytest.approx(1e12, rel=1e-3)
    assert parse_go_duration(long + "9" * 15 + ".555ms") is None


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("37", NOW + 37),
        ("0", NOW),
        ("99999999", NOW + 99_999_999),
        ("100000000", 1e8),
        ("1786553400", NOW),
        ("99999999999", 99_999_999_999.0),
        ("100000000000", 1e8),
        ("1786553400000", NOW),
        ("37s", NOW + 37),
        ("1m30s", NOW + 90),
        ("2026-08-12T16:51:00Z", NOW + 60),
        ("Wed, 12 Aug 2026 16:51:00 GMT", NOW + 60),
        ("Wednesday, 12-Aug-26 16:51:00 GMT", NOW + 60),
        ("soon", None),
        ("-1", None),
        ("", None),
    ],
)
def test_moments_in_any_form(text: str, moment: float | None) -> None:
    """A number is a wait, a moment in seconds from 1e8 on, and one in milliseconds from 1e11 on."""
    assert parse_any_moment(text, now=NOW) == moment


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("Wed, 21 Oct 2026 07:28:00 GMT", 1_792_567_680.0),
        (" Wed, 21 Oct 2026 07:28:00 GMT\t", 1_792_567_680.0),
        ("Wednesday, 21-Oct-26 07:28:00 GMT", 1_792_567_680.0),
        ("Wed Oct 21 07:28:00 2026", 1_792_567_680.0),
        ("Thu Oct  1 07:28:00 2026", 1_790_839_680.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("Wed, 21 Oct 2026 07:28:59 GMT", 1_792_567_739.0),
        ("Sat, 30 Jun 2012 23:59:60 GMT", 1_341_100_800.0),
        ("Sat, 30 Jun 2012 23:59:61 GMT", None),
        ("Sun, 06-Nov-94 08:49:37 GMT", 784_111_777.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 253_402_300_799.0),
        ("Wed, 21 Oct 2026 24:00:00 GMT", None),
        ("Wed, 21 Oct 2026 23:60:00 GMT", None),
        ("Wed, 31 Feb 2026 07:28:00 GMT", None),
        ("Wed, 00 Oct 2026 07:28:00 GMT", None),
        ("Wed, 21 okt 2026 07:28:00 GMT", None),
        ("Wed, 21 Oct 2026 07:28:00 UTC", None),
        ("21 Oct 2026 07:28:00 GMT", None),
        ("Wed, 21 Oct 0000 07:28:00 GMT", None),
        ("Wed, 2\u0661 Oct 2026 07:28:00 GMT", None),
        ("x" + "Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("Wed, 21 Oct 2026 07:28:00 GMTX", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT\n", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT" + " " * 11, 1_792_567_680.0),
        ("Wed, 21 Oct 2026 07:28:00 GMT" + " " * 12, None),
        ("", None),
    ],
)
def test_http_dates(text: str, moment: float | None) -> None:
    """The three forms of RFC 9110, 5.6.7; a leap second is the second after 59."""
    assert parse_http_date(text, now=NOW) == moment


@pytest.mark.parametrize("month", range(1, 13))
def test_http_dates_know_every_month(month: int) -> None:
    """And every day of the week, in all three forms."""
    for day in range(1, 8):
        moment = datetime(2026, month, day, 12, 34, 56, tzinfo=UTC)
        for form in ("%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"):
            assert parse_http_date(moment.strftime(form), now=NOW) == moment.timestamp()


@pytest.mark.parametrize(
    ("year", "full"), [("26", 2026), ("76", 2076), ("77", 1977), ("99", 1999), ("00", 2000), ("94", 1994)]
)
def test_a_year_of_two_digits_is_at_most_fifty_years_ahead(year: str, full: int) -> None:
    """Else it is in the past."""
    told = parse_http_date(f"Monday, 02-Jan-{year} 00:00:00 GMT", now=NOW)
    assert told == datetime(full, 1, 2, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("now", [1e300, -1e300])
def test_a_clock_beyond_all_calendars_does_not_break_it(now: float) -> None:
    """Then the core cannot say which century is meant."""
    assert parse_http_date("Monday, 02-Jan-26 00:00:00 GMT", now=now) is None
    assert parse_http_date("Fri, 02 Jan 2026 00:00:00 GMT", now=now) == datetime(2026, 1, 2, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("date", "now", "year"),
    [
        ("Friday, 31-Dec-76 00:00:00 GMT", datetime(2026, 8, 12, tzinfo=UTC), 1976),
        ("Sunday, 01-Mar-76 00:00:00 GMT", datetime(2026, 8, 12, tzinfo=UTC), 2076),
        ("Friday, 02-Jan-05 00:00:00 GMT", datetime(2099, 8, 12, tzinfo=UTC), 2105),
        ("Friday, 02-Jan-60 00:00:00 GMT", datetime(2001, 8, 12, tzinfo=UTC), 1960),
    ],
)
def test_fifty_years_are_counted_to_the_moment(date: str, now: datetime, year: int) -> None:
    """Not to the year, and over the turn of a century."""
    told = parse_http_date(date, now=now.timestamp())
    assert told is not None
    assert datetime.fromtimestamp(told, UTC).year == year


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="this system cannot change a process's time zone")
@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/Los_Angeles"])
def test_the_machines_time_zone_changes_nothing(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTP dates are in GMT, wherever they are read, and so is the turn of a century."""
    turn = datetime(2100, 1, 1, tzinfo=UTC).timestamp()
    with monkeypatch.context() as changed:
        changed.setenv("TZ", zone)
        time.tzset()
        moments = [parse_http_date("Wed, 21 Oct 2026 07:28:00 GMT", now=NOW)]
        moments += [parse_http_date("Friday, 02-Jan-05 00:00:00 GMT", now=now) for now in (turn - 1, turn)]
    time.tzset()
    assert moments == [1_792_567_680.0, *(datetime(year, 1, 2, tzinfo=UTC).timestamp() for year in (2105, 2105))]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("plain, Käthe 小", "plain, Käthe 小"),
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("two\nlines\r\t", "two\\nlines\\r\\t"),
        ("\u202ertl\u2028", "\\u202ertl\\u2028"),
        ("\ud800\x9b\x7f", "\\ud800\\x9b\\x7f"),
        ("back\\slash", "back\\slash"),
    ],
)
def test_nothing_that_a_terminal_obeys_is_left(text: str, shown: str) -> None:
    """Control characters, marks of direction, line separators, halves of characters."""
    assert printable(text) == shown
    assert printable(text).isprintable()
