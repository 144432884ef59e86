"""Gemini's two methods over real HTTP, in Google's shape."""

import pytest

from bucket_failover.testing import HAIKU, Quota, ReceivedRequest
from tests.shell.testing.shapes import CONTENTS, GEMINI, events
from tests.shell.testing.stage import START, Stage, stage


def details(response: object) -> dict[str, dict[str, object]]:
    """The details of an error by the last part of their type."""
    assert isinstance(response, dict)
    return {detail["@type"].rpartition(".")[2]: detail for detail in response["error"]["details"]}


@pytest.mark.parametrize("version", ["v1beta", "v1"])
def test_the_answer_is_a_haiku_in_the_shape_of_a_candidate(version: str) -> None:
    """The model is the one in the path; every word counts as a token."""
    with stage() as at:
        token = at.provider.issue("a").access_token
        response = at.client.post(
            f"/{version}/models/poet-1.5-pro:generateContent",
            headers={"authorization": f"Bearer {token}"},
            json={"contents": CONTENTS},
        )
        assert at.provider.requests == (ReceivedRequest("generate_content", "a", 200, START),)
    assert response.json() == {
        "candidates": [
            {"content": {"parts": [{"text": HAIKU[0]}], "role": "model"}, "index": 0, "finishReason": "STOP"}
        ],
        "usageMetadata": {"promptTokenCount": 8, "candidatesTokenCount": 14, "totalTokenCount": 22},
        "modelVersion": "poet-1.5-pro",
        "responseId": "response-000001",
    }


def test_a_stream_is_responses_of_a_word_each() -> None:
    """Only the last has a reason for its end, and the usage."""
    with stage() as at:
        response = GEMINI.ask(at, at.provider.issue("a").access_token, stream=True)
    assert response.headers["content-type"].startswith("text/event-stream")
    found = [data["candidates"][0] for _, data in events(response.text) if isinstance(data, dict)]
    assert "".join(candidate["content"]["parts"][0]["text"] for candidate in found) == HAIKU[0]
    assert [candidate.get("finishReason") for candidate in found] == [None] * 14 + ["STOP"]


@pytest.mark.parametrize("place", ["x-goog-api-key", "key", "authorization"])
def test_an_api_key_is_good_in_each_of_its_places(place: str) -> None:
    """The header, the parameter, and as a bearer token."""
    with stage() as at:
        key = at.provider.add_api_key("a")
        headers = {"x-goog-api-key": key, "authorization": f"Bearer {key}"}
        response = at.client.post(
            GEMINI.path,
            headers={name: value for name, value in headers.items() if name == place},
            params={"key": key} if place == "key" else {},
            json=GEMINI.question,
        )
    assert response.status_code == 200


def _expired(at: Stage) -> dict[str, str]:
    return {"authorization": f"Bearer {at.provider.issue('a', expired=True).access_token}"}


def _revoked_key(at: Stage) -> dict[str, str]:
    key = at.provider.add_api_key("a")
    at.provider.revoke("a")
    return {"x-goog-api-key": key}


@pytest.mark.parametrize(
    ("headers", "status", "name", "reason"),
    [
        (lambda _: {}, 403, "PERMISSION_DENIED", None),
        (lambda _: {"x-goog-api-key": "wrong"}, 400, "INVALID_ARGUMENT", "API_KEY_INVALID"),
        (_revoked_key, 400, "INVALID_ARGUMENT", "API_KEY_INVALID"),
        (lambda _: {"authorization": "Bearer wrong"}, 401, "UNAUTHENTICATED", "ACCESS_TOKEN_TYPE_UNSUPPORTED"),
        (_expired, 401, "UNAUTHENTICATED", "ACCESS_TOKEN_EXPIRED"),
    ],
)
def test_a_credential_that_is_no_good_is_refused_as_google_does(
    headers: object, status: int, name: str, reason: str | None
) -> None:
    """A key with 400, a token with 401, none at all with 403."""
    assert callable(headers)
    with stage() as at:
        sent = headers(at)
        body = GEMINI.ask(at, "", headers=sent).json()
    assert (body["error"]["code"], body["error"]["status"]) == (status, name)
    assert (details(body)["ErrorInfo"]["reason"] if "details" in body["error"] else None) == reason
    assert not any(value.removeprefix("Bearer ") in str(body) for value in sent.values())


def test_a_spent_rate_limit_is_a_quota_per_minute_with_its_wait() -> None:
    """`RESOURCE_EXHAUSTED`, with `QuotaFailure` and `RetryInfo`."""
    with stage(Quota(requests=1, window_seconds=60, window="minute")) as at:
        token = at.provider.issue("a").access_token
        GEMINI.ask(at, token)
        at.now += 25.93
        spent = GEMINI.ask(at, token)
    body = spent.json()
    assert (spent.status_code, body["error"]["status"]) == (429, "RESOURCE_EXHAUSTED")
    assert body["error"]["message"].endswith("limit: 1\nPlease retry in 34.07s.")
    assert {name: {**detail, "@type": ""} for name, detail in details(body).items()} == {
        "QuotaFailure": {
            "@type": "",
            "violations": [
                {
                    "quotaMetric": "generativelanguage.googleapis.com/generate_content_requests",
                    "quotaValue": "1",
                    "quotaId": "GenerateContentRequestsPerMinutePerProject",
                }
            ],
        },
        "RetryInfo": {"@type": "", "retryDelay": "34.07s"},
    }


def test_a_spent_window_of_a_subscription_says_when_it_resets() -> None:
    """By its end alone: Google has no quota of five hours that an id could name."""
    with stage() as at:
        token = at.provider.issue("a").access_token
        at.provider.spend("a", until=START + 18_000)
        found = details(GEMINI.ask(at, token).json())
    assert found["ErrorInfo"]["reason"] == "QUOTA_EXHAUSTED"
    assert found["ErrorInfo"]["metadata"] == {"quotaResetDelay": "18000s"}
    assert found["RetryInfo"]["retryDelay"] == "18000s"
    metric = "generativelanguage.googleapis.com/generate_content_requests"
    assert found["QuotaFailure"]["violations"] == [{"quotaMetric": metric}]


@pytest.mark.parametrize(
    ("status", "name"),
    [(400, "INVALID_ARGUMENT"), (404, "NOT_FOUND"), (500, "INTERNAL"), (503, "UNAVAILABLE"), (418, "UNKNOWN")],
)
def test_a_fault_has_googles_name_for_its_status(status: int, name: str) -> None:
    """And no details."""
    with stage() as at:
        at.provider.fail_next(status)
        response = GEMINI.ask(at, "any")
    error = {"code": status, "message": "Fault on request", "status": name}
    assert (response.status_code, response.json()) == (status, {"error": error})


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"contents": []}', b'{"contents": "text"}'])
def test_a_malformed_request_is_told_so(body: bytes) -> None:
    """400."""
    with stage() as at:
        headers = {"authorization": f"Bearer {at.provider.issue('a').access_token}"}
        response = at.client.post(GEMINI.path, headers=headers, content=body)
    assert (response.status_code, response.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")


def test_a_stream_is_server_sent_events_alone() -> None:
    """The other form of Google's, one JSON array, is refused."""
    with stage() as at:
        headers = {"authorization": f"Bearer {at.provider.issue('a').access_token}"}
        response = at.client.post(GEMINI.stream_path.partition("?")[0], headers=headers, json=GEMINI.question)
    assert (response.status_code, "alt=sse" in response.text) == (400, True)
