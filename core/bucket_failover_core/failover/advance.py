"""What has happened becomes what is known: events into snapshots.

Rules: a snapshot only gains facts. What a step costs is spent whether it succeeded or not. A refused access token is
remembered in every bucket, because two buckets may hold the same one. A limit wider than a bucket is remembered in
every bucket of its quota domain. A success disproves what was merely believed.

Road not taken: to let the shell write into the snapshot. Each writer would need to know these rules.
"""

from typing import assert_never

from bucket_failover_core.facts.causes import is_refusal
from bucket_failover_core.facts.limits import merge_limits
from bucket_failover_core.facts.snapshots import (
    BucketSnapshot,
    FailoverSnapshot,
    Problem,
    Renewer,
    Trigger,
    cause_of,
    current_bucket,
)
from bucket_failover_core.facts.tokens import UNUSABLE_KINDS, TokenHeld, TokenState, TokenUnread
from bucket_failover_core.failover.events import FailoverEvent, ReauthFailed, RefreshFailed, TokenRead
from bucket_failover_core.failover.learned import (
    bench_domain,
    bucket_named,
    learn_refusal,
    learn_success,
    remembering,
    replaced,
    with_buckets,
    with_facts,
)
from bucket_failover_core.failover.refusal import is_refused, refused_fingerprint
from bucket_failover_core.value import trusted

_NOTHING_KNOWN = Trigger()
_problem = trusted(Problem)


def advance(snapshot: FailoverSnapshot, event: FailoverEvent) -> FailoverSnapshot:
    """The snapshot with one more fact.

    Example: `advance(snapshot, CallFailed(trigger=Trigger(status=429)))` makes the current bucket tried, with a
    problem; `decide_failover` then looks for another one.

    Args:
        snapshot: what was known; it is not changed.
        event: what happened.

    Raises:
        ValueError: the event is about a bucket that the profile does not have.
    """
    refused = is_refusal(cause_of(snapshot.trigger))
    before = _remember_refusal(snapshot) if refused else snapshot
    after = _apply(before, event)
    if after.trigger is not before.trigger:  # what a new one names is remembered when it is charged
        refused = not after.trigger.fingerprint and is_refusal(cause_of(after.trigger))
    return _remember_refusal(after) if refused else after


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
            return _token_read(snapshot, bucket_named(snapshot, event.bucket), event)
        case "token-refreshed":
            return _renewed(snapshot, bucket_named(snapshot, event.bucket), event.token, by="refresh")
        case "refresh-failed":
            bucket = bucket_named(snapshot, event.bucket)
            failed = _failed_step(snapshot, bucket, "refresh_spent", refresh_detail(event))
            return _busy(failed, event.bucket, event.retry_at)
        case "reauthenticated":
            renewed = _renewed(snapshot, bucket_named(snapshot, event.bucket), event.token, by="reauth")
            return _with_login_spent(renewed)
        case "reauth-failed":
            bucket = bucket_named(snapshot, event.bucket)
            return _with_login_spent(_failed_step(snapshot, bucket, "reauth_spent", login_detail(event)))
        case never:
            assert_never(never)


def _call_failed(snapshot: FailoverSnapshot, trigger: Trigger, name: str | None) -> FailoverSnapshot:
    """The bucket whose call failed becomes current and tried; what its answer said joins what is known."""
    failed = current_bucket(snapshot) if name is None else bucket_named(snapshot, name)
    if failed is None:
        return snapshot.evolve({"trigger": trigger})
    if _lacks_a_token(snapshot):
        snapshot = with_buckets(snapshot, lambda bucket: bucket if bucket is failed else _to_be_read_again(bucket))
    return _charge(snapshot, failed, trigger, current=failed.name, trigger=trigger)


def _lacks_a_token(snapshot: FailoverSnapshot) -> bool:
    """Whether the store has said of any bucket that there is no token to call with."""
    for bucket in snapshot.buckets:  # noqa: SIM110 - asked after every failed call, half as dear as `any`
        if bucket.token.kind in UNUSABLE_KINDS:
            return True
    return False


def _to_be_read_again(bucket: BucketSnapshot) -> BucketSnapshot:
    """What the store had said to be missing is to be read again: a login may have been made, or the store be back."""
    if bucket.tried or bucket.reauth_spent or bucket.token.kind not in UNUSABLE_KINDS:
        return bucket
    return bucket.evolve({"token": TokenUnread()})


