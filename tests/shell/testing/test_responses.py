"""`POST /v1/responses` over real HTTP: the object, and what is malformed. Its events are read by the SDK's tests."""

import pytest

from bucket_failover.testing import HAIKU, Quota, ReceivedRequest
from tests.shell.testing.shapes import CHAT, MESSAGES, RESPONSES
from tests.shell.testing.stage import START, stage


@pytest.mark.parametrize("given", ["A haiku, please.", MESSAGES])
def test_the_answer_is_a_haiku_in_the_shape_of_a_response(given: object) -> None:
    """Asked with text or with items: one message with one text."""
    with stage() as at:
        response = RESPONSES.ask(at, at.provider.issue("a").access_token, input=given)
        assert at.provider.requests == (ReceivedRequest("responses", "a", 200, START),)
    body = response.json()
    assert (body["id"], body["status"], body["created_at"], body["model"]) == (
        "resp_000001",
        "completed",
        1_000,
        "poet-1",
    )
    text = {"type": "output_text", "text": HAIKU[0], "annotations": [], "logprobs": []}
    assert body["output"] == [
        {"id": "msg_000001", "type": "message", "status": "completed", "role": "assistant", "content": [text]}
    ]
    assert response.headers["x-request-id"] == "req_000001"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "The request body is not valid JSON"),
        (b"[]", "The request body must be a JSON object"),
        (b"{}", "Missing required parameter: 'model'."),
        (b'{"model": "m"}', "Missing required parameter: 'input'."),
        (b'{"model": "m", "input": ""}', "Missing required parameter: 'input'."),
        (b'{"model": "m", "input": "?", "stream": 1}', "Invalid type for 'stream': expected a boolean."),
    ],
)
def test_a_malformed_request_is_told_so(body: bytes, message: str) -> None:
    """400, in OpenAI's shape."""
    with stage() as at:
        headers = {"authorization": f"Bearer {at.provider.issue('a').access_token}"}
        response = at.client.post(RESPONSES.path, headers=headers, content=body)
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    assert (response.status_code, response.json()) == (400, {"error": error})


def test_one_quota_is_behind_all_shapes() -> None:
    """Two requests, whatever their shapes, and the third is refused; the haiku go on from one to the next."""
    with stage(Quota(requests=2, window_seconds=60)) as at:
        token = at.provider.issue("a").access_token
        first, second, third = CHAT.ask(at, token), RESPONSES.ask(at, token), at.ask(token)
        assert [request.endpoint for request in at.provider.requests] == ["chat_completions", "responses", "messages"]
    assert first.json()["choices"][0]["message"]["content"] == HAIKU[0]
    assert second.json()["output"][0]["content"][0]["text"] == HAIKU[1]
    assert third.status_code == 429
