"""Anthropic with an API key: counts per minute in headers, and money in the body.

Sources: https://platform.claude.com/docs/en/api/rate-limits, https://platform.claude.com/docs/en/api/errors; the
messages about money and spend limits as observed.
"""

from typing import Final

from bucket_failover_core.answers.calendar import next_month
from bucket_failover_core.answers.error_text import parse_regained_access
from bucket_failover_core.answers.rate_limit_headers import read_count
from bucket_failover_core.answers.response import Answer
from bucket_failover_core.answers.signals import THIS_REQUEST_ONLY, Named, Signal, UsedUp
from bucket_failover_core.facts.causes import Cause
from bucket_failover_core.facts.limits import Strength
from bucket_failover_core.formats import parse_rfc_3339

_KINDS: Final = ("requests", "tokens", "input-tokens", "output-tokens")
_NAMES: Final = tuple((f"anthropic-ratelimit-{kind}-remaining", f"anthropic-ratelimit-{kind}-reset") for kind in _KINDS)
_MONEY_WORDS: Final = (
    "reached your specified api usage limits",
    "reached your specified workspace api usage limits",
    "credit balance is too low",
)
_OF_MONEY_WORDS: Final = frozenset({"specified", "credit"})
"""One of them is in each of these."""
_MONEY_STATUSES: Final = frozenset({400, 402, 403, 429})
_REFUSED, _PAYMENT, _FORBIDDEN, _TOO_MANY = 400, 402, 403, 429


def read_anthropic(answer: Answer, *, now: float) -> list[Signal]:
    """What an answer to a call with an API key says."""
    signals: list[Signal] = []
    for remaining, reset in _NAMES:
        signal = read_count(answer, remaining, reset, _moment, now=now, window="minute")
        if signal is not None:
            signals.append(signal)
    return signals if answer.succeeded else signals + read_anthropic_error(answer, now=now)


def read_anthropic_error(answer: Answer, *, now: float) -> list[Signal]:
    """What an error's body says, whatever the credential."""
    signals: list[Signal] = []
    message = answer.error.message.lower()
    if answer.status == _TOO_MANY:
        if not answer.headers and not answer.layout.tells_sizes:  # no count, no window, no wait
            signals.append(THIS_REQUEST_ONLY)
        if "concurren" in message:
            signals.append(UsedUp("concurrency", source="body", detail="too many at the same time"))
        if "enforced_spend_limit_reached" in answer.error.text:
            until = next_month(now)
            signals.append(_money("enforced_spend_limit_reached", until))
    is_of_money = answer.status in _MONEY_STATUSES and not _OF_MONEY_WORDS.isdisjoint(answer.message.words)
    if is_of_money and any(words in message for words in _MONEY_WORDS):
        signals += (
            Named(Cause.QUOTA, "money"),
            _money("usage limit or credit balance", parse_regained_access(message)),
        )
    elif answer.status == _PAYMENT and "billing_error" in answer.error.names:
        signals.append(_money("billing_error", None))
    if answer.status == _FORBIDDEN and "token has been revoked" in message:
        signals.append(Named(Cause.UNAUTHENTICATED, "the token has been revoked"))
    return signals


def _money(detail: str, until: float | None) -> UsedUp:
    strength: Strength = "advisory" if until is None else "directive"
    return UsedUp("balance", until, "body", strength, detail=detail, waiting_heals=False)


def _moment(text: str, now: float) -> float | None:  # noqa: ARG001 - a moment stands by itself
    return parse_rfc_3339(text)
