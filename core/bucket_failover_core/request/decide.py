"""A request, asked again after each thing that happens: what now?

Rules: none of its own that another decision has. `choose_start` says where it begins, `decide_retry` what a failed call
asks for, `decide_failover` which bucket it goes on with, `find_patience` whether it is worth waiting. What stands here
is the order in which they are asked:

1. A served call ends the request. A call that is being made is waited for.
2. Before the first call: the bucket that `choose_start` names. A token that is unread is read, one that can be
   refreshed is; without a token the bucket is a candidate that is ruled out, and `choose_start` is asked again.
3. After a failed call: what `decide_retry` says of it, judged at the moment of the failure. A retry and a heal call the
   same bucket again; failover searches; giving up ends the request.
4. Nothing is left: a short wait (30 s) comes before a login, a login before a longer wait, and that before the end.
5. A profile of one bucket has no login, no search, and always a first call, if there is a token to make it with.

Intuition: a shell that is told what to do next needs no rule, and a request that is nothing but facts can be stopped,
written down, and gone on with elsewhere.

Road not taken: a coroutine that awaits each step. It cannot be asked "and if it were ten minutes later?".
"""

from functools import lru_cache
from typing import assert_never

from returns.result import Failure, Success

from bucket_failover_core.facts.calls import Verdict
from bucket_failover_core.facts.snapshots import BucketSnapshot
from bucket_failover_core.facts.tokens import TokenHeld
from bucket_failover_core.failover.decide import decide_failover
from bucket_failover_core.failover.exhaustion import exhausted_profile
from bucket_failover_core.failover.findings import Fact
from bucket_failover_core.failover.standing import OPEN_FACTS, settle
from bucket_failover_core.request.decisions import CallBucket, RequestResult, Served, WaitUntil
from bucket_failover_core.request.foreign import decide_foreign_search, open_with_foreign_search
from bucket_failover_core.request.joint import join
from bucket_failover_core.request.opening import decide_opening, usual_opening
from bucket_failover_core.request.session import SessionSnapshot
from bucket_failover_core.request.state import RequestSnapshot
from bucket_failover_core.request.steps import Asked, calls_exhausted, nothing_left, own_end, own_fact, step_towards
from bucket_failover_core.results import either
from bucket_failover_core.retry.budget import retries_left
from bucket_failover_core.retry.decide import GiveUp, RetryDecision, RetrySnapshot, decide_retry
from bucket_failover_core.value import check_moment, trusted

_standing = trusted(RetrySnapshot)


def decide_request(session: SessionSnapshot, request: RequestSnapshot, *, now: float) -> RequestResult:
    """What the request is to do next, or how it has ended.

    Example: a request that has just begun, with a token that is unread: `Success(ReadToken("default"))`; told
    what the store holds, `Success(CallBucket("default", attempt=1, ...))`; told of a 200, `Success(Served("default"))`.

    Asking early or twice is harmless, and answers the same.

    Args:
        session: the facts of the accounts.
        request: the facts of the request.
        now: Unix seconds.

    Returns:
        `Success` of `ReadToken`, `RefreshToken`, `Reauthenticate`, `CallBucket`, `WaitUntil`, `FindBucket`: do it, tell
        it, ask again; or of `Served`, the end. `Failure` of `AllBucketsExhausted`, `RetriesExhausted` or `GiveUp`.

    Raises:
        ValueError: `now` is no moment.
    """
    check_moment(now)
    last = request.last
    if request.call is not None:
        return Success(_call_that_is_made(session, request))
    if last is None:
        usual = usual_opening(session, request, now=now)
        if usual is not None:
            return usual
    elif last.answer.served:
        return _served_by(last.bucket)
    ledger = join(session, request, now=now)
    asked = Asked(session, request, ledger, now)
    if not ledger.buckets:
        return Failure(exhausted_profile(ledger, ()))
    if last is None or ledger.place_of(last.bucket) is None:
        return decide_opening(asked) if request.searches else open_with_foreign_search(asked)
    verdict = last.answer.verdict
    if verdict is None:
        return Failure(GiveUp(cause=None, why="unknown"))
    return _after_failure(asked, asked.bucket(last.bucket), verdict)


