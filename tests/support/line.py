"""A provider's line, for tests of the retry loops: what each call with a bucket meets, and what was called, when."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from bucket_failover import ActiveBucket, OAuthToken
from tests.support.people import CallError, token
from tests.support.twin_house import TwinHouse
from tests.support.twins import ASYNCIO, Left, Twin

THREE = ("default", "claudius", "vybestack")
TWO = ("default", "claudius")


class Line(TwinHouse):
    """A provider's line: what each call with a bucket meets, and what was called, when."""

    def __init__(
        self,
        *buckets: str,
        twin: Twin = ASYNCIO,
        tokens: Mapping[str, OAuthToken | None] | None = None,
        **options: Any,
    ) -> None:
        super().__init__({name: token(name) for name in buckets} if tokens is None else tokens, buckets, twin=twin)
        self.orchestrator = self.orchestrate(self.handler, **options)
        self.faults: dict[str, list[Exception]] = {}
        self.calls: list[tuple[str, float]] = []
        self.fingerprints: list[str] = []
        self.pieces: list[Any] = []

    def orchestrate(self, handler: Any, **options: Any) -> Any:
        """An orchestrator on this world's clock."""
        means = {"clock": self.world.clock, "sleep": self.world.sleep, "draw": lambda: 0.5, **options}
        return self.twin.orchestrator(handler, self.manager, **means)

    def operation(self, bucket: ActiveBucket) -> str:
        """One attempt: it meets the next fault of its bucket, if there is one."""
        self.calls.append((bucket.name, self.world.now - self.world.start))
        self.fingerprints.append(bucket.token.fingerprint)
        faults = self.faults.get(bucket.name, [])
        if faults:
            raise faults.pop(0)
        return f"an answer from {bucket.name}"

    def call(self, operation: Callable[[ActiveBucket], Any] | None = None, **asked: Any) -> Any:
        """One request."""
        return self.run(self.orchestrator.call(self.twin.does(operation or self.operation), **asked))

    def stream(self, operation: Callable[[ActiveBucket], Any], left: Left = None) -> list[Any]:
        """One request for a stream, and its pieces; those that came before an exception are kept in `pieces`."""
        streaming = self.twin.yields(operation) if inspect.isgeneratorfunction(operation) else operation
        self.pieces = []
        self.run(self.twin.reads(self.orchestrator.stream(streaming), self.pieces, left))
        return self.pieces

    def names(self) -> list[str]:
        """The buckets that were called, in order."""
        return [name for name, _ in self.calls]


def failing(*statuses: int) -> list[Exception]:
    """Answers with these statuses, and nothing to go by."""
    return [CallError(status) for status in statuses]


def hinting(status: int, seconds: str) -> CallError:
    """An answer with a `retry-after`."""
    return CallError(status, headers=[("retry-after", seconds)])
