"""One request: what it has tried, spent, and was refused. The facts of the accounts stand in the session."""

from typing import final

from pydantic import Field

from bucket_failover_core.choice.strategies import STRATEGIES, Strategy
from bucket_failover_core.facts.causes import Cause
from bucket_failover_core.facts.reasons import BucketFailureReason
from bucket_failover_core.facts.snapshots import Renewer
from bucket_failover_core.request.events import CallAnswered, CallBegun
from bucket_failover_core.request.session import SessionSnapshot
from bucket_failover_core.retry.decide import RetryPolicy
from bucket_failover_core.value import Value, check_draw, check_moment, trusted


@final
class FailedCall(Value):
    """A call of this request has failed.

    Args:
        bucket: the one that was called with.
        at: Unix seconds at which its answer came.
        cause: what it was; None: unknown.
        detail: a few words.
        retry_not_before: the provider's wish (Unix seconds).
        fingerprint: of the access token that it used; empty if unknown.
        account_disabled: the provider has disabled the account.
    """

    bucket: str
    at: float
    cause: Cause | None
    detail: str = ""
    retry_not_before: float | None = None
    fingerprint: str = ""
    account_disabled: bool = False


@final
class EndedStep(Value):
    """A refresh or a login of `bucket` that ended before the request began, though at a moment not before its own.

    Example: a clock that stands still, or has been set back since.
    """

    bucket: str
    by: Renewer
    at: float


@final
class Heard(Value):
    """The request was told of the bucket's token, when `failures` of its calls had failed."""

    bucket: str
    failures: int = Field(default=0, ge=0)


@final
class RequestSnapshot(Value):
    """The facts of one request.

    Args:
        begun_at: Unix seconds.
        draw: all its chance, in [0, 1).
        strategy: how its first bucket is chosen.
        session_key: names the conversation that it belongs to.
        model: the model that it is for; None: unknown.
        policy: how patient it is.
        searches: the core searches; else a foreign handler does.
        begun_with: the bucket in use when it began, where a foreign handler searches.
        attempts: calls that were answered.
        call: the call that is being made.
        is_probe: that call, or the last answered one, was a probe.
        last: the newest answer.
        failures: its failed calls, oldest first.
        rejected: fingerprints that the provider has refused in it.
        heard: of whose tokens it was told, and when.
        refreshed: buckets that its caller has refreshed by itself, whose tokens it has not been told of since.
        spent: buckets whose refresh its caller has spent by itself.
        reads_again: tokens that were read before it began are read again, also those that can be called with.
        renewed: buckets to which a refresh or a login of its own has brought a token since their last failed call.
        found: what a foreign handler has found since the last answer, oldest first.
        search_failed: a foreign handler has found nothing, and why; None: it has not.
        ended_before: see `EndedStep`.
    """

    begun_at: float
    draw: float = Field(default=0.0, ge=0, lt=1)
    strategy: Strategy = "sticky"
    session_key: str | None = None
    model: str | None = None
    policy: RetryPolicy = RetryPolicy()
    searches: bool = True
    begun_with: str | None = None
    attempts: int = Field(default=0, ge=0)
    call: CallBegun | None = None
    is_probe: bool = False
    last: CallAnswered | None = None
    failures: tuple[FailedCall, ...] = ()
    rejected: tuple[str, ...] = ()
    heard: tuple[Heard, ...] = ()
    refreshed: tuple[str, ...] = ()
    spent: tuple[str, ...] = ()
    reads_again: bool = False
    renewed: tuple[str, ...] = ()
    found: tuple[str, ...] = ()
    search_failed: dict[str, BucketFailureReason] | None = None
    ended_before: tuple[EndedStep, ...] = ()

    def has_refreshed(self, session: SessionSnapshot, bucket: str) -> bool:
        """Whether the bucket's token was refreshed since it began, by whichever request and however that ended."""
        place = session.profile.place_of(bucket)
        if place is None:
            return False
        return self.has_since_begun(bucket, "refresh", session.accounts[place].refreshed_at)

    def failures_with(self, bucket: str) -> int:
        """How many of its calls with the bucket have failed."""
        return sum(1 for failed in self.failures if failed.bucket == bucket)

    def has_since_begun(self, bucket: str, by: Renewer, at: float | None) -> bool:
        """Whether a refresh or login of the bucket that ended at `at` ended since the request began."""
        if at is None or at < self.begun_at:
            return False
        return not self.ended_before or EndedStep(bucket=bucket, by=by, at=at) not in self.ended_before


_begun = trusted(RequestSnapshot)
_PATIENCE = RetryPolicy()


def begin_request(
    session: SessionSnapshot,
    *,
    now: float,
    draw: float,
    strategy: Strategy = "sticky",
    session_key: str | None = None,
    model: str | None = None,
    policy: RetryPolicy = _PATIENCE,
    searches: bool = True,
    reads_again: bool = False,
) -> RequestSnapshot:
    """A request that begins now.

    Example: `begin_request(session, now=1000.0, draw=0.5)`; then ask `decide_request(session, request, now=1000.0)`.

    Args:
        session: what is known when it begins.
        now: Unix seconds.
        draw: chance, in [0, 1): all that the request will need.
        strategy: how its first bucket is chosen (`choose_bucket`).
        session_key: names the conversation that it belongs to; it stays with one bucket while that is usable.
        model: the model that it is for; None: unknown.
        policy: how patient it is.
        searches: False: a foreign handler searches (`FindBucket`).
        reads_again: tokens that were read before now are read again, also those that can be called with.

    Raises:
        ValueError: `now` is no moment, `draw` is not in [0, 1), or there is no such strategy.
    """
    check_moment(now)
    check_draw(draw)
    if strategy not in STRATEGIES:
        message = f"strategy: {strategy!r} is none of {', '.join(STRATEGIES)}"
        raise ValueError(message)
    return _begun(
        begun_at=now,
        draw=draw,
        strategy=strategy,
        session_key=session_key,
        model=model,
        policy=policy,
        searches=searches,
        begun_with=None if searches else session.current,
        reads_again=reads_again,
        ended_before=_ended_by(session, now=now),
    )


def _ended_by(session: SessionSnapshot, *, now: float) -> tuple[EndedStep, ...]:
    """The refreshes and logins that have ended, though their moment is not before `now`."""
    if session.newest_step_at is None or session.newest_step_at < now:
        return ()
    ended: list[EndedStep] = []
    for bucket, account in zip(session.profile.buckets, session.accounts, strict=True):
        if account.refreshed_at is not None and account.refreshed_at >= now:
            ended.append(EndedStep(bucket=bucket.name, by="refresh", at=account.refreshed_at))
        if account.login_at is not None and account.login_at >= now:
            ended.append(EndedStep(bucket=bucket.name, by="reauth", at=account.login_at))
    return tuple(ended)
