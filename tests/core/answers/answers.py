"""What the tests of reading share: one moment, answers in few words, and what is told about them."""

import json
from typing import Any

from returns.result import Result, Success

from bucket_failover_core import (
    CallFailure,
    Limit,
    LimitsUnreadable,
    Unclassifiable,
    Verdict,
    classify_failure,
    read_limits,
)
from bucket_failover_core.answers.conclude import Conclusion, conclude
from bucket_failover_core.answers.response import answer_of
from bucket_failover_core.answers.signals import Signal, UsedUp
from bucket_failover_core.facts.limits import LimitScope, LimitSource, Strength, Window

NOW = 1_786_553_400.0
"""2026-08-12T16:50:00Z, a Wednesday."""

MINUTE = 60.0
HOUR = 3_600.0
DAY = 86_400.0

Pairs = tuple[tuple[str, str], ...]


def answer(status: int | None, *headers: tuple[str, str], body: object = None, **fields: Any) -> CallFailure:
    """An answer; a body that is no text is written as JSON."""
    text = body if body is None or isinstance(body, str) else json.dumps(body)
    return CallFailure.model_validate({"status": status, "headers": headers, "body": text} | fields)


def verdict(status: int | None, *headers: tuple[str, str], body: object = None, **fields: Any) -> Verdict:
    """What such an answer was."""
    return classify_failure(answer(status, *headers, body=body, **fields), now=NOW).unwrap()


def unclassifiable(status: int | None, *headers: tuple[str, str], body: object = None, **fields: Any) -> str:
    """Why the core cannot say what such an answer was."""
    failed: Result[Verdict, Unclassifiable]
    failed = classify_failure(answer(status, *headers, body=body, **fields), now=NOW)
    return failed.failure().detail


def limits_read(status: int | None, *headers: tuple[str, str], body: object = None, **fields: Any) -> object:
    """The limits that such an answer speaks of; if none can be read, the detail."""
    read: Result[tuple[Limit, ...], LimitsUnreadable]
    read = read_limits(answer(status, *headers, body=body, **fields), now=NOW)
    return read.unwrap() if isinstance(read, Success) else read.failure().detail


def limit(wait: float, window: str, source: str, detail: str, **fields: object) -> Limit:
    """A limit that ends `wait` seconds from now; advisory and of the credential, if nothing else is said."""
    told = {"until": NOW + wait, "window": window, "source": source, "detail": detail, "observed_at": NOW}
    return Limit.model_validate(told | fields)


def wished(wait: float, status: int = 429, *, source: str = "retry-after", **fields: object) -> Limit:
    """The limit that a wait on a refusal is."""
    words = "retry-after" if source == "retry-after" else "the wait in the body"
    told = {"window": "unknown", "source": source, "detail": f"HTTP {status}, {words}", "strength": "directive"}
    return Limit.model_validate(told | {"until": NOW + wait, "observed_at": NOW} | fields)


def bare(status: int = 429, **fields: object) -> Limit:
    """The guess about a refusal that gives nothing to go by."""
    told = {"window": "unknown", "source": "guess", "detail": f"HTTP {status}, with no end given"}
    return Limit.model_validate(told | {"until": NOW + MINUTE, "observed_at": NOW} | fields)


def judged_by(
    said: list[Signal], status: int | None = 429, *headers: tuple[str, str], body: object = None
) -> Conclusion:
    """What follows from these sentences, whatever dialect they were in."""
    return conclude(answer_of(answer(status, *headers, body=body)), said, now=NOW)


def spent(
    window: Window = "5h",
    wait: float | None = 60.0,
    source: LimitSource = "header",
    strength: Strength = "advisory",
    scope: LimitScope = "credential",
    **fields: Any,
) -> UsedUp:
    """Something that is used up."""
    until = None if wait is None else NOW + wait
    return UsedUp(window, until, source, strength, scope, detail="d", **fields)
