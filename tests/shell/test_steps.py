"""How a protocol is performed: what is under way when the caller cancels it is heard of, and given back."""

import asyncio
import threading

import pytest

from bucket_failover import MemoryTokenStore, OAuthToken, StoredOAuthManager
from bucket_failover.oauth.steps import uninterrupted
from bucket_failover.store import Lease, Purpose
from tests.support.people import PROVIDER, token


class SlowLocks(MemoryTokenStore):
    """A store whose first lock takes as long as the test wants."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.proceed = threading.Event(), threading.Event()

    def try_lease(self, provider: str, bucket: str, purpose: Purpose) -> Lease | None:
        """See `LeaseStore.try_lease`."""
        self.asked.set()
        assert self.proceed.wait(10)
        return super().try_lease(provider, bucket, purpose)


def test_a_login_that_is_cancelled_while_it_gets_the_lock_gives_it_back() -> None:
    """The thread that asks for it cannot be stopped, so it is waited for; else no user could log in any more."""

    async def login(_provider: str, _bucket: str) -> OAuthToken:
        return token("new")

    async def main() -> None:
        store = SlowLocks()
        manager = StoredOAuthManager(store, login=login)
        cancelled = asyncio.create_task(manager.authenticate(PROVIDER, "default"))
        await asyncio.to_thread(store.asked.wait, 10)
        cancelled.cancel()
        await asyncio.sleep(0)
        store.proceed.set()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        async with asyncio.timeout(10):
            await manager.authenticate(PROVIDER, "default")
        assert store.read(PROVIDER, "default") == token("new")

    asyncio.run(main())


def test_what_an_uninterrupted_call_raises_is_raised() -> None:
    """In the caller's thread."""

    def fail() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        uninterrupted(fail)
