"""Renews tokens ahead of their end: one timer for all buckets of a provider, decided by the clock (`plan_renewals`).

The timer says only that it is time to look. After a sleep, or a clock that was set, we look and see what is due; and we
look at least once a minute, since a timer does not count the time in which a machine is asleep, and another process
may have logged in, renewed, or logged out.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple, assert_never

from bucket_failover import logs
from bucket_failover.errors import (
    IssuerBusyError,
    RefreshInterruptedError,
    TokenCorruptError,
    TokenStoreError,
    safe_text,
)
from bucket_failover.oauth.manager import StoredOAuthManager
from bucket_failover_core import KnownToken, TokenAbsent, TokenCorrupt, TokenOutage
from bucket_failover_core.renewal import (
    RenewalOutcome,
    RenewalPlan,
    RenewalWatch,
    plan_renewals,
    renewal_outcome,
    watch_outcome,
    watch_token,
)

LOOK_SECONDS: Final = 60.0
"""The longest time between two looks."""


class TokenRenewed(NamedTuple):
    """A token was renewed ahead of its end; `expiry` (Unix seconds) is when the new one ends."""

    bucket: str
    expiry: float | None


class RenewalFailed(NamedTuple):
    """A renewal has failed.

    Args:
        bucket: whose.
        failures: in a row.
        detail: why, never a secret.
        retry_at: Unix seconds of the next try; None: there is none until a refresh succeeds by other means.
    """

    bucket: str
    failures: int
    detail: str
    retry_at: float | None


RenewalEvent = TokenRenewed | RenewalFailed


class RenewalScheduler:
    """Keeps the tokens of a provider's buckets alive, inside an application's event loop.

    Example:
        scheduler = RenewalScheduler(manager, "anthropic", ["default", "claudius"])
        async with asyncio.TaskGroup() as group:
            renewing = group.create_task(scheduler.run())
            ...
            renewing.cancel()

    Args:
        manager: whose tokens; its logins, refreshes and logouts are heard of at once.
        provider: whose buckets.
        buckets: their names, or what gives them (`handler.get_buckets`): asked at the start and at `reset`.
        on_event: told of each outcome; an exception of its own ends nothing.
        clock: gives Unix seconds.
        wait: waits for an event, at most so many seconds.
        draw: gives chance, in [0, 1).
    """

    def __init__(
        self,
        manager: StoredOAuthManager,
        provider: str,
        buckets: Sequence[str] | Callable[[], Sequence[str]],
        *,
        on_event: Callable[[RenewalEvent], None] | None = None,
        clock: Callable[[], float] = time.time,
        wait: Callable[[asyncio.Event, float], Awaitable[None]] | None = None,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._manager = manager
        self._provider = provider
        self._buckets = buckets
        self._names = self._named()
        self._resets = 0
        self._on_event = on_event
        self._clock = clock
        self._wait = wait or _wait
        self._draw = draw
        self._watch = RenewalWatch()
        self._plan = RenewalPlan()
        self._news = asyncio.Event()

    @property
    def wake_at(self) -> float | None:
        """Unix seconds of the next renewal; None: none is in sight."""
        return self._plan.wake_at

    async def run(self) -> None:
        """Renew until cancelled (REQ-1598-PR02, PR06). A renewal under way is finished by the manager all the same."""
        loop = asyncio.get_running_loop()

        def hear(provider: str, _bucket: str) -> None:
            if provider == self._provider:
                loop.call_soon_threadsafe(self._news.set)

        with self._manager.listening(hear):
            while True:
                self._news.clear()
                await self.look()
                await self._wait(self._news, self._ahead())

    async def look(self) -> RenewalPlan:
        """Renew what is due now, and plan the next renewal. A timer that never fires is as good as one that does."""
        resets = self._resets
        for bucket in self._names:
            token = await self._read(bucket)
            if resets == self._resets:
                self._watch = watch_token(self._watch, bucket, token, now=self._clock())
        if resets == self._resets:
            due = plan_renewals(self._watch, now=self._clock(), draw=self._draw()).due
            await asyncio.gather(*(self._renew(bucket) for bucket in due))
        # A reset in the meantime has forgotten what this look has seen.
        self._plan = plan_renewals(self._watch, now=self._clock(), draw=self._draw())
        return self._plan

    def reset(self) -> None:
        """Forget every timer and failure, and look at the profile anew (REQ-1598-PR06). Not from another thread."""
        self._watch, self._plan = RenewalWatch(), RenewalPlan()
        self._names = self._named()
        self._resets += 1
        self._news.set()

    def _named(self) -> tuple[str, ...]:
        return tuple(self._buckets() if callable(self._buckets) else self._buckets)

    def _ahead(self) -> float:
        """Seconds until the next look; none if something has become due during this one."""
        if self._plan.due:
            return 0.0
        return LOOK_SECONDS if self.wake_at is None else min(max(self.wake_at - self._clock(), 0.0), LOOK_SECONDS)

    async def _read(self, bucket: str) -> KnownToken:
        """What is stored."""
        try:
            token = await self._manager.read_token(self._provider, bucket)
        except TokenCorruptError as error:
            return TokenCorrupt(detail=safe_text(error))
        except TokenStoreError as error:
            return TokenOutage(detail=safe_text(error))
        return TokenAbsent() if token is None else token.state

    async def _renew(self, bucket: str) -> None:
        watched = self._watch.find(bucket)
        assert watched is not None, "what is due is watched"  # noqa: S101 - the plan's own rule
        came: KnownToken | None = None
        detail, refused, busy_until = "", False, None
        try:
            token = await self._manager.replace_token(self._provider, bucket, getattr(watched.token, "fingerprint", ""))
            came, refused = (None, True) if token is None else (token.state, False)
        except RefreshInterruptedError as error:
            detail, refused = safe_text(error), True
        except IssuerBusyError as error:
            detail, busy_until = safe_text(error), error.retry_at
        except Exception as error:  # noqa: BLE001 - whatever it raises, it has failed, and is counted (REQ-1598-PR04)
            detail = safe_text(error)
        if refused and isinstance(left := await self._read(bucket), TokenAbsent):
            came = left
        now = self._clock()
        self._watch = watch_outcome(self._watch, bucket, came, now=now, refused=refused, busy_until=busy_until)
        self._tell(renewal_outcome(watched, self._watch, now=now, detail=detail), came)

    def _tell(self, outcome: RenewalOutcome, came: KnownToken | None) -> None:
        bucket = outcome.bucket
        event: RenewalEvent = RenewalFailed(bucket, outcome.failures, outcome.detail, outcome.retry_at)
        if outcome.is_renewed:
            event = TokenRenewed(bucket, getattr(came, "expiry", None))
        log_event(self._provider, event)
        if self._on_event is not None:
            try:
                self._on_event(event)
            except Exception as error:  # noqa: BLE001 - a listener's mistake must not end the renewals (lesson 30)
                logs.listener_failed(self._provider, bucket, safe_text(error))


def log_event(provider: str, event: RenewalEvent) -> None:
    """Log an outcome (REQ-1598-PR04)."""
    match event:
        case TokenRenewed():
            logs.token_renewed(provider, event.bucket, event.expiry)
        case RenewalFailed():
            logs.renewal_failed(provider, event.bucket, event.failures, event.detail, event.retry_at)
        case never:
            assert_never(never)


async def _wait(news: asyncio.Event, seconds: float) -> None:
    """Until there are news, or the time is over."""
    try:
        async with asyncio.timeout(seconds):
            await news.wait()
    except TimeoutError:
        return
