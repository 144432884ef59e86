"""decide_retry: a table per rule."""

from typing import Any

import pytest
from returns.methods import unwrap_or_failure

from bucket_failover_core import (
    Cause,
    FailOver,
    GiveUp,
    Limit,
    RefreshThenRetry,
    RetryAt,
    RetryDecision,
    RetryPolicy,
    RetrySnapshot,
    Verdict,
    decide_retry,
)
from bucket_failover_core.backoff import backoff_seconds
from bucket_failover_core.retry import attempts_allowed

NOW = 1_000.0
RETRY = RetryAt(at=NOW + 5.0)
LEFT = FailOver()
HEAL = RefreshThenRetry()


def decide(
    cause: Cause,
    failures: int = 1,
    *,
    hint: float | None = None,
    draw: float = 0.5,
    limits: tuple[Limit, ...] = (),
    **fields: Any,
) -> RetryDecision | GiveUp:
    """The decision for three buckets after so many failures here; `hint` in seconds from now."""
    snapshot = RetrySnapshot.model_validate(
        {"bucket_count": 3, "attempts_made": failures, "failures_here": failures} | fields
    )
    verdict = Verdict(cause=cause, limits=limits, retry_not_before=None if hint is None else NOW + hint)
    return unwrap_or_failure(decide_retry(snapshot, verdict, now=NOW, draw=draw))


@pytest.mark.requirement("REQ-1598-SM07")
@pytest.mark.parametrize(
    ("cause", "decisions"),
    [
        (Cause.QUOTA, (LEFT, LEFT, LEFT)),
        (Cause.THROTTLED, (RETRY, LEFT, LEFT)),
        (Cause.UNAUTHENTICATED, (HEAL, HEAL, LEFT)),
        (Cause.FORBIDDEN, (HEAL, HEAL, LEFT)),
        (Cause.OVERLOADED, (RETRY, FailOver(not_before=NOW + 5.0), FailOver(not_before=NOW + 5.0))),
        (Cause.SERVER_ERROR, (RETRY, LEFT, LEFT)),
        (Cause.NETWORK, (RETRY, LEFT, LEFT)),
        (Cause.TIMEOUT, (RETRY, LEFT, LEFT)),
    ],
)
def test_with_several_buckets_each_cause_has_its_way(cause: Cause, decisions: tuple[RetryDecision, ...]) -> None:
    """After the first, second and third failure here, of whatever kind the earlier ones were (lesson 23)."""
    assert tuple(decide(cause, failures) for failures in (1, 2, 3)) == decisions


def test_two_buckets_are_several() -> None:
    """There is somewhere to go."""
    assert decide(Cause.QUOTA, bucket_count=2) == LEFT
    assert decide(Cause.QUOTA, bucket_count=1) == RETRY


@pytest.mark.parametrize("cause", [Cause.UNAUTHENTICATED, Cause.FORBIDDEN])
def test_a_spent_refresh_is_not_repeated(cause: Cause) -> None:
    """The next bucket; with one bucket it is final, with the caller's own error."""
    assert decide(cause, refresh_spent=True) == LEFT
    assert decide(cause, refresh_spent=True, bucket_count=1) == GiveUp(cause=cause, why="final")
    assert decide(cause, bucket_count=1) == HEAL


@pytest.mark.parametrize("count", [0, 1, 3])
@pytest.mark.parametrize("cause", [Cause.CLIENT_ERROR, Cause.CANCELLED])
def test_what_no_repetition_helps_is_final(cause: Cause, count: int) -> None:
    """Another bucket would hear the same."""
    assert decide(cause, bucket_count=count) == GiveUp(cause=cause, why="final")


@pytest.mark.parametrize("cause", list(Cause))
def test_after_output_has_started_nothing_is_repeated(cause: Cause) -> None:
    """Told before anything else (lesson 28)."""
    assert decide(cause, 9, output_started=True) == GiveUp(cause=cause, why="output-started")


@pytest.mark.requirement("REQ-1598-RO01")
@pytest.mark.parametrize(
    ("hint", "decision"),
    [
        (None, RETRY),
        (-5.0, RETRY),
        (0.0, RETRY),
        (0.5, RetryAt(at=NOW + 0.5)),
        (30.0, RetryAt(at=NOW + 30.0)),
        (30.001, LEFT),
        (200.0, LEFT),
    ],
)
def test_a_burst_is_waited_for_if_it_is_short(hint: float | None, decision: RetryDecision) -> None:
    """Thirty seconds at most, if there is another bucket."""
    assert decide(Cause.THROTTLED, hint=hint) == decision


