"""The answer of our own where no bucket is left, in the shape that the client of this API expects.

So the client raises its usual exception, at once, with a message that says what to do.

Rules:

* The status is 429, whatever is wrong with the buckets: clients know what it means, and show its message.
* `x-should-retry: false` keeps the SDKs of OpenAI and Anthropic from asking again. `retry-after` is there for other
  clients, in whole seconds, rounded up, if a bucket comes back by itself.
* The shape follows the API that was spoken to, read off the path: a gateway may speak another provider's.

Source: the error objects in the API references of OpenAI, Anthropic and Gemini; RFC 9110, 10.2.3, as of 2026.
"""

import math
from typing import Final, NamedTuple

from pydantic_core import to_json

EXHAUSTED_STATUS: Final = 429

_KIND: Final = "all_buckets_exhausted"


class ExhaustedAnswer(NamedTuple):
    """An answer of our own.

    Args:
        status: of HTTP.
        headers: (name, value) pairs, names in lower case.
        body: JSON.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def exhausted_answer(path: str, message: str, *, retry_at: float | None, now: float) -> ExhaustedAnswer:
    """What a client is answered when no bucket is left.

    Example: on "/v1/messages", `{"type": "error", "error": {"type": "rate_limit_error", "message": …}}`.

    Args:
        path: of the request's address.
        message: what is wrong, and what to do.
        retry_at: Unix seconds at which a bucket comes back by itself; None: none does.
        now: Unix seconds.
    """
    headers = [("content-type", "application/json"), ("x-should-retry", "false")]
    if retry_at is not None:
        headers.append(("retry-after", str(max(1, math.ceil(retry_at - now)))))
    body = to_json(_shaped(path, message.encode(errors="replace").decode()))
    return ExhaustedAnswer(EXHAUSTED_STATUS, tuple(headers), body)


def _shaped(path: str, message: str) -> dict[str, object]:
    if "/messages" in path and "/threads/" not in path:
        return {"type": "error", "error": {"type": "rate_limit_error", "message": message}}
    if ":" in path.rpartition("/")[2]:  # Google's methods: models/NAME:generateContent
        return {"error": {"code": EXHAUSTED_STATUS, "message": message, "status": "RESOURCE_EXHAUSTED"}}
    return {"error": {"message": message, "type": _KIND, "param": None, "code": _KIND}}
