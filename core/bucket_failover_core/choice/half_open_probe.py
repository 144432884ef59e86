"""Is a half-open probe due, and which bucket does it test?

Rules: a bucket that is benched by advisory evidence alone is half-open. From time to time one request, of no named
conversation, tests it before its limit ends: one bucket at a time, the one that was heard of longest ago, and not
before an interval (spread by `draw`) has passed since the provider was last heard on it or any bucket was tested. If
the request is served, the limit is disproved; if not, it goes on elsewhere, the session stays, and the limit is fresh
again.

Intuition: a limit that no request tests is believed until its end, however wrong it is; one that
every request tests protects nothing.

Road not taken: to probe in the background. A request that no caller needs costs quota, and proves nothing about ours.

Source: M. Nygard, "Release It!", 2007 (circuit breaker, its half-open state).
"""

from typing import Final

from bucket_failover_core.facts.limits import Limit, counts_for, is_directive
from bucket_failover_core.facts.snapshots import BucketSnapshot, FailoverSnapshot
from bucket_failover_core.failover.standing import OPEN_FACTS, find, token_fact

_INTERVAL_SPREAD: Final = 0.2
"""A probe is due after the interval, or up to this fraction of it later, by `draw`."""


def due_probe(
    snapshot: FailoverSnapshot, doubtful: list[BucketSnapshot], *, now: float, draw: float
) -> BucketSnapshot | None:
    """The bucket that this request tests; None: no probe is due.

    Example: with an interval of 600 s and `draw=0`, a bucket that was heard of at 1000.0 is tested from 1600.0 on.

    Args:
        snapshot: what is known.
        doubtful: the buckets that advisory limits alone rule out (`is_doubtful`).
        now: Unix seconds.
        draw: chance, in [0, 1).
    """
    if not doubtful:
        return None
    interval = snapshot.policy.probe_interval_seconds * (1 + _INTERVAL_SPREAD * draw)
    probes = [bucket.probed_at for bucket in snapshot.buckets if bucket.probed_at is not None]
    if probes and now < max(probes) + interval:
        return None
    oldest = min(doubtful, key=lambda bucket: _heard_at(bucket, now, snapshot.model))
    return oldest if now >= _heard_at(oldest, now, snapshot.model) + interval else None


def is_doubtful(bucket: BucketSnapshot, *, now: float, model: str | None) -> bool:
    """Whether the bucket is ruled out by advisory limits alone."""
    limits = limits_in_force(bucket, now, model)
    return not any(map(is_directive, limits)) and is_benched(bucket, limits, now, model)


def is_benched(bucket: BucketSnapshot, limits: list[Limit], now: float, model: str | None) -> bool:
    """Whether limits alone rule it out: there is a token to call with, or it can be had."""
    found = find(bucket, now=now, model=model)
    return limits != [] and found.fact == "limit-in-force" and token_fact(bucket, now=now) in OPEN_FACTS


def limits_in_force(bucket: BucketSnapshot, now: float, model: str | None) -> list[Limit]:
    """The bucket's limits that hold at `now` for this model."""
    return [limit for limit in bucket.limits if limit.until > now and counts_for(limit, model)]


def end_of_limits(bucket: BucketSnapshot, now: float, model: str | None) -> float:
    """Unix seconds at which the last of the limits in force ends; there is one."""
    return max(limit.until for limit in limits_in_force(bucket, now, model))


def _heard_at(bucket: BucketSnapshot, now: float, model: str | None) -> float:
    """When the provider was last heard on the bucket's limits, as far as that is known: else now."""
    moments = [now if limit.observed_at is None else limit.observed_at for limit in limits_in_force(bucket, now, model)]
    return max([*moments, bucket.probed_at] if bucket.probed_at is not None else moments)
