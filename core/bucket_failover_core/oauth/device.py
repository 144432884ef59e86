"""A user logs in elsewhere, with a code: is the issuer asked again whether that has happened?

Rules:

* From `expires_at` on the device code is dead, and the issuer is not asked any more.
* The first question comes one interval after the code was issued, and each other one an interval after the last.
* Each `slow_down` makes the interval five seconds longer, for good.
* An issuer that could not be reached may be the next time, and is asked more slowly.
* A clock that has stepped back leaves the last question in the future. How long ago it was is then unknown, so the
  issuer is asked at once: no wait is longer than one interval, and a client that asks too early is told to slow down.

Intuition: the issuer sets the pace, and a code that has run out is not worth a question.

Road not taken: to count an interval from `now` if the last question lies in the future. It recedes with each time that
`decide_poll` is asked, and the login with it.

Source: RFC 8628, 3.2 and 3.5.
"""

from typing import Annotated, Final, Literal, final

from pydantic import Field
from returns.result import Failure, Result, Success

from bucket_failover_core.value import Value, check_moment

_SLOW_DOWN_SECONDS: Final = 5.0
"""RFC 8628, 3.5."""


@final
class DeviceCode(Value):
    """A login elsewhere has begun. The shell holds the device code itself.

    Args:
        user_code: what the user types there; printable.
        verification_uri: where; http or https, printable.
        verification_uri_complete: the same with the code in it; empty: there is none.
        expires_at: Unix seconds at which the code ends.
        interval_seconds: how long to wait between two questions, 1 to 60.
    """

    kind: Literal["device-code"] = "device-code"
    user_code: str
    verification_uri: str
    verification_uri_complete: str = ""
    expires_at: float
    interval_seconds: float


@final
class DeviceRefused(Value):
    """A login elsewhere has not begun. `detail` says why, and shows nothing of the answer but a registered name."""

    kind: Literal["device-refused"] = "device-refused"
    detail: str


@final
class DevicePending(Value):
    """The user has not logged in yet: ask again, and if `slow_down`, less often."""

    kind: Literal["device-pending"] = "device-pending"
    slow_down: bool = False


@final
class DeviceDeclined(Value):
    """The user said no."""

    kind: Literal["device-declined"] = "device-declined"


@final
class DeviceFailed(Value):
    """The login elsewhere has come to nothing. `detail` says why, "expired" if the code has run out."""

    kind: Literal["device-failed"] = "device-failed"
    detail: str


@final
class DevicePoll(Value):
    """A login elsewhere that is waited for.

    Args:
        issued_at: Unix seconds at which the device code came.
        expires_at: Unix seconds at which it ends.
        interval_seconds: how long to wait between two questions, before any `slow_down`.
        asked_at: Unix seconds of the last question, None if there was none.
        slow_downs: how often the issuer has asked for a slower pace.
    """

    kind: Literal["device-poll"] = "device-poll"
    issued_at: float
    expires_at: float
    interval_seconds: float = Field(ge=0)
    asked_at: float | None = None
    slow_downs: int = Field(default=0, ge=0)


@final
class PollNow(Value):
    """Ask the issuer now."""

    kind: Literal["poll-now"] = "poll-now"


@final
class PollAt(Value):
    """Come back at the moment `at` (Unix seconds), which is never after the code's end. Coming early is harmless."""

    kind: Literal["poll-at"] = "poll-at"
    at: float


@final
class DeviceCodeExpired(Value):
    """The device code has run out; a login must begin anew."""

    kind: Literal["device-code-expired"] = "device-code-expired"


PollDecision = Annotated[PollNow | PollAt, Field(discriminator="kind")]
"""What `decide_poll` succeeds with."""


def decide_poll(snapshot: DevicePoll, *, now: float) -> Result[PollDecision, DeviceCodeExpired]:
    """When to ask the issuer whether the user has logged in.

    Example: issued at 100.0 with an interval of 5 s, it is `Success(PollAt(at=105.0))` before 105.0, and then
    `Success(PollNow())`. Asked at 105.0 and told to slow down, it is `Success(PollAt(at=115.0))`. From `expires_at` on
    it is `Failure(DeviceCodeExpired())`.

    Args:
        snapshot: what is known of the login.
        now: Unix seconds.

    Returns:
        `Success` of `PollNow` or `PollAt`; `Failure` of `DeviceCodeExpired`.

    Raises:
        ValueError: `now` is no moment.

    Source: RFC 8628, 3.5.
    """
    check_moment(now)
    if now >= snapshot.expires_at:
        return Failure(DeviceCodeExpired())
    began_at = snapshot.issued_at if snapshot.asked_at is None else snapshot.asked_at
    at = began_at + snapshot.interval_seconds + _SLOW_DOWN_SECONDS * snapshot.slow_downs
    is_due = at <= now or began_at > now
    return Success(PollNow() if is_due else PollAt(at=min(at, snapshot.expires_at)))


def note_poll(
    poll: DevicePoll, answer: DevicePending | DeviceDeclined | DeviceFailed | None, *, at: float
) -> Result[DevicePoll, DeviceDeclined | DeviceFailed]:
    """The login after the issuer was asked whether the user has logged in.

    Example: `DevicePending(slow_down=True)` at 105.0: `Success` of the poll, asked at 105.0, with one more slow-down.

    Args:
        poll: what was known.
        answer: what came; None: the issuer could not be reached.
        at: Unix seconds at which it came.

    Returns:
        `Success` of what is known now; `Failure` of the answer that has ended the login.

    Raises:
        ValueError: `at` is no moment.
    """
    check_moment(at)
    if isinstance(answer, DeviceDeclined | DeviceFailed):
        return Failure(answer)
    slower = answer is None or answer.slow_down
    return Success(poll.evolve({"asked_at": at, "slow_downs": poll.slow_downs + slower}))
