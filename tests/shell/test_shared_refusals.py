"""A key that was refused is known to every process that shares the store, until its bucket holds another one."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bucket_failover import (
    ActiveBucket,
    MemoryTokenStore,
    OAuthToken,
    SqliteLimitStore,
    SyncBucketFailoverHandlerImpl,
    SyncRetryOrchestrator,
    SyncStoredOAuthManager,
)
from bucket_failover.store.interfaces import RefusalStore
from tests.support.people import PROVIDER, CallError

NAMES = ["default", "claudius"]
LEAKED = CallError(403, body='{"error": {"message": "Your account has been suspended."}}')


class Shop:
    """Processes that share a file of beliefs; each has its own handler, and the keys are the same."""

    def __init__(self, path: Path, stack: ExitStack) -> None:
        self.now = 1_000_000.0
        self._path = path
        self._stack = stack
        self.keys = MemoryTokenStore()
        for name in NAMES:
            self.keys.write(PROVIDER, name, OAuthToken.from_api_key(f"key-of-{name}"))
        self.calls: list[str] = []
        self.faults: dict[str, Exception] = {}

    def process(self) -> SyncRetryOrchestrator:
        """One more of them."""
        limits = self._stack.enter_context(SqliteLimitStore(self._path))
        manager = SyncStoredOAuthManager(self.keys, clock=self.clock, trust_seconds=0.0)
        handler = SyncBucketFailoverHandlerImpl(NAMES, PROVIDER, manager, clock=self.clock, limits=limits)
        return SyncRetryOrchestrator(handler, manager, clock=self.clock, sleep=self.sleep, draw=lambda: 0.5)

    def clock(self) -> float:
        """Unix seconds."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Wait on this clock."""
        self.now += seconds

    def call(self) -> list[str]:
        """The buckets that a request of a new process calls, whose session begins with the first one."""
        self.calls.clear()
        self.keys.write_session_bucket(PROVIDER, "default")
        self.process().call(self.operation)
        return self.calls

    def operation(self, bucket: ActiveBucket) -> str:
        """One attempt."""
        self.calls.append(bucket.name)
        if bucket.name in self.faults:
            raise self.faults[bucket.name]
        return "an answer"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """A shop of its own for each test."""
    with ExitStack() as stack:
        yield Shop(tmp_path / "beliefs.db", stack)


def test_the_store_keeps_them(tmp_path: Path) -> None:
    """It says so by its interface."""
    with SqliteLimitStore(tmp_path / "beliefs.db") as store:
        assert isinstance(store, RefusalStore)
        assert store.read_refusals(PROVIDER) == {}


@pytest.mark.parametrize("fault", [CallError(401), LEAKED])
def test_another_process_does_not_begin_with_a_refused_key(shop: Shop, fault: Exception) -> None:
    """For ten minutes; then one request tries it again."""
    shop.faults["default"] = fault
    assert shop.call() == ["default", "claudius"]
    shop.now += 300
    assert shop.call() == ["claudius"]
    shop.now += 300
    assert shop.call() == ["default", "claudius"]
    shop.now += 900
    assert shop.call() == ["claudius"], "each further refusal doubles it"


def test_a_new_key_is_called_with_at_once(shop: Shop) -> None:
    """What was refused has been replaced."""
    shop.faults["default"] = CallError(401)
    shop.call()
    shop.keys.write(PROVIDER, "default", OAuthToken.from_api_key("another"))
    shop.faults.clear()
    assert shop.call() == ["default"]


def test_what_is_no_record_is_passed_over(shop: Shop, tmp_path: Path) -> None:
    """A belief is not worth an error."""
    shop.faults["default"] = CallError(401)
    shop.call()
    with SqliteLimitStore(tmp_path / "beliefs.db") as store:
        store._connection.execute("UPDATE refused_token SET record = 'nonsense'")
        assert store.read_refusals(PROVIDER) == {}
    shop.faults.clear()
    assert shop.call() == ["default"]
