"""The embedded token manager: one refresh at a time, stored before a caller sees it.

It runs over both twins. Refreshes that overlap are tested with an event loop (tasks, cancellation, loops that end) and,
in `TestThreads`, without one.
"""

import asyncio
import threading
from pathlib import Path

import pytest

from bucket_failover import (
    MemoryTokenStore,
    OAuthToken,
    SqliteTokenStore,
    Stored,
    StoredOAuthManager,
    SyncStoredOAuthManager,
    in_memory_manager,
)
from bucket_failover.errors import LoginUnavailableError
from bucket_failover.store import Change
from tests.support.people import PROVIDER, Issuer, managed, token
from tests.support.twin_house import TwinHouse
from tests.support.twins import Twin, each_twin
from tests.support.virtual_time import World

twin = each_twin


def test_a_usable_token_is_given_as_it_is(twin: Twin) -> None:
    """The issuer is not asked."""
    house = TwinHouse({"default": token("x")}, twin=twin)
    assert house.run(house.manager.get_oauth_token(PROVIDER, "default")) == token("x")
    assert house.run(house.manager.get_oauth_token(PROVIDER, "nobody")) is None
    assert house.issuer.asked == []


def test_an_expired_token_is_refreshed_and_read_is_not(twin: Twin) -> None:
    """`read_token` says what the store holds, `get_oauth_token` what can be used."""
    house = TwinHouse({"default": token("old", expiry=1.0)}, twin=twin)
    house.issuer.refreshes["default"] = [token("new")]
    assert house.run(house.manager.read_token(PROVIDER, "default")) == token("old", expiry=1.0)
    assert house.issuer.asked == []
    assert house.run(house.manager.get_oauth_token(PROVIDER, "default")) == token("new")
    assert house.store.read(PROVIDER, "default") == token("new")


def test_what_a_login_brings_is_stored(twin: Twin) -> None:
    """And read, refreshed and removed as any other token."""
    house = TwinHouse({}, twin=twin)
    house.issuer.logins["default"] = [token("brought", expiry=1.0)]
    house.issuer.refreshes["default"] = [token("new")]
    house.run(house.manager.authenticate(PROVIDER, "default"))
    assert house.run(house.manager.read_token(PROVIDER, "default")) == token("brought", expiry=1.0)
    assert house.run(house.manager.get_oauth_token(PROVIDER, "default")) == token("new")
    assert house.run(house.manager.log_out(PROVIDER, "default")) == token("new")
    assert house.run(house.manager.get_oauth_token(PROVIDER, "default")) is None
    assert house.issuer.asked == [("login", "default"), ("refresh", "default")]


def test_a_login_that_raises_stores_nothing(twin: Twin) -> None:
    """The exception is the caller's."""
    house = TwinHouse({}, twin=twin)
    refused = PermissionError("no")
    house.issuer.logins["default"] = [refused]
    with pytest.raises(PermissionError) as caught:
        house.run(house.manager.authenticate(PROVIDER, "default"))
    assert caught.value is refused
    assert house.store.read(PROVIDER, "default") is None


def test_the_bucket_in_use_is_remembered(twin: Twin) -> None:
    """By the store."""
    house = TwinHouse({}, twin=twin)
    assert house.run(house.manager.get_session_bucket(PROVIDER)) is None
    house.run(house.manager.set_session_bucket(PROVIDER, "claudius"))
    assert house.run(house.manager.get_session_bucket(PROVIDER)) == "claudius"
    assert house.store.read_session_bucket(PROVIDER) == "claudius"


@pytest.mark.parametrize("answer", [None, token("dead-on-arrival", expiry=1.0)])
def test_a_token_that_cannot_be_made_usable_is_none(twin: Twin, answer: OAuthToken | None) -> None:
    """Refused, or expired already."""
    house = TwinHouse({"default": token("old", expiry=1.0)}, twin=twin)
    house.issuer.refreshes["default"] = [answer]
    assert house.run(house.manager.get_oauth_token(PROVIDER, "default")) is None


def test_what_the_answer_leaves_out_is_kept(twin: Twin) -> None:
    """A refresh answer without a refresh token keeps the old one (lesson 15)."""
    held = OAuthToken.model_validate({"access_token": "a", "refresh_token": "r", "scope": "chat"})
    answer = OAuthToken.model_validate({"access_token": "b", "expiry": 2_000_000.0})
    house = TwinHouse({"default": held}, twin=twin)
    house.issuer.refreshes["default"] = [answer]
    renewed = house.run(house.manager.refresh_oauth_token(PROVIDER, "default"))
    assert renewed == answer.model_copy(update={"refresh_token": held.refresh_token, "scope": "chat"})
    assert house.store.read(PROVIDER, "default") == renewed


