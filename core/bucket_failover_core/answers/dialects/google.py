"""Google (Gemini and its relatives): typed details in the error, limits of a project.

Rules: a spent daily quota outranks the wait beside it, and lasts until midnight on the west coast. A quota whose id
says `PerModel` concerns the model; one that does not, beside it, makes it all models'.

Sources: https://ai.google.dev/gemini-api/docs/rate-limits, https://cloud.google.com/apis/design/errors (`QuotaFailure`,
`RetryInfo`, `ErrorInfo`)
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from bucket_failover_core.answers.calendar import next_pacific_midnight
from bucket_failover_core.answers.error_body import as_mapping
from bucket_failover_core.answers.error_words import NO_WORDS
from bucket_failover_core.answers.response import Answer
from bucket_failover_core.answers.signals import Named, Reach, Signal, Unreadable, UsedUp, Wait
from bucket_failover_core.facts.causes import Cause
from bucket_failover_core.facts.limits import Strength, Window
from bucket_failover_core.formats import number_in, parse_go_duration

_DETAILS_MAX: Final = 100
_MODEL_LENGTH_MAX: Final = 200
_NO_QUOTA: Final = re.compile(r"\blimit: 0(?!\d|\.\d)", re.ASCII)
_NO_QUOTA_SECONDS: Final = 24 * 3_600.0
_WINDOWS: Final[tuple[tuple[str, Window], ...]] = (
    ("perday", "day"),
    ("daily", "day"),
    ("perminute", "minute"),
    ("persecond", "minute"),
    ("perweek", "week"),
    ("permonth", "month"),
)
_BASE_MODEL: Final = re.compile(r"_per_base_model\b.{0,40}?\bbase model: ?([\w.@/-]{1,200}[\w@/-])", re.ASCII)
_LIMIT_NAME: Final = re.compile(r"\band limit '([^'\n]{1,200})' of service", re.ASCII)
_TOO_MANY: Final = 429


def read_google(answer: Answer, *, now: float) -> list[Signal]:
    """What an answer of Google's says; a success says nothing of limits."""
    if answer.succeeded:
        return []
    details = tuple(_details(answer))
    signals: list[Signal] = []
    if any(detail.get("reason") == "API_KEY_INVALID" for detail in details):
        signals.append(Named(Cause.UNAUTHENTICATED, "API_KEY_INVALID"))
    signals += _waits(details, now=now)
    if answer.status == _TOO_MANY:
        signals += _quotas(answer, details, now=now)
    elif answer.words is not NO_WORDS:
        signals.append(Reach("organization"))
    return signals


def _details(answer: Answer) -> Iterator[Mapping[str, object]]:
    details = answer.error.fields.get("details")
    if isinstance(details, list):
        yield from (as_mapping(detail) for detail in details[:_DETAILS_MAX])


def _waits(details: tuple[Mapping[str, object], ...], *, now: float) -> list[Signal]:
    signals: list[Signal] = []
    for detail in details:
        for field, value in (
            ("retryDelay", detail.get("retryDelay")),
            ("quotaResetDelay", as_mapping(detail.get("metadata")).get("quotaResetDelay")),
        ):
            if value is None or value == "":
                continue
            seconds = parse_go_duration(value) if isinstance(value, str) else None
            signals.append(Unreadable(field) if seconds is None else Wait(now + seconds))
    return signals


def _quotas(answer: Answer, details: tuple[Mapping[str, object], ...], *, now: float) -> list[Signal]:
    """What is used up, and whose it is; without a quota's id, a model that the answer names narrows it as well."""
    violations = [as_mapping(item) for detail in details for item in _violations(detail)]
    ids = [quota_id for violation in violations if isinstance(quota_id := violation.get("quotaId"), str)]
    narrow = all("permodel" in quota_id.lower() for quota_id in ids)
    named = _model_named(violations, details) or _base_model(answer.error.message)
    model = (answer.model or named) if narrow and (ids or named) else None
    signals: list[Signal] = [Reach("organization", model)]
    windows = {window for name in ids or _limits_named(answer) if (window := _window_of(name)) is not None}
    for window in sorted(windows):
        is_day = window == "day"
        until = next_pacific_midnight(now) if is_day else None
        strength: Strength = "directive" if is_day else "advisory"
        signals.append(UsedUp(window, until, "body", strength, "organization", model, detail=f"quota per {window}"))
    if _NO_QUOTA.search(answer.error.message) or any(number_in(item.get("quotaValue")) == 0 for item in violations):
        signals.append(
            UsedUp(
                "balance",
                source="body",
                scope="organization",
                model=model,
                detail="the tier has no quota",
                guess_seconds=_NO_QUOTA_SECONDS,
                waiting_heals=False,
            )
        )
    return signals


def _violations(detail: Mapping[str, object]) -> list[object]:
    violations = detail.get("violations")
    return violations[:_DETAILS_MAX] if isinstance(violations, list) else []


def _limits_named(answer: Answer) -> list[str]:
    """The names of limits that the message quotes, written like the id of a quota."""
    return [name.replace(" ", "") for name in _LIMIT_NAME.findall(answer.error.message)]


def _window_of(quota_id: str) -> Window | None:
    plain = quota_id.lower()
    return next((window for words, window in _WINDOWS if words in plain), None)


def _model_named(violations: list[Mapping[str, object]], details: tuple[Mapping[str, object], ...]) -> str | None:
    """The model that the answer itself names."""
    places = [as_mapping(violation.get("quotaDimensions")) for violation in violations]
    places += [as_mapping(detail.get("metadata")) for detail in details]
    return next(
        (
            model
            for place in places
            if isinstance(model := place.get("model"), str) and 0 < len(model) <= _MODEL_LENGTH_MAX
        ),
        None,
    )


def _base_model(message: str) -> str | None:
    """The model that a metric per base model is about (Vertex AI)."""
    match = _BASE_MODEL.search(message)
    return None if match is None else match[1]
