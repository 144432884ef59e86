"""Providers that a table describes."""

from functools import partial

import pytest

from bucket_failover_core import Limit
from bucket_failover_core.answers.dialects.table_reader import read_provider
from bucket_failover_core.answers.provider_table import PROVIDERS, Count, Provider
from bucket_failover_core.answers.response import Answer
from bucket_failover_core.answers.signals import NOTED, Open, Reach, Unreadable, UsedUp
from tests.core.answers.answers import NOW, limits_read, verdict

TABLE = Provider(
    "together",
    "example.com",
    counts=(Count("day", "x-left-day", "x-reset-day"), Count("minute", "x-left-minute")),
    scope="organization",
)
COUNTS = [(provider, count) for provider in PROVIDERS for count in provider.counts]


def read(status: int = 429, **headers: str) -> list[object]:
    """What such an answer says by the table."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = Answer(status, status, names, succeeded=status == 200)
    return list(read_provider(TABLE, answer, now=NOW))


def spent(window: str, name: str, wait: float | None) -> UsedUp:
    """A count of zero."""
    until = None if wait is None else NOW + wait
    return UsedUp(window, until, "header", "advisory", "organization", None, f"{name}: 0", yields=True)  # type: ignore[arg-type]  # any window of the table


def test_a_count_of_zero_is_used_up_until_its_reset() -> None:
    """On a failure as on a success, for whom the table says; without a reset nothing says until when."""
    assert read(x_left_day="0", x_reset_day="60") == [spent("day", "x-left-day", 60.0), Reach("organization")]
    assert read(200, x_left_day="0", x_reset_day="60") == [spent("day", "x-left-day", 60.0)]
    assert read(x_left_minute="0") == [spent("minute", "x-left-minute", None), Reach("organization")]
    both = read(x_left_day="0", x_reset_day="60", x_left_minute="0")
    assert both == [spent("day", "x-left-day", 60.0), spent("minute", "x-left-minute", None), Reach("organization")]


@pytest.mark.parametrize(
    ("reset", "wait"),
    [
        ("60", 60.0),
        ("11.38", 11.38),
        ("1m0s", 60.0),
        ("1786553460", 60.0),
        ("2026-08-12T16:51:00Z", 60.0),
        ("soon", None),
    ],
)
def test_a_reset_comes_in_any_form(reset: str, wait: float | None) -> None:
    """Seconds, a duration, a moment; what cannot be read says nothing."""
    assert read(x_left_day="0", x_reset_day=reset)[0] == spent("day", "x-left-day", wait)


def test_what_is_left_is_open_and_what_is_not_there_says_nothing() -> None:
    """What cannot be read is said to be so."""
    assert read(200, x_left_day="5") == [Open("day")]
    assert read(200) == []
    assert read() == [Reach("organization")]
    assert read(200, x_left_day="many") == [Unreadable("x-left-day")]
    assert read(200, x_reset_day="60") == [NOTED]


@pytest.mark.parametrize(
    ("provider", "count"), COUNTS, ids=lambda each: getattr(each, "dialect", None) or each.remaining
)
def test_each_count_of_the_table_is_read(provider: Provider, count: Count) -> None:
    """By `read_limits` of a success, and as a failure's limit."""
    headers = ((count.remaining, "0"), *(((count.reset, "90"),) if count.reset else ()))
    if count.reset:
        told = limits_read(200, *headers, dialect=provider.dialect)
        assert isinstance(told, tuple)
        (found,) = told
        assert isinstance(found, Limit)
        assert (found.window, found.scope, found.until) == (count.window, provider.scope, NOW + 90.0)
    failed = partial(verdict, dialect=provider.dialect)(429, *headers)
    assert [(limit.window, limit.scope) for limit in failed.limits] == [(count.window, provider.scope)]
