"""The scheduler: a simulated week of five buckets, and what arms, cancels and survives."""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from freezegun import freeze_time
from freezegun.api import FrozenDateTimeFactory

from bucket_failover import (
    MemoryTokenStore,
    OAuthToken,
    RefreshInterruptedError,
    RenewalEvent,
    RenewalFailed,
    RenewalScheduler,
    StoredOAuthManager,
    TokenRenewed,
    TokenStoreError,
)
from tests.support.people import PROVIDER, replace

HOUR = 3_600.0
DAY = 24 * HOUR
WEEK = 7 * DAY
LIVES = {"default": HOUR, "claudius": 8 * HOUR, "vybestack": 45 * 60.0, "team": DAY, "spare": 30 * DAY}


def clock() -> float:
    """The moment, frozen or not; a default of `time.time` is the one from before the frost."""
    return time.time()


class WeekIsOverError(Exception):
    """The test waits no longer."""


@dataclass
class Issuer:
    """Issues tokens that live as long as their bucket's do; each refresh token is good once."""

    down: bool = False
    serial: int = 0
    good: set[str] = field(default_factory=set)
    renewed: dict[str, list[float]] = field(default_factory=dict)

    def issue(self, bucket: str) -> OAuthToken:
        """A new token."""
        self.serial += 1
        refresh_token = f"{bucket}-{self.serial}"
        self.good.add(refresh_token)
        now = time.time()
        fields = {"access_token": f"access-{self.serial}", "issued_at": now, "expiry": now + LIVES[bucket]}
        return OAuthToken.model_validate({**fields, "refresh_token": refresh_token})

    async def refresh(self, _provider: str, bucket: str, held: OAuthToken) -> OAuthToken:
        """One refresh."""
        assert held.refresh_token is not None
        if self.down:
            raise ConnectionRefusedError
        self.good.remove(held.refresh_token.get_secret_value())
        self.renewed.setdefault(bucket, []).append(time.time())
        return self.issue(bucket)


class Week:
    """A machine that is on for a week: its clock moves only while the scheduler waits.

    `nights` are the moments at which the lid is closed, and for how long; a timer does not count that time. `steps` are
    those at which the user sets the clock, and by how much. Both count from the beginning, in seconds that have passed.
    """

    def __init__(self, frozen: FrozenDateTimeFactory, **happenings: dict[float, float]) -> None:
        self.frozen = frozen
        self.nights = happenings.get("nights", {})
        self.steps = happenings.get("steps", {})
        self.passed = 0.0
        self.issuer = Issuer()
        self.store = MemoryTokenStore()
        self.events: list[RenewalEvent] = []
        self.late: list[tuple[float, str]] = []
        self.looked: list[Callable[[], None]] = []
        self.manager = StoredOAuthManager(self.store, refresh=self.issuer.refresh, in_thread=False, clock=clock)
        self.scheduler = RenewalScheduler(
            self.manager,
            PROVIDER,
            list(LIVES),
            on_event=self.events.append,
            clock=clock,
            wait=self.wait,
            draw=lambda: 0.5,
        )
        for bucket in LIVES:
            self.store.write(PROVIDER, bucket, self.issuer.issue(bucket))

    async def wait(self, news: asyncio.Event, seconds: float) -> None:
        """The wait of the scheduler: everything that happens in this world happens here."""
        self.late += [(self.passed, bucket) for bucket in LIVES if not self.is_live(bucket)]
        for look in self.looked:
            look()
        if news.is_set():
            return
        began = self.passed
        self.passed += seconds
        self.frozen.tick(timedelta(seconds=seconds))
        for moment, length in self.nights.items():
            if began <= moment < self.passed:
                self.frozen.tick(timedelta(seconds=length))
        for moment, step in self.steps.items():
            if began <= moment < self.passed:
                self.frozen.tick(timedelta(seconds=step))
        if self.passed >= WEEK:
            raise WeekIsOverError

    def is_live(self, bucket: str) -> bool:
        """Whether a request could use it now."""
        token = self.store.read(PROVIDER, bucket)
        return token is not None and token.is_live(now=time.time())

    def run(self) -> None:
        """The whole week."""
        with pytest.raises(WeekIsOverError):
            asyncio.run(self.scheduler.run())


@pytest.fixture
def frozen() -> Iterator[FrozenDateTimeFactory]:
    """A Monday at midnight."""
    with freeze_time("2026-03-02", real_asyncio=True) as factory:
        assert isinstance(factory, FrozenDateTimeFactory)
        yield factory


