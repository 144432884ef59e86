"""Engines of other kinds: one that decides twice, one whose leases end, one that keeps its parts in three places."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from bucket_failover import MemoryTokenStore, OAuthToken, RefreshFailedError, SqliteTokenStore, SyncStoredOAuthManager
from bucket_failover.oauth.issuer import Reply, reply_of
from bucket_failover.store import Change, JoinedStore, Lease, Purpose, TokenStore
from bucket_failover_core.oauth import StoredLogin
from tests.support.people import PROVIDER, token

_T = TypeVar("_T")

BUCKET = "default"
NOW = 100.0
OLD = token("old", expiry=1.0)
UNWANTED = OLD.fingerprint


class Issuer:
    """An issuer in this process: each connection opens when the test says so, and each answer is another token."""

    single_use_refresh_tokens = True

    def __init__(self) -> None:
        self.presented: list[str] = []
        self.connecting = threading.Semaphore(0)
        self.proceed = [threading.Event() for _ in range(2)]
        self._calls = 0

    def refresh(
        self, _provider: str, _bucket: str, held: OAuthToken, /, *, before_sending: Callable[[], None]
    ) -> Reply:
        """See `TokenIssuer.refresh`."""
        number, self._calls = self._calls, self._calls + 1
        self.connecting.release()
        assert self.proceed[number].wait(10)
        before_sending()
        self.presented.append(held.refresh_fingerprint)
        return reply_of(token(f"new-{number}"))


class Open(MemoryTokenStore):
    """A store whose leases exclude no other process, as a lock on some network file systems does not."""

    until: float | None = None

    def try_lease(self, provider: str, bucket: str, purpose: Purpose) -> Lease | None:
        """See `LeaseStore.try_lease`."""
        lease = super().try_lease(provider, bucket, purpose)
        assert lease is not None
        lease.release()
        return Lease(lease.number, lambda: None, self.until)


class Ending(Open):
    """The leases end at the very moment at which they are given."""

    until = NOW


def manager_of(store: TokenStore, issuer: Issuer) -> SyncStoredOAuthManager:
    """A manager at a moment at which the new tokens are live."""
    return SyncStoredOAuthManager(store, refresh=issuer, login=lambda *_: token("login"), clock=lambda: NOW)


def store_with(kind: type[MemoryTokenStore]) -> MemoryTokenStore:
    """A store of this kind, which holds a token that has ended."""
    store = kind()
    store.write(PROVIDER, BUCKET, OLD)
    return store


def test_two_holders_of_a_lock_that_excludes_nothing_present_one_token() -> None:
    """The later lease wins; the holder of the earlier one sends nothing, and adopts what the other one has brought."""
    store, issuer = store_with(Open), Issuer()
    came: list[OAuthToken | None] = []

    def refresh() -> None:
        came.append(manager_of(store, issuer).replace_token(PROVIDER, BUCKET, UNWANTED))

    threads = [threading.Thread(target=refresh) for _ in range(2)]
    for thread in threads:
        thread.start()
        assert issuer.connecting.acquire(timeout=10)
    issuer.proceed[1].set()
    threads[1].join(10)
    issuer.proceed[0].set()
    threads[0].join(10)
    assert issuer.presented == [OLD.refresh_fingerprint]
    assert came == [token("new-1")] * 2
    assert store.read_stored(PROVIDER, BUCKET).mark is None


def test_a_lease_that_ends_while_the_connection_opens() -> None:
    """Nothing is sent, and no login is asked for: the refresh token is as good as before."""
    store, issuer = store_with(Ending), Issuer()
    for event in issuer.proceed:
        event.set()
    with pytest.raises(RefreshFailedError, match="nothing was sent: lease-ended"):
        manager_of(store, issuer).replace_token(PROVIDER, BUCKET, UNWANTED)
    assert issuer.presented == []
    assert store.read_stored(PROVIDER, BUCKET).mark is None


class Optimistic(MemoryTokenStore):
    """An engine that reads, decides, finds that another process was faster, and does so again."""

    def change(
        self,
        provider: str,
        bucket: str,
        decide: Callable[[StoredLogin], Change[_T]],
        issued: OAuthToken | None = None,
    ) -> _T:
        """See `LoginStore.change`."""
        decide(StoredLogin(token=token("another").state, refresh_fingerprint="another"))
        return super().change(provider, bucket, decide, issued)


def test_a_decision_may_be_made_twice() -> None:
    """What the first one said of another moment has no effect."""
    store, issuer = store_with(Optimistic), Issuer()
    issuer.proceed[0].set()
    assert (
        manager_of(store, issuer).replace_token(PROVIDER, BUCKET, UNWANTED)
        == token("new-0")
        == store.read(PROVIDER, BUCKET)
    )
    assert len(issuer.presented) == 1


def test_the_parts_may_be_kept_in_three_places(tmp_path: Path) -> None:
    """Tokens in memory, leases in a file, the bucket in use in another store."""
    with SqliteTokenStore(tmp_path / "leases.db") as leases:
        logins, sessions, issuer = store_with(MemoryTokenStore), MemoryTokenStore(), Issuer()
        issuer.proceed[0].set()
        store = JoinedStore(logins=logins, leases=leases, sessions=sessions)
        manager = manager_of(store, issuer)
        assert manager.get_oauth_token(PROVIDER, BUCKET) == token("new-0") == logins.read(PROVIDER, BUCKET)
        manager.set_session_bucket(PROVIDER, BUCKET)
        assert (sessions.read_session_bucket(PROVIDER), logins.read_session_bucket(PROVIDER)) == (BUCKET, None)
        manager.authenticate(PROVIDER, BUCKET)
        assert manager.log_out(PROVIDER, BUCKET) == token("login")
        assert (leases.read(PROVIDER, BUCKET), manager.read_token(PROVIDER, BUCKET)) == (None, None)


def test_numbers_grow_over_processes_and_restarts(tmp_path: Path) -> None:
    """Each lease of a bucket has a greater number than the one before, whichever process gave it."""
    numbers: list[int] = []
    for _ in range(3):
        with SqliteTokenStore(tmp_path / "tokens.db") as store:
            for _ in range(2):
                lease = store.try_lease(PROVIDER, BUCKET, "refresh")
                assert lease is not None
                assert store.try_lease(PROVIDER, BUCKET, "refresh") is None
                numbers.append(lease.number)
                lease.release()
    assert numbers == [1, 2, 3, 4, 5, 6]
