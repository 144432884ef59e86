"""What follows a failed call: wait, heal, go elsewhere, or give up."""

from bucket_failover_core.retry.budget import BudgetSpent, RetryBudget, refund_retry, retries_left, spend_retry
from bucket_failover_core.retry.decide import (
    FailOver,
    GiveUp,
    RefreshThenRetry,
    RetryAt,
    RetryDecision,
    RetryPolicy,
    RetrySnapshot,
    attempts_allowed,
    decide_retry,
)

__all__ = [
    "BudgetSpent",
    "FailOver",
    "GiveUp",
    "RefreshThenRetry",
    "RetryAt",
    "RetryBudget",
    "RetryDecision",
    "RetryPolicy",
    "RetrySnapshot",
    "attempts_allowed",
    "decide_retry",
    "refund_retry",
    "retries_left",
    "spend_retry",
]
