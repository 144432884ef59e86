"""What several dialects have in common: waits in headers, and counts of what remains until a refill."""

from collections.abc import Callable
from typing import Final, get_args

from bucket_failover_core.answers.response import Answer
from bucket_failover_core.answers.signals import NOTED, Open, Signal, Unreadable, UsedUp
from bucket_failover_core.facts.limits import LimitScope, LimitSource, Window
from bucket_failover_core.formats import parse_http_date, parse_number

WAIT_NAMES: Final = ("retry-after", "retry-after-ms", "x-ms-retry-after-ms")

_PER_SECOND: Final = {"retry-after": 1, "retry-after-ms": 1_000, "x-ms-retry-after-ms": 1_000}

USAGE: Final[LimitSource] = "usage-api"
"""Where the answer of a usage endpoint has its limits from."""

_WINDOWS: Final[tuple[Window, ...]] = get_args(Window)
_OPEN: Final = {window: Open(window) for window in _WINDOWS}

ParseMoment = Callable[[str, float], float | None]
"""From a text and `now` to a moment in Unix seconds, or None."""


def asked_wait(answer: Answer, *, now: float) -> tuple[float | None, str]:
    """The moment before which the headers ask for no repetition, and the last field that cannot be read, or nothing.

    Milliseconds beat seconds; of several, the later moment counts.

    Source: RFC 9110, 10.2.3.
    """
    seconds: list[float] = []
    milliseconds: list[float] = []
    unreadable = ""
    headers = answer.headers
    for name in WAIT_NAMES:
        for text in answer.values(name) if name in headers else ():
            wait = _amount(text)
            moment = None if wait is None else now + wait / _PER_SECOND[name]
            if moment is None and name == "retry-after":
                moment = parse_http_date(text, now=now)
            if moment is None:
                unreadable = name
            else:
                (seconds if name == "retry-after" else milliseconds).append(moment)
    return max(milliseconds or seconds, default=None), unreadable


def _amount(text: str) -> float | None:
    """A number; of several that a client has joined by commas (RFC 9110, 5.3), the largest."""
    number = parse_number(text)
    if number is None and "," in text:
        numbers = [parse_number(part) for part in text.split(",")]
        known = [amount for amount in numbers if amount is not None]
        return max(known) if len(known) == len(numbers) else None
    return number


def read_count(
    answer: Answer,
    remaining_name: str,
    reset_name: str,
    parse_reset: ParseMoment,
    *,
    now: float,
    window: Window,
    scope: LimitScope = "credential",
    model: str | None = None,
) -> Signal | None:
    """What a pair of headers says of an allowance: how much remains, and when it is full again.

    None: they are not there, or blank.
    """
    count = answer.headers.get(remaining_name, "")
    if count.isdecimal() and count.isascii() and count[0] != "0" and not answer.repeated and not answer.reads_open:
        return _OPEN[window]  # what nearly every success says
    remaining, resets = answer.values(remaining_name), answer.values(reset_name)
    if not remaining and not resets:
        return None
    counts = [number for text in remaining if (number := parse_number(text)) is not None]
    moments = [moment for text in resets if (moment := parse_reset(text, now)) is not None]
    until = max(moments) if moments else None
    if not counts:
        return NOTED if moments else Unreadable(remaining_name if remaining else reset_name)
    if min(counts) > 0:
        return Open(window, None, until, scope, model)
    detail = f"{remaining_name}: 0"
    return UsedUp(window, until, "header", "advisory", scope, model, detail, yields=True)
