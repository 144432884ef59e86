"""What was that failed call, and what does its answer say about quota?

Rules: `error_kind` beats a status. A success is no failure, unless its body is an error event; then the event is what
failed. Each provider's fields are translated into signals (`dialects`), and what follows from signals (the cause, the
limits, the wait that is asked for) is one set of rules (`conclude`).

Intuition: ten providers write the same five things in thirty ways. Reading is thirty small parsers; concluding is one.

Road not taken: `int(headers["retry-after"])`. It is a date as often as not, repeated, empty, or in milliseconds.
"""

from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

from returns.result import Failure, Result, Success

from bucket_failover_core.answers.conclude import Conclusion, conclude
from bucket_failover_core.answers.detect import detect_dialect
from bucket_failover_core.answers.dialects.anthropic import read_anthropic
from bucket_failover_core.answers.dialects.anthropic_subscription import read_anthropic_subscription
from bucket_failover_core.answers.dialects.azure_openai import read_azure_openai
from bucket_failover_core.answers.dialects.bedrock import read_bedrock
from bucket_failover_core.answers.dialects.codex import read_codex
from bucket_failover_core.answers.dialects.copilot import read_copilot
from bucket_failover_core.answers.dialects.generic import read_generic
from bucket_failover_core.answers.dialects.google import read_google
from bucket_failover_core.answers.dialects.groq import read_groq
from bucket_failover_core.answers.dialects.openai import read_openai
from bucket_failover_core.answers.dialects.openrouter import read_openrouter
from bucket_failover_core.answers.dialects.table_reader import read_provider
from bucket_failover_core.answers.error_words import NO_WORDS
from bucket_failover_core.answers.provider_table import PROVIDERS
from bucket_failover_core.answers.response import Answer, answer_of
from bucket_failover_core.answers.signals import Open, Signal, UsedUp
from bucket_failover_core.answers.word_signals import with_words
from bucket_failover_core.facts.calls import CallFailure, Dialect, ErrorKind, LimitsUnreadable, Unclassifiable, Verdict
from bucket_failover_core.facts.causes import Cause
from bucket_failover_core.facts.limits import WINDOW_CEILING_SECONDS, Limit
from bucket_failover_core.facts.windows import WindowReading
from bucket_failover_core.value import check_moment, trusted

_READERS: Final[dict[Dialect, Callable[..., list[Signal]]]] = {
    "anthropic": read_anthropic,
    "anthropic-subscription": read_anthropic_subscription,
    "openai": read_openai,
    "codex": read_codex,
    "azure-openai": read_azure_openai,
    "google": read_google,
    "groq": read_groq,
    "openrouter": read_openrouter,
    "bedrock": read_bedrock,
    "copilot": read_copilot,
    "vertex": read_google,
    "cloud-code": read_google,
    "generic": read_generic,
    **{provider.dialect: partial(read_provider, provider) for provider in PROVIDERS},
}
_VERDICT_BY_ERROR_KIND: Final[dict[ErrorKind, Verdict]] = {
    "network": Verdict(cause=Cause.NETWORK, detail="network"),
    "timeout": Verdict(cause=Cause.TIMEOUT, detail="timeout"),
    "cancelled": Verdict(cause=Cause.CANCELLED, detail="cancelled"),
}
_SUCCESSES: Final = range(200, 300)
_verdict_of = trusted(Verdict)


def classify_failure(failure: CallFailure, *, now: float) -> Result[Verdict, Unclassifiable]:
    """What a failed call was.

    Example: a 429 with `retry-after: 20` is `Success(Verdict(cause="throttled", retry_not_before=now + 20, ...))`; with
    `retry-after: 7200` its cause is `quota`. A 200 is `Failure(Unclassifiable(...))`.

    Args:
        failure: what is left of the call.
        now: Unix seconds at which the answer came.

    Returns:
        `Success` of `Verdict`; `Failure` of `Unclassifiable` if it is no failure or says nothing known. No
        failure raises.

    Raises:
        ValueError: `now` is no moment.
    """
    check_moment(now)
    if failure.error_kind is not None:
        return Success(_VERDICT_BY_ERROR_KIND[failure.error_kind])
    answer = answer_of(failure)
    verdict = _verdict(conclude(answer, _said(failure, answer, now=now), now=now))
    return Failure(Unclassifiable(detail=_nothing_known(failure))) if verdict is None else Success(verdict)


def read_limits(failure: CallFailure, *, now: float) -> Result[tuple[Limit, ...], LimitsUnreadable]:
    """What an answer, a failed or a successful one, says about quota.

    Example: a 429 with `retry-after: 20` is one directive limit until `now + 20`; a plain 200 is `Success(())`.

    Args:
        failure: the answer. A usage endpoint's is handed in as the 200 that it is, with the provider's dialect.
        now: Unix seconds at which it came.

    Returns:
        `Success` of the limits, none if the answer does not speak of any; `Failure` of `LimitsUnreadable` if it does
        and none of it can be read. No answer raises.

    Raises:
        ValueError: `now` is no moment.
    """
    check_moment(now)
    if failure.error_kind is not None:
        return _NO_LIMITS
    answer = answer_of(failure)
    signals = _said(failure, answer, now=now)
    if answer.succeeded and all(type(signal) is Open for signal in signals):
        return _NO_LIMITS
    conclusion = conclude(answer, signals, now=now)
    if conclusion.unreadable:
        return Failure(LimitsUnreadable(detail=f"{conclusion.unreadable} cannot be read"))
    limits = conclusion.limits or (conclusion.guess if conclusion.is_spoken else ())
    return Success(limits) if limits else _NO_LIMITS