@pytest.mark.parametrize(
    ("hint", "at"), [(0.25, 0.25), (299.0, 299.0), (300.0, 300.0), (301.0, 300.0), (9_000.0, 300.0), (-1.0, 5.0)]
)
def test_the_providers_hint_beats_the_backoff_within_bounds(hint: float, at: float) -> None:
    """Capped at 300 s; one in the past is none."""
    assert decide(Cause.OVERLOADED, hint=hint) == RetryAt(at=NOW + at)
    assert decide(Cause.OVERLOADED, 2, hint=hint) == FailOver(not_before=NOW + at)


def test_the_old_buckets_hint_does_not_delay_the_new_one() -> None:
    """Only an overload does (lesson 25)."""
    for cause in (Cause.QUOTA, Cause.SERVER_ERROR, Cause.NETWORK, Cause.TIMEOUT):
        assert decide(cause, 2, hint=60.0) == LEFT
    assert decide(Cause.THROTTLED, 2, hint=10.0) == LEFT
    assert decide(Cause.UNAUTHENTICATED, 3, hint=10.0) == LEFT


class TestOneBucket:
    """Never fail over, just retry within the budget."""

    @pytest.mark.requirement("REQ-1598-BWC01")
    @pytest.mark.parametrize(
        "cause", [Cause.QUOTA, Cause.THROTTLED, Cause.OVERLOADED, Cause.SERVER_ERROR, Cause.TIMEOUT]
    )
    @pytest.mark.parametrize("count", [0, 1])
    def test_it_waits_longer_each_time(self, cause: Cause, count: int) -> None:
        """5, 10, 20, 30, 30 s, then the budget is spent."""
        decisions = [decide(cause, failures, bucket_count=count) for failures in range(1, 7)]
        waits = [5.0, 10.0, 20.0, 30.0, 30.0]
        assert decisions == [*(RetryAt(at=NOW + wait) for wait in waits), GiveUp(cause=cause, why="budget")]

    @pytest.mark.requirement("REQ-1598-BWC04")
    @pytest.mark.parametrize(("hint", "final"), [(299.0, False), (300.0, False), (300.001, True), (9_000.0, True)])
    def test_a_quota_that_is_spent_for_long_is_final(self, hint: float, final: bool) -> None:  # noqa: FBT001 - a column of the table
        """Over 300 s, whether told by a hint or by a directive limit."""
        expected = GiveUp(cause=Cause.QUOTA, why="final")
        assert (decide(Cause.QUOTA, bucket_count=1, hint=hint) == expected) is final
        limit = Limit(until=NOW + hint, window="5h", source="header", strength="directive")
        assert (decide(Cause.QUOTA, bucket_count=1, limits=(limit,)) == expected) is final
        assert decide(Cause.THROTTLED, bucket_count=1, hint=hint) == RetryAt(at=NOW + min(hint, 300.0))

    @pytest.mark.parametrize("fields", [{"strength": "advisory"}, {"strength": "directive", "scope": "request"}])
    def test_a_guess_or_a_limit_of_the_request_is_not(self, fields: dict[str, Any]) -> None:
        """It may end sooner."""
        limit = Limit.model_validate({"until": NOW + 9_000.0, "window": "5h", "source": "header"} | fields)
        assert decide(Cause.QUOTA, bucket_count=1, limits=(limit,)) == RETRY

    @pytest.mark.parametrize("scope", ["credential", "request"])
    @pytest.mark.parametrize(("until", "final"), [(NOW + 300.0, False), (NOW + 301.0, True)])
    def test_money_that_is_gone_is_final(self, scope: str, until: float, final: bool) -> None:  # noqa: FBT001 - a column
        """No wait brings it back, though its end is merely guessed."""
        limit = Limit.model_validate({"until": until, "window": "balance", "source": "guess", "scope": scope})
        expected = GiveUp(cause=Cause.QUOTA, why="final")
        assert (decide(Cause.QUOTA, bucket_count=1, limits=(limit,)) == expected) is final

    def test_an_operators_word_is_an_order(self) -> None:
        """However it is marked."""
        limit = Limit(until=NOW + 9_000.0, window="unknown", source="operator")
        assert decide(Cause.QUOTA, bucket_count=1, limits=(limit,)) == GiveUp(cause=Cause.QUOTA, why="final")

    def test_the_hint_max_is_the_policys(self) -> None:
        """A caller that waits longer says so."""
        policy = RetryPolicy(hint_max_seconds=10_000.0)
        assert decide(Cause.QUOTA, bucket_count=1, hint=9_000.0, policy=policy) == RetryAt(at=NOW + 9_000.0)


