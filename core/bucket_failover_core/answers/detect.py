"""Whose way of speaking is it? By headers that only one provider sends, else by the error's shape, else by custom."""

from collections.abc import Mapping
from typing import Final

from bucket_failover_core.answers.error_body import NO_ERROR, ErrorSaid
from bucket_failover_core.answers.error_names import MONEY_NAMES
from bucket_failover_core.answers.provider_table import PROVIDERS
from bucket_failover_core.answers.response import Answer
from bucket_failover_core.facts.calls import Dialect

_ANTHROPIC_NAMES: Final = frozenset(
    {"rate_limit_error", "overloaded_error", "billing_error", "authentication_error", "permission_error", "api_error"}
)
_OPENAI_NAMES: Final = frozenset({*MONEY_NAMES, "rate_limit_exceeded", "slow_down", "invalid_api_key"})
_BY_CODE: Final[dict[str, Dialect]] = {
    "usage_limit_reached": "codex",
    "user_global_rate_limited": "copilot",
    "user_weekly_rate_limited": "copilot",
    **{code: provider.dialect for provider in PROVIDERS for code in provider.codes},
}
"""Codes that only one provider uses."""


def detect_dialect(answer: Answer) -> Dialect:
    """Whose way of speaking the answer is in.

    Example: a header `x-codex-primary-used-percent` is `codex`; an error with `"status": "RESOURCE_EXHAUSTED"` beside a
    number as its code is `google`; counts by the customary names alone are `openai`; nothing known is `generic`.
    """
    if answer.layout.dialect is not None:
        return answer.layout.dialect
    if not answer.succeeded and answer.error is not NO_ERROR:
        spoken = _dialect_of_error(answer.error, answer.http_status)
        if spoken is not None:
            return spoken
    return "openai" if answer.layout.is_customary else "generic"


def _dialect_of_error(error: ErrorSaid, status: int | None) -> Dialect | None:
    names, fields = frozenset(error.names), error.fields
    known = next((_BY_CODE[name] for name in error.names if name in _BY_CODE), None)
    if known is not None:
        return known
    if any(name.endswith("Exception") for name in names):
        return "bedrock"
    if isinstance(fields.get("details"), list) or (isinstance(fields.get("code"), int) and "status" in fields):
        return _google_family(error)
    if "metadata" in fields or "user_id" in error.document:
        return "openrouter"
    if "groq" in error.message.lower() or "service tier `" in error.message:
        return "groq"
    if names & _OPENAI_NAMES or "param" in fields:
        return "openai"
    if names & _ANTHROPIC_NAMES or (error.document.get("type") == "error" and "code" not in fields):
        return "anthropic"
    return _dialect_of_code(fields, status)


def _google_family(error: ErrorSaid) -> Dialect:
    """Google's APIs share one shape of error; whose it is stands in a domain or a metric's name."""
    if "aiplatform.googleapis.com" in error.message:
        return "vertex"
    return "cloud-code" if "cloudcode-pa.googleapis.com" in error.text else "google"


def _dialect_of_code(fields: Mapping[str, object], status: int | None) -> Dialect | None:
    """A bare number says whose it is by being a number, or a text that equals the HTTP status."""
    code = fields.get("code")
    if isinstance(code, int) and not isinstance(code, bool) and "type" not in fields:
        return "openrouter"
    return "azure-openai" if isinstance(code, str) and code.isdigit() and code == str(status) else None
