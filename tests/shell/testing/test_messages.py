"""`POST /v1/messages` over real HTTP: who may ask, what comes back, and what the quota says about it."""

import json
from itertools import pairwise

import pytest

from bucket_failover.testing import HAIKU, Quota, ReceivedRequest
from tests.shell.testing.stage import ASK, START, Stage, error, stage


def test_the_answer_is_a_haiku_in_the_shape_of_a_message() -> None:
    """Three lines, one text block, the model that was asked for; and the next answer is the next haiku."""
    with stage() as at:
        token = at.provider.issue("a").access_token
        answers = [at.ask(token) for _ in range(len(HAIKU) + 1)]
    first = answers[0].json()
    assert [answer.json()["content"][0]["text"] for answer in answers] == [*HAIKU, HAIKU[0]]
    assert all(len(text.splitlines()) == 3 for text in HAIKU)
    assert first == {
        "id": "msg_000001",
        "type": "message",
        "role": "assistant",
        "model": "poet-1",
        "content": [{"type": "text", "text": HAIKU[0]}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 8, "output_tokens": 14},
    }
    assert answers[0].headers["content-type"] == "application/json"
    assert answers[0].headers["request-id"] == "req_000001"
    assert not any(name.startswith("anthropic-ratelimit") for name in answers[0].headers)


def test_a_stream_brings_the_same_haiku_word_by_word() -> None:
    """The events in the order of the API reference; the pieces joined are the text."""
    with stage() as at:
        response = at.ask(at.provider.issue("a").access_token, stream=True)
    assert response.headers["content-type"].startswith("text/event-stream")
    events = [block.split("\n") for block in response.text.strip().split("\n\n")]
    data = [json.loads(line.removeprefix("data: ")) for _, line in events]
    assert [name.removeprefix("event: ") for name, _ in events] == [item["type"] for item in data]
    kinds = [kind for kind, following in pairwise([*(item["type"] for item in data), ""]) if kind != following]
    assert kinds == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    words = [item["delta"]["text"] for item in data if item["type"] == "content_block_delta"]
    assert len(words) == 14
    assert "".join(words) == HAIKU[0]


def _unknown(at: Stage) -> dict[str, str]:
    return {"authorization": "Bearer nobodys-secret"}


def _expired(at: Stage) -> dict[str, str]:
    return {"authorization": f"Bearer {at.provider.issue('a', expired=True).access_token}"}


def _revoked(at: Stage) -> dict[str, str]:
    token = at.provider.issue("a")
    at.provider.revoke("a")
    return {"authorization": f"Bearer {token.access_token}"}


def _revoked_key(at: Stage) -> dict[str, str]:
    key = at.provider.add_api_key("a")
    at.provider.revoke("a")
    return {"x-api-key": key}


@pytest.mark.parametrize(
    ("headers", "account", "message"),
    [
        (_unknown, None, "invalid bearer token"),
        (_expired, "a", "OAuth token has expired"),
        (_revoked, "a", "OAuth token has been revoked"),
        (_revoked_key, "a", "API key has been revoked"),
        (lambda _: {"x-api-key": "nobodys-secret"}, None, "invalid x-api-key"),
        (lambda at: {"x-api-key": at.provider.issue("a").access_token}, None, "invalid x-api-key"),
        (lambda _: {}, None, "a bearer token or an x-api-key is required"),
        (lambda _: {"authorization": "Basic eDp5"}, None, "a bearer token or an x-api-key is required"),
        (lambda _: {"authorization": "Bearer"}, None, "invalid bearer token"),
    ],
)
def test_a_credential_that_is_no_good_is_refused_without_being_repeated(
    headers: object, account: str | None, message: str
) -> None:
    """401, and neither the answer nor the record holds the secret."""
    assert callable(headers)
    with stage() as at:
        sent = headers(at)
        response = at.client.post("/v1/messages", headers=sent, json=ASK)
        assert at.provider.requests == (ReceivedRequest("messages", account, 401, START),)
    assert error(response) == (401, "authentication_error", message)
    seen = response.text + str(response.headers) + repr(at.provider.requests)
    assert not any(value.removeprefix("Bearer ") in seen for value in sent.values())


