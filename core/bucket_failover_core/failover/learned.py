"""What is learned of a profile outside the events of a request: from other requests, other processes, and answers.

Limits are facts of accounts, and so are refused tokens; what was tried is a fact of one request. So requests in flight
tell each other the first two, and never the third.

Rules: a limit wider than a bucket is remembered in every bucket of its quota domain. A refused access token is
remembered in every bucket, because two buckets may hold the same one. A success disproves what was merely believed, and
a fresh reading replaces a stale belief, the provider's own included; an operator's word, neither.
"""

from collections.abc import Callable, Mapping

from bucket_failover_core.facts.limits import SHARED_SCOPES, Limit, counts_for, is_directive, is_shared, merge_limits
from bucket_failover_core.facts.snapshots import BucketSnapshot, FailoverSnapshot
from bucket_failover_core.facts.tokens import TokenUnread
from bucket_failover_core.facts.windows import WindowReading, merge_readings, without_stale


def learn_limits(snapshot: FailoverSnapshot, bucket: str, limits: tuple[Limit, ...]) -> FailoverSnapshot:
    """The snapshot with what a call with `bucket` has revealed of quota, and nothing else of that call.

    It is how requests in flight tell each other: limits are facts of the accounts, what was tried is a fact of the
    request. Limits wider than a bucket reach every bucket of its quota domain.

    Raises:
        ValueError: the profile has no such bucket.
    """
    earner = bucket_named(snapshot, bucket)
    if not limits:
        return snapshot
    learned = with_facts(snapshot, earner, {"limits": merge_limits(earner.limits, limits)})
    return bench_domain(learned, earner, limits)


def learn_success(snapshot: FailoverSnapshot, bucket: str, *, model: str | None = None) -> FailoverSnapshot:
    """The snapshot after a call with `bucket` has succeeded: what was merely believed of its quota is disproved.

    Advisory limits on the bucket go, shared ones in its whole quota domain, unless they are known to be about another
    model. Directive ones stay: a provider that has said so outright may still mean it.

    Args:
        snapshot: what is known.
        bucket: the one that has served.
        model: the model that was asked; None: the snapshot's.

    Raises:
        ValueError: the profile has no such bucket.
    """
    served = bucket_named(snapshot, bucket)
    asked = snapshot.model if model is None else model

    def proven(other: BucketSnapshot) -> BucketSnapshot:
        own = other is served
        if not other.limits or not (own or other.quota_domain == served.quota_domain != ""):
            return other
        kept = tuple(limit for limit in other.limits if not (own or is_shared(limit)) or not disproved(limit))
        return other if len(kept) == len(other.limits) else other.evolve({"limits": kept})

    def disproved(limit: Limit) -> bool:
        return not is_directive(limit) and counts_for(limit, asked)

    return with_buckets(snapshot, proven)


def learn_readings(snapshot: FailoverSnapshot, bucket: str, readings: tuple[WindowReading, ...]) -> FailoverSnapshot:
    """The snapshot with what an answer to `bucket` reports of windows that are still open.

    A fresh reading replaces a stale belief: limits of the same windows, seen no later, go; those wider than a bucket in
    its whole quota domain. An operator's word stays.

    Raises:
        ValueError: the profile has no such bucket.
    """
    reported = bucket_named(snapshot, bucket)
    if not readings:
        return snapshot
    shared = tuple(reading for reading in readings if reading.scope in SHARED_SCOPES)

    def told(other: BucketSnapshot) -> BucketSnapshot:
        if other is reported:
            merged = merge_readings(other.readings, readings)
            return other.evolve({"readings": merged, "limits": without_stale(other.limits, readings)})
        if not shared or not other.limits or not reported.quota_domain == other.quota_domain != "":
            return other
        return other.evolve({"limits": without_stale(other.limits, shared)})

    return with_buckets(snapshot, told)


def learn_probe(snapshot: FailoverSnapshot, bucket: str, *, at: float) -> FailoverSnapshot:
    """The snapshot after a request has set out, at `at` (Unix seconds), to test an advisory limit of `bucket`.

    Raises:
        ValueError: the profile has no such bucket.
    """
    return with_facts(snapshot, bucket_named(snapshot, bucket), {"probed_at": at})


def learn_call(snapshot: FailoverSnapshot, bucket: str) -> FailoverSnapshot:
    """The snapshot after one more call has been made with `bucket`.

    Raises:
        ValueError: the profile has no such bucket.
    """
    called = bucket_named(snapshot, bucket)
    return with_facts(snapshot, called, {"calls": called.calls + 1})


def move_session(snapshot: FailoverSnapshot, bucket: str) -> FailoverSnapshot:
    """The snapshot with another bucket in use, though no call has failed: a strategy moves on.

    Raises:
        ValueError: the profile has no such bucket.
    """
    return snapshot.evolve({"current": bucket_named(snapshot, bucket).name})


