"""No bucket is left: would one of them be tried again, were it the only one?

Rules: a profile is never less patient than one of its buckets alone. A bucket is given time
if its token can be called with, it has had fewer than three calls, and nothing but advisory beliefs bench it, or its
limit ends within `hint_max_seconds`. A directive limit is waited for until it ends; a bucket that has failed, for the
backoff of its own failures; one that is merely doubted, not at all. Of several the earliest comes first. A wait that is
longer than the caller accepts (`patience_seconds`) is none.

Intuition: two accounts are not worse than one. With one, a bare 429 is waited for; with two, a
request that only moved on would have used both up within a second.

Road not taken: to wait for whatever ends first. A week that ends in two days is no reason to keep a caller waiting.
"""

from typing import NamedTuple

from bucket_failover_core.facts.causes import Cause, is_refusal
from bucket_failover_core.facts.limits import Limit, counts_for, is_directive
from bucket_failover_core.facts.snapshots import BucketSnapshot, FailoverSnapshot
from bucket_failover_core.failover.standing import OPEN_FACTS, token_fact
from bucket_failover_core.request.state import FailedCall, RequestSnapshot
from bucket_failover_core.retry.decide import is_waited_for, patient_until


class Patience(NamedTuple):
    """A bucket that is given time, and until when (Unix seconds)."""

    bucket: BucketSnapshot
    until: float


def find_patience(ledger: FailoverSnapshot, request: RequestSnapshot, *, now: float) -> Patience | None:
    """The bucket that the request should wait for; None: none is worth it.

    Args:
        ledger: what is known of the request (`join`).
        request: its own facts: its failed calls, and how patient it is.
        now: Unix seconds.
    """
    longest = request.policy.patience_seconds
    found = [
        Patience(bucket, until)
        for bucket in ledger.buckets
        if (until := _given_until(bucket, ledger, request, now=now)) is not None
        and (longest is None or until - now <= longest)
    ]
    return min(found, key=lambda patience: patience.until, default=None)


def _given_until(
    bucket: BucketSnapshot, ledger: FailoverSnapshot, request: RequestSnapshot, *, now: float
) -> float | None:
    """Until when the bucket is given time; None: it is not."""
    if bucket.paused or bucket.calls_spent:
        return None
    is_current = ledger.current == bucket.name and request.last is not None
    unnamed = is_current and is_refusal(ledger.trigger.cause)
    if token_fact(bucket, now=now, refused_unknown=unnamed) not in OPEN_FACTS:
        return None
    latest = now + request.policy.hint_max_seconds
    failures = [failed for failed in request.failures if failed.bucket == bucket.name]
    limits = [limit for limit in bucket.limits if limit.until > now and counts_for(limit, request.model)]
    ends = max((limit.until for limit in limits if is_directive(limit)), default=now)
    if ends > latest or (failures and _is_out_of_reach(failures[-1], limits, request)):
        return None
    if ends > now or not failures:
        return ends
    last = failures[-1]
    hint, draw = last.retry_not_before, request.draw
    return patient_until(request.policy, failed_at=last.at, failures=len(failures), hint=hint, draw=draw)


def _is_out_of_reach(last: FailedCall, limits: list[Limit], request: RequestSnapshot) -> bool:
    """Whether the bucket alone would have given up on what its last call was refused for."""
    if last.cause is not Cause.QUOTA:
        return False
    ends = [limit.until for limit in limits if is_waited_for(limit)]
    return max([last.retry_not_before or last.at, *ends]) > last.at + request.policy.hint_max_seconds