def test_a_token_is_good_until_its_expiry_and_not_at_it() -> None:
    """Half-open: usable while now < expires_at."""
    with stage() as at:
        token = at.provider.issue("a", lifetime_seconds=60)
        at.now = token.expires_at - 0.001
        assert at.ask(token.access_token).status_code == 200
        at.now = token.expires_at
        assert at.ask(token.access_token).status_code == 401


def test_expire_ends_access_tokens_alone_and_only_that_accounts() -> None:
    """The refresh token stays good; another account notices nothing; a token expired earlier stays so."""
    with stage() as at:
        at.provider.add_account("b")
        token, other = at.provider.issue("a"), at.provider.issue("b")
        at.provider.expire("a")
        assert error(at.ask(token.access_token))[2] == "OAuth token has expired"
        assert at.ask(other.access_token).status_code == 200
        fresh = at.refresh(token.refresh_token).json()["access_token"]
        assert at.ask(fresh).status_code == 200


def test_revoke_spares_other_accounts_and_later_logins() -> None:
    """Only what the account held at that moment is withdrawn."""
    with stage() as at:
        at.provider.add_account("b")
        other, other_key = at.provider.issue("b"), at.provider.add_api_key("b")
        at.provider.revoke("a")
        assert at.ask(other.access_token).status_code == 200
        assert at.client.post("/v1/messages", headers={"x-api-key": other_key}, json=ASK).status_code == 200
        assert at.ask(at.provider.issue("a").access_token).status_code == 200


def test_a_bearer_token_speaks_before_an_api_key() -> None:
    """Where both are sent, the record shows whose token it was; a key may come as a bearer token, as SDKs send it."""
    with stage() as at:
        at.provider.add_account("b")
        token, key = at.provider.issue("a").access_token, at.provider.add_api_key("b")
        both = {"authorization": f"bearer {token}", "x-api-key": key}
        at.client.post("/v1/messages", headers=both, json=ASK)
        at.client.post("/v1/messages", headers={"x-api-key": key}, json=ASK)
        at.ask(key)
        assert [(request.account, request.status) for request in at.provider.requests] == [
            ("a", 200),
            ("b", 200),
            ("b", 200),
        ]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "The request body is not valid JSON"),
        (b"\xff", "The request body is not valid JSON"),
        (b"[]", "The request body must be a JSON object"),
        (b"{}", "model: a name is required"),
        (b'{"model": ""}', "model: a name is required"),
        (b'{"model": "m"}', "max_tokens: a whole number of at least 1 is required"),
        (b'{"model": "m", "max_tokens": true}', "max_tokens: a whole number of at least 1 is required"),
        (b'{"model": "m", "max_tokens": 0}', "max_tokens: a whole number of at least 1 is required"),
        (b'{"model": "m", "max_tokens": 1}', "messages: at least one message is required"),
        (b'{"model": "m", "max_tokens": 1, "messages": []}', "messages: at least one message is required"),
        (b'{"model": "m", "max_tokens": 1, "messages": [1], "stream": [1]}', "stream: true or false is required"),
    ],
)
def test_a_malformed_request_is_told_so_and_costs_nothing(body: bytes, message: str) -> None:
    """400, and the one request of the quota is still there."""
    with stage(Quota(requests=1, window_seconds=60)) as at:
        token = at.provider.issue("a").access_token
        headers = {"authorization": f"Bearer {token}"}
        assert error(at.client.post("/v1/messages", headers=headers, content=body)) == (
            400,
            "invalid_request_error",
            message,
        )
        assert at.ask(token).status_code == 200


def test_what_the_provider_does_not_have_is_not_found_and_recorded() -> None:
    """A wrong path or method is a request all the same."""
    with stage() as at:
        assert error(at.client.get("/v1/messages")) == (404, "not_found_error", "Not found")
        assert at.client.post("/v1/messages/count_tokens").status_code == 404
        expected = ReceivedRequest("unknown", None, 404, START)
        assert at.provider.requests == (expected, expected)
