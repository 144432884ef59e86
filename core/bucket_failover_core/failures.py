"""What was that failed call, and what does its answer say about quota?

Rules read here: `error_kind` beats a status; a status says what `causes` says; a 429 that asks for a wait of at most
300 s is a burst (`throttled`), a longer one a spent window (`quota`). A wish for a repetition on a 429 or 402 is a
limit as well. Nothing that the network or the provider's own trouble causes is a limit on a credential.

Intuition: the wish ("come back in 20 s") is about this request, the limit about the account. They often come in one
header, and are still two answers to two questions.

Road not taken: `int(headers["retry-after"])`. It is a date as often as not, repeated, empty, or in milliseconds.
"""

from collections.abc import Iterator
from typing import Final, Literal, final

from returns.result import Failure, Result, Success

from bucket_failover_core.causes import Cause, cause_of_status
from bucket_failover_core.forms import parse_http_date, parse_number
from bucket_failover_core.limits import WINDOW_CEILING_SECONDS, Limit
from bucket_failover_core.value import HttpStatus, Value, check_moment

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
    "generic",
]
"""Whose way of speaking an answer is in."""

ErrorKind = Literal["network", "timeout", "cancelled"]
"""What went wrong when there was no answer."""

_LONG_WAIT_SECONDS: Final = 300.0
"""A 429 that asks for a longer wait is about a window, not a burst (contract, *Limits*)."""

_WISH_MAX_SECONDS: Final = 32 * 86_400.0
"""A wish is cut at this."""

_GUESS_SECONDS: Final = 60.0
"""How long a refusal benches that gives nothing to go by."""

_LIMIT_STATUSES: Final = frozenset({402, 429})
_HEADER_CHARACTERS_MAX: Final = 65_536
_CAUSE_BY_ERROR_KIND: Final[dict[ErrorKind, Cause]] = {
    "network": Cause.NETWORK,
    "timeout": Cause.TIMEOUT,
    "cancelled": Cause.CANCELLED,
}


@final
class CallFailure(Value):
    """What is left of a failed call, as plain data.

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
    headers: tuple[tuple[str, str], ...] = ()
    body: str | None = None
    error_kind: ErrorKind | None = None
    output_started: bool = False
    dialect: Dialect | None = None
    model: str | None = None


@final
class Verdict(Value):
    """What a failed call was.

    Args:
        cause: which kind of failure.
        limits: what its answer says about quota.
        retry_not_before: Unix seconds before which the provider wants no repetition of this request, or None.
        detail: a few words, never a secret.
    """

    cause: Cause
    limits: tuple[Limit, ...] = ()
    retry_not_before: float | None = None
    detail: str = ""


@final
class Unclassifiable(Value):
    """Nobody can say what it was: it is no failure, or it says nothing that is known. `detail` says which."""

    kind: Literal["unclassifiable"] = "unclassifiable"
    detail: str


@final
class LimitsUnreadable(Value):
    """The answer speaks of limits, and none of it can be read. `detail` names the field."""

    kind: Literal["limits-unreadable"] = "limits-unreadable"
    detail: str


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
        cause = _CAUSE_BY_ERROR_KIND[failure.error_kind]
        return Success(Verdict(cause=cause, detail=failure.error_kind))
    named = cause_of_status(failure.status)
    if named is None:
        detail = "neither a status nor an error" if failure.status is None else f"status {failure.status} is no failure"
        return Failure(Unclassifiable(detail=detail))
    wish = _wish(failure, now=now)
    short = wish is not None and wish - now <= _LONG_WAIT_SECONDS
    cause = Cause.THROTTLED if failure.status == 429 and short else named  # noqa: PLR2004 - the status is its name
    limits = _limits(failure, wish, now=now)
    return Success(Verdict(cause=cause, limits=limits, retry_not_before=wish, detail=f"HTTP {failure.status}"))


def read_limits(failure: CallFailure, *, now: float) -> Result[tuple[Limit, ...], LimitsUnreadable]:
    """What an answer, a failed or a successful one, says about quota.

    Example: a 429 with `retry-after: 20` is one directive limit until `now + 20`; a plain 200 is `Success(())`.

    Args:
        failure: the answer.
        now: Unix seconds at which it came.

    Returns:
        `Success` of the limits, none if the answer does not speak of any; `Failure` of `LimitsUnreadable` if it does
        and none of it can be read. No answer raises.

    Raises:
        ValueError: `now` is no moment.
    """
    check_moment(now)
    if failure.error_kind is not None or failure.status not in _LIMIT_STATUSES:
        return Success(())
    wish = _wish(failure, now=now)
    spoken = [name for name, value in _headers(failure) if name in {"retry-after", "retry-after-ms"} and value.strip()]
    if wish is None and spoken:
        return Failure(LimitsUnreadable(detail=f"{spoken[0]} cannot be read"))
    return Success(() if wish is None else _limits(failure, wish, now=now))


def _limits(failure: CallFailure, wish: float | None, *, now: float) -> tuple[Limit, ...]:
    """A wish on a 429 or 402 is a limit; without one, a guess of a minute."""
    if failure.status not in _LIMIT_STATUSES:
        return ()
    if wish is None:
        until, detail = now + _GUESS_SECONDS, f"HTTP {failure.status}, with no end given"
        return (Limit(until=until, window="unknown", source="guess", detail=detail, observed_at=now),)
    return (
        Limit(
            until=min(wish, now + WINDOW_CEILING_SECONDS["unknown"]),
            window="unknown",
            source="retry-after",
            strength="directive",
            detail=f"HTTP {failure.status}, retry-after",
            observed_at=now,
        ),
    )


def _wish(failure: CallFailure, *, now: float) -> float | None:
    """The moment before which the provider wants no repetition: milliseconds beat seconds, later beats earlier."""
    milliseconds: list[float] = []
    others: list[float] = []
    for name, value in _headers(failure):
        number = parse_number(value)
        if name == "retry-after-ms" and number is not None:
            milliseconds.append(now + number / 1000)
        elif name == "retry-after":
            moment = parse_http_date(value, now=now) if number is None else now + number
            if moment is not None:
                others.append(moment)
    wish = max(milliseconds or others, default=now)
    return min(wish, now + _WISH_MAX_SECONDS) if wish > now else None


def _headers(failure: CallFailure) -> Iterator[tuple[str, str]]:
    """The headers, names in lower case, as far as anybody looks."""
    left = _HEADER_CHARACTERS_MAX
    for name, value in failure.headers:
        left -= len(name) + len(value)
        if left < 0:
            return
        yield name.lower(), value
