"""What becomes of the issuer's answer to a refresh token?

Rules:

* What was issued is stored before anything else. A logout in the middle is not undone, and a login in the middle wins.
* A refusal counts only if what is stored is still what was presented; else the loser adopts the winner's token.
* One whose answer was not heard leaves its mark, for the process that comes next. A mark of a later lease is left to
  its holder.

Intuition: the answer is about what was presented; what is stored may be something else by now.

Road not taken: to store whatever was issued. A user who has logged out in the meantime would be logged in again.

Source: RFC 6749, 6; RFC 9700, 4.14.2 (refresh token rotation and the detection of reuse).
"""

from typing import Annotated, Literal, assert_never, final

from pydantic import Field
from returns.result import Failure, Result, Success

from bucket_failover_core.facts.tokens import TokenHeld, is_expired
from bucket_failover_core.oauth.refresh import RefreshMark, StoredLogin, is_good
from bucket_failover_core.value import Value, check_moment


@final
class TokensIssued(Value):
    """The issuer has answered with a token.

    Args:
        token: what it is.
        refresh_fingerprint: of the new refresh token; empty: none was sent, so the old one stays (RFC 6749, 6).
    """

    kind: Literal["tokens-issued"] = "tokens-issued"
    token: TokenHeld
    refresh_fingerprint: str = ""


@final
class GrantRefused(Value):
    """The issuer has refused the refresh token for good (`invalid_grant` and its kin)."""

    kind: Literal["grant-refused"] = "grant-refused"


@final
class NothingIssued(Value):
    """There is no token, and no refusal of the refresh token either.

    Args:
        is_known: the issuer has not used the refresh token up: nothing was sent, or its answer says so. False: the
            answer was not heard.
        retry_at: Unix seconds before which the issuer wants not to be asked again (`Retry-After`); None: not said.
    """

    kind: Literal["nothing-issued"] = "nothing-issued"
    is_known: bool
    retry_at: float | None = None


IssuerAnswer = Annotated[TokensIssued | GrantRefused | NothingIssued, Field(discriminator="kind")]
"""What came of presenting a refresh token."""


@final
class StoreIssued(Value):
    """Store what was issued, whole, and clear the mark with the same write; only then hand it to a caller.

    The second reading and this write are one transaction, else a logout in between is undone.

    Args:
        keeps_refresh_token: none was sent: the stored one stays.
        is_progress: it is live, and another access token or one that ends later; if not, no caller asks again at once.
    """

    kind: Literal["store-issued"] = "store-issued"
    keeps_refresh_token: bool
    is_progress: bool


@final
class AdoptInstead(Value):
    """Use what is stored, or refresh that: a login or a renewal has replaced it. What was issued to us is dropped."""

    kind: Literal["adopt-instead"] = "adopt-instead"


@final
class NotRefreshed(Value):
    """The refresh has brought nothing.

    Args:
        why: `refused`: the issuer takes this refresh token no more; `logged-out`: a user has logged out meanwhile,
            and what was issued is dropped; `unheard`: the answer was not heard; `not-issued`: the issuer had none,
            and the refresh token is unused.
        clears_mark: whether to clear the mark; else it stays, for the next refresh to see.
        leaves: the mark to leave instead: this refresh token is refused for good, or its issuer is busy.
    """

    kind: Literal["not-refreshed"] = "not-refreshed"
    why: Literal["refused", "logged-out", "unheard", "not-issued"]
    clears_mark: bool
    leaves: RefreshMark | None = None

    @property
    def needs_login(self) -> bool:
        """Whether only a login brings a token."""
        return self.why in {"refused", "logged-out"}


RefreshOutcome = Annotated[StoreIssued | AdoptInstead, Field(discriminator="kind")]
"""What `decide_outcome` succeeds with."""


def decide_outcome(
    presented: StoredLogin, stored: StoredLogin, answer: IssuerAnswer, *, now: float
) -> Result[RefreshOutcome, NotRefreshed]:
    """What becomes of the issuer's answer.

    Example: `r1` was presented, the store still holds it, a token with `r2` was issued: `Success(StoreIssued(...))`. If
    the store is empty, because a user has logged out: `Failure(NotRefreshed(why="logged-out", clears_mark=True))`.

    Args:
        presented: what was stored when the refresh token was presented, our mark included.
        stored: what is stored now.
        answer: what came of it.
        now: Unix seconds.

    Returns:
        `Success` of `StoreIssued` or `AdoptInstead`; `Failure` of `NotRefreshed`.

    Raises:
        ValueError: `now` is no moment.
    """
    check_moment(now)
    clears_mark = not _is_later(stored.mark, presented.mark)
    if stored.token.kind == "absent":
        return Failure(NotRefreshed(why="logged-out", clears_mark=clears_mark))
    is_another = stored.token.kind == "held" and stored.refresh_fingerprint != presented.refresh_fingerprint
    is_renewed = answer.kind != "tokens-issued" and is_good(stored, unwanted=_fingerprint(presented), now=now)
    if is_another or is_renewed:
        return Success(AdoptInstead())
    match answer.kind:
        case "tokens-issued":
            keeps = answer.refresh_fingerprint == ""
            is_progress = _is_progress(presented, answer.token, now=now)
            return Success(StoreIssued(keeps_refresh_token=keeps, is_progress=is_progress))
        case "grant-refused":
            mark = _note(presented, now=now, is_refused=True) if clears_mark else None
            return Failure(NotRefreshed(why="refused", clears_mark=clears_mark, leaves=mark))
        case "nothing-issued" if answer.is_known:
            is_busy = clears_mark and answer.retry_at is not None and answer.retry_at > now
            mark = _note(presented, now=now, busy_until=answer.retry_at) if is_busy else None
            return Failure(NotRefreshed(why="not-issued", clears_mark=clears_mark, leaves=mark))
        case "nothing-issued":
            return Failure(NotRefreshed(why="unheard", clears_mark=False))
        case never:
            assert_never(never)


def _note(
    presented: StoredLogin, *, now: float, is_refused: bool = False, busy_until: float | None = None
) -> RefreshMark | None:
    """What is to be known of the refresh token that was presented; None: it has no name to know it by."""
    if presented.refresh_fingerprint == "":
        return None
    lease = 0 if presented.mark is None else presented.mark.lease
    return RefreshMark(
        refresh_fingerprint=presented.refresh_fingerprint,
        at=now,
        lease=lease,
        is_refused=is_refused,
        busy_until=busy_until,
    )


def _is_later(mark: RefreshMark | None, ours: RefreshMark | None) -> bool:
    """Whether a mark was left under a later lease than ours: its holder will clear it."""
    return mark is not None and mark.lease > (0 if ours is None else ours.lease)


def _fingerprint(login: StoredLogin) -> str:
    return login.token.fingerprint if isinstance(login.token, TokenHeld) else ""


def _is_progress(presented: StoredLogin, issued: TokenHeld, *, now: float) -> bool:
    """Whether what was issued is live, and another token or one that ends later."""
    if is_expired(issued.expiry, now=now, issued_at=issued.issued_at):
        return False
    ended_at = presented.token.expiry if isinstance(presented.token, TokenHeld) else None
    is_another = issued.fingerprint == "" or issued.fingerprint != _fingerprint(presented)
    if is_another or ended_at is None:
        return True
    return issued.expiry is not None and issued.expiry > ended_at
