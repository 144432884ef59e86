"""Codex (a ChatGPT subscription): two windows, told apart by their length and never by their name.

Sources: the headers and bodies as Codex's own client reads them (https://github.com/openai/codex).
"""

from collections.abc import Mapping
from math import inf
from typing import Final

from bucket_failover_core.answers.dialects.openai import read_openai_error, scope_in_words
from bucket_failover_core.answers.error_body import as_mapping
from bucket_failover_core.answers.rate_limit_headers import USAGE
from bucket_failover_core.answers.response import Answer
from bucket_failover_core.answers.signals import NOTED, Named, Open, Signal, Unreadable, UsedUp
from bucket_failover_core.facts.causes import Cause
from bucket_failover_core.facts.limits import WINDOW_CEILING_SECONDS, LimitSource, Window
from bucket_failover_core.formats import number_in

_WINDOW_NAMES: Final = ("primary", "secondary")
_LENGTHS: Final[tuple[tuple[float, Window], ...]] = (
    (60.0, "minute"),
    (360.0, "5h"),
    (1_560.0, "day"),
    (11_520.0, "week"),
    (46_080.0, "month"),
)
_FULL: Final = 100.0
_TOO_MANY: Final = 429


def read_codex(answer: Answer, *, now: float) -> list[Signal]:
    """What an answer to a subscription's call says."""
    signals: list[Signal] = []
    for name in _WINDOW_NAMES:
        fields = {
            "used_percent": answer.values(f"x-codex-{name}-used-percent"),
            "window_minutes": answer.values(f"x-codex-{name}-window-minutes"),
            "reset_at": answer.values(f"x-codex-{name}-reset-at"),
            "reset_after_seconds": answer.values(f"x-codex-{name}-reset-after-seconds"),
        }
        if any(fields.values()):
            signals += _window_said(f"x-codex-{name}", fields, "header", now=now)
    if answer.succeeded:
        return signals + _usage_said(answer, now=now) if answer.error.document else signals
    if answer.status == _TOO_MANY and "usage_limit_reached" in answer.error.names:
        return [*signals, *_limit_reached(answer, signals, now=now)]
    return signals + read_openai_error(answer, scope_in_words(answer, "credential"))


def _window_said(
    name: str, fields: Mapping[str, tuple[object, ...]], source: LimitSource, *, now: float
) -> list[Signal]:
    """What the fields of one window say; each may have come more than once, and zeros are placeholders."""
    numbers = {field: [number_in(value) for value in values] for field, values in fields.items()}
    signals: list[Signal] = [
        Unreadable(f"{name}-{field.replace('_', '-')}") for field, read in numbers.items() if None in read
    ]
    known = {field: max(found) for field, read in numbers.items() if (found := [n for n in read if n is not None])}
    if not known:
        return signals
    percent = known.get("used_percent")
    moments = [known["reset_at"]] if known.get("reset_at") else []
    if known.get("reset_after_seconds"):
        moments.append(now + known["reset_after_seconds"])
    until = max(moments, default=None)
    window = _window_of(known.get("window_minutes"))
    if percent is None:
        signals.append(NOTED)
    elif percent < _FULL:
        signals.append(Open(window, percent / _FULL, until))
    else:
        signals.append(UsedUp(window, until, source, detail=f"{name}: {percent:g} % used"))
    return signals


def _window_of(minutes: float | None) -> Window:
    """The window of this length. The shortest that has room for it: lengths are seen a minute off."""
    if not minutes:
        return "unknown"
    window = next((window for longest, window in _LENGTHS if minutes <= longest), None)
    return window or "unknown"


def _limit_reached(answer: Answer, windows: list[Signal], *, now: float) -> list[Signal]:
    """The body's own word that a window is used up."""
    error = answer.error.fields
    at, after = number_in(error.get("resets_at")), number_in(error.get("resets_in_seconds"))
    moments = [at] if at else []
    if after:
        moments.append(now + after)
    signals: list[Signal] = [Named(Cause.QUOTA, "usage_limit_reached")]
    used_up = [signal for signal in windows if isinstance(signal, UsedUp)]
    if moments:
        until = max(moments)
        signals.append(
            UsedUp(_window_that_ends(used_up, until), until, "body", "directive", detail="usage_limit_reached")
        )
    elif not used_up:
        signals.append(UsedUp("unknown", None, "body", detail="usage_limit_reached"))
    return signals


def _window_that_ends(used_up: list[UsedUp], until: float) -> Window:
    """The used-up window that a moment is the end of: the one whose own reset is nearest, else the longest."""

    def fit(window: UsedUp) -> tuple[float, float]:
        return (
            abs(until - window.until) if window.until is not None else inf,
            -WINDOW_CEILING_SECONDS[window.window],
        )

    return min(used_up, key=fit).window if used_up else "unknown"


def _usage_said(answer: Answer, *, now: float) -> list[Signal]:
    """What the usage endpoint says: `{"rate_limit": {"primary_window": {"used_percent": 100, ...}, ...}, ...}`."""
    signals: list[Signal] = []
    rate_limit = as_mapping(answer.error.document.get("rate_limit"))
    for name in _WINDOW_NAMES:
        usage = as_mapping(rate_limit.get(f"{name}_window"))
        seconds = number_in(usage.get("limit_window_seconds"))
        fields: dict[str, tuple[object, ...]] = {
            field: (usage[field],)
            for field in ("used_percent", "reset_at", "reset_after_seconds")
            if (value := usage.get(field)) is not None and value != ""
        }
        if seconds is not None:
            fields["window_minutes"] = (seconds / 60,)
        if fields:
            signals += _window_said(f"rate_limit.{name}_window", fields, USAGE, now=now)
    return signals + _spend_said(answer, now=now)


def _spend_said(answer: Answer, *, now: float) -> list[Signal]:
    """What the usage endpoint says of money: `{"spend_control": {"individual_limit": {"used_percent": 100, …}}}`."""
    limit = as_mapping(as_mapping(answer.error.document.get("spend_control")).get("individual_limit"))
    percent = number_in(limit.get("used_percent"))
    if percent is None:
        return []
    moments = [number_in(limit.get("reset_at")) or 0.0, now + (number_in(limit.get("reset_after_seconds")) or 0.0)]
    until = max((moment for moment in moments if moment > now), default=None)
    if percent < _FULL:
        return [Open("balance", percent / _FULL, until)]
    return [UsedUp("balance", until, USAGE, detail=f"spend_control: {percent:g} % used")]
