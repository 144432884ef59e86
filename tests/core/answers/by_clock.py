"""The single questions, asked by the provider's clock and told by ours: what `read_answer` says all at once."""

from returns.result import Result

from bucket_failover_core import CallFailure, Limit, Verdict, classify_failure, read_limits
from bucket_failover_core.answers import ClockSkew, read_windows
from bucket_failover_core.answers.clock_skew import (
    NO_SKEW,
    limits_in_our_time,
    reading_in_our_time,
    verdict_in_our_time,
)
from bucket_failover_core.facts import WindowReading
from bucket_failover_core.facts.calls import LimitsUnreadable, Unclassifiable


def verdict_told(failure: CallFailure, *, now: float, skew: ClockSkew = NO_SKEW) -> Result[Verdict, Unclassifiable]:
    """The verdict as `read_answer` makes it: read by its clock, told by ours."""
    return classify_failure(failure, now=now + skew.seconds).map(lambda verdict: verdict_in_our_time(verdict, skew))


def limits_told(
    failure: CallFailure, *, now: float, skew: ClockSkew = NO_SKEW
) -> Result[tuple[Limit, ...], LimitsUnreadable]:
    """The limits in the same way."""
    return read_limits(failure, now=now + skew.seconds).map(lambda limits: limits_in_our_time(limits, skew))


def windows_told(failure: CallFailure, *, now: float, skew: ClockSkew = NO_SKEW) -> tuple[WindowReading, ...]:
    """The open windows in the same way."""
    return tuple(reading_in_our_time(reading, skew) for reading in read_windows(failure, now=now + skew.seconds))
