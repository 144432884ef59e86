"""OpenAI's Responses: `POST /v1/responses`.

Source: OpenAI API reference, "Responses" (the object) and "Streaming events" (their order, and their numbers).
"""

from typing_extensions import override

from bucket_failover.testing.answers import JsonObject
from bucket_failover.testing.haiku import INPUT_TOKENS
from bucket_failover.testing.shapes.openai import OVERLOADED, OpenAI
from bucket_failover.testing.shapes.shape import Asked, Call, Parts, Said, first_name, json_object, objects, sse


class Responses(OpenAI):
    """The endpoint with typed events."""

    endpoint = "responses"

    @override
    def read(self, call: Call) -> Asked | str:
        asked = json_object(call.body)
        if isinstance(asked, str):
            return asked
        model, given, stream = (asked.get(name) for name in ("model", "input", "stream"))
        if not isinstance(model, str) or not model:
            return "Missing required parameter: 'model'."
        if not isinstance(given, str | list) or not given:
            return "Missing required parameter: 'input'."
        if not isinstance(stream, bool | None):
            return "Invalid type for 'stream': expected a boolean."
        return Asked(model, stream=bool(stream), tool=_tool(asked))

    @override
    def whole(self, said: Said) -> JsonObject:
        words = len(said.pieces)
        usage = {
            "input_tokens": INPUT_TOKENS,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": words,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": INPUT_TOKENS + words,
        }
        return {**_begun(said), "status": "completed", "output": [_item(said, said.text)], "usage": usage}

    @override
    def streamed(self, said: Said) -> Parts:
        opening, closing = _opening(said), _closing(said, self.whole(said))
        ends_at = len(opening) + len(said.pieces)
        kind = "output_text" if said.asked.tool is None else "function_call_arguments"
        return Parts(
            "".join(_event(event, number) for number, event in enumerate(opening)),
            tuple(
                _event({"type": f"response.{kind}.delta", **_place(said), "delta": piece}, number)
                for number, piece in enumerate(said.pieces, len(opening))
            ),
            "".join(_event(event, number) for number, event in enumerate(closing, ends_at)),
        )

    @override
    def broken(self, said: Said, *, after_pieces: int) -> str:
        error = {"type": "error", "code": OVERLOADED, "message": self.overload_message, "param": None}
        return _event(error, len(_opening(said)) + after_pieces)


def _tool(asked: dict[str, object]) -> str | None:
    """The function to call; None where tools are forbidden, or where the last item brings a function's result."""
    last = objects(asked["input"])[-1:]
    if asked.get("tool_choice") == "none" or any(item.get("type") == "function_call_output" for item in last):
        return None
    return first_name([tool for tool in objects(asked.get("tools")) if tool.get("type") == "function"])


def _begun(said: Said) -> JsonObject:
    return {
        "id": f"resp_{said.number:06}",
        "object": "response",
        "created_at": int(said.at),
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": said.asked.model,
        "output": [],
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": None,
    }


def _item(said: Said, text: str | None) -> JsonObject:
    """The one item of the answer; text None: it has only begun."""
    state = "in_progress" if text is None else "completed"
    if said.asked.tool is None:
        content = [] if text is None else [_text(text)]
        return {"id": _item_id(said), "type": "message", "status": state, "role": "assistant", "content": content}
    return {
        "id": _item_id(said),
        "type": "function_call",
        "status": state,
        "call_id": f"call_{said.number:06}",
        "name": said.asked.tool,
        "arguments": text or "",
    }


def _item_id(said: Said) -> str:
    return f"{'msg' if said.asked.tool is None else 'fc'}_{said.number:06}"


def _text(text: str) -> JsonObject:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _place(said: Said) -> JsonObject:
    """Where a piece belongs."""
    place: JsonObject = {"item_id": _item_id(said), "output_index": 0}
    return {**place, "content_index": 0, "logprobs": []} if said.asked.tool is None else place


def _opening(said: Said) -> list[JsonObject]:
    events: list[JsonObject] = [
        {"type": "response.created", "response": _begun(said)},
        {"type": "response.in_progress", "response": _begun(said)},
        {"type": "response.output_item.added", "output_index": 0, "item": _item(said, None)},
    ]
    if said.asked.tool is None:
        place = {"item_id": _item_id(said), "output_index": 0, "content_index": 0}
        events.append({"type": "response.content_part.added", **place, "part": _text("")})
    return events


def _closing(said: Said, whole: JsonObject) -> list[JsonObject]:
    if said.asked.tool is None:
        place = {"item_id": _item_id(said), "output_index": 0, "content_index": 0}
        done: list[JsonObject] = [
            {"type": "response.output_text.done", **_place(said), "text": said.text},
            {"type": "response.content_part.done", **place, "part": _text(said.text)},
        ]
    else:
        arguments = {"name": said.asked.tool, "arguments": said.text}
        done = [{"type": "response.function_call_arguments.done", **_place(said), **arguments}]
    return [
        *done,
        {"type": "response.output_item.done", "output_index": 0, "item": _item(said, said.text)},
        {"type": "response.completed", "response": whole},
    ]


def _event(event: JsonObject, number: int) -> str:
    return sse({**event, "sequence_number": number}, event=str(event["type"]))
