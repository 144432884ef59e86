"""What the shell does, in the pure core alone: ask where to start, call, tell what was answered, ask how to go on.

A driver performs requests against a `SimulatedProvider`, one after the other, on a clock that moves only when someone
waits, and keeps a diary: what was believed of a bucket at each call, and whom the provider would have served.
"""

import random
from dataclasses import dataclass, field

from returns.methods import unwrap_or_failure
from returns.pipeline import is_successful

from bucket_failover_core import (
    AllBucketsExhausted,
    BucketSwitched,
    CallFailed,
    CallFailure,
    FailOver,
    FailoverSnapshot,
    GiveUp,
    ReadToken,
    RefreshThenRetry,
    RetryAt,
    RetryBudget,
    RetryPolicy,
    RetrySnapshot,
    Strategy,
    TokenHeld,
    TokenRead,
    Trigger,
    UseBucket,
    Verdict,
    advance,
    attempts_allowed,
    begin_with,
    choose_start,
    classify_failure,
    decide_failover,
    decide_retry,
    hold_limits,
    learn_limits,
    learn_readings,
    learn_success,
    read_limits,
    read_windows,
    refund_retry,
    spend_retry,
)
from bucket_failover_core.snapshots import current_bucket
from tests.support.simulated_provider import DAY, SimulatedProvider
from tests.support.worlds import named


@dataclass(frozen=True)
class Call:
    """One call, and what was believed at that moment."""

    at: float
    bucket: str
    is_canary: bool
    was_told_spent: bool
    """A directive limit of the bucket was in force."""
    was_doubted: bool
    """An advisory one was."""
    others_open: bool
    """Another bucket had no limit at all."""
    status: int | None


@dataclass(frozen=True)
class End:
    """How a request has ended: served, or not, though the provider would have served `usable`."""

    at: float
    is_served: bool
    usable: list[str]


@dataclass(frozen=True)
class Wait:
    """A request has waited, though the provider would have served `usable` when it began to."""

    begun_at: float
    until: float
    usable: list[str]


@dataclass
class Driver:
    """What the shell does: ask, call, tell; and a diary."""

    provider: SimulatedProvider
    strategy: Strategy
    chance: random.Random
    now: float
    session: FailoverSnapshot
    budget: RetryBudget = field(default_factory=RetryBudget)
    calls: list[Call] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)
    ends: list[End] = field(default_factory=list)
    probes: list[float] = field(default_factory=list)
    """When a canary set out."""

    def request(self) -> None:
        """One piece of work, from its first attempt to its end."""
        start = unwrap_or_failure(
            choose_start(self.session, now=self.now, strategy=self.strategy, draw=self.chance.random())
        )
        if isinstance(start, AllBucketsExhausted):
            self._end(is_served=False)
            return
        self.session = begin_with(self.session, start, at=self.now, strategy=self.strategy)
        if start.is_probe:
            self.probes.append(self.now)
        _Request(self, start, self.session).run()

    def call(self, bucket: str, *, is_canary: bool) -> CallFailure:
        """One attempt; what its answer says of open windows is learned, whatever it is."""
        limits = [limit for limit in named(self.session, bucket).limits if limit.until > self.now]
        answer = self.provider.answer(bucket, now=self.now)
        self.calls.append(
            Call(
                at=self.now,
                bucket=bucket,
                is_canary=is_canary,
                was_told_spent=any(limit.strength == "directive" for limit in limits),
                was_doubted=bool(limits),
                others_open=any(
                    all(limit.until <= self.now for limit in each.limits)
                    for each in self.session.buckets
                    if each.name != bucket
                ),
                status=answer.status,
            )
        )
        self.session = learn_readings(self.session, bucket, read_windows(answer, now=self.now))
        return answer

    def succeed(self, bucket: str, answer: CallFailure) -> None:
        """What was merely believed is disproved, what was answered is learned."""
        self.session = learn_success(self.session, bucket)
        self.session = learn_limits(self.session, bucket, read_limits(answer, now=self.now).unwrap())
        self.budget = refund_retry(self.budget, now=self.now)
        self._end(is_served=True)

    def fail(self) -> None:
        """The request has ended without a result."""
        self._end(is_served=False)

    def wait_until(self, moment: float | None) -> None:
        """The clock moves only when someone waits."""
        if moment is not None and moment > self.now:
            self.waits.append(Wait(self.now, moment, self.provider.usable(now=self.now)))
            self.now = moment

    def _end(self, *, is_served: bool) -> None:
        self.ends.append(End(self.now, is_served, self.provider.usable(now=self.now)))