@pytest.mark.requirement("REQ-1598-PR01")
@pytest.mark.requirement("REQ-1598-PR02")
@pytest.mark.requirement("REQ-1598-PR03")
def test_a_quiet_week(frozen: FrozenDateTimeFactory) -> None:
    """Each token is renewed at four fifths of its life, and none ever ends."""
    week = Week(frozen)
    week.run()
    assert week.late == []
    times = {bucket: len(moments) for bucket, moments in week.issuer.renewed.items()}
    assert times == {bucket: int((WEEK - 1) // (0.8 * life)) for bucket, life in LIVES.items() if 0.8 * life < WEEK}
    assert all(isinstance(event, TokenRenewed) for event in week.events)
    assert len(week.events) == sum(times.values())


def test_a_week_of_nights(frozen: FrozenDateTimeFactory) -> None:
    """The lid is closed for eight hours each day: what has ended meanwhile is renewed at the first look."""
    nights = {day * DAY + 16 * HOUR: 8 * HOUR for day in range(6)}
    week = Week(frozen, nights=nights)
    week.run()
    assert week.late == []
    assert week.scheduler.wake_at is not None
    assert not [event for event in week.events if isinstance(event, RenewalFailed)]


@pytest.mark.parametrize("step", [-3 * HOUR, -60.0, 3 * HOUR, 3 * DAY])
def test_a_clock_that_is_set(frozen: FrozenDateTimeFactory, step: float) -> None:
    """Back or on: the renewals follow it, none is lost, none spins."""
    week = Week(frozen, steps={2.5 * DAY: step})
    week.run()
    assert week.late == []
    for bucket, moments in week.issuer.renewed.items():
        extra = abs(step) / (0.8 * LIVES[bucket]) + 1
        assert abs(len(moments) - WEEK / (0.8 * LIVES[bucket])) <= extra
    assert not [event for event in week.events if isinstance(event, RenewalFailed)]


@pytest.mark.requirement("REQ-1598-PR04")
@pytest.mark.requirement("REQ-1598-PR05")
def test_an_issuer_that_is_down_for_a_day(frozen: FrozenDateTimeFactory) -> None:
    """Three failures in a row end a token's renewal; a refresh by other means begins it anew."""
    week = Week(frozen)

    def morning_and_evening() -> None:
        week.issuer.down = 2 * DAY <= week.passed < 3 * DAY

    week.looked.append(morning_and_evening)
    week.run()
    failed = [event for event in week.events if isinstance(event, RenewalFailed)]
    assert [event.failures for event in failed if event.bucket == "default"] == [1, 2, 3]
    assert [event.retry_at is None for event in failed if event.bucket == "default"] == [False, False, True]
    assert {event.bucket for event in failed} == {"default", "claudius", "vybestack", "team"}
    assert {event.detail for event in failed} == {"ConnectionRefusedError"}
    assert not week.is_live("default")
    before = len(week.issuer.renewed["default"])

    async def later() -> None:
        await week.manager.refresh_oauth_token(PROVIDER, "default")
        await week.scheduler.look()
        frozen.tick(timedelta(seconds=0.8 * HOUR))
        await week.scheduler.look()

    asyncio.run(later())
    assert len(week.issuer.renewed["default"]) == before + 2
    assert week.is_live("default")


class TestHearing:
    """What arms the timer and what cancels it, without waiting for it."""

    def scheduler(self, *buckets: str, **options: Any) -> tuple[RenewalScheduler, StoredOAuthManager, MemoryTokenStore]:
        """A scheduler over an empty store, and a user who can log in."""
        issuer = Issuer()

        async def login(_provider: str, bucket: str) -> OAuthToken:
            return issuer.issue(bucket)

        store = MemoryTokenStore()
        manager = StoredOAuthManager(store, refresh=issuer.refresh, login=login, in_thread=False, clock=clock)
        return RenewalScheduler(manager, PROVIDER, list(buckets), clock=clock, **options), manager, store

    @pytest.mark.requirement("REQ-1598-PR01")
    @pytest.mark.requirement("REQ-1598-PR06")
    def test_a_login_arms_it_and_a_logout_cancels_it(self) -> None:
        """At once, not at the next look."""
        scheduler, manager, _ = self.scheduler("default")

        async def main() -> None:
            running = asyncio.create_task(scheduler.run())
            await _until(lambda: scheduler.wake_at is None)
            await manager.authenticate(PROVIDER, "default")
            await _until(lambda: scheduler.wake_at is not None)
            armed = scheduler.wake_at
            await manager.refresh_oauth_token(PROVIDER, "default")
            await _until(lambda: scheduler.wake_at not in {None, armed})
            await manager.authenticate("another", "default")
            assert await manager.log_out(PROVIDER, "default") is not None
            await _until(lambda: scheduler.wake_at is None)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running

        asyncio.run(main())

    @pytest.mark.requirement("REQ-1598-PR06")
    def test_a_reset_begins_anew(self) -> None:
        """With the buckets that the profile has then."""
        scheduler, _, store = self.scheduler("default")
        store.write(PROVIDER, "default", Issuer().issue("default"))
        store.write(PROVIDER, "claudius", Issuer().issue("claudius"))
        buckets = ["default"]
        scheduler = RenewalScheduler(scheduler._manager, PROVIDER, lambda: buckets, clock=clock)

        async def main() -> None:
            assert (await scheduler.look()).wake_at is not None
            buckets[:] = ["claudius"]
            assert (await scheduler.look()).wake_at == pytest.approx(time.time() + 0.8 * HOUR, abs=60.0)
            scheduler.reset()
            assert scheduler.wake_at is None
            assert (await scheduler.look()).wake_at == pytest.approx(time.time() + 0.8 * 8 * HOUR, abs=60.0)

        asyncio.run(main())

    def test_a_listener_that_raises_ends_nothing(self, frozen: FrozenDateTimeFactory) -> None:
        """The next token is renewed all the same (lesson 30)."""

        def broken(_event: RenewalEvent) -> None:
            raise RuntimeError

        scheduler, _, store = self.scheduler("default", on_event=broken)
        issuer = Issuer()
        replace(scheduler._manager, _refresh=issuer.refresh)
        store.write(PROVIDER, "default", issuer.issue("default"))

        async def main() -> None:
            for _ in range(3):
                await scheduler.look()
                frozen.tick(timedelta(seconds=0.8 * HOUR))

        asyncio.run(main())
        assert len(issuer.renewed["default"]) == 2

    def test_an_outage_of_the_store_says_nothing_of_the_token(self, frozen: FrozenDateTimeFactory) -> None:
        """What was seen of it stays; a bucket that was never seen waits."""
        scheduler, manager, store = self.scheduler("default", "claudius")
        store.write(PROVIDER, "default", Issuer().issue("default"))

        async def main() -> None:
            await scheduler.look()
            armed = scheduler.wake_at

            async def outage(_provider: str, _bucket: str) -> OAuthToken | None:
                message = "the disk is full"
                raise TokenStoreError(message)

            replace(manager, read_token=outage)
            await scheduler.look()
            assert scheduler.wake_at == armed

        asyncio.run(main())

    @pytest.mark.parametrize("problem", [RefreshInterruptedError("lost"), None])
    def test_what_only_a_login_heals_is_not_tried_again(
        self, frozen: FrozenDateTimeFactory, problem: Exception | None
    ) -> None:
        """Refused, or interrupted: the first failure is the last."""
        events: list[RenewalEvent] = []
        scheduler, manager, store = self.scheduler("default", on_event=events.append)
        store.write(PROVIDER, "default", Issuer().issue("default"))

        async def fail(_provider: str, _bucket: str, _unwanted: str) -> None:
            if problem is not None:
                raise problem

        replace(manager, replace_token=fail)

        async def main() -> None:
            for _ in range(3):
                frozen.tick(timedelta(seconds=0.4 * HOUR))
                await scheduler.look()

        asyncio.run(main())
        detail = "lost" if problem else "the issuer has refused; a login is needed"
        assert events == [RenewalFailed("default", 1, detail, None)]

    @pytest.mark.parametrize("is_reset", [True, False])
    def test_a_logout_during_the_renewal_is_told(self, frozen: FrozenDateTimeFactory, *, is_reset: bool) -> None:
        """It is an outcome like any other, and the last one."""
        events: list[RenewalEvent] = []
        scheduler, manager, store = self.scheduler("default", on_event=events.append)
        store.write(PROVIDER, "default", Issuer().issue("default"))

        async def log_out(provider: str, bucket: str, _unwanted: str) -> None:
            await manager.log_out(provider, bucket)
            if is_reset:
                scheduler.reset()

        replace(manager, replace_token=log_out)

        async def main() -> None:
            frozen.tick(timedelta(seconds=0.9 * HOUR))
            await scheduler.look()

        asyncio.run(main())
        assert events == [RenewalFailed("default", 1, "the user has logged out", None)]
        assert scheduler.wake_at is None


async def _until(condition: Callable[[], bool]) -> None:
    """Let the others run until it is so."""
    for _ in range(1_000):
        if condition():
            return
        await asyncio.sleep(0)
    pytest.fail("it never came to be so")
