"""What an error says of itself in codes and words: its meaning, the windows it names, and when they end.

Rules: read are the error's own code, type and message (`phrases`), never what they quote of the request, nor a page.
A window counts if the text names it outside of waits and ends; an end, if "resets", "refreshed", "renews" or "available
again" comes with a duration or a moment that has a zone. Of several ends the latest counts.

Intuition: a user who reads the message knows at once. The tables say what such a user knows.

Road not taken: to read the words only where no field says it. A gateway writes the fields, and the provider behind it
the words; it is the provider that refuses.
"""

import re
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

from bucket_failover_core.answers.error_codes import CODES, MEANINGS, Meaning
from bucket_failover_core.answers.error_message import Message
from bucket_failover_core.answers.error_text import DURATION, allowances_named, parse_duration
from bucket_failover_core.answers.phrases import PHRASES
from bucket_failover_core.facts.limits import Window
from bucket_failover_core.formats import parse_http_date, parse_rfc_3339

_CONTENT_STATUSES: Final = frozenset({400, 404, 412, 422})
"""What may be about the content of the request."""

_AGAIN: Final = (
    r"\b(?:reset(?:s|ting)?|refresh(?:es|ed)?|renew(?:s|ed|al)?|replenish(?:es|ed)?|available again|regain access)\b"
)
_AGAIN_WORDS: Final = frozenset(
    {
        *("reset", "resets", "resetting", "refresh", "refreshes", "refreshed", "renew", "renews", "renewed", "renewal"),
        *("replenish", "replenishes", "replenished", "available", "regain"),
    }
)
_ENDS_IN: Final = re.compile(
    rf"{_AGAIN}(?: \w+){{0,2}}? (?:in|after|within)(?: about| approximately)? (?P<duration>{DURATION})", re.ASCII
)
_ENDS_AT: Final = re.compile(
    rf"{_AGAIN}(?: \w+){{0,2}}?:? (?:at|on|after|by)?:? ?"
    r"(?P<date>\d{4}-\d{2}-\d{2})(?:t| at |, | )(?P<time>\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?) ?"
    r"(?P<zone>z|utc|gmt|[+-]\d{2}:?\d{2})(?!\w)",
    re.ASCII,
)
_ENDS_ON_HTTP_DATE: Final = re.compile(
    rf"{_AGAIN}(?: \w+){{0,2}}?:? (?:at|on|after|by)?:? ?"
    r"(?P<moment>[a-z]{3}, \d{2} [a-z]{3} \d{4} [\d:]{8} gmt)",
    re.ASCII,
)
_ASKED: Final = re.compile(r"\b(?:try|retry)(?: your request)?(?: again)? (?:in|after) [^.;\n]{0,60}", re.ASCII)
_COMPARED: Final = re.compile(r"(?<![\d.])(?P<asked>\d[\d,]{0,15})(?: tokens?)? > (?P<limit>\d[\d,]{0,15})", re.ASCII)
_LIMIT: Final = re.compile(r"limit:? (\d[\d,]{0,15})\b", re.ASCII)
_REQUESTED: Final = re.compile(r"requested:? ~?(\d[\d,]{0,15})", re.ASCII)
_APART_MAX: Final = 80
"""Characters between the two numbers of "Limit 30000, Used 29900, Requested 200", and no more."""

_BY_WORD: Final[dict[str, tuple[int, ...]]] = {
    word: tuple(place for place, phrase in enumerate(PHRASES) if word in phrase.words)
    for each in PHRASES
    for word in each.words
}
_BY_LETTERS: Final = tuple(place for place, phrase in enumerate(PHRASES) if not phrase.words)
_ALSO: Final = tuple(frozenset(phrase.also) for phrase in PHRASES)
_OF_WAITS: Final = frozenset({"h", "hour", "hours", "day", "days", "daily", "weekly", "monthly"})
"""Words of windows that a wait may have as well."""

_ORDER: Final = {meaning: place for place, meaning in enumerate(MEANINGS)}


class Words(NamedTuple):
    """What an error's codes and words say.

    Args:
        meaning: what was said; None: nothing of this kind.
        windows: the windows that are named.
        ends_at: Unix seconds of the latest moment that is named as their end; None: none is.
        ends_in: seconds until the latest end that is told as a duration; None: none is.
        code: the code that says so; empty: words do.
    """

    meaning: Meaning | None = None
    windows: frozenset[Window] = frozenset()
    ends_at: float | None = None
    ends_in: float | None = None
    code: str = ""

    def end(self, now: float) -> float | None:
        """Unix seconds of the latest end, if durations count from `now`; None: no end is told."""
        if self.ends_in is None:
            return self.ends_at
        return now + self.ends_in if self.ends_at is None else max(self.ends_at, now + self.ends_in)


