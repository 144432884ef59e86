"""Requests in flight: what they share, what they keep to themselves, and how they take turns.

What one request after another shares runs over both twins; requests that overlap or are cancelled need an event loop,
and threads that take turns are in `test_sync_handler`.
"""

import asyncio

import pytest

from bucket_failover import (
    Bucket,
    BucketFailureReason,
    Cause,
    FailoverContext,
    Limit,
    OAuthToken,
    Verdict,
)
from tests.support.house import NAMES, SPENT, House, live
from tests.support.people import PROVIDER, replace, token
from tests.support.twin_house import TwinHouse
from tests.support.twins import Twin, each_twin

twin = each_twin

WEEK = Limit(until=2_000_000.0, window="week", source="header", scope="organization")


@pytest.mark.requirement("REQ-1598-EC05")
def test_requests_have_a_ledger_each_and_share_the_current_bucket(twin: Twin) -> None:
    """What one has tried, another may still use (lesson 31)."""
    house = TwinHouse(live(*NAMES), twin=twin)
    one = FailoverContext(triggering_status=500, request="one")
    two = FailoverContext(triggering_status=500, request="two")
    assert house.try_failover(one, one, one) == [True, True, False]
    assert house.handler.get_current_bucket() == "vybestack"
    house.handler.reset_session("one")
    assert house.try_failover(two) == [True]
    assert house.handler.get_current_bucket() == "default"


def test_limits_are_shared_by_all_requests_of_the_quota_domain() -> None:
    """The second request never reads a bucket that the first has found to be spent for the whole organization."""
    buckets = [Bucket("default", quota_domain="org"), Bucket("claudius", quota_domain="org"), Bucket("vybestack")]
    house = House(live(*NAMES), buckets)
    verdict = Verdict(cause=Cause.QUOTA, limits=(WEEK,))

    async def slow(_provider: str, _bucket: str) -> None:
        await asyncio.sleep(1)

    replace(house.manager, set_session_bucket=slow)

    async def main() -> list[bool]:
        one = FailoverContext(request="one", verdict=verdict)
        two = FailoverContext(request="two", triggering_status=500)
        return list(await asyncio.gather(house.handler.try_failover(one), house.handler.try_failover(two)))

    assert house.world.run(main()) == [True, True]
    assert house.handler.get_current_bucket() == "vybestack"
    assert house.handler.get_last_failover_reasons() == {
        "default": BucketFailureReason.SKIPPED,
        "claudius": BucketFailureReason.QUOTA_EXHAUSTED,
    }


def test_a_late_failure_moves_nothing_that_another_request_has_moved(twin: Twin) -> None:
    """Healed in place, a bucket that is no longer the session's does not become it again."""
    house = TwinHouse(live(*NAMES), twin=twin)
    house.issuer.refreshes["default"] = [token("renewed")]
    late = FailoverContext(
        triggering_status=401, fingerprint=token("default").fingerprint, request="two", bucket="default"
    )
    assert house.try_failover(FailoverContext(triggering_status=429, request="one"), late) == [True, True]
    assert house.handler.get_current_bucket() == "claudius"


def test_the_outcome_of_a_login_is_shared_by_the_requests_in_flight() -> None:
    """All were in flight when one user said no; no request opens a second window, then or later (lessons 19 to 21)."""
    house = House({}, ["default", "claudius"])

    async def slow(provider: str, bucket: str) -> OAuthToken:
        await asyncio.sleep(20)
        return await house.issuer.login(provider, bucket)

    replace(house.manager, _login=slow)

    async def main() -> list[bool]:
        house.handler.begin_request("later")
        contexts = [FailoverContext(request=name) for name in ("one", "two")]
        found = await asyncio.gather(*map(house.handler.try_failover, contexts))
        return [*found, await house.handler.try_failover(FailoverContext(request="later"))]

    assert house.world.run(main()) == [False, False, False]
    assert house.issuer.asked == [("login", "claudius")]


def test_searches_take_turns_so_the_second_finds_what_the_first_has_healed() -> None:
    """Two requests with the same refused token: one refresh (lesson 12)."""
    house = House(live("default"), ["default", "claudius"])

    async def slow(_provider: str, _bucket: str, _held: OAuthToken) -> OAuthToken:
        house.issuer.asked.append(("refresh", "default"))
        await asyncio.sleep(5)
        return token("renewed")

    replace(house.manager, _refresh=slow)

    async def main() -> list[bool]:
        contexts = [
            FailoverContext(request=name, triggering_status=401, fingerprint=token("default").fingerprint)
            for name in ("one", "two")
        ]
        return list(await asyncio.gather(*map(house.handler.try_failover, contexts)))

    assert house.world.run(main()) == [True, True]
    assert house.issuer.asked == [("refresh", "default")]


@pytest.mark.parametrize("stage", ["refresh", "session"])
def test_a_cancelled_search_leaves_the_handler_as_it_was(stage: str) -> None:
    """Nothing is tried, nothing is switched, now or later (lesson 32)."""
    house = House({"default": token("old", expiry=1.0), "claudius": token("claudius")}, ["default", "claudius"])

    async def never(*_arguments: object) -> None:
        await asyncio.sleep(1e6)

    if stage == "refresh":
        replace(house.manager, _refresh=never)  # it never answers
    else:
        replace(house.manager, set_session_bucket=never)  # it never answers

    async def main() -> None:
        search = asyncio.create_task(house.handler.try_failover(FailoverContext(request="one")))
        await asyncio.sleep(1)
        search.cancel()
        with pytest.raises(asyncio.CancelledError):
            await search

    house.world.run(main())
    assert house.handler.get_current_bucket() == "default"
    assert house.handler.last_decision is None
    assert house.handler.snapshot().requests == ()


