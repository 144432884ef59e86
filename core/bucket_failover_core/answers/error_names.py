"""What errors are called, and which HTTP status says the same: for streams, whose status came before they failed.

Sources: https://platform.claude.com/docs/en/api/errors, https://platform.openai.com/docs/guides/error-codes,
https://cloud.google.com/apis/design/errors, https://openrouter.ai/docs/api-reference/errors,
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html; Codex's as its clients know them.
"""

from typing import Final

from bucket_failover_core.formats import parse_number

MONEY_NAMES: Final = frozenset(
    {
        "insufficient_quota",
        "billing_hard_limit_reached",
        "credit_balance_exhausted",
        "organization_usage_limit_exceeded",
        "organization_spend_limit_exceeded",
        "project_spend_limit_exceeded",
    }
)
"""OpenAI's codes for quota that no wait brings back."""

OVERLOAD_NAMES: Final = frozenset({"overloaded_error", "server_is_overloaded", "engine_overloaded_error"})
"""The provider has too much to do, whatever the status."""

BURST_NAMES: Final = frozenset({"slow_down", "ThrottlingException"})
"""Too much at once; no window is used up."""

_STATUS_BY_NAME: Final[dict[str, int]] = {
    **dict.fromkeys(MONEY_NAMES, 429),
    **dict.fromkeys(OVERLOAD_NAMES, 529),
    **dict.fromkeys(BURST_NAMES, 429),
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "timeout_error": 408,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "context_length_exceeded": 400,
    "invalid_prompt": 400,
    "invalid_api_key": 401,
    "rate_limit_exceeded": 429,
    "usage_limit_reached": 429,
    "server_error": 500,
    "internal_server_error": 500,
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "API_KEY_INVALID": 401,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "DEADLINE_EXCEEDED": 408,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "ValidationException": 400,
    "ServiceQuotaExceededException": 400,
    "ExpiredTokenException": 401,
    "UnrecognizedClientException": 401,
    "AccessDeniedException": 403,
    "ResourceNotFoundException": 404,
    "ModelTimeoutException": 408,
    "ModelErrorException": 500,
    "ModelStreamErrorException": 500,
    "InternalServerException": 500,
    "ServiceUnavailableException": 503,
    "ModelNotReadyException": 503,
}

_STATUSES: Final = range(400, 600)


def status_of_names(names: tuple[str, ...]) -> int | None:
    """The HTTP status that says what an error's names say; None: they say nothing that is known.

    Example: `("overloaded_error",)` is 529; `("429",)` is 429. Of several, the one that says the most exact thing
    about quota or load counts before a general one, and then the first.
    """
    found = [status for name in names if (status := _status_of_name(name)) is not None]
    return next((status for status in found if status not in _GENERAL), found[0] if found else None)


_GENERAL: Final = frozenset({400, 500})
"""What a type says beside which a code says something more exact."""


def _status_of_name(name: str) -> int | None:
    known = _STATUS_BY_NAME.get(name)
    if known is not None:
        return known
    number = parse_number(name)
    return int(number) if number is not None and number in _STATUSES else None
