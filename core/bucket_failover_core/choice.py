"""Which bucket does a new request start with, from what is already known?

Rules: the session's bucket, while nothing known rules it out; else the first in profile order that nothing rules out.
No I/O is asked for: a token that has not been read counts as usable, and so does one that a refresh can heal, because
whoever performs the call gets the token refreshed first.

A request whose buckets are all ruled out is not over yet (`choose_start`): a belief that is merely advisory may be
wrong, so the bucket whose advisory limits end first is tried. Only what the provider has said outright, of all of them,
ends a request without a call; and with a single bucket the call is always made.

Intuition: staying with a bucket keeps the provider's prompt caches warm; leaving it as soon as it is known to be spent
saves the call that would only hear so again.
"""

from functools import lru_cache

from returns.result import Failure, Success

from bucket_failover_core.decisions import ChoiceResult, UseBucket, Via
from bucket_failover_core.exhaustion import exhausted_profile
from bucket_failover_core.findings import BucketFinding, Fact
from bucket_failover_core.limits import Limit, counts_for
from bucket_failover_core.snapshots import BucketSnapshot, FailoverSnapshot, current_bucket
from bucket_failover_core.standing import OPEN_FACTS, find
from bucket_failover_core.value import check_moment


def choose_bucket(snapshot: FailoverSnapshot, *, now: float) -> ChoiceResult:
    """The bucket that a new request starts with.

    Example: the session is with `claudius`, whose week is spent until 9000.0. At 1000.0 the choice is `default`, the
    first of the profile; at 9000.0 it is `claudius` again.

    Args:
        snapshot: what is known; its trigger, which belongs to a request in progress, is not looked at.
        now: Unix seconds.

    Returns:
        `Success` of `UseBucket`, `switched` if it is not the session's bucket; `Failure` of `AllBucketsExhausted` if
        something known rules out each of them.

    Raises:
        ValueError: `now` is no moment.
    """
    check_moment(now)
    current = current_bucket(snapshot)
    if current is None:
        return Failure(exhausted_profile(snapshot, ()))
    own = find(current, now=now, model=snapshot.model)
    if own.fact in OPEN_FACTS:
        return _stay(current.name, current.renewed_by or "token", own.fact)
    others: list[BucketFinding] = []
    for bucket in snapshot.buckets:
        if bucket is current:
            continue
        finding = find(bucket, now=now, model=snapshot.model)
        if finding.fact in OPEN_FACTS:
            via = bucket.renewed_by or "token"
            return Success(UseBucket(bucket=bucket.name, switched=True, via=via, findings=(own, *others, finding)))
        others.append(finding)
    return Failure(exhausted_profile(snapshot, (own, *others)))


def choose_start(snapshot: FailoverSnapshot, *, now: float) -> ChoiceResult:
    """The bucket to call with first, also if nothing is believed to be usable.

    Example: both buckets have advisory limits, until 9000.0 and until 5000.0: the second is tried. Were both limits
    directive, the answer would be `Failure`, with `retry_at=5000.0`.

    Args:
        snapshot: what is known.
        now: Unix seconds.

    Returns:
        `Success` of `UseBucket`; `Failure` of `AllBucketsExhausted` if no call is worth making.

    Raises:
        ValueError: `now` is no moment.
    """
    choice = choose_bucket(snapshot, now=now)
    current = current_bucket(snapshot) if isinstance(choice, Failure) else None
    if current is None:
        return choice
    if len(snapshot.buckets) == 1:
        return _try(current, choice, switched=False)
    ends: list[tuple[float, BucketSnapshot]] = []
    for bucket, finding in zip(snapshot.buckets, choice.failure().findings, strict=True):
        limits = [limit for limit in bucket.limits if limit.until > now and counts_for(limit, snapshot.model)]
        if finding.fact == "limit-in-force" and not any(_is_certain(limit, snapshot.model) for limit in limits):
            ends.append((max(limit.until for limit in limits), bucket))
    if not ends:
        return choice
    _, soonest = min(ends, key=lambda end: end[0])
    return _try(soonest, choice, switched=soonest is not current)


def _is_certain(limit: Limit, model: str | None) -> bool:
    """Whether a limit is the provider's word on this very request: one about a model may not be, if ours is unknown."""
    about_a_model = limit.model is not None or limit.scope == "model"
    return limit.strength == "directive" and (model is not None or not about_a_model)


def _try(bucket: BucketSnapshot, ruled_out: ChoiceResult, *, switched: bool) -> ChoiceResult:
    """The bucket in spite of what is believed, with the findings that speak against it."""
    via = bucket.renewed_by or "token"
    findings = ruled_out.failure().findings
    return Success(UseBucket(bucket=bucket.name, switched=switched, via=via, findings=findings))


@lru_cache(maxsize=1024)
def _stay(bucket: str, via: Via, fact: Fact) -> ChoiceResult:
    """The session's bucket, again: the answer to nearly every request, and the same object each time."""
    findings = (BucketFinding(bucket=bucket, fact=fact),)
    return Success(UseBucket(bucket=bucket, switched=False, via=via, findings=findings))
