"""`bucket-failover bench` and `clear`: limits by hand."""

from bucket_failover.cli.session import Session
from bucket_failover.store.interfaces import Limits
from bucket_failover_core import Limit
from bucket_failover_core.failover import held_limits, hold_limits, learn_limits


def bench(session: Session, bucket: str, *, until: float, reason: str, at: float) -> Limit:
    """Bench a bucket by an operator's word, which no answer of the provider lifts.

    Args:
        session: whose bucket.
        bucket: its name.
        until: Unix seconds.
        reason: for those who ask why; may be empty.
        at: Unix seconds of now.

    Raises:
        UsageError: the profile has no such bucket.
        TokenStoreError: it is not stored.
    """
    limit = Limit(
        until=until,
        window="unknown",
        source="operator",
        strength="directive",
        detail=reason or "benched by hand",
        observed_at=at,
    )
    session.check_bucket(bucket)

    def benched(held: Limits) -> Limits:
        return held_limits(learn_limits(hold_limits(session.profile.snapshot, held), bucket, (limit,)))

    session.limits.change_limits(session.profile.provider, benched)
    return limit


def clear(session: Session, buckets: tuple[str, ...]) -> dict[str, tuple[Limit, ...]]:
    """Forget every limit of some buckets, an operator's word and the provider's; what was forgotten.

    Raises:
        UsageError: the profile has no such bucket.
        TokenStoreError: nothing has been changed.
    """
    for bucket in buckets:
        session.check_bucket(bucket)
    forgotten: dict[str, tuple[Limit, ...]] = {}

    def cleared(held: Limits) -> Limits:
        forgotten.update({bucket: held.get(bucket, ()) for bucket in buckets})
        return dict.fromkeys(buckets, ())

    session.limits.change_limits(session.profile.provider, cleared)
    return forgotten
