"""What has happened becomes what is known: events into snapshots.

Rules: the ledger only gains facts. What a step costs is spent whether it succeeded or not. A refused access token is
remembered in every bucket, because two buckets may hold the same one. A limit wider than a bucket is remembered in
every bucket of its quota domain. A success disproves what was merely believed.

Road not taken: to let the shell write into the snapshot. Each writer would need to know these rules.
"""

from collections.abc import Callable
from typing import assert_never

from bucket_failover_core.causes import is_refusal
from bucket_failover_core.events import FailoverEvent, ReauthFailed, RefreshFailed
from bucket_failover_core.limits import Limit, counts_for, is_shared, merge_limits
from bucket_failover_core.refusal import is_refused, refused_fingerprint
from bucket_failover_core.snapshots import (
    BucketSnapshot,
    FailoverSnapshot,
    Problem,
    Renewer,
    Trigger,
    cause_of,
    current_bucket,
)
from bucket_failover_core.tokens import TokenHeld, TokenState, TokenUnread

_NOTHING_KNOWN = Trigger()


def advance(snapshot: FailoverSnapshot, event: FailoverEvent) -> FailoverSnapshot:
    """The ledger with one more fact.

    Example: `advance(snapshot, CallFailed(trigger=Trigger(status=429)))` makes the current bucket tried, with a
    problem; `decide_failover` then looks for another one.

    Args:
        snapshot: the ledger; it is not changed.
        event: what happened.

    Raises:
        ValueError: the event is about a bucket that the profile does not have.
    """
    refused = is_refusal(cause_of(snapshot.trigger))
    before = _remember_refusal(snapshot) if refused else snapshot
    after = _apply(before, event)
    if after.trigger is not before.trigger:
        refused = is_refusal(cause_of(after.trigger))
    return _remember_refusal(after) if refused else after


def learn_limits(snapshot: FailoverSnapshot, bucket: str, limits: tuple[Limit, ...]) -> FailoverSnapshot:
    """The ledger with what a call with `bucket` has revealed of quota, and nothing else of that call.

    It is how requests in flight tell each other: limits are facts of the accounts, what was tried is a fact of the
    request. Limits wider than a bucket reach every bucket of its quota domain.

    Raises:
        ValueError: the profile has no such bucket.
    """
    earner = _bucket_named(snapshot, bucket)
    if not limits:
        return snapshot
    learned = _with_facts(snapshot, earner, {"limits": merge_limits(earner.limits, limits)})
    return _bench_domain(learned, earner, limits)


def learn_success(snapshot: FailoverSnapshot, bucket: str) -> FailoverSnapshot:
    """The ledger after a call with `bucket` has succeeded: what was merely believed of its quota is disproved.

    Advisory limits on the bucket go, shared ones in its whole quota domain, unless they are known to be about another
    model. Directive ones stay: a provider that has said so outright may still mean it.

    Raises:
        ValueError: the profile has no such bucket.
    """
    served = _bucket_named(snapshot, bucket)

    def proven(other: BucketSnapshot) -> BucketSnapshot:
        own = other is served
        if not other.limits or not (own or other.quota_domain == served.quota_domain != ""):
            return other
        kept = tuple(limit for limit in other.limits if not (own or is_shared(limit)) or not disproved(limit))
        return other if len(kept) == len(other.limits) else other.evolve({"limits": kept})

    def disproved(limit: Limit) -> bool:
        return limit.strength == "advisory" and counts_for(limit, snapshot.model)

    return _with_buckets(snapshot, proven)


def learn_refusal(snapshot: FailoverSnapshot, fingerprint: str) -> FailoverSnapshot:
    """The ledger after the provider has refused the access token of this fingerprint, whichever bucket holds it.

    An empty fingerprint is unknown, and nothing is learned.
    """

    def remembering(bucket: BucketSnapshot) -> BucketSnapshot:
        if fingerprint == "" or fingerprint in bucket.rejected:
            return bucket
        return bucket.evolve({"rejected": (*bucket.rejected, fingerprint)})

    return _with_buckets(snapshot, remembering)


def forget_token(snapshot: FailoverSnapshot, bucket: str) -> FailoverSnapshot:
    """The ledger after the caller has refreshed the bucket's token by itself in this request.

    The refresh is spent, and what was read of the token before is out of date.

    Raises:
        ValueError: the profile has no such bucket.
    """
    facts = {"token": TokenUnread(), "refresh_spent": True, "renewed_by": None}
    return _with_facts(snapshot, _bucket_named(snapshot, bucket), facts)