@lru_cache(maxsize=256)
def _served_by(bucket: str) -> RequestResult:
    return Success(Served(bucket=bucket))


def _call_that_is_made(session: SessionSnapshot, request: RequestSnapshot) -> CallBucket:
    """The same call again, for a shell that asks while it makes it."""
    call = request.call
    assert call is not None
    place = session.profile.place_of(call.bucket)
    token = None if place is None else session.profile.buckets[place].token
    return CallBucket(
        bucket=call.bucket,
        fingerprint=token.fingerprint if isinstance(token, TokenHeld) else "",
        attempt=request.attempts + 1,
        is_probe=call.is_probe,
        moves=call.moves,
        is_retry=call.is_retry,
    )


def _after_failure(asked: Asked, failed: BucketSnapshot, verdict: Verdict) -> RequestResult:
    """What the newest failed call asks for, judged at its own moment."""
    request = asked.request
    assert request.last is not None
    decision = either(
        decide_retry(_retry_snapshot(asked, failed), verdict, now=request.last.answer.at, draw=request.draw)
    )
    if decision.kind == "give-up":
        return calls_exhausted(asked) if decision.why == "budget" else Failure(decision)
    return _act_on(asked, failed, decision)


def _retry_snapshot(asked: Asked, failed: BucketSnapshot) -> RetrySnapshot:
    """Where the request stands. A refresh that cannot bring another token is as good as spent."""
    request, budget = asked.request, asked.session.budget
    assert request.last is not None
    answer = request.last.answer
    return _standing(
        bucket_count=len(asked.ledger.buckets),
        attempts_made=request.attempts,
        failures_here=request.failures_with(failed.name),
        output_started=request.last.output_started or answer.output_started,
        refresh_spent=_token_fact(asked, failed) not in OPEN_FACTS,
        is_probe=request.is_probe,
        retries_left=None if budget is None else retries_left(budget, now=answer.at),
        policy=request.policy,
    )


def _token_fact(asked: Asked, failed: BucketSnapshot) -> Fact:
    """What the token of the bucket that has failed says; with no call left, as it was last known: why read it again?"""
    fact = own_fact(asked, failed)
    if fact != "not-read" or asked.has_calls_left:
        return fact
    place = asked.session.profile.place_of(failed.name)
    assert place is not None, failed.name
    return own_fact(asked, failed.evolve({"token": asked.session.profile.buckets[place].token}))


def _act_on(asked: Asked, failed: BucketSnapshot, decision: RetryDecision) -> RequestResult:
    match decision.kind:
        case "retry-at":
            if asked.now < decision.at:
                finding = settle(failed, own_fact(asked, failed))
                return Success(WaitUntil(at=decision.at, bucket=failed.name, findings=(finding,)))
            again = step_towards(asked, failed, is_retry=True)
            return again if again is not None else _search(asked, failed, None)
        case "refresh-then-retry":
            healed = step_towards(asked, failed)
            assert healed is not None, "else its refresh would count as spent"
            return healed
        case "fail-over":
            return _search(asked, failed, decision.not_before)
        case never:
            assert_never(never)


def _search(asked: Asked, failed: BucketSnapshot, not_before: float | None) -> RequestResult:
    """The bucket that the request goes on with after `failed`, not before a moment (Unix seconds)."""
    if not asked.has_several:
        return own_end(asked, failed)
    if not asked.request.searches:
        return decide_foreign_search(asked, not_before)
    found = either(decide_failover(asked.ledger, now=asked.now))
    match found.kind:
        case "use-bucket":
            if not asked.has_calls_left:
                return calls_exhausted(asked)
            if not_before is not None and asked.now < not_before:
                return Success(WaitUntil(at=not_before, bucket=found.bucket, findings=found.findings))
            moves = found.switched and not asked.request.is_probe
            used = step_towards(asked, asked.bucket(found.bucket), found.findings, moves=moves)
            assert used is not None, "a search ends with a usable bucket"
            return used
        case "all-buckets-exhausted":
            return nothing_left(asked, found, None, not_before=not_before)
        case "reauthenticate":
            told = exhausted_profile(asked.ledger, found.findings)
            return nothing_left(asked, told, found, not_before=not_before)
        case "read-token" | "refresh-token":
            return Success(found)
        case never:
            assert_never(never)
