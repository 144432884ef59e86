"""Plays a scenario: a real provider, a real token store in a file, real HTTP, and the real retry loop."""

import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from bucket_failover.demo.client import ChatClient, PersonAtBrowser, issuer_at
from bucket_failover.demo.scenarios import PROVIDER, Scenario, Stage, accounts_of
from bucket_failover.demo.story import Step, Story
from bucket_failover.errors import AllBucketsExhaustedError
from bucket_failover.handler import BucketFailoverHandlerImpl
from bucket_failover.oauth import StoredOAuthManager
from bucket_failover.orchestrator.request import ActiveBucket
from bucket_failover.orchestrator.retry_loops import RetryOrchestrator
from bucket_failover.store import SqliteTokenStore
from bucket_failover.testing import EmbeddedProvider
from bucket_failover.wiring import issuer_login
from bucket_failover_core import BucketFinding, RetryPolicy

_BRISK = RetryPolicy(backoff_min_seconds=0.2, backoff_max_seconds=1.0)
"""A demonstration does not wait for five seconds."""


@dataclass(frozen=True, slots=True)
class BucketLine:
    """What became of one bucket.

    Args:
        name: the bucket.
        calls: chat requests that the provider received for it.
        served: it has served the haiku.
        finding: what ruled it out, if anything did.
    """

    name: str
    calls: int
    served: bool
    finding: BucketFinding | None

    @property
    def as_json(self) -> dict[str, Any]:
        """For machines."""
        finding = self.finding
        return {
            "name": self.name,
            "calls": self.calls,
            "served": self.served,
            "reason": finding.reason if finding is not None else None,
            "fact": finding.fact if finding is not None else None,
            "remedy": finding.remedy if finding is not None else "nothing",
            "until": finding.until if finding is not None else None,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """How a scenario went.

    Args:
        scenario: which one.
        steps: what happened, in order.
        haiku: what was served; empty if nothing was.
        served_by: the bucket that served it.
        error: what the application was told instead.
        buckets: what became of each.
        seconds: how long the request took.
    """

    scenario: Scenario
    steps: tuple[Step, ...]
    haiku: str
    served_by: str | None
    error: str
    buckets: tuple[BucketLine, ...]
    seconds: float

    @property
    def ended(self) -> str:
        """`answered` or `exhausted`."""
        return "answered" if self.served_by is not None else "exhausted"

    @property
    def as_planned(self) -> bool:
        """It ended as the scenario says."""
        return self.ended == self.scenario.ends and self.served_by == self.scenario.served_by

    @property
    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "scenario": self.scenario.name,
            "title": self.scenario.title,
            "ended": self.ended,
            "as_planned": self.as_planned,
            "served_by": self.served_by,
            "haiku": self.haiku,
            "error": self.error,
            "seconds": round(self.seconds, 3),
            "steps": [step.as_json for step in self.steps],
            "buckets": [line.as_json for line in self.buckets],
        }


async def play(scenario: Scenario) -> Report:
    """Play one scenario on a stage of its own.

    Raises:
        OSError: no port, or no temporary folder, could be had.
    """
    provider = EmbeddedProvider()
    accounts_of(provider)
    with tempfile.TemporaryDirectory(prefix="bucket-failover-") as folder:
        async with provider.serve() as url, httpx2.AsyncClient(base_url=url, trust_env=False) as http:
            with SqliteTokenStore(Path(folder) / "tokens.db") as store, httpx2.Client(trust_env=False) as browser:
                scenario.prepare(Stage(provider, store, time.time()))
                issuer = issuer_at(url, browser)
                login = issuer_login(issuer, PersonAtBrowser(browser))
                manager = StoredOAuthManager(store, refresh=issuer, login=login)
                return await _perform(scenario, provider, manager, ChatClient(http))


async def _perform(
    scenario: Scenario, provider: EmbeddedProvider, manager: StoredOAuthManager, client: ChatClient
) -> Report:
    """The request itself, and what is known after it."""
    handler = BucketFailoverHandlerImpl(scenario.buckets, PROVIDER, manager)
    story = Story()
    orchestrator = RetryOrchestrator(handler, manager, policy=_BRISK, observe=story.hear)
    pieces: list[str] = []
    asked: list[str] = []
    error = ""

    def operation(bucket: ActiveBucket) -> AsyncIterator[str]:
        asked.append(bucket.name)
        return client.write_haiku(bucket)

    began = time.monotonic()
    try:
        pieces.extend([piece async for piece in orchestrator.stream(operation)])
    except AllBucketsExhaustedError as exhausted:
        error = str(exhausted)
    seconds = time.monotonic() - began
    served_by = asked[-1] if error == "" else None
    findings = {step.finding.bucket: step.finding for step in story.steps if step.finding is not None}
    calls = [request.account for request in provider.requests if request.endpoint == "messages"]
    buckets = tuple(
        BucketLine(name, calls.count(name), name == served_by, None if name == served_by else findings.get(name))
        for name in scenario.buckets
    )
    return Report(scenario, tuple(story.steps), "".join(pieces), served_by, error, buckets, seconds)
