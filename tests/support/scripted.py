"""Answers of a script, for the tests of transports."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response, StreamingResponse

from tests.support.callers import KINDS

NOW = 1_786_553_400.0
ASK = {"model": "opus", "max_tokens": 64, "messages": [{"role": "user", "content": "A haiku, please."}]}
ERROR_EVENT = b'event: error\ndata: {"type": "error", "error": {"type": "rate_limit_error", "message": "spent"}}\n\n'
START = b'event: message_start\ndata: {"type": "message_start"}\n\n'
DELTA = b'event: content_block_delta\ndata: {"type": "content_block_delta"}\n\n'

both_families_both_loops = pytest.mark.parametrize("kind", KINDS)


def spent(seconds: int = 7_200) -> Response:
    """A window is spent."""
    headers = {"retry-after": str(seconds), "anthropic-ratelimit-unified-status": "rejected"}
    error = {"type": "error", "error": {"type": "rate_limit_error", "message": "This would exceed your limit."}}
    return JSONResponse(error, 429, headers)


def served() -> Response:
    """A success."""
    return JSONResponse({"ok": True})


def events(*pieces: bytes, **headers: str) -> Callable[[], Response]:
    """A stream of these pieces."""

    async def one_by_one() -> Any:
        for piece in pieces:
            yield piece

    return lambda: StreamingResponse(one_by_one(), media_type="text/event-stream", headers=headers)


def marks(answer: Any) -> tuple[str, ...]:
    """What an answer says of how it was got: bucket, switches, waits."""
    return tuple(answer.headers[f"x-bucket-failover-{name}"] for name in ("bucket", "switches", "waits"))
