"""Parts of an orchestrator that are something else are refused by name; plain functions are taken."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import pytest

from bucket_failover import (
    ActiveBucket,
    BucketFailoverHandlerImpl,
    MemoryTokenStore,
    OAuthToken,
    RetryOrchestrator,
    StoredOAuthManager,
    SyncBucketFailoverHandlerImpl,
    SyncRetryOrchestrator,
    SyncStoredOAuthManager,
)
from tests.support.people import PROVIDER, token

STORE: Final = MemoryTokenStore()
MANAGER: Final = StoredOAuthManager(STORE, in_thread=False)
SYNC_MANAGER: Final = SyncStoredOAuthManager(STORE)
HANDLER: Final = BucketFailoverHandlerImpl(["a"], PROVIDER, MANAGER)
SYNC_HANDLER: Final = SyncBucketFailoverHandlerImpl(["a"], PROVIDER, SYNC_MANAGER)


@pytest.mark.parametrize(
    ("make", "handler", "manager", "told"),
    [
        (RetryOrchestrator, MANAGER, MANAGER, "handler: a StoredOAuthManager is no failover handler"),
        (RetryOrchestrator, HANDLER, HANDLER, "oauth_manager: a BucketFailoverHandlerImpl is no token manager"),
        (RetryOrchestrator, HANDLER, None, "oauth_manager: a NoneType is no token manager"),
        (RetryOrchestrator, SYNC_HANDLER, MANAGER, "handler: a SyncBucketFailoverHandlerImpl needs no event loop"),
        (RetryOrchestrator, HANDLER, SYNC_MANAGER, "oauth_manager: a SyncStoredOAuthManager needs no event loop"),
        (SyncRetryOrchestrator, HANDLER, SYNC_MANAGER, "handler: a BucketFailoverHandlerImpl needs an event loop"),
        (SyncRetryOrchestrator, SYNC_HANDLER, MANAGER, "oauth_manager: a StoredOAuthManager needs an event loop"),
    ],
)
def test_a_part_that_is_another_one(make: Callable[..., object], handler: object, manager: object, told: str) -> None:
    """The message names the argument, what it is, and what to use."""
    with pytest.raises(TypeError, match=f"^{told}"):
        make(handler, manager)


@pytest.mark.parametrize(
    ("buckets", "told"),
    [
        (["a", "b", "a"], "the name 'a' occurs twice"),
        (["a", ""], "a name is empty"),
        ("abc", "one text, not a list"),
        (["a", 3], "3 is neither a name nor a Bucket"),
    ],
)
def test_a_profile_that_is_none(buckets: Any, told: str) -> None:
    """In words of our own."""
    with pytest.raises(ValueError, match=told) as caught:
        BucketFailoverHandlerImpl(buckets, PROVIDER, MANAGER)
    assert "pydantic" not in str(caught.value)


def test_a_plain_function_is_taken_for_a_coroutine_function() -> None:
    """As an operation, a refresh, and a login."""
    store = MemoryTokenStore()
    store.write(PROVIDER, "a", token("old", expiry=1.0))
    new = token("new", expiry=9e9)
    refresh: Any = lambda *_: new  # noqa: E731 - what a user writes
    manager = StoredOAuthManager(store, refresh=refresh, login=refresh, in_thread=False)
    handler = BucketFailoverHandlerImpl(["a"], PROVIDER, manager)
    operation: Any = lambda bucket: bucket.token  # noqa: E731 - the same

    async def main() -> OAuthToken:
        await manager.authenticate(PROVIDER, "a")
        store.write(PROVIDER, "a", token("old", expiry=1.0))
        answer: OAuthToken = await RetryOrchestrator(handler, manager).call(operation)
        return answer

    assert asyncio.run(main()) == new


def test_a_coroutine_function_needs_an_event_loop() -> None:
    """The other orchestrator says so, and leaves no coroutine behind that was never awaited."""
    STORE.write(PROVIDER, "a", token("a", expiry=9e9))

    async def operation(bucket: ActiveBucket) -> str:
        return bucket.name

    with pytest.raises(TypeError, match="use RetryOrchestrator"):
        _ = SyncRetryOrchestrator(SYNC_HANDLER, SYNC_MANAGER).call(operation)
