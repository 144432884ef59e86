"""The retry loops with and without an event loop: what differs is `await`, so both tell the same story."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from bucket_failover import (
    ActiveBucket,
    AllBucketsExhaustedError,
    FailoverContext,
    Observed,
    RetriesExhaustedError,
    RetryPolicy,
    SyncRetryOrchestrator,
    SyncStoredOAuthManager,
)
from tests.support.line import THREE, Line, failing, hinting
from tests.support.people import PROVIDER, CallError, token
from tests.support.sync_line import SyncLine

TWO = ("default", "claudius")


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


def told(kind: type[Line] | type[SyncLine], story: Story) -> dict[str, Any]:
    """How the request goes, in one of the worlds."""
    observed: list[Observed] = []
    line = kind(*story.buckets, tokens=story.tokens, policy=story.policy, observe=observed.append)
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
    with_loop, without = told(Line, STORIES[name]), told(SyncLine, STORIES[name])
    assert with_loop == without
    assert without["in flight"] == ()


def test_two_bare_refusals_are_waited_for() -> None:
    """A profile of two is as patient as one of its buckets alone (contract, *Retry rules*)."""
    story = told(SyncLine, STORIES["two bare 429"])
    assert story["calls"] == [("default", 0.0), ("claudius", 0.0), ("default", 5.0)]
    assert story["end"] == "an answer from default"
    assert story["current"] == "default"


def test_what_happens_is_told_as_typed_events() -> None:
    """Decisions and what came of them, in order, with the core's own types."""
    assert told(SyncLine, STORIES["a refused token"])["kinds"] == [
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


def test_an_observer_that_raises_ends_nothing() -> None:
    """Its mistake is logged."""

    def broken(_observed: Observed) -> None:
        raise RuntimeError

    assert SyncLine(*TWO, observe=broken).call() == "an answer from default"


class TestStream:
    """An operation that yields, without an event loop."""

    def test_what_fails_before_the_first_piece_is_repeated(self) -> None:
        """With the next bucket."""
        line = SyncLine(*TWO)

        def operation(bucket: ActiveBucket) -> Iterator[str]:
            if bucket.name == "default":
                raise CallError(402)
            yield from ("one", bucket.name)

        assert list(line.orchestrator.stream(operation)) == ["one", "claudius"]

    def test_after_the_first_piece_nothing_is(self) -> None:
        """Two answers must not be mixed; the abandoned stream is closed."""
        line = SyncLine(*TWO)
        closed: list[str] = []

        def operation(bucket: ActiveBucket) -> Iterator[str]:
            try:
                yield "one"
                raise CallError(500)
            finally:
                closed.append(bucket.name)

        pieces: list[str] = []
        with pytest.raises(CallError):
            pieces.extend(line.orchestrator.stream(operation))
        assert closed == ["default"]
        assert line.handler.snapshot().requests == ()

    def test_a_caller_that_stops_ends_it(self) -> None:
        """The request is forgotten, and the stream closed."""
        line = SyncLine(*TWO)
        closed: list[str] = []

        def operation(bucket: ActiveBucket) -> Iterator[str]:
            try:
                yield "one"
                yield "two"
            finally:
                closed.append(bucket.name)

        stream = line.orchestrator.stream(operation)
        assert next(stream) == "one"
        stream.close()  # type: ignore[attr-defined]  # it is a generator
        assert closed == ["default"]
        assert line.handler.snapshot().requests == ()


class ForeignHandler:
    """A handler of a caller's own, without an event loop: it knows the protocol, and no more."""

    provider = PROVIDER

    def __init__(self, answers: list[bool]) -> None:
        self.answers = answers
        self.current = "default"
        self.contexts: list[FailoverContext | None] = []

    def get_buckets(self) -> list[str]:
        return list(TWO)

    def get_current_bucket(self) -> str | None:
        return self.current

    def is_enabled(self) -> bool:
        return True

    def try_failover(self, context: FailoverContext | None = None) -> bool:
        self.contexts.append(context)
        self.current = "claudius"
        return self.answers.pop(0)

    def reset_session(self) -> None:
        """Forgets nothing."""

    def reset(self) -> None:
        self.current = "default"


def foreign(answers: list[bool]) -> tuple[SyncLine, ForeignHandler, SyncRetryOrchestrator]:
    """A line whose handler is a foreign one."""
    line, handler = SyncLine(*TWO), ForeignHandler(answers)
    orchestrator = SyncRetryOrchestrator(
        handler, line.manager, clock=line.world.clock, sleep=line.world.sleep, draw=lambda: 0.5
    )
    return line, handler, orchestrator


def test_a_foreign_handler_searches_by_itself() -> None:
    """It is told of the failed call, and its bucket is called with."""
    line, handler, orchestrator = foreign([True])
    line.faults["default"] = failing(402)
    assert orchestrator.call(line.operation) == "an answer from claudius"
    (context,) = handler.contexts
    assert context is not None
    assert (context.triggering_status, context.bucket) == (402, "default")


def test_a_foreign_handlers_no_is_exhaustion_at_once() -> None:
    """Without patience, which is the core's own (contract, *Retry rules*)."""
    line, _, orchestrator = foreign([False])
    line.faults["default"] = failing(429)
    with pytest.raises(AllBucketsExhaustedError):
        orchestrator.call(line.operation)
    assert line.world.sleeps == []


def test_threads_share_one_login() -> None:
    """Eight threads begin without a token: the person is asked once."""
    line = SyncLine(*TWO, tokens={})
    line.issuer.logins = {"default": [token("brought")]}
    at_once = threading.Barrier(8)
    answers: list[str] = []

    def work() -> None:
        at_once.wait()
        answers.append(line.orchestrator.call(line.operation))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == ["an answer from default"] * 8
    assert line.issuer.asked == [("login", "default")]


def test_requests_in_flight_share_one_login() -> None:
    """A hundred tasks begin without a token: the person is asked once, and no caller waits until tomorrow."""
    line = Line(*TWO, tokens={})
    line.issuer.logins = {"default": [token("brought")]}

    async def main() -> list[str]:
        return await asyncio.gather(*(line.orchestrator.call(line.operation) for _ in range(100)))

    assert line.world.run(main()) == ["an answer from default"] * 100
    assert line.issuer.asked == [("login", "default")]


def test_a_reset_is_told_to_whoever_adopts_the_session_later() -> None:
    """The first bucket is the session's again, in the store as well (contract, *Shell*)."""
    line = SyncLine(*TWO)
    line.faults["default"] = failing(402)
    line.call()
    assert line.store.read_session_bucket(PROVIDER) == "claudius"
    line.handler.reset()
    assert line.store.read_session_bucket(PROVIDER) == "default"


def test_the_manager_of_a_loop_without_events_is_asked_for_what_it_has() -> None:
    """`peek` answers a token that was read a moment ago, and nothing else."""
    line = SyncLine("default")
    manager = SyncStoredOAuthManager(line.store, clock=line.world.clock)
    assert manager.peek(PROVIDER, "default") is None
    held = manager.get_oauth_token(PROVIDER, "default")
    assert manager.peek(PROVIDER, "default") is held
