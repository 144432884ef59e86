"""Azure OpenAI: limits belong to a deployment, resets are whole seconds, and the wait is in words too.

Source: https://learn.microsoft.com/azure/ai-services/openai/how-to/quota
"""

from typing import Final

from bucket_failover_core.answers.dialects.openai import read_openai_error
from bucket_failover_core.answers.rate_limit_headers import read_count
from bucket_failover_core.answers.response import Answer
from bucket_failover_core.answers.signals import Reach, Signal, UsedUp
from bucket_failover_core.formats import parse_number

_KINDS: Final = ("requests", "tokens")
_NAMES: Final = tuple((f"x-ratelimit-remaining-{kind}", f"x-ratelimit-reset-{kind}") for kind in _KINDS)
_PLACEHOLDERS: Final = frozenset({"-1", "0"})


def read_azure_openai(answer: Answer, *, now: float) -> list[Signal]:
    """What an answer of a deployment says."""
    signals: list[Signal] = []
    for remaining, reset in _NAMES:
        known = _without_placeholder(answer, reset)
        signal = read_count(
            known, remaining, reset, _refill, now=now, window="minute", scope="model", model=answer.model
        )
        if signal is not None:
            signals.append(signal)
    if answer.succeeded:
        return signals
    errors = read_openai_error(answer, "model")
    signals.append(Reach("model", answer.model))
    return signals + [_of_deployment(error, answer.model) for error in errors]


def _of_deployment(signal: Signal, model: str | None) -> Signal:
    is_narrow = isinstance(signal, UsedUp) and signal.scope == "model"
    return signal._replace(model=model) if is_narrow and isinstance(signal, UsedUp) else signal


def _without_placeholder(answer: Answer, name: str) -> Answer:
    """-1 and 0 mean that the service does not know, which is the same as not to say."""
    values = answer.values(name)
    known = tuple(value for value in values if value not in _PLACEHOLDERS)
    if len(known) == len(values):
        return answer
    headers = {other: value for other, value in answer.headers.items() if other != name}
    if known:
        headers[name] = known[-1]
    return answer._replace(headers=headers, repeated={**answer.repeated, name: known} if answer.repeated else {})


def _refill(text: str, now: float) -> float | None:
    seconds = parse_number(text)
    return None if seconds is None else now + seconds