class TestBudget:
    """Attempts per request."""

    @pytest.mark.parametrize(
        ("maximum", "buckets", "allowed"),
        [(None, 0, 6), (None, 1, 6), (None, 2, 6), (None, 3, 9), (None, 10, 30), (1, 10, 1), (7, 1, 7)],
    )
    def test_how_many(self, maximum: int | None, buckets: int, allowed: int) -> None:
        """Three per bucket, at least six, or what the policy says."""
        assert attempts_allowed(RetryPolicy(max_attempts=maximum), buckets) == allowed

    @pytest.mark.parametrize(
        ("cause", "failures", "decision"),
        [
            (Cause.QUOTA, 1, LEFT),
            (Cause.SERVER_ERROR, 2, LEFT),
            (Cause.SERVER_ERROR, 1, GiveUp(cause=Cause.SERVER_ERROR, why="budget")),
            (Cause.THROTTLED, 1, GiveUp(cause=Cause.THROTTLED, why="budget")),
            (Cause.UNAUTHENTICATED, 1, GiveUp(cause=Cause.UNAUTHENTICATED, why="budget")),
            (Cause.CLIENT_ERROR, 1, GiveUp(cause=Cause.CLIENT_ERROR, why="final")),
        ],
    )
    def test_on_the_last_attempt_what_asks_for_failover_still_does(
        self, cause: Cause, failures: int, decision: RetryDecision | GiveUp
    ) -> None:
        """So that exhaustion is told as exhaustion."""
        assert decide(cause, failures, attempts_made=9) == decision
        assert decide(cause, failures, attempts_made=8) == decide(cause, failures)

    def test_a_final_refusal_is_told_before_the_budget(self) -> None:
        """Of several, the first in the contract's order."""
        spent = decide(Cause.FORBIDDEN, 9, bucket_count=1, refresh_spent=True)
        assert spent == GiveUp(cause=Cause.FORBIDDEN, why="final")


@pytest.mark.parametrize(
    ("failures", "draw", "seconds"),
    [
        (1, 0.0, 3.5),
        (1, 0.5, 5.0),
        (1, 0.75, 5.75),
        (2, 0.5, 10.0),
        (3, 0.5, 20.0),
        (4, 0.5, 30.0),
        (4, 0.0, 21.0),
        (10**9, 0.5, 30.0),
    ],
)
def test_the_backoff(failures: int, draw: float, seconds: float) -> None:
    """5 s, doubling to 30 s, ±30 %."""
    told = backoff_seconds(failures, minimum=5.0, maximum=30.0, jitter=0.3, draw=draw)
    assert told == pytest.approx(seconds)
    if failures < 4:
        assert decide(Cause.TIMEOUT, failures, bucket_count=1, draw=draw) == RetryAt(at=NOW + told)


def test_the_policys_numbers_are_used() -> None:
    """Each of them."""
    policy = RetryPolicy(backoff_min_seconds=1.0, backoff_max_seconds=3.0, jitter=1.0)
    waits = [decide(Cause.TIMEOUT, n, bucket_count=1, policy=policy, draw=0.75) for n in (1, 2, 3)]
    assert waits == [RetryAt(at=NOW + 1.5), RetryAt(at=NOW + 3.0), RetryAt(at=NOW + 4.5)]


class TestPatience:
    """A caller that does not accept every wait."""

    @pytest.mark.parametrize(("seconds", "decision"), [(4.9, LEFT), (5.0, RETRY), (None, RETRY)])
    @pytest.mark.parametrize("cause", [Cause.THROTTLED, Cause.NETWORK, Cause.SERVER_ERROR, Cause.OVERLOADED])
    def test_a_longer_wait_is_not_begun(self, cause: Cause, seconds: float | None, decision: RetryDecision) -> None:
        """The request goes elsewhere."""
        assert decide(cause, policy=RetryPolicy(patience_seconds=seconds)) == decision

    def test_nor_is_one_before_the_next_bucket(self) -> None:
        """It is called at once."""
        policy = RetryPolicy(patience_seconds=4.0)
        assert decide(Cause.OVERLOADED, 2, policy=policy) == LEFT
        assert decide(Cause.OVERLOADED, 2, policy=RetryPolicy(patience_seconds=5.0)) == FailOver(not_before=NOW + 5.0)

    @pytest.mark.parametrize(("hint", "is_given_up"), [(10.0, False), (10.1, True)])
    def test_with_one_bucket_it_is_the_end(self, hint: float, *, is_given_up: bool) -> None:
        """With the caller's own error."""
        told = decide(Cause.THROTTLED, hint=hint, bucket_count=1, policy=RetryPolicy(patience_seconds=10.0))
        given_up = GiveUp(cause=Cause.THROTTLED, why="patience")
        assert told == (given_up if is_given_up else RetryAt(at=NOW + hint))

    def test_a_refresh_is_no_wait(self) -> None:
        """It is made."""
        assert decide(Cause.UNAUTHENTICATED, policy=RetryPolicy(patience_seconds=0.0)) == HEAL


