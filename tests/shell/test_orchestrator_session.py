"""The retry loop and the session: whom the first request starts with, what ends with a request, older handlers.

It runs over both twins, but for two tests with requests that overlap or are cancelled: those need an event loop.
"""

import asyncio

import pytest

from bucket_failover import (
    ActiveBucket,
    AllBucketsExhaustedError,
    Cause,
    FailoverContext,
    Limit,
    RetryPolicy,
    Verdict,
)
from tests.support.line import THREE, Line, failing, hinting
from tests.support.people import PROVIDER, CallError, replace
from tests.support.twins import ASYNCIO, Twin, each_twin

twin = each_twin


class TestSession:
    """Whom the first request starts with, and what ends with a request."""

    def test_the_session_bucket_is_adopted_before_the_first_request_only(self, twin: Twin) -> None:
        """One adoption for all requests."""
        line = Line(*THREE, twin=twin)
        line.store.write_session_bucket(PROVIDER, "vybestack")
        assert line.call() == "an answer from vybestack"
        line.store.write_session_bucket(PROVIDER, "claudius")
        assert line.call() == "an answer from vybestack"

    def test_requests_that_begin_together_wait_for_the_one_adoption(self) -> None:
        """And those that begin later adopt nothing."""
        line = Line(*THREE)
        line.store.write_session_bucket(PROVIDER, "vybestack")
        read: list[str] = []

        async def slow(provider: str) -> str | None:
            read.append(provider)
            await asyncio.sleep(1)
            return line.store.read_session_bucket(provider)

        replace(line.manager, get_session_bucket=slow)

        async def main() -> list[str]:
            operation = ASYNCIO.does(line.operation)
            calls = [line.orchestrator.call(operation) for _ in range(2)]
            return [*await asyncio.gather(*calls), await line.orchestrator.call(operation)]

        assert line.world.run(main()) == ["an answer from vybestack"] * 3
        assert read == [PROVIDER]

    def test_each_request_has_a_ledger_of_its_own(self, twin: Twin) -> None:
        """It ends with the request, whether that is served or not."""
        line = Line("default", twin=twin)
        resets: list[object] = []
        replace(line.handler, reset_session=resets.append)
        line.orchestrator = line.orchestrate(line.handler)
        line.call()
        line.faults["default"] = failing(400)
        with pytest.raises(CallError):
            line.call()
        one, one_again, two, two_again = resets
        assert one is one_again
        assert two is two_again
        assert one is not two

    @pytest.mark.requirement("REQ-1598-SM03")
    def test_the_ledger_begins_and_ends_with_the_request(self) -> None:
        """Also when the request is cancelled."""
        line = Line(*THREE)
        resets: list[object] = []
        reset = line.handler.reset_session

        def recording(request: object = None) -> None:
            resets.append(request)
            reset(request)

        replace(line.handler, reset_session=recording)
        orchestrator = line.orchestrate(line.handler)

        async def never(_bucket: ActiveBucket) -> None:
            await asyncio.sleep(1e6)

        async def main() -> None:
            call = asyncio.create_task(orchestrator.call(never))
            await asyncio.sleep(1)
            assert len(line.handler.snapshot().requests) == 1
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call

        line.world.run(main())
        assert len(resets) == 2
        assert resets[0] is resets[1]
        assert line.handler.snapshot().requests == ()


class OldHandler:
    """A handler with no more than the plan's first interface."""

    provider = PROVIDER

    def __init__(self, twin: Twin, outcomes: list[bool]) -> None:
        self.try_failover = twin.does(self.search)
        self.outcomes = outcomes
        self.current = "default"
        self.contexts: list[FailoverContext | None] = []
        self.resets = 0

    def get_buckets(self) -> list[str]:
        """Two."""
        return ["default", "claudius"]

    def get_current_bucket(self) -> str | None:
        """The one in use."""
        return self.current

    def is_enabled(self) -> bool:
        """Two are enough."""
        return True

    def search(self, context: FailoverContext | None = None) -> bool:
        """As it was told."""
        self.contexts.append(context)
        self.current = "claudius"
        return self.outcomes.pop(0)

    def reset_session(self) -> None:
        """Without naming a request."""
        self.resets += 1

    def reset(self) -> None:
        """Not used by the loop."""


@pytest.mark.requirement("REQ-1598-IC01")
@pytest.mark.requirement("REQ-1598-IC03")
@pytest.mark.requirement("REQ-1598-IC04")
@pytest.mark.requirement("REQ-1598-BWC03")
def test_handlers_without_the_newer_methods_work(twin: Twin) -> None:
    """The current bucket is believed; the reasons are empty."""
    line = Line("default", "claudius", twin=twin)
    handler = OldHandler(twin, [True, False])
    line.orchestrator = line.orchestrate(handler)
    line.faults["default"] = failing(402)
    assert line.call() == "an answer from claudius"
    assert handler.resets == 1
    line.faults["claudius"] = failing(402)
    with pytest.raises(AllBucketsExhaustedError, match="No bucket of anthropic") as caught:
        line.call()
    assert caught.value.bucket_failure_reasons == {}
    context = handler.contexts[0]
    assert context is not None
    assert (context.triggering_status, context.bucket) == (402, "default")


def test_a_foreign_handlers_no_is_exhaustion_at_once(twin: Twin) -> None:
    """Without patience, which is the core's own (contract, *Retry rules*)."""
    line = Line("default", "claudius", twin=twin)
    line.orchestrator = line.orchestrate(OldHandler(twin, [False]))
    line.faults["default"] = failing(429)
    with pytest.raises(AllBucketsExhaustedError):
        line.call()
    assert line.world.sleeps == []


def test_a_request_starts_where_nothing_known_speaks_against_it(twin: Twin) -> None:
    """A bucket that is spent for hours is not called again; at the end of its window it is, for it is the session's."""
    line = Line("default", "claudius", twin=twin)
    week = Limit(until=line.world.start + 3_600.0, window="5h", source="header", strength="directive")
    learned = FailoverContext(bucket="default", request="other", verdict=Verdict(cause=Cause.QUOTA, limits=(week,)))
    line.try_failover(learned)
    line.handler.reset()
    line.store.write_session_bucket(PROVIDER, "default")
    assert line.call() == "an answer from claudius"
    assert line.handler.get_current_bucket() == "default"
    line.world.now += 3_600.0
    assert line.call() == "an answer from default"


def test_spent_buckets_are_not_hammered(twin: Twin) -> None:
    """Both have told outright until when: the next request ends without a call, and says when it can go on."""
    line = Line("default", "claudius", twin=twin)
    line.faults = {"default": [hinting(429, "7200")], "claudius": [hinting(429, "3600")]}
    with pytest.raises(AllBucketsExhaustedError):
        line.call()
    with pytest.raises(AllBucketsExhaustedError) as caught:
        line.call()
    assert line.names() == ["default", "claudius"]
    assert caught.value.retry_at == line.world.start + 3_600.0
    assert caught.value.__cause__ is None
    line.world.now += 3_600.0
    assert line.call() == "an answer from claudius"


def test_a_guess_is_put_to_the_test(twin: Twin) -> None:
    """A bare 429 benches for a minute by guess; if nothing else is left, it is tried before."""
    line = Line("default", "claudius", twin=twin, policy=RetryPolicy(waits_for_profile=False))
    line.faults = {"default": failing(429), "claudius": failing(429)}
    with pytest.raises(AllBucketsExhaustedError):
        line.call()
    assert line.call() == "an answer from default"
