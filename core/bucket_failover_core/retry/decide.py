"""A call has failed: try again here, heal and try again, go to another bucket, or give up?

Rules (REQ-1598-SM07):

* After output has started nothing is repeated: two answers must not be mixed.
* `client-error` and `cancelled` are final: another bucket would hear the same.
* `quota` fails over at once (REQ-1598-RO02). `throttled` waits and retries once if there is no hint or one of at most
  30 s, then fails over (REQ-1598-RO01); a probe has its answer, and fails over at once. `unauthenticated` and
  `forbidden` refresh and retry once, then fail over (REQ-1598-RO03). `overloaded`, `server-error`, `network` and
  `timeout` retry once, then fail over.
* Failures are counted per bucket over all kinds, so that alternating kinds add up. A bucket gets at most three
  attempts: the first, a retry, and one after it was healed; so a budget of three per bucket always reaches the last.
* A retry is made only while the budget that all requests share has one left; a burst then fails over at once, and the
  provider's own trouble is told as it is: another account would meet it too.
* A wait that is longer than the caller accepts is not begun: the request goes elsewhere, and with one bucket it ends.
* With one bucket there is no failover: it retries within the budget, but gives up on a quota that is spent for longer
  than the policy waits, and on a refusal that a refresh did not heal (REQ-1598-BWC01, REQ-1598-BWC04).

Intuition: a failure is the account's, the provider's, or the request's. Only the first is mended by another account;
the second is mended by time, and blaming accounts for it benches all of them within minutes; the third by the caller.

Road not taken: thresholds per kind of failure. A 429, a 401, a 429, a 401 … then never reaches any of them.
"""

from typing import Annotated, Final, Literal, Self, final

from pydantic import Field, model_validator
from returns.result import Failure, Result, Success

from bucket_failover_core.backoff import backoff_seconds
from bucket_failover_core.facts.calls import Verdict
from bucket_failover_core.facts.causes import Cause, is_refusal
from bucket_failover_core.facts.limits import Limit, is_directive
from bucket_failover_core.value import Value, check_draw, check_moment

SHORT_WAIT_SECONDS: Final = 30.0
"""A wait of at most this is short: a throttled bucket is waited for although there is another
one, and a limit's end comes before a login."""

_MIN_ATTEMPTS: Final = 6
"""As many as a profile of two has, so that a single bucket retries no less."""
ATTEMPTS_PER_BUCKET: Final = 3
"""The first, a retry, and one after it was healed."""

_FINAL_CAUSES: Final = frozenset({Cause.CLIENT_ERROR, Cause.CANCELLED})


@final
class RetryPolicy(Value):
    """How patient a request is.

    Args:
        max_attempts: calls per request, 1 or more; None: three per bucket, and at least six.
        backoff_min_seconds: the wait after the first failure, 0 or more.
        backoff_max_seconds: the longest wait of our own, no less than the shortest.
        jitter: half width of the spread of our own waits, as a fraction, 0 to 1.
        hint_max_seconds: the longest that a provider's hint is waited for, 0 or more.
        waits_for_profile: a profile is as patient as the most patient of its buckets would be alone; False: where no
            bucket is left, that is told at once.
        patience_seconds: the longest wait that the caller accepts, 0 or more: a longer one is not begun, and the
            request goes to another bucket, or ends; None: any.
    """

    max_attempts: int | None = Field(default=None, ge=1)
    backoff_min_seconds: float = Field(default=5.0, ge=0)
    backoff_max_seconds: float = Field(default=30.0, ge=0)
    jitter: float = Field(default=0.3, ge=0, le=1)
    hint_max_seconds: float = Field(default=300.0, ge=0)
    waits_for_profile: bool = True
    patience_seconds: float | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _bounds_are_in_order(self) -> Self:
        if self.backoff_min_seconds > self.backoff_max_seconds:
            bounds = (self.backoff_min_seconds, self.backoff_max_seconds)
            message = "backoff_min_seconds: {} is over backoff_max_seconds={}".format(*bounds)
            raise ValueError(message)
        return self


