"""Moments and waits as people type and read them."""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from bucket_failover_core.formats import parse_number

_CLOCK: Final = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?", re.ASCII)
_WAIT: Final = re.compile(r"\+?((?:\d{1,6}(?:\.\d{1,3})?[smhdw]){1,5})", re.ASCII)
_WAIT_PART: Final = re.compile(r"(\d+(?:\.\d+)?)([smhdw])", re.ASCII)
_UTC: Final = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC", re.ASCII)
_SECONDS: Final = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}
_MINUTE, _HOUR, _DAY = 60.0, 3_600.0, 86_400.0


def parse_moment(text: str, *, now: float, zone: tzinfo | None = None) -> float | None:
    """A moment as people type it, in Unix seconds; None: it is none.

    Example: "18:00" is the next time that the clock shows it; "2h30m" is that much from now; "2026-09-01 18:00" and
    "2026-09-01T18:00:00Z" are what they say; "1786553400" is Unix seconds.

    Args:
        text: what was typed.
        now: Unix seconds.
        zone: of clocks that name none; None: the machine's.
    """
    text = text.strip()
    wait = _WAIT.fullmatch(text)
    if wait is not None:
        return now + sum(float(number) * _SECONDS[unit] for number, unit in _WAIT_PART.findall(wait[1]))
    clock = _CLOCK.fullmatch(text)
    if clock is not None:
        return _next(int(clock[1]), int(clock[2]), int(clock[3] or 0), now=now, zone=zone)
    number = parse_number(text)
    if number is not None:
        return number
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo is not None else _local(moment, zone)).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def _next(hour: int, minute: int, second: int, *, now: float, zone: tzinfo | None) -> float | None:
    today = datetime.fromtimestamp(now, UTC).astimezone(zone).replace(tzinfo=None)
    try:
        moment = today.replace(hour=hour, minute=minute, second=second, microsecond=0)
    except ValueError:
        return None
    if moment <= today:
        moment += timedelta(days=1)
    return _local(moment, zone).timestamp()


def _local(moment: datetime, zone: tzinfo | None) -> datetime:
    return moment.astimezone() if zone is None else moment.replace(tzinfo=zone)


def clock_text(moment: float, *, now: float, zone: tzinfo | None = None) -> str:
    """A moment for people who know what day it is: "18:00:00", or with its date if that is another day.

    Example: on that day, "16:50:00"; a day later, "2026-08-12 16:50".
    """
    try:
        then = datetime.fromtimestamp(moment, UTC).astimezone(zone)
        today = datetime.fromtimestamp(now, UTC).astimezone(zone)
    except (OverflowError, ValueError, OSError):
        return f"{moment:.0f} s after 1970"
    return f"{then:%H:%M:%S}" if then.date() == today.date() else f"{then:%Y-%m-%d %H:%M}"


def date_text(moment: float, *, zone: tzinfo | None = None) -> str:
    """A moment for people who may not know what day is meant, or where: "2026-08-12 18:50:00 +02:00"."""
    try:
        then = datetime.fromtimestamp(moment, UTC).astimezone(zone)
        return f"{then:%Y-%m-%d %H:%M:%S} {then.isoformat()[-6:]}"
    except (OverflowError, ValueError, OSError):
        return f"{moment:.0f} s after 1970"


def in_users_zone(text: str, *, zone: tzinfo | None = None) -> str:
    """A text of the core, which tells moments in UTC, as its user's clock shows them, with the offset.

    Example: in Paris, "until 2026-08-12 16:50:00 UTC" is "until 2026-08-12 18:50:00 +02:00".
    """
    return _UTC.sub(lambda found: date_text(_utc(found[1]), zone=zone), text)


def _utc(text: str) -> float:
    return datetime.fromisoformat(f"{text}+00:00").timestamp()


def wait_text(seconds: float) -> str:
    """A wait for people, by its two largest units: "45 s", "2 min 5 s", "4 h 20 min", "3 d 4 h".

    Example: `wait_text(15_600.0)` is "4 h 20 min".
    """
    seconds = round(seconds)
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE:.0f} min {seconds % _MINUTE:.0f} s"
    if seconds < _DAY:
        return f"{seconds // _HOUR:.0f} h {seconds % _HOUR // _MINUTE:.0f} min"
    return f"{seconds // _DAY:.0f} d {seconds % _DAY // _HOUR:.0f} h"
