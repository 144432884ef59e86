"""The core reads no clock: the same decision falls under any frozen wall clock."""

import pytest
from freezegun import freeze_time

from bucket_failover import (
    BucketSnapshot,
    CallFailure,
    FailoverSnapshot,
    Limit,
    RenewalSnapshot,
    RetrySnapshot,
    TokenHeld,
    Trigger,
    choose_bucket,
    classify_failure,
    decide_failover,
    decide_renewal,
    decide_retry,
)

NOW = 1_786_553_400.0


def decisions() -> list[object]:
    """One of each."""
    limit = Limit(until=NOW + 60, window="minute", source="header")
    buckets = (
        BucketSnapshot(name="default", limits=(limit,)),
        BucketSnapshot(name="claudius", token=TokenHeld(expiry=NOW + 1)),
    )
    snapshot = FailoverSnapshot(provider="anthropic", buckets=buckets, trigger=Trigger(status=429))
    failure = CallFailure(status=429, headers=(("retry-after", "Wed, 12-Aug-26 17:31:00 GMT"),))
    verdict = classify_failure(failure, now=NOW).unwrap()
    retry = RetrySnapshot(bucket_count=2, attempts_made=1, failures_here=1)
    return [
        decide_failover(snapshot, now=NOW),
        choose_bucket(snapshot, now=NOW),
        verdict,
        decide_retry(retry, verdict, now=NOW, draw=0.25),
        decide_renewal(RenewalSnapshot(token=TokenHeld(expiry=NOW + 3600)), now=NOW, draw=0.25),
    ]


@pytest.mark.parametrize("moment", ["1970-01-01", "2026-08-12 17:30:00", "2099-12-31 23:59:59"])
def test_the_wall_clock_does_not_matter(moment: str) -> None:
    """Long ago, now, and in another century."""
    expected = [repr(decision) for decision in decisions()]
    with freeze_time(moment):
        assert [repr(decision) for decision in decisions()] == expected
