"""`bucket-failover bench` and `clear`: what is believed of a bucket, by hand."""

from typing import NamedTuple

from bucket_failover.cli.session import Session
from bucket_failover.store.interfaces import Limits, Refusals
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


class Forgotten(NamedTuple):
    """What was believed of a bucket, and is no more.

    Args:
        limits: its limits.
        refusals: how many of its tokens the provider had refused.
    """

    limits: tuple[Limit, ...]
    refusals: int


def clear(session: Session, buckets: tuple[str, ...]) -> dict[str, Forgotten]:
    """Forget the limits of some buckets, an operator's and the provider's, and what was refused; what was forgotten.

    Raises:
        UsageError: the profile has no such bucket.
        TokenStoreError: nothing has been changed, or the limits alone.
    """
    for bucket in buckets:
        session.check_bucket(bucket)
    limits: dict[str, tuple[Limit, ...]] = {}
    refusals: dict[str, int] = {}

    def clear_limits(held: Limits) -> Limits:
        limits.update({bucket: held.get(bucket, ()) for bucket in buckets})
        return dict.fromkeys(buckets, ())

    def clear_refusals(held: Refusals) -> Refusals:
        refusals.update({bucket: len(held.get(bucket, ())) for bucket in buckets})
        return dict.fromkeys(buckets, ())

    session.limits.change_limits(session.profile.provider, clear_limits)
    session.limits.change_refusals(session.profile.provider, clear_refusals)
    return {bucket: Forgotten(limits[bucket], refusals[bucket]) for bucket in buckets}
