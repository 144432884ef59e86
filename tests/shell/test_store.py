"""The stores: what they keep, for whom, and what they say when they cannot."""

import multiprocessing
import os
import sqlite3
import stat
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from bucket_failover import (
    MemoryTokenStore,
    OAuthToken,
    SqliteTokenStore,
    TokenCorruptError,
    TokenStore,
    TokenStoreError,
)
from tests.support.people import token


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TokenStore]:
    """Each kind of store, empty."""
    if request.param == "memory":
        yield MemoryTokenStore()
    else:
        with SqliteTokenStore(tmp_path / "tokens.db") as opened:
            yield opened


def test_what_was_written_is_read(store: TokenStore) -> None:
    """The last token wins; a deleted one is gone; deleting nothing is no mistake."""
    assert store.read("anthropic", "default") is None
    first, second = token("first"), OAuthToken.from_api_key("key")
    store.write("anthropic", "default", first)
    assert store.read("anthropic", "default") == first
    store.write("anthropic", "default", second)
    assert store.read("anthropic", "default") == second
    store.delete("anthropic", "default")
    store.delete("anthropic", "default")
    assert store.read("anthropic", "default") is None


def test_every_field_survives(store: TokenStore) -> None:
    """What the issuer sent, to the last one."""
    full = OAuthToken.model_validate(
        {
            "access_token": "a \N{SNOWMAN} \x00",
            "refresh_token": "r",
            "expiry": 1.5,
            "issued_at": 0.25,
            "scope": "chat admin",
            "token_type": "DPoP",
            "extra": {"account": {"uuid": 1}},
        }
    )
    store.write("p", "b", full)
    assert store.read("p", "b") == full


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("openai", "responses-default"), ("openai-responses", "default")),
        (("a:b", "c"), ("a", "b:c")),
        (("a", "B"), ("a", "b")),
        (("a/..", "b"), ("a", "../b")),
    ],
)
def test_keys_are_injective(store: TokenStore, one: tuple[str, str], other: tuple[str, str]) -> None:
    """No two buckets share a token, whatever their names are made of (lesson 1)."""
    store.write(*one, token("one"))
    store.write(*other, token("other"))
    assert store.read(*one) == token("one")
    assert store.read(*other) == token("other")


def test_the_session_bucket_is_kept_by_provider(store: TokenStore) -> None:
    """One for each."""
    assert store.read_session_bucket("anthropic") is None
    store.write_session_bucket("anthropic", "claudius")
    store.write_session_bucket("openai", "default")
    store.write_session_bucket("anthropic", "vybestack")
    assert store.read_session_bucket("anthropic") == "vybestack"
    assert store.read_session_bucket("openai") == "default"


def mode(path: Path) -> int:
    """The permission bits."""
    return stat.S_IMODE(path.stat().st_mode)


