"""OpenRouter: limits of the account, a count with a reset in milliseconds, and errors of the providers behind it.

Sources: https://openrouter.ai/docs/api-reference/limits, https://openrouter.ai/docs/api-reference/errors
"""

from collections.abc import Mapping
from typing import Final

from bucket_failover_core.answers.error_body import as_mapping, as_name
from bucket_failover_core.answers.error_text import windows_named
from bucket_failover_core.answers.rate_limit_headers import read_count
from bucket_failover_core.answers.response import Answer
from bucket_failover_core.answers.signals import Named, Reach, Signal, UsedUp
from bucket_failover_core.facts.causes import Cause
from bucket_failover_core.facts.limits import WINDOW_CEILING_SECONDS, LimitSource, Window
from bucket_failover_core.formats import parse_epoch_milliseconds

_REMAINING: Final = "x-ratelimit-remaining"
_RESET: Final = "x-ratelimit-reset"
_PAYMENT, _FORBIDDEN, _TOO_MANY = 402, 403, 429


def read_openrouter(answer: Answer, *, now: float) -> list[Signal]:
    """What an answer of OpenRouter's says."""
    message = answer.error.message.lower()
    windows = windows_named(answer.message) if answer.status == _TOO_MANY else frozenset()
    window: Window = max(windows, key=WINDOW_CEILING_SECONDS.__getitem__, default="unknown")
    signals = _count(answer, "header", window, now=now) + _count(_headers_in_body(answer), "body", window, now=now)
    if answer.succeeded:
        return signals
    if windows and not signals:
        signals.append(UsedUp(window, source="body", scope="organization", detail=f"limit per {window}"))
    return [*signals, *_error_said(answer, message), Reach("organization")]


def _headers_in_body(answer: Answer) -> Answer:
    """The answer as if the headers that its body tells of were its own."""
    metadata = as_mapping(answer.error.fields.get("metadata"))
    told: Mapping[str, object] = as_mapping(metadata.get("headers"))
    headers = {name.lower(): text for name, value in told.items() if (text := as_name(value).strip())}
    return answer._replace(headers=headers, repeated={})


def _count(answer: Answer, source: LimitSource, window: Window, *, now: float) -> list[Signal]:
    signal = read_count(answer, _REMAINING, _RESET, _moment, now=now, window=window, scope="organization")
    if signal is None:
        return []
    return [signal._replace(source=source) if isinstance(signal, UsedUp) else signal]


def _error_said(answer: Answer, message: str) -> list[Signal]:
    if answer.status == _PAYMENT and "can only afford" in message:
        return [
            UsedUp("balance", None, "body", scope="request", detail="too large for the credits", waiting_heals=False)
        ]
    if answer.status == _PAYMENT and message:
        return [UsedUp("balance", None, "body", scope="organization", detail="credits", waiting_heals=False)]
    if answer.status == _FORBIDDEN and "key limit exceeded" in message:
        money = UsedUp("balance", None, "body", detail="key limit", waiting_heals=False)
        return [Named(Cause.QUOTA, "key limit exceeded"), Reach("credential"), money]
    upstream = as_name(as_mapping(answer.error.fields.get("metadata")).get("raw"))
    if answer.status == _TOO_MANY and "rate-limited upstream" in f"{message} {upstream}".lower():
        return [Named(Cause.THROTTLED, "rate-limited upstream"), Reach("model", answer.model)]
    return []


def _moment(text: str, now: float) -> float | None:  # noqa: ARG001 - a moment stands by itself
    return parse_epoch_milliseconds(text)
