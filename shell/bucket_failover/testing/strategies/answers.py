"""What providers say: whole answers, in the shapes of well-known APIs."""

import json
from collections.abc import Iterator
from typing import Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from bucket_failover.testing.strategies.facts import NOW
from bucket_failover_core import CallFailure

_HINTS: Final = (1, 20, 60, 7_200)
"""Seconds that a provider asks to wait: a burst's, and two hours."""


def answers(*, now: float = NOW, served: bool | None = None) -> SearchStrategy[CallFailure]:
    """Answers as Anthropic, OpenAI and Google send them, with their statuses, headers and bodies; and none at all.

    What fails: bursts, spent windows and balances, refused credentials, overload, errors of the server, a gateway's
    page, an error event in a 200 stream, a broken connection, a timeout, and requests that are wrong.

    Example: `read_answer(data.draw(answers(served=False)), now=NOW).verdict` says what it was.

    Args:
        now: Unix seconds; a hint is for 1, 20, 60 or 7 200 seconds from then.
        served: only those that are served, or only those that are not; None: both.
    """
    good, bad = st.sampled_from(tuple(_served(now))), st.sampled_from(tuple(_failed(now)))
    if served is None:
        return st.one_of(bad, good)
    return good if served else bad


def _served(now: float) -> Iterator[CallFailure]:
    yield CallFailure(status=200)
    unified = "anthropic-ratelimit-unified-5h"
    for used in ("0.05", "0.98"):
        told = (
            (f"{unified}-status", "allowed"),
            (f"{unified}-utilization", used),
            (f"{unified}-reset", f"{now + 60:.0f}"),
        )
        yield CallFailure(status=200, headers=told)
    yield CallFailure(
        status=200, headers=(("x-ratelimit-remaining-requests", "59"), ("x-ratelimit-reset-requests", "1s"))
    )


def _failed(now: float) -> Iterator[CallFailure]:
    yield CallFailure(error_kind="network")
    yield CallFailure(error_kind="timeout")
    yield CallFailure(error_kind="network", output_started=True)
    yield CallFailure(status=502, headers=(("content-type", "text/html"),), body="<html>502 Bad Gateway</html>")
    yield from _anthropic_errors(now)
    yield from _openai_errors()
    yield from _google_errors()


def _anthropic_errors(now: float) -> Iterator[CallFailure]:
    def error(kind: str, message: str = "as the provider put it") -> str:
        return json.dumps({"type": "error", "error": {"type": kind, "message": message}})

    for seconds in _HINTS:
        hint = ("retry-after", str(seconds))
        yield CallFailure(status=429, headers=(hint,), body=error("rate_limit_error"))
        unified = (("status", "rejected"), ("reset", f"{now + seconds:.0f}"), ("representative-claim", "five_hour"))
        window = tuple((f"anthropic-ratelimit-unified-{name}", value) for name, value in unified)
        yield CallFailure(status=429, headers=(*window, hint), body=error("rate_limit_error"))
    yield CallFailure(status=401, body=error("authentication_error", "OAuth token has expired"))
    yield CallFailure(status=403, body=error("permission_error", "OAuth token has been revoked"))
    yield CallFailure(status=403, body=error("permission_error", "Your key may not use this resource"))
    yield CallFailure(status=400, body=error("invalid_request_error", "Your credit balance is too low"))
    yield CallFailure(status=400, body=error("invalid_request_error", "max_tokens: must be positive"))
    yield CallFailure(status=500, body=error("api_error"))
    yield CallFailure(status=529, headers=(("x-should-retry", "true"),), body=error("overloaded_error", "Overloaded"))
    yield CallFailure(status=200, body=error("overloaded_error", "Overloaded"))  # an event of the stream


def _openai_errors() -> Iterator[CallFailure]:
    def error(kind: str, code: str | None) -> str:
        return json.dumps({"error": {"message": "as the provider put it", "type": kind, "param": None, "code": code}})

    for seconds in _HINTS:
        headers = (("retry-after", str(seconds)), ("x-ratelimit-remaining-requests", "0"))
        yield CallFailure(status=429, headers=headers, body=error("requests", "rate_limit_exceeded"))
    yield CallFailure(status=429, body=error("insufficient_quota", "insufficient_quota"))
    yield CallFailure(status=401, body=error("invalid_request_error", "invalid_api_key"))
    yield CallFailure(status=404, body=error("invalid_request_error", "model_not_found"))
    yield CallFailure(status=503, body=error("server_error", None))


def _google_errors() -> Iterator[CallFailure]:
    def error(status: int, name: str, *details: dict[str, str]) -> str:
        return json.dumps({"error": {"code": status, "message": "as put", "status": name, "details": details}})

    kinds = "type.googleapis.com/google.rpc"
    for seconds in _HINTS:
        hint = {"@type": f"{kinds}.RetryInfo", "retryDelay": f"{seconds}s"}
        yield CallFailure(status=429, body=error(429, "RESOURCE_EXHAUSTED", hint))
    refused = {"@type": f"{kinds}.ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"}
    yield CallFailure(status=400, body=error(400, "INVALID_ARGUMENT", refused))
    yield CallFailure(status=401, body=error(401, "UNAUTHENTICATED"))
    yield CallFailure(status=503, body=error(503, "UNAVAILABLE"))
