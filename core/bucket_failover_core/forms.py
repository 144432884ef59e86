"""The forms in which providers write waits and moments: one parser for each form.

Every parser takes text and answers a number or None; None is "cannot be read", never zero, and nothing raises. Each
looks at a bounded number of characters and runs in linear time.
"""

import re
from datetime import UTC, datetime
from typing import Final

_NUMBER: Final = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,9})?", re.ASCII)

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH: Final = "(?P<month>" + "|".join(_MONTHS) + ")"
_DAY_NAME: Final = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_TIME: Final = r"(?P<hour>\d{2}):(?P<minute>\d{2}):(?P<second>\d{2})"
_HTTP_DATES: Final = (
    re.compile(_DAY_NAME + r", (?P<day>\d{2}) " + _MONTH + r" (?P<year>\d{4}) " + _TIME + " GMT", re.ASCII),
    re.compile(r"[MTWFS][a-z]{2,8}, (?P<day>\d{2})-" + _MONTH + r"-(?P<year>\d{2}) " + _TIME + " GMT", re.ASCII),
    re.compile(_DAY_NAME + " " + _MONTH + r" (?P<day>[ \d]\d) " + _TIME + r" (?P<year>\d{4})", re.ASCII),
)  # fmt: skip
_HTTP_DATE_LENGTH_MAX: Final = 40

_CENTURY: Final = 100
_TWO_DIGIT_YEAR_AHEAD_MAX: Final = 50
_LEAP_SECOND: Final = 60


def parse_number(text: str) -> float | None:
    """A non-negative decimal number: "120" is 120.0, "1.5" is 1.5; "-1", "1e9", "" and "NaN" cannot be read."""
    text = text.strip(" \t")
    return float(text) if _NUMBER.fullmatch(text) else None


def parse_http_date(text: str, *, now: float) -> float | None:
    """An HTTP date, in any of its three forms, in Unix seconds.

    Example: "Wed, 21 Oct 2026 07:28:00 GMT" is 1792567680.0.

    Args:
        text: the field's value.
        now: Unix seconds; a year of two digits that seems more than 50 years ahead of it is in the past.

    Source: RFC 9110, 5.6.7.
    """
    if len(text) > _HTTP_DATE_LENGTH_MAX:
        return None
    matches = (form.fullmatch(text.strip(" \t")) for form in _HTTP_DATES)
    match = next((match for match in matches if match is not None), None)
    if match is None:
        return None
    year = int(match["year"])
    if len(match["year"]) == 2:  # noqa: PLR2004 - the form with a year of two digits
        year = _full_year(year, now)
    second = int(match["second"])
    try:
        moment = datetime(
            year,
            _MONTHS.index(match["month"]) + 1,
            int(match["day"]),
            int(match["hour"]),
            int(match["minute"]),
            min(second, _LEAP_SECOND - 1),
            tzinfo=UTC,
        ).timestamp()
    except ValueError:
        return None
    return moment + 1 if second == _LEAP_SECOND else moment if second < _LEAP_SECOND else None


def _full_year(two_digits: int, now: float) -> int:
    """The year that ends in these digits and is at most 50 years ahead of now."""
    try:
        this_year = datetime.fromtimestamp(now, UTC).year
    except (OverflowError, ValueError, OSError):
        return two_digits
    year = this_year // _CENTURY * _CENTURY + two_digits
    return year - _CENTURY if year > this_year + _TWO_DIGIT_YEAR_AHEAD_MAX else year