@final
class RetrySnapshot(Value):
    """Where a request stands after a failed call.

    Args:
        bucket_count: buckets of the profile, 0 or more.
        attempts_made: calls of this request so far, the failed one included.
        failures_here: failed calls with the current bucket in this request, of all kinds, the last one included.
        output_started: something of an answer has reached the caller.
        refresh_spent: the current bucket's token has been refreshed in this request.
        is_probe: the failed call was a probe, which tested an advisory limit.
        retries_left: what is left of the budget that all requests share (`RetryBudget`); None: there is none.
        policy: how patient the request is.
    """

    bucket_count: int = Field(ge=0)
    attempts_made: int = Field(ge=1)
    failures_here: int = Field(ge=1)
    output_started: bool = False
    refresh_spent: bool = False
    is_probe: bool = False
    retries_left: float | None = Field(default=None, ge=0)
    policy: RetryPolicy = RetryPolicy()


@final
class RetryAt(Value):
    """Call again with the same bucket, not before the moment `at` (Unix seconds)."""

    kind: Literal["retry-at"] = "retry-at"
    at: float


@final
class RefreshThenRetry(Value):
    """Refresh the bucket's token, then call again with it. If that brings no other token, ask again, refresh spent."""

    kind: Literal["refresh-then-retry"] = "refresh-then-retry"


@final
class FailOver(Value):
    """Look for another bucket; call with it not before `not_before` (Unix seconds), at once if None.

    The wait comes after the search, so that "no bucket is left" is told without it.
    """

    kind: Literal["fail-over"] = "fail-over"
    not_before: float | None = None


@final
class GiveUp(Value):
    """Do not repeat the call.

    Args:
        cause: what the failure was; None: unknown.
        why: `output-started`: something of the answer has reached the caller; `final`: no repetition can help;
            `patience`: the wait before the only bucket's next call is longer than the caller accepts; `budget`: the
            attempts are used up, or the retries that all requests share; of these, the first in this order.
            `unknown`: the answer says nothing that is known (`decide_request` alone says so).
    """

    kind: Literal["give-up"] = "give-up"
    cause: Cause | None
    why: Literal["output-started", "final", "budget", "patience", "unknown"]


RetryDecision = Annotated[RetryAt | RefreshThenRetry | FailOver, Field(discriminator="kind")]
"""What `decide_retry` succeeds with."""


_HEAL: Final = RefreshThenRetry()
_ELSEWHERE: Final = FailOver()


def attempts_allowed(policy: RetryPolicy, bucket_count: int) -> int:
    """How many calls one request may make.

    Example: 6 for one or two buckets, 9 for three, unless the policy names a number.
    """
    if policy.max_attempts is not None:
        return policy.max_attempts
    return max(_MIN_ATTEMPTS, ATTEMPTS_PER_BUCKET * bucket_count)


def decide_retry(
    snapshot: RetrySnapshot,
    verdict: Verdict,
    *,
    now: float,
    draw: float,
) -> Result[RetryDecision, GiveUp]:
    """What to do about a failed call.

    Example: the first failure of a request, an overload, with three buckets, at `now=1000.0` and `draw=0.5`:
    `Success(RetryAt(at=1005.0))`; the second in a row: `Success(FailOver(not_before=1005.0))`, because another account
    meets the same overloaded provider.

    Args:
        snapshot: where the request stands.
        verdict: what the failure was.
        now: Unix seconds.
        draw: the only chance in it, in [0, 1).

    Returns:
        `Success` of `RetryAt`, `RefreshThenRetry` or `FailOver`; `Failure` of `GiveUp`. On the last attempt, what asks
        for failover still does; what would be repeated gives up.

    Raises:
        ValueError: `now` is no moment, or `draw` is not in [0, 1).
    """
    check_moment(now)
    check_draw(draw)
    if snapshot.output_started:
        return Failure(GiveUp(cause=verdict.cause, why="output-started"))
    if verdict.cause in _FINAL_CAUSES:
        return Failure(GiveUp(cause=verdict.cause, why="final"))
    decide = _decide_among_several if snapshot.bucket_count > 1 else _decide_alone
    decision = decide(snapshot, verdict, now=now, draw=draw)
    if decision is None:
        return Failure(GiveUp(cause=verdict.cause, why="final"))
    if _is_too_long(decision, snapshot.policy.patience_seconds, now):
        if snapshot.bucket_count == 1:
            return Failure(GiveUp(cause=verdict.cause, why="patience"))
        decision = _ELSEWHERE
    spent = snapshot.attempts_made >= attempts_allowed(snapshot.policy, snapshot.bucket_count)
    if type(decision) is RetryAt and snapshot.retries_left is not None and snapshot.retries_left < 1:
        if verdict.cause is Cause.THROTTLED and snapshot.bucket_count > 1:
            return Success(_ELSEWHERE)
        spent = True
    if spent and type(decision) is not FailOver:
        return Failure(GiveUp(cause=verdict.cause, why="budget"))
    return Success(decision)


