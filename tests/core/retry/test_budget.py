"""A budget of retries that all requests of a program share."""

from math import inf, nan
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from pydantic import ValidationError
from returns.pipeline import is_successful
from returns.result import Failure, Success

from bucket_failover_core import RetryBudget
from bucket_failover_core.retry import BudgetSpent, refund_retry, retries_left, spend_retry

NOW = 1_000.0


def budget(left: float | None = None, at: float | None = NOW, **fields: Any) -> RetryBudget:
    """Of ten, with a tenth back each second and each success."""
    return RetryBudget.model_validate({"capacity": 10.0, "left": left, "at": at} | fields)


def spent(given_: RetryBudget, *, now: float = NOW) -> RetryBudget | BudgetSpent:
    """What is left after one more retry, or why there is none."""
    answer = spend_retry(given_, now=now)
    return answer.unwrap() if is_successful(answer) else answer.failure()


@pytest.mark.parametrize(
    "fields",
    [
        {"capacity": 0.9},
        {"left": -0.1},
        {"left": 10.1},
        {"refill_per_second": -0.1},
        {"refund": -0.1},
        {"refund": 1.1},
        {"at": inf},
        {"left": nan},
    ],
)
def test_what_is_no_budget(fields: dict[str, Any]) -> None:
    """A retry costs one, so less than one can never be spent; and no more is left than fits."""
    with pytest.raises(ValidationError, match=next(iter(fields))):
        budget(**fields)


def test_the_defaults() -> None:
    """A hundred retries; a tenth of one back with each second and each success."""
    told = RetryBudget()
    assert (told.capacity, told.left, told.at, told.refill_per_second, told.refund) == (100.0, None, None, 0.1, 0.1)
    assert budget(left=10.0).left == 10.0
    assert budget(capacity=1.0, left=0.0, refill_per_second=0.0, refund=1.0).capacity == 1.0
    with pytest.raises(ValidationError, match=r"left: 2\.0 is over capacity=1\.0"):
        budget(capacity=1.0, left=2.0)


@pytest.mark.parametrize(
    ("before", "now", "left"),
    [
        (budget(None), NOW, 9.0),
        (budget(None, None), NOW, 9.0),
        (budget(10.0), NOW, 9.0),
        (budget(1.5), NOW, 0.5),
        (budget(1.0), NOW, 0.0),
        (budget(0.0), NOW + 10, 0.0),
        (budget(0.5), NOW + 10, 0.5),
        (budget(0.5), NOW + 9_000, 9.0),
        (budget(9.5), NOW + 9_000, 9.0),
        (budget(2.0), NOW - 500, 1.0),
        (budget(2.0, None), NOW + 9_000, 1.0),
        (budget(0.5, refill_per_second=2.0), NOW + 1, 1.5),
        (budget(3.0, refill_per_second=0.0), NOW + 9_000, 2.0),
    ],
)
def test_a_retry_takes_one(before: RetryBudget, now: float, left: float) -> None:
    """Of what is left, with what has come back in the meantime, up to the capacity; a clock may step back."""
    after = spent(before, now=now)
    assert isinstance(after, RetryBudget)
    assert after.left == pytest.approx(left, abs=1e-9)
    at = now if before.at is None else max(now, before.at)
    assert after == before.model_copy(update={"left": after.left, "at": at})


@pytest.mark.parametrize(
    ("before", "now", "until"),
    [
        (budget(0.5), NOW, NOW + 5),
        (budget(0.0), NOW, NOW + 10),
        (budget(0.9375), NOW, NOW + 0.625),
        (budget(0.0), NOW + 5, NOW + 10),
        (budget(0.0), NOW - 500, NOW - 490),
        (budget(0.0, None), NOW, NOW + 10),
        (budget(0.5, refill_per_second=2.0), NOW, NOW + 0.25),
        (budget(0.5, refill_per_second=0.0), NOW, None),
    ],
)
def test_less_than_one_is_none(before: RetryBudget, now: float, until: float | None) -> None:
    """It is told when there will be one; without a refill only a success brings it."""
    answer = spent(before, now=now)
    assert isinstance(answer, BudgetSpent)
    assert answer.until == pytest.approx(until)


@pytest.mark.parametrize(
    ("before", "now", "left"),
    [
        (budget(5.0), NOW, 5.1),
        (budget(5.0), NOW + 10, 6.1),
        (budget(5.0), NOW - 10, 5.1),
        (budget(0.0), NOW, 0.1),
        (budget(9.95), NOW, 10.0),
        (budget(9.0), NOW + 9_000, 10.0),
        (budget(5.0, refund=0.0), NOW, 5.0),
        (budget(5.0, refund=1.0), NOW, 6.0),
        (budget(5.0, None), NOW + 10, 5.1),
    ],
)
def test_a_success_gives_a_tenth_back(before: RetryBudget, now: float, left: float) -> None:
    """Beside what time has brought, up to the capacity."""
    after = refund_retry(before, now=now)
    assert after.left == pytest.approx(left, abs=1e-9)
    at = now if before.at is None else max(now, before.at)
    assert after == before.model_copy(update={"left": after.left, "at": at})


