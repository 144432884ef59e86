"""What is believed of a bucket at a moment, and what will change that next?

Rules: a bucket's standing is the one fact that settles it (`standing`). It changes next at the earliest of: the end of
the longest limit in force; the moment at which its token is renewed ahead of its end; the end of a token that is not
renewed. A bucket that needs a user changes by nothing that a clock could tell.

Intuition: a user who looks at a table of buckets asks two things: can I use it, and if not, when.
"""

from typing import Final, Literal, assert_never, final

from bucket_failover_core.facts.limits import Limit, counts_for
from bucket_failover_core.facts.snapshots import BucketSnapshot
from bucket_failover_core.facts.tokens import TokenHeld
from bucket_failover_core.failover.findings import BucketFinding
from bucket_failover_core.failover.standing import find
from bucket_failover_core.renewal.renewal_time import NotRenewable, RenewalSnapshot, RenewAt, RenewNow, decide_renewal
from bucket_failover_core.results import either
from bucket_failover_core.value import Value, check_moment

Change = Literal["limit-ends", "token-renewal", "token-expires"]
"""What changes what is believed of a bucket."""

_WORDS: Final[dict[Change, str]] = {
    "limit-ends": "the limit ends",
    "token-renewal": "its token is to be renewed",
    "token-expires": "its token expires",
}


@final
class NextChange(Value):
    """What will change what is believed of a bucket, and when (Unix seconds)."""

    change: Change
    at: float

    @property
    def text(self) -> str:
        """The change in words, without its moment."""
        return _WORDS[self.change]


@final
class Outlook(Value):
    """What is believed of a bucket at a moment.

    Args:
        bucket: its name.
        finding: the fact that settles it.
        limits: those in force, the longest first.
        next_change: what changes it next; None: nothing that a clock could tell.
    """

    bucket: str
    finding: BucketFinding
    limits: tuple[Limit, ...] = ()
    next_change: NextChange | None = None


def foresee(bucket: BucketSnapshot, *, now: float, model: str | None = None) -> Outlook:
    """What is believed of the bucket at `now`, and what changes that next.

    Example: a bucket whose five hours are spent until 9000.0 and whose token is renewed at 2880.0 is ruled out by the
    limit, and its next change is the token's renewal.

    Args:
        bucket: the facts.
        now: Unix seconds; a moment to come shows the state as it will be believed then.
        model: the model that is asked about; None: every model's limits count.

    Raises:
        ValueError: `now` is no moment.
    """
    check_moment(now)
    in_force = [limit for limit in bucket.limits if limit.until > now and counts_for(limit, model)]
    in_force.sort(key=lambda limit: -limit.until)
    changes = [NextChange(change="limit-ends", at=limit.until) for limit in in_force[:1]]
    token = _token_changes(bucket, now=now)
    if token is not None:
        changes.append(token)
    return Outlook(
        bucket=bucket.name,
        finding=find(bucket, now=now, model=model),
        limits=tuple(in_force),
        next_change=min(changes, key=lambda change: change.at, default=None),
    )


def _token_changes(bucket: BucketSnapshot, *, now: float) -> NextChange | None:
    token = bucket.token
    if not isinstance(token, TokenHeld) or bucket.api_key or token.expiry is None or token.expiry <= now:
        return None
    renewal = either(decide_renewal(RenewalSnapshot(token=token), now=now))
    match renewal:
        case RenewAt(at=at):
            return NextChange(change="token-renewal", at=at)
        case RenewNow():
            return NextChange(change="token-renewal", at=now)
        case NotRenewable():
            return NextChange(change="token-expires", at=token.expiry)
        case never:
            assert_never(never)
