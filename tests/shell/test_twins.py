"""The retry loops with and without an event loop: what differs is `await`, so both tell the same story.

The stories are told to both and compared. Two tests are about one of them: threads, and tasks, that share a login.
"""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from bucket_failover import (
    AllBucketsExhaustedError,
    FailoverContext,
    Observed,
    RetriesExhaustedError,
    RetryPolicy,
)
from tests.support.line import THREE, TWO, Line, failing, hinting
from tests.support.people import PROVIDER, CallError, token
from tests.support.twin_house import TwinHouse
from tests.support.twins import ASYNCIO, THREADS, Twin, each_twin

twin = each_twin


@dataclass(frozen=True)
class Story:
    """What a request meets; each list is made anew for each twin."""

    buckets: tuple[str, ...] = THREE
    faults: Callable[[], dict[str, list[Exception]]] = dict
    tokens: dict[str, Any] | None = None
    refreshes: dict[str, list[Any]] = field(default_factory=dict)
    logins: dict[str, list[Any]] = field(default_factory=dict)
    policy: RetryPolicy = field(default_factory=RetryPolicy)


STORIES = {
    "served at once": Story(),
    "a spent bucket": Story(faults=lambda: {"default": failing(402)}),
    "a burst": Story(faults=lambda: {"default": [hinting(429, "20"), hinting(429, "20")]}),
    "two bare 429": Story(buckets=TWO, faults=lambda: {"default": failing(429), "claudius": failing(429)}),
    "a refused token": Story(faults=lambda: {"default": failing(401)}, refreshes={"default": [token("renewed")]}),
    "refused twice": Story(faults=lambda: {"default": failing(401, 401)}, refreshes={"default": [token("renewed")]}),
    "an overload": Story(faults=lambda: {"default": failing(529, 529), "claudius": failing(529)}),
    "a client's error": Story(faults=lambda: {"default": failing(400)}),
    "no classification": Story(faults=lambda: {"default": [KeyError(1)]}),
    "an expired token": Story(tokens={"default": token("old", expiry=1.0)}, refreshes={"default": [token("new")]}),
    "no tokens, one login": Story(tokens={}, logins={"default": [token("brought")]}),
    "no tokens, no login": Story(tokens={}),
    "one bucket, a burst": Story(buckets=("default",), faults=lambda: {"default": [hinting(429, "60")]}),
    "one bucket, spent for long": Story(buckets=("default",), faults=lambda: {"default": [hinting(429, "3600")]}),
    "one bucket, no token": Story(buckets=("default",), tokens={}),
    "out of attempts": Story(faults=lambda: {"default": failing(402)}, policy=RetryPolicy(max_attempts=1)),
    "all spent for long": Story(
        buckets=TWO, faults=lambda: {"default": [hinting(429, "7200")], "claudius": [hinting(429, "3600")]}
    ),
}


def told(twin: Twin, story: Story) -> dict[str, Any]:
    """How the request goes, with one of the twins."""
    observed: list[Observed] = []
    line = Line(*story.buckets, twin=twin, tokens=story.tokens, policy=story.policy, observe=observed.append)
    line.faults = story.faults()
    line.issuer.refreshes = {name: list(answers) for name, answers in story.refreshes.items()}
    line.issuer.logins = {name: list(answers) for name, answers in story.logins.items()}
    try:
        end: object = line.call()
    except (AllBucketsExhaustedError, RetriesExhaustedError) as error:
        end = (type(error).__name__, str(error))
    except (CallError, KeyError) as error:
        end = (type(error).__name__, str(error))
    return {
        "end": end,
        "calls": line.calls,
        "waits": line.world.sleeps,
        "asked": line.issuer.asked,
        "kinds": [each.what.kind for each in observed],
        "current": line.handler.get_current_bucket(),
        "in flight": line.handler.snapshot().requests,
    }


@pytest.mark.parametrize("name", STORIES)
def test_both_tell_the_same_story(name: str) -> None:
    """Calls, waits, refreshes, logins, events, the end, and the bucket in use; no request is left over."""
    with_loop, without = told(ASYNCIO, STORIES[name]), told(THREADS, STORIES[name])
    assert with_loop == without
    assert without["in flight"] == ()


def test_two_bare_refusals_are_waited_for(twin: Twin) -> None:
    """A profile of two is as patient as one of its buckets alone (contract, *Retry rules*)."""
    story = told(twin, STORIES["two bare 429"])
    assert story["calls"] == [("default", 0.0), ("claudius", 0.0), ("default", 5.0)]
    assert story["end"] == "an answer from default"
    assert story["current"] == "default"


def test_what_happens_is_told_as_typed_events(twin: Twin) -> None:
    """Decisions and what came of them, in order, with the core's own types."""
    assert told(twin, STORIES["a refused token"])["kinds"] == [
        "read-token",
        "token-read",
        "call-bucket",
        "call-begun",
        "call-answered",
        "read-token",
        "token-read",
        "refresh-token",
        "token-refreshed",
        "call-bucket",
        "call-begun",
        "call-answered",
        "served",
    ]


def test_an_observer_that_raises_ends_nothing(twin: Twin) -> None:
    """Its mistake is logged."""

    def broken(_observed: Observed) -> None:
        raise RuntimeError

    assert Line(*TWO, twin=twin, observe=broken).call() == "an answer from default"


def test_threads_share_one_login() -> None:
    """Eight threads begin without a token: the user is asked once."""
    line = Line(*TWO, twin=THREADS, tokens={})
    line.issuer.logins = {"default": [token("brought")]}
    at_once = threading.Barrier(8)
    answers: list[str] = []

    def work() -> None:
        at_once.wait()
        answers.append(line.call())

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == ["an answer from default"] * 8
    assert line.issuer.asked == [("login", "default")]


def test_requests_in_flight_share_one_login() -> None:
    """A hundred tasks begin without a token: the user is asked once, and no caller waits until tomorrow."""
    line = Line(*TWO, tokens={})
    line.issuer.logins = {"default": [token("brought")]}

    async def main() -> list[str]:
        operation = ASYNCIO.does(line.operation)
        return list(await asyncio.gather(*(line.orchestrator.call(operation) for _ in range(100))))

    assert line.run(main()) == ["an answer from default"] * 100
    assert line.issuer.asked == [("login", "default")]


def test_a_search_is_told_to_the_handlers_observer(twin: Twin) -> None:
    """Who does their own retries sees the same types as a retry loop's observer, one number for each search."""
    house = TwinHouse({"default": token("spent"), "claudius": token("live")}, TWO, twin=twin)
    observed: list[Observed] = []
    handler = twin.handler(TWO, PROVIDER, house.manager, clock=house.world.clock, observe=observed.append)
    for status in (429, 429):
        house.run(handler.try_failover(FailoverContext(triggering_status=status)))
    searches = [
        [each for each in observed if each.request == number] for number in sorted({e.request for e in observed})
    ]
    assert [[each.what.kind for each in search] for search in searches] == [
        ["call-answered", "read-token", "token-read", "use-bucket"],
        ["call-answered", "all-buckets-exhausted"],
    ]
    assert {each.provider for each in observed} == {PROVIDER}


def test_a_handlers_observer_that_raises_ends_nothing(twin: Twin) -> None:
    """Its mistake is logged."""

    def broken(_observed: Observed) -> None:
        raise LookupError

    house = TwinHouse({"default": token("spent"), "claudius": token("live")}, TWO, twin=twin)
    handler = twin.handler(TWO, PROVIDER, house.manager, clock=house.world.clock, observe=broken)
    assert house.run(handler.try_failover(FailoverContext(triggering_status=429)))
