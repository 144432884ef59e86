"""A day in the life of a profile: five buckets, five-hour and weekly windows, an overload, and an early reset.

At midnight nothing is known. `ada` and `ben` are quiet: their refusals give no word, only headers that show a window at
100 %, so what is believed of them is advisory. The others are outspoken. `ben` has half an hour left of his week, `eve`
an hour and a half of hers. One request a minute, all day, and three bursts of forty.

    12:37  the provider begins ben's week anew, three days early, and tells no caller
    16:00  for twenty minutes it is overloaded, and serves no caller

The driver (`simulated_driver`) does what the shell does, and nothing else; the provider (`simulated_provider`) keeps
books of its own, and only they say what would have been right.
"""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Final

import pytest

from bucket_failover_core import Limit, Strategy
from bucket_failover_core.choice import STRATEGIES
from bucket_failover_core.choice.half_open_probe import is_doubtful
from tests.support.quotas import INTERVAL
from tests.support.simulated_driver import Driver, driver_of
from tests.support.simulated_provider import DAY, HOUR, MINUTE, Account, SimulatedProvider
from tests.support.worlds import profile

MIDNIGHT: Final = 1_786_492_800.0
"""2026-08-12 00:00:00 UTC."""

EARLY_RESET: Final = MIDNIGHT + 12 * HOUR + 37 * MINUTE
OVERLOAD: Final = (MIDNIGHT + 16 * HOUR, MIDNIGHT + 16 * HOUR + 20 * MINUTE)
BURSTS: Final = tuple(MIDNIGHT + hour * HOUR for hour in (9, 14, 20))
LONGEST_INTERVAL: Final = 1.2 * INTERVAL
"""Between two probes, by default and at the latest."""

ACCOUNTS: Final = {
    "ada": Account(hours_max=100, is_outspoken=False),
    "ben": Account(hours_max=100, week_left=30, is_outspoken=False),
    "cleo": Account(hours_max=100),
    "dan": Account(hours_max=100),
    "eve": Account(hours_max=100, week_left=90),
}


def schedule() -> Iterator[float]:
    """When requests come: each minute, and three bursts, a request a second."""
    minutes = [MIDNIGHT + MINUTE * minute for minute in range(24 * 60)]
    bursts = [begins + second + 0.5 for begins in BURSTS for second in range(40)]
    yield from sorted([*minutes, *bursts])


@dataclass(frozen=True)
class Day:
    """What there is to tell of it in the evening."""

    driver: Driver
    limits_before_overload: dict[str, tuple[Limit, ...]]
    limits_after_overload: dict[str, tuple[Limit, ...]]
    doubted_at_reset: list[str]
    """Which buckets there were to be probed when ben's week began anew."""


@cache
def day(strategy: Strategy, seed: int) -> Day:
    """The day, request after request; who comes while another one waits is served after it."""
    provider = SimulatedProvider(ACCOUNTS, MIDNIGHT, OVERLOAD)
    chance = random.Random(seed)  # noqa: S311 - a draw, not a secret
    driver = driver_of(provider, strategy, chance, now=MIDNIGHT, profile=profile(*ACCOUNTS))
    moments = list(schedule())
    pass_time(driver, moments, until=EARLY_RESET)
    driver.provider.reset_week("ben", now=EARLY_RESET)
    doubted = [each.name for each in driver.session.buckets if is_doubtful(each, now=EARLY_RESET, model=None)]
    pass_time(driver, moments, until=OVERLOAD[0])
    before = {each.name: each.limits for each in driver.session.buckets}
    pass_time(driver, moments, until=OVERLOAD[1])
    after = {each.name: each.limits for each in driver.session.buckets}
    pass_time(driver, moments, until=MIDNIGHT + DAY)
    return Day(driver, before, after, doubted)


def pass_time(driver: Driver, moments: list[float], *, until: float) -> None:
    """All requests that come before a moment; those that have been kept waiting until then come after it."""
    while moments and max(driver.now, moments[0]) < until:
        driver.now = max(driver.now, moments.pop(0))
        driver.request()


def is_in_trouble(moment: float) -> bool:
    """Whether the provider is overloaded, or was when a request began that is still waiting: at most half a minute."""
    return OVERLOAD[0] <= moment < OVERLOAD[1] + 30.0


def ends_of(limits: dict[str, tuple[Limit, ...]]) -> dict[str, set[tuple[str, float]]]:
    """What is believed, whenever it was last heard."""
    return {name: {(limit.window, limit.until) for limit in held} for name, held in limits.items()}


EVERY_DAY = pytest.mark.parametrize(
    ("strategy", "seed"), [(strategy, seed) for strategy in STRATEGIES for seed in (1, 2)]
)


