"""A login that calls the orchestrator that waits for it, and a refresh that asks its own manager, are refused."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest

from bucket_failover import (
    ActiveBucket,
    AllBucketsExhaustedError,
    BucketFailoverHandlerImpl,
    MemoryTokenStore,
    OAuthToken,
    ReentrantCallError,
    RetryOrchestrator,
    StoredOAuthManager,
    SyncBucketFailoverHandlerImpl,
    SyncRetryOrchestrator,
    SyncStoredOAuthManager,
)
from tests.support.people import PROVIDER, token

NAMES: Final = ["default", "claudius"]
PATIENCE_SECONDS: Final = 10.0
"""What is longer is a hang."""

OLD, NEW = token("old", expiry=1.0), token("new", expiry=9e9)


async def name_of(bucket: ActiveBucket) -> str:
    """A call that is served."""
    return bucket.name


def in_time(call: Callable[[], Any]) -> Any:
    """What a call that blocks brings; one that hangs fails the test."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(call).result(PATIENCE_SECONDS)


def test_a_login_that_calls_the_orchestrator_that_waits_for_it() -> None:
    """It hears so at once, and the request is told that the login has brought nothing."""
    heard: list[Exception] = []

    async def login(_provider: str, _bucket: str) -> OAuthToken:
        try:
            await orchestrator.call(name_of)
        except ReentrantCallError as error:
            heard.append(error)
            raise
        raise AssertionError

    async def main() -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            with pytest.raises(AllBucketsExhaustedError):
                await orchestrator.call(name_of)

    manager = StoredOAuthManager(MemoryTokenStore(), login=login, in_thread=False)
    orchestrator = RetryOrchestrator(BucketFailoverHandlerImpl(NAMES, PROVIDER, manager), manager)
    asyncio.run(main())
    (error,) = heard
    assert str(error).startswith("a login of anthropic 'default' was asked for by the very function that performs it")


def test_the_same_without_an_event_loop() -> None:
    """Whichever thread the login runs in."""
    heard: list[Exception] = []

    def login(_provider: str, _bucket: str) -> OAuthToken:
        try:
            orchestrator.call(lambda bucket: bucket.name)
        except ReentrantCallError as error:
            heard.append(error)
            raise
        raise AssertionError

    manager = SyncStoredOAuthManager(MemoryTokenStore(), login=login)
    orchestrator = SyncRetryOrchestrator(SyncBucketFailoverHandlerImpl(NAMES, PROVIDER, manager), manager)

    def main() -> None:
        with pytest.raises(AllBucketsExhaustedError):
            orchestrator.call(lambda bucket: bucket.name)

    in_time(main)
    assert len(heard) == 1


def test_a_refresh_that_asks_its_own_manager() -> None:
    """For the very token that it is to bring; another bucket's it may ask for."""
    store = MemoryTokenStore()
    store.write(PROVIDER, "default", OLD)
    store.write(PROVIDER, "claudius", NEW)
    others: list[OAuthToken | None] = []

    async def refresh(provider: str, bucket: str, _held: OAuthToken) -> OAuthToken | None:
        others.append(await manager.get_oauth_token(provider, "claudius"))
        return await manager.get_oauth_token(provider, bucket)

    async def main() -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            with pytest.raises(ReentrantCallError, match="a refresh of anthropic 'default' was asked for"):
                await manager.get_oauth_token(PROVIDER, "default")

    manager = StoredOAuthManager(store, refresh=refresh, in_thread=False)
    asyncio.run(main())
    assert others == [NEW]


def test_the_same_of_a_refresh_without_an_event_loop() -> None:
    """The lock that it holds is its own."""
    store = MemoryTokenStore()
    store.write(PROVIDER, "default", OLD)

    def refresh(provider: str, bucket: str, _held: OAuthToken) -> OAuthToken | None:
        return manager.get_oauth_token(provider, bucket)

    def main() -> None:
        with pytest.raises(ReentrantCallError):
            manager.get_oauth_token(PROVIDER, "default")

    manager = SyncStoredOAuthManager(store, refresh=refresh)
    in_time(main)


def test_a_login_may_call_what_does_not_wait_for_it() -> None:
    """Another bucket that has a token; and once it is over, the next login is one like any other."""
    store = MemoryTokenStore()
    store.write(PROVIDER, "claudius", NEW)
    served: list[str] = []
    login_over = threading.Event()

    async def login(_provider: str, _bucket: str) -> OAuthToken:
        served.append(await other.call(name_of))
        login_over.set()
        return NEW

    async def main() -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            for _ in range(2):
                await manager.authenticate(PROVIDER, "default")

    manager = StoredOAuthManager(store, login=login, in_thread=False)
    other = RetryOrchestrator(BucketFailoverHandlerImpl(["claudius"], PROVIDER, manager), manager)
    asyncio.run(main())
    assert served == ["claudius", "claudius"]
    assert login_over.is_set()