@pytest.mark.parametrize("full", [budget(None), budget(None, None), budget(10.0)])
def test_a_full_budget_is_the_same_object(full: RetryBudget) -> None:
    """A success of a program without trouble costs nothing."""
    assert refund_retry(full, now=NOW + 5) is full


@pytest.mark.parametrize("now", [nan, inf, -inf])
def test_a_moment_is_a_number(now: float) -> None:
    """As everywhere."""
    with pytest.raises(ValueError, match=r"^now: "):
        spend_retry(budget(), now=now)
    with pytest.raises(ValueError, match=r"^now: "):
        refund_retry(budget(), now=now)


def test_a_burst_of_trouble_is_told_as_it_is() -> None:
    """A hundred retries; then one more each ten seconds, or after ten successes."""
    held, now = RetryBudget(), NOW
    for _ in range(100):
        held = spend_retry(held, now=now).unwrap()
    assert spend_retry(held, now=now) == Failure(BudgetSpent(until=now + 10.0))
    later = spend_retry(held, now=now + 10.0)
    assert is_successful(later)
    for _ in range(9):
        held = refund_retry(held, now=now)
    assert not is_successful(spend_retry(held, now=now))


def test_ten_successes_bring_a_retry() -> None:
    """Ten tenths are one, though as floats they sum up to a little less."""
    held = budget(0.0)
    for _ in range(10):
        held = refund_retry(held, now=NOW)
    assert is_successful(spend_retry(held, now=NOW))


@given(
    left=st.floats(0, 10),
    refill=st.floats(0.01, 5),
    now=st.floats(0, 2e9),
)
def test_the_moment_that_is_told_is_kept(left: float, refill: float, now: float) -> None:
    """A millisecond after `until` there is a retry; a hundredth of the wait before it, there was none."""
    held = budget(left, now, refill_per_second=refill)
    answer = spend_retry(held, now=now)
    if isinstance(answer, Success):
        assert left >= 1
        return
    until = answer.failure().until
    assert until is not None
    assert is_successful(spend_retry(held, now=until + 1e-3))
    if until - now > 1:
        assert not is_successful(spend_retry(held, now=until - (until - now) / 100))


class BudgetInUse(RuleBasedStateMachine):
    """Retries, successes, and a clock that does what clocks do."""

    def __init__(self) -> None:
        super().__init__()
        self.held = budget()
        self.now = NOW
        self.most = 10.0
        """No more than this can have been left: what was there, and all that may have come back since."""

    @rule(seconds=st.floats(-100, 100))
    def time_passes(self, seconds: float) -> None:
        """Also backwards."""
        self.now += seconds
        self.most = min(10.0, self.most + 0.1 * max(0.0, seconds))

    @rule()
    def a_retry_is_wanted(self) -> None:
        """It costs exactly one, or nothing."""
        answer = spend_retry(self.held, now=self.now)
        if isinstance(answer, Success):
            self.held = answer.unwrap()
            self.most -= 1
            assert self.most > -1e-6
        else:
            until = answer.failure().until
            assert until is not None
            assert self.now <= until <= self.now + 10

    @rule()
    def a_call_succeeds(self) -> None:
        """It never makes the budget poorer."""
        before = self.held.left if self.held.left is not None else 10.0
        self.held = refund_retry(self.held, now=self.now)
        after = self.held.left if self.held.left is not None else 10.0
        assert after >= before
        self.most = min(10.0, self.most + 0.1)

    @precondition(lambda self: self.held.left is not None)
    @invariant()
    def it_stays_within_its_bounds(self) -> None:
        """Never negative, never over the capacity, never more than can have come back; and it survives JSON."""
        assert self.held.left is not None
        assert 0 <= self.held.left <= min(10.0, self.most + 1e-6)
        assert RetryBudget.model_validate_json(self.held.model_dump_json()) == self.held


BudgetInUse.TestCase.settings = settings(max_examples=40, stateful_step_count=20)
TestBudgetInUse = BudgetInUse.TestCase


def test_a_clock_that_steps_back_and_forth_brings_nothing() -> None:
    """The time in between has not passed."""
    back = refund_retry(budget(0.0), now=NOW - 1_000.0)
    assert retries_left(back, now=NOW) == pytest.approx(0.1)
