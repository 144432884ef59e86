"""OpenAI's audio transcriptions: `POST /v1/audio/transcriptions`, the one endpoint that takes an upload.

Source: OpenAI API reference, "Create transcription" (the form, the JSON object, and the events of its streams).
"""

from typing_extensions import override

from bucket_failover.testing.answers import JsonObject
from bucket_failover.testing.haiku import INPUT_TOKENS
from bucket_failover.testing.multipart import fields
from bucket_failover.testing.shapes.openai import OpenAI
from bucket_failover.testing.shapes.shape import Asked, Call, Parts, Said, sse


class Transcriptions(OpenAI):
    """What it hears is how much was uploaded, so that a test can see whether all of it has arrived."""

    endpoint = "transcriptions"

    @override
    def read(self, call: Call) -> Asked | str:
        form = fields(call.body, call.headers.get("content-type", ""))
        if form is None:
            return "Could not parse multipart form"
        model = form.get("model", b"").decode("utf-8", errors="replace")
        if not model:
            return "you must provide a model parameter"
        if "file" not in form:
            return "Missing required parameter: 'file'."
        stream = form.get("stream", b"").lower() == b"true"
        return Asked(model, stream=stream, text=f"{len(form['file'])} bytes of audio.")

    @override
    def whole(self, said: Said) -> JsonObject:
        return {"text": said.text, "usage": _usage(said)}

    @override
    def streamed(self, said: Said) -> Parts:
        done = {"type": "transcript.text.done", "text": said.text, "usage": _usage(said)}
        deltas = ({"type": "transcript.text.delta", "delta": piece} for piece in said.pieces)
        return Parts("", tuple(sse(delta) for delta in deltas), sse(done) + "data: [DONE]\n\n")


def _usage(said: Said) -> JsonObject:
    words = len(said.pieces)
    return {
        "type": "tokens",
        "input_tokens": INPUT_TOKENS,
        "output_tokens": words,
        "total_tokens": INPUT_TOKENS + words,
    }
