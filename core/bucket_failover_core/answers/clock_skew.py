"""How far is the provider's clock from ours, and what does that make of its moments?

Rules: the `Date` of an answer says what the provider's clock showed, to the second, when the answer left. The
difference to ours is believed between five seconds and a day: less may be the answer's way to us, more is no clock. To
correct, the answer is read at the moment that *its* clock shows, and what was read is moved by the difference; so waits
stay as long as they are, and moments are met when the provider means them.

Road not taken: to correct only fields that hold moments. Each parser would need to know of clocks, and each caller
which of a limit's moments had been a wait.
"""

from typing import Final, Literal, final

from returns.result import Failure, Result, Success

from bucket_failover_core.facts.calls import CallFailure, Verdict
from bucket_failover_core.facts.limits import Limit
from bucket_failover_core.facts.windows import WindowReading
from bucket_failover_core.formats import parse_http_date
from bucket_failover_core.value import Value, check_moment

_SKEW_MIN_SECONDS: Final = 5.0
_SKEW_MAX_SECONDS: Final = 86_400.0
_HALF_A_SECOND: Final = 0.5
"""`Date` is cut to the second, so on average it is half a second late."""


@final
class ClockSkew(Value):
    """How many seconds the provider's clock is ahead of ours; negative: behind."""

    kind: Literal["clock-skew"] = "clock-skew"
    seconds: float


@final
class SkewUnknown(Value):
    """The answer says nothing usable of its clock. `detail` says why."""

    kind: Literal["skew-unknown"] = "skew-unknown"
    detail: str


NO_SKEW: Final = ClockSkew(seconds=0.0)


def estimate_skew(failure: CallFailure, *, now: float) -> Result[ClockSkew, SkewUnknown]:
    """How far the answer's sender's clock is from ours.

    Example: an answer that comes at 12:00:00 with `Date: Wed, 12 Aug 2026 12:01:00 GMT` is 60.5 s ahead.

    Args:
        failure: the answer, a successful one or not.
        now: Unix seconds at which it came.

    Returns:
        `Success` of `ClockSkew`, 0 s if the difference is under 5 s; `Failure` of `SkewUnknown` if there is no `Date`
        that can be read, or the difference is over a day.

    Raises:
        ValueError: `now` is no moment.
    """
    check_moment(now)
    dates = [value for name, value in failure.headers if name.lower() == "date"]
    if not dates:
        return Failure(SkewUnknown(detail="no Date header"))
    moment = parse_http_date(dates[-1], now=now)
    if moment is None:
        return Failure(SkewUnknown(detail="the Date header cannot be read"))
    seconds = moment + _HALF_A_SECOND - now
    if abs(seconds) > _SKEW_MAX_SECONDS:
        return Failure(SkewUnknown(detail=f"a difference of {seconds:.0f} s is no clock's"))
    return Success(NO_SKEW if abs(seconds) < _SKEW_MIN_SECONDS else ClockSkew(seconds=seconds))


def reading_in_our_time(reading: WindowReading, skew: ClockSkew) -> WindowReading:
    """A reading by the provider's clock, told by ours."""
    if skew.seconds == 0:
        return reading
    moments = {"resets_at": reading.resets_at, "observed_at": reading.observed_at}
    return reading.evolve({name: None if at is None else at - skew.seconds for name, at in moments.items()})


def verdict_in_our_time(verdict: Verdict, skew: ClockSkew) -> Verdict:
    """A verdict by the provider's clock, told by ours."""
    if skew.seconds == 0:
        return verdict
    not_before = verdict.retry_not_before
    return verdict.evolve(
        {
            "limits": limits_in_our_time(verdict.limits, skew),
            "retry_not_before": None if not_before is None else not_before - skew.seconds,
        }
    )


def limits_in_our_time(limits: tuple[Limit, ...], skew: ClockSkew) -> tuple[Limit, ...]:
    """Limits by the provider's clock, told by ours."""
    if skew.seconds == 0:
        return limits
    return tuple(_in_our_time(limit, skew) for limit in limits)


def _in_our_time(limit: Limit, skew: ClockSkew) -> Limit:
    observed_at = None if limit.observed_at is None else limit.observed_at - skew.seconds
    return limit.evolve({"until": limit.until - skew.seconds, "observed_at": observed_at})