class TestSharedBudget:
    """A retry is made only while the budget that all requests share has one left."""

    @pytest.mark.parametrize(
        ("cause", "failures", "decision"),
        [
            (Cause.QUOTA, 1, LEFT),
            (Cause.THROTTLED, 1, LEFT),
            (Cause.THROTTLED, 2, LEFT),
            (Cause.UNAUTHENTICATED, 1, HEAL),
            (Cause.FORBIDDEN, 1, HEAL),
            (Cause.OVERLOADED, 1, GiveUp(cause=Cause.OVERLOADED, why="budget")),
            (Cause.OVERLOADED, 2, FailOver(not_before=NOW + 5.0)),
            (Cause.SERVER_ERROR, 1, GiveUp(cause=Cause.SERVER_ERROR, why="budget")),
            (Cause.SERVER_ERROR, 2, LEFT),
            (Cause.NETWORK, 1, GiveUp(cause=Cause.NETWORK, why="budget")),
            (Cause.TIMEOUT, 1, GiveUp(cause=Cause.TIMEOUT, why="budget")),
            (Cause.CLIENT_ERROR, 1, GiveUp(cause=Cause.CLIENT_ERROR, why="final")),
        ],
    )
    @pytest.mark.parametrize("left", [0.0, 0.5, 0.999])
    def test_without_one_left(self, left: float, cause: Cause, failures: int, decision: RetryDecision | GiveUp) -> None:
        """A burst fails over at once; the provider's own trouble is told as it is; healing and searching are free."""
        assert decide(cause, failures, retries_left=left) == decision

    @pytest.mark.parametrize("cause", list(Cause))
    @pytest.mark.parametrize("left", [None, 1.0, 1.5, 100.0])
    def test_with_one_left(self, cause: Cause, left: float | None) -> None:
        """Everything is as without such a budget."""
        for failures in (1, 2, 3):
            for count in (1, 3):
                facts: dict[str, Any] = {"bucket_count": count, "hint": 7.0}
                assert decide(cause, failures, retries_left=left, **facts) == decide(cause, failures, **facts)

    def test_two_buckets_are_somewhere_to_go(self) -> None:
        """And one is not: a burst is told as it is then."""
        assert decide(Cause.THROTTLED, retries_left=0.0, bucket_count=2) == LEFT
        alone: dict[str, Any] = {"retries_left": 0.0, "bucket_count": 1}
        for cause in (Cause.THROTTLED, Cause.QUOTA, Cause.TIMEOUT):
            assert decide(cause, **alone) == GiveUp(cause=cause, why="budget")
        assert decide(Cause.FORBIDDEN, **alone) == HEAL

    def test_of_several_reasons_the_first_is_told(self) -> None:
        """`output-started`, `final`, and only then `budget`."""
        assert decide(Cause.TIMEOUT, retries_left=0.0, output_started=True) == GiveUp(
            cause=Cause.TIMEOUT, why="output-started"
        )
        assert decide(Cause.QUOTA, retries_left=0.0, bucket_count=1, hint=301.0) == GiveUp(
            cause=Cause.QUOTA, why="final"
        )

    def test_what_is_left_is_not_negative(self) -> None:
        """It is what `RetryBudget` says."""
        with pytest.raises(ValueError, match="retries_left"):
            decide(Cause.TIMEOUT, retries_left=-0.1)


@pytest.mark.parametrize("hint", [None, 1.0, 30.0])
def test_a_canary_that_is_throttled_has_its_answer(hint: float | None) -> None:
    """It is not waited for, however short the hint."""
    snapshot = RetrySnapshot(bucket_count=2, attempts_made=1, failures_here=1, is_probe=True)
    verdict = Verdict(cause=Cause.THROTTLED, retry_not_before=None if hint is None else NOW + hint)
    assert decide_retry(snapshot, verdict, now=NOW, draw=0.5).unwrap() == FailOver()
