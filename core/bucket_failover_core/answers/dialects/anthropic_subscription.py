"""Anthropic with a subscription (OAuth): windows of five hours and seven days, each with a status of its own.

Rules: windows and-compose, so each rejected one is a limit of its own. The aggregate speaks where no window does. A
window with a suffix (`7d_oi`) concerns one model; where only such are rejected, so does everything else in the answer.
On a success, an allowed aggregate means that the account pays for what is over a window.

Sources: the headers as observed; https://platform.claude.com/docs/en/api/errors.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from bucket_failover_core.answers.dialects.anthropic import read_anthropic_error
from bucket_failover_core.answers.error_body import as_mapping
from bucket_failover_core.answers.rate_limit_headers import USAGE
from bucket_failover_core.answers.response import Answer
from bucket_failover_core.answers.signals import NOTED, Open, Reach, Signal, Unreadable, UsedUp
from bucket_failover_core.facts.limits import Strength, Window
from bucket_failover_core.formats import number_in, parse_number, parse_rfc_3339

PREFIX: Final = "anthropic-ratelimit-unified-"
_FIELD: Final = re.compile(
    r"(?:(?P<window>\d{1,3}[hd](?:_[a-z0-9_]{1,40})?)-)?"
    r"(?P<field>status|reset|utilization)",
    re.ASCII,
)
_ALLOWED: Final = frozenset({"allowed", "allowed_warning"})
_AGGREGATE_STATUS: Final = f"{PREFIX}status"
_ALL_OPEN: Final[list[Signal]] = [Open("unknown")]
_FULL: Final = 1.0
_FULL_PERCENT: Final = 100.0
_LENGTHS: Final[tuple[tuple[int, Window], ...]] = ((5, "5h"), (24, "day"), (7 * 24, "week"), (31 * 24, "month"))
_USAGE_WINDOWS: Final[Mapping[str, Window]] = {"five_hour": "5h", "seven_day": "week"}
_USAGE_MODEL: Final = "seven_day_"
_EVERYBODYS: Final = frozenset({"seven_day_oauth_apps"})

Standing = Literal["allowed", "rejected", "unknown"]


_HARDNESS: Final[Mapping[Standing, int]] = {"allowed": 0, "unknown": 1, "rejected": 2}


_STANDINGS: Final[Mapping[str, Standing]] = {"allowed": "allowed", "allowed_warning": "allowed", "rejected": "rejected"}


class _Names(NamedTuple):
    """The headers of one window, or of the aggregate (which has no length)."""

    window: Window
    is_of_model: bool
    is_aggregate: bool
    status: str
    reset: str
    utilization: str


class _Report(NamedTuple):
    """What the headers say of one window, or of the aggregate."""

    window: Window
    is_of_model: bool
    standing: Standing | None
    reset: float | None
    utilization: float | None

    @property
    def is_used_up(self) -> bool:
        """Its status says so, or, where that says nothing known, its utilization."""
        if self.standing in {"allowed", "rejected"}:
            return self.standing == "rejected"
        return self.utilization is not None and self.utilization >= _FULL


def read_anthropic_subscription(answer: Answer, *, now: float) -> list[Signal]:
    """What an answer to a call with a subscription's token says."""
    is_plain = answer.succeeded and not answer.reads_open and not answer.repeated
    if is_plain and answer.headers.get(_AGGREGATE_STATUS) in _ALLOWED:
        return _ALL_OPEN  # what nearly every success says
    signals: list[Signal] = []
    aggregate: _Report | None = None
    windows: list[_Report] = []
    for names in _names_in(tuple(answer.headers)):
        report = _report(answer, names, signals)
        if names.is_aggregate:
            aggregate = report
        else:
            windows.append(report)
    if aggregate is not None or windows:
        signals += _windows_said(answer, aggregate or _SILENT, windows)
    if answer.succeeded:
        return signals + _usage_said(answer) if answer.error.document else signals
    return signals + read_anthropic_error(answer, now=now)


@lru_cache(maxsize=256)
def _names_in(headers: tuple[str, ...]) -> tuple[_Names, ...]:
    """The windows that an answer's headers speak of, and by which names."""
    found: dict[str, _Names] = {}
    for header in headers:
        match = _FIELD.fullmatch(header, len(PREFIX)) if header.startswith(PREFIX) else None
        if match is not None:
            name = match["window"] or ""
            start = f"{PREFIX}{name}-" if name else PREFIX
            window, is_of_model = _length_of(name) if name else ("unknown", False)
            found[name] = _Names(
                window, is_of_model, name == "", f"{start}status", f"{start}reset", f"{start}utilization"
            )
    return tuple(found.values())


def _length_of(name: str) -> tuple[Window, bool]:
    """The window that a name like `7d_oi` means, and whether it is about one model."""
    length, _, suffix = name.partition("_")
    hours = int(length[:-1]) * (24 if length[-1] == "d" else 1)
    window = next((window for longest, window in _LENGTHS if hours <= longest), None)
    return window or "unknown", suffix != ""