class Heard(NamedTuple):
    """All that one answer says, read once.

    Args:
        served: it is no failure at all.
        verdict: what the failed call was; None: it was none, or says nothing that is known.
        limits: what it says of quota; of a failure, what its verdict says.
        readings: what it reports of windows that are still open.
    """

    served: bool
    verdict: Verdict | None
    limits: tuple[Limit, ...] = ()
    readings: tuple[WindowReading, ...] = ()


def hear(failure: CallFailure, *, now: float, reads_windows: bool) -> Heard:
    """What `is_success`, `classify_failure`, `read_limits` and `read_windows` say, of an answer that is read once.

    Args:
        failure: the answer, a successful one or not.
        now: Unix seconds at which it came, by the clock that its moments are told by.
        reads_windows: windows that are still open are wanted as well.
    """
    if failure.error_kind is not None:
        return Heard(served=False, verdict=_VERDICT_BY_ERROR_KIND[failure.error_kind])
    if not failure.headers and not failure.body and failure.status in _SUCCESSES:
        return _SERVED
    answer = answer_of(failure, reads_open=reads_windows)
    signals = _said(failure, answer, now=now)
    readings = _readings(signals, now=now) if reads_windows else ()
    if answer.succeeded:
        is_open = all(type(signal) is Open for signal in signals)
        limits = () if is_open else conclude(answer, signals, now=now).limits
        return _SERVED._replace(limits=limits, readings=readings) if limits or readings else _SERVED
    verdict = _verdict(conclude(answer, signals, now=now))
    return Heard(served=False, verdict=verdict, limits=() if verdict is None else verdict.limits, readings=readings)


def _verdict(conclusion: Conclusion) -> Verdict | None:
    if conclusion.cause is None:
        return None
    return _verdict_of(
        cause=conclusion.cause,
        limits=conclusion.limits or conclusion.guess,
        retry_not_before=conclusion.retry_not_before,
        detail=conclusion.detail,
        account_disabled=conclusion.account_disabled,
    )


def is_success(failure: CallFailure) -> bool:
    """Whether the answer is no failure at all: a 2xx whose body is no error event.

    Example: `CallFailure(status=200)` is one; with a body of `event: error` it is none.
    """
    return failure.error_kind is None and answer_of(failure).succeeded


def read_windows(failure: CallFailure, *, now: float) -> tuple[WindowReading, ...]:
    """What an answer reports of windows that are still open.

    Example: a 200 with `anthropic-ratelimit-unified-5h-utilization: 0.4` and `-5h-reset: 1786560000` is one reading. A
    window of which any part is used up is none.

    Args:
        failure: the answer, a successful one or not.
        now: Unix seconds at which it came.

    Raises:
        ValueError: `now` is no moment.
    """
    check_moment(now)
    if failure.error_kind is not None or not (failure.headers or failure.body):
        return ()
    return _readings(_said(failure, answer_of(failure, reads_open=True), now=now), now=now)


def _readings(signals: list[Signal], *, now: float) -> tuple[WindowReading, ...]:
    used_up = {(signal.window, signal.scope, signal.model) for signal in signals if isinstance(signal, UsedUp)}
    readings: dict[tuple[str, str, str | None], WindowReading] = {}
    for signal in signals:
        if not isinstance(signal, Open) or signal.window == "unknown":
            continue
        subject = (signal.window, signal.scope, signal.model)
        if subject not in used_up:
            readings[subject] = _fuller(readings.get(subject), _reading(signal, now=now))
    return tuple(readings.values())


def _reading(signal: Open, *, now: float) -> WindowReading:
    resets_at = signal.resets_at
    if resets_at is not None:
        resets_at = min(resets_at, now + WINDOW_CEILING_SECONDS[signal.window])
    return WindowReading(
        window=signal.window,
        used=signal.used,
        resets_at=resets_at,
        scope=signal.scope,
        model=signal.model,
        observed_at=now,
    )


def _fuller(held: WindowReading | None, fresh: WindowReading) -> WindowReading:
    """Of two that speak of one window (requests and tokens), the one that says that more is used."""
    return fresh if held is None or (fresh.used or 0.0) > (held.used or 0.0) else held


_SERVED: Final = Heard(served=True, verdict=None)
_NO_LIMITS: Final[Result[tuple[Limit, ...], LimitsUnreadable]] = Success(())


def _said(failure: CallFailure, answer: Answer, *, now: float) -> list[Signal]:
    """The answer's signals, in the dialect that it is in, and those of its words."""
    signals = _READERS[failure.dialect or detect_dialect(answer)](answer, now=now)
    return signals if answer.words is NO_WORDS else with_words(answer, signals, now=now)


def _nothing_known(failure: CallFailure) -> str:
    if failure.status is not None:
        return f"status {failure.status} is no failure"
    return "neither a status nor an error" if failure.body is None else "no status, and a body that says nothing known"
