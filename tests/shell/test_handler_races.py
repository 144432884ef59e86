"""Searches that overlap with each other, with resets, with cancellation and with late logins.

Those need an event loop; what needs none, of refused tokens and of profiles, runs over both twins.
"""

import asyncio

import pytest
from returns.result import Failure, Success

from bucket_failover import (
    BucketFailureReason,
    FailoverContext,
    FailoverPolicy,
    OAuthToken,
    UseBucket,
)
from tests.support.house import SPENT, House, live
from tests.support.people import PROVIDER, replace, token
from tests.support.twin_house import TwinHouse
from tests.support.twins import Twin, each_twin

twin = each_twin


def slowly(house: House, seconds: float = 1.0) -> None:
    """Every read takes its time."""
    read = house.manager.read_token

    async def slow(provider: str, bucket: str) -> OAuthToken | None:
        await asyncio.sleep(seconds)
        return await read(provider, bucket)

    replace(house.manager, read_token=slow)


def test_a_search_that_a_new_request_has_overtaken_does_not_write_into_its_ledger() -> None:
    """The old request has tried `default`; the new one may use it."""
    house = House(live("default", "claudius"), ["default", "claudius"])
    slowly(house)

    async def main() -> list[bool]:
        old = asyncio.create_task(house.handler.try_failover(SPENT))
        await asyncio.sleep(0.5)
        house.handler.reset_session()
        new = asyncio.create_task(house.handler.try_failover(FailoverContext(429, bucket="claudius")))
        return [await old, await new]

    assert house.world.run(main()) == [True, True]
    assert house.handler.get_current_bucket() == "default"
    assert house.handler.get_last_failover_reasons() == {"claudius": BucketFailureReason.QUOTA_EXHAUSTED}


def test_a_cancelled_search_does_not_take_the_ledger_of_another_one_along() -> None:
    """Two failovers of one request; the first, which opened the request, is cancelled while it waits."""
    house = House(live("claudius"), ["default", "claudius"], FailoverPolicy(reauths_per_request=0))
    slowly(house)

    async def main() -> bool:
        first = asyncio.create_task(house.handler.try_failover(SPENT))
        second = asyncio.create_task(house.handler.try_failover(SPENT))
        await asyncio.sleep(0.5)
        first.cancel()
        return await second

    assert house.world.run(main())
    assert house.handler.get_last_failover_reasons() == {"default": BucketFailureReason.QUOTA_EXHAUSTED}
    assert house.try_failover(SPENT) == [False]


def test_the_reasons_are_those_of_the_request_in_progress() -> None:
    """While the search of a new request runs, nothing is told of the old one."""
    house = House(live("default", "claudius"), ["default", "claudius"])

    async def main() -> dict[str, BucketFailureReason]:
        await house.handler.try_failover(SPENT)
        house.handler.reset_session()
        slowly(house)
        search = asyncio.create_task(house.handler.try_failover(SPENT))
        await asyncio.sleep(0.5)
        reasons = house.handler.get_last_failover_reasons()
        await search
        return reasons

    assert house.world.run(main()) == {}


def test_a_refused_token_is_named_although_what_was_read_of_it_is_out_of_date(twin: Twin) -> None:
    """The caller has refreshed, was refused again, and names no token: it is the one that is read next."""
    house = TwinHouse(live("default", "claudius"), ["default", "claudius"], twin=twin)
    assert house.try_failover(FailoverContext(500, request=1)) == [True]
    house.store.write(PROVIDER, "default", token("refreshed"))
    assert house.try_failover(FailoverContext(401, request=1, bucket="default", refresh_spent=True)) == [True]
    assert house.handler.get_last_failover_reasons() == {"default": BucketFailureReason.EXPIRED_REFRESH_FAILED}
    assert house.handler.get_current_bucket() == "claudius"


def test_tokens_that_the_caller_has_seen_refused_are_not_used(twin: Twin) -> None:
    """The handler was not told of them when it happened: `FailoverContext.rejected`."""
    house = TwinHouse({"default": token("shared"), "claudius": token("shared")}, ["default", "claudius"], twin=twin)
    house.issuer.refreshes["claudius"] = [token("fresh")]
    context = FailoverContext(429, rejected=(token("shared").fingerprint,))
    assert house.try_failover(context) == [True]
    assert house.issuer.asked == [("refresh", "claudius")]


