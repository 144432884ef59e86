"""May this refresh token be presented, and what becomes of the answer?

The one protocol, whichever process runs it: lock, read again, `decide_refresh` on what was read, mark the intent, POST,
read again, `decide_outcome`, store and clear the mark in one write, release. The lock excludes other refreshes, not a
logout or a login, which is why there is a second reading.

Rules:

* Decide on what was read under the lock, never on what was held before it: a token that has changed is adopted.
* A mark names the refresh token that is about to be presented, and says so again when its first byte is about to be
  sent. A mark that is not `is_sent` was left by somebody who died before that, which is harmless. One that is was left
  by somebody who has not heard the answer: a token of single use is then not presented again, for if it was used up,
  presenting it looks like theft; a login is needed, and is said to be. One that may be used again is presented.
* What was issued is stored before anything else. A logout in the middle is not undone, and a login in the middle wins.
* A refusal counts only if what is stored is still what was presented; else the loser adopts the winner's token.
* A call that was never sent leaves no trace; one whose answer nobody has heard leaves its mark.
* A refresh that has brought no progress (a token that has ended already, or the same one without a later end) is not
  repeated at once: an issuer that does so once does so again.

Intuition: the issuer moves on with its answer, we move on with our write. Whoever dies in between must leave a note.

Road not taken: a lock around the write alone. Two processes present the same token, and the issuer revokes both.

Source: RFC 6749, 6; RFC 9700, 4.14.2 (refresh token rotation and the detection of reuse).
"""

from typing import Annotated, Final, Literal, assert_never, final

from pydantic import Field
from returns.result import Failure, Result, Success

from bucket_failover_core.tokens import KnownToken, TokenHeld, is_expired
from bucket_failover_core.value import Value, check_moment

_STALLED_SECONDS: Final = 60.0
"""Long enough not to hammer an issuer, short enough for one whose clock is a little behind."""


@final
class RefreshMark(Value):
    """Somebody is about to present this refresh token, or has.

    Args:
        refresh_fingerprint: which one.
        at: Unix seconds at which the mark was left.
        is_sent: its first byte was about to be sent; False: it was not.
    """

    refresh_fingerprint: str = Field(min_length=1)
    at: float
    is_sent: bool = False


@final
class StoredLogin(Value):
    """What the store holds for a bucket, read at one moment.

    Args:
        token: its token state.
        refresh_fingerprint: of the refresh token; empty if there is none.
        mark: the mark of a refresh that has not come to its end.
    """

    token: KnownToken
    refresh_fingerprint: str = ""
    mark: RefreshMark | None = None


@final
class RefreshSnapshot(Value):
    """A refresh that somebody wants, and what is stored now that the lock is held.

    Args:
        unwanted: fingerprint of the access token that is to be replaced: it has been refused, or has expired. Empty:
            any live token will do.
        stored: what was read under the lock.
        single_use: the issuer takes each refresh token once.
        stalled_at: Unix seconds at which the last refresh, of what is stored now, has brought no progress; None: it
            has, or nobody knows.
    """

    unwanted: str = ""
    stored: StoredLogin
    single_use: bool = True
    stalled_at: float | None = None


@final
class AdoptStored(Value):
    """Use the token that is stored: somebody else has renewed it, or it is still good. Nothing is presented."""

    kind: Literal["adopt-stored"] = "adopt-stored"


@final
class PresentRefreshToken(Value):
    """Write the mark, then present the stored refresh token; report the answer to `decide_outcome`.

    The mark must be stored before a connection is opened, and stored again, `is_sent`, before the first byte is sent.

    Args:
        mark: what to write.
        recovers: it may have been presented before.
    """

    kind: Literal["present-refresh-token"] = "present-refresh-token"
    mark: RefreshMark
    recovers: bool = False


@final
class RefreshImpossible(Value):
    """There is nothing to present.

    Args:
        why: `no-token`: nobody is logged in; `corrupt`: what is stored is no token; `outage`: the store could not
            answer; `not-refreshable`: there is no refresh token; `interrupted`: an earlier refresh was, and its outcome
            is lost; `stalled`: the last one has just brought no progress.
    """

    kind: Literal["refresh-impossible"] = "refresh-impossible"
    why: Literal["no-token", "corrupt", "outage", "not-refreshable", "interrupted", "stalled"]

    @property
    def needs_login(self) -> bool:
        """Whether only a login brings a token."""
        return self.why not in {"outage", "stalled"}


RefreshDecision = Annotated[AdoptStored | PresentRefreshToken, Field(discriminator="kind")]
"""What `decide_refresh` succeeds with."""


