"""May this refresh token be presented? What becomes of the answer is `refresh_outcome`'s to say.

The one protocol, whichever process runs it: take the lease; read, `decide_refresh` and mark the intent in one
transaction; connect; read, `decide_sending` and mark once more in one; POST; read, `decide_outcome`, store and clear
the mark in one; give the lease back. The lease excludes other refreshes, not a logout or a login, which is why each
transaction reads again.

Rules:

* Decide on what was read under the lock, never on what was held before it: a token that has changed is adopted.
* A mark names the refresh token that is about to be presented, and says so again when its first byte is about to be
  sent. A mark that is not `is_sent` is of a process that died before that, which is harmless. One that is was left
  by a process that has not heard the answer: a token of single use is then not presented again, for if it was used up,
  presenting it looks like theft; a login is needed, and is said to be. One that may be used again is presented.
* A mark carries the number of the lease under which it was left, and numbers grow: a process whose lease has ended
  without its knowing (it slept, or its lock was no lock) finds a greater number, or another mark than its own, and
  sends nothing.
* A call that was never sent leaves no trace.
* A refresh token that the issuer has refused for good is not presented again, by any process that shares the store;
  nor one before the moment until which the issuer has asked to wait. Both stand in the mark, until another token does.
* A refresh that has brought no progress (a token that has ended already, or the same one without a later end) is not
  repeated at once: an issuer that does so once does so again.

Intuition: the issuer moves on with its answer, we move on with our write. A process that dies in between leaves a note.

Road not taken: a lock around the write alone. Two processes present the same token, and the issuer revokes both.

Source: RFC 6749, 6; RFC 9700, 4.14.2 (refresh token rotation and the detection of reuse).
"""

from typing import Annotated, Final, Literal, final

from pydantic import Field
from returns.result import Failure, Result, Success

from bucket_failover_core.facts.tokens import KnownToken, TokenHeld, is_expired
from bucket_failover_core.value import Value, check_moment

_STALLED_SECONDS: Final = 60.0
"""Long enough not to hammer an issuer, short enough for one whose clock is a little behind."""


@final
class RefreshMark(Value):
    """A process is about to present this refresh token, or has.

    Args:
        refresh_fingerprint: which one.
        at: Unix seconds at which the mark was left.
        is_sent: its first byte was about to be sent; False: it was not.
        lease: the number of the lease under which it was left; 0: the store's locks have no numbers.
        is_refused: the issuer has refused it for good: no process that shares the store presents it again.
        busy_until: Unix seconds until which the issuer wants not to be asked for it; None: it has not said so.
    """

    refresh_fingerprint: str = Field(min_length=1)
    at: float
    is_sent: bool = False
    lease: int = Field(default=0, ge=0)
    is_refused: bool = False
    busy_until: float | None = None


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
    """A refresh that a caller wants, and what is stored now that the lock is held.

    Args:
        unwanted: fingerprint of the access token that is to be replaced: it has been refused, or has expired. Empty:
            any live token will do.
        stored: what was read under the lock.
        single_use: the issuer takes each refresh token once.
        stalled_at: Unix seconds at which the last refresh, of what is stored now, has brought no progress; None: it
            has, or it is not known.
        lease: the number of the lease that is held; 0: the store's locks have no numbers.
    """

    unwanted: str = ""
    stored: StoredLogin
    single_use: bool = True
    stalled_at: float | None = None
    lease: int = Field(default=0, ge=0)


