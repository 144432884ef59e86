"""What is known of one bucket: usable, one step away from usable, or ruled out, and by which fact?

Rules, in this order (the second pass of a failover, and every choice of a bucket):

1. A login was asked for and the token is still unusable: `reauth-failed`, whatever befalls it later.
2. Already tried in this request, and not renewed since, or out of calls for it: the reason of its newest problem that
   has one; else `quota-exhausted` if a limit is in force; else its token's reason; else `skipped` (REQ-1598-CL05).
3. Paused: `skipped`.
4. A limit in force: `quota-exhausted`.
5. Its token decides: unread is to be read; absent, corrupt or an outage is `no-token` (REQ-1598-CL03, REQ-1598-CL04);
   expired or refused is to be refreshed, once, or `expired-refresh-failed` (REQ-1598-FL17); else it is usable.

Intuition: the rules go from what has been proven in this request to what is merely believed. What was tried comes
before what is believed, so no belief sends a request back to a bucket that has just failed it.

Road not taken: to look at the token first and at limits last. It reads, and may refresh, tokens of buckets that cannot
be used anyway, and spends single-use refresh tokens for nothing.
"""

from typing import Annotated, Final, Literal, final

from pydantic import Field
from returns.result import Failure, Result, Success

from bucket_failover_core.facts.causes import is_refusal, is_spent
from bucket_failover_core.facts.limits import Limit, limit_in_force
from bucket_failover_core.facts.reasons import BucketFailureReason
from bucket_failover_core.facts.snapshots import BucketSnapshot
from bucket_failover_core.facts.tokens import TokenCorrupt, TokenHeld, TokenOutage, is_expired
from bucket_failover_core.failover.decisions import Via
from bucket_failover_core.failover.findings import BucketFinding, Fact, found
from bucket_failover_core.failover.refusal import is_refused
from bucket_failover_core.value import Value, check_moment

OPEN_FACTS: Final[frozenset[Fact]] = frozenset({"usable", "not-read", "refreshable"})
"""Nothing rules the bucket out: it is usable, or one step away from it."""


@final
class Usable(Value):
    """The bucket can be used now; `via` says what made it so."""

    kind: Literal["usable"] = "usable"
    bucket: str
    via: Via = "token"


@final
class NeedsRead(Value):
    """Nothing rules the bucket out; its token has not been read."""

    kind: Literal["needs-read"] = "needs-read"
    bucket: str


@final
class NeedsRefresh(Value):
    """The bucket's token has expired or was refused, and one refresh may heal it."""

    kind: Literal["needs-refresh"] = "needs-refresh"
    bucket: str


@final
class BucketUnavailable(Value):
    """The bucket is ruled out.

    Args:
        bucket: its name.
        reason: which of the five.
        detail: the fact that settled it, in words; never a secret.
        until: Unix seconds at which it is believed to be usable again; None: unknown, or not by waiting.
    """

    kind: Literal["bucket-unavailable"] = "bucket-unavailable"
    bucket: str
    reason: BucketFailureReason
    detail: str
    until: float | None = None


BucketStanding = Annotated[Usable | NeedsRead | NeedsRefresh, Field(discriminator="kind")]
"""What `classify_bucket` succeeds with."""


def classify_bucket(
    bucket: BucketSnapshot,
    *,
    now: float,
    model: str | None = None,
) -> Result[BucketStanding, BucketUnavailable]:
    """What is known of one bucket at `now`.

    Example: a bucket whose week is spent until 9000.0 is, at 1000.0,
    `Failure(BucketUnavailable(reason="quota-exhausted", until=9000.0, ...))`, and `Success(NeedsRead(...))` at 9000.0.

    Args:
        bucket: the facts.
        now: Unix seconds.
        model: the model that the request is for; None: unknown, so every model's limits count.

    Returns:
        `Success` of `Usable`, `NeedsRead` or `NeedsRefresh`; `Failure` of `BucketUnavailable`.

    Raises:
        ValueError: `now` is no moment.
    """
    check_moment(now)
    finding = find(bucket, now=now, model=model)
    if finding.fact == "usable":
        return Success(Usable(bucket=bucket.name, via=bucket.renewed_by or "token"))
    if finding.fact == "not-read":
        return Success(NeedsRead(bucket=bucket.name))
    if finding.fact == "refreshable":
        return Success(NeedsRefresh(bucket=bucket.name))
    assert finding.reason is not None, finding.fact
    return Failure(
        BucketUnavailable(bucket=bucket.name, reason=finding.reason, detail=finding.text, until=finding.until)
    )


def find(
    bucket: BucketSnapshot,
    *,
    now: float,
    model: str | None = None,
    refused: str = "",
    shared: tuple[Limit, ...] = (),
) -> BucketFinding:
    """The fact that settles what the bucket is good for; the rules stand at the top of this module.

    Args:
        bucket: the facts.
        now: Unix seconds.
        model: the model that the request is for, None if unknown.
        refused: the fingerprint that the standing trigger refused, or empty.
        shared: limits of its quota domain that are not yet among its own.
    """
    held = token_fact(bucket, now=now, refused=refused)
    if held == "login-failed":
        return settle(bucket, held)
    limits = bucket.limits + shared if shared else bucket.limits
    limit = limit_in_force(limits, now=now, model=model) if limits else None
    if bucket.calls_spent or (bucket.tried and bucket.renewed_by is None):
        unhealed = token_fact(bucket, now=now, refused=refused, may_refresh=False)
        return _find_tried(bucket, held, unhealed, limit)
    if bucket.paused:
        return found(bucket=bucket.name, fact="paused")
    if limit is not None:
        return spent(bucket, "benched" if limit.source == "operator" else "limit-in-force", held, limit)
    return settle(bucket, held)