def decide_refresh(snapshot: RefreshSnapshot, *, now: float) -> Result[RefreshDecision, RefreshImpossible]:
    """What to do once the lock is held.

    Example: `unwanted="a1"`, and the store holds `a2`, live: `Success(AdoptStored())`. It still holds `a1`, with the
    refresh token `r1` and no mark: `Success(PresentRefreshToken(mark=RefreshMark(refresh_fingerprint="r1", at=now)))`.

    Args:
        snapshot: what is wanted, and what is stored.
        now: Unix seconds.

    Returns:
        `Success` of `AdoptStored` or `PresentRefreshToken`; `Failure` of `RefreshImpossible`.

    Raises:
        ValueError: `now` is no moment.
    """
    check_moment(now)
    stored = snapshot.stored
    if stored.token.kind != "held":
        return Failure(RefreshImpossible(why="no-token" if stored.token.kind == "absent" else stored.token.kind))
    if _is_good(stored, unwanted=snapshot.unwanted, now=now):
        return Success(AdoptStored())
    if stored.refresh_fingerprint == "":
        return Failure(RefreshImpossible(why="not-refreshable"))
    is_unheard = _is_unheard(stored)
    if is_unheard and snapshot.single_use:
        return Failure(RefreshImpossible(why="interrupted"))
    if snapshot.stalled_at is not None and snapshot.stalled_at <= now < snapshot.stalled_at + _STALLED_SECONDS:
        return Failure(RefreshImpossible(why="stalled"))
    mark = RefreshMark(refresh_fingerprint=stored.refresh_fingerprint, at=now, is_sent=is_unheard)
    return Success(PresentRefreshToken(mark=mark, recovers=is_unheard))


def token_worth(stored: StoredLogin, *, single_use: bool = True) -> KnownToken:
    """What the stored token is worth to whoever only looks: one whose refresh was interrupted cannot be refreshed.

    Args:
        stored: what the store holds.
        single_use: the issuer takes each refresh token once.
    """
    if isinstance(stored.token, TokenHeld) and single_use and _is_unheard(stored):
        return stored.token.evolve({"refreshable": False})
    return stored.token


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
        is_known: the issuer has not used the refresh token up: nothing was sent, or its answer says so. False: nobody
            has heard the answer.
    """

    kind: Literal["nothing-issued"] = "nothing-issued"
    is_known: bool


IssuerAnswer = Annotated[TokensIssued | GrantRefused | NothingIssued, Field(discriminator="kind")]
"""What came of presenting a refresh token."""


@final
class StoreIssued(Value):
    """Store what was issued, whole, and clear the mark with the same write; only then let anybody see it.

    The second reading and this write are one transaction, else a logout in between is undone.

    Args:
        keeps_refresh_token: none was sent: the stored one stays.
        is_progress: it is live, and another access token or one that ends later; if not, nobody asks again at once.
    """

    kind: Literal["store-issued"] = "store-issued"
    keeps_refresh_token: bool
    is_progress: bool


@final
class AdoptInstead(Value):
    """Use what is stored, or refresh that: somebody has logged in, or renewed it. What was issued to us is dropped."""

    kind: Literal["adopt-instead"] = "adopt-instead"


@final
class NotRefreshed(Value):
    """The refresh has brought nothing.

    Args:
        why: `refused`: the issuer takes this refresh token no more; `logged-out`: somebody has logged out meanwhile,
            and what was issued is dropped; `unheard`: nobody has heard the answer; `not-issued`: the issuer had none,
            and the refresh token is unused.
        clears_mark: whether to clear the mark; else it stays, for whoever comes next.
    """

    kind: Literal["not-refreshed"] = "not-refreshed"
    why: Literal["refused", "logged-out", "unheard", "not-issued"]
    clears_mark: bool

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
    the store is empty, because somebody has logged out: `Failure(NotRefreshed(why="logged-out", clears_mark=True))`.

    Args:
        presented: what was stored when the refresh token was presented.
        stored: what is stored now.
        answer: what came of it.
        now: Unix seconds.

    Returns:
        `Success` of `StoreIssued` or `AdoptInstead`; `Failure` of `NotRefreshed`.

    Raises:
        ValueError: `now` is no moment.
    """
    check_moment(now)
    if stored.token.kind == "absent":
        return Failure(NotRefreshed(why="logged-out", clears_mark=True))
    is_another = stored.token.kind == "held" and stored.refresh_fingerprint != presented.refresh_fingerprint
    is_renewed = answer.kind != "tokens-issued" and _is_good(stored, unwanted=_fingerprint(presented), now=now)
    if is_another or is_renewed:
        return Success(AdoptInstead())
    match answer.kind:
        case "tokens-issued":
            keeps = answer.refresh_fingerprint == ""
            is_progress = _is_progress(presented, answer.token, now=now)
            return Success(StoreIssued(keeps_refresh_token=keeps, is_progress=is_progress))
        case "grant-refused":
            return Failure(NotRefreshed(why="refused", clears_mark=True))
        case "nothing-issued" if answer.is_known:
            return Failure(NotRefreshed(why="not-issued", clears_mark=True))
        case "nothing-issued":
            return Failure(NotRefreshed(why="unheard", clears_mark=False))
        case never:
            assert_never(never)


def _is_good(stored: StoredLogin, *, unwanted: str, now: float) -> bool:
    """Whether the stored token is live, and not the one that is to be replaced."""
    token = stored.token
    if not isinstance(token, TokenHeld) or is_expired(token.expiry, now=now, issued_at=token.issued_at):
        return False
    return unwanted == "" or (token.fingerprint not in {"", unwanted})


def _is_unheard(stored: StoredLogin) -> bool:
    """Whether the stored refresh token was presented, and nobody has heard the answer."""
    mark = stored.mark
    return mark is not None and mark.is_sent and mark.refresh_fingerprint == stored.refresh_fingerprint


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
