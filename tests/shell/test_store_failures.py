"""Each call that a protocol makes to its store fails once, by enumeration: one clear error, and nothing is lost."""

import errno
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from bucket_failover import (
    BucketFailoverError,
    MemoryTokenStore,
    OAuthToken,
    RefreshInterruptedError,
    SqliteTokenStore,
    SyncStoredOAuthManager,
    TokenStoreError,
)
from bucket_failover.oauth.issuer import Reply, reply_of
from bucket_failover.store import TokenStore
from bucket_failover.testing import failing
from bucket_failover_core.oauth import GrantRefused
from tests.support.people import PROVIDER, token

BUCKET: Final = "default"
FULL: Final = TokenStoreError("the disk is full")
CALLS_MAX: Final = 40


@dataclass
class Issuer:
    """It takes each refresh token once; a second time is theft."""

    presented: list[str] = field(default_factory=list)
    single_use_refresh_tokens = True

    def refresh(
        self, _provider: str, _bucket: str, held: OAuthToken, /, *, before_sending: Callable[[], None]
    ) -> Reply:
        """See `TokenIssuer.refresh`."""
        before_sending()
        self.presented.append(held.refresh_fingerprint)
        if len(set(self.presented)) < len(self.presented):
            return Reply(GrantRefused())
        return reply_of(token(f"new-{len(self.presented)}", expiry=9e9))


@dataclass
class Place:
    """A store with a login whose token has ended, and an issuer."""

    store: TokenStore
    issuer: Issuer = field(default_factory=Issuer)

    def manager(self, store: TokenStore | None = None) -> SyncStoredOAuthManager:
        """A program that uses it, perhaps through a store that fails."""
        return SyncStoredOAuthManager(
            self.store if store is None else store,
            refresh=self.issuer,
            login=lambda *_: token("of a login", expiry=9e9),
            trust_seconds=0.0,
        )


@pytest.fixture
def place() -> Place:
    """In memory: what fails is said by the test."""
    store = MemoryTokenStore()
    store.write(PROVIDER, BUCKET, token("old", expiry=1.0))
    return Place(store)


USES: Final[dict[str, Callable[[SyncStoredOAuthManager], object]]] = {
    "a token is asked for": lambda manager: manager.get_oauth_token(PROVIDER, BUCKET),
    "it is refreshed": lambda manager: manager.refresh_oauth_token(PROVIDER, BUCKET),
    "the user logs in": lambda manager: manager.authenticate(PROVIDER, BUCKET),
    "the user logs out": lambda manager: manager.log_out(PROVIDER, BUCKET),
}


@pytest.mark.parametrize("times", [1, 2, 100])
@pytest.mark.parametrize("use", USES)
def test_each_call_to_the_store_fails_once(use: str, times: int) -> None:
    """The caller hears of the disk, or of nothing; the next program goes on, or says why not."""
    for at in range(CALLS_MAX):
        store = MemoryTokenStore()
        store.write(PROVIDER, BUCKET, token("old", expiry=1.0))
        place, heard = Place(store), list[str]()
        shaky = failing(store, at=at, times=times, error=FULL, heard=heard.append)
        told = outcome_of(USES[use], place.manager(shaky))
        assert told == "" or "disk is full" in told, (at, heard)
        if len(heard) <= at:
            return  # all of its calls have had their turn
        try:
            held = place.manager().get_oauth_token(PROVIDER, BUCKET)
        except RefreshInterruptedError:
            assert len(place.issuer.presented) == 1, "what was not presented is not lost"
        else:
            assert held is not None or use == "the user logs out"
        assert len(set(place.issuer.presented)) == len(place.issuer.presented), (at, heard)
    raise AssertionError


def outcome_of(use: Callable[[SyncStoredOAuthManager], object], manager: SyncStoredOAuthManager) -> str:
    """What its caller is told of it; empty: no error."""
    try:
        use(manager)
    except BucketFailoverError as error:
        return str(error)
    return ""


SYSTEM: Final = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_IOERR: "the disk has failed",
    sqlite3.SQLITE_READONLY: "read-only",
    sqlite3.SQLITE_CANTOPEN: "unable to open database file",
    sqlite3.SQLITE_NOMEM: "there is no memory left",
    sqlite3.SQLITE_CORRUPT: "the file is damaged",
    sqlite3.SQLITE_BUSY: "database is locked by another process",
}


@pytest.mark.parametrize("code", SYSTEM)
def test_what_sqlite_says_is_one_clear_error(tmp_path: Path, code: int) -> None:
    """It names the file and what was tried; what was stored before still is, and the next call works."""
    with SqliteTokenStore(tmp_path / "tokens.db") as store:
        store.write(PROVIDER, BUCKET, token("kept"))
        whole = store._connection
        for statement in ("BEGIN", "INSERT", "COMMIT"):
            store._connection = Refusing(whole, statement, code)  # type: ignore[assignment]  # as far as it is used
            with pytest.raises(TokenStoreError, match=SYSTEM[code]) as caught:
                store.write(PROVIDER, BUCKET, token("lost"))
            assert "tokens.db" in str(caught.value)
            store._connection = whole
            assert store.read(PROVIDER, BUCKET) == token("kept")


class Refusing:
    """A connection of which one statement fails as SQLite lets it fail."""

    def __init__(self, whole: sqlite3.Connection, statement: str, code: int) -> None:
        self._whole = whole
        self._statement = statement
        self._code = code

    @property
    def in_transaction(self) -> bool:
        """See `sqlite3.Connection.in_transaction`."""
        return self._whole.in_transaction

    def close(self) -> None:
        """Nothing: the test has the connection."""

    def execute(self, statement: str, *values: object) -> object:
        """Carry out a statement, but for the one."""
        if statement.startswith(self._statement):
            error = sqlite3.OperationalError("?")
            error.sqlite_errorcode = self._code
            raise error
        return self._whole.execute(statement, *values)  # type: ignore[arg-type]  # whatever it takes


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EMFILE, errno.EROFS])
@pytest.mark.parametrize("call", ["os.open", "pathlib.Path.mkdir", "pathlib.Path.chmod", "pathlib.Path.stat"])
def test_what_the_system_says_is_one_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, call: str
) -> None:
    """Wherever it fails while the store is opened; then the same call works."""
    path = tmp_path / "folder" / "tokens.db"

    def fail(*_: object, **__: object) -> None:
        raise OSError(code, "?")

    monkeypatch.setattr(call, fail)
    with pytest.raises(TokenStoreError) as caught:
        SqliteTokenStore(path)
    assert str(path) in str(caught.value)
    monkeypatch.undo()
    with SqliteTokenStore(path) as store:
        store.write(PROVIDER, BUCKET, token("a"))
        assert store.read(PROVIDER, BUCKET) == token("a")
