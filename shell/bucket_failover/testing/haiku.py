"""The answer itself, a haiku, and the two shapes in which a messages API sends it.

Source: Anthropic API reference, "Messages" (the object) and "Streaming messages" (the order of the events).
"""

import json
import re
from typing import Final

from bucket_failover.testing.answers import JsonObject

HAIKU: Final = (
    "One bucket runs dry;\nthe next one stands in the rain,\nalready half full.",
    "The door says: too soon.\nBeside it another door.\nThe lamp there still burns.",
    "A token grows old.\nQuietly it is renewed\nbefore the first frost.",
    "Nobody was asked.\nThe answer came all the same,\nsigned by someone else.",
)
"""Taken in turn, so that a test can say which comes when."""

_INPUT_TOKENS = 8
"""Invented: nothing here counts what was asked."""


def pieces(text: str) -> tuple[str, ...]:
    """The text word by word, with the blanks that follow each; joined, they are the text."""
    return tuple(re.findall(r"\S+\s*", text))


def whole(text: str, *, number: int, model: str) -> JsonObject:
    """The message as one object; every word counts as one token."""
    return {
        "id": f"msg_{number:06}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": _INPUT_TOKENS, "output_tokens": len(pieces(text))},
    }


def streamed(text: str, *, number: int, model: str, break_after: int | None = None) -> tuple[str, ...]:
    """The message as server-sent events, one per element.

    Example: with `break_after=2` the first two words come, then an `error` event, then the stream ends.

    Args:
        text: what the message says.
        number: tells messages apart.
        model: the name of the model that was asked for.
        break_after: pieces of text before the error; None: no error. More than there are: after the last.
    """
    words = pieces(text)
    usage = {"input_tokens": _INPUT_TOKENS, "output_tokens": 1}
    begun = dict(whole(text, number=number, model=model)) | {"content": [], "stop_reason": None, "usage": usage}
    opening = (
        _event("message_start", message=begun),
        _event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
    )
    deltas = tuple(_event("content_block_delta", index=0, delta={"type": "text_delta", "text": word}) for word in words)
    if break_after is not None:
        error = {"type": "overloaded_error", "message": "Overloaded"}
        return (*opening, *deltas[:break_after], _event("error", error=error))
    stop = {"stop_reason": "end_turn", "stop_sequence": None}
    return (
        *opening,
        *deltas,
        _event("content_block_stop", index=0),
        _event("message_delta", delta=stop, usage={"output_tokens": len(words)}),
        _event("message_stop"),
    )


def _event(kind: str, **data: object) -> str:
    return f"event: {kind}\ndata: {json.dumps({'type': kind} | data)}\n\n"
