"""Which of several tokens are to be renewed now, and when is the next one due?

Rules: each bucket's renewal is `decide_renewal`'s; here they become one plan with one moment, so that one timer does
for all (REQ-1598-PR03). What is due is decided by the clock, never by a timer's having fired. A new token starts anew;
the same one, read again, keeps its failures (REQ-1598-PR05). A token whose moment of issue is unknown was issued when
it was first seen, else its renewal would recede with each question. A renewal that brings the same token back, or one
that is due again at once, has failed. One that the issuer has refused for good is not repeated, and a busy issuer is
not asked before the moment that it has named.

What the store cannot say says nothing of a token that is watched already.

Intuition: a watch is a list of who was last seen with what, and how often it went wrong.

Road not taken: a timer for each bucket. Each would have to be found and cancelled, and one that dies is not missed.
"""

from typing import final

from bucket_failover_core.facts.tokens import KnownToken, TokenHeld
from bucket_failover_core.renewal.renewal_time import RenewalSnapshot, RenewNow, decide_renewal
from bucket_failover_core.results import either
from bucket_failover_core.value import BucketName, Value, check_moment


@final
class WatchedBucket(Value):
    """A bucket's token, and how its renewal has gone so far.

    Args:
        bucket: which one.
        token: what was last seen of it.
        failures: renewals of this token that failed in a row.
        failed_at: Unix seconds of the last of them.
        refused: the issuer takes its refresh token no more.
        busy_until: Unix seconds until which the issuer wants not to be asked; None: it has not said so.
    """

    bucket: BucketName
    token: KnownToken
    failures: int = 0
    failed_at: float | None = None
    refused: bool = False
    busy_until: float | None = None


@final
class RenewalWatch(Value):
    """The buckets whose tokens are watched, in the order of the profile. It starts empty."""

    buckets: tuple[WatchedBucket, ...] = ()

    def find(self, bucket: str) -> WatchedBucket | None:
        """The bucket, if it is watched."""
        return next((watched for watched in self.buckets if watched.bucket == bucket), None)

    def only(self, bucket: str) -> "RenewalWatch":
        """The watch over this bucket alone."""
        return RenewalWatch(buckets=tuple(watched for watched in self.buckets if watched.bucket == bucket))


@final
class RenewalPlan(Value):
    """What to do now, and when to ask again.

    Args:
        due: the buckets whose tokens are to be renewed now, in the watch's order.
        wake_at: Unix seconds of the next renewal; None: none is in sight. Asking earlier is harmless.
    """

    due: tuple[str, ...] = ()
    wake_at: float | None = None


@final
class RenewalOutcome(Value):
    """How a renewal has ended, for the user.

    Args:
        bucket: whose.
        is_renewed: it has brought a token that is not due at once.
        failures: in a row; 0 if it is renewed.
        retry_at: Unix seconds of the next try; None: there is none until a refresh succeeds by other means.
        detail: why it was not renewed; empty if it was.
    """

    bucket: BucketName
    is_renewed: bool
    failures: int = 0
    retry_at: float | None = None
    detail: str = ""


def watch_token(watch: RenewalWatch, bucket: str, token: KnownToken, *, now: float) -> RenewalWatch:
    """The watch after a bucket's token was read, brought by a login or a refresh, or found to be gone.

    Example: the same token read once more changes nothing, nor does a store that cannot answer; another token has no
    failures.

    Args:
        watch: the watch.
        bucket: whose token; one that is not watched yet is from now on.
        token: what it is.
        now: Unix seconds.

    Raises:
        ValueError: `now` is no moment.
    """
    check_moment(now)
    former = watch.find(bucket)
    if former is not None and former.failed_at is not None and former.failed_at > now:
        # The clock was set back: the failure is one of now, once, and not of each moment at which a plan is made.
        watch = _with(watch, former, former.evolve({"failed_at": now}))
        former = watch.find(bucket)
    if former is not None and token.kind == "outage":
        return watch
    seen = _dated(token, former.token if former is not None else None, now=now)
    if former is not None and former.token == seen:
        return watch
    fresh = WatchedBucket(bucket=bucket, token=seen)
    if former is not None and _is_same(former.token, seen):
        fresh = former.evolve({"token": seen})
    if former is None:
        return watch.evolve({"buckets": (*watch.buckets, fresh)})
    return _with(watch, former, fresh)


