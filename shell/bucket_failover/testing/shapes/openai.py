"""What OpenAI's endpoints have in common: the credential, the errors, and the headers.

Source: OpenAI API reference, "Error codes" and "Rate limits" (the headers and their durations). The names of a refusal
for a spent quota and of an overload are as the API sends them.
"""

import math
from abc import ABC
from typing import Final

from typing_extensions import override

from bucket_failover.testing.answers import Answer, JsonObject, json_answer
from bucket_failover.testing.credentials import Problem
from bucket_failover.testing.durations import go_duration
from bucket_failover.testing.quota import Reading
from bucket_failover.testing.shapes.shape import Call, Presented, Said, Shape, bearer, sse

OVERLOADED: Final = "server_is_overloaded"

_NAMES: Final[dict[int, tuple[str, str | None]]] = {
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("request_forbidden", None),
    429: ("requests", "rate_limit_exceeded"),
    503: ("service_unavailable_error", OVERLOADED),
    529: ("service_unavailable_error", OVERLOADED),
}
"""Type and code by HTTP status. OpenAI sends no 529; it is there because a test may ask for one."""

_SERVER_ERROR: Final = 500

_UNAUTHENTICATED: Final[dict[Problem, str]] = {
    "missing": "You didn't provide an API key. You need to provide it in an Authorization header using Bearer auth.",
    "unknown key": "Incorrect API key provided.",
    "unknown token": "Incorrect API key provided.",
    "revoked key": "Incorrect API key provided.",
    "revoked token": "Your authentication token has been invalidated. Please try signing in again.",
    "expired token": "Provided authentication token is expired. Please try signing in again.",
}


class OpenAI(Shape, ABC):
    """An endpoint of OpenAI's, or of a provider that speaks its shape."""

    overload_status = 503
    overload_message = "Our servers are currently overloaded. Please try again later."

    @override
    def presented(self, call: Call) -> Presented:
        return Presented(bearer(call))

    @override
    def broken(self, said: Said, *, after_pieces: int) -> str:
        return sse(_error_body("service_unavailable_error", OVERLOADED, self.overload_message))

    @override
    def headers(self, reading: Reading | None, *, request_id: str, now: float) -> dict[str, str]:
        return {"x-request-id": request_id} | ({} if reading is None else _window_headers(reading, now=now))

    @override
    def error(self, status: int, message: str, *, request_id: str) -> Answer:
        usual = "server_error" if status >= _SERVER_ERROR else "invalid_request_error"
        kind, code = _NAMES.get(status, (usual, None))
        return json_answer(status, _error_body(kind, code, message), {"x-request-id": request_id})

    @override
    def unauthenticated(self, problem: Problem, *, request_id: str) -> Answer:
        code = None if problem == "missing" else "invalid_api_key"
        body = _error_body("invalid_request_error", code, _UNAUTHENTICATED[problem])
        return json_answer(401, body, {"x-request-id": request_id})

    @override
    def spent(self, reading: Reading, *, request_id: str, now: float) -> Answer:
        headers = self.headers(reading, request_id=request_id, now=now)
        if reading.window != "minute":
            # What the API says of money and of plans alike: it names no end, in no header.
            message = "You exceeded your current quota, please check your plan and billing details."
            return json_answer(429, _error_body("insufficient_quota", "insufficient_quota", message), headers)
        wait = reading.resets_at - now
        allowed = "" if reading.limit is None else f" Limit {reading.limit}, Used {reading.limit}, Requested 1."
        message = f"Rate limit reached on requests per min (RPM).{allowed} Please try again in {go_duration(wait)}."
        # Rounded up, so that a client that comes back exactly then is not too early.
        headers |= {"retry-after": str(math.ceil(wait))}
        return json_answer(429, _error_body("requests", "rate_limit_exceeded", message), headers)


def _error_body(kind: str, code: str | None, message: str) -> JsonObject:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def _window_headers(reading: Reading, *, now: float) -> dict[str, str]:
    """The state of a plain rate limit; a plan's quota has no headers."""
    if reading.window != "minute" or reading.limit is None:
        return {}
    return {
        "x-ratelimit-limit-requests": str(reading.limit),
        "x-ratelimit-remaining-requests": str(reading.remaining),
        "x-ratelimit-reset-requests": go_duration(reading.resets_at - now),
    }