def as_api_key(snapshot: FailoverSnapshot, bucket: str) -> FailoverSnapshot:
    """The ledger after it has turned out that what the store holds for the bucket is an API key.

    Raises:
        ValueError: the profile has no such bucket.
    """
    return _with_facts(snapshot, _bucket_named(snapshot, bucket), {"api_key": True})


def _apply(snapshot: FailoverSnapshot, event: FailoverEvent) -> FailoverSnapshot:
    match event.kind:
        case "call-failed":
            return _call_failed(snapshot, event.trigger, event.bucket)
        case "call-succeeded":
            served = current_bucket(snapshot)
            return snapshot if served is None else learn_success(snapshot, served.name)
        case "bucket-switched":
            return _switched(snapshot, event.bucket)
        case "token-read":
            return _token_read(snapshot, _bucket_named(snapshot, event.bucket), event.token)
        case "token-refreshed":
            return _renewed(snapshot, _bucket_named(snapshot, event.bucket), event.token, by="refresh")
        case "refresh-failed":
            return _failed_step(
                snapshot, _bucket_named(snapshot, event.bucket), "refresh_spent", _refresh_detail(event)
            )
        case "reauthenticated":
            renewed = _renewed(snapshot, _bucket_named(snapshot, event.bucket), event.token, by="reauth")
            return _with_login_spent(renewed)
        case "reauth-failed":
            bucket = _bucket_named(snapshot, event.bucket)
            return _with_login_spent(_failed_step(snapshot, bucket, "reauth_spent", _login_detail(event)))
        case never:
            assert_never(never)


def _call_failed(snapshot: FailoverSnapshot, trigger: Trigger, name: str | None) -> FailoverSnapshot:
    """The bucket whose call failed becomes current and tried; what its answer said joins what is known."""
    failed = current_bucket(snapshot) if name is None else _bucket_named(snapshot, name)
    if failed is None:
        return snapshot.evolve({"trigger": trigger})
    return _charge(snapshot, failed, trigger, current=failed.name, trigger=trigger)


def _charge(
    snapshot: FailoverSnapshot,
    failed: BucketSnapshot,
    reported: Trigger,
    **changes: object,
) -> FailoverSnapshot:
    """A call with `failed` has failed: it is tried and has a problem; limits that showed join those whom they bench."""
    facts: dict[str, object] = {"tried": True, "renewed_by": None}
    if cause_of(reported) is not None or reported.detail:
        facts["problems"] = (*failed.problems, _problem_of(reported))
    if reported.limits:
        facts["limits"] = merge_limits(failed.limits, reported.limits)
    changes["buckets"] = _replaced(snapshot, failed.evolve(facts))
    return _bench_domain(snapshot.evolve(changes), failed, reported.limits)


def _problem_of(trigger: Trigger) -> Problem:
    return Problem(cause=cause_of(trigger), detail=trigger.detail)


def _bench_domain(snapshot: FailoverSnapshot, earner: BucketSnapshot, limits: tuple[Limit, ...]) -> FailoverSnapshot:
    """The limits wider than a bucket that `earner` has run into join the other buckets of its quota domain."""
    shared = tuple(limit for limit in limits if is_shared(limit))
    if not shared or earner.quota_domain == "":
        return snapshot

    def benched(bucket: BucketSnapshot) -> BucketSnapshot:
        if bucket.quota_domain != earner.quota_domain or bucket.name == earner.name:
            return bucket
        return bucket.evolve({"limits": merge_limits(bucket.limits, shared)})

    return _with_buckets(snapshot, benched)


def _switched(snapshot: FailoverSnapshot, name: str) -> FailoverSnapshot:
    """The bucket becomes current; the trigger is answered.

    A trigger that was handed in with the snapshot, not by `CallFailed`, is charged to its bucket before it goes: what
    it said must not be forgotten with it.
    """
    former = current_bucket(snapshot)
    trigger = snapshot.trigger
    switched = {"current": _bucket_named(snapshot, name).name, "trigger": _NOTHING_KNOWN}
    if former is None or former.name == name or _is_charged(former, trigger) or trigger == _NOTHING_KNOWN:
        return snapshot.evolve(switched)
    return _charge(snapshot, former, trigger, **switched)