@EVERY_DAY
def test_no_request_is_sent_to_a_bucket_known_to_be_spent(strategy: Strategy, seed: int) -> None:
    """Known is what the provider has said outright: not one call of the day."""
    calls = day(strategy, seed).driver.calls
    assert [call for call in calls if call.was_told_spent] == []


@EVERY_DAY
def test_none_waits_while_a_bucket_is_usable(strategy: Strategy, seed: int) -> None:
    """By the provider's own books: a request that waits, or goes without, could not have been served then."""
    driver = day(strategy, seed).driver
    assert [wait for wait in driver.waits if wait.usable] == []
    assert [end for end in driver.ends if not end.is_served and end.usable and not is_in_trouble(end.at)] == []


def found_after(told: Day) -> tuple[float, bool]:
    """How many seconds after the early reset ben was called and served, and whether by a canary."""
    served = (call for call in told.driver.calls if call.bucket == "ben" and call.status == 200)
    first = next(call for call in served if call.at >= EARLY_RESET)
    return first.at - EARLY_RESET, first.is_canary


@EVERY_DAY
def test_the_early_reset_is_found_within_the_paced_probes_interval(strategy: Strategy, seed: int) -> None:
    """Ten minutes, and up to two more by draw; one bucket at a time, so with two to be tested each has its turn."""
    told = day(strategy, seed)
    if "ben" not in told.doubted_at_reset:
        assert strategy == "least-used", "which has never come to the end of his week"
        return
    seconds, by_canary = found_after(told)
    assert by_canary
    assert seconds <= LONGEST_INTERVAL * len(told.doubted_at_reset)


def test_by_default_that_is_one_interval() -> None:
    """Ben alone is doubted at 12:37; a request tests him before 12:49."""
    told = day("sticky", 1)
    assert told.doubted_at_reset == ["ben"]
    assert found_after(told)[0] <= LONGEST_INTERVAL


@EVERY_DAY
def test_only_canaries_go_to_a_doubted_bucket_while_another_is_open(strategy: Strategy, seed: int) -> None:
    """And they are paced: no two within ten minutes, over all buckets.

    While the provider is overloaded, the others are open and serve no request: patience then tries what is doubted.
    """
    driver = day(strategy, seed).driver
    doubted = [call for call in driver.calls if call.was_doubted and call.others_open and not call.is_canary]
    assert [call for call in doubted if not is_in_trouble(call.at)] == []
    assert all(later - earlier >= INTERVAL for earlier, later in pairwise(driver.probes))
    assert all(call.was_doubted for call in driver.calls if call.is_canary)


@EVERY_DAY
def test_the_overload_is_charged_to_no_bucket(strategy: Strategy, seed: int) -> None:
    """What was believed before it is what is believed after it; and all that came of it is told as it was."""
    told = day(strategy, seed)
    assert ends_of(told.limits_after_overload) == ends_of(told.limits_before_overload)
    calls = [call for call in told.driver.calls if told.driver.provider.is_overloaded(call.at)]
    assert {call.status for call in calls} == {503}
    first = next(call for call in told.driver.calls if call.at >= OVERLOAD[1] + 30.0 and not call.is_canary)
    assert first.status == 200


@EVERY_DAY
def test_everybody_else_is_served(strategy: Strategy, seed: int) -> None:
    """Each request of the day comes to its end, in the order in which they came; and the day is not longer for it."""
    driver = day(strategy, seed).driver
    assert len(driver.ends) == len(list(schedule())) == 24 * 60 + 3 * 40
    assert driver.now == MIDNIGHT + DAY - MINUTE
    unserved = [end for end in driver.ends if not end.is_served]
    assert len([end for end in unserved if driver.provider.is_overloaded(end.at)]) <= 20
    assert len(unserved) <= 40
    served = Counter(call.bucket for call in driver.calls if call.status == 200)
    assert set(served) == set(ACCOUNTS)


def test_the_day_has_everything_that_a_day_has() -> None:
    """By default: refusals that say when, and such that do not; canaries that were refused, and one that was not."""
    driver = day("sticky", 1).driver
    limits = [limit for each in driver.session.buckets for limit in each.limits]
    assert {limit.strength for limit in limits} == {"advisory", "directive"}
    assert {limit.window for limit in limits} == {"5h", "week"}
    assert {call.status for call in driver.calls} == {200, 429, 503}
    canaries = Counter(call.status for call in driver.calls if call.is_canary)
    assert canaries[200] >= 1
    assert canaries[429] > 50
    refused = [call for call in driver.calls if call.status == 429 and not call.is_canary]
    assert len(refused) < 20, "each window's end is met once"
