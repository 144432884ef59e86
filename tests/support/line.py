"""A provider's line, for tests of the retry loop: what each call with a bucket meets, and what was called, when."""

from collections.abc import Mapping
from typing import Any

from bucket_failover import ActiveBucket, BucketFailoverHandlerImpl, OAuthToken, RetryOrchestrator
from tests.support.people import PROVIDER, CallError, Issuer, managed, token
from tests.support.virtual_time import World

THREE = ("default", "claudius", "vybestack")


class Line:
    """A provider's line: what each call with a bucket meets, and what was called, when."""

    def __init__(self, *buckets: str, tokens: Mapping[str, OAuthToken | None] | None = None, **options: Any) -> None:
        self.world = World()
        self.issuer = Issuer()
        held = {name: token(name) for name in buckets} if tokens is None else tokens
        self.manager, self.store = managed(held, self.issuer, self.world.clock)
        self.handler = BucketFailoverHandlerImpl(buckets, PROVIDER, self.manager, clock=self.world.clock)
        self.orchestrator = self.orchestrate(self.handler, **options)
        self.faults: dict[str, list[Exception]] = {}
        self.calls: list[tuple[str, float]] = []
        self.fingerprints: list[str] = []

    def orchestrate(self, handler: Any, **options: Any) -> RetryOrchestrator:
        """An orchestrator on this world's clock."""
        return RetryOrchestrator(
            handler, self.manager, clock=self.world.clock, sleep=self.world.sleep, draw=lambda: 0.5, **options
        )

    async def operation(self, bucket: ActiveBucket) -> str:
        """One attempt: it meets the next fault of its bucket, if there is one."""
        self.calls.append((bucket.name, self.world.now - self.world.start))
        self.fingerprints.append(bucket.token.fingerprint)
        faults = self.faults.get(bucket.name, [])
        if faults:
            raise faults.pop(0)
        return f"an answer from {bucket.name}"

    def call(self) -> str:
        """One request."""
        return self.world.run(self.orchestrator.call(self.operation))

    def names(self) -> list[str]:
        """The buckets that were called, in order."""
        return [name for name, _ in self.calls]


def failing(*statuses: int) -> list[Exception]:
    """Answers with these statuses, and nothing to go by."""
    return [CallError(status) for status in statuses]


def hinting(status: int, seconds: str) -> CallError:
    """An answer with a `retry-after`."""
    return CallError(status, headers=[("retry-after", seconds)])
