"""OpenAI: counts per minute in headers, the window in words, and codes for money that no wait brings back.

A count's reset is the time of the *full* refill, so a wait beside it says better when to come again.

Sources: https://platform.openai.com/docs/guides/rate-limits, https://platform.openai.com/docs/guides/error-codes
"""

from collections.abc import Mapping
from typing import Final

from bucket_failover_core.answers.error_names import BURST_NAMES, MONEY_NAMES
from bucket_failover_core.answers.error_text import windows_named
from bucket_failover_core.answers.error_words import NO_WORDS
from bucket_failover_core.answers.rate_limit_headers import read_count
from bucket_failover_core.answers.response import Answer
from bucket_failover_core.answers.signals import Named, Reach, Signal, UsedUp
from bucket_failover_core.facts.causes import Cause
from bucket_failover_core.facts.limits import LimitScope, Window
from bucket_failover_core.formats import parse_go_duration, parse_number

_KINDS: Final = ("requests", "tokens")
_NAMES: Final = tuple((kind, f"x-ratelimit-remaining-{kind}", f"x-ratelimit-reset-{kind}") for kind in _KINDS)
_PER_MINUTE: Final[Mapping[str, Window]] = {"requests": "minute", "tokens": "minute"}
_PER_DAY: Final[Mapping[str, Window]] = {"requests": "day", "tokens": "day"}
_SHARED_MONEY: Final = frozenset({"organization_usage_limit_exceeded", "organization_spend_limit_exceeded"})
_SPENT: Final = frozenset({402, 429})
_MONEY_STATUSES: Final = frozenset({400, 402, 403, 429})


def read_openai(answer: Answer, *, now: float) -> list[Signal]:
    """What an answer of OpenAI's says."""
    if answer.succeeded:
        return read_counts(answer, _PER_MINUTE, "credential", now=now)
    scope = scope_in_words(answer, "credential")
    error = read_openai_error(answer, scope)
    is_daily = any(isinstance(signal, UsedUp) and signal.window == "day" for signal in error)
    return read_counts(answer, _PER_DAY if is_daily else _PER_MINUTE, scope, now=now) + error


def scope_in_words(answer: Answer, scope: LimitScope) -> LimitScope:
    """Whom an error concerns: an organization, if its words say so, else whom this provider's limits concern."""
    return "organization" if " in organization " in answer.error.message else scope


def read_counts(answer: Answer, windows: Mapping[str, Window], scope: LimitScope, *, now: float) -> list[Signal]:
    """What the `x-ratelimit-*` headers say, if `windows` are the windows that their kinds are counted in."""
    signals: list[Signal] = []
    for kind, remaining, reset in _NAMES:
        signal = read_count(answer, remaining, reset, _refill, now=now, window=windows[kind], scope=scope)
        if signal is not None:
            signals.append(signal)
    return signals


def read_openai_error(answer: Answer, scope: LimitScope) -> list[Signal]:
    """What an error's code and words say.

    Args:
        answer: the failed answer.
        scope: whom its limits concern.
    """
    signals: list[Signal] = []
    names = answer.error.names
    money = next((name for name in names if name in MONEY_NAMES), None)
    if answer.status not in (_SPENT if money is None else _MONEY_STATUSES):
        return signals if answer.words is NO_WORDS else [Reach(scope)]
    if money is not None:
        scope = "organization" if _SHARED_MONEY.intersection(names) else scope
        signals += (
            Named(Cause.QUOTA, money),
            UsedUp("balance", None, "body", scope=scope, detail=money, waiting_heals=False),
        )
    elif any(name in BURST_NAMES for name in names):
        signals.append(Named(Cause.THROTTLED, "slow_down"))
    else:
        signals.extend(
            UsedUp(window, source="body", scope=scope, detail=f"limit per {window}")
            for window in sorted(windows_named(answer.message))
        )
    signals.append(Reach(scope))
    return signals


def _refill(text: str, now: float) -> float | None:
    seconds = parse_go_duration(text)
    if seconds is None:
        seconds = parse_number(text)  # compatible servers leave the unit out
    return None if seconds is None else now + seconds
