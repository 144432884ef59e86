"""When is a token to be renewed, ahead of its end?

Rules (REQ-1598-PR01): at 80 % of its lifetime, which is `expiry - issued_at`, or the remaining time if the moment of
issue is unknown; only if it can be refreshed and lives longer than five minutes. A failed renewal is tried again after
a backoff; after three in a row it stops until a refresh has succeeded by other means (REQ-1598-PR05). Quota has no say
in it: a spent account's login must stay alive too.

Intuition: the last fifth of a life is the time in which a failed renewal can be repeated before a call needs it.

Road not taken: a fixed margin before the end ("five minutes before"). It is too late for a token of a month, whose
issuer may be down for an hour, and renews a token of ten minutes at its half.
"""

from typing import Annotated, Final, Literal, final

from pydantic import Field
from returns.result import Failure, Result, Success

from bucket_failover_core.backoff import backoff_seconds
from bucket_failover_core.facts.tokens import TokenHeld, TokenState
from bucket_failover_core.value import Value, check_draw, check_moment

_RENEW_AT_FRACTION: Final = 0.8
"""REQ-1598-PR01; the intuition above says what the rest is for."""
_SHORTEST_LIFETIME_SECONDS: Final = 300.0
"""A token that lives no longer than this is refreshed when it is needed."""
_FAILURES_IN_A_ROW_MAX: Final = 3
"""REQ-1598-PR05."""

_BACKOFF_MIN_SECONDS: Final = 30.0
_BACKOFF_MAX_SECONDS: Final = 300.0
_JITTER: Final = 0.3
"""Slower than the retries of calls: no caller waits for a renewal, and the issuer may be down for minutes."""


@final
class RenewalSnapshot(Value):
    """What is known of a token's renewal.

    Args:
        token: the token that is held now.
        failures: renewals of it that failed in a row; a new token starts at 0.
        failed_at: Unix seconds of the last of them, None if there is none, or it is unknown.
    """

    token: TokenState
    failures: int = Field(default=0, ge=0)
    failed_at: float | None = None


@final
class RenewNow(Value):
    """Refresh the token now."""

    kind: Literal["renew-now"] = "renew-now"


@final
class RenewAt(Value):
    """Ask again at the moment `at` (Unix seconds). Asking early is harmless."""

    kind: Literal["renew-at"] = "renew-at"
    at: float


@final
class NotRenewable(Value):
    """The token is not renewed ahead of its end.

    Args:
        why: `no-token`: none is held; `not-refreshable`; `no-expiry`: its end is unknown; `short-lived`: it
            lives five minutes at most; `failing`: three renewals in a row have failed.
    """

    kind: Literal["not-renewable"] = "not-renewable"
    why: Literal["no-token", "not-refreshable", "no-expiry", "short-lived", "failing"]


RenewalDecision = Annotated[RenewNow | RenewAt, Field(discriminator="kind")]
"""What `decide_renewal` succeeds with."""


def decide_renewal(
    snapshot: RenewalSnapshot,
    *,
    now: float,
    draw: float = 0.5,
) -> Result[RenewalDecision, NotRenewable]:
    """When to renew a token.

    Example: issued at 0.0 and ending at 3600.0, it is `Success(RenewAt(at=2880.0))` before 2880.0 and
    `Success(RenewNow())` from then on.

    Args:
        snapshot: what is known of it.
        now: Unix seconds.
        draw: spreads the wait after a failure, in [0, 1); the renewal itself is not spread.

    Returns:
        `Success` of `RenewNow` or `RenewAt`; `Failure` of `NotRenewable`.

    Raises:
        ValueError: `now` is no moment, or `draw` is not in [0, 1).
    """
    check_moment(now)
    check_draw(draw)
    token = snapshot.token
    if type(token) is not TokenHeld:
        return Failure(NotRenewable(why="no-token"))
    if not token.refreshable:
        return Failure(NotRenewable(why="not-refreshable"))
    if token.expiry is None:
        return Failure(NotRenewable(why="no-expiry"))
    began_at = now if token.issued_at is None else token.issued_at
    lifetime = token.expiry - began_at
    if lifetime <= _SHORTEST_LIFETIME_SECONDS:
        return Failure(NotRenewable(why="short-lived"))
    if snapshot.failures >= _FAILURES_IN_A_ROW_MAX:
        return Failure(NotRenewable(why="failing"))
    at = max(began_at + _RENEW_AT_FRACTION * lifetime, _after_failure(snapshot, now=now, draw=draw))
    return Success(RenewNow() if at <= now else RenewAt(at=at))


def _after_failure(snapshot: RenewalSnapshot, *, now: float, draw: float) -> float:
    """The moment before which a failed renewal is not repeated; `now` if there is no such moment."""
    if snapshot.failures == 0 or snapshot.failed_at is None:
        return now
    delay = backoff_seconds(
        snapshot.failures,
        minimum=_BACKOFF_MIN_SECONDS,
        maximum=_BACKOFF_MAX_SECONDS,
        jitter=_JITTER,
        draw=draw,
    )
    # A clock that was set back must not make the failure lie in the future.
    return min(snapshot.failed_at, now) + delay