def test_the_files_are_private_whatever_the_umask_says(tmp_path: Path) -> None:
    """Database, write-ahead log and shared memory; the folder too. A lax file is tightened."""
    path = tmp_path / "new" / "tokens.db"
    before = os.umask(0)
    try:
        with SqliteTokenStore(path) as store:
            store.write("p", "b", token("x"))
            modes = {file.name: mode(file) for file in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert modes == {"tokens.db": 0o600, "tokens.db-wal": 0o600, "tokens.db-shm": 0o600}
    assert mode(path.parent) == 0o700
    path.chmod(0o644)
    SqliteTokenStore(path).close()
    assert mode(path) == 0o600


def test_it_survives_the_process_and_is_shared_with_another_one(tmp_path: Path) -> None:
    """Two connections see each other's tokens; a new one finds both."""
    path = tmp_path / "tokens.db"
    with SqliteTokenStore(path) as one, SqliteTokenStore(path) as two:
        one.write("p", "a", token("a"))
        two.write("p", "b", token("b"))
        assert two.read("p", "a") == token("a")
        assert one.read("p", "b") == token("b")
    with SqliteTokenStore(path) as again:
        assert again.read("p", "a") == token("a")


def _write_many(path: Path, name: str, start: "multiprocessing.synchronize.Barrier") -> None:
    start.wait()
    for number in range(25):
        with SqliteTokenStore(path) as store:
            store.write("p", f"{name}-{number}", token(name))


def test_processes_that_open_and_write_at_once_lose_nothing(tmp_path: Path) -> None:
    """Four processes make the file, and write a hundred tokens, each in a connection of its own."""
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(4)
    path = tmp_path / "tokens.db"
    writers = [context.Process(target=_write_many, args=(path, f"w{number}", start)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0, 0, 0]
    with SqliteTokenStore(path) as store:
        held = [store.read("p", f"w{writer}-{number}") for writer in range(4) for number in range(25)]
    assert None not in held


@pytest.mark.requirement("REQ-1598-EC01")
@pytest.mark.parametrize(
    "record",
    ["not json", "[]", '"text"', '{"access_token": ""}', '{"access_token": "hunter2", "what": "hunter2"}', "{}"],
)
def test_an_entry_that_is_no_token_is_told_and_spoils_nothing_else(tmp_path: Path, record: str) -> None:
    """The error names file and bucket, and no content."""
    path = tmp_path / "tokens.db"
    with SqliteTokenStore(path) as store:
        store.write("p", "good", token("good"))
        connection = sqlite3.connect(path)
        with connection:
            connection.execute("INSERT INTO token VALUES ('p', 'bad', ?, '')", (record,))
        connection.close()
        with pytest.raises(TokenCorruptError, match=r"tokens\.db: what is stored for 'p' 'bad' is no token") as caught:
            store.read("p", "bad")
        assert "hunter2" not in str(caught.value)
        assert caught.value.__cause__ is None
        assert store.read("p", "good") == token("good")
        store.write("p", "bad", token("healed"))
        assert store.read("p", "bad") == token("healed")


class TestOutages:
    """An outage is an error of its own, never "no token"."""

    def test_a_file_that_is_no_database(self, tmp_path: Path) -> None:
        """It is left as it is."""
        path = tmp_path / "tokens.db"
        path.write_text("these are not the tokens you are looking for" * 100)
        with pytest.raises(
            TokenStoreError, match=r"tokens\.db: the token store could not be opened: file is not a database"
        ):
            SqliteTokenStore(path)
        assert path.read_text().startswith("these are not")

    def test_a_folder_in_its_place(self, tmp_path: Path) -> None:
        """The system's words."""
        with pytest.raises(TokenStoreError, match="Is a directory"):
            SqliteTokenStore(tmp_path)

    def test_a_newer_schema_is_not_touched(self, tmp_path: Path) -> None:
        """What a newer version has written, it can still read."""
        path = tmp_path / "tokens.db"
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA user_version = 99")
        connection.close()
        with pytest.raises(TokenStoreError, match="newer version"):
            SqliteTokenStore(path)

    def test_a_locked_database(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Another process holds the write lock for longer than a caller waits; reading goes on."""
        monkeypatch.setattr("bucket_failover.store.sqlite.token_store._BUSY_SECONDS", 0.01)
        path = tmp_path / "tokens.db"
        with SqliteTokenStore(path) as store:
            store.write("p", "b", token("kept"))
            other = sqlite3.connect(path, isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(TokenStoreError, match="could not be written: database is locked"):
                store.write("p", "b", token("lost"))
            assert store.read("p", "b") == token("kept")
            other.close()

    def test_a_closed_store(self, tmp_path: Path) -> None:
        """It says so; closing it twice is no mistake."""
        store = SqliteTokenStore(tmp_path / "tokens.db")
        store.close()
        store.close()
        with pytest.raises(TokenStoreError, match="closed"):
            store.read("p", "b")
        with pytest.raises(TokenStoreError, match="closed"):
            store.delete("p", "b")


class TestSecrets:
    """What an exception's frames hold, for a program that shows local variables in tracebacks."""

    def frames(self, error: BaseException) -> str:
        """The traceback with every local variable."""
        assert error.__traceback__ is not None
        below_the_test = error.__traceback__.tb_next
        told = traceback.TracebackException(type(error), error, below_the_test, capture_locals=True)
        return "".join(told.format())

    def test_a_write_that_fails_shows_no_secret(self, tmp_path: Path) -> None:
        """The record is made and handed over in one expression."""
        store = SqliteTokenStore(str(tmp_path / "tokens.db"))
        store.close()
        with pytest.raises(TokenStoreError) as caught:
            store.write("p", "b", token("hunter2"))
        assert "hunter2" not in self.frames(caught.value)

    @pytest.mark.parametrize("record", ['{"access_token": "hunter2", "x": 1}', '{"hunter2', "[" * 100_000])
    def test_an_entry_that_is_no_token_is_not_shown(self, tmp_path: Path, record: str) -> None:
        """Nor kept in the exception's context."""
        path = tmp_path / "tokens.db"
        with SqliteTokenStore(path) as store:
            connection = sqlite3.connect(path)
            with connection:
                connection.execute("INSERT INTO token VALUES ('p', 'bad', ?, '')", (record,))
            connection.close()
            with pytest.raises(TokenCorruptError) as caught:
                store.read("p", "bad")
        assert "hunter2" not in self.frames(caught.value)
        assert caught.value.__context__ is None

    def test_a_name_that_is_no_text_is_told(self, tmp_path: Path) -> None:
        """A lone surrogate cannot be stored."""
        with SqliteTokenStore(tmp_path / "tokens.db") as store, pytest.raises(TokenStoreError, match="Unicode"):
            store.read("p", "\ud800")
