"""What did an answer say: a failure's cause, limits, windows, and the provider's clock."""

from bucket_failover_core.answers.classify import classify_failure, is_success, read_limits, read_windows
from bucket_failover_core.answers.clock_skew import (
    ClockSkew,
    SkewUnknown,
    estimate_skew,
)
from bucket_failover_core.answers.read import AnswerRead, read_answer

__all__ = [
    "AnswerRead",
    "ClockSkew",
    "SkewUnknown",
    "classify_failure",
    "estimate_skew",
    "is_success",
    "read_answer",
    "read_limits",
    "read_windows",
]
