"""The twin of `Line` without an event loop: the same provider's line for `SyncRetryOrchestrator`."""

from collections.abc import Mapping
from typing import Any

from bucket_failover import (
    ActiveBucket,
    MemoryTokenStore,
    OAuthToken,
    SyncBucketFailoverHandlerImpl,
    SyncRetryOrchestrator,
    SyncStoredOAuthManager,
)
from tests.support.people import PROVIDER, token


class SyncWorld:
    """A clock that moves only when a caller waits."""

    def __init__(self, start: float = 1_000_000.0) -> None:
        self.start = start
        self.now = start
        self.sleeps: list[float] = []

    def clock(self) -> float:
        """Unix seconds."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Wait on this clock, and remember for how long."""
        self.sleeps.append(round(seconds, 6))
        self.now += seconds


class SyncIssuer:
    """Answers refreshes and logins as it was told to, as `people.Issuer` does."""

    def __init__(self) -> None:
        self.refreshes: dict[str, list[OAuthToken | Exception | None]] = {}
        self.logins: dict[str, list[OAuthToken | Exception]] = {}
        self.asked: list[tuple[str, str]] = []

    def refresh(self, _provider: str, bucket: str, _held: OAuthToken) -> OAuthToken | None:
        """A refresh token grant."""
        self.asked.append(("refresh", bucket))
        queue = self.refreshes.get(bucket, [])
        answer = queue.pop(0) if queue else None
        if isinstance(answer, Exception):
            raise answer
        return answer

    def login(self, _provider: str, bucket: str) -> OAuthToken:
        """An interactive login."""
        self.asked.append(("login", bucket))
        answer = self.logins.get(bucket, [PermissionError("the person said no")]).pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class SyncLine:
    """A provider's line without an event loop; see `Line`."""

    def __init__(self, *buckets: str, tokens: Mapping[str, OAuthToken | None] | None = None, **options: Any) -> None:
        self.world = SyncWorld()
        self.issuer = SyncIssuer()
        self.store = MemoryTokenStore()
        for name, held in ({name: token(name) for name in buckets} if tokens is None else tokens).items():
            if held is not None:
                self.store.write(PROVIDER, name, held)
        self.manager = SyncStoredOAuthManager(
            self.store,
            refresh=self.issuer.refresh,
            login=self.issuer.login,
            clock=self.world.clock,
            trust_seconds=0.0,
        )
        self.handler = SyncBucketFailoverHandlerImpl(buckets, PROVIDER, self.manager, clock=self.world.clock)
        self.orchestrator = SyncRetryOrchestrator(
            self.handler, self.manager, clock=self.world.clock, sleep=self.world.sleep, draw=lambda: 0.5, **options
        )
        self.faults: dict[str, list[Exception]] = {}
        self.calls: list[tuple[str, float]] = []

    def operation(self, bucket: ActiveBucket) -> str:
        """One attempt: it meets the next fault of its bucket, if there is one."""
        self.calls.append((bucket.name, self.world.now - self.world.start))
        faults = self.faults.get(bucket.name, [])
        if faults:
            raise faults.pop(0)
        return f"an answer from {bucket.name}"

    def call(self) -> str:
        """One request."""
        return self.orchestrator.call(self.operation)
