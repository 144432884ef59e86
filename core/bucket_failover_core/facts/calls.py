"""A call as plain data: what is left of a failed one, and what can be said of it."""

from typing import Annotated, Literal, final

from pydantic import AfterValidator

from bucket_failover_core.facts.causes import Cause
from bucket_failover_core.facts.limits import Limit
from bucket_failover_core.value import HttpStatus, Value

Dialect = Literal[
    "anthropic",
    "anthropic-subscription",
    "openai",
    "codex",
    "azure-openai",
    "google",
    "groq",
    "openrouter",
    "bedrock",
    "mistral",
    "xai",
    "deepseek",
    "moonshot",
    "zai",
    "minimax",
    "cerebras",
    "copilot",
    "vertex",
    "cloud-code",
    "together",
    "fireworks",
    "generic",
]
"""Whose way of speaking an answer is in."""

ErrorKind = Literal["network", "timeout", "cancelled"]
"""What went wrong when there was no answer."""


def _as_text(text: str) -> str:
    """Text that is no text (lone surrogates) with U+FFFD in their place."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _as_texts(headers: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    if all(value.isascii() and name.isascii() for name, value in headers):
        return headers
    return tuple((_as_text(name), _as_text(value)) for name, value in headers)


Words = Annotated[str, AfterValidator(_as_text)]
"""Text from elsewhere. Lone surrogates become U+FFFD."""

Headers = Annotated[tuple[tuple[str, str], ...], AfterValidator(_as_texts)]
"""Names and values as they came. Lone surrogates become U+FFFD."""


@final
class CallFailure(Value):
    """What is left of a call, as plain data: of a failed one, or of a successful one whose answer speaks of limits.

    Example: `CallFailure(status=429, headers=(("retry-after", "20"),))`.

    Args:
        status: the HTTP status, None if there was no answer.
        headers: (name, value) pairs, names in any case, repeated as they came.
        body: the text of the answer, or of the failing event of a stream.
        error_kind: what went wrong if there was no answer; it beats a status.
        output_started: something of an answer has reached the caller.
        dialect: whose way of speaking it is in; None: guess.
        model: the model that was asked, None if unknown.
    """

    status: HttpStatus | None = None
    headers: Headers = ()
    body: Words | None = None
    error_kind: ErrorKind | None = None
    output_started: bool = False
    dialect: Dialect | None = None
    model: Words | None = None


@final
class Verdict(Value):
    """What a failed call was.

    Args:
        cause: which kind of failure.
        limits: what its answer says about quota.
        retry_not_before: Unix seconds before which the provider wants no repetition of this request, or None.
        detail: a few words, never a secret.
        account_disabled: the provider has disabled the account: no refresh and no login heals it.
    """

    cause: Cause
    limits: tuple[Limit, ...] = ()
    retry_not_before: float | None = None
    detail: str = ""
    account_disabled: bool = False


@final
class Unclassifiable(Value):
    """What it was cannot be told: it is no failure, or it says nothing that is known. `detail` says which."""

    kind: Literal["unclassifiable"] = "unclassifiable"
    detail: str


@final
class LimitsUnreadable(Value):
    """The answer speaks of limits, and none of it can be read. `detail` names the field."""

    kind: Literal["limits-unreadable"] = "limits-unreadable"
    detail: str
