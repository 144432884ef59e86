"""OpenAI's Chat Completions: `POST /v1/chat/completions`.

Source: OpenAI API reference, "Chat Completions" (the object, and the chunk object of its streams).
"""

from typing_extensions import override

from bucket_failover.testing.answers import JsonObject
from bucket_failover.testing.haiku import INPUT_TOKENS
from bucket_failover.testing.shapes.openai import OpenAI
from bucket_failover.testing.shapes.shape import Asked, Call, Parts, Said, first_name, json_object, objects, sse

_DONE = "data: [DONE]\n\n"


class ChatCompletions(OpenAI):
    """The endpoint that most providers have."""

    endpoint = "chat_completions"

    @override
    def read(self, call: Call) -> Asked | str:
        asked = json_object(call.body)
        if isinstance(asked, str):
            return asked
        model, messages, stream = (asked.get(name) for name in ("model", "messages", "stream"))
        if not isinstance(model, str) or not model:
            return "you must provide a model parameter"
        if not isinstance(messages, list) or not messages:
            return "Missing required parameter: 'messages'."
        if not isinstance(stream, bool | None):
            return "Invalid type for 'stream': expected a boolean."
        options = asked.get("stream_options")
        tells_usage = isinstance(options, dict) and options.get("include_usage") is True
        return Asked(model, stream=bool(stream), tool=_tool(asked), tells_usage=tells_usage)

    @override
    def whole(self, said: Said) -> JsonObject:
        message = {"role": "assistant", "refusal": None}
        answer = {"content": said.text} if said.asked.tool is None else {"content": None, "tool_calls": [_call(said)]}
        choice = {"index": 0, "message": message | answer, "logprobs": None, "finish_reason": _finish_reason(said)}
        return {**_frame(said, "chat.completion"), "choices": [choice], "usage": _usage(said)}

    @override
    def streamed(self, said: Said) -> Parts:
        if said.asked.tool is None:
            opening: JsonObject = {"role": "assistant", "content": ""}
            deltas: tuple[JsonObject, ...] = tuple({"content": piece} for piece in said.pieces)
        else:
            begun = {**_call(said), "index": 0, "function": {"name": said.asked.tool, "arguments": ""}}
            opening = {"role": "assistant", "content": None, "tool_calls": [begun]}
            deltas = tuple({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]} for piece in said.pieces)
        closing = _chunk(said, {}, finish_reason=_finish_reason(said))
        if said.asked.tells_usage:
            closing += sse({**_frame(said, "chat.completion.chunk"), "choices": [], "usage": _usage(said)})
        return Parts(_chunk(said, opening), tuple(_chunk(said, delta) for delta in deltas), closing + _DONE)


def _tool(asked: dict[str, object]) -> str | None:
    """The tool to call; None where tools are forbidden, or where the last message brings a tool's result."""
    last = objects(asked["messages"])[-1:]
    if asked.get("tool_choice") == "none" or any(message.get("role") == "tool" for message in last):
        return None
    functions = [tool.get("function") for tool in objects(asked.get("tools"))]
    return first_name(objects(functions))


def _call(said: Said) -> JsonObject:
    function = {"name": said.asked.tool, "arguments": said.text}
    return {"id": f"call_{said.number:06}", "type": "function", "function": function}


def _finish_reason(said: Said) -> str:
    return "stop" if said.asked.tool is None else "tool_calls"


def _frame(said: Said, kind: str) -> JsonObject:
    return {"id": f"chatcmpl-{said.number:06}", "object": kind, "created": int(said.at), "model": said.asked.model}


def _chunk(said: Said, delta: JsonObject, *, finish_reason: str | None = None) -> str:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return sse({**_frame(said, "chat.completion.chunk"), "choices": [choice]})


def _usage(said: Said) -> JsonObject:
    words = len(said.pieces)
    return {"prompt_tokens": INPUT_TOKENS, "completion_tokens": words, "total_tokens": INPUT_TOKENS + words}
