"""Google's Gemini: `POST /v1beta/models/{model}:generateContent`, and `:streamGenerateContent?alt=sse`.

Source: Gemini API reference, "Generating content" (the response object, and the same in pieces as a stream).
"""

from typing_extensions import override

from bucket_failover.testing.answers import Answer, JsonObject
from bucket_failover.testing.credentials import Problem
from bucket_failover.testing.haiku import INPUT_TOKENS
from bucket_failover.testing.quota import Reading
from bucket_failover.testing.shapes import google_errors
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


class Gemini(Shape):
    """One of the two methods of a model.

    Args:
        streams: it is `streamGenerateContent`.
    """

    endpoint = "generate_content"
    overload_status = 503
    overload_message = "The model is overloaded. Please try again later."

    def __init__(self, *, streams: bool) -> None:
        self._streams = streams

    @override
    def presented(self, call: Call) -> Presented:
        return Presented(bearer(call), call.headers.get("x-goog-api-key", call.query.get("key")))

    @override
    def read(self, call: Call) -> Asked | str:
        asked = json_object(call.body)
        if isinstance(asked, str):
            return asked
        if not objects(asked.get("contents")):
            return "* GenerateContentRequest.contents: contents is not specified"
        if self._streams and call.query.get("alt") != "sse":
            return "alt=sse is required: a stream as one JSON array is not something that this provider has"
        return Asked(call.path["model"], stream=self._streams, tool=_tool(asked))

    @override
    def whole(self, said: Said) -> JsonObject:
        return _response(said, _parts(said, said.text), ends=True)

    @override
    def streamed(self, said: Said) -> Parts:
        pieces = tuple(sse(_response(said, _parts(said, piece), ends=False)) for piece in said.pieces)
        return Parts("", pieces, sse(_response(said, [{"text": ""}], ends=True)))

    @override
    def broken(self, said: Said, *, after_pieces: int) -> str:
        return sse(google_errors.body(self.overload_status, self.overload_message))

    @override
    def headers(self, reading: Reading | None, *, request_id: str, now: float) -> dict[str, str]:
        return {}  # neither an id nor a quota is in Google's

    @override
    def error(self, status: int, message: str, *, request_id: str) -> Answer:
        return google_errors.error(status, message)

    @override
    def unauthenticated(self, problem: Problem, *, request_id: str) -> Answer:
        return google_errors.unauthenticated(problem)

    @override
    def spent(self, reading: Reading, *, request_id: str, now: float) -> Answer:
        return google_errors.spent(reading, now=now)


def _tool(asked: dict[str, object]) -> str | None:
    """The function to call; None where functions are forbidden, or where the last content brings a function's result.

    Names are in camel case, or in snake case as protobuf's JSON allows on input.
    """
    last = objects(asked["contents"])[-1:]
    parts = [part for content in last for part in objects(content.get("parts"))]
    if any("functionResponse" in part or "function_response" in part for part in parts):
        return None
    if _mode(asked) == "NONE":
        return None
    tools = objects(asked.get("tools"))
    declared = [tool.get("functionDeclarations", tool.get("function_declarations")) for tool in tools]
    return first_name([function for functions in declared for function in objects(functions)])


def _mode(asked: dict[str, object]) -> object:
    config = asked.get("toolConfig", asked.get("tool_config"))
    calling = (
        config.get("functionCallingConfig", config.get("function_calling_config")) if isinstance(config, dict) else None
    )
    return calling.get("mode") if isinstance(calling, dict) else None


def _parts(said: Said, text: str) -> list[JsonObject]:
    if said.asked.tool is None:
        return [{"text": text}]
    return [{"functionCall": {"name": said.asked.tool, "args": {}}}]


def _response(said: Said, parts: list[JsonObject], *, ends: bool) -> JsonObject:
    candidate: JsonObject = {"content": {"parts": parts, "role": "model"}, "index": 0}
    words = len(said.pieces)
    usage = {"promptTokenCount": INPUT_TOKENS}
    if ends:
        candidate = {**candidate, "finishReason": "STOP"}
        usage |= {"candidatesTokenCount": words, "totalTokenCount": INPUT_TOKENS + words}
    return {
        "candidates": [candidate],
        "usageMetadata": usage,
        "modelVersion": said.asked.model,
        "responseId": f"response-{said.number:06}",
    }
