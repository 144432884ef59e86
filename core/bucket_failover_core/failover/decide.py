"""A call has failed: what is the next step towards a bucket that works?

Three passes, evaluated from the facts alone each time (REQ-1598-FL01, REQ-1598-DC03):

1. **The triggering bucket.** Refused for its quota: `quota-exhausted`, no read, no refresh (REQ-1598-CL01). Else its
   token is read; an unusable one is refreshed once, and a token that heals it ends the search (REQ-1598-CL07,
   REQ-1598-PE01). A usable token after a failure that was not about the credential: `skipped`, unless an earlier call
   of this request was refused for the quota. Limits are not looked at: the provider has just answered a call with this
   bucket, which is better evidence.
2. **The others**, from the top of the profile (REQ-1598-FL13), by the rules of `standing`. The first usable one ends
   the search; later ones are not looked at (REQ-1598-FL03, REQ-1598-PE02).
3. **A login**, as the last resort: for the first bucket that a login would heal, untried ones first, while the policy
   allows one (REQ-1598-FL07, REQ-1598-FR03). A bucket that a limit would bench even with a fresh login is not asked
   for, unless it is the triggering one, whose limits no pass looks at.

So no bucket is read, refreshed or prompted for twice (REQ-1598-PE03), and a decision is reached after at most three
steps per bucket.

Intuition: a plan is not made and then followed; each answer is computed from the snapshot as it stands. So a step that
turned out otherwise, a token that another process has renewed, or a limit that ended meanwhile needs no special case.

Road not taken: one method that searches, awaits, prompts and logs. It cannot be asked "what would you do if", and every
test of it is a test of its mocks.
"""

from collections.abc import Sequence

from returns.result import Failure, Success

from bucket_failover_core.facts.causes import Cause, is_refusal, is_spent
from bucket_failover_core.facts.limits import Limit, is_shared, limit_in_force
from bucket_failover_core.facts.snapshots import BucketSnapshot, FailoverSnapshot, Trigger, cause_of, current_bucket
from bucket_failover_core.failover.decisions import (
    FailoverDecision,
    FailoverResult,
    ReadToken,
    Reauthenticate,
    RefreshToken,
    UseBucket,
)
from bucket_failover_core.failover.exhaustion import exhausted_profile
from bucket_failover_core.failover.findings import BucketFinding, found
from bucket_failover_core.failover.refusal import refused_fingerprint
from bucket_failover_core.failover.standing import OPEN_FACTS, find, quota_problem, settle, spent, token_fact
from bucket_failover_core.value import check_moment, trusted

_use, _read, _refresh = trusted(UseBucket), trusted(ReadToken), trusted(RefreshToken)


def decide_failover(snapshot: FailoverSnapshot, *, now: float) -> FailoverResult:
    """The next step towards a bucket that works, or why there is none.

    Example: `default` has just answered 429 and `claudius` has not been read: `Success(ReadToken("claudius"))`. Report
    what the store said with `advance`, and ask again: `Success(UseBucket("claudius", switched=True, via="token"))`.

    Args:
        snapshot: what is known in the request.
        now: Unix seconds.

    Returns:
        `Success` of `ReadToken`, `RefreshToken`, `Reauthenticate` (perform it, report it, ask again) or `UseBucket`
        (the end). `Failure` of `AllBucketsExhausted`: every bucket is ruled out, with the fact for each. An empty
        profile is exhausted, with no reasons (REQ-1598-FL15).

    Raises:
        ValueError: `now` is no moment.
    """
    check_moment(now)
    current = current_bucket(snapshot)
    if current is None:
        return Failure(exhausted_profile(snapshot, ()))
    cause = cause_of(snapshot.trigger)
    refused = refused_fingerprint(snapshot, current) if is_refusal(cause) else ""
    own = _find_current(snapshot, current, cause, refused=refused, now=now)
    if own.fact in OPEN_FACTS:
        return Success(_step(current, own, (), switched=False))

    shared = _shared_limits(snapshot.trigger) if current.quota_domain else ()
    others: list[BucketFinding] = []
    for bucket in snapshot.buckets:
        if bucket is current:
            continue
        joint = shared if shared and bucket.quota_domain == current.quota_domain else ()
        finding = find(bucket, now=now, model=snapshot.model, refused=refused, shared=joint)
        if finding.fact in OPEN_FACTS:
            return Success(_step(bucket, finding, (own, *others), switched=True))
        others.append(finding)

    exhausted = exhausted_profile(snapshot, (own, *others))
    login = bucket_to_log_in(snapshot, current, exhausted.findings, shared=shared, now=now)
    if login is None:
        return Failure(exhausted)
    timeout_seconds = snapshot.policy.reauth_timeout_seconds
    return Success(Reauthenticate(bucket=login.name, timeout_seconds=timeout_seconds, findings=(own, *others)))