@pytest.mark.parametrize("stage", ["read_token", "set_session_bucket"])
def test_an_interrupted_search_leaves_the_handler_as_it_was(twin: Twin, stage: str) -> None:
    """By Ctrl-C, say, which is not the exception of a broken part."""
    house = TwinHouse(live(*NAMES), twin=twin)

    class Interrupted(BaseException):
        """What ends the program."""

    @twin.does
    def interrupt(*_arguments: str) -> None:
        raise Interrupted

    replace(house.manager, **{stage: interrupt})
    with pytest.raises(Interrupted):
        house.try_failover(FailoverContext(request="one"))
    assert house.handler.get_current_bucket() == "default"
    assert house.handler.last_decision is None
    assert house.handler.snapshot().requests == ()


def test_a_search_that_a_reset_has_overtaken_changes_nothing() -> None:
    """The profile may be another one by then."""
    names: list[str | Bucket] = ["default", "claudius"]
    house = House(live("claudius"), names)

    async def slow(_provider: str, _bucket: str) -> None:
        await asyncio.sleep(5)

    replace(house.manager, set_session_bucket=slow)  # it takes its time

    async def main() -> bool:
        verdict = Verdict(cause=Cause.QUOTA, limits=(WEEK,))
        search = asyncio.create_task(house.handler.try_failover(FailoverContext(verdict=verdict)))
        await asyncio.sleep(1)
        names[:] = ["vybestack"]
        house.handler.reset()
        return await search

    assert house.world.run(main()) is True
    assert house.handler.get_current_bucket() == "vybestack"
    assert house.handler.get_last_failover_reasons() == {}


def test_a_success_disproves_what_was_merely_believed(twin: Twin) -> None:
    """An advisory limit goes, a directive one stays; what other buckets are believed to be is not touched."""
    house = TwinHouse(live(*NAMES), twin=twin)
    soft = Limit(until=2_000_000.0, window="5h", source="header")
    hard = Limit(until=2_000_000.0, window="week", source="header", strength="directive")
    for bucket in ("default", "claudius"):
        context = FailoverContext(bucket=bucket, verdict=Verdict(cause=Cause.QUOTA, limits=(soft, hard)))
        house.try_failover(context)
    house.handler.report_success("default")
    house.handler.report_success("nobody")
    by_name = {bucket.name: bucket.limits for bucket in house.handler.snapshot().session.profile.buckets}
    assert by_name == {"default": (hard,), "claudius": (soft, hard), "vybestack": ()}
    assert house.handler.get_current_bucket() == "vybestack"


def test_the_handler_may_be_used_from_one_event_loop_after_another() -> None:
    """Programs that call `asyncio.run` twice, with contention in each."""
    house = House(live(*NAMES))

    async def contended() -> list[bool]:
        contexts = [FailoverContext(request=number, triggering_status=500) for number in range(3)]
        return list(await asyncio.gather(*map(house.handler.try_failover, contexts)))

    assert house.world.run(contended()) == [True, True, True]
    for number in range(3):
        house.handler.reset_session(number)
    assert house.world.run(contended()) == [True, True, True]


def test_a_model_is_remembered_with_the_request(twin: Twin) -> None:
    """A limit of another model does not bench the bucket for this one."""
    house = TwinHouse(live(*NAMES), twin=twin)
    opus = Limit(until=2_000_000.0, window="week", source="header", scope="model", model="opus")
    learn = FailoverContext(bucket="claudius", verdict=Verdict(cause=Cause.QUOTA, limits=(opus,)), request="one")
    ask = FailoverContext(bucket="default", triggering_status=429, model="haiku", request="two")
    same = FailoverContext(bucket="default", triggering_status=429, model="opus", request="three")
    assert house.try_failover(learn, ask) == [True, True]
    assert house.handler.get_current_bucket() == "claudius"
    assert house.try_failover(same) == [True]
    assert house.handler.get_current_bucket() == "vybestack"
    assert house.handler.get_last_failover_reasons()["claudius"] == BucketFailureReason.QUOTA_EXHAUSTED


def test_the_store_remembers_a_switch_once(twin: Twin) -> None:
    """A request that finds the session's bucket does not write it again."""
    house = TwinHouse(live(*NAMES), twin=twin)
    house.try_failover(SPENT)
    house.store.write_session_bucket(PROVIDER, "untouched")
    late = FailoverContext(triggering_status=429, bucket="default", request="two")
    assert house.try_failover(late) == [True]
    assert house.store.read_session_bucket(PROVIDER) == "untouched"


def test_a_reset_is_told_to_those_who_adopt_the_session_later(twin: Twin) -> None:
    """The first bucket is the session's again, in the store as well (contract, *Shell*)."""
    house = TwinHouse(live(*NAMES), twin=twin)
    house.try_failover(SPENT)
    assert house.store.read_session_bucket(PROVIDER) == "claudius"
    house.handler.reset()
    house.run(house.handler.adopt_session_bucket())
    assert house.handler.get_current_bucket() == "default"
    assert house.store.read_session_bucket(PROVIDER) == "default"
