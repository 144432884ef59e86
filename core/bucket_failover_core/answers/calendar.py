"""Moments that follow from a calendar, not from the answer: the next month, and midnight on the west coast.

Road not taken: `zoneinfo`. It reads files, which the core does not, and machines without a time zone database exist.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

_PACIFIC_STANDARD: Final = timedelta(hours=-8)
_PACIFIC_DAYLIGHT: Final = timedelta(hours=-7)
_SUNDAY: Final = 6


def next_month(now: float) -> float | None:
    """00:00 UTC on the first of the month after `now`, in Unix seconds; None if no calendar has it.

    Example: on 2026-08-12 it is 2026-09-01T00:00:00Z, 1788220800.0.
    """
    try:
        today = datetime.fromtimestamp(now, UTC)
        return (
            (today.replace(day=1, hour=0, minute=0, second=0, microsecond=0) + timedelta(days=32))
            .replace(day=1)
            .timestamp()
        )
    except (OverflowError, ValueError, OSError):
        return None


def next_pacific_midnight(now: float) -> float | None:
    """The next 00:00 in Los Angeles after `now`, in Unix seconds; None if no calendar has it.

    Example: in August it is 07:00 UTC, in December 08:00 UTC.

    Source: 15 U.S.C. 260a (daylight saving from the second Sunday of March, 02:00 standard time, to the first Sunday of
    November, 02:00 daylight time; in force since 2007).
    """
    try:
        moment = datetime.fromtimestamp(now, UTC)
        local = moment + _pacific_offset(moment)
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        # The clocks change at two, so the offset at midnight is the one of a moment before it.
        offset = _pacific_offset(midnight - _PACIFIC_STANDARD - timedelta(hours=2))
        return (midnight - offset).timestamp()
    except (OverflowError, ValueError, OSError):
        return None


def _pacific_offset(moment: datetime) -> timedelta:
    """How far Los Angeles is from UTC at this moment."""
    begins = _sunday(moment.year, month=3, number=2) + timedelta(hours=2) - _PACIFIC_STANDARD
    ends = _sunday(moment.year, month=11, number=1) + timedelta(hours=2) - _PACIFIC_DAYLIGHT
    return _PACIFIC_DAYLIGHT if begins <= moment < ends else _PACIFIC_STANDARD


def _sunday(year: int, *, month: int, number: int) -> datetime:
    """The first, second, … Sunday of a month, at 00:00."""
    first = datetime(year, month, 1, tzinfo=UTC)
    return first + timedelta(days=(_SUNDAY - first.weekday()) % 7 + 7 * (number - 1))
