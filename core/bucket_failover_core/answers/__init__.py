"""What did an answer say: a failure's cause, limits, windows, and the provider's clock."""

from bucket_failover_core.answers.classify import classify_failure, is_success, read_limits, read_windows
from bucket_failover_core.answers.clock_skew import (
    ClockSkew,
    SkewUnknown,
    classify_by_its_clock,
    estimate_skew,
    read_limits_by_its_clock,
    read_windows_by_its_clock,
)
from bucket_failover_core.answers.read import AnswerRead, read_answer

__all__ = [
    "AnswerRead",
    "ClockSkew",
    "SkewUnknown",
    "classify_by_its_clock",
    "classify_failure",
    "estimate_skew",
    "is_success",
    "read_answer",
    "read_limits",
    "read_limits_by_its_clock",
    "read_windows",
    "read_windows_by_its_clock",
]