def held_limits(snapshot: FailoverSnapshot) -> dict[str, tuple[Limit, ...]]:
    """What is believed of each bucket of the profile: what `hold_limits` takes."""
    return {bucket.name: bucket.limits for bucket in snapshot.buckets}


def hold_limits(snapshot: FailoverSnapshot, limits: Mapping[str, tuple[Limit, ...]]) -> FailoverSnapshot:
    """The snapshot with exactly these limits: what a memory that others write to as well holds now.

    Args:
        snapshot: what is known.
        limits: by bucket; a bucket that is not named has none. Buckets that the profile lacks are passed over.
    """

    def holding(bucket: BucketSnapshot) -> BucketSnapshot:
        held = limits.get(bucket.name, ())
        return bucket if held == bucket.limits else bucket.evolve({"limits": held})

    return with_buckets(snapshot, holding)


def learn_refusal(snapshot: FailoverSnapshot, fingerprint: str) -> FailoverSnapshot:
    """The snapshot after the provider has refused the access token of this fingerprint, whichever bucket holds it.

    An empty fingerprint is unknown, and nothing is learned.
    """
    return with_buckets(snapshot, lambda bucket: remembering(bucket, fingerprint)) if fingerprint else snapshot


def remembering(bucket: BucketSnapshot, fingerprint: str) -> BucketSnapshot:
    """The bucket, with one more token that the provider has refused; the same one if it is known."""
    if fingerprint in bucket.rejected:
        return bucket
    return bucket.evolve({"rejected": (*bucket.rejected, fingerprint)})


def forget_token(snapshot: FailoverSnapshot, bucket: str) -> FailoverSnapshot:
    """The snapshot after the caller has refreshed the bucket's token by itself in this request.

    The refresh is spent, and what was read of the token before is out of date.

    Raises:
        ValueError: the profile has no such bucket.
    """
    facts = {"token": TokenUnread(), "refresh_spent": True, "renewed_by": None}
    return with_facts(snapshot, bucket_named(snapshot, bucket), facts)


def as_api_key(snapshot: FailoverSnapshot, bucket: str) -> FailoverSnapshot:
    """The snapshot after it has turned out that what the store holds for the bucket is an API key.

    Raises:
        ValueError: the profile has no such bucket.
    """
    return with_facts(snapshot, bucket_named(snapshot, bucket), {"api_key": True})


def bench_domain(snapshot: FailoverSnapshot, earner: BucketSnapshot, limits: tuple[Limit, ...]) -> FailoverSnapshot:
    """The limits wider than a bucket that `earner` has run into join the other buckets of its quota domain."""
    shared = tuple(limit for limit in limits if is_shared(limit)) if limits and earner.quota_domain else ()
    if not shared:
        return snapshot

    def benched(bucket: BucketSnapshot) -> BucketSnapshot:
        if bucket.quota_domain != earner.quota_domain or bucket.name == earner.name:
            return bucket
        return bucket.evolve({"limits": merge_limits(bucket.limits, shared)})

    return with_buckets(snapshot, benched)


def bucket_named(snapshot: FailoverSnapshot, name: str) -> BucketSnapshot:
    """The bucket of this name.

    Raises:
        ValueError: the profile has no such bucket.
    """
    place = snapshot.place_of(name)
    if place is None:
        names = [bucket.name for bucket in snapshot.buckets]
        message = f"bucket: {name!r} is not a bucket of {snapshot.provider!r}, which has {names}"
        raise ValueError(message)
    return snapshot.buckets[place]


def with_facts(snapshot: FailoverSnapshot, bucket: BucketSnapshot, facts: dict[str, object]) -> FailoverSnapshot:
    """The snapshot with some facts of one bucket changed."""
    return snapshot.evolve({"buckets": replaced(snapshot, bucket.evolve(facts))})


def replaced(snapshot: FailoverSnapshot, changed: BucketSnapshot) -> tuple[BucketSnapshot, ...]:
    """The profile's buckets with this one in place of the one of its name."""
    place = snapshot.place_of(changed.name)
    assert place is not None, changed.name
    buckets = [*snapshot.buckets]
    buckets[place] = changed
    return tuple(buckets)


def with_buckets(snapshot: FailoverSnapshot, change: Callable[[BucketSnapshot], BucketSnapshot]) -> FailoverSnapshot:
    """The snapshot with every bucket changed; the same one if none has."""
    buckets = tuple(map(change, snapshot.buckets))
    if are_same(buckets, snapshot.buckets):
        return snapshot
    return snapshot.evolve({"buckets": buckets})


def are_same(buckets: tuple[BucketSnapshot, ...], former: tuple[BucketSnapshot, ...]) -> bool:
    """Whether they are the very objects that they were, of which there are as many: nothing was learned."""
    for new, old in zip(buckets, former, strict=True):  # noqa: SIM110 - asked after every event, half as dear as `all`
        if new is not old:
            return False
    return True
