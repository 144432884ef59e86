"""What follows from an error's words beside its fields: signals, added to those that its dialect has read.

Rules: the meaning names the cause. Money that is gone is a balance, an allowance its window or `unknown`, with the end
that the words give; what a field has said of it already is not said again, but gets that end. A request that asks for
more than the whole limit benches no bucket, whatever windows it names. A named window beats the error's class name: an
"allowance" of a minute is a rate, and a "rate" of a day is an allowance.

Intuition: a field says how much is left, the words say of what: "remaining: 0" beside "weekly limit reached".

Road not taken: to let words speak only where fields are silent. A gateway's short `retry-after` beside "weekly limit
reached" would then win.
"""

from typing import Final

from bucket_failover_core.answers.response import Answer
from bucket_failover_core.answers.signals import Named, Reach, Signal, UsedUp
from bucket_failover_core.facts.causes import Cause, is_spent
from bucket_failover_core.facts.limits import LONG_WINDOWS, Window
from bucket_failover_core.facts.status_codes import cause_of_status

_UNNAMED: Final[frozenset[Window]] = frozenset({"unknown"})
_UNNAMED_SECONDS: Final = 600.0
"""An allowance without a named window or end is guessed to last this long (docs/limits.md)."""

_PAYMENT: Final = 402
_QUOTA_STATUSES: Final = frozenset({402, 403, 429})
"""Where an end that is told ("resets at …") says by itself that something is used up."""


def with_words(answer: Answer, signals: list[Signal], *, now: float) -> list[Signal]:
    """The signals of a failed answer, with those of its words.

    Example: to a 403 "weekly (7-day) usage limit reached", of which no field says anything, come `Named(quota)` and
    `UsedUp("week")`.

    Args:
        answer: the failed answer.
        signals: what its dialect has read.
        now: Unix seconds.
    """
    words = answer.words
    match words.meaning:
        case "too-large":
            return _too_large(answer, signals)
        case "no-capacity":
            return [*signals, Named(Cause.OVERLOADED, words.code or "no capacity")]
        case "money":
            return _money(answer, signals, now=now)
        case "disabled":
            return [*signals, Named(Cause.FORBIDDEN, "the account is disabled")]
        case "allowance" if not any(isinstance(each, UsedUp) and each.window == "balance" for each in signals):
            return _used_up(answer, signals, words.windows or _UNNAMED, now=now)
        case "rate" if words.windows or not any(isinstance(each, UsedUp) for each in signals):
            return _used_up(answer, signals, words.windows, now=now)
        case None if answer.status in _QUOTA_STATUSES:
            return _used_up(answer, signals, words.windows or _UNNAMED, now=now)
        case _:
            return signals


def _too_large(answer: Answer, signals: list[Signal]) -> list[Signal]:
    """Headers still say what they say; of the error's own windows nothing is used up."""
    if any(isinstance(each, UsedUp) and each.scope == "request" for each in signals):
        return signals
    kept = [each for each in signals if not (isinstance(each, UsedUp) and each.source == "body")]
    cause = cause_of_status(answer.status)
    if not is_spent(cause):
        return kept
    window: Window = "balance" if answer.status == _PAYMENT else "unknown"
    detail = "larger than the whole limit"
    return [*kept, UsedUp(window, None, "body", scope="request", detail=detail, waiting_heals=False)]


def _money(answer: Answer, signals: list[Signal], *, now: float) -> list[Signal]:
    """A "monthly spending limit" is no month; but a month whose end a field gives is what the money was for."""
    kept = [each for each in signals if not _is_windows_name(each)]
    if any(isinstance(each, UsedUp) and each.window == "month" and each.until is not None for each in kept):
        return [*kept, Named(Cause.QUOTA, answer.words.code or "money")]
    return _used_up(answer, kept, frozenset({"balance"}), now=now)


def _is_windows_name(signal: Signal) -> bool:
    """Whether it is a window of which the body says no more than its name."""
    return (
        isinstance(signal, UsedUp) and signal.source == "body" and signal.window != "balance" and signal.until is None
    )


def _used_up(answer: Answer, signals: list[Signal], windows: frozenset[Window], *, now: float) -> list[Signal]:
    """What is used up, and the cause that follows from it."""
    words = answer.words
    end = words.end(now)
    if end is not None and end <= now:  # by another clock than ours
        end = None
    told = {each.window for each in signals if isinstance(each, UsedUp)}
    same = told if windows == _UNNAMED else told & windows
    meant = same or windows
    is_long = not LONG_WINDOWS.isdisjoint(meant) or "unknown" in meant
    detail = words.code or _DETAILS.get(words.meaning or "", "an end is told")
    cause = Named(Cause.QUOTA if is_long else Cause.THROTTLED, detail, words.code != "" or words.meaning != "rate")
    if same:
        return [*(_with_end(each, same, end) for each in signals), cause]
    reach = next((each for each in signals if isinstance(each, Reach)), _OURS)
    return [*signals, *(_allowance(window, end, reach) for window in sorted(windows)), cause]


def _with_end(signal: Signal, windows: frozenset[Window] | set[Window], end: float | None) -> Signal:
    """What a field has said, with the end that the words give."""
    if end is None or not isinstance(signal, UsedUp) or signal.window not in windows or signal.until is not None:
        return signal
    return signal._replace(until=end, strength="directive")


def _allowance(window: Window, end: float | None, reach: Reach) -> UsedUp:
    return UsedUp(
        window,
        end,
        "body",
        "advisory" if end is None else "directive",
        reach.scope,
        reach.model,
        "an allowance, in words" if window == "unknown" else f"{window}, in words",
        guess_seconds=_UNNAMED_SECONDS if window == "unknown" else None,
        waiting_heals=window != "balance",
    )


_OURS: Final = Reach("credential")
_DETAILS: Final = {"money": "money", "allowance": "an allowance is used up", "rate": "a rate"}
