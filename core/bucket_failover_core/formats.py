"""The forms in which providers write numbers, waits and moments: one parser for each form.

Every parser takes text and answers a number or None; None is "cannot be read", never zero, and nothing raises. Each
looks at a bounded number of characters and runs in linear time.
"""

import re
from datetime import UTC, datetime
from typing import Final

_NUMBER: Final = re.compile(r"([0-9]+)(\.[0-9]+)?", re.ASCII)
_DIGITS_MAX: Final = 15
"""A float holds every integer of fifteen digits exactly (IEEE 754, binary64)."""

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH: Final = "(?P<month>" + "|".join(_MONTHS) + ")"
_DAY_NAME: Final = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_TIME: Final = r"(?P<hour>\d{2}):(?P<minute>\d{2}):(?P<second>\d{2})"
_HTTP_DATES: Final = (
    re.compile(_DAY_NAME + r", (?P<day>\d{2}) " + _MONTH + r" (?P<year>\d{4}) " + _TIME + " GMT", re.ASCII),
    re.compile(r"[MTWFS][a-z]{2,8}, (?P<day>\d{2})-" + _MONTH + r"-(?P<year>\d{2}) " + _TIME + " GMT", re.ASCII),
    re.compile(_DAY_NAME + " " + _MONTH + r" (?P<day>[ \d]\d) " + _TIME + r" (?P<year>\d{4})", re.ASCII),
)
_HTTP_DATE_LENGTH_MAX: Final = 40
"""The longest form has 33 characters: `Wednesday, 06-Nov-94 08:49:37 GMT`."""

_RFC_3339: Final = re.compile(
    r"(?P<day>\d{4}-\d{2}-\d{2})[Tt ](?P<minute>\d{2}:\d{2}):(?P<second>\d{2})(?P<fraction>\.\d+)?"
    r"(?P<zone>[Zz]|[+-]\d{2}:[0-5]\d)",
    re.ASCII,
)
_GO_DURATION_PART: Final = re.compile(r"(\d{1,15}(?:\.\d{1,18})?)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_GO_DURATION: Final = re.compile(f"(?:{_GO_DURATION_PART.pattern}){{1,8}}|0", re.ASCII)
_GO_UNIT_SECONDS: Final = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3_600.0,
}
"""Source: Go, `time.ParseDuration`, which knows both signs for micro."""
_TEXT_LENGTH_MAX: Final = 200
"""A moment to the nanosecond has 35 characters, the longest duration that Go prints 25."""

_EPOCH_MILLISECONDS_FROM: Final = 1e11
"""As seconds it is the year 5138, as milliseconds 1973."""

_EPOCH_SECONDS_FROM: Final = 1e8
"""As a moment it is 1973, as a wait three years."""

_NUMBER_MAX: Final = 1e15
"""The first number of sixteen digits; it stands for all larger ones."""

_CENTURY: Final = 100
"""Years, after which a year of two digits returns."""
_AHEAD_MAX_SECONDS: Final = 50 * 365.25 * 86_400
"""A year of two digits that seems further ahead than fifty years is a past one (RFC 9110, 5.6.7)."""

_USUAL_MOMENT: Final = re.compile(
    r"(?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\dZ", re.ASCII
)
"""A moment as nearly every provider writes it, on a day that each month has: it is read in half the time."""

_LEAP_SECOND: Final = 60
"""The second that a minute with a leap second ends with (RFC 3339, 5.7; RFC 9110, 5.6.7)."""


def parse_number(text: str) -> float | None:
    """A non-negative decimal number: "120" is 120.0, "1.5" is 1.5; "-1", "1e9", "" and "NaN" cannot be read.

    More than fifteen digits count as 1e15, the largest number that a provider means; RFC 9111, 1.2.2 caps seconds so.
    """
    if len(text) <= _DIGITS_MAX and text.isdecimal() and text.isascii():
        return float(text)
    match = _NUMBER.fullmatch(text.strip(" \t"))
    if match is None:
        return None
    digits = match[1].lstrip("0") or "0"
    return _NUMBER_MAX if len(digits) > _DIGITS_MAX else float(digits + (match[2] or "")[:_DIGITS_MAX])


