"""One request in progress: which bucket it is with, what it has spent, and how it goes on after a failed attempt.

There is no rule in here. `classify_failure` says what a failure was, `decide_retry` what to do about it, the handler
which bucket to go on with; this one waits, refreshes, and counts.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from returns.methods import unwrap_or_failure
from returns.result import Failure, Success

from bucket_failover import journal
from bucket_failover.errors import AllBucketsExhaustedError, RetriesExhaustedError, safe_text
from bucket_failover.handler.context import FailoverContext
from bucket_failover.handler.protocol import BucketFailoverHandler
from bucket_failover.oauth import OAuthManager, replace_token
from bucket_failover.tokens import OAuthToken
from bucket_failover_core import (
    AllBucketsExhausted,
    BucketFailureReason,
    BucketFinding,
    BucketSnapshot,
    BucketStanding,
    BucketUnavailable,
    CallFailure,
    ChoiceResult,
    FailOver,
    GiveUp,
    NeedsRefresh,
    RefreshThenRetry,
    RetryAt,
    RetryBudget,
    RetryPolicy,
    RetrySnapshot,
    TokenAbsent,
    Unclassifiable,
    Usable,
    UseBucket,
    Verdict,
    attempts_allowed,
    classify_bucket,
    classify_by_its_clock,
    decide_retry,
    estimate_skew,
    refund_retry,
    retries_left,
    spend_retry,
)
from bucket_failover_core.causes import is_refusal
from bucket_failover_core.skew import NO_SKEW


def _unheard(_bucket: str, _answer: CallFailure) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True)
class ActiveBucket:
    """What one attempt is made with.

    Args:
        name: the bucket's.
        token: its token.
        sink: hears what `report` tells.
    """

    name: str
    token: OAuthToken
    sink: Callable[[str, CallFailure], object] = field(default=_unheard, repr=False, compare=False)

    def report(self, answer: CallFailure) -> None:
        """Tell what an answer said of quota, of a success as well.

        An answer that the operation returns, with its headers, is read without being told.

        Example: `bucket.report(CallFailure(status=200, headers=tuple(response.headers.multi_items())))`.
        """
        self.sink(self.name, answer)


@dataclass(frozen=True, slots=True)
class Means:
    """What requests are made with; see `RetryOrchestrator`."""

    handler: BucketFailoverHandler
    manager: OAuthManager
    policy: RetryPolicy
    describe: Callable[[Exception], CallFailure | None]
    clock: Callable[[], float]
    sleep: Callable[[float], Awaitable[object]]
    draw: Callable[[], float]
    choose_start: Callable[..., ChoiceResult] | None
    """The handler's, if it has one."""
    report_answer: Callable[[str, CallFailure], object] | None
    """The handler's, if it has one."""
    purse: "Purse"


class Purse:
    """The retry budget that the requests of one orchestrator share; the rules are the core's.

    Args:
        budget: what is in it at the beginning; None: retries are not counted.
    """

    def __init__(self, budget: RetryBudget | None) -> None:
        self._budget = budget

    def left(self, *, now: float) -> float | None:
        """How many retries are left; None: they are not counted."""
        return None if self._budget is None else retries_left(self._budget, now=now)

    def spend(self, *, now: float) -> None:
        """A retry is made."""
        if self._budget is not None:
            self._budget = spend_retry(self._budget, now=now).value_or(self._budget)

    def refund(self, clock: Callable[[], float]) -> None:
        """A call has succeeded."""
        if self._budget is not None and self._budget.left is not None:
            self._budget = refund_retry(self._budget, now=clock())


@dataclass(frozen=True, slots=True)
class _FailedCall:
    """A failed call: the exception, what is left of it, and what it was."""

    error: Exception
    failure: CallFailure
    verdict: Verdict