def _is_charged(bucket: BucketSnapshot, trigger: Trigger) -> bool:
    """Whether what the trigger says has been charged to the bucket."""
    cause = cause_of(trigger)
    return bucket.tried and any(told.cause is cause and told.detail == trigger.detail for told in bucket.problems)


def _token_read(snapshot: FailoverSnapshot, bucket: BucketSnapshot, token: TokenState) -> FailoverSnapshot:
    """What the store holds now; what is spent stays spent."""
    facts: dict[str, object] = {"token": token}
    if bucket.renewed_by is not None and token != bucket.token:
        facts["renewed_by"] = None
    return _with_facts(snapshot, bucket, facts)


def _renewed(snapshot: FailoverSnapshot, bucket: BucketSnapshot, token: TokenState, *, by: Renewer) -> FailoverSnapshot:
    """A refresh or a login has come to its end.

    The bucket is renewed if that brought a token that was not refused and is not the very one held before.
    """
    brought = type(token) is TokenHeld and not is_refused(bucket, token, "") and not _is_same(token, bucket.token)
    spent = "refresh_spent" if by == "refresh" else "reauth_spent"
    return _with_facts(snapshot, bucket, {"token": token, "renewed_by": by if brought else None, spent: True})


def _failed_step(snapshot: FailoverSnapshot, bucket: BucketSnapshot, spent: str, detail: str) -> FailoverSnapshot:
    """A refresh or a login has brought nothing; it was no call, so its problem has no cause."""
    return _with_facts(
        snapshot, bucket, {spent: True, "problems": (*bucket.problems, Problem(cause=None, detail=detail))}
    )


def _is_same(token: TokenHeld, held: TokenState) -> bool:
    """Whether it is known to be the very token held before, its expiry unmoved. An unknown one matches nothing."""
    return token.fingerprint != "" and token == held


def _remember_refusal(snapshot: FailoverSnapshot) -> FailoverSnapshot:
    """The access token that the trigger has refused gets its name in it, and every bucket remembers it."""
    current = current_bucket(snapshot)
    fingerprint = refused_fingerprint(snapshot, current) if current is not None else ""
    if fingerprint == "":
        return snapshot
    remembered = learn_refusal(snapshot, fingerprint)
    if snapshot.trigger.fingerprint == fingerprint:
        return remembered
    return remembered.evolve({"trigger": snapshot.trigger.evolve({"fingerprint": fingerprint})}
    )  # fmt: skip


def _bucket_named(snapshot: FailoverSnapshot, name: str) -> BucketSnapshot:
    place = snapshot.place_of(name)
    if place is None:
        names = [bucket.name for bucket in snapshot.buckets]
        message = f"bucket: {name!r} is not a bucket of {snapshot.provider!r}, which has {names}"
        raise ValueError(message)
    return snapshot.buckets[place]


def _with_facts(snapshot: FailoverSnapshot, bucket: BucketSnapshot, facts: dict[str, object]) -> FailoverSnapshot:
    """The ledger with some facts of one bucket changed."""
    return snapshot.evolve({"buckets": _replaced(snapshot, bucket.evolve(facts))})


def _replaced(snapshot: FailoverSnapshot, changed: BucketSnapshot) -> tuple[BucketSnapshot, ...]:
    place = snapshot.place_of(changed.name)
    assert place is not None, changed.name
    return (*snapshot.buckets[:place], changed, *snapshot.buckets[place + 1 :])


def _with_buckets(
    snapshot: FailoverSnapshot, change: Callable[[BucketSnapshot], BucketSnapshot]
) -> FailoverSnapshot:  # fmt: skip
    """The ledger with every bucket changed; the same one if none has."""
    buckets = tuple(map(change, snapshot.buckets))
    if all(new is old for new, old in zip(buckets, snapshot.buckets, strict=True)):
        return snapshot
    return snapshot.evolve({"buckets": buckets})


def _with_login_spent(snapshot: FailoverSnapshot) -> FailoverSnapshot:
    return snapshot.evolve({"reauths_spent": snapshot.reauths_spent + 1})


def _refresh_detail(event: RefreshFailed) -> str:
    verb = "refresh refused" if event.permanent else "refresh failed"
    return f"{verb}: {event.detail}" if event.detail else verb


def _login_detail(event: ReauthFailed) -> str:
    verb = "login timed out" if event.timed_out else "login failed"
    return f"{verb}: {event.detail}" if event.detail else verb
