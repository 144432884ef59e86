"""The next month, and midnight on the west coast; the oracle is the time zone database."""

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucket_failover_core.answers import calendar
from bucket_failover_core.answers.calendar import next_month, next_pacific_midnight

LOS_ANGELES = ZoneInfo("America/Los_Angeles")
FIRST = datetime(2007, 1, 1, tzinfo=UTC).timestamp()
LAST = datetime(2100, 12, 31, tzinfo=UTC).timestamp()


def at(text: str) -> float:
    """The moment of a text like 2026-08-12T16:50:00Z."""
    return datetime.fromisoformat(text).timestamp()


def midnight_by_database(now: float) -> float:
    """The next midnight in Los Angeles, as the time zone database has it."""
    tomorrow = datetime.fromtimestamp(now, LOS_ANGELES).date() + timedelta(days=1)
    return datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=LOS_ANGELES).timestamp()


@pytest.mark.parametrize(
    ("now", "month"),
    [
        ("2026-08-12T16:50:00Z", "2026-09-01T00:00:00Z"),
        ("2026-08-31T23:59:59.999Z", "2026-09-01T00:00:00Z"),
        ("2026-09-01T00:00:00Z", "2026-10-01T00:00:00Z"),
        ("2026-12-31T23:59:59Z", "2027-01-01T00:00:00Z"),
        ("2026-01-31T12:34:56.789Z", "2026-02-01T00:00:00Z"),
        ("2026-02-28T12:00:00Z", "2026-03-01T00:00:00Z"),
        ("2024-02-29T12:00:00Z", "2024-03-01T00:00:00Z"),
        ("1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z"),
    ],
)
def test_the_next_month(now: str, month: str) -> None:
    """00:00 UTC on its first; the first itself belongs to the month that it begins."""
    assert next_month(at(now)) == at(month)


@pytest.mark.parametrize(
    ("now", "midnight"),
    [
        ("2026-08-12T16:50:00Z", "2026-08-13T07:00:00Z"),
        ("2026-08-13T06:59:59Z", "2026-08-13T07:00:00Z"),
        ("2026-08-13T07:00:00Z", "2026-08-14T07:00:00Z"),
        ("2026-12-12T16:50:00Z", "2026-12-13T08:00:00Z"),
        ("2026-12-13T07:59:59.5Z", "2026-12-13T08:00:00Z"),
        ("2026-12-13T08:00:00Z", "2026-12-14T08:00:00Z"),
        ("2026-01-01T00:00:00Z", "2026-01-01T08:00:00Z"),
        ("2026-12-31T23:59:59Z", "2027-01-01T08:00:00Z"),
        # 2026-03-08, the second Sunday of March: a day of 23 hours.
        ("2026-03-08T07:59:59Z", "2026-03-08T08:00:00Z"),
        ("2026-03-08T08:00:00Z", "2026-03-09T07:00:00Z"),
        ("2026-03-08T09:59:59Z", "2026-03-09T07:00:00Z"),
        ("2026-03-08T10:00:00Z", "2026-03-09T07:00:00Z"),
        ("2026-03-09T07:00:00Z", "2026-03-10T07:00:00Z"),
        # 2026-11-01, the first Sunday of November: a day of 25 hours.
        ("2026-11-01T06:59:59Z", "2026-11-01T07:00:00Z"),
        ("2026-11-01T07:00:00Z", "2026-11-02T08:00:00Z"),
        ("2026-11-01T08:59:59Z", "2026-11-02T08:00:00Z"),
        ("2026-11-01T09:00:00Z", "2026-11-02T08:00:00Z"),
        ("2026-11-02T07:30:00Z", "2026-11-02T08:00:00Z"),
        ("2026-11-02T08:00:00Z", "2026-11-03T08:00:00Z"),
    ],
)
def test_the_next_pacific_midnight(now: str, midnight: str) -> None:
    """07:00 UTC in summer, 08:00 UTC in winter; both changes of the clocks, to the second."""
    assert next_pacific_midnight(at(now)) == at(midnight)
    assert midnight_by_database(at(now)) == at(midnight)