def _is_too_long(decision: RetryDecision, patience: float | None, now: float) -> bool:
    """Whether it asks for a wait that the caller does not accept."""
    if patience is None:
        return False
    until = decision.at if type(decision) is RetryAt else decision.not_before if type(decision) is FailOver else None
    return until is not None and until - now > patience


def _decide_alone(snapshot: RetrySnapshot, verdict: Verdict, *, now: float, draw: float) -> RetryDecision | None:
    """The rules for a profile of one bucket; None: final."""
    if is_refusal(verdict.cause):
        return None if snapshot.refresh_spent else _HEAL
    if verdict.cause is Cause.QUOTA and _spent_until(verdict, now) > now + snapshot.policy.hint_max_seconds:
        return None
    return _retry(snapshot, verdict, now=now, draw=draw)


def _decide_among_several(snapshot: RetrySnapshot, verdict: Verdict, *, now: float, draw: float) -> RetryDecision:
    """The rules for a profile of several buckets."""
    first = snapshot.failures_here == 1
    if is_refusal(verdict.cause):
        healable = not snapshot.refresh_spent and snapshot.failures_here < ATTEMPTS_PER_BUCKET
        return _HEAL if healable else _ELSEWHERE
    if verdict.cause is Cause.QUOTA:
        return _ELSEWHERE
    if verdict.cause is Cause.THROTTLED:
        short = (verdict.retry_not_before or now) - now <= SHORT_WAIT_SECONDS
        patient = first and short and not snapshot.is_probe
        return _retry(snapshot, verdict, now=now, draw=draw) if patient else _ELSEWHERE
    if first:
        return _retry(snapshot, verdict, now=now, draw=draw)
    if verdict.cause is Cause.OVERLOADED:
        afresh = snapshot.evolve({"failures_here": 1})
        return FailOver(not_before=_retry(afresh, verdict, now=now, draw=draw).at)
    return _ELSEWHERE


def _retry(snapshot: RetrySnapshot, verdict: Verdict, *, now: float, draw: float) -> RetryAt:
    """The next call with the same bucket: when the provider asks for it, within bounds, else after a backoff."""
    policy = snapshot.policy
    hint, failures = verdict.retry_not_before, snapshot.failures_here
    return RetryAt(at=patient_until(policy, failed_at=now, failures=failures, hint=hint, draw=draw))


def patient_until(policy: RetryPolicy, *, failed_at: float, failures: int, hint: float | None, draw: float) -> float:
    """The moment of the next call with a bucket that is given time.

    Example: after a first failure at 1000.0 without a hint it is 1005.0, with `draw=0.5`; with a hint of 1020.0 that.

    Args:
        policy: how patient the request is.
        failed_at: Unix seconds of the bucket's last failure.
        failures: failed calls with it in this request, 1 or more.
        hint: the provider's wish (Unix seconds), cut at `hint_max_seconds`; None: it has none.
        draw: chance, in [0, 1).
    """
    if hint is not None and hint > failed_at:
        return min(hint, failed_at + policy.hint_max_seconds)
    return failed_at + backoff_seconds(
        failures,
        minimum=policy.backoff_min_seconds,
        maximum=policy.backoff_max_seconds,
        jitter=policy.jitter,
        draw=draw,
    )


def _spent_until(verdict: Verdict, now: float) -> float:
    """Until when the provider has said outright that there is no quota; `now` if it has not."""
    return max(verdict.retry_not_before or now, *(limit.until for limit in verdict.limits if is_waited_for(limit)), now)


def is_waited_for(limit: Limit) -> bool:
    """Whether a call before the limit's end is pointless: the provider has said so outright, or the money is gone."""
    return limit.window == "balance" or (is_directive(limit) and limit.scope != "request")
