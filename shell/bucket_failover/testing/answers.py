"""What goes back over the wire, before HTTP has a hand in it: an answer, or the connection closed without one."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

JsonObject = Mapping[str, object]

_TOKEN_ERRORS: Final = {400: "invalid_request", 401: "invalid_client", 503: "temporarily_unavailable"}
"""Source: RFC 6749, 5.2. For a fault of the server itself the token endpoint has no code there; servers borrow those of
the authorization endpoint (4.1.2.1), "server_error" and "temporarily_unavailable"."""


class Pace(NamedTuple):
    """How slowly an answer is sent: real seconds before its first byte, and before each further piece of a stream."""

    first_byte_seconds: float = 0.0
    piece_seconds: float = 0.0


AT_ONCE: Final = Pace()


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, headers, and a body in one piece or, for a stream, in several.

    Args:
        status: of HTTP.
        body: text; of a stream, its pieces.
        headers: by name.
        pace: how slowly it is sent.
        is_cut: the connection is closed where the body should end.
    """

    status: int
    body: str | tuple[str, ...]
    headers: Mapping[str, str]
    pace: Pace = AT_ONCE
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class HangUp:
    """Close the connection without an answer."""


Reply = Answer | HangUp


def json_answer(status: int, body: JsonObject, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer of JSON."""
    return Answer(status, json.dumps(body), {"content-type": "application/json"} | dict(headers or {}))


def token_error(
    status: int, description: str, *, error: str | None = None, headers: Mapping[str, str] | None = None
) -> Answer:
    """An error in the shape of the token endpoint; `error` None: the usual one for the status."""
    body = {"error": error or _TOKEN_ERRORS.get(status, "server_error"), "error_description": description}
    return json_answer(status, body, {"cache-control": "no-store"} | dict(headers or {}))