def _find_current(
    snapshot: FailoverSnapshot,
    current: BucketSnapshot,
    cause: Cause | None,
    *,
    refused: str,
    now: float,
) -> BucketFinding:
    """Pass 1: the fact that settles what the triggering bucket is good for."""
    if snapshot.trigger.account_disabled:
        return found(bucket=current.name, fact="account-disabled", detail=snapshot.trigger.detail)
    may_refresh = not current.calls_spent
    held = token_fact(current, now=now, refused=refused, refused_unknown=is_refusal(cause), may_refresh=may_refresh)
    if held == "login-failed":
        return settle(current, held)
    healed = current.renewed_by is not None or is_refusal(cause)
    sound = held == "usable" and (current.calls_spent or not healed)
    quota = snapshot.trigger.detail if is_spent(cause) else quota_problem(current) if sound else None
    if quota is not None:
        limits = current.limits + snapshot.trigger.limits
        limit = limit_in_force(limits, now=now, model=snapshot.model)
        return spent(current, "call-refused-for-quota", held, limit, detail=quota)
    if sound:
        return found(bucket=current.name, fact="credential-sound", detail=_detail(snapshot.trigger, cause))
    return settle(current, held)


def _detail(trigger: Trigger, cause: Cause | None) -> str:
    """What failed then, if not the credential."""
    return trigger.detail or cause or ""


def _step(
    bucket: BucketSnapshot,
    finding: BucketFinding,
    before: tuple[BucketFinding, ...],
    *,
    switched: bool,
) -> FailoverDecision:
    """What to do with a bucket that nothing rules out."""
    findings = (*before, finding)
    if finding.fact == "usable":
        return _use(bucket=bucket.name, switched=switched, via=bucket.renewed_by or "token", findings=findings)
    if finding.fact == "not-read":
        return _read(bucket=bucket.name, findings=findings)
    return _refresh(bucket=bucket.name, findings=findings)


def _shared_limits(trigger: Trigger) -> tuple[Limit, ...]:
    """The trigger's limits that bench more than the bucket that earned them."""
    return tuple(limit for limit in trigger.limits if is_shared(limit))


def bucket_to_log_in(
    snapshot: FailoverSnapshot,
    current: BucketSnapshot | None,
    findings: Sequence[BucketFinding],
    *,
    now: float,
    shared: tuple[Limit, ...] = (),
) -> BucketSnapshot | None:
    """Pass 3: the bucket to ask a login for, or None.

    Args:
        snapshot: what is known in the request.
        current: the triggering bucket; None: no call has failed yet.
        findings: one for each bucket, in profile order.
        now: Unix seconds.
        shared: limits of the triggering bucket's quota domain that are not yet among the others' own.
    """
    if snapshot.reauths_spent >= snapshot.policy.reauths_per_request:
        return None
    tried = None
    for bucket, finding in zip(snapshot.buckets, findings, strict=True):
        if finding.remedy != "login" or bucket.reauth_spent or bucket.paused or bucket.calls_spent:
            continue
        joint = shared if current is not None and bucket.quota_domain == current.quota_domain else ()
        limit = limit_in_force(bucket.limits + joint, now=now, model=snapshot.model)
        if bucket is not current and limit is not None:
            continue
        if bucket is not current and not bucket.tried:
            return bucket
        if tried is None:
            tried = bucket
    return tried
