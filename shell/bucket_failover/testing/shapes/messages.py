"""Anthropic's Messages: `POST /v1/messages`.

Source: Anthropic API reference, "Messages" (the object), "Streaming messages" (the order of the events), "Errors".
"""

import math
from typing import Final

from typing_extensions import override

from bucket_failover.testing.answers import Answer, JsonObject, json_answer
from bucket_failover.testing.credentials import Problem
from bucket_failover.testing.haiku import INPUT_TOKENS
from bucket_failover.testing.quota import Reading
from bucket_failover.testing.shapes.shape import (
    Asked,
    Call,
    Parts,
    Presented,
    Said,
    Shape,
    bearer,
    first_name,
    json_object,
    objects,
    sse,
)

_ERRORS: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
"""Every other status is an "api_error"."""

_UNAUTHENTICATED: Final[dict[Problem, str]] = {
    "missing": "a bearer token or an x-api-key is required",
    "unknown key": "invalid x-api-key",
    "unknown token": "invalid bearer token",
    "revoked key": "API key has been revoked",
    "revoked token": "OAuth token has been revoked",
    "expired token": "OAuth token has expired",
}


class Messages(Shape):
    """Anthropic's API, and what resellers make of it."""

    endpoint = "messages"
    overload_status = 529
    overload_message = "Fault on request"

    @override
    def presented(self, call: Call) -> Presented:
        return Presented(bearer(call), call.headers.get("x-api-key"))

    @override
    def read(self, call: Call) -> Asked | str:
        asked = json_object(call.body)
        if isinstance(asked, str):
            return asked
        model, max_tokens, messages, stream = (
            asked.get(name) for name in ("model", "max_tokens", "messages", "stream")
        )
        if not isinstance(model, str) or not model:
            return "model: a name is required"
        if type(max_tokens) is not int or max_tokens < 1:  # exactly int: True is one to isinstance()
            return "max_tokens: a whole number of at least 1 is required"
        if not isinstance(messages, list) or not messages:
            return "messages: at least one message is required"
        if not isinstance(stream, bool | None):
            return "stream: true or false is required"
        return Asked(model, stream=bool(stream), tool=_tool(asked))

    @override
    def whole(self, said: Said) -> JsonObject:
        return {
            "id": f"msg_{said.number:06}",
            "type": "message",
            "role": "assistant",
            "model": said.asked.model,
            "content": [_block(said, text=said.text)],
            "stop_reason": _stop_reason(said),
            "stop_sequence": None,
            "usage": {"input_tokens": INPUT_TOKENS, "output_tokens": len(said.pieces)},
        }

    @override
    def streamed(self, said: Said) -> Parts:
        usage = {"input_tokens": INPUT_TOKENS, "output_tokens": 1}
        begun = {**self.whole(said), "content": [], "stop_reason": None, "usage": usage}
        stop = {"stop_reason": _stop_reason(said), "stop_sequence": None}
        return Parts(
            _event("message_start", message=begun)
            + _event("content_block_start", index=0, content_block=_block(said, text="")),
            tuple(_event("content_block_delta", index=0, delta=_delta(said, piece)) for piece in said.pieces),
            _event("content_block_stop", index=0)
            + _event("message_delta", delta=stop, usage={"output_tokens": len(said.pieces)})
            + _event("message_stop"),
        )

    @override
    def broken(self, said: Said, *, after_pieces: int) -> str:
        return _event("error", error={"type": "overloaded_error", "message": "Overloaded"})

    @override
    def headers(self, reading: Reading | None, *, request_id: str, now: float) -> dict[str, str]:
        return {"request-id": request_id} | ({} if reading is None else _window_headers(reading))

    @override
    def error(self, status: int, message: str, *, request_id: str) -> Answer:
        return _error(status, message, request_id=request_id, headers={"request-id": request_id})

    @override
    def unauthenticated(self, problem: Problem, *, request_id: str) -> Answer:
        return self.error(401, _UNAUTHENTICATED[problem], request_id=request_id)

    @override
    def spent(self, reading: Reading, *, request_id: str, now: float) -> Answer:
        # Rounded up, so that a client that comes back exactly then is not too early.
        wait = {"retry-after": str(math.ceil(reading.resets_at - now))}
        message = "This request would exceed your account's rate limit. Please try again later."
        headers = self.headers(reading, request_id=request_id, now=now) | wait
        return _error(429, message, request_id=request_id, headers=headers)


def _error(status: int, message: str, *, request_id: str, headers: dict[str, str]) -> Answer:
    error = {"type": _ERRORS.get(status, "api_error"), "message": message}
    return json_answer(status, {"type": "error", "error": error, "request_id": request_id}, headers)


def _tool(asked: dict[str, object]) -> str | None:
    """The tool to call; None where tools are forbidden, or where the last message brings a tool's result."""
    choice = asked.get("tool_choice")
    last = objects(asked["messages"])[-1:]
    results = [block for message in last for block in objects(message.get("content"))]
    if any(block.get("type") == "tool_result" for block in results):
        return None
    if isinstance(choice, dict) and choice.get("type") == "none":
        return None
    return first_name(objects(asked.get("tools")))


def _block(said: Said, *, text: str) -> JsonObject:
    if said.asked.tool is None:
        return {"type": "text", "text": text}
    return {"type": "tool_use", "id": f"toolu_{said.number:06}", "name": said.asked.tool, "input": {}}


def _delta(said: Said, piece: str) -> JsonObject:
    if said.asked.tool is None:
        return {"type": "text_delta", "text": piece}
    return {"type": "input_json_delta", "partial_json": piece}


def _stop_reason(said: Said) -> str:
    return "end_turn" if said.asked.tool is None else "tool_use"


def _event(kind: str, **data: object) -> str:
    return sse({"type": kind} | data, event=kind)


def _window_headers(reading: Reading) -> dict[str, str]:
    """The state of a subscription's window; a plain rate limit has none.

    Source: what the Anthropic API sends to subscription (OAuth) clients; not part of its reference.
    """
    if reading.window == "minute":
        return {}
    prefix = "anthropic-ratelimit-unified"
    status, resets_at = "allowed" if reading.admitted else "rejected", str(math.ceil(reading.resets_at))
    return {
        f"{prefix}-status": status,
        f"{prefix}-reset": resets_at,
        f"{prefix}-{reading.window}-status": status,
        f"{prefix}-{reading.window}-reset": resets_at,
        f"{prefix}-{reading.window}-utilization": f"{reading.utilization:g}",
    }
