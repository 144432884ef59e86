"""What was asked of the provider, so that a test can say who was not asked."""

from dataclasses import dataclass
from typing import Literal

Endpoint = Literal[
    "messages",
    "chat_completions",
    "responses",
    "transcriptions",
    "generate_content",
    "token",
    "authorize",
    "revoke",
    "unknown",
]
"""The endpoint that was asked. "generate_content": both of Gemini's methods; "unknown": a path or method that the
provider does not have."""


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """One request and what became of it. It holds no secret."""

    endpoint: Endpoint
    account: str | None
    """Whose credential, code or login hint came along, good or not; None: no account's that the provider knows."""
    status: int | None
    """The HTTP status of the answer; None: the connection was closed without one."""
    at: float
    """Unix seconds, by the provider's clock."""