def watch_outcome(
    watch: RenewalWatch,
    bucket: str,
    token: KnownToken | None,
    *,
    now: float,
    refused: bool = False,
    busy_until: float | None = None,
) -> RenewalWatch:
    """The watch after a renewal has ended.

    Args:
        watch: the watch.
        bucket: whose renewal; one that is not watched (it has left the profile meanwhile) changes nothing.
        token: what it has brought; absent: the user has logged out meanwhile; None: nothing.
        now: Unix seconds.
        refused: the issuer has refused for good; then there is no next time.
        busy_until: Unix seconds until which the issuer is busy: that is no failure, and it is not asked before.

    Raises:
        ValueError: `now` is no moment.
    """
    check_moment(now)
    former = watch.find(bucket)
    if former is None:
        return watch
    if busy_until is not None and busy_until > now:
        return _with(watch, former, former.evolve({"busy_until": busy_until}))
    after = watch if token is None else watch_token(watch, bucket, token, now=now)
    seen = after.find(bucket)
    assert seen is not None, "it is watched"
    if token is not None and not _is_same(former.token, seen.token) and not _is_due(seen, now=now, draw=0.0):
        return after
    failed = seen.evolve({"failures": former.failures + 1, "failed_at": now, "refused": refused})
    return _with(after, seen, failed)


def unwatch(watch: RenewalWatch, bucket: str) -> RenewalWatch:
    """The watch without a bucket, which is no longer in the profile."""
    return watch.evolve({"buckets": tuple(other for other in watch.buckets if other.bucket != bucket)})


def renewal_outcome(before: WatchedBucket, watch: RenewalWatch, *, now: float, detail: str = "") -> RenewalOutcome:
    """How a renewal has ended.

    Example: a token of an hour in place of one that was due: `RenewalOutcome(bucket="a", is_renewed=True)`.

    Args:
        before: the bucket before its renewal.
        watch: the watch after it (`watch_outcome`).
        now: Unix seconds.
        detail: what the refresh has raised; empty: nothing.

    Raises:
        ValueError: `now` is no moment.
    """
    check_moment(now)
    bucket, after = before.bucket, watch.find(before.bucket)
    if after is not None and after.busy_until is not None and now < after.busy_until:
        return RenewalOutcome(
            bucket=bucket, is_renewed=False, failures=after.failures, retry_at=after.busy_until, detail=detail
        )
    is_held = after is not None and after.token.kind == "held"
    if after is not None and after.failures == 0 and is_held:
        return RenewalOutcome(bucket=bucket, is_renewed=True)
    if after is None or not is_held:
        why = detail or "the user has logged out"
        return RenewalOutcome(bucket=bucket, is_renewed=False, failures=before.failures + 1, detail=why)
    why = detail or (
        "the issuer has refused; a login is needed" if after.refused else "the issuer has brought no later end"
    )
    retry_at = plan_renewals(watch.only(bucket), now=now).wake_at
    return RenewalOutcome(bucket=bucket, is_renewed=False, failures=after.failures, retry_at=retry_at, detail=why)


def plan_renewals(watch: RenewalWatch, *, now: float, draw: float = 0.5) -> RenewalPlan:
    """Which tokens are to be renewed now, and when to ask again.

    Example: two tokens of an hour, issued at 0.0 and 600.0: at 2880.0 the first is due, and `wake_at` is 3480.0.

    Args:
        watch: what is watched.
        now: Unix seconds.
        draw: spreads the wait after a failure, in [0, 1).

    Raises:
        ValueError: `now` is no moment, or `draw` is not in [0, 1).
    """
    due: list[str] = []
    moments: list[float] = []
    for watched in watch.buckets:
        if watched.refused:
            continue
        if watched.busy_until is not None and now < watched.busy_until:
            moments.append(watched.busy_until)
            continue
        decision = either(decide_renewal(_snapshot(watched), now=now, draw=draw))
        if decision.kind == "renew-now":
            due.append(watched.bucket)
        elif decision.kind == "renew-at":
            moments.append(decision.at)
    return RenewalPlan(due=tuple(due), wake_at=min(moments, default=None))


def _with(watch: RenewalWatch, former: WatchedBucket, now_so: WatchedBucket) -> RenewalWatch:
    return watch.evolve({"buckets": tuple(now_so if other is former else other for other in watch.buckets)})


def _snapshot(watched: WatchedBucket) -> RenewalSnapshot:
    return RenewalSnapshot(token=watched.token, failures=watched.failures, failed_at=watched.failed_at)


def _is_due(watched: WatchedBucket, *, now: float, draw: float) -> bool:
    return isinstance(either(decide_renewal(_snapshot(watched), now=now, draw=draw)), RenewNow)


def _is_same(one: KnownToken, other: KnownToken) -> bool:
    """Whether it is the very token, its end unmoved. Without fingerprints, the ends alone tell."""
    if not isinstance(one, TokenHeld) or not isinstance(other, TokenHeld):
        return one.kind == other.kind
    return one.fingerprint == other.fingerprint and one.expiry == other.expiry


def _dated(token: KnownToken, former: KnownToken | None, *, now: float) -> KnownToken:
    """The token, issued when it was first seen if it does not say when."""
    if not isinstance(token, TokenHeld) or token.issued_at is not None:
        return token
    known = isinstance(former, TokenHeld) and _is_same(former, token)
    return token.evolve({"issued_at": former.issued_at if known and isinstance(former, TokenHeld) else now})
