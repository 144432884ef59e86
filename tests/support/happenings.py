"""What happens to a bucket, as events of one moment, and what is known of it afterwards."""

from typing import Any

from bucket_failover_core import (
    CallAnswered,
    KnownToken,
    Limit,
    Reauthenticated,
    ReauthFailed,
    SessionSnapshot,
    TokenRead,
    TokenRefreshed,
    begin_request,
)
from bucket_failover_core.request.session import AccountFacts
from tests.support.dialogue import Dialogue, answer, live, told, unread
from tests.support.worlds import NOW, limit

OLD, NEW = live("A1"), live("A2")
PAIR = unread("a", "b")


def facts(known: SessionSnapshot, place: int = 0) -> AccountFacts:
    """What is known of an account."""
    return known.accounts[place]


def token(known: SessionSnapshot, place: int = 0) -> Any:
    """What a bucket holds."""
    return known.profile.buckets[place].token


def at(event: Any, moment: float = NOW) -> Any:
    """The event, at a moment."""
    return event.model_copy(update={"at": moment})


def read(held: KnownToken, moment: float = NOW, name: str = "a") -> TokenRead:
    """The store was asked."""
    return TokenRead(bucket=name, token=held, at=moment)


def refreshed(held: KnownToken, moment: float = NOW, name: str = "a") -> TokenRefreshed:
    """A refresh has brought this."""
    return TokenRefreshed(bucket=name, token=held, at=moment)


def logged_in(held: KnownToken, moment: float = NOW, name: str = "a") -> Reauthenticated:
    """A login has brought this."""
    return Reauthenticated(bucket=name, token=held, at=moment)


def declined(moment: float = NOW, name: str = "a") -> ReauthFailed:
    """A user has said no."""
    return ReauthFailed(bucket=name, at=moment, declined=True)


def soft(until: float = 9_000.0, **facts: Any) -> Limit:
    """A belief, seen just now."""
    return limit(until, **{"strength": "advisory", "window": "week", "observed_at": NOW, **facts})


def begun(known: SessionSnapshot, draw: float = 0.5, **facts: Any) -> Dialogue:
    """A request that begins now."""
    return Dialogue(known, begin_request(known, now=NOW, draw=draw, **facts))


def refused(known: SessionSnapshot, name: str = "a", token: str = "A", moment: float = NOW - 1) -> SessionSnapshot:  # noqa: S107 - no secret
    """The session after another request was refused a token."""
    return told(
        known,
        CallAnswered(bucket=name, answer=answer("unauthenticated", at=moment), begun_at=NOW - 2, fingerprint=token),
    )
