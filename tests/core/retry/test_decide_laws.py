"""decide_retry: laws."""

from hypothesis import given
from hypothesis import strategies as st
from returns.methods import unwrap_or_failure

from bucket_failover_core import (
    Cause,
    FailOver,
    GiveUp,
    RefreshThenRetry,
    RetryAt,
    RetryPolicy,
    RetrySnapshot,
    Verdict,
    decide_retry,
)
from bucket_failover_core.retry import attempts_allowed

NOW = 1_000.0
COUNTS = st.integers(0, 6)
DRAWS = st.floats(0, 1, exclude_max=True)
CAUSES = st.sampled_from(list(Cause))
VERDICTS = st.builds(Verdict, cause=CAUSES, retry_not_before=st.none() | st.floats(0, 1e6))
SNAPSHOTS = st.builds(
    RetrySnapshot,
    bucket_count=COUNTS,
    attempts_made=st.integers(1, 40),
    failures_here=st.integers(1, 5),
    output_started=st.booleans(),
    refresh_spent=st.booleans(),
)


@given(snapshot=SNAPSHOTS, verdict=VERDICTS, draw=DRAWS)
def test_one_bucket_never_fails_over(snapshot: RetrySnapshot, verdict: Verdict, draw: float) -> None:
    """There is nowhere to go."""
    decision = unwrap_or_failure(decide_retry(snapshot, verdict, now=NOW, draw=draw))
    assert snapshot.bucket_count > 1 or not isinstance(decision, FailOver)


@given(snapshot=SNAPSHOTS, verdict=VERDICTS, draw=DRAWS)
def test_no_wait_is_in_the_past_or_longer_than_a_caller_waits(
    snapshot: RetrySnapshot, verdict: Verdict, draw: float
) -> None:
    """From now to 300 s, which is the longest hint; a backoff is at most 39 s."""
    decision = unwrap_or_failure(decide_retry(snapshot, verdict, now=NOW, draw=draw))
    at = decision.at if isinstance(decision, RetryAt) else getattr(decision, "not_before", None)
    assert at is None or NOW < at <= NOW + 300.0


@given(cause=CAUSES, draws=st.tuples(DRAWS, DRAWS), failures=st.integers(1, 5), count=COUNTS)
def test_chance_moves_moments_and_nothing_else(
    cause: Cause, draws: tuple[float, float], failures: int, count: int
) -> None:
    """The kind of decision does not depend on `draw`."""
    snapshot = RetrySnapshot(bucket_count=count, attempts_made=failures, failures_here=failures)
    kinds = {unwrap_or_failure(decide_retry(snapshot, Verdict(cause=cause), now=NOW, draw=draw)).kind for draw in draws}
    assert len(kinds) == 1


@given(causes=st.lists(CAUSES, min_size=60, max_size=60), count=st.integers(1, 6), heals=st.booleans())
def test_whatever_fails_in_whatever_order_every_bucket_is_reached_or_the_request_ends(
    causes: list[Cause],
    count: int,
    heals: bool,  # noqa: FBT001 - hypothesis draws it
) -> None:
    """Three attempts per bucket at most, and the budget reaches the last bucket (lessons 23 and 24)."""
    attempts, bucket, here, refreshed = 0, 0, 0, False
    policy = RetryPolicy()
    while True:
        cause = causes.pop()
        attempts, here = attempts + 1, here + 1
        snapshot = RetrySnapshot(
            bucket_count=count, attempts_made=attempts, failures_here=here, refresh_spent=refreshed, policy=policy
        )
        decision = unwrap_or_failure(decide_retry(snapshot, Verdict(cause=cause), now=NOW, draw=0.5))
        assert here <= 3 or count == 1
        if isinstance(decision, RefreshThenRetry):
            assert not refreshed
            refreshed = True
            if not heals:
                decision = unwrap_or_failure(
                    decide_retry(snapshot.evolve({"refresh_spent": True}), Verdict(cause=cause), now=NOW, draw=0.5)
                )
        if isinstance(decision, GiveUp):
            assert decision.why == "final" or attempts >= attempts_allowed(policy, count)
            if decision.why == "budget":
                assert bucket >= count - 1
            return
        if isinstance(decision, FailOver):
            bucket, here, refreshed = bucket + 1, 0, False
            if bucket == count:
                return
