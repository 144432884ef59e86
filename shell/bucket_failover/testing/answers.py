"""What goes back over the wire, before HTTP has a hand in it: an answer, or the connection closed without one."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

JsonObject = Mapping[str, object]

_MESSAGES_ERRORS: Final = {
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
"""Source: Anthropic API reference, "Errors"; every other status is an "api_error" there."""

_TOKEN_ERRORS: Final = {400: "invalid_request", 401: "invalid_client", 503: "temporarily_unavailable"}
"""Source: RFC 6749, 5.2. For a fault of the server itself the token endpoint has no code there; servers borrow those of
the authorization endpoint (4.1.2.1), "server_error" and "temporarily_unavailable"."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, headers, and a body in one piece or, for a stream, in several."""

    status: int
    body: str | tuple[str, ...]
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class HangUp:
    """Close the connection without an answer."""


Reply = Answer | HangUp


def json_answer(status: int, body: JsonObject, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer of JSON."""
    return Answer(status, json.dumps(body), {"content-type": "application/json"} | dict(headers or {}))


def messages_error(status: int, message: str, *, request_id: str, headers: Mapping[str, str] | None = None) -> Answer:
    """An error in the shape of the messages endpoint."""
    error = {"type": _MESSAGES_ERRORS.get(status, "api_error"), "message": message}
    body = {"type": "error", "error": error, "request_id": request_id}
    return json_answer(status, body, {"request-id": request_id} | dict(headers or {}))


def token_error(
    status: int, description: str, *, error: str | None = None, headers: Mapping[str, str] | None = None
) -> Answer:
    """An error in the shape of the token endpoint; `error` None: the usual one for the status."""
    body = {"error": error or _TOKEN_ERRORS.get(status, "server_error"), "error_description": description}
    return json_answer(status, body, {"cache-control": "no-store"} | dict(headers or {}))
