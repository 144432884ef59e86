"""How many buckets may be benched on mere belief? At most half of a profile's, rounded down.

Rules: of the buckets that advisory limits alone rule out, those over the ceiling whose limits end first count as
usable. So a provider's bad minute does not become an hour of ours.

Intuition: one wrong belief costs a detour; the same wrong belief of every bucket costs the service.

Source: Envoy's outlier detection, `max_ejection_percent`.
"""

from bucket_failover_core.choice.half_open_probe import end_of_limits
from bucket_failover_core.facts.snapshots import BucketSnapshot, FailoverSnapshot


def over_ceiling(snapshot: FailoverSnapshot, doubtful: list[BucketSnapshot], *, now: float) -> frozenset[str]:
    """The names of the buckets that count as usable although a limit is believed; empty: none has to.

    Example: of four buckets three are doubtful: the one whose limit ends first is over the ceiling.

    Args:
        snapshot: what is known.
        doubtful: the buckets that advisory limits alone rule out (`is_doubtful`).
        now: Unix seconds.
    """
    excess = len(doubtful) - len(snapshot.buckets) // 2
    if excess <= 0:
        return frozenset()
    by_end = sorted(doubtful, key=lambda bucket: end_of_limits(bucket, now, snapshot.model))
    return frozenset(bucket.name for bucket in by_end[:excess])


def without_limits(snapshot: FailoverSnapshot, names: frozenset[str]) -> FailoverSnapshot:
    """The profile as if these buckets had no limits."""
    buckets = tuple(bucket.evolve({"limits": ()}) if bucket.name in names else bucket for bucket in snapshot.buckets)
    return snapshot.evolve({"buckets": buckets})
