"""In which order are buckets considered for a new request? Five pure answers, and one for conversations.

* `sticky`: the session's bucket, then the profile's order. Prompt caches stay warm. The default.
* `priority`: the profile's order: back to the first as soon as it is usable; but a bucket that a burst limit has just
  benched is given five minutes to settle while another one serves, else each burst would cost two switches.
* `round-robin`: the bucket after the session's, and so on around the profile.
* `soonest-reset`: the bucket whose window begins anew first, so that nothing that expires is left over; those of which
  nothing is known come last.
* `least-used`: the bucket whose fullest window is emptiest, and then the one with the fewest calls.
* A session key pins a conversation to a bucket by rendezvous hashing: every process finds the same one without asking
  another, and when a bucket goes or comes, only the conversations of that bucket move.

Ties break in profile order.

Source: D. Thaler, C. Ravishankar, "A name-based mapping scheme for rendezvous" (1996).

Road not taken: a random choice weighted by what is left. It spreads well, and throws away every prompt cache.
"""

from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from math import inf
from typing import Final, Literal, get_args

from bucket_failover_core.facts.limits import Limit, counts_for
from bucket_failover_core.facts.snapshots import BucketSnapshot, FailoverSnapshot
from bucket_failover_core.facts.windows import fullest, soonest_reset

Strategy = Literal["sticky", "priority", "round-robin", "soonest-reset", "least-used"]
"""How a new request's bucket is chosen among those that nothing known rules out."""

STRATEGIES: Final[tuple[Strategy, ...]] = get_args(Strategy)

READING_STRATEGIES: Final[frozenset[Strategy]] = frozenset({"soonest-reset", "least-used"})
"""Those that need to know what is left of windows that are still open."""

_SETTLING_SECONDS: Final = 300.0
"""Five windows of a minute: bursts that come in a row cost two switches together, not two each."""
_BURST_WINDOWS: Final = frozenset({"minute", "concurrency", "unknown"})


def in_order(
    snapshot: FailoverSnapshot,
    current: BucketSnapshot,
    *,
    now: float,
    strategy: Strategy,
    session_key: str | None,
) -> Iterable[BucketSnapshot]:
    """The buckets of the profile in the order in which a request should consider them, each exactly once.

    Args:
        snapshot: the profile.
        current: the session's bucket, one of the profile's.
        now: Unix seconds.
        strategy: which order.
        session_key: names a conversation; if given, it decides instead of the strategy.
    """
    if session_key is not None:
        return sorted(snapshot.buckets, key=lambda bucket: _score(session_key, bucket.name), reverse=True)
    return _ORDERS[strategy](snapshot, current, now)


def is_settling(bucket: BucketSnapshot, *, now: float, model: str | None) -> bool:
    """Whether a burst limit has benched the bucket less than five minutes ago, and has ended."""
    return any(
        limit.window in _BURST_WINDOWS
        and limit.source != "operator"
        and limit.until <= now
        and limit.observed_at is not None
        and now < limit.observed_at + _SETTLING_SECONDS
        and counts_for(limit, model)
        for limit in bucket.limits
    )


def _sticky(snapshot: FailoverSnapshot, current: BucketSnapshot, _: float) -> Iterable[BucketSnapshot]:
    yield current
    for bucket in snapshot.buckets:
        if bucket is not current:
            yield bucket


def _priority(snapshot: FailoverSnapshot, _: BucketSnapshot, __: float) -> Iterable[BucketSnapshot]:
    return snapshot.buckets


def _round_robin(snapshot: FailoverSnapshot, current: BucketSnapshot, _: float) -> Iterable[BucketSnapshot]:
    place = snapshot.place_of(current.name)
    assert place is not None, current.name
    return (*snapshot.buckets[place + 1 :], *snapshot.buckets[: place + 1])


def _soonest_reset(snapshot: FailoverSnapshot, _: BucketSnapshot, now: float) -> Iterable[BucketSnapshot]:
    def begins_anew_at(bucket: BucketSnapshot) -> float:
        told = [limit.until for limit in bucket.limits if _tells_a_reset(limit, snapshot.model, now)]
        read = soonest_reset(bucket.readings, now=now)
        return min([*told, read if read is not None else inf])

    return sorted(snapshot.buckets, key=begins_anew_at)


def _tells_a_reset(limit: Limit, model: str | None, now: float) -> bool:
    """Whether a limit that does not bench this request says when a window of its bucket begins anew."""
    return limit.until > now and not counts_for(limit, model)


def _least_used(snapshot: FailoverSnapshot, _: BucketSnapshot, now: float) -> Iterable[BucketSnapshot]:
    return sorted(snapshot.buckets, key=lambda bucket: (fullest(bucket.readings, now=now), bucket.calls))


def _score(session_key: str, bucket: str) -> bytes:
    """How well a conversation and a bucket fit; the key's length keeps apart what would read the same."""
    return blake2b(f"{len(session_key)}:{session_key}{bucket}".encode(errors="replace"), digest_size=8).digest()


_Order = Callable[[FailoverSnapshot, BucketSnapshot, float], Iterable[BucketSnapshot]]
_ORDERS: Final[Mapping[Strategy, _Order]] = {
    "sticky": _sticky,
    "priority": _priority,
    "round-robin": _round_robin,
    "soonest-reset": _soonest_reset,
    "least-used": _least_used,
}
