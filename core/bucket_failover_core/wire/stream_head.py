"""Has the stream of a 200 begun to answer, or does it begin with an error?

Rules:

* A stream is passed on with its first event that has output. Until then it can be dropped, and the request repeated.
* An error event before it is a failure like any other: subscriptions report spent windows so.
* Events that only announce hold nothing back for long: Anthropic's `message_start`, `content_block_start` and `ping`,
  OpenAI's `response.created` and the like, a first chunk of chat completions that has nothing but a role, and comments.
  Every other event counts as output: what is not known is not waited out.
* Only the first 64 KiB are looked at; what says nothing until then is output.
* Lines end as the standard lets them: with LF, CRLF or CR. A CRLF is one end, also if a chunk ends in its middle.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation, and the streaming
references of Anthropic and OpenAI, as of 2026.
"""

import re
from typing import Final, Literal

from pydantic_core import from_json

from bucket_failover_core.answers import read_answer
from bucket_failover_core.answers.error_body import as_mapping
from bucket_failover_core.facts import CallFailure

StreamHead = Literal["open", "output", "error"]
"""More is to be read; the answer has begun; it is an error."""

_HEAD_BYTES_MAX: Final = 65_536
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_NAME: Final = re.compile(rb"^event:(.*)", re.MULTILINE)
_DATA: Final = re.compile(rb"^data(?::|$)", re.MULTILINE)
_KIND: Final = re.compile(rb'"type"\s*:\s*"([a-z_.]+)"')
_ANNOUNCING: Final = frozenset(
    {
        b"content_block_start",
        b"keepalive",
        b"message_start",
        b"ping",
        b"response.content_part.added",
        b"response.created",
        b"response.in_progress",
        b"response.output_item.added",
        b"response.queued",
    }
)
_TELLING: Final = re.compile(rb"error|xception|response\.failed")


def read_stream_head(head: bytes) -> StreamHead:
    """What the beginning of a stream is; never raises.

    Example: a whole `event: ping` is "open"; with a whole `event: error` after it, "error".

    Args:
        head: the first bytes of a `text/event-stream`, as far as they have come.
    """
    looked_at = head[:_HEAD_BYTES_MAX].removeprefix(_BYTE_ORDER_MARK)
    events = looked_at.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n\n")
    for event in events[:-1]:
        if _TELLING.search(event) and _is_error(event):
            return "error"
        if _DATA.search(event) and not _announces(event):
            return "output"
    return "output" if len(head) >= _HEAD_BYTES_MAX else "open"


def _announces(event: bytes) -> bool:
    name = _NAME.search(event)
    if name is not None and name[1].strip():
        return name[1].strip() in _ANNOUNCING
    kind = _KIND.search(event)
    return kind[1] in _ANNOUNCING if kind is not None else b'"delta"' in event and _has_only_roles(event)


def _has_only_roles(event: bytes) -> bool:
    """Whether it is a chunk of chat completions in which nothing has been said yet."""
    data = b"\n".join(line.removeprefix(b"data:") for line in event.split(b"\n") if line.startswith(b"data:"))
    try:
        chunk = from_json(data)
    except ValueError:
        return False
    choices = as_mapping(chunk).get("choices")
    if not isinstance(choices, list) or not choices:
        return False
    deltas = [as_mapping(as_mapping(choice).get("delta")) for choice in choices]
    said = (value for delta in deltas for name, value in delta.items() if name != "role")
    return any("role" in delta for delta in deltas) and not any(said)


def _is_error(event: bytes) -> bool:
    body = event.decode(errors="replace")
    return not read_answer(CallFailure(status=200, body=body), now=0.0, reads_windows=False).served
