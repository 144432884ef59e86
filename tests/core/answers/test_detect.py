"""Whose way of speaking is it?"""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucket_failover_core import CallFailure, Dialect
from bucket_failover_core.answers.detect import detect_dialect
from bucket_failover_core.answers.response import answer_of
from tests.core.answers.answers import answer

CUSTOMARY = ("x-ratelimit-remaining-requests", "1")


def guessed(body: object = None, *headers: tuple[str, str], status: int | None = 429) -> str:
    """Whose it seems to be."""
    return detect_dialect(answer_of(answer(status, *headers, body=body)))


@pytest.mark.parametrize(
    ("body", "dialect"),
    [
        ({"error": {"type": "usage_limit_reached"}}, "codex"),
        ({"error": {"type": "usage_limit_reached", "param": None}}, "codex"),
        ({"__type": "ThrottlingException"}, "bedrock"),
        ({"throttlingException": {}}, "bedrock"),
        ({"error": {"code": "StrangeException"}}, "bedrock"),
        ({"error": {"code": "ExceptionStrange"}}, "generic"),
        ({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}}, "google"),
        ({"error": {"code": "429", "status": "RESOURCE_EXHAUSTED"}}, "azure-openai"),
        ({"error": {"status": "RESOURCE_EXHAUSTED"}}, "generic"),
        ({"error": {"details": []}}, "google"),
        ({"error": {"details": {}}}, "generic"),
        ({"error": {"code": 429, "metadata": {}}}, "openrouter"),
        ({"error": {"message": "m"}, "user_id": "u"}, "openrouter"),
        ({"error": {"message": "Visit https://console.GROQ.com"}}, "groq"),
        ({"error": {"message": "in organization `o` service tier `on_demand`"}}, "groq"),
        ({"error": {"message": "service tier on_demand"}}, "generic"),
        ({"error": {"code": "insufficient_quota"}}, "openai"),
        ({"error": {"code": "rate_limit_exceeded"}}, "openai"),
        ({"error": {"type": "slow_down"}}, "openai"),
        ({"error": {"code": "invalid_api_key"}}, "openai"),
        ({"error": {"param": None}}, "openai"),
        ({"error": {"type": "billing_hard_limit_reached", "message": "groq"}}, "groq"),
        ({"type": "error", "error": {"type": "strange"}}, "anthropic"),
        ({"type": "error", "error": {"type": "strange", "code": "c"}}, "generic"),
        *(
            ({"error": {"type": name}}, "anthropic")
            for name in (
                "rate_limit_error",
                "overloaded_error",
                "billing_error",
                "authentication_error",
                "permission_error",
                "api_error",
            )
        ),
        ({"error": {"code": 429, "message": "m"}}, "openrouter"),
        ({"error": {"code": 429, "type": "t"}}, "generic"),
        ({"error": {"code": True}}, "generic"),
        ({"error": {"code": "429", "message": "m"}}, "azure-openai"),
        ({"error": {"code": "4e9"}}, "generic"),
        ({"error": {"code": None}}, "generic"),
        ({"message": "m"}, "generic"),
        ("words", "generic"),
        (None, "generic"),
    ],
)
def test_by_the_shape_of_the_error(body: object, dialect: str) -> None:
    """Else by custom: counts by the customary names are OpenAI's."""
    assert guessed(body) == dialect
    assert guessed(body, CUSTOMARY) == ("openai" if dialect == "generic" else dialect)
    assert guessed(body, ("x-codex-plan-type", "x")) == "codex"


@pytest.mark.parametrize(
    ("name", "dialect"),
    [
        ("anthropic-ratelimit-unified-status", "anthropic-subscription"),
        ("anthropic-organization-id", "anthropic"),
        ("openai-organization", "openai"),
        ("x-ms-region", "azure-openai"),
        ("x-groq-region", "groq"),
        ("x-amzn-requestid", "bedrock"),
        ("x-goog-x", "google"),
        ("x-openrouter-x", "openrouter"),
        ("x-ratelimit-reset-tokens", "openai"),
        ("x-ratelimit-remaining", "generic"),
        ("retry-after", "generic"),
    ],
)
def test_by_the_headers_that_only_one_sends(name: str, dialect: str) -> None:
    """In any case, on a success as on a failure."""
    for status in (200, 429, None):
        assert (
            guessed(None, (name.upper(), "1"), CUSTOMARY if dialect == "openai" else ("date", "x"), status=status)
            == dialect
        )


def test_the_words_of_a_success_say_nothing() -> None:
    """They are the model's."""
    assert guessed({"message": "groq", "user_id": "u"}, status=200) == "generic"
    assert guessed({"error": {"type": "overloaded_error"}}, status=200) == "anthropic"
    assert guessed({"user_id": "u"}, CUSTOMARY, status=200) == "openai"


ALL = set(get_args(Dialect))


@given(
    body=st.none() | st.text(max_size=40),
    headers=st.lists(st.tuples(st.text(max_size=9), st.text(max_size=9)), max_size=4).map(tuple),
)
def test_nothing_raises(body: str | None, headers: tuple[tuple[str, str], ...]) -> None:
    """Each answer is in the dialect of a provider, or generic."""
    assert detect_dialect(answer_of(CallFailure(status=429, body=body, headers=headers))) in ALL