def _find_tried(bucket: BucketSnapshot, held: Fact, unhealed: Fact, limit: Limit | None) -> BucketFinding:
    """What a bucket is reported as whose call has failed in this request, and that nothing has renewed since.

    `held` is what its token says for the next request, `unhealed` what it says for this one, which refreshes no
    bucket that it has tried.
    """
    unusable = unhealed not in OPEN_FACTS
    for problem in reversed(bucket.problems):
        if is_spent(problem.cause):
            return spent(bucket, "call-refused-for-quota", held, limit, detail=problem.detail)
        if unusable and is_refusal(problem.cause):
            return settle(bucket, unhealed)
    if limit is not None:
        return spent(bucket, "benched" if limit.source == "operator" else "limit-in-force", held, limit)
    if unusable:
        return settle(bucket, unhealed)
    return found(bucket=bucket.name, fact="already-tried", detail=newest_detail(bucket))


def token_fact(
    bucket: BucketSnapshot,
    *,
    now: float,
    refused: str = "",
    refused_unknown: bool = False,
    may_refresh: bool = True,
) -> Fact:
    """What the bucket's token alone says.

    Example: a token that expired a second ago is `refreshable`; with its refresh spent it is `token-expired`.

    Args:
        bucket: the facts.
        now: Unix seconds.
        refused: the fingerprint that the standing trigger refused, or empty.
        refused_unknown: a token without a fingerprint, not renewed since, counts as refused.
        may_refresh: whether a refresh that is unspent may still be tried.
    """
    token = bucket.token
    if bucket.account_disabled:
        return "account-disabled"
    if type(token) is TokenHeld:
        expired = is_expired(token.expiry, now=now, api_key=bucket.api_key, issued_at=token.issued_at)
        unproven = refused_unknown and token.fingerprint == "" and bucket.renewed_by is None
        if not expired and not unproven and not is_refused(bucket, token, refused):
            return "usable"
        return _unusable_fact(bucket, token, expired=expired, may_refresh=may_refresh, now=now)
    if token.kind == "unread":
        return "not-read"
    if bucket.reauth_spent and not bucket.api_key:
        return "login-failed"
    if token.kind == "outage":
        return "store-outage"
    if bucket.api_key:
        return "key-missing"
    return "token-absent" if token.kind == "absent" else "token-corrupt"


def _unusable_fact(bucket: BucketSnapshot, token: TokenHeld, *, expired: bool, may_refresh: bool, now: float) -> Fact:
    """What a token says that has ended or was refused: what heals it, or why nothing does in this request."""
    if bucket.api_key:
        return "key-refused"
    if bucket.reauth_spent:
        return "login-failed"
    if token.refreshable and bucket.issuer_busy_until is not None and now < bucket.issuer_busy_until:
        return "issuer-busy"
    if may_refresh and token.refreshable and not bucket.refresh_spent:
        return "refreshable"
    return "token-expired" if expired else "token-refused"


def settle(bucket: BucketSnapshot, fact: Fact) -> BucketFinding:
    """The finding for a fact about the bucket's token, with what is known of it."""
    if fact in OPEN_FACTS:
        return found(bucket=bucket.name, fact=fact)
    token = bucket.token
    if fact == "issuer-busy":
        return found(bucket=bucket.name, fact=fact, until=None if bucket.paused else bucket.issuer_busy_until)
    if (type(token) is TokenCorrupt or type(token) is TokenOutage) and fact != "login-failed":
        return found(bucket=bucket.name, fact=fact, detail=token.detail)
    return found(bucket=bucket.name, fact=fact, detail=newest_detail(bucket))


def spent(bucket: BucketSnapshot, fact: Fact, held: Fact, limit: Limit | None, *, detail: str = "") -> BucketFinding:
    """The finding for a bucket whose quota is used up.

    Its `until` is the end of the limit, if the bucket is believed to be usable then: not paused, and with a token that
    is usable or can be made so by one refresh.

    Args:
        bucket: the facts.
        fact: how we know.
        held: what its token alone says.
        limit: the limit that benches it the longest, if any.
        detail: what the failed call said.
    """
    if limit is None:
        return found(bucket=bucket.name, fact=fact, detail=detail)
    until = limit.until if held in OPEN_FACTS and not bucket.paused else None
    return found(bucket=bucket.name, fact=fact, detail=limit.detail or limit.window, until=until)


def quota_problem(bucket: BucketSnapshot) -> str | None:
    """What was last said when a call with the bucket was refused for its quota in this request; None: none was."""
    return next((problem.detail for problem in reversed(bucket.problems) if is_spent(problem.cause)), None)


def newest_detail(bucket: BucketSnapshot) -> str:
    """What was last said about something going wrong with the bucket; empty if nothing was."""
    return next((problem.detail for problem in reversed(bucket.problems) if problem.detail), "")
