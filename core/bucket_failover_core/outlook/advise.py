"""What would make a bucket usable, proven before it is said?

Rules: a bucket's finding names a remedy. The remedy is applied to a copy of the bucket, and only if nothing rules that
out any more is it advised; if a limit still does, it is advised for the limit's end, if that in turn is enough. A
bucket that is usable, or becomes so by the next step, needs no advice. A remedy that proves nothing is not given.

Intuition: a doctor who says "log in" to a user whose quota is spent until Monday has not looked.

Road not taken: a table from problem to hint. The hint is right for the problem, and wrong for the bucket that has two.
"""

from typing import Final, Literal, assert_never, final

from returns.result import Success

from bucket_failover_core.facts.limits import counts_for
from bucket_failover_core.facts.snapshots import BucketSnapshot, FailoverSnapshot
from bucket_failover_core.facts.tokens import TokenHeld
from bucket_failover_core.failover.findings import Remedy
from bucket_failover_core.failover.standing import classify_bucket, find
from bucket_failover_core.formats import moment_text
from bucket_failover_core.value import BucketName, Value, check_moment

_PROOF: Final = "proof"
"""The fingerprint of a token that no store holds, and that no provider has refused."""
_PROOF_LIFETIME_SECONDS: Final = 1e9
"""32 years: beyond the end of any limit (`WINDOW_CEILING_SECONDS`), so that it is the limit that settles a bucket."""

Advised = Literal["wait", "login", "new-key", "resume"]
"""What a user can do for a bucket."""

_ADVISED: Final[dict[Remedy, Advised]] = {"wait": "wait", "login": "login", "new-key": "new-key", "resume": "resume"}
_WORDS: Final[dict[Advised, str]] = {
    "wait": "wait for",
    "login": "log in to",
    "new-key": "store a valid API key for",
    "resume": "resume",
}


@final
class Advice(Value):
    """What makes one bucket usable; it has been tried on a copy.

    Args:
        bucket: which one.
        remedy: what to do.
        at: Unix seconds from which on it helps; None: at once.
    """

    bucket: BucketName
    remedy: Advised
    at: float | None = None

    @property
    def text(self) -> str:
        """The advice in one line, for people."""
        later = "" if self.at is None else f"; it can be used from {moment_text(self.at)} on"
        return f"{_WORDS[self.remedy]} {self.bucket}{later}"


def advise(snapshot: FailoverSnapshot, *, now: float) -> tuple[Advice, ...]:
    """What would make the profile's buckets usable, in its order; a bucket that needs nothing has no advice.

    Example: `default` is spent until 9000.0 and `claudius` has no token: wait until 9000.0 for default, and log in to
    claudius. If `claudius` is spent until 9500.0 as well, its login is advised from then on.

    Args:
        snapshot: the profile; tokens that were not read count as usable.
        now: Unix seconds.

    Raises:
        ValueError: `now` is no moment.
    """
    check_moment(now)
    advised = (_for_bucket(bucket, now=now, model=snapshot.model) for bucket in snapshot.buckets)
    return tuple(advice for advice in advised if advice is not None)


def _for_bucket(bucket: BucketSnapshot, *, now: float, model: str | None) -> Advice | None:
    remedy = find(bucket, now=now, model=model).remedy
    end = max((limit.until for limit in bucket.limits if counts_for(limit, model)), default=now)
    if remedy == "wait":
        # A limit speaks first, and may hide that there is nothing to call with either.
        behind = find(bucket, now=end, model=model).remedy
        remedy = "wait" if behind == "nothing" else behind
    advised = _ADVISED.get(remedy)
    if advised is None:
        return None
    healed = _healed(bucket, advised, now=now)
    if _is_usable(healed, now=now, model=model):
        return Advice(bucket=bucket.name, remedy=advised)
    if _is_usable(healed, now=end, model=model):
        return Advice(bucket=bucket.name, remedy=advised, at=end)
    return None


def _healed(bucket: BucketSnapshot, remedy: Advised, *, now: float) -> BucketSnapshot:
    """The bucket after the remedy."""
    match remedy:
        case "login" | "new-key":
            token = TokenHeld(expiry=now + _PROOF_LIFETIME_SECONDS, fingerprint=_PROOF, refreshable=False)
            return bucket.evolve({"token": token, "tried": False})
        case "resume":
            return bucket.evolve({"paused": False})
        case "wait":
            return bucket
        case never:
            assert_never(never)


def _is_usable(bucket: BucketSnapshot, *, now: float, model: str | None) -> bool:
    return isinstance(classify_bucket(bucket, now=now, model=model), Success)
