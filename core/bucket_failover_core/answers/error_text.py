"""What error messages say in words: waits, the name of a window, the return of access.

Words are the last resort: they are read only where no header and no field says it, and only in what a provider says of
an error, never in what a model has written.
"""

import re
from collections.abc import Set as AbstractSet
from typing import Final

from bucket_failover_core.answers.error_message import Message
from bucket_failover_core.facts.limits import Window
from bucket_failover_core.formats import parse_rfc_3339

_UNITS: Final = {
    1e-3: ("milliseconds", "millisecond", "msecs", "msec", "ms"),
    1.0: ("seconds", "second", "secs", "sec", "s"),
    60.0: ("minutes", "minute", "mins", "min", "m"),
    3_600.0: ("hours", "hour", "hrs", "hr", "h"),
    86_400.0: ("days", "day", "d"),
    604_800.0: ("weeks", "week", "w"),
}
_UNIT_SECONDS: Final = {name: seconds for seconds, names in _UNITS.items() for name in names}
_UNIT: Final = rf"(?P<unit>{'|'.join(_UNIT_SECONDS)})(?![a-z])"
_PART: Final = re.compile(r"(?P<number>\d{1,12}(?:\.\d{1,18})?) ?" + _UNIT, re.ASCII)
_PLAIN_PART: Final = re.sub(r"\?P<\w+>", "?:", _PART.pattern)
DURATION: Final = rf"{_PLAIN_PART}(?:(?:,? and |, ?| )?{_PLAIN_PART}){{0,7}}"
"""A duration in words or letters, in lower case, as a part of a regular expression."""
_WAIT: Final = re.compile(
    r"\b(?:(?:try|retry)(?: your request)?(?: again)? (?:in|after)|wait(?: for)?) (?:about |approximately |another )?~?"
    rf"(?P<wait>{DURATION})",
    re.ASCII,
)
_ASKING: Final = frozenset({"try", "retry", "wait"})
_REGAIN: Final = re.compile(r"regain access on (\d{4}-\d{2}-\d{2}) at (\d{2}:\d{2}) UTC", re.ASCII | re.IGNORECASE)
_PER: Final = re.compile(r"per[ -](minute|min|day|week|month)\b", re.ASCII)
_COUNTED: Final = re.compile(r"\b(?:requests|tokens|models?|limit|quota)[ -]\Z", re.ASCII)
_COUNTED_LENGTH_MAX: Final = 10
_WORDS: Final = frozenset({"rpm", "tpm", "rpd", "tpd", "daily", "weekly", "monthly"})
_NONE: Final[frozenset[Window]] = frozenset()
_WINDOWS: Final[dict[str, Window]] = {
    "rpm": "minute",
    "tpm": "minute",
    "min": "minute",
    "minute": "minute",
    "rpd": "day",
    "tpd": "day",
    "day": "day",
    "daily": "day",
    "week": "week",
    "weekly": "week",
    "month": "month",
    "monthly": "month",
}


def parse_wait(message: Message) -> float | None:
    """The wait that a message asks for, in seconds; of several the longest; None: it asks for none that can be read.

    Example: "Please try again in 1d2h." is 93600.0, "Please retry after 37 seconds" is 37.0, "try again later" is None.
    """
    if _ASKING.isdisjoint(message.words):
        return None
    text = message.text
    tries, waits = text.find("try"), text.find("wait")
    start = max(0, (tries if waits < 0 or 0 <= tries < waits else waits) - len("re"))
    found = _WAIT.findall(text, start)
    return max([_seconds(wait) for wait in found]) if found else None


def parse_regained_access(text: str) -> float | None:
    """The moment at which a sentence promises access again, in Unix seconds.

    Example: "You will regain access on 2026-09-01 at 00:00 UTC." is 1788220800.0.
    """
    match = _REGAIN.search(text)
    return parse_rfc_3339(f"{match[1]}T{match[2]}:00Z") if match is not None else None


