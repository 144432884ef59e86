"""May this retry be made? A budget that all requests of a program share.

Rules: a retry takes one from the budget; a success gives a tenth of one back, and so does every second that passes, up
to the capacity. First attempts are always free, and so is the search for another bucket; so a spent budget means that
requests are told what the provider says, instead of joining a queue that will not be served.

Intuition: with every request retrying five times, a provider's bad minute is six times its load, and an hour of ours.

Source: the retry quota of the AWS SDKs (capacity, cost, refund), and "Addressing Cascading Failures" in Site
Reliability Engineering (2016), which caps retries at a tenth of requests.
"""

from typing import Final, Literal, Self, final

from pydantic import Field, model_validator
from returns.result import Failure, Result, Success

from bucket_failover_core.value import Value, check_moment

_DIGITS: Final = 9
"""Decimals that are kept: finer than any refund, coarser than the error of a sum of floats."""


@final
class RetryBudget(Value):
    """What is left for retries.

    Example: `RetryBudget()` has a hundred retries; after a hundred without a success in between, one more each ten s.

    Args:
        capacity: the most that can be saved up, 1 or more.
        left: what is left at `at`; None: the capacity.
        at: Unix seconds; None: since ever.
        refill_per_second: how much comes back with time, 0 or more.
        refund: how much a success gives back, 0 to 1.
    """

    capacity: float = Field(default=100.0, ge=1)
    left: float | None = Field(default=None, ge=0)
    at: float | None = None
    refill_per_second: float = Field(default=0.1, ge=0)
    refund: float = Field(default=0.1, ge=0, le=1)

    @model_validator(mode="after")
    def _no_more_is_left_than_fits(self) -> Self:
        if self.left is not None and self.left > self.capacity:
            message = f"left: {self.left} is over capacity={self.capacity}"
            raise ValueError(message)
        return self


@final
class BudgetSpent(Value):
    """No retry is left; `until` is when there will be one again (Unix seconds), None if only a success brings it."""

    kind: Literal["budget-spent"] = "budget-spent"
    until: float | None


def spend_retry(budget: RetryBudget, *, now: float) -> Result[RetryBudget, BudgetSpent]:
    """The budget after one more retry.

    Example: of 1.5 left, 0.5 are left. Of 0.5 left at 1000.0, with a tenth a second, `until` is 1005.0.

    Args:
        budget: what is left.
        now: Unix seconds. A clock that steps back refills nothing.

    Returns:
        `Success` of `RetryBudget`; `Failure` of `BudgetSpent`.

    Raises:
        ValueError: `now` is no moment.
    """
    check_moment(now)
    left = retries_left(budget, now=now)
    if left >= 1:
        return Success(budget.evolve({"left": left - 1, "at": _latest(budget, now)}))
    rate = budget.refill_per_second
    return Failure(BudgetSpent(until=now + (1 - left) / rate if rate > 0 else None))


def refund_retry(budget: RetryBudget, *, now: float) -> RetryBudget:
    """The budget after a call has succeeded. The same object if it is full.

    Raises:
        ValueError: `now` is no moment.
    """
    check_moment(now)
    if budget.left is None or budget.left >= budget.capacity:
        return budget
    return budget.evolve(
        {"left": min(budget.capacity, retries_left(budget, now=now) + budget.refund), "at": _latest(budget, now)}
    )


def retries_left(budget: RetryBudget, *, now: float) -> float:
    """How much is left at `now` (Unix seconds): a retry costs 1."""
    if budget.left is None:
        return budget.capacity
    passed = max(0.0, now - budget.at) if budget.at is not None else 0.0
    # Rounded, so that ten tenths are one.
    return round(min(budget.capacity, budget.left + passed * budget.refill_per_second), _DIGITS)


def _latest(budget: RetryBudget, now: float) -> float:
    """A clock that has stepped back refills nothing, now or when it is back."""
    return now if budget.at is None else max(now, budget.at)
