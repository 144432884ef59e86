"""A foreign handler searches: when is it asked, and what follows from what it has found?

Rules: it is asked where a search would begin, a bucket without a token to call with included. The bucket that it finds
is called with, if there is a token; if there is none, it is asked again, but no bucket is found twice without one.
Where it finds nothing, that is the end, with its reasons, completed by our own findings.
"""

from collections.abc import Mapping
from typing import Final

from returns.result import Failure, Success

from bucket_failover_core.facts.reasons import BucketFailureReason
from bucket_failover_core.facts.snapshots import current_bucket
from bucket_failover_core.failover.exhaustion import exhausted_profile
from bucket_failover_core.failover.findings import BucketFinding, Fact
from bucket_failover_core.failover.standing import find
from bucket_failover_core.request.decisions import FindBucket, RequestResult, WaitUntil
from bucket_failover_core.request.steps import Asked, calls_exhausted, own_end, step_towards

_FACT_BY_REASON: Final[Mapping[BucketFailureReason, Fact]] = {
    BucketFailureReason.QUOTA_EXHAUSTED: "call-refused-for-quota",
    BucketFailureReason.EXPIRED_REFRESH_FAILED: "token-expired",
    BucketFailureReason.REAUTH_FAILED: "login-failed",
    BucketFailureReason.NO_TOKEN: "token-absent",
    BucketFailureReason.SKIPPED: "already-tried",
}
"""The fact that is told where a foreign handler names but a reason."""


def open_with_foreign_search(asked: Asked) -> RequestResult:
    """The first call of a request whose search is another's: with the bucket in use."""
    current = current_bucket(asked.ledger)
    assert current is not None, "an empty profile has ended before"
    if asked.request.found or asked.request.search_failed is not None:
        return decide_foreign_search(asked, None)
    step = step_towards(asked, current)
    if step is not None:
        return step
    return Success(FindBucket(bucket=current.name)) if asked.has_several else own_end(asked, current)


def decide_foreign_search(asked: Asked, not_before: float | None) -> RequestResult:
    """What follows from what the foreign handler has found so far.

    Args:
        asked: the question.
        not_before: Unix seconds before which no other bucket is called with; None: at once.
    """
    request, ledger = asked.request, asked.ledger
    if request.search_failed is not None:
        return Failure(exhausted_profile(ledger, _findings(asked, request.search_failed)))
    if not request.found:
        assert request.last is not None
        return Success(FindBucket(bucket=request.last.bucket, answer=request.last.answer))
    name = request.found[-1]
    if ledger.place_of(name) is None:
        return Failure(exhausted_profile(ledger, _findings(asked, {})))
    if not asked.has_calls_left:
        return calls_exhausted(asked)
    if not_before is not None and asked.now < not_before:
        return Success(WaitUntil(at=not_before, bucket=name))
    step = step_towards(asked, asked.bucket(name))
    if step is not None:
        return step
    begun_with = request.begun_with if request.last is None else None
    if name in (begun_with, *request.found[:-1]):
        return Failure(exhausted_profile(ledger, _findings(asked, {})))
    return Success(FindBucket(bucket=name))


def _findings(asked: Asked, reasons: Mapping[str, BucketFailureReason]) -> tuple[BucketFinding, ...]:
    """One for each bucket: ours where it agrees, else the one that the handler's reason comes to."""
    told: list[BucketFinding] = []
    for bucket in asked.ledger.buckets:
        own = find(bucket, now=asked.now, model=asked.request.model)
        reason = reasons.get(bucket.name, own.reason or BucketFailureReason.SKIPPED)
        told.append(own if own.reason == reason else BucketFinding(bucket=bucket.name, fact=_FACT_BY_REASON[reason]))
    return tuple(told)