def windows_named(message: Message) -> frozenset[Window]:
    """The windows that an error message says were exceeded.

    Example: "Rate limit reached for gpt-5 on tokens per min (TPM): Limit 30000" names `minute`.
    """
    text, words = message
    said = _WORDS & words
    if "per" in words:
        said |= {match[1] for match in _PER.finditer(text) if _is_counted(text, match.start())}
    return frozenset(_WINDOWS[word] for word in said) if said else _NONE


_COUNTED_DAYS: Final = re.compile(r"\b(?:organization|project|max) [rt]pd\b|\([rt]pd\)|\b[rt]pd (?:rate )?limit")
_ALLOWANCES: Final[dict[str, tuple[Window, re.Pattern[str] | None]]] = {
    "daily": ("day", None),
    "weekly": ("week", None),
    "monthly": ("month", None),
    "tpm": ("minute", None),
    "rpd": ("day", _COUNTED_DAYS),
    "tpd": ("day", _COUNTED_DAYS),
    "rpm": ("minute", None),
    "h": ("5h", re.compile(r"\b5 ?h\b")),
    "hour": ("5h", re.compile(r"\b(?:5|five)[ -]?hour\b")),
    "hours": ("5h", re.compile(r"\b(?:5|five)[ -]?hours\b")),
    "second": ("minute", re.compile(r"(?:\bper[ -]|_per_)second")),
    "minute": ("minute", re.compile(r"(?:\bper[ -]|_per_)minute")),
    "min": ("minute", re.compile(r"\bper min\b")),
    "week": ("week", re.compile(r"\bper week\b")),
    "month": ("month", re.compile(r"\bper month\b")),
    "cycle": ("month", re.compile(r"\bbilling cycle\b")),
    "period": ("month", re.compile(r"\bbilling period\b")),
}
"""Contract, *Words for windows*: a word, the window that it names, and the form that it must have."""
_OF_DAYS: Final = re.compile(
    r"\b(?:(?P<day>24)[ -]hours?|(?P<week>7)[ -]days?|(?P<month>30)[ -]days?)\b|(?:\bper[ -]|_per_)day"
)
_DAYS: Final = frozenset({"day", "days", "hour", "hours"})
_BY_LETTERS: Final[tuple[tuple[str, Window], ...]] = (
    ("5 小时", "5h"),
    ("5小时", "5h"),
    ("每日", "day"),
    ("每天", "day"),
    ("每周", "week"),
    ("每月", "month"),
)
"""As Z.ai writes them."""


def allowances_named(text: str, words: AbstractSet[str]) -> frozenset[Window]:
    """The windows that a text in lower case names, of an allowance of which it is known that it is used up.

    Example: "weekly (7-day) usage limit reached" names `week`; waits are to be left out before.

    Args:
        text: the text.
        words: its words.
    """
    found: set[Window] = set()
    for word in _ALLOWANCES.keys() & words:
        window, form = _ALLOWANCES[word]
        if form is None or form.search(text):
            found.add(window)
    if not _DAYS.isdisjoint(words):
        found.update(_window_of_days(match) for match in _OF_DAYS.finditer(text))
    if not text.isascii():
        found.update(window for letters, window in _BY_LETTERS if letters in text)
    return frozenset(found)


def _window_of_days(match: re.Match[str]) -> Window:
    if match.lastgroup == "week":
        return "week"
    return "month" if match.lastgroup == "month" else "day"


def parse_duration(text: str) -> float | None:
    """The seconds of a duration (`DURATION`). Example: "8h44m7s" is 31447.0, "2 days and 3 hours" is 183600.0."""
    return _seconds(text) or None


def _is_counted(text: str, end: int) -> bool:
    """Whether what stands right before is something of which there is so much per window."""
    return _COUNTED.search(text, max(0, end - _COUNTED_LENGTH_MAX), end) is not None


def _seconds(wait: str) -> float:
    return sum([float(number) * _UNIT_SECONDS[unit] for number, unit in _PART.findall(wait)])