class TestLateLogins:
    """A login that takes longer than allowed."""

    @pytest.mark.requirement("REQ-1598-FR05")
    def test_its_late_success_never_switches_this_request(self) -> None:
        """It ignores the cancellation and stores a token: the next request finds it."""
        house = House({}, ["default", "claudius"], FailoverPolicy(reauth_timeout_seconds=5))

        async def stubborn(provider: str, bucket: str) -> None:
            try:
                await asyncio.sleep(1e6)
            except asyncio.CancelledError:
                await asyncio.sleep(2)
            house.store.write(provider, bucket, token("late"))

        replace(house.manager, authenticate=stubborn)

        async def main() -> list[bool]:
            found = [await house.handler.try_failover(None)]
            assert house.world.now == house.world.start + 5
            await asyncio.sleep(3)
            house.handler.reset_session()
            return [*found, await house.handler.try_failover(SPENT)]

        assert house.world.run(main()) == [False, True]
        assert house.handler.get_current_bucket() == "claudius"

    def test_its_late_exception_is_no_unhandled_one(self) -> None:
        """Warnings are errors; it was told as timed out."""
        house = House({}, ["default", "claudius"], FailoverPolicy(reauth_timeout_seconds=5))

        async def broken(_provider: str, _bucket: str) -> None:
            try:
                await asyncio.sleep(1e6)
            finally:
                raise RuntimeError

        replace(house.manager, authenticate=broken)

        async def main() -> bool:
            found = await house.handler.try_failover(None)
            await asyncio.sleep(1)
            return found

        assert not house.world.run(main())
        assert isinstance(house.handler.last_decision, Failure)
        assert "login timed out" in house.handler.last_decision.failure().message

    def test_a_login_that_was_cancelled_by_another_caller_has_failed(self) -> None:
        """It is not our caller who was cancelled."""
        house = House({}, ["default", "claudius"])

        async def cancelled(_provider: str, _bucket: str) -> None:
            raise asyncio.CancelledError

        replace(house.manager, authenticate=cancelled)
        assert house.try_failover(None) == [False]
        assert isinstance(house.handler.last_decision, Failure)
        assert "login failed: the login was cancelled" in house.handler.last_decision.failure().message

    def test_a_cancelled_search_cancels_its_login_and_waits_for_it(self) -> None:
        """Nothing is left running."""
        house = House({}, ["default", "claudius"])
        ended: list[float] = []

        async def tidy(_provider: str, _bucket: str) -> None:
            try:
                await asyncio.sleep(1e6)
            finally:
                await asyncio.sleep(2)
                ended.append(house.world.now - house.world.start)

        replace(house.manager, authenticate=tidy)

        async def main() -> None:
            search = asyncio.create_task(house.handler.try_failover(None))
            await asyncio.sleep(1)
            search.cancel()
            with pytest.raises(asyncio.CancelledError):
                await search

        house.world.run(main())
        assert ended == [3.0]
        assert house.handler.snapshot().requests == ()


def test_an_adoption_that_a_switch_has_overtaken_changes_nothing() -> None:
    """What the store said before is older than what was found out since."""
    house = House(live("default", "claudius", "vybestack"))
    house.store.write_session_bucket(PROVIDER, "vybestack")
    stored = house.manager.get_session_bucket

    async def slow(provider: str) -> str | None:
        bucket = await stored(provider)
        await asyncio.sleep(1)
        return bucket

    replace(house.manager, get_session_bucket=slow)

    async def main() -> None:
        adoption = asyncio.create_task(house.handler.adopt_session_bucket())
        await asyncio.sleep(0.5)
        await house.handler.try_failover(SPENT)
        await adoption

    house.world.run(main())
    assert house.handler.get_current_bucket() == "claudius"


def test_a_reset_during_a_search_is_not_undone_in_the_store() -> None:
    """Neither the handler nor the store goes to the bucket that the old search has found: both are at the first."""
    house = House(live("default", "claudius"), ["default", "claudius"])
    slowly(house)

    async def main() -> bool:
        search = asyncio.create_task(house.handler.try_failover(SPENT))
        await asyncio.sleep(0.5)
        house.handler.reset()
        return await search

    assert house.world.run(main())
    assert house.handler.get_current_bucket() == "default"
    assert house.store.read_session_bucket(PROVIDER) == "default"
    assert isinstance(house.handler.last_decision, Success)
    assert isinstance(house.handler.last_decision.unwrap(), UseBucket)


@pytest.mark.parametrize(
    ("buckets", "message"),
    [("ab", "buckets: 'ab' is one text"), ([None], "buckets: None is neither a name nor a Bucket")],
)
def test_what_is_no_profile_is_told(twin: Twin, buckets: list[str], message: str) -> None:
    """In one error."""
    with pytest.raises(ValueError, match=message):
        TwinHouse({}, buckets, twin=twin)


def test_a_profile_that_can_be_read_once_is_kept(twin: Twin) -> None:
    """An iterator is not empty at the next reset."""
    house = TwinHouse({}, iter(["default", "claudius"]), twin=twin)  # type: ignore[arg-type]  # what a user may hand in
    house.handler.reset()
    assert house.handler.get_buckets() == ["default", "claudius"]
