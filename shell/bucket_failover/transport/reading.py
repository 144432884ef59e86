"""What is read of an answer before it is passed on: a failed one whole, of a stream its first event."""

import zlib
from collections.abc import Callable
from typing import Any, Final

from bucket_failover_core.wire import read_stream_head

_ERROR_BYTES_MAX: Final = 1_048_576
"""Of a failed answer, as much is read before it is judged; the rest goes to the client unread."""

_ANY_WINDOW: Final = zlib.MAX_WBITS | 32
"""gzip or zlib, whichever it is. Source: docs.python.org, zlib.decompressobj."""

_HEAD_BYTES_MAX: Final = 65_536
"""So much is unpacked of a piece: no more of a stream's head is looked at."""

_EVENT_ENDS: Final = (b"\n\n", b"\r\r", b"\n\r")
"""Two bytes with which an event ends, however lines end."""

PACKED: Final = frozenset({"", "identity", "gzip", "deflate"})
"""Codings of a stream that can be looked into; one in another coding is passed on as it is."""


class Reading:
    """What was read of an answer before it was passed on.

    Args:
        look: whether that is enough; what it finds of a stream's head is kept here.
    """

    def __init__(self, look: "Callable[[Reading], bool]") -> None:
        self._look = look
        self.chunks: list[bytes] = []
        self.size = 0
        self.text = ""
        self.found = ""

    @property
    def head(self) -> bytes:
        """All that was read."""
        return b"".join(self.chunks)

    def take(self, chunk: bytes) -> bool:
        """One more piece; whether it is enough."""
        self.chunks.append(chunk)
        self.size += len(chunk)
        return self._look(self)


def is_long(reading: Reading) -> bool:
    """Whether so much of a failed answer was read that the rest goes to the client unread."""
    return reading.size > _ERROR_BYTES_MAX


class DecodedHead:
    """The head of a stream, unpacked piece by piece."""

    def __init__(self, encoding: str) -> None:
        self._unpack = zlib.decompressobj(_ANY_WINDOW) if encoding in {"gzip", "deflate"} else None
        self._head = bytearray()
        self._looked_at = 0
        """Events that end before it are neither output nor an error."""

    def has_begun(self, reading: Reading) -> bool:
        """Whether the answer has begun, or is an error. Each event is looked at once, when it has ended."""
        chunk, before = reading.chunks[-1], len(self._head)
        try:
            self._head += chunk if self._unpack is None else self._unpack.decompress(chunk, _HEAD_BYTES_MAX)
        except zlib.error:
            return True  # the client finds out
        if len(self._head) >= _HEAD_BYTES_MAX:
            self._looked_at = 0
        elif not any(end in self._head[max(0, before - 1) :] for end in _EVENT_ENDS):
            return False
        reading.found = read_stream_head(bytes(self._head[self._looked_at :]))
        if reading.found == "error":
            reading.text = self._head.decode(errors="replace")
        self._looked_at = 2 + max(self._head.rfind(end) for end in _EVENT_ENDS)
        return reading.found != "open"


def text_of(http: Any, response: Any, head: bytes) -> str:  # noqa: ANN401 - any family's
    """The text of an answer that was read, unpacked; empty if it cannot be."""
    try:
        return str(http.Response(response.status_code, headers=response.headers, content=head).text)
    except Exception:  # noqa: BLE001 - an answer that was cut off, or packed in a way that is not known, says nothing
        return ""
