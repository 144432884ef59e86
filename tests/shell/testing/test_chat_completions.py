"""`POST /v1/chat/completions` over real HTTP, in OpenAI's shape."""

import pytest

from bucket_failover.testing import HAIKU, Quota, ReceivedRequest
from tests.shell.testing.shapes import CHAT, events
from tests.shell.testing.stage import START, stage


def test_the_answer_is_a_haiku_in_the_shape_of_a_completion() -> None:
    """One choice; every word counts as a token."""
    with stage() as at:
        response = CHAT.ask(at, at.provider.issue("a").access_token)
        assert at.provider.requests == (ReceivedRequest("chat_completions", "a", 200, START),)
    assert response.headers["x-request-id"] == "req_000001"
    assert response.json() == {
        "id": "chatcmpl-000001",
        "object": "chat.completion",
        "created": 1_000,
        "model": "poet-1",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "refusal": None, "content": HAIKU[0]},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 8, "completion_tokens": 14, "total_tokens": 22},
    }


@pytest.mark.parametrize("tells_usage", [False, True])
def test_a_stream_is_chunks_and_then_done(tells_usage: bool) -> None:  # noqa: FBT001 - a table of one column
    """The role, the words, the reason for the end; the usage only where it was asked for."""
    options = {"include_usage": tells_usage}
    with stage() as at:
        response = CHAT.ask(at, at.provider.issue("a").access_token, stream=True, stream_options=options)
    assert response.headers["content-type"].startswith("text/event-stream")
    *chunks, (_, last) = events(response.text)
    assert last == "[DONE]"
    found = [chunk for _, chunk in chunks if isinstance(chunk, dict)]
    assert {(name, chunk["object"]) for (name, _), chunk in zip(chunks, found, strict=True)} == {
        ("", "chat.completion.chunk")
    }
    deltas = [choice["delta"] for chunk in found for choice in chunk["choices"]]
    assert deltas[0] == {"role": "assistant", "content": ""}
    assert "".join(delta.get("content", "") for delta in deltas) == HAIKU[0]
    assert (len(deltas), deltas[-1]) == (16, {})
    assert [chunk["usage"]["total_tokens"] for chunk in found if "usage" in chunk] == ([22] if tells_usage else [])


def test_a_spent_rate_limit_says_when_to_come_back() -> None:
    """`requests`, `rate_limit_exceeded`, the headers of the window, and the wait in seconds and in words."""
    with stage(Quota(requests=2, window_seconds=60, window="minute")) as at:
        token = at.provider.issue("a").access_token
        first = CHAT.ask(at, token)
        at.now += 0.25
        CHAT.ask(at, token)
        spent = CHAT.ask(at, token)
    prefix = "x-ratelimit-"
    assert {name: first.headers[prefix + name] for name in ("limit-requests", "remaining-requests")} == {
        "limit-requests": "2",
        "remaining-requests": "1",
    }
    assert first.headers["x-ratelimit-reset-requests"] == "1m0s"
    assert (spent.status_code, spent.json()) == (
        429,
        {
            "error": {
                "message": "Rate limit reached on requests per min (RPM). Limit 2, Used 2, Requested 1. "
                "Please try again in 59.75s.",
                "type": "requests",
                "param": None,
                "code": "rate_limit_exceeded",
            }
        },
    )
    assert (spent.headers["retry-after"], spent.headers["x-ratelimit-reset-requests"]) == ("60", "59.75s")
    assert spent.headers["x-ratelimit-remaining-requests"] == "0"


def test_a_spent_plan_names_no_end() -> None:
    """`insufficient_quota`, as the API says it: no header, no wait."""
    with stage() as at:
        token = at.provider.issue("a").access_token
        at.provider.spend("a", until=START + 90)
        spent = CHAT.ask(at, token)
        at.now += 90
        assert CHAT.ask(at, token).status_code == 200
    error = spent.json()["error"]
    assert (spent.status_code, error["type"], error["code"]) == (429, "insufficient_quota", "insufficient_quota")
    assert not [name for name in spent.headers if name.startswith(("retry-after", "x-ratelimit"))]


@pytest.mark.parametrize("trouble", ["unknown", "expired", "revoked", "missing", "of another API"])
def test_a_credential_that_is_no_good_is_an_invalid_api_key(trouble: str) -> None:
    """401 in OpenAI's shape; a request without any is one too, by no code.

    The header of another API is no credential.
    """
    with stage() as at:
        sent = {"authorization": "Bearer wrong"}
        if trouble == "expired":
            sent = {"authorization": f"Bearer {at.provider.issue('a', expired=True).access_token}"}
        elif trouble == "revoked":
            sent = {"authorization": f"Bearer {at.provider.add_api_key('a')}"}
            at.provider.revoke("a")
        elif trouble == "missing":
            sent = {}
        elif trouble == "of another API":
            sent = {"x-api-key": at.provider.add_api_key("a")}
        response = CHAT.ask(at, "", headers=sent)
    error = response.json()["error"]
    without = trouble in {"missing", "of another API"}
    assert (response.status_code, error["type"], error["param"]) == (401, "invalid_request_error", None)
    assert error["code"] == (None if without else "invalid_api_key")
    assert not any(value.removeprefix("Bearer ") in response.text for value in sent.values())


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, "invalid_request_error", None),
        (401, "invalid_request_error", "invalid_api_key"),
        (403, "request_forbidden", None),
        (404, "invalid_request_error", None),
        (429, "requests", "rate_limit_exceeded"),
        (500, "server_error", None),
        (503, "service_unavailable_error", "server_is_overloaded"),
        (529, "service_unavailable_error", "server_is_overloaded"),
    ],
)
def test_a_fault_has_openais_name_for_its_status(status: int, kind: str, code: str | None) -> None:
    """And the wait that it was given."""
    with stage() as at:
        at.provider.fail_next(status, retry_after=7)
        response = CHAT.ask(at, "any")
    error = {"message": "Fault on request", "type": kind, "param": None, "code": code}
    assert (response.status_code, response.json()) == (status, {"error": error})
    assert (response.headers["retry-after"], response.headers["x-request-id"]) == ("7", "req_000001")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": ""}, "you must provide a model parameter"),
        ({"messages": []}, "Missing required parameter: 'messages'."),
        ({"stream": "yes"}, "Invalid type for 'stream': expected a boolean."),
    ],
)
def test_a_malformed_request_is_told_so_and_costs_nothing(changes: dict[str, object], message: str) -> None:
    """400, and the one request of the quota is still there."""
    with stage(Quota(requests=1, window_seconds=60)) as at:
        token = at.provider.issue("a").access_token
        headers = {"authorization": f"Bearer {token}"}
        response = at.client.post(CHAT.path, headers=headers, json={**CHAT.question, **changes})
        assert CHAT.ask(at, token).status_code == 200
    assert (response.status_code, response.json()["error"]["message"]) == (400, message)