@dataclass
class _Request:
    """A request that has begun."""

    driver: Driver
    start: UseBucket
    ledger: FailoverSnapshot
    attempts: int = 0
    failures: dict[str, int] = field(default_factory=dict)

    def run(self) -> None:
        """Call, and go on as the core decides."""
        driver, bucket = self.driver, self.start.bucket
        allowed = attempts_allowed(RetryPolicy(), len(driver.session.buckets))
        while True:
            answer = driver.call(bucket, is_canary=self.start.is_probe and bucket == self.start.bucket)
            verdict = classify_failure(answer, now=driver.now)
            if not is_successful(verdict):
                driver.succeed(bucket, answer)
                return
            self.attempts += 1
            self.failures[bucket] = self.failures.get(bucket, 0) + 1
            match self._decide(bucket, verdict.unwrap()):
                case RetryAt(at=at):
                    driver.budget = spend_retry(driver.budget, now=driver.now).unwrap()
                    driver.wait_until(at)
                case FailOver(not_before=not_before):
                    found = self._search(bucket, answer, verdict.unwrap())
                    if found is None or self.attempts >= allowed:
                        driver.fail()
                        return
                    driver.wait_until(not_before)
                    bucket = found
                case GiveUp():
                    driver.fail()
                    return
                case decision:
                    raise AssertionError(decision)

    def _decide(self, bucket: str, verdict: Verdict) -> RetryAt | RefreshThenRetry | FailOver | GiveUp:
        driver = self.driver
        snapshot = RetrySnapshot(
            bucket_count=len(driver.session.buckets),
            attempts_made=self.attempts,
            failures_here=self.failures[bucket],
            retries_left=1.0 if is_successful(spend_retry(driver.budget, now=driver.now)) else 0.0,
        )
        return unwrap_or_failure(decide_retry(snapshot, verdict, now=driver.now, draw=driver.chance.random()))

    def _search(self, failed: str, answer: CallFailure, verdict: Verdict) -> str | None:
        """The bucket to go on with; what was found out is told to the session."""
        driver = self.driver
        driver.session = learn_limits(driver.session, failed, verdict.limits)
        known = {each.name: each.limits for each in driver.session.buckets}
        trigger = Trigger(
            status=answer.status, cause=verdict.cause, limits=verdict.limits, detail=verdict.detail, fingerprint=failed
        )
        self.ledger = advance(hold_limits(self.ledger, known), CallFailed(trigger=trigger, bucket=failed))
        while True:
            match unwrap_or_failure(decide_failover(self.ledger, now=driver.now)):
                case ReadToken(bucket=bucket):
                    token = TokenHeld(expiry=driver.now + 30 * DAY, fingerprint=bucket)
                    self.ledger = advance(self.ledger, TokenRead(bucket=bucket, token=token))
                case UseBucket(bucket=bucket):
                    self.ledger = advance(self.ledger, BucketSwitched(bucket=bucket))
                    session = current_bucket(driver.session)
                    if session is not None and session.name == failed:
                        driver.session = driver.session.evolve({"current": bucket})
                    return bucket
                case AllBucketsExhausted():
                    return None
                case step:
                    raise AssertionError(step)