@pytest.mark.parametrize("held", [None, token("key", refreshable=False)])
def test_what_cannot_be_refreshed_is_not(twin: Twin, held: OAuthToken | None) -> None:
    """No token, or one without a refresh token."""
    house = TwinHouse({"default": held}, twin=twin)
    assert house.run(house.manager.refresh_oauth_token(PROVIDER, "default")) is None
    assert house.issuer.asked == []


def test_a_refused_refresh_is_none(twin: Twin) -> None:
    """The token is not taken away: it may be live."""
    house = TwinHouse({"default": token("held")}, twin=twin)
    house.issuer.refreshes["default"] = [None]
    assert house.run(house.manager.refresh_oauth_token(PROVIDER, "default")) is None
    assert house.store.read(PROVIDER, "default") == token("held")


def test_without_a_way_to_refresh_or_log_in_there_is_none(twin: Twin) -> None:
    """The error says what is missing."""
    world, store = twin.world(), MemoryTokenStore()
    store.write(PROVIDER, "default", token("old", expiry=1.0))
    manager = twin.manager(store, clock=world.clock)
    assert not manager.offers_login
    assert world.run(manager.get_oauth_token(PROVIDER, "default")) is None
    with pytest.raises(LoginUnavailableError, match="no way to log in"):
        world.run(manager.authenticate(PROVIDER, "default"))


def test_a_manager_in_memory_holds_what_it_was_given() -> None:
    """Until the process ends."""
    world = World()
    manager = in_memory_manager(PROVIDER, {"default": token("old", expiry=1.0)}, clock=world.clock)
    assert world.run(manager.read_token(PROVIDER, "default")) == token("old", expiry=1.0)
    assert world.run(manager.get_oauth_token(PROVIDER, "default")) is None


def test_concurrent_refreshes_of_a_bucket_are_one() -> None:
    """Everybody gets the token that it brings; another bucket has its own."""
    world, issuer = World(), Issuer()
    manager, _ = managed({"default": token("a"), "claudius": token("b")}, issuer, world.clock)

    async def slow(_provider: str, bucket: str, _held: OAuthToken) -> OAuthToken:
        issuer.asked.append(("refresh", bucket))
        await asyncio.sleep(1)
        return token(f"new-{bucket}")

    manager._refresh = slow

    async def main() -> list[OAuthToken | None]:
        buckets = ["default", "default", "claudius", "default"]
        return list(await asyncio.gather(*(manager.refresh_oauth_token(PROVIDER, bucket) for bucket in buckets)))

    renewed = world.run(main())
    assert renewed == [token(f"new-{name}") for name in ("default", "default", "claudius", "default")]
    assert sorted(issuer.asked) == [("refresh", "claudius"), ("refresh", "default")]


def test_a_cancelled_caller_loses_no_token() -> None:
    """Single-use refresh tokens: the answer is stored although no caller waits for it (lessons 14 and 33)."""
    world, issuer = World(), Issuer()
    manager, store = managed({"default": token("a")}, issuer, world.clock)

    async def slow(_provider: str, _bucket: str, _held: OAuthToken) -> OAuthToken:
        await asyncio.sleep(1)
        return token("new")

    manager._refresh = slow

    async def main() -> None:
        first = asyncio.create_task(manager.refresh_oauth_token(PROVIDER, "default"))
        joiner = asyncio.create_task(manager.refresh_oauth_token(PROVIDER, "default"))
        await asyncio.sleep(0.5)
        first.cancel()
        assert await joiner == token("new")
        assert first.cancelled()

    world.run(main())
    assert store.read(PROVIDER, "default") == token("new")


def test_a_refresh_that_fails_with_no_caller_waiting_is_no_unhandled_exception() -> None:
    """Warnings are errors; and the next refresh is a new one."""
    world = World()
    issuer = Issuer(refreshes={"default": [ConnectionRefusedError(), token("new")]})
    manager, _ = managed({"default": token("a")}, issuer, world.clock)
    plain = issuer.refresh

    async def slow(provider: str, bucket: str, held: OAuthToken) -> OAuthToken | None:
        await asyncio.sleep(1)
        return await plain(provider, bucket, held)

    manager._refresh = slow

    async def main() -> None:
        waiting = asyncio.create_task(manager.refresh_oauth_token(PROVIDER, "default"))
        await asyncio.sleep(0.5)
        waiting.cancel()
        await asyncio.sleep(1)
        assert await manager.refresh_oauth_token(PROVIDER, "default") == token("new")

    world.run(main())