@final
class AdoptStored(Value):
    """Use the token that is stored: another caller has renewed it, or it is still good. Nothing is presented."""

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
        why: `no-token`: none is stored; `corrupt`: what is stored is no token; `outage`: the store could not
            answer; `not-refreshable`: there is no refresh token; `interrupted`: an earlier refresh was, and its outcome
            is lost; `stalled`: the last one has just brought no progress; `superseded`: a later lease was given
            meanwhile, and its holder refreshes; `refused`: the issuer takes this refresh token no more; `busy`: the
            issuer has asked to wait.
        until: Unix seconds until which the issuer is busy.
    """

    kind: Literal["refresh-impossible"] = "refresh-impossible"
    why: Literal[
        "no-token", "corrupt", "outage", "not-refreshable", "interrupted", "stalled", "superseded", "refused", "busy"
    ]
    until: float | None = None

    @property
    def needs_login(self) -> bool:
        """Whether only a login brings a token."""
        return self.why not in {"outage", "stalled", "superseded", "busy"}


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
    if is_good(stored, unwanted=snapshot.unwanted, now=now):
        return Success(AdoptStored())
    if stored.refresh_fingerprint == "":
        return Failure(RefreshImpossible(why="not-refreshable"))
    if stored.mark is not None and stored.mark.lease > snapshot.lease:
        return Failure(RefreshImpossible(why="superseded"))
    if is_refused_for_good(stored):
        return Failure(RefreshImpossible(why="refused"))
    busy_until = _busy_until(stored)
    if busy_until is not None and now < busy_until:
        return Failure(RefreshImpossible(why="busy", until=busy_until))
    is_unheard = _is_unheard(stored)
    if is_unheard and snapshot.single_use:
        return Failure(RefreshImpossible(why="interrupted"))
    if snapshot.stalled_at is not None and snapshot.stalled_at <= now < snapshot.stalled_at + _STALLED_SECONDS:
        return Failure(RefreshImpossible(why="stalled"))
    mark = RefreshMark(refresh_fingerprint=stored.refresh_fingerprint, at=now, is_sent=is_unheard, lease=snapshot.lease)
    return Success(PresentRefreshToken(mark=mark, recovers=is_unheard))


@final
class SendNow(Value):
    """Store this mark, then send the first byte."""

    kind: Literal["send-now"] = "send-now"
    mark: RefreshMark


@final
class SendNothing(Value):
    """Send nothing, and look again.

    Args:
        why: `superseded`: what is stored is no longer ours to refresh: another holder has left a mark, or the login was
            renewed or removed; `lease-ended`: ours has ended, and another holder may begin at any moment.
    """

    kind: Literal["send-nothing"] = "send-nothing"
    why: Literal["superseded", "lease-ended"]


def decide_sending(
    mark: RefreshMark, stored: StoredLogin, *, now: float, lease_ends_at: float | None = None
) -> Result[SendNow, SendNothing]:
    """Whether the refresh token may be sent, now that a connection is open.

    Example: `mark` is still what is stored beside its refresh token: `Success(SendNow(mark))` with `is_sent`. Another
    process has left its own mark meanwhile: `Failure(SendNothing(why="superseded"))`.

    Args:
        mark: what was stored before the connection was opened.
        stored: what is stored now.
        now: Unix seconds.
        lease_ends_at: Unix seconds at which the lease ends by itself; None: it is held until it is given back.

    Returns:
        `Success` of `SendNow`; `Failure` of `SendNothing`.

    Raises:
        ValueError: `now` is no moment.
    """
    check_moment(now)
    if stored.mark != mark or stored.refresh_fingerprint != mark.refresh_fingerprint:
        return Failure(SendNothing(why="superseded"))
    if lease_ends_at is not None and now >= lease_ends_at:
        return Failure(SendNothing(why="lease-ended"))
    return Success(SendNow(mark=mark.evolve({"is_sent": True})))


def token_worth(stored: StoredLogin, *, single_use: bool = True) -> KnownToken:
    """What the stored token is worth to a caller that looks: one whose refresh was interrupted cannot be refreshed.

    Args:
        stored: what the store holds.
        single_use: the issuer takes each refresh token once.
    """
    if isinstance(stored.token, TokenHeld) and (is_refused_for_good(stored) or (single_use and _is_unheard(stored))):
        return stored.token.evolve({"refreshable": False})
    return stored.token


def is_good(stored: StoredLogin, *, unwanted: str, now: float) -> bool:
    """Whether the stored token is live, and not the one that is to be replaced."""
    token = stored.token
    if not isinstance(token, TokenHeld) or is_expired(token.expiry, now=now, issued_at=token.issued_at):
        return False
    return unwanted == "" or (token.fingerprint not in {"", unwanted})


def _is_unheard(stored: StoredLogin) -> bool:
    """Whether the stored refresh token was presented, and no process has heard the answer."""
    mark = stored.mark
    return mark is not None and mark.is_sent and mark.refresh_fingerprint == stored.refresh_fingerprint


def is_refused_for_good(stored: StoredLogin) -> bool:
    """Whether the issuer has refused the refresh token that is stored."""
    mark = stored.mark
    return mark is not None and mark.is_refused and mark.refresh_fingerprint == stored.refresh_fingerprint


def _busy_until(stored: StoredLogin) -> float | None:
    mark = stored.mark
    return mark.busy_until if mark is not None and mark.refresh_fingerprint == stored.refresh_fingerprint else None
