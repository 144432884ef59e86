"""What only threads have: the handler without an event loop, and logins in threads of their own.

Everything else of it is in `test_handler` and `test_handler_sharing`, which run over both twins.
"""

import threading

import pytest

from bucket_failover import BucketFailureReason, FailoverContext, FailoverPolicy, OAuthToken
from tests.support.house import SPENT, live
from tests.support.line import TWO
from tests.support.people import PROVIDER, replace, token
from tests.support.twin_house import TwinHouse
from tests.support.twins import THREADS


def test_a_login_heals_it() -> None:
    """It runs in a thread of its own, so that it can take too long."""
    threads: list[str] = []

    def login(_provider: str, _bucket: str) -> OAuthToken:
        threads.append(threading.current_thread().name)
        return token("fresh")

    house = TwinHouse({}, TWO, twin=THREADS)
    replace(house.manager, _login=login)
    assert house.try_failover(None) == [True]
    assert house.handler.get_current_bucket() == "claudius"
    assert threads == ["bucket-failover-login"]


@pytest.mark.requirement("REQ-1598-FR04")
@pytest.mark.requirement("REQ-1598-FR05")
def test_a_login_that_takes_too_long_is_left_to_itself_and_found_by_the_next_request() -> None:
    """It cannot be cancelled from outside; its late success never switches this request."""
    answered, stored = threading.Event(), threading.Event()

    def login(_provider: str, _bucket: str) -> OAuthToken:
        answered.wait(10)
        return token("late")

    house = TwinHouse({}, TWO, FailoverPolicy(reauth_timeout_seconds=0.01), twin=THREADS)
    write = house.store.write

    def writing(provider: str, bucket: str, written: OAuthToken) -> None:
        write(provider, bucket, written)
        stored.set()

    replace(house.manager, _login=login)
    replace(house.store, write=writing)
    assert house.try_failover(None) == [False]
    assert house.handler.get_last_failover_reasons()["claudius"] == BucketFailureReason.REAUTH_FAILED
    answered.set()
    assert stored.wait(10)
    assert house.handler.get_current_bucket() == "default"
    house.handler.reset_session()
    assert house.try_failover(SPENT) == [True]
    assert house.handler.get_current_bucket() == "claudius"
    assert house.run(house.manager.read_token(PROVIDER, "claudius")) == token("late")


def test_a_reset_is_told_to_the_store_at_once() -> None:
    """There is no event loop to wait for."""
    house = TwinHouse(live(*TWO), TWO, twin=THREADS)
    house.try_failover(SPENT)
    house.handler.reset()
    assert house.store.read_session_bucket(PROVIDER) == "default"


def test_threads_take_turns() -> None:
    """Eight threads, one handler: each gets an answer of its own request."""
    house = TwinHouse(live(*TWO), TWO, twin=THREADS)
    found: list[bool] = []

    def search(number: int) -> None:
        found.extend(house.try_failover(FailoverContext(triggering_status=500, bucket="default", request=number)))

    threads = [threading.Thread(target=search, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert found == [True] * 8
    assert house.handler.get_current_bucket() == "claudius"
    assert len(house.handler.snapshot().requests) == 8
