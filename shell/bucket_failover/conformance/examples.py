"""Two classifiers that are not ours, to be held against the pack: as examples of a classifier, and as a comparison.

    python -m bucket_failover.conformance bucket_failover.conformance.examples:by_status --table
    python -m bucket_failover.conformance bucket_failover.conformance.examples:by_exception --table

Both say only what a failed call was (`cause`); limits and wishes, which they have none of, are not compared.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

_SUCCESSES: Final = range(200, 300)
_SERVER_ERROR: Final = 500
_CLIENT_ERROR: Final = 400

_BY_STATUS: Final[Mapping[int, str]] = MappingProxyType(
    {
        401: "unauthenticated",
        402: "quota",
        403: "forbidden",
        408: "timeout",
        429: "quota",
        503: "overloaded",
        529: "overloaded",
    }
)


def by_status(failure: Mapping[str, Any], now: float) -> dict[str, Any]:  # noqa: ARG001 - a status has no moment
    """What the HTTP status says, and nothing else.

    Source: RFC 9110, 15.5 and 15.6.
    """
    if failure.get("error_kind") is not None:
        return {"cause": failure["error_kind"]}
    status = failure.get("status")
    if status is None or status in _SUCCESSES:
        return {"cause": None}
    general = "server-error" if status >= _SERVER_ERROR else "client-error" if status >= _CLIENT_ERROR else None
    return {"cause": _BY_STATUS.get(status, general)}


_CAUSE_BY_EXCEPTION: Final[Mapping[str, str]] = MappingProxyType(
    {
        "BadRequestError": "client-error",
        "AuthenticationError": "unauthenticated",
        "PermissionDeniedError": "forbidden",
        "NotFoundError": "client-error",
        "Timeout": "timeout",
        "UnprocessableEntityError": "client-error",
        "RateLimitError": "quota",
        "InternalServerError": "server-error",
        "ServiceUnavailableError": "overloaded",
        "APIConnectionError": "network",
    }
)
_EXCEPTION_BY_STATUS: Final[Mapping[int, str]] = MappingProxyType(
    {
        400: "BadRequestError",
        401: "AuthenticationError",
        403: "PermissionDeniedError",
        404: "NotFoundError",
        408: "Timeout",
        422: "UnprocessableEntityError",
        429: "RateLimitError",
        503: "ServiceUnavailableError",
    }
)


def by_exception(failure: Mapping[str, Any], now: float) -> dict[str, Any]:  # noqa: ARG001 - an exception has no moment
    """The exception that LiteLLM documents for a status, and what such an exception means.

    Written from its page, not from its code: a status without a line of its own is an `APIConnectionError`, one over
    500 an `InternalServerError`. A `RateLimitError` is counted as `quota`, which is right more often than `throttled`.

    Source: https://docs.litellm.ai/docs/exception_mapping
    """
    if failure.get("error_kind") is not None:
        exception = "Timeout" if failure["error_kind"] == "timeout" else "APIConnectionError"
        return {"cause": _CAUSE_BY_EXCEPTION[exception]}
    status = failure.get("status")
    if status in _SUCCESSES:
        return {"cause": None}
    general = "APIConnectionError" if status is None or status < _SERVER_ERROR else "InternalServerError"
    return {"cause": _CAUSE_BY_EXCEPTION[_EXCEPTION_BY_STATUS.get(status or 0, general)]}
