"""What the parts of `decide_request` have in common: the question, and the step towards a call with one bucket."""

from typing import NamedTuple

from returns.result import Failure, Success

from bucket_failover_core.facts.causes import is_refusal
from bucket_failover_core.facts.snapshots import BucketSnapshot, FailoverSnapshot
from bucket_failover_core.facts.tokens import TokenHeld
from bucket_failover_core.failover.decisions import ReadToken, Reauthenticate, RefreshToken
from bucket_failover_core.failover.exhaustion import AllBucketsExhausted, exhausted_profile
from bucket_failover_core.failover.findings import BucketFinding, Fact
from bucket_failover_core.failover.standing import find, settle, token_fact
from bucket_failover_core.request.decisions import CallBucket, RequestResult, RetriesExhausted, WaitUntil
from bucket_failover_core.request.joint import join
from bucket_failover_core.request.patience import Patience, find_patience
from bucket_failover_core.request.session import SessionSnapshot
from bucket_failover_core.request.state import RequestSnapshot
from bucket_failover_core.retry.budget import retries_left
from bucket_failover_core.retry.decide import SHORT_WAIT_SECONDS, attempts_allowed
from bucket_failover_core.value import trusted

_call, _read, _refresh = trusted(CallBucket), trusted(ReadToken), trusted(RefreshToken)

Findings = tuple[BucketFinding, ...]


class Asked(NamedTuple):
    """One question: the facts, joined (`join`), and the moment (Unix seconds)."""

    session: SessionSnapshot
    request: RequestSnapshot
    ledger: FailoverSnapshot
    now: float

    @property
    def has_several(self) -> bool:
        """Whether there is anything to fail over to."""
        return len(self.ledger.buckets) > 1

    @property
    def has_calls_left(self) -> bool:
        """Whether the request may make one more call."""
        return self.request.attempts < attempts_allowed(self.request.policy, len(self.ledger.buckets))

    def bucket(self, name: str) -> BucketSnapshot:
        """A bucket of the profile, as the request sees it."""
        place = self.ledger.place_of(name)
        assert place is not None, name
        return self.ledger.buckets[place]


def own_fact(asked: Asked, bucket: BucketSnapshot) -> Fact:
    """What the bucket's token says; that the newest call was refused stands in `rejected`, if its token had a name."""
    trigger = asked.ledger.trigger
    unnamed = is_refusal(trigger.cause) and bucket.name == asked.ledger.current
    may_refresh = not bucket.calls_spent
    return token_fact(bucket, now=asked.now, refused_unknown=unnamed, may_refresh=may_refresh)


def step_towards(
    asked: Asked,
    bucket: BucketSnapshot,
    findings: Findings | None = None,
    *,
    is_probe: bool = False,
    moves: bool = False,
    is_retry: bool = False,
) -> RequestResult | None:
    """The call with the bucket, or the step that its token needs first; None: there is no token to be had."""
    fact = own_fact(asked, bucket)
    told = (settle(bucket, fact),) if findings is None else findings
    match fact:
        case "usable":
            token = bucket.token
            call = _call(
                bucket=bucket.name,
                fingerprint=token.fingerprint if type(token) is TokenHeld else "",
                attempt=asked.request.attempts + 1,
                is_probe=is_probe,
                moves=moves,
                is_retry=is_retry,
                is_counted=asked.request.strategy == "least-used",
                findings=told,
            )
            return Success(call)
        case "not-read":
            return Success(_read(bucket=bucket.name, findings=told))
        case "refreshable":
            return Success(_refresh(bucket=bucket.name, findings=told))
        case _:
            return None


def own_end(asked: Asked, bucket: BucketSnapshot) -> RequestResult:
    """The end of a profile of one: that bucket's own reason (REQ-1598-FL16)."""
    return Failure(exhausted_profile(asked.ledger, (settle(bucket, own_fact(asked, bucket)),)))


def calls_exhausted(asked: Asked) -> RequestResult:
    """The end of a request that may make no more calls."""
    last = asked.request.last
    assert last is not None
    assert last.answer.verdict is not None
    return Failure(RetriesExhausted(attempts=asked.request.attempts, cause=last.answer.verdict.cause))


def nothing_left(
    asked: Asked,
    exhausted: AllBucketsExhausted,
    login: Reauthenticate | None,
    *,
    not_before: float | None = None,
) -> RequestResult:
    """No bucket can be called with now: a short wait, a login, a longer wait, a refused token, or the end.

    Args:
        asked: the question.
        exhausted: why not.
        login: the login that may be asked for; None: none.
        not_before: Unix seconds before which an overloaded provider is not called again; None: at once.
    """
    findings = exhausted.findings if login is None else login.findings
    patience = _patience(asked, not_before=not_before) if _may_wait(asked) else None
    if patience is not None and (login is None or patience.until - asked.now <= SHORT_WAIT_SECONDS):
        return _wait_for(asked, patience, findings)
    if login is not None:
        return Success(login)
    return _last_resort(asked) or Failure(exhausted)


def _patience(asked: Asked, *, not_before: float | None) -> Patience | None:
    """The bucket to be waited for; an overloaded provider is not hit again without a wait."""
    patience = find_patience(asked.ledger, asked.request, now=asked.now)
    if patience is None or not_before is None or patience.until >= not_before:
        return patience
    return patience._replace(until=not_before)


def _may_wait(asked: Asked) -> bool:
    """Whether patience is allowed, and there is a call left for what it brings; a first call is always free."""
    request, budget = asked.request, asked.session.budget
    if not (request.policy.waits_for_profile and asked.has_several and asked.has_calls_left):
        return False
    return request.attempts == 0 or budget is None or retries_left(budget, now=asked.now) >= 1


def _wait_for(asked: Asked, patience: Patience, findings: Findings) -> RequestResult:
    """A bucket that was waited for becomes the session's."""
    if patience.until > asked.now:
        return Success(WaitUntil(at=patience.until, bucket=patience.bucket.name, findings=findings))
    step = step_towards(asked, patience.bucket, findings, moves=True, is_retry=asked.request.attempts > 0)
    assert step is not None, "patience is for buckets whose token can be had"
    return step


def _last_resort(asked: Asked) -> RequestResult | None:
    """A token that only other requests were refused, before nothing is called at all."""
    if not asked.has_calls_left or not any(account.refusals for account in asked.session.accounts):
        return None
    forgiving = join(asked.session, asked.request, now=asked.now, believes_refusals=False)
    for bucket in forgiving.buckets:
        found = find(bucket, now=asked.now, model=forgiving.model)
        if found.fact == "usable":
            last = (BucketFinding(bucket=bucket.name, fact="last-resort"),)
            return step_towards(asked._replace(ledger=forgiving), bucket, last)
    return None