NO_WORDS: Final = Words()


def read_words(names: tuple[str, ...], message: Message, status: int | None) -> Words:
    """What an error says of itself.

    Example: "5-hour usage limit reached (1500/1500 used), resets at 2026-08-12T20:00:00Z" is an allowance, of the
    window `5h`, which ends at 1786564800.0. "Your prompt contains 'usage limit'" says nothing.

    Args:
        names: the error's type and codes.
        message: what it says itself.
        status: the HTTP status, or the one that an error event means; None: unknown.
    """
    codes = [name for name in names if name in CODES] if names else None
    by_code = min(codes, key=lambda name: _ORDER[CODES[name].meaning]) if codes else ""
    if not message.text and not by_code:
        return NO_WORDS
    text, words = message
    phrased = _phrased(text, words, is_content=status in _CONTENT_STATUSES)
    coded = CODES[by_code].meaning if by_code else None
    ends_at, ends_in = _ends(text, words)
    if phrased is None and coded is None and ends_at is None and ends_in is None:
        return NO_WORDS
    meaning = phrased
    if coded is not None and (phrased is None or _ORDER[coded] < _ORDER[phrased]):
        meaning = coded
    is_code = coded is not None and coded == meaning
    window = CODES[by_code].window if is_code else None
    windows = _windows(text, words, has_end=ends_at is not None or ends_in is not None)
    named = windows if window is None else windows | {window}
    return Words(meaning, named, ends_at, ends_in, by_code if is_code else "")


def _phrased(text: str, words: AbstractSet[str], *, is_content: bool) -> Meaning | None:
    """The first meaning that a phrase of the text has."""
    if not text:
        return None
    places: set[int] = set()
    for word in _BY_WORD.keys() & words:
        places.update(_BY_WORD[word])
    if not text.isascii():
        places.update(_BY_LETTERS)
    if not is_content and _asks_for_too_much(text, words):
        return "too-large"
    for place in sorted(places):
        phrase = PHRASES[place]
        also = _ALSO[place]
        is_meant = phrase.is_firm or not is_content
        if is_meant and (not also or not words.isdisjoint(also)) and phrase.text.search(text):
            return phrase.meaning
    return None


def _asks_for_too_much(text: str, words: AbstractSet[str]) -> bool:
    """Whether the two numbers that it compares say that the request is larger than the whole limit."""
    match = _COMPARED.search(text) if " > " in text else None
    if match is not None:
        return _count(match["asked"]) > _count(match["limit"])
    if "requested" not in words or "limit" not in words:
        return False
    place = text.find("requested")
    asked = _REQUESTED.match(text, place)
    if asked is None:
        return False
    limit = _LIMIT.match(text, max(0, text.rfind("limit", max(0, place - _APART_MAX), place)))
    return limit is not None and _count(asked[1]) > _count(limit[1])


def _count(text: str) -> int:
    return int(text) if text.isdecimal() else int(text.replace(",", "") or 0)


def _windows(text: str, words: AbstractSet[str], *, has_end: bool) -> frozenset[Window]:
    """The windows that the text names, waits and ends left out: "try again in 24 hours" names none."""
    if ("try" in words or "retry" in words) and not words.isdisjoint(_OF_WAITS):
        start = max(0, text.find("try") - len("re"))
        text = text[:start] + _ASKED.sub(" ", text[start:])
    if has_end:
        text = _ENDS_AT.sub(" ", _ENDS_IN.sub(" ", text))
    return allowances_named(text, words)


def _ends(text: str, words: AbstractSet[str]) -> tuple[float | None, float | None]:
    """The latest moment (Unix seconds) and the longest duration after which the text says that more is there."""
    if _AGAIN_WORDS.isdisjoint(words):
        return None, None
    durations = [parse_duration(match["duration"]) for match in _ENDS_IN.finditer(text)]
    moments = [_moment(match["date"], match["time"], match["zone"]) for match in _ENDS_AT.finditer(text)]
    dates = (match["moment"].title().replace("Gmt", "GMT") for match in _ENDS_ON_HTTP_DATE.finditer(text))
    moments.extend(parse_http_date(date, now=0.0) for date in dates)
    at = max((moment for moment in moments if moment is not None), default=None)
    return at, max((seconds for seconds in durations if seconds is not None), default=None)


def _moment(date: str, time: str, zone: str) -> float | None:
    zone = "Z" if zone in {"z", "utc", "gmt"} else zone if ":" in zone else f"{zone[:3]}:{zone[3:]}"
    return parse_rfc_3339(f"{date}T{time if time.count(':') > 1 else time + ':00'}{zone}")