@pytest.mark.parametrize(
    ("moment", "hours"),
    [
        ("2026-03-08T09:59:59Z", -8),
        ("2026-03-08T10:00:00Z", -7),
        ("2026-11-01T08:59:59Z", -7),
        ("2026-11-01T09:00:00Z", -8),
        ("2027-03-14T09:59:59Z", -8),
        ("2027-03-14T10:00:00Z", -7),
        ("2027-11-07T08:59:59Z", -7),
        ("2027-11-07T09:00:00Z", -8),
    ],
)
def test_the_clocks_on_the_west_coast_change_at_two(moment: str, hours: int) -> None:
    """Standard time in March, daylight time in November; no midnight shows it."""
    told = calendar._pacific_offset(datetime.fromisoformat(moment))
    assert told == timedelta(hours=hours)
    assert told == datetime.fromisoformat(moment).astimezone(LOS_ANGELES).utcoffset()


@pytest.mark.parametrize(
    "now", [1e300, -1e300, 1e12, -1e12, at("9999-12-31T12:00:00+00:00"), at("0001-01-01T00:00:00Z")]
)
def test_a_clock_beyond_all_calendars_has_no_next_midnight(now: float) -> None:
    """None, and no exception."""
    assert next_pacific_midnight(now) is None
    if abs(now) != abs(at("0001-01-01T00:00:00Z")):
        assert next_month(now) is None


@given(now=st.floats(FIRST, LAST))
def test_months_agree_with_the_calendar(now: float) -> None:
    """The first of a month after now, and no other is between."""
    month = next_month(now)
    assert month is not None
    assert month > now
    first = datetime.fromtimestamp(month, UTC)
    assert (first.day, first.hour, first.minute, first.second, first.microsecond) == (1, 0, 0, 0, 0)
    today = datetime.fromtimestamp(now, UTC)
    assert (first.year * 12 + first.month) - (today.year * 12 + today.month) == 1


@given(now=st.floats(FIRST, LAST))
def test_midnights_agree_with_the_time_zone_database(now: float) -> None:
    """Whenever it is."""
    assert next_pacific_midnight(now) == midnight_by_database(now)


@pytest.mark.parametrize("year", range(2007, 2101))
def test_every_day_around_the_changes_agrees_with_the_time_zone_database(year: int) -> None:
    """Every half hour of the first half of March and of November, in every year."""
    for month in (3, 11):
        begin = datetime(year, month, 1, tzinfo=UTC).timestamp()
        for half_hour in range(15 * 48):
            now = begin + 1_800.0 * half_hour
            assert next_pacific_midnight(now) == midnight_by_database(now)


@given(now=st.floats(allow_nan=False, allow_infinity=False))
def test_nothing_raises_and_the_future_is_ahead(now: float) -> None:
    """Whatever the clock shows; the next month within 31 days, the next midnight within 25 hours."""
    month, midnight = next_month(now), next_pacific_midnight(now)
    assert month is None or now < month <= now + 31 * 86_400 + 1
    assert midnight is None or now < midnight <= now + 25 * 3_600 + 1


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="this system cannot change a process's time zone")
@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/Los_Angeles"])
def test_the_machines_time_zone_changes_nothing(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A month begins in UTC, and a day on the west coast, wherever it is asked for."""
    with monkeypatch.context() as changed:
        changed.setenv("TZ", zone)
        time.tzset()
        told = [next_month(at("2026-08-31T20:00:00Z")), next_pacific_midnight(at("2026-08-13T06:59:59Z"))]
        told += [next_month(at("2026-09-01T02:00:00Z")), next_pacific_midnight(at("2026-08-13T07:00:00Z"))]
    time.tzset()
    wanted = ["2026-09-01T00:00:00Z", "2026-08-13T07:00:00Z", "2026-10-01T00:00:00Z", "2026-08-14T07:00:00Z"]
    assert told == [at(text) for text in wanted]
