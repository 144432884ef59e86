"""A provider without a dialect of its own: the headers that many have in common, in whatever form they come.

Source: https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/ and what gateways send in practice.
"""

from typing import Final

from bucket_failover_core.answers.dialects.openai import read_counts, read_openai_error, scope_in_words
from bucket_failover_core.answers.rate_limit_headers import read_count
from bucket_failover_core.answers.response import Answer
from bucket_failover_core.answers.signals import Signal
from bucket_failover_core.formats import parse_any_moment

_NAMES: Final = tuple(
    (f"{prefix}-remaining", f"{prefix}-reset") for prefix in ("x-ratelimit", "ratelimit", "x-rate-limit")
)


def read_generic(answer: Answer, *, now: float) -> list[Signal]:
    """What an answer of an unknown provider says."""
    signals = read_counts(answer, {"requests": "minute", "tokens": "minute"}, "credential", now=now)
    for remaining, reset in _NAMES:
        signal = read_count(answer, remaining, reset, _moment, now=now, window="unknown")
        if signal is not None:
            signals.append(signal)
    return signals if answer.succeeded else signals + read_openai_error(answer, scope_in_words(answer, "credential"))


def _moment(text: str, now: float) -> float | None:
    return parse_any_moment(text, now=now)
