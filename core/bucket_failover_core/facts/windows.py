"""What a provider reports of a window that is still open: how much of it is used, and when it begins anew.

A reading is no limit: it benches no bucket. It says which bucket expires first and which is used least, and it replaces
what was believed of the same window before: a provider that shows a window open has reset it, whatever it said then.
"""

from typing import final

from pydantic import Field

from bucket_failover_core.facts.limits import Limit, LimitScope, Window
from bucket_failover_core.value import Value


@final
class WindowReading(Value):
    """A window with something left.

    Example: `WindowReading(window="5h", used=0.4, resets_at=1_786_560_000.0, observed_at=1_786_553_400.0)`.

    Args:
        window: which allowance.
        used: the fraction that is used, 0 or more; None: not said.
        resets_at: Unix seconds at which it begins anew; None: not said.
        scope: whom it concerns.
        model: the model it is about.
        observed_at: Unix seconds at which it was read.
    """

    window: Window
    used: float | None = Field(default=None, ge=0)
    resets_at: float | None = None
    scope: LimitScope = "credential"
    model: str | None = None
    observed_at: float | None = None


def merge_readings(held: tuple[WindowReading, ...], fresh: tuple[WindowReading, ...]) -> tuple[WindowReading, ...]:
    """The newest reading of each window, those that nothing fresh is said of first."""
    merged = {_subject(reading): reading for reading in held}
    for reading in fresh:
        known = merged.pop(_subject(reading), reading)
        merged[_subject(reading)] = known if _is_later(known, reading) else reading
    return tuple(merged.values())


def _is_later(reading: WindowReading, other: WindowReading) -> bool:
    """Whether it is known to have been read after the other."""
    if reading.observed_at is None or other.observed_at is None:
        return False
    return reading.observed_at > other.observed_at


def without_stale(limits: tuple[Limit, ...], readings: tuple[WindowReading, ...]) -> tuple[Limit, ...]:
    """The limits that fresh readings leave standing: those of other windows, seen later, or given by an operator.

    Example: a five-hour limit read at 14:00 goes when, at 15:00, the provider reports 5 % of the five hours used.
    """
    seen = {_subject(reading): reading.observed_at for reading in readings}
    return tuple(limit for limit in limits if not _is_stale(limit, seen))


def without_older(limits: tuple[Limit, ...], readings: tuple[WindowReading, ...]) -> tuple[Limit, ...]:
    """What `without_stale` leaves, where a limit and a reading of the same moment stand beside each other."""
    seen = {_subject(reading): reading.observed_at for reading in readings}
    return tuple(
        limit
        for limit in limits
        if limit.observed_at == seen.get(_subject(limit), limit.observed_at) or not _is_stale(limit, seen)
    )


def soonest_reset(readings: tuple[WindowReading, ...], *, now: float) -> float | None:
    """The moment at which the first of the windows begins anew; None: no reading tells."""
    moments = [reading.resets_at for reading in readings if reading.resets_at is not None and reading.resets_at > now]
    return min(moments, default=None)


def fullest(readings: tuple[WindowReading, ...], *, now: float) -> float:
    """The fraction that is used of the fullest window that has not begun anew since; 0.0: nothing is known."""
    fractions = [
        reading.used
        for reading in readings
        if reading.used is not None and (reading.resets_at is None or reading.resets_at > now)
    ]
    return max(fractions, default=0.0)


_Subject = tuple[Window, LimitScope, str | None]


def _subject(about: WindowReading | Limit) -> _Subject:
    return (about.window, about.scope, about.model)


def _is_stale(limit: Limit, seen: dict[_Subject, float | None]) -> bool:
    subject = _subject(limit)
    if limit.source == "operator" or subject not in seen:
        return False
    read_at = seen[subject]
    return limit.observed_at is None or read_at is None or limit.observed_at <= read_at
