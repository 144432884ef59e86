"""read_windows: what an answer reports of windows that are still open."""

from typing import Any

import pytest

from bucket_failover_core.answers import read_windows
from bucket_failover_core.facts import WindowReading
from tests.core.answers.answers import DAY, HOUR, NOW, answer

Readings = tuple[WindowReading, ...]


def windows(status: int | None, *headers: tuple[str, str], body: object = None, **fields: Any) -> Readings:
    """The open windows that an answer reports."""
    return read_windows(answer(status, *headers, body=body, **fields), now=NOW)


def reading(window: str, used: float | None = None, wait: float | None = None, **fields: object) -> WindowReading:
    """A window with something left."""
    told = {"window": window, "used": used, "resets_at": None if wait is None else NOW + wait, "observed_at": NOW}
    return WindowReading.model_validate(told | fields)


def unified(name: str, used: str = "0.4", wait: float = 60.0) -> tuple[tuple[str, str], ...]:
    """A subscription's window."""
    start = f"anthropic-ratelimit-unified-{name}"
    return ((f"{start}-status", "allowed"), (f"{start}-utilization", used), (f"{start}-reset", f"{NOW + wait:.0f}"))


STATUS = ("anthropic-ratelimit-unified-status", "allowed")


@pytest.mark.parametrize("status", [200, 429, 503])
def test_the_windows_of_a_subscription(status: int) -> None:
    """On a success and on a failure; a window with a suffix is a model's."""
    pairs = (*unified("5h"), *unified("7d", "0.9", DAY), *unified("7d_oi", "0"))
    told = windows(status, STATUS, *pairs, model="opus")
    model = reading("week", 0.0, 60.0, scope="model", model="opus")
    assert told == (reading("5h", 0.4, 60.0), reading("week", 0.9, DAY), model)


@pytest.mark.parametrize(
    ("pairs", "told"),
    [
        ((), ()),
        ((STATUS,), ()),
        ((("date", "x"),), ()),
        ((("anthropic-ratelimit-requests-remaining", "5"),), (reading("minute"),)),
        (
            (
                ("anthropic-ratelimit-requests-remaining", "5"),
                ("anthropic-ratelimit-requests-reset", "2026-08-12T16:50:37Z"),
            ),
            (reading("minute", None, 37.0),),
        ),
        ((("x-ratelimit-remaining-requests", "5"), ("x-ratelimit-remaining-tokens", "0")), ()),
        ((("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-remaining-requests", "5")), ()),
        ((("x-ratelimit-remaining", "5"), ("x-ratelimit-reset", "60")), ()),
        ((("x-codex-primary-used-percent", "40"), ("x-codex-primary-window-minutes", "300")), (reading("5h", 0.4),)),
        ((("x-codex-primary-used-percent", "40"),), ()),
        (
            (
                ("x-codex-primary-used-percent", "40"),
                ("x-codex-primary-window-minutes", "300"),
                ("x-codex-primary-reset-after-seconds", f"{7 * HOUR:.0f}"),
            ),
            (reading("5h", 0.4, 6 * HOUR),),
        ),
        (
            (
                ("x-codex-primary-used-percent", "40"),
                ("x-codex-primary-window-minutes", "300"),
                ("x-codex-secondary-used-percent", "50"),
                ("x-codex-secondary-window-minutes", "299"),
            ),
            (reading("5h", 0.5),),
        ),
        (
            (
                ("x-codex-primary-used-percent", "50"),
                ("x-codex-primary-window-minutes", "300"),
                ("x-codex-secondary-used-percent", "40"),
                ("x-codex-secondary-window-minutes", "299"),
            ),
            (reading("5h", 0.5),),
        ),
        (
            (
                ("x-codex-primary-used-percent", "50"),
                ("x-codex-primary-window-minutes", "300"),
                ("x-codex-secondary-used-percent", "100"),
                ("x-codex-secondary-window-minutes", "299"),
            ),
            (),
        ),
    ],
)
def test_the_windows_of_others(pairs: tuple[tuple[str, str], ...], told: Readings) -> None:
    """The fuller of two that speak of one; none if a part of it is used up, or the provider does not say its length."""
    assert windows(200, *pairs) == told


def test_the_windows_of_usage_endpoints() -> None:
    """In the dialect of the provider."""
    body = {"five_hour": {"utilization": 40.0, "resets_at": "2026-08-12T16:51:00Z"}, "seven_day": {"utilization": 100}}
    assert windows(200, body=body, dialect="anthropic-subscription") == (reading("5h", 0.4, 60.0),)
    of_model = {"seven_day_opus": {"utilization": 40.0, "resets_at": None}}
    told = reading("week", 0.4, scope="model", model="opus")
    assert windows(200, body=of_model, dialect="anthropic-subscription") == (told,)
    usage = {"rate_limit": {"primary_window": {"used_percent": 40, "limit_window_seconds": 18_000}}}
    assert windows(200, body=usage, dialect="codex") == (reading("5h", 0.4),)


def test_where_there_is_no_answer_there_are_no_windows() -> None:
    """An error kind beats a status."""
    assert windows(200, *unified("5h"), error_kind="timeout") == ()
    assert windows(None) == ()
    assert windows(200, body="words") == ()


def test_what_is_no_moment_is_refused() -> None:
    """As by all that ask for one."""
    with pytest.raises(ValueError, match="no moment"):
        read_windows(answer(200), now=float("nan"))