class Request:
    """One piece of work for the caller, from its first attempt to its result."""

    def __init__(self, means: Means, *, model: str | None = None, session_key: str | None = None) -> None:
        self._means = means
        self.model = model
        """The model that is asked, None if unknown."""
        self._session_key = session_key
        self._provider = means.handler.provider
        self._attempts = 0
        self._failures: dict[str, int] = {}
        self._refreshed: set[str] = set()
        self._rejected: tuple[str, ...] = ()
        self._is_probing = False
        """The next call is a canary's."""
        self.has_heard = False
        """The operation has told, in its last attempt, what the answer said."""

    async def begin(self) -> ActiveBucket:
        """The bucket and token of the first attempt.

        Raises:
            AllBucketsExhaustedError: no bucket has a token, or the provider has said outright that none has quota.
        """
        return await self._activate(self._first_bucket(), None)

    def _first_bucket(self) -> str:
        """Where the core says that a request starts; with a handler that cannot ask it, the current bucket."""
        choice = self._choose_start()
        if isinstance(choice, Success):
            used: UseBucket = choice.unwrap()
            self._is_probing = used.is_probe
            return used.bucket
        if isinstance(choice, Failure):
            exhausted: AllBucketsExhausted = choice.failure()
            raise AllBucketsExhaustedError(self._provider, exhausted.buckets, exhausted=exhausted)
        name = self._means.handler.get_current_bucket()
        if name is None:
            exhausted = AllBucketsExhausted(provider=self._provider)
            raise AllBucketsExhaustedError(self._provider, (), exhausted=exhausted)
        return name

    def _choose_start(self, **asked: object) -> ChoiceResult | None:
        choose = self._means.choose_start
        if choose is None:
            return None
        return choose(model=self.model, session_key=self._session_key, draw=self._means.draw(), **asked)

    def _last_resort(self, without: set[str]) -> str | None:
        """A bucket that may still serve, though the search has found none: no call has been made yet."""
        choice = self._choose_start(request=self) if self._attempts == 0 else None
        if not isinstance(choice, Success):
            return None
        used: UseBucket = choice.unwrap()
        return None if used.bucket in without else used.bucket

    async def recover(self, active: ActiveBucket, error: Exception, *, output_started: bool) -> ActiveBucket:
        """After a failed attempt with `active`: the bucket and token of the next one.

        Raises:
            AllBucketsExhaustedError: no bucket is left.
            RetriesExhaustedError: the attempts are used up.
            Exception: `error` itself, if no repetition can help or nobody knows what it was.
        """
        failure = self._means.describe(error)
        if failure is None:
            raise error
        failure = self.of_its_model(failure)
        now = self._means.clock()
        skew = estimate_skew(failure, now=now).value_or(NO_SKEW)
        verdict = unwrap_or_failure(classify_by_its_clock(failure, now=now, skew=skew))
        if isinstance(verdict, Unclassifiable):
            raise error
        self._attempts += 1
        self._failures[active.name] = self._failures.get(active.name, 0) + 1
        if is_refusal(verdict.cause) and active.token.fingerprint not in self._rejected:
            self._rejected = (*self._rejected, active.token.fingerprint)
        journal.call_failed(self._provider, active.name, verdict, self._attempts)
        failed = _FailedCall(error, failure, verdict)
        return await self._go_on(active, failed, output_started=output_started or failure.output_started)

    async def _go_on(self, active: ActiveBucket, failed: _FailedCall, *, output_started: bool) -> ActiveBucket:
        """Do what the core decides; ask it again where a refresh has not healed the bucket."""
        while True:
            now = self._means.clock()
            snapshot = self._snapshot(active.name, output_started=output_started, now=now)
            decision = unwrap_or_failure(decide_retry(snapshot, failed.verdict, now=now, draw=self._means.draw()))
            match decision:
                case RetryAt(at=at):
                    journal.retry_waits(self._provider, active.name, decision, now=now)
                    self._means.purse.spend(now=now)
                    self._is_probing = False
                    await self._wait_until(at)
                    return await self._activate(active.name, failed.error)
                case RefreshThenRetry():
                    journal.refresh_wanted(self._provider, active.name)
                    healed = await self._heal(active)
                    if healed is not None:
                        return healed
                case FailOver(not_before=not_before):
                    name = await self._fail_over(active.name, failed.error, failed, active.token.fingerprint)
                    self._is_probing = False
                    if self._attempts >= attempts_allowed(self._means.policy, snapshot.bucket_count):
                        raise RetriesExhaustedError(self._provider, self._attempts, failed.error)
                    await self._wait_until(not_before)
                    return await self._activate(name, failed.error)
                case GiveUp():
                    journal.gave_up(self._provider, active.name, decision)
                    if decision.why == "budget":
                        raise RetriesExhaustedError(self._provider, self._attempts, failed.error)
                    raise failed.error

    def _snapshot(self, bucket: str, *, output_started: bool, now: float) -> RetrySnapshot:
        handler = self._means.handler
        return RetrySnapshot(
            bucket_count=len(handler.get_buckets()) if handler.is_enabled() else 1,
            attempts_made=self._attempts,
            failures_here=self._failures[bucket],
            output_started=output_started,
            refresh_spent=bucket in self._refreshed,
            is_probe=self._is_probing,
            retries_left=self._means.purse.left(now=now),
            policy=self._means.policy,
        )

    async def _wait_until(self, moment: float | None) -> None:
        if moment is not None and (seconds := moment - self._means.clock()) > 0:
            await self._means.sleep(seconds)

    async def _activate(self, name: str, error: Exception | None) -> ActiveBucket:
        """The bucket with a token to call with; one without a token fails over, which costs no attempt."""
        without: set[str] = set()
        while True:
            problem: Exception | None = None
            try:
                token = await self._means.manager.get_oauth_token(self._provider, name)
            except Exception as outage:  # noqa: BLE001 - whatever it raises, there is no token to call with
                token, problem = None, outage
            if token is not None and not (self._rejected and token.fingerprint in self._rejected):
                return self._active(name, token)
            journal.token_unavailable(self._provider, name, safe_text(problem) if problem is not None else "")
            if token is not None and not self._means.handler.is_enabled() and error is not None:
                raise error
            if name in without or not self._means.handler.is_enabled():
                raise self._no_token(name, problem or error, problem)
            without.add(name)
            if problem is None:
                self._refreshed.add(name)
            try:
                name = await self._fail_over(name, problem or error)
            except AllBucketsExhaustedError:
                other = self._last_resort(without)
                if other is None:
                    raise
                name = other

    def _active(self, name: str, token: OAuthToken) -> ActiveBucket:
        self.has_heard = False
        return ActiveBucket(name, token, self._hear)

    def _hear(self, bucket: str, answer: CallFailure) -> None:
        """The operation tells what an answer said."""
        if self._means.report_answer is not None:
            self.has_heard = True
            self._means.report_answer(bucket, self.of_its_model(answer))

    def of_its_model(self, answer: CallFailure) -> CallFailure:
        """The answer, with the model that was asked, unless it says so itself."""
        if answer.model is not None or self.model is None:
            return answer
        return answer.model_copy(update={"model": self.model})

    def _no_token(self, name: str, error: Exception | None, problem: Exception | None) -> AllBucketsExhaustedError:
        """The bucket has no token, and there is no other one, or no search that leads to one."""
        found = BucketFinding(bucket=name, fact="token-absent")
        if problem is not None:
            found = BucketFinding(bucket=name, fact="store-outage", detail=safe_text(problem))
        buckets = tuple(self._means.handler.get_buckets())
        exhausted = AllBucketsExhausted(provider=self._provider, buckets=buckets, findings=(found,))
        return AllBucketsExhaustedError(self._provider, buckets, error, exhausted=exhausted)

    async def _heal(self, active: ActiveBucket) -> ActiveBucket | None:
        """The bucket with another token than the refused one: someone else has renewed it, or we refresh it."""
        manager = self._means.manager
        try:
            token = await manager.read_token(self._provider, active.name)
            standing = self._standing(active, token)
            if isinstance(standing, NeedsRefresh):
                self._refreshed.add(active.name)
                token = await replace_token(manager, self._provider, active.name, active.token.fingerprint)
                standing = self._standing(active, token)
        except Exception as problem:  # noqa: BLE001 - whatever it raises, there is no new token
            journal.token_unavailable(self._provider, active.name, safe_text(problem))
            token, standing = None, None
        if token is not None and isinstance(standing, Usable):
            return self._active(active.name, token)
        self._refreshed.add(active.name)
        return None

    def _standing(self, active: ActiveBucket, token: OAuthToken | None) -> BucketStanding | BucketUnavailable:
        """What the core says of a bucket that holds this token, after its former one was refused."""
        bucket = BucketSnapshot(
            name=active.name,
            token=token.state if token is not None else TokenAbsent(),
            rejected=self._rejected,
            refresh_spent=active.name in self._refreshed,
            api_key=token is not None and token.is_api_key,
        )
        return unwrap_or_failure(classify_bucket(bucket, now=self._means.clock()))

    async def _fail_over(
        self,
        name: str,
        error: Exception | None,
        failed: _FailedCall | None = None,
        fingerprint: str | None = None,
    ) -> str:
        """The name of the bucket to go on with, after `name` has failed.

        Raises:
            AllBucketsExhaustedError: no bucket is left.
        """
        handler = self._means.handler
        context = FailoverContext(
            triggering_status=failed.failure.status if failed is not None else None,
            verdict=failed.verdict if failed is not None else None,
            fingerprint=fingerprint,
            request=self,
            bucket=name,
            model=failed.failure.model if failed is not None else self.model,
            refresh_spent=name in self._refreshed,
            was_probe=self._is_probing,
            rejected=self._rejected,
        )
        found = await handler.try_failover(context)
        # Read at once: until the next `await`, no other request can have replaced it.
        result = getattr(handler, "last_decision", None)
        decision = unwrap_or_failure(result) if result is not None else None
        if not found:
            raise self._exhausted(decision, error)
        if isinstance(decision, UseBucket):
            if decision.via != "token":
                self._refreshed.add(decision.bucket)
            return decision.bucket
        return handler.get_current_bucket() or name

    def _exhausted(self, decision: object, error: Exception | None) -> AllBucketsExhaustedError:
        """What is known of a search that found nothing, as far as the handler tells (REQ-1598-IC03, REQ-1598-IC04)."""
        handler = self._means.handler
        tell: Callable[[], dict[str, BucketFailureReason]] = getattr(handler, "get_last_failover_reasons", dict)
        reasons = tell()
        exhausted = decision if isinstance(decision, AllBucketsExhausted) else None
        return AllBucketsExhaustedError(
            self._provider, handler.get_buckets(), error, reasons or None, exhausted=exhausted
        )
