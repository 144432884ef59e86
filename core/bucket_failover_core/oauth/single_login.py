"""Is a user asked to log in, now that it is our turn?

There is one login at a time for a bucket, over all processes. A caller that has waited for its turn asks here first.
The login that it waited for may have brought what it wants, or an answer that is just as good for it.

Rules:

* A live token that was not there when we asked is adopted: a user has logged in meanwhile.
* A login that has ended without a token since we asked has ended for us too: its answer was not there when we asked. No
  clock is compared, so two answers of one moment are two. The user is not asked the same thing twice.
* Else the user is asked.

Intuition: a user who has just said no to one window says no to the seven others that wait behind it.

Road not taken: a lock alone. Eight processes then open eight windows, politely, one after the other.
"""

from typing import Annotated, Literal, final

from pydantic import Field
from returns.result import Failure, Result, Success

from bucket_failover_core.facts.tokens import KnownToken, TokenHeld, is_expired
from bucket_failover_core.value import Value, check_moment


@final
class LoginAnswer(Value):
    """A login has ended without a token.

    Args:
        at: Unix seconds.
        declined: the user said no; False: the user has not answered, or something broke.
        detail: why, in a few words, never a secret.
        serial: tells it from any other answer; the shell draws it.
    """

    at: float
    declined: bool = False
    detail: str = ""
    serial: str = ""


@final
class LoginSnapshot(Value):
    """A login that is wanted, and what is known now that it is our turn.

    Args:
        unwanted: fingerprint of the access token that was stored when it was asked for, before the wait; empty: none.
        known: the answer that was there then.
        stored: what is stored now.
        answer: how the last login without a token has ended.
    """

    unwanted: str = ""
    known: LoginAnswer | None = None
    stored: KnownToken
    answer: LoginAnswer | None = None


@final
class AdoptLogin(Value):
    """Use the token that is stored: a user has logged in meanwhile."""

    kind: Literal["adopt-login"] = "adopt-login"


@final
class AskUser(Value):
    """Open the window, or show the code."""

    kind: Literal["ask-user"] = "ask-user"


@final
class LoginEnded(Value):
    """The login that we waited for has ended without a token, and ours with it."""

    kind: Literal["login-ended"] = "login-ended"
    answer: LoginAnswer


LoginDecision = Annotated[AdoptLogin | AskUser, Field(discriminator="kind")]
"""What `decide_login` succeeds with."""


def decide_login(snapshot: LoginSnapshot, *, now: float) -> Result[LoginDecision, LoginEnded]:
    """Whether to ask the user, now that the bucket's login lock is held.

    Example: we have waited for our turn. With an answer that was not there when we asked it is
    `Failure(LoginEnded(...))`; with a live token that was not, `Success(AdoptLogin())`; with neither,
    `Success(AskUser())`.

    Args:
        snapshot: what is wanted, and what is known.
        now: Unix seconds.

    Returns:
        `Success` of `AdoptLogin` or `AskUser`; `Failure` of `LoginEnded`.

    Raises:
        ValueError: `now` is no moment.
    """
    check_moment(now)
    stored = snapshot.stored
    if isinstance(stored, TokenHeld) and _is_news(stored, snapshot.unwanted, now=now):
        return Success(AdoptLogin())
    answer = snapshot.answer
    if answer is not None and answer != snapshot.known:
        return Failure(LoginEnded(answer=answer))
    return Success(AskUser())


def _is_news(stored: TokenHeld, unwanted: str, *, now: float) -> bool:
    """Whether the stored token is live, and was not there when the login was asked for."""
    is_live = not is_expired(stored.expiry, now=now, issued_at=stored.issued_at)
    return is_live and stored.fingerprint not in {"", unwanted}
