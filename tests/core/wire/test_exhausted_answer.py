"""exhausted_answer: the shape, the wait, and how we read it ourselves."""

import json

import pytest

from bucket_failover_core import CallFailure, Cause, read_answer
from bucket_failover_core.failover import exhaustion_message
from bucket_failover_core.wire import exhausted_answer

NOW = 1_000.0
MESSAGE = exhaustion_message(
    "anthropic",
    {"default": "quota-exhausted", "claudius": "expired-refresh-failed"},
    texts={"default": "default: weekly limit reached", "claudius": "claudius: its login has expired"},
    action="Log in to claudius (bucket-failover login anthropic claudius)",
)
ANTHROPIC = {"type": "error", "error": {"type": "rate_limit_error", "message": MESSAGE}}
GOOGLE = {"error": {"code": 429, "message": MESSAGE, "status": "RESOURCE_EXHAUSTED"}}
OPENAI = {
    "error": {"message": MESSAGE, "type": "all_buckets_exhausted", "param": None, "code": "all_buckets_exhausted"}
}


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("/v1/messages", ANTHROPIC),
        ("/v1/messages/count_tokens", ANTHROPIC),
        ("/gateway/anthropic/v1/messages", ANTHROPIC),
        ("/v1beta/models/gemini-2.5-pro:generateContent", GOOGLE),
        ("/v1beta/models/gemini-2.5-pro:streamGenerateContent", GOOGLE),
        ("/v1/chat/completions", OPENAI),
        ("/v1/responses", OPENAI),
        ("/v1/threads/t1/messages", OPENAI),
        ("/model/opus-v1:0/invoke", OPENAI),
        ("/v1/models", OPENAI),
        ("", OPENAI),
    ],
)
def test_the_shape_follows_the_api_that_was_spoken_to(path: str, document: object) -> None:
    """The client finds the message where its provider would have put it."""
    own = exhausted_answer(path, MESSAGE, retry_at=None, now=NOW)
    assert own.status == 429
    assert json.loads(own.body) == document


@pytest.mark.parametrize(
    ("retry_at", "seconds"),
    [
        (1_020.0, "20"),
        (1_019.001, "20"),
        (1_019.0, "19"),
        (1_000.1, "1"),
        (1_000.0, "1"),
        (900.0, "1"),
        (8_200.0, "7200"),
    ],
)
def test_the_wait_is_told_in_whole_seconds_rounded_up(retry_at: float, seconds: str) -> None:
    """A client that waits as long comes when the bucket is back; one whose moment is over waits a second."""
    own = exhausted_answer("/v1/messages", MESSAGE, retry_at=retry_at, now=NOW)
    assert own.headers == (
        ("content-type", "application/json"),
        ("x-should-retry", "false"),
        ("retry-after", seconds),
    )


def test_without_a_moment_no_wait_is_told() -> None:
    """The user has to act, so no client waits for it."""
    own = exhausted_answer("/v1/messages", MESSAGE, retry_at=None, now=NOW)
    assert own.headers == (("content-type", "application/json"), ("x-should-retry", "false"))


@pytest.mark.parametrize(
    ("message", "read"),
    [
        ("Melde dich an: „müller“", "Melde dich an: „müller“"),
        ('a "b"\n\\c\x00', 'a "b"\n\\c\x00'),
        ("a\ud800b", "a?b"),
        ("", ""),
    ],
)
def test_any_message_is_told(message: str, read: str) -> None:
    """What a user has called a bucket spoils no answer; half a character becomes a question mark."""
    own = exhausted_answer("/v1/messages", message, retry_at=None, now=NOW)
    assert json.loads(own.body)["error"]["message"] == read


PATHS = ["/v1/messages", "/v1/responses", "/v1beta/models/gemini-2.5-pro:generateContent"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("wait", "cause"), [(20.0, Cause.THROTTLED), (19.5, Cause.THROTTLED), (7_200.0, Cause.QUOTA)])
def test_we_read_our_own_answer_as_a_provider_that_asks_for_a_wait(path: str, wait: float, cause: Cause) -> None:
    """A client that has buckets of its own, and gets this answer from a gateway, waits as long, and blames no token."""
    own = exhausted_answer(path, "Wait. No bucket can be used.", retry_at=NOW + wait, now=NOW)
    read = read_answer(CallFailure(status=429, headers=own.headers, body=own.body.decode()), now=NOW)
    assert not read.served
    assert read.verdict is not None
    assert (read.verdict.cause, read.verdict.retry_not_before) == (cause, NOW + float(own.headers[-1][1]))
    assert [limit.until for limit in read.limits] == [read.verdict.retry_not_before]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("retry_at", [None, NOW + 20.0, NOW + 7_200.0])
def test_we_read_our_own_answer_as_spent_whatever_it_says_of_the_buckets(path: str, retry_at: float | None) -> None:
    """The user's expired login and weekly limit stand in the message, and still no token is blamed."""
    own = exhausted_answer(path, MESSAGE, retry_at=retry_at, now=NOW)
    read = read_answer(CallFailure(status=own.status, headers=own.headers, body=own.body.decode()), now=NOW)
    assert not read.served
    assert read.verdict is not None
    assert read.verdict.cause in {Cause.THROTTLED, Cause.QUOTA}
    assert read.verdict.retry_not_before == retry_at
    assert not read.verdict.account_disabled
