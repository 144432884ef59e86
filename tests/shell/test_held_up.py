"""What hangs holds up nothing else: a store of limits that does not answer, and refreshes that do not end."""

import asyncio
import threading
from collections.abc import Callable

from bucket_failover import (
    ActiveBucket,
    BucketFailoverHandlerImpl,
    MemoryTokenStore,
    OAuthToken,
    Reply,
    RetryOrchestrator,
    StoredOAuthManager,
    TokenStoreError,
    in_memory_manager,
)
from bucket_failover.store.interfaces import Limits
from tests.support.line import hinting
from tests.support.people import PROVIDER, token


class StuckStore:
    """A store of limits whose writes wait until they are let go; then they are kept, or fail."""

    def __init__(self, *, fails: bool = False) -> None:
        self.let_go = threading.Event()
        self.fails = fails
        self.writes = 0
        self.held: Limits = {}

    def version(self) -> object:
        return self.writes

    def read_limits(self, _provider: str) -> Limits:
        return self.held

    def change_limits(self, _provider: str, change: Callable[[Limits], Limits]) -> Limits:
        assert self.let_go.wait(30)
        self.writes += 1
        if self.fails:
            message = "locked"
            raise TokenStoreError(message)
        self.held = {**self.held, **change(self.held)}
        return self.held

    def claim_probe(self, _provider: str, *, now: float, interval_seconds: float) -> bool:
        return True


def calls(store: StuckStore, count: int) -> BucketFailoverHandlerImpl:
    """So many requests in an event loop, each of which learns a limit; the handler after them."""
    manager = in_memory_manager(PROVIDER, {name: token(name, expiry=9e9) for name in ("default", "claudius")})
    handler = BucketFailoverHandlerImpl(["default", "claudius"], PROVIDER, manager, limits=store)
    orchestrator = RetryOrchestrator(handler, manager)

    async def operation(bucket: ActiveBucket) -> str:
        if bucket.name == "default":
            raise hinting(429, "7200")
        return bucket.name

    async def main() -> None:
        for _ in range(count):
            assert await orchestrator.call(operation) == "claudius"

    asyncio.run(main())
    return handler


def test_what_is_learned_in_a_loop_is_written_by_a_thread() -> None:
    """Twenty requests end while the first write still waits; all is written in order when it is let go."""
    store = StuckStore()
    handler = calls(store, 20)
    assert store.held == {}
    assert not handler.flush_limits(timeout_seconds=0.01)
    store.let_go.set()
    assert handler.flush_limits()
    assert len(store.held["default"]) == 1


def test_a_store_that_has_failed_is_left_alone_for_a_while() -> None:
    """It is asked once, not once for each request; what was learned is told later."""
    store = StuckStore(fails=True)
    store.let_go.set()
    handler = calls(store, 5)
    assert handler.flush_limits()
    assert store.writes == 1


class HangingIssuer:
    """An issuer that does not answer until it is let go."""

    single_use_refresh_tokens = True

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.all_threads_hang = threading.Event()
        self._asked: list[str] = []

    def refresh(self, _provider: str, bucket: str, _held: OAuthToken, *, before_sending: Callable[[], None]) -> Reply:
        before_sending()
        self._asked.append(bucket)
        if len(self._asked) == 16:  # as many as have a thread
            self.all_threads_hang.set()
        assert self.let_go.wait(30)
        message = "the issuer did not answer"
        raise ConnectionRefusedError(message)


def test_hanging_refreshes_hold_up_no_healthy_bucket() -> None:
    """Twenty of them are under way; the healthy bucket's token is there at once."""
    store, issuer = MemoryTokenStore(), HangingIssuer()
    for place in range(20):
        store.write(PROVIDER, f"bucket-{place}", token(f"old-{place}", expiry=1.0))
    store.write(PROVIDER, "healthy", token("healthy", expiry=9e9))
    manager = StoredOAuthManager(store, refresh=issuer)

    async def main() -> OAuthToken | None:
        refreshes = [asyncio.ensure_future(manager.get_oauth_token(PROVIDER, f"bucket-{n}")) for n in range(20)]
        assert await asyncio.to_thread(issuer.all_threads_hang.wait, 30)
        healthy = await asyncio.wait_for(manager.get_oauth_token(PROVIDER, "healthy"), 10)
        issuer.let_go.set()
        await asyncio.gather(*refreshes, return_exceptions=True)
        return healthy

    healthy = asyncio.run(main())
    assert healthy is not None
    assert healthy.access_token == token("healthy").access_token