def _report(answer: Answer, names: _Names, signals: list[Signal]) -> _Report:
    """What the headers say; what cannot be read is said to be so.

    Of two that contradict each other the later, the fuller, the harder counts.
    """
    standing: Standing | None = None
    for text in answer.values(names.status):
        told = _standing(text, succeeded=answer.succeeded)
        standing = told if standing is None or _HARDNESS[told] > _HARDNESS[standing] else standing
    reset = _latest(answer, names.reset, signals) or None  # a zero is a placeholder
    utilization = _latest(answer, names.utilization, signals)
    return _Report(names.window, names.is_of_model, standing, reset, utilization)


def _standing(text: str, *, succeeded: bool) -> Standing:
    status = text if text in _STANDINGS else text.lower()
    return _STANDINGS.get(status, "unknown" if succeeded else "rejected")


def _latest(answer: Answer, name: str, signals: list[Signal]) -> float | None:
    latest = None
    for text in answer.values(name):
        number = parse_number(text)
        if number is None:
            signals.append(Unreadable(name))
        elif latest is None or number > latest:
            latest = number
    return latest


def _windows_said(answer: Answer, aggregate: _Report, windows: list[_Report]) -> list[Signal]:
    """What the windows and the aggregate come to."""
    is_paid = answer.succeeded and aggregate.standing == "allowed"
    used_up = [] if is_paid else [window for window in windows if window.is_used_up]
    signals: list[Signal] = []
    for window in windows:
        if is_paid or not window.is_used_up:
            if window.standing == "allowed" or window.utilization is not None or is_paid:
                reach = _reach(answer.model, of_model=window.is_of_model)
                signals.append(Open(window.window, window.utilization, window.reset, reach.scope, reach.model))
            elif window.standing is not None or window.reset is not None:
                signals.append(NOTED)
    if used_up and all(window.is_of_model for window in used_up):
        signals.append(_reach(answer.model, of_model=True))
    shared = _aggregate_reset(aggregate, used_up, windows)
    for window in used_up:
        until = shared if window.reset is None else window.reset
        strength: Strength = "directive" if window.standing == "rejected" else "advisory"
        reach = _reach(answer.model, of_model=window.is_of_model)
        detail = f"{window.window} window"
        signals.append(UsedUp(window.window, until, "header", strength, reach.scope, reach.model, detail))
    if aggregate.standing == "rejected" and not used_up:
        signals.append(UsedUp("unknown", shared, "header", "directive", detail="unified-status: rejected"))
    elif aggregate.standing == "allowed":
        signals.append(_ALL_OPEN[0])
    elif aggregate.standing is not None or aggregate.reset is not None:
        signals.append(NOTED)
    return signals


def _reach(model: str | None, *, of_model: bool) -> Reach:
    return Reach("model", model) if of_model else Reach("credential")


def _aggregate_reset(aggregate: _Report, used_up: list[_Report], windows: list[_Report]) -> float | None:
    """The aggregate's reset, where no used-up window has its own, and unless it is the reset of one that is allowed."""
    if aggregate.reset is None or any(window.reset is not None for window in used_up):
        return None
    return None if any(window.reset == aggregate.reset for window in windows) else aggregate.reset


_SILENT: Final = _Report("unknown", is_of_model=False, standing=None, reset=None, utilization=None)


def _usage_said(answer: Answer) -> list[Signal]:
    """What the usage endpoint says: percentages, and moments with fractions.

    `{"five_hour": {"utilization": 67.0, "resets_at": "2026-08-12T18:00:00.000000+00:00"}, "seven_day": null, ...}`
    """
    signals: list[Signal] = []
    for name, value in answer.error.document.items():
        usage = as_mapping(value)
        window = _USAGE_WINDOWS.get(name, "week" if name.startswith(_USAGE_MODEL) else None)
        if window is None or "utilization" not in usage or usage["utilization"] is None:
            continue
        percent = number_in(usage["utilization"])
        resets_at = usage.get("resets_at")
        reset = parse_rfc_3339(resets_at) if isinstance(resets_at, str) else None
        if percent is None:
            signals.append(Unreadable("utilization"))
            continue
        of_model = name not in _USAGE_WINDOWS and name not in _EVERYBODYS
        reach = _reach(_model_of(name, answer.model), of_model=of_model)
        if percent < _FULL_PERCENT:
            signals.append(Open(window, percent / _FULL_PERCENT, reset, reach.scope, reach.model))
        else:
            detail = f"{window} window: {percent:g} %"
            signals.append(UsedUp(window, reset, USAGE, "advisory", reach.scope, reach.model, detail))
    return signals


def _model_of(name: str, asked: str | None) -> str:
    """The model that a usage window is about: the one asked, if it is of that family, else the family's name."""
    family = name.removeprefix(_USAGE_MODEL)
    return asked if asked is not None and family in asked else family