def _charge(
    snapshot: FailoverSnapshot,
    failed: BucketSnapshot,
    reported: Trigger,
    **changes: object,
) -> FailoverSnapshot:
    """A call with `failed` has failed: it is tried and has a problem; limits that showed join those whom they bench.

    A refused token that the failure names is remembered in every bucket.
    """
    facts: dict[str, object] = {"tried": True, "renewed_by": None}
    cause = cause_of(reported)
    refused = reported.fingerprint if is_refusal(cause) else None
    if refused and refused not in failed.rejected:
        facts["rejected"] = (*failed.rejected, refused)
    if cause is not None or reported.detail:
        facts["problems"] = (*failed.problems, _problem(cause=cause, detail=reported.detail))
    if reported.account_disabled:
        facts["account_disabled"] = True
    if reported.limits:
        facts["limits"] = merge_limits(failed.limits, reported.limits)
    charged = failed.evolve(facts)
    if refused:
        buckets = snapshot.buckets
        changes["buckets"] = tuple([charged if old is failed else remembering(old, refused) for old in buckets])
    else:
        changes["buckets"] = replaced(snapshot, charged)
    return bench_domain(snapshot.evolve(changes), failed, reported.limits)


def _switched(snapshot: FailoverSnapshot, name: str) -> FailoverSnapshot:
    """The bucket becomes current; the trigger is answered.

    A trigger that was handed in with the snapshot, not by `CallFailed`, is charged to its bucket before it goes: what
    it said must not be forgotten with it.
    """
    former = current_bucket(snapshot)
    trigger = snapshot.trigger
    switched = {"current": bucket_named(snapshot, name).name, "trigger": _NOTHING_KNOWN}
    if former is None or former.name == name or _is_charged(former, trigger) or trigger == _NOTHING_KNOWN:
        return snapshot.evolve(switched)
    return _charge(snapshot, former, trigger, **switched)


def _is_charged(bucket: BucketSnapshot, trigger: Trigger) -> bool:
    """Whether what the trigger says has been charged to the bucket."""
    cause = cause_of(trigger)
    return bucket.tried and any(told.cause is cause and told.detail == trigger.detail for told in bucket.problems)


def _token_read(snapshot: FailoverSnapshot, bucket: BucketSnapshot, event: TokenRead) -> FailoverSnapshot:
    """What the store holds now; what is spent stays spent."""
    facts: dict[str, object] = {"token": event.token}
    if bucket.renewed_by is not None and event.token != bucket.token:
        facts["renewed_by"] = None
    if event.api_key:
        facts["api_key"] = True
    return with_facts(snapshot, bucket, facts)


def _renewed(snapshot: FailoverSnapshot, bucket: BucketSnapshot, token: TokenState, *, by: Renewer) -> FailoverSnapshot:
    """A refresh or a login has come to its end.

    The bucket is renewed if that brought a token that was not refused and is not the very one held before.
    """
    brought = type(token) is TokenHeld and not is_refused(bucket, token, "") and not _is_same(token, bucket.token)
    spent = "refresh_spent" if by == "refresh" else "reauth_spent"
    facts: dict[str, object] = {"token": token, "renewed_by": by if brought else None, spent: True}
    if brought:
        facts.update(issuer_busy_until=None, account_disabled=bucket.account_disabled and by == "refresh")
    return with_facts(snapshot, bucket, facts)


def _failed_step(snapshot: FailoverSnapshot, bucket: BucketSnapshot, spent: str, detail: str) -> FailoverSnapshot:
    """A refresh or a login has brought nothing; it was no call, so its problem has no cause."""
    return with_facts(
        snapshot, bucket, {spent: True, "problems": (*bucket.problems, _problem(cause=None, detail=detail))}
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


def _busy(snapshot: FailoverSnapshot, bucket: str, until: float | None) -> FailoverSnapshot:
    """The issuer has asked to wait."""
    if until is None:
        return snapshot
    return with_facts(snapshot, bucket_named(snapshot, bucket), {"issuer_busy_until": until})


def _with_login_spent(snapshot: FailoverSnapshot) -> FailoverSnapshot:
    return snapshot.evolve({"reauths_spent": snapshot.reauths_spent + 1})


def refresh_detail(event: RefreshFailed) -> str:
    """What is told of a refresh that has brought nothing."""
    verb = "refresh refused" if event.permanent else "refresh failed"
    return f"{verb}: {event.detail}" if event.detail else verb


def login_detail(event: ReauthFailed) -> str:
    """What is told of a login that has brought nothing."""
    verb = "login timed out" if event.timed_out else "login failed"
    return f"{verb}: {event.detail}" if event.detail else verb
