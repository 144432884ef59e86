"""Tools: in every shape the first of them is called, until its result has come."""

import anthropic
import httpx2
import pytest

from bucket_failover.testing import HAIKU, EmbeddedProvider
from tests.shell.testing.shapes import ANTHROPIC, CHAT, CONTENTS, GEMINI, MESSAGES, RESPONSES, SCHEMA, WAYS, Way
from tests.shell.testing.stage import stage

FORBIDDEN: dict[str, dict[str, object]] = {
    "messages": {"tool_choice": {"type": "none"}},
    "chat_completions": {"tool_choice": "none"},
    "responses": {"tool_choice": "none"},
    "generate_content": {"toolConfig": {"functionCallingConfig": {"mode": "NONE"}}},
}
RESULTS: dict[str, dict[str, object]] = {
    "messages": {
        "messages": [
            *MESSAGES,
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_000001", "content": "full"}]},
        ]
    },
    "chat_completions": {
        "messages": [*MESSAGES, {"role": "tool", "tool_call_id": "call_000001", "content": "full"}],
    },
    "responses": {"input": [{"type": "function_call_output", "call_id": "call_000001", "output": "full"}]},
    "generate_content": {
        "contents": [*CONTENTS, {"role": "user", "parts": [{"functionResponse": {"name": "moon", "response": {}}}]}]
    },
}
CALLS: dict[str, object] = {
    "messages": {"type": "tool_use", "id": "toolu_000001", "name": "moon", "input": {}},
    "chat_completions": {
        "id": "call_000001",
        "type": "function",
        "function": {"name": "moon", "arguments": "{}"},
    },
    "responses": {
        "id": "fc_000001",
        "type": "function_call",
        "status": "completed",
        "call_id": "call_000001",
        "name": "moon",
        "arguments": "{}",
    },
    "generate_content": {"functionCall": {"name": "moon", "args": {}}},
}


def call_in(body: dict[str, list[dict[str, dict[str, list[object]]]]], way: Way) -> object:
    """The call, where the shape has it."""
    if way is CHAT:
        return body["choices"][0]["message"]["tool_calls"][0]
    if way is GEMINI:
        return body["candidates"][0]["content"]["parts"][0]
    return body["output" if way is RESPONSES else "content"][0]


@pytest.mark.parametrize("name", WAYS)
def test_the_first_tool_is_called_with_empty_arguments(name: str) -> None:
    """What is no function of the client's is passed over."""
    with stage() as at:
        body = WAYS[name].ask(at, at.provider.issue("a").access_token, tools=WAYS[name].tools).json()
    assert call_in(body, WAYS[name]) == CALLS[name]


@pytest.mark.parametrize("changes", [FORBIDDEN, RESULTS], ids=["forbidden", "with its result"])
@pytest.mark.parametrize("name", WAYS)
def test_no_tool_is_called(name: str, changes: dict[str, dict[str, object]]) -> None:
    """Where that is forbidden, or the result is there: a loop of an agent's comes to its end."""
    with stage() as at:
        headers = {"authorization": f"Bearer {at.provider.issue('a').access_token}"}
        question = {**WAYS[name].question, "tools": WAYS[name].tools, **changes[name]}
        response = at.client.post(WAYS[name].path, headers=headers, json=question)
    assert response.status_code == 200
    assert HAIKU[0].splitlines()[0] in response.text


@pytest.mark.parametrize("tools", [[], [{"type": "web_search"}], "nonsense", [1]])
@pytest.mark.parametrize("way", [ANTHROPIC, CHAT, RESPONSES, GEMINI], ids=WAYS)
def test_without_a_function_there_is_a_haiku(way: Way, tools: object) -> None:
    """Empty, or the provider's own."""
    with stage() as at:
        response = way.ask(at, at.provider.issue("a").access_token, tools=tools)
    assert HAIKU[0].splitlines()[0] in response.text


def test_the_anthropic_sdk_reads_a_tool_call() -> None:
    """Whole, and in pieces."""
    provider = EmbeddedProvider()
    provider.add_account("a")
    with (
        provider.serve_in_thread() as base_url,
        httpx2.Client(trust_env=False) as http,
        anthropic.Anthropic(
            base_url=base_url, api_key=provider.add_api_key("a"), max_retries=0, http_client=http
        ) as client,
    ):
        whole = client.messages.create(
            model="poet-1",
            max_tokens=64,
            messages=[{"role": "user", "content": "?"}],
            tools=[{"name": "moon", "input_schema": SCHEMA}],
        )
        with client.messages.stream(
            model="poet-1",
            max_tokens=64,
            messages=[{"role": "user", "content": "?"}],
            tools=[{"name": "moon", "input_schema": SCHEMA}],
        ) as stream:
            streamed = stream.get_final_message()
    for message in (whole, streamed):
        block = message.content[0]
        assert isinstance(block, anthropic.types.ToolUseBlock)
        assert (block.name, block.input, message.stop_reason) == ("moon", {}, "tool_use")
