"""What type checkers see: this file is checked by mypy, and run so that what it says is also true."""

from typing import assert_never, assert_type

import pytest
from returns.methods import unwrap_or_failure
from returns.result import Result

from bucket_failover import (
    AllBucketsExhausted,
    BucketFailoverHandler,
    BucketFailoverHandlerImpl,
    BucketSnapshot,
    BucketStanding,
    BucketUnavailable,
    FailoverContext,
    FailoverDecision,
    FailoverSnapshot,
    MemoryTokenStore,
    NeedsRead,
    NeedsRefresh,
    OAuthManager,
    ReadToken,
    Reauthenticate,
    RefreshToken,
    RetryOrchestrator,
    StoredOAuthManager,
    SyncBucketFailoverHandlerImpl,
    SyncStoredOAuthManager,
    Usable,
    UseBucket,
    classify_bucket,
    decide_failover,
    in_memory_manager,
)


def next_step(snapshot: FailoverSnapshot, now: float) -> str:
    """A `match` that mypy proves to be complete."""
    result = decide_failover(snapshot, now=now)
    assert_type(result, Result[FailoverDecision, AllBucketsExhausted])
    match unwrap_or_failure(result):
        case ReadToken(bucket=bucket):
            return f"read {bucket}"
        case RefreshToken(bucket=bucket):
            return f"refresh {bucket}"
        case Reauthenticate(bucket=bucket, timeout_seconds=seconds):
            return f"log in to {bucket} within {seconds} s"
        case UseBucket(bucket=bucket):
            return f"use {bucket}"
        case AllBucketsExhausted() as exhausted:
            return exhausted.message
        case never:
            assert_never(never)


def standing(bucket: BucketSnapshot) -> str:
    """The same by the discriminator."""
    answer = unwrap_or_failure(classify_bucket(bucket, now=0.0))
    assert_type(answer, BucketStanding | BucketUnavailable)
    match answer.kind:
        case "usable" | "needs-read" | "needs-refresh":
            assert_type(answer, Usable | NeedsRead | NeedsRefresh)
            return answer.bucket
        case "bucket-unavailable":
            return answer.detail


def test_matches_are_complete() -> None:
    """And say what they say."""
    snapshot = FailoverSnapshot(provider="anthropic", buckets=(BucketSnapshot(name="default"),))
    assert next_step(snapshot, 0.0) == "read default"
    assert standing(snapshot.buckets[0]) == "default"


@pytest.mark.requirement("REQ-1598-BWC05")
@pytest.mark.requirement("REQ-1598-IC10")
def test_every_way_to_construct_is_typed() -> None:
    """The constructors of the contract, positional and by name."""
    manager: OAuthManager = in_memory_manager("anthropic", {})
    assert_type(in_memory_manager("anthropic", {}), StoredOAuthManager)
    handler: BucketFailoverHandler = BucketFailoverHandlerImpl(["default"], "anthropic", manager)
    orchestrator = RetryOrchestrator(handler, manager)
    sync = SyncBucketFailoverHandlerImpl(
        buckets=["default"], provider="anthropic", oauth_manager=SyncStoredOAuthManager(MemoryTokenStore())
    )
    assert_type(sync.try_failover(FailoverContext(429)), bool)
    assert FailoverContext() == FailoverContext(triggering_status=None)
    assert orchestrator is not None