def number_in(value: object) -> float | None:
    """A non-negative number in a JSON value, be it written as a number or as a text; a boolean is none.

    Example: 37, 37.0 and "37" are 37.0; -1, true, null and NaN cannot be read.
    """
    if isinstance(value, str):
        return parse_number(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not value >= 0:  # so said, NaN is none
        return None
    return _NUMBER_MAX if value > _NUMBER_MAX else float(value)


def parse_epoch_seconds(text: str) -> float | None:
    """A moment in Unix seconds: "1786553400" is 1786553400.0. A zero is a placeholder, and cannot be read."""
    return parse_number(text) or None


def parse_epoch_milliseconds(text: str) -> float | None:
    """A moment in Unix milliseconds: "1788220800000" is 1788220800.0. A zero is a placeholder, and cannot be read."""
    number = parse_number(text)
    return number / 1_000 if number else None


def parse_rfc_3339(text: str) -> float | None:
    """A moment with a date, a time and an offset, in Unix seconds.

    Example: "2025-08-21T12:41:00Z" is 1755780060.0, and so is "2025-08-21T14:41:00.000+02:00".

    Source: RFC 3339, 5.6; a leap second is the second after 59.
    """
    if _USUAL_MOMENT.fullmatch(text) is not None:
        return datetime.fromisoformat(text).timestamp()
    match = _RFC_3339.fullmatch(text.strip(" \t")) if len(text) <= _TEXT_LENGTH_MAX else None
    if match is None or (second := int(match["second"])) > _LEAP_SECOND:
        return None
    zone = "+00:00" if match["zone"] in {"Z", "z"} else match["zone"]
    try:
        minute = datetime.fromisoformat(f"{match['day']}T{match['minute']}:00{zone}").timestamp()
    except (ValueError, OverflowError):
        return None
    return minute + second + float(match["fraction"] or 0)


def parse_go_duration(text: str) -> float | None:
    """A duration as Go prints it, in seconds.

    Example: "6m0s" is 360.0, "12ms" is 0.012, "1h2m3s" is 3723.0; "-1s", "37" and "" cannot be read.

    Source: https://pkg.go.dev/time#ParseDuration
    """
    text = text.strip(" \t")
    if len(text) > _TEXT_LENGTH_MAX or _GO_DURATION.fullmatch(text) is None:
        return None
    return sum(float(number) * _GO_UNIT_SECONDS[unit] for number, unit in _GO_DURATION_PART.findall(text))


def parse_any_moment(text: str, *, now: float) -> float | None:
    """A moment or a wait from `now` in any of the forms, in Unix seconds: for providers without a dialect.

    Example: at 1000.0, "37" and "37s" are 1037.0, "1786553400" and "1786553400000" are 1786553400.0.
    """
    number = parse_number(text)
    if number is not None:
        if number >= _EPOCH_MILLISECONDS_FROM:
            return number / 1_000
        return number if number >= _EPOCH_SECONDS_FROM else now + number
    duration = parse_go_duration(text)
    if duration is not None:
        return now + duration
    moment = parse_rfc_3339(text)
    return parse_http_date(text, now=now) if moment is None else moment


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
    if len(match["year"]) == 4:  # noqa: PLR2004 - the forms with a full year
        return _moment(match, int(match["year"]))
    moments = (_moment(match, year) for year in _years_ending_in(int(match["year"]), now))
    return next((moment for moment in moments if moment is not None and moment <= now + _AHEAD_MAX_SECONDS), None)


def _moment(match: re.Match[str], year: int) -> float | None:
    """The moment that a date says, in this year; None: there is none."""
    second = int(match["second"])
    if second > _LEAP_SECOND:
        return None
    try:
        minute = datetime(
            year,
            _MONTHS.index(match["month"]) + 1,
            int(match["day"]),
            int(match["hour"]),
            int(match["minute"]),
            tzinfo=UTC,
        )
    except ValueError:
        return None
    return minute.timestamp() + second


def _years_ending_in(two_digits: int, now: float) -> tuple[int, ...]:
    """The years of the centuries around now that end in these digits, the latest first."""
    try:
        century = datetime.fromtimestamp(now, UTC).year // _CENTURY * _CENTURY
    except (OverflowError, ValueError, OSError):
        return ()
    return (century + _CENTURY + two_digits, century + two_digits, century - _CENTURY + two_digits)


def printable(text: str) -> str:
    """A text that may have come from outside, for a terminal or a log: what is not printable is escaped, newlines too.

    Example: the escape character that begins a colour becomes a backslash and "x1b".
    """
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else _escaped(letter) for letter in text)


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape", "backslashreplace").decode("ascii")


def moment_text(moment: float) -> str:
    """A moment for people: Unix seconds as UTC, to the second, or the bare number if no calendar has it.

    Example: `moment_text(0.0)` is "1970-01-01 00:00:00 UTC".
    """
    try:
        return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, ValueError, OSError):
        return f"{moment:.0f} s after 1970"
