"""With which bucket does a request begin, and what does its token need first?

Rules: `choose_start` names the bucket. If its token turns out to be missing, the bucket is ruled out, and
`choose_start` is asked again; a login goes by profile order. The session moves to the bucket that serves instead of one
without a token, and to one that was waited for; a limit is a detour, and a probe is one.
"""

from functools import lru_cache

from returns.result import Success

from bucket_failover_core.choice.start import choose_start
from bucket_failover_core.facts.limits import counts_for, is_directive, limit_in_force
from bucket_failover_core.facts.snapshots import BucketSnapshot, FailoverSnapshot, current_bucket, has_limits
from bucket_failover_core.facts.tokens import TokenHeld, is_expired
from bucket_failover_core.failover.decide import bucket_to_log_in
from bucket_failover_core.failover.decisions import ChoiceResult, Reauthenticate, UseBucket
from bucket_failover_core.failover.exhaustion import AllBucketsExhausted
from bucket_failover_core.failover.findings import BucketFinding
from bucket_failover_core.failover.standing import OPEN_FACTS
from bucket_failover_core.request.decisions import CallBucket, RequestResult
from bucket_failover_core.request.joint import join
from bucket_failover_core.request.session import SessionSnapshot
from bucket_failover_core.request.state import RequestSnapshot
from bucket_failover_core.request.steps import Asked, calls_exhausted, nothing_left, own_end, own_fact, step_towards
from bucket_failover_core.results import either


def begin_where(session: SessionSnapshot, request: RequestSnapshot, *, now: float) -> ChoiceResult:
    """Where the request would begin at `now` (Unix seconds), from what is already known: `choose_start`, of both.

    Returns:
        `Success` of `UseBucket`; `Failure` of `AllBucketsExhausted` if no call is worth making.
    """
    return _choose(session, request, join(session, request, now=now), now=now)


def _choose(
    session: SessionSnapshot, request: RequestSnapshot, ledger: FailoverSnapshot, *, now: float
) -> ChoiceResult:
    chance = request.draw if session.phase is None else session.phase
    return choose_start(ledger, now=now, strategy=request.strategy, session_key=request.session_key, draw=chance)


def usual_opening(session: SessionSnapshot, request: RequestSnapshot, *, now: float) -> RequestResult | None:
    """The opening of nearly every request, without putting anything together; None: `decide_opening` says.

    It is the same answer: the session's bucket, whose token is live, where nothing is believed of quota or refusals.
    """
    if request.strategy != "sticky" or request.session_key is not None or request.heard or request.reads_again:
        return None
    if request.rejected or request.refreshed or request.spent or not request.searches:
        return None
    profile = session.profile
    place = 0 if profile.current is None else profile.place_of(profile.current)
    if place is None or not profile.buckets:
        return None
    bucket = profile.buckets[place]
    token = bucket.token
    if type(token) is not TokenHeld or bucket.paused or session.accounts[place].refusals:
        return None
    if is_expired(token.expiry, now=now, api_key=bucket.api_key, issued_at=token.issued_at):
        return None
    return None if has_limits(profile) else _call_of(bucket.name, token.fingerprint)


@lru_cache(maxsize=1024)
def _call_of(bucket: str, fingerprint: str) -> RequestResult:
    """The first call of a request with the session's bucket: the same object each time."""
    findings = (BucketFinding(bucket=bucket, fact="usable"),)
    return Success(CallBucket(bucket=bucket, fingerprint=fingerprint, findings=findings))


def decide_opening(asked: Asked) -> RequestResult:
    """The first call of a request, or what must come before it."""
    request, ledger = asked.request, asked.ledger
    if request.attempts > 0 and not asked.has_calls_left:
        return calls_exhausted(asked)
    start = either(_choose(asked.session, request, ledger, now=asked.now))
    if start.kind == "all-buckets-exhausted":
        return nothing_left(asked, start, _login(asked, start))
    bucket = asked.bucket(start.bucket)
    step = step_towards(asked, bucket, start.findings, is_probe=start.is_probe, moves=_moves(asked, start, bucket))
    return own_end(asked, bucket) if step is None else step


def _login(asked: Asked, exhausted: AllBucketsExhausted) -> Reauthenticate | None:
    """The login to ask for before any call; a profile of one asks for none (REQ-1598-FL16)."""
    ledger = asked.ledger
    bucket = bucket_to_log_in(ledger, None, exhausted.findings, now=asked.now) if asked.has_several else None
    if bucket is None:
        return None
    timeout_seconds = ledger.policy.reauth_timeout_seconds
    return Reauthenticate(bucket=bucket.name, timeout_seconds=timeout_seconds, findings=exhausted.findings)


def _moves(asked: Asked, start: UseBucket, bucket: BucketSnapshot) -> bool:
    """Whether the session goes with the request that begins here."""
    current = current_bucket(asked.ledger)
    if start.is_probe or current is None:
        return False
    if asked.request.strategy == "round-robin":
        return True
    if current.name == bucket.name:
        return False
    return _lacks_a_token(asked, current) or _was_waited_for(asked, bucket)


def _lacks_a_token(asked: Asked, bucket: BucketSnapshot) -> bool:
    """Whether it is its token that rules the bucket out, and neither a limit nor an operator."""
    if bucket.paused or limit_in_force(bucket.limits, now=asked.now, model=asked.request.model) is not None:
        return False
    return own_fact(asked, bucket) not in OPEN_FACTS


def _was_waited_for(asked: Asked, bucket: BucketSnapshot) -> bool:
    """Whether the provider's word kept the request from the bucket when it began, and has ended since."""
    return any(
        asked.request.begun_at < limit.until <= asked.now
        and is_directive(limit)
        and counts_for(limit, asked.request.model)
        for limit in bucket.limits
    )
