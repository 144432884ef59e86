"""What each dialect says of things without an end: the sentences themselves, of which a guess shows only a part."""

from collections.abc import Callable
from typing import Any

import pytest

from bucket_failover_core import CallFailure, Cause
from bucket_failover_core.answers.dialects.anthropic import read_anthropic
from bucket_failover_core.answers.dialects.anthropic_subscription import read_anthropic_subscription
from bucket_failover_core.answers.dialects.azure_openai import read_azure_openai
from bucket_failover_core.answers.dialects.bedrock import read_bedrock
from bucket_failover_core.answers.dialects.codex import read_codex
from bucket_failover_core.answers.dialects.google import read_google
from bucket_failover_core.answers.dialects.groq import read_groq
from bucket_failover_core.answers.dialects.openai import read_openai
from bucket_failover_core.answers.dialects.openrouter import read_openrouter
from bucket_failover_core.answers.response import answer_of
from bucket_failover_core.answers.signals import THIS_REQUEST_ONLY, Named, Reach, Signal, UsedUp
from tests.core.answers.answers import DAY, NOW, answer

Read = Callable[..., list[Signal]]


def error(message: str = "m", **fields: object) -> dict[str, object]:
    """An error."""
    return {"error": {"message": message} | fields}


def money(detail: str, **fields: Any) -> UsedUp:
    """Money that is gone, with no end given."""
    return UsedUp("balance", None, "body", "advisory", detail=detail, waiting_heals=False, **fields)


def in_words(window: Any, **fields: Any) -> UsedUp:
    """A window that the words name."""
    return UsedUp(window, None, "body", "advisory", detail=f"limit per {window}", **fields)


VIOLATIONS = [{"violations": [{"quotaId": "PerMinute"}, {"quotaId": "PerWeek"}]}]
NO_QUOTA = UsedUp(
    "balance", None, "body", "advisory", "organization", None, "the tier has no quota", DAY, waiting_heals=False
)
TOO_MANY = UsedUp("concurrency", None, "body", "advisory", detail="too many at the same time")
LIMIT_REACHED = UsedUp("unknown", None, "body", "advisory", detail="usage_limit_reached")
WINDOW = UsedUp("5h", None, "header", "directive", "credential", None, "5h window")
MODEL_WINDOW = UsedUp("week", None, "header", "directive", "model", "m", "week window")
AGGREGATE = UsedUp("unknown", None, "header", "directive", detail="unified-status: rejected")


@pytest.mark.parametrize(
    ("read", "failure", "said"),
    [
        (read_anthropic, answer(429, body=error("Concurrent")), [THIS_REQUEST_ONLY, TOO_MANY]),
        (
            read_anthropic,
            answer(400, body=error("credit balance is too low")),
            [Named(Cause.QUOTA, "money"), money("usage limit or credit balance")],
        ),
        (read_anthropic, answer(402, body=error(type="billing_error")), [money("billing_error")]),
        (read_anthropic, answer(200), []),
        (read_anthropic_subscription, answer(429, ("anthropic-ratelimit-unified-5h-status", "rejected")), [WINDOW]),
        (
            read_anthropic_subscription,
            answer(429, ("anthropic-ratelimit-unified-7d_oi-status", "rejected"), model="m"),
            [Reach("model", "m"), MODEL_WINDOW],
        ),
        (read_anthropic_subscription, answer(429, ("anthropic-ratelimit-unified-status", "rejected")), [AGGREGATE]),
        (read_openai, answer(429, body=error("RPD, TPM")), [in_words("day"), in_words("minute"), Reach("credential")]),
        (
            read_openai,
            answer(429, body=error(code="insufficient_quota")),
            [
                Named(Cause.QUOTA, "insufficient_quota"),
                money("insufficient_quota", scope="credential"),
                Reach("credential"),
            ],
        ),
        (
            read_openai,
            answer(402, body=error(code="slow_down")),
            [Named(Cause.THROTTLED, "slow_down"), Reach("credential")],
        ),
        (read_openai, answer(403, body=error("RPD")), []),
        (
            read_azure_openai,
            answer(429, body=error("RPD"), model="m"),
            [Reach("model", "m"), in_words("day", scope="model", model="m"), Reach("model")],
        ),
        (
            read_groq,
            answer(429, body=error("TPM")),
            [in_words("minute", scope="organization"), Reach("organization")],
        ),
        (
            read_codex,
            answer(429, body=error(type="usage_limit_reached")),
            [Named(Cause.QUOTA, "usage_limit_reached"), LIMIT_REACHED],
        ),
        (
            read_google,
            answer(429, body=error("limit: 0", details=VIOLATIONS)),
            [
                Reach("organization"),
                UsedUp("minute", None, "body", "advisory", "organization", detail="quota per minute"),
                UsedUp("week", None, "body", "advisory", "organization", detail="quota per week"),
                NO_QUOTA,
            ],
        ),
        (
            read_openrouter,
            answer(429, body=error("free-models-per-day")),
            [Reach("organization"), in_words("day", scope="organization")],
        ),
        (
            read_openrouter,
            answer(402, body=error("can only afford 7")),
            [Reach("organization"), money("too large for the credits", scope="request")],
        ),
        (
            read_openrouter,
            answer(402, body=error("m")),
            [Reach("organization"), money("credits", scope="organization")],
        ),
        (read_bedrock, answer(400, body={"__type": "ValidationException"}), []),
        (
            read_bedrock,
            answer(400, body={"__type": "ServiceQuotaExceededException"}),
            [Named(Cause.QUOTA, "ServiceQuotaExceededException")],
        ),
    ],
)
def test_what_is_said_of_things_without_an_end(read: Read, failure: CallFailure, said: list[Signal]) -> None:
    """Where it was said, how firmly, of whom, and whether a wait would heal it."""
    assert sorted(read(answer_of(failure), now=NOW), key=repr) == sorted(said, key=repr)


def test_a_limited_key_of_openrouter() -> None:
    """It is the key's, and not the account's."""
    told = read_openrouter(answer_of(answer(403, body=error("Key limit exceeded"))), now=NOW)
    assert Named(Cause.QUOTA, "key limit exceeded") in told
    assert Reach("credential") in told
    assert money("key limit") in told
