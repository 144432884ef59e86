"""Beliefs about quota: until when, which window, how we know, how far to trust it.

Rules: a limit is in force while `now < until`; of several the latest `until` counts; scope says whom it benches. When a
new limit joins those already held, later and harder evidence replaces earlier and softer evidence about the same thing,
and never the other way round.

Intuition: a provider's word ("come back at six") and our guess ("probably a minute") are both limits, but only the
first is an order. Keeping them apart by `strength` is what lets a guess be disproved by a success.

Road not taken: one merged "blocked until" moment per bucket. It is smaller, and it is how soft, old evidence comes to
overwrite hard, new evidence, and how the reason why a bucket was benched is lost.
"""

from collections.abc import Iterable
from typing import Final, Literal

from bucket_failover_core.value import Value

Window = Literal["minute", "concurrency", "5h", "day", "week", "month", "balance", "unknown"]
"""Which allowance is used up."""

LimitSource = Literal["header", "body", "retry-after", "usage-api", "operator", "guess"]
"""How we know."""

LimitScope = Literal["request", "model", "credential", "organization", "provider"]
"""What it benches: no bucket, requests for a model, the bucket, or every bucket of its quota domain."""

Strength = Literal["directive", "advisory"]
"""`directive`: the provider or an operator said so outright. `advisory`: a refill time, a usage endpoint, a guess."""

_REMEMBERED_SECONDS: Final = 600.0
"""The longest `spread_seconds` of a policy: for so long a limit that has ended spreads the return to its bucket."""
_HOUR: Final = 3_600.0
_DAY: Final = 24 * _HOUR
"""Seconds, like the ceilings."""

WINDOW_CEILING_SECONDS: Final[dict[Window, float]] = {
    "minute": _HOUR,
    "concurrency": _HOUR,
    "5h": 6 * _HOUR,
    "day": 26 * _HOUR,
    "week": 8 * _DAY,
    "month": 32 * _DAY,
    "balance": 32 * _DAY,
    "unknown": 8 * _DAY,
}
"""The longest that a limit of each window may bench a bucket, in seconds from when it was read."""

LONG_WINDOWS: Final[frozenset[Window]] = frozenset({"5h", "day", "week", "month", "balance"})
"""A used-up one is a quota; anything shorter is a burst (docs/decisions/classification.md)."""

SHARED_SCOPES: Final[frozenset[LimitScope]] = frozenset({"organization", "provider"})


class Limit(Value):
    """A belief that something cannot be used before a moment.

    Example: `Limit(until=1_786_553_400.0, window="5h", source="header", strength="directive")`: the provider has
    said that the five-hour window is used up until then.

    Args:
        until: Unix seconds; the limit is in force while `now < until`.
        window: which allowance is used up.
        source: how we know.
        scope: what it benches.
        strength: how far to trust it.
        detail: the evidence in a few words, never a secret.
        model: the model it is about; None: every model, or an unknown one if the scope is `model`.
        observed_at: Unix seconds at which the evidence was read, None if unknown.
    """

    until: float
    window: Window
    source: LimitSource
    scope: LimitScope = "credential"
    strength: Strength = "advisory"
    detail: str = ""
    model: str | None = None
    observed_at: float | None = None


def is_directive(limit: Limit) -> bool:
    """Whether it was said outright: by the provider, or by an operator, whose word is an order however it is marked."""
    return limit.strength == "directive" or limit.source == "operator"


def is_shared(limit: Limit) -> bool:
    """Whether it benches every bucket of the quota domain, not just the one that earned it."""
    return limit.scope in SHARED_SCOPES


def counts_for(limit: Limit, model: str | None) -> bool:
    """Whether it benches a request for `model` (None: unknown). A limit counts unless known to be for another model."""
    if limit.scope == "request":
        return False
    return limit.model is None or model is None or limit.model == model


def limit_in_force(limits: Iterable[Limit], *, now: float, model: str | None = None) -> Limit | None:
    """The limit that benches a request for `model` the longest at `now`, or None if none does.

    Example: of a minute window until 1060.0 and a week until 9000.0, at 1000.0 it is the week; at 9000.0 it is None.
    Of two that end together, the first is told.
    """
    longest = None
    for limit in limits:
        if limit.until > now and (longest is None or limit.until > longest.until) and counts_for(limit, model):
            longest = limit
    return longest


def limits_worth_keeping(limits: tuple[Limit, ...], *, now: float) -> tuple[Limit, ...]:
    """The limits that still say something: those in force, and those that ended in the last ten minutes.

    A limit that has just ended spreads the return to its bucket. The same tuple if all are kept.
    """
    kept = tuple(limit for limit in limits if limit.until > now - _REMEMBERED_SECONDS)
    return limits if len(kept) == len(limits) else kept


def merge_limits(held: tuple[Limit, ...], fresh: Iterable[Limit]) -> tuple[Limit, ...]:
    """The limits believed after `fresh` evidence has come in: what it outdates goes, what outdates it stays.

    Example: a directive for the five-hour window until 18:00, read at 14:00, replaces an advisory one until 19:00
    read at 13:00; an advisory one read at 15:00 stands beside the directive, and the later end counts.

    Evidence is about the same thing if window, scope and model are the same. One piece supersedes another if it was
    not observed earlier and is not softer, so at most one limit of each strength stays per thing; of two
    equally hard ones of one moment it is the later end, in whichever order they come. An operator's word stands beside
    all others: no answer lifts it, and it lifts none.
    """
    merged = held
    for limit in fresh:
        others = tuple(other for other in merged if not _supersedes(limit, other))
        if not any(_supersedes(other, limit) for other in others):
            merged = (*others, limit)
    return merged


def _supersedes(newer: Limit, older: Limit) -> bool:
    """Whether `newer` makes `older` pointless: the same subject, seen no earlier, and at least as hard."""
    if (newer.window, newer.scope, newer.model) != (older.window, older.scope, older.model):
        return False
    if (newer.source == "operator") != (older.source == "operator"):
        return False
    if newer.strength == "advisory" and older.strength == "directive":
        return False
    if newer.observed_at is None or older.observed_at is None:
        return True
    if newer.observed_at == older.observed_at and newer.strength == older.strength and newer.source != "operator":
        return newer.until >= older.until
    return newer.observed_at >= older.observed_at
