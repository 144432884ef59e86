"""The shell's exceptions: what they say, and that they survive a pickle."""

import pickle

import pytest

from bucket_failover import (
    AllBucketsExhausted,
    AllBucketsExhaustedError,
    BucketFailoverError,
    BucketFailureReason,
    BucketFinding,
    RetriesExhaustedError,
    TokenCorruptError,
    TokenStoreError,
)
from bucket_failover.errors import safe_text

EXHAUSTED = AllBucketsExhausted(
    provider="anthropic",
    buckets=("default", "claudius"),
    findings=(
        BucketFinding(bucket="default", fact="limit-in-force", detail="week", until=9_000.0),
        BucketFinding(bucket="claudius", fact="token-absent"),
    ),
)


@pytest.mark.requirement("REQ-1598-ER04")
@pytest.mark.requirement("REQ-1598-TS04")
def test_the_text_says_first_what_to_do_then_why() -> None:
    """Provider, buckets, and each reason."""
    error = AllBucketsExhaustedError("anthropic", ["default", "claudius"], exhausted=EXHAUSTED)
    assert str(error) == (
        "Log in to claudius, or wait until 1970-01-01 02:30:00 UTC. No bucket of anthropic can be used: "
        "default: a limit is in force until 1970-01-01 02:30:00 UTC (week) [quota-exhausted]; "
        "claudius: it has no token [no-token]."
    )
    assert error.retry_at == 9_000.0
    assert error.bucket_failure_reasons == EXHAUSTED.reasons


@pytest.mark.requirement("REQ-1598-ER03")
@pytest.mark.requirement("REQ-1598-BWC02")
def test_the_reasons_are_optional() -> None:
    """As in the plan's first interface: provider, buckets, last error."""
    last = ValueError("x")
    error = AllBucketsExhaustedError("anthropic", ["default"], last)
    assert error.bucket_failure_reasons == {}
    assert error.retry_at is None
    assert error.__cause__ is last
    assert str(error) == "Check the buckets. No bucket of anthropic can be used: default."


def test_reasons_without_a_decision_are_told() -> None:
    """A foreign handler may know reasons, and no findings."""
    reasons = {"default": BucketFailureReason.NO_TOKEN}
    error = AllBucketsExhaustedError("anthropic", ["default", "claudius"], bucket_failure_reasons=reasons)
    assert error.bucket_failure_reasons == reasons
    assert error.bucket_failure_reasons is not reasons
    assert "default [no-token]; claudius." in str(error)


@pytest.mark.parametrize(
    "error",
    [
        AllBucketsExhaustedError("anthropic", ["default"], ValueError("x"), exhausted=EXHAUSTED),
        RetriesExhaustedError("anthropic", 6, ValueError("x")),
        TokenStoreError("locked"),
    ],
)
def test_exceptions_cross_processes(error: BucketFailoverError) -> None:
    """A worker's error arrives with all that it knows."""
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert {k: repr(v) for k, v in vars(copy).items()} == {k: repr(v) for k, v in vars(error).items()}


@pytest.mark.requirement("REQ-1598-SE01")
@pytest.mark.parametrize(
    ("error", "text"),
    [
        (TokenCorruptError("tokens.db: no token"), "tokens.db: no token"),
        (OSError(28, "refresh_token=hunter2", "secret.db"), "OSError: No space left on device"),
        (OSError(400, "refresh_token=hunter2"), "OSError"),
        (OSError("no number"), "OSError"),
        (RuntimeError("refresh_token=hunter2"), "RuntimeError"),
    ],
)
def test_only_harmless_text_is_told_of_an_exception(error: Exception, text: str) -> None:
    """A foreign exception is named by its class: identity providers echo secrets (lesson 18)."""
    assert safe_text(error) == text
