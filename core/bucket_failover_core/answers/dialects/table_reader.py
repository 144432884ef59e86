"""What an answer says by its provider's table (`answers.provider_table`)."""

from bucket_failover_core.answers.provider_table import Provider
from bucket_failover_core.answers.rate_limit_headers import read_count
from bucket_failover_core.answers.response import Answer
from bucket_failover_core.answers.signals import Reach, Signal
from bucket_failover_core.formats import parse_any_moment


def read_provider(provider: Provider, answer: Answer, *, now: float) -> list[Signal]:
    """What an answer of a provider says by its table; what its words say is read for all alike.

    Example: Cerebras' `x-ratelimit-remaining-requests-day: 0` beside `x-ratelimit-reset-requests-day: 25800.7` is a day
    that is used up until 25800.7 s from now.

    Args:
        provider: the table.
        answer: the answer, a failed or a successful one.
        now: Unix seconds.
    """
    signals: list[Signal] = []
    for count in provider.counts:
        signal = read_count(
            answer, count.remaining, count.reset, _moment, now=now, window=count.window, scope=provider.scope
        )
        if signal is not None:
            signals.append(signal)
    return signals if answer.succeeded else [*signals, Reach(provider.scope)]


def _moment(text: str, now: float) -> float | None:
    return parse_any_moment(text, now=now)