def test_a_refresh_that_its_loop_has_abandoned_does_not_block_the_next_loop() -> None:
    """A program that was interrupted in `asyncio.run` and runs another one.

    The program has not heard the answer; a refresh token that is good more than once is presented again.
    """
    world, issuer = World(), Issuer(refreshes={"default": [token("new")]})
    manager, _ = managed({"default": token("a")}, issuer, world.clock)
    manager._single_use = False
    plain = manager._refresh

    async def never(_provider: str, _bucket: str, _held: OAuthToken) -> OAuthToken:
        await asyncio.sleep(1e9)
        raise AssertionError

    manager._refresh = never

    async def abandoned() -> None:
        asyncio.get_running_loop().call_later(1, asyncio.current_task().cancel)  # type: ignore[union-attr]  # we are it
        await manager.refresh_oauth_token(PROVIDER, "default")

    with pytest.raises(asyncio.CancelledError):
        world.run(abandoned())
    manager._refresh = plain
    assert world.run(manager.refresh_oauth_token(PROVIDER, "default")) == token("new")


def test_over_a_file_the_event_loop_is_not_held_up(tmp_path: Path) -> None:
    """The store is called in another thread."""
    threads: list[str] = []

    class Watched(SqliteTokenStore):
        def read(self, provider: str, bucket: str) -> OAuthToken | None:
            threads.append(threading.current_thread().name)
            return super().read(provider, bucket)

    async def login(_provider: str, _bucket: str) -> OAuthToken:
        return token("fresh", expiry=9e9)

    async def main() -> None:
        with Watched(tmp_path / "tokens.db") as store:
            manager = StoredOAuthManager(store, login=login)
            await manager.authenticate(PROVIDER, "default")
            assert await manager.get_oauth_token(PROVIDER, "default") == token("fresh", expiry=9e9)
            await manager.set_session_bucket(PROVIDER, "default")
            assert await manager.get_session_bucket(PROVIDER) == "default"

    asyncio.run(main())
    assert threads
    assert threading.main_thread().name not in threads


def test_it_can_be_asked_without_waiting_for_what_it_has(twin: Twin) -> None:
    """`peek` answers a token that was read a moment ago, and nothing else."""
    world, store = twin.world(), MemoryTokenStore()
    store.write(PROVIDER, "default", token("x"))
    manager = twin.manager(store, clock=lambda: 1_000.0)
    assert manager.peek(PROVIDER, "default") is None
    held = world.run(manager.get_oauth_token(PROVIDER, "default"))
    assert manager.peek(PROVIDER, "default") is held


@pytest.mark.parametrize("in_file", [True, False])
def test_what_is_written_to_its_store_is_noticed_at_once(twin: Twin, tmp_path: Path, *, in_file: bool) -> None:
    """By any clock, a frozen one too; only another process's changes take a second."""
    with SqliteTokenStore(tmp_path / "tokens.db") as file:
        store = file if in_file else MemoryTokenStore()
        world = twin.world()
        manager = twin.manager(store, clock=lambda: 1_000.0)

        def found() -> object:
            return world.run(manager.get_oauth_token(PROVIDER, "default"))

        assert found() is None
        store.write(PROVIDER, "default", token("one"))
        assert found() == token("one")
        store.change(PROVIDER, "default", lambda _: Change(None, stores_issued=True), token("two"))
        assert found() == token("two")
        store.delete(PROVIDER, "default")
        assert found() is None


class TestThreads:
    """Refreshes that overlap without an event loop."""

    def test_threads_that_refresh_at_once_refresh_once(self) -> None:
        """Who waited for the lock adopts the token that was brought meanwhile (lesson 12)."""
        everybody_has_read, proceed = threading.Semaphore(0), threading.Event()

        class Watched(MemoryTokenStore):
            def read(self, provider: str, bucket: str) -> OAuthToken | None:
                held = super().read(provider, bucket)
                everybody_has_read.release()
                return held

            def read_stored(self, provider: str, bucket: str) -> Stored:
                held = super().read_stored(provider, bucket)
                everybody_has_read.release()
                return held

        store = Watched()
        store.write(PROVIDER, "default", token("old", expiry=1.0))
        refreshes: list[str] = []

        def refresh(_provider: str, bucket: str, _held: OAuthToken) -> OAuthToken:
            refreshes.append(bucket)
            proceed.wait(10)
            return token("new")

        manager = SyncStoredOAuthManager(store, refresh=refresh, clock=lambda: 1_000.0)
        got: list[OAuthToken | None] = []
        threads = [
            threading.Thread(target=lambda: got.append(manager.refresh_oauth_token(PROVIDER, "default")))
            for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        for _read in ("the winner, before the lock and in it", "", "the other, before it"):
            assert everybody_has_read.acquire(timeout=10)
        proceed.set()
        for thread in threads:
            thread.join(10)
        assert got == [token("new"), token("new")]
        assert refreshes == ["default"]
