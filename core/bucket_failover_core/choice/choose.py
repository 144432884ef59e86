"""Which bucket does a new request start with, from what is already known?

Rules: buckets are considered in the order of the strategy (`strategies`); the first that nothing known rules out is the
one. By default that is the session's bucket, else the first in profile order. No I/O is asked for: a token that has not
been read counts as usable, and so does one that a refresh can heal, because the shell gets the token refreshed before
it makes the call.

A bucket whose limit has just ended is come back to bit by bit: with another one usable, a request with the draw `d`
leaves it alone for `d` times the policy's `spread_seconds`, so that the moment of a reset is no moment of a herd.

Intuition: staying with a bucket keeps the provider's prompt caches warm; leaving it as soon as it is known to be spent
saves the call that would only hear so again.
"""

from functools import lru_cache

from returns.result import Failure, Success

from bucket_failover_core.choice.strategies import STRATEGIES, Strategy, in_order, is_settling
from bucket_failover_core.facts.limits import counts_for
from bucket_failover_core.facts.snapshots import BucketSnapshot, FailoverSnapshot, current_bucket
from bucket_failover_core.failover.decisions import ChoiceResult, UseBucket, Via
from bucket_failover_core.failover.exhaustion import exhausted_profile
from bucket_failover_core.failover.findings import BucketFinding, Fact
from bucket_failover_core.failover.standing import OPEN_FACTS, find, token_fact
from bucket_failover_core.value import check_draw, check_moment, trusted

_used = trusted(UseBucket)


def choose_bucket(
    snapshot: FailoverSnapshot,
    *,
    now: float,
    strategy: Strategy = "sticky",
    session_key: str | None = None,
    draw: float = 0.0,
) -> ChoiceResult:
    """The bucket that a new request starts with.

    Example: the session is with `claudius`, whose week is spent until 9000.0. At 1000.0 the choice is `default`, the
    first of the profile; at 9000.0 it is `claudius` again.

    Args:
        snapshot: what is known; its trigger, which belongs to a request in progress, is not looked at.
        now: Unix seconds.
        strategy: in which order buckets are considered.
        session_key: names a conversation, which stays with one bucket while that is usable; None: the strategy decides.
        draw: chance, in [0, 1); it spreads the return to a bucket whose limit has just ended.

    Returns:
        `Success` of `UseBucket`, `switched` if it is not the session's bucket; `Failure` of `AllBucketsExhausted` if
        something known rules out each of them.

    Raises:
        ValueError: `now` is no moment, `draw` is not in [0, 1), or there is no such strategy.
    """
    check_moment(now)
    check_draw(draw)
    if strategy not in STRATEGIES:
        message = f"strategy: {strategy!r} is none of {', '.join(STRATEGIES)}"
        raise ValueError(message)
    current = current_bucket(snapshot)
    if current is None:
        return Failure(exhausted_profile(snapshot, ()))
    settles = strategy == "priority" and session_key is None
    draw = draw if session_key is None else 0.0  # a conversation returns to its own bucket at once
    findings: list[BucketFinding] = []
    hesitant: list[BucketSnapshot] = []
    if strategy == "sticky" and session_key is None and not (current.limits or current.tried or current.paused):
        fact = token_fact(current, now=now)
        if fact in OPEN_FACTS:  # the answer to nearly every request
            return _stay(current.name, current.renewed_by or "token", fact)
    for bucket in in_order(snapshot, current, now=now, strategy=strategy, session_key=session_key):
        finding = find(bucket, now=now, model=snapshot.model)
        if finding.fact in OPEN_FACTS:
            may_settle = settles and bucket is not current
            if not bucket.limits or not _is_left_alone(bucket, snapshot, now=now, draw=draw, settles=may_settle):
                return _use(bucket, current, finding, findings)
            hesitant.append(bucket)
        findings.append(finding)
    if not hesitant:
        return Failure(exhausted_profile(snapshot, findings))
    chosen = min(hesitant, key=lambda bucket: settles and is_settling(bucket, now=now, model=snapshot.model))
    own = next(finding for finding in findings if finding.bucket == chosen.name)
    findings.remove(own)
    return _use(chosen, current, own, findings)


def _use(
    bucket: BucketSnapshot, current: BucketSnapshot, finding: BucketFinding, others: list[BucketFinding]
) -> ChoiceResult:
    via = bucket.renewed_by or "token"
    if bucket is current and not others:
        return _stay(bucket.name, via, finding.fact)
    return Success(_used(bucket=bucket.name, switched=bucket is not current, via=via, findings=(*others, finding)))


def _is_left_alone(
    bucket: BucketSnapshot, snapshot: FailoverSnapshot, *, now: float, draw: float, settles: bool
) -> bool:
    """Whether a usable bucket is left to others for a while, because its limit has only just ended."""
    if settles and is_settling(bucket, now=now, model=snapshot.model):
        return True
    pause = draw * snapshot.policy.spread_seconds
    return any(
        limit.until <= now < limit.until + pause and counts_for(limit, snapshot.model) for limit in bucket.limits
    )


@lru_cache(maxsize=1024)
def _stay(bucket: str, via: Via, fact: Fact) -> ChoiceResult:
    """The session's bucket, again: the answer to nearly every request, and the same object each time."""
    findings = (BucketFinding(bucket=bucket, fact=fact),)
    return Success(UseBucket(bucket=bucket, switched=False, via=via, findings=findings))
