"""A file that was damaged, is empty, or is another program's: told as that, mended by a login, and never quoted."""

import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from bucket_failover import SqliteLimitStore, SqliteTokenStore, SyncStoredOAuthManager, TokenStoreError
from bucket_failover.errors import TokenCorruptError
from bucket_failover.store import Change
from bucket_failover.tokens import OAuthToken
from bucket_failover_core import TokenCorrupt
from bucket_failover_core.oauth import RefreshMark
from tests.support.people import PROVIDER, token

BUCKET: Final = "default"
HELD, NEW = token("hunter2", expiry=9e9), token("new", expiry=9e9)
EXPIRED = token("expired", expiry=1.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store with a login, closed, so that all of it is in one file."""
    path = tmp_path / "tokens.db"
    with SqliteTokenStore(path) as store:
        store.write(PROVIDER, BUCKET, HELD)
    return path


def places(path: Path) -> Iterator[int]:
    """Where the bytes of the row are: its keys, and its record."""
    whole = path.read_bytes()
    begin = whole.index(f"{PROVIDER}{BUCKET}".encode())
    yield from range(begin, whole.index(b"}", whole.index(b"extra", begin)) + 1)


def flipped(path: Path, place: int, bit: int) -> bytes:
    """What the file was, before one bit of it was flipped."""
    before = path.read_bytes()
    spoilt = bytearray(before)
    spoilt[place] ^= 1 << bit
    path.write_bytes(spoilt)
    return before


@pytest.mark.slow
def test_no_flipped_bit_is_a_missing_token_or_another_one(path: Path) -> None:
    """It is corrupt, which a login mends; the core is told so, and no secret."""
    for place in places(path):
        before = flipped(path, place, place % 8)
        with SqliteTokenStore(path) as store:
            with pytest.raises(TokenCorruptError, match="log in again") as caught:
                store.read(PROVIDER, BUCKET)
            assert "hunter2" not in str(caught.value)
            assert isinstance(store.read_stored(PROVIDER, BUCKET).login.token, TokenCorrupt)
            store.write(PROVIDER, BUCKET, NEW)
            assert store.read(PROVIDER, BUCKET) == NEW
            assert store.read(PROVIDER, "never") is None, "what was damaged is gone"
        path.write_bytes(before)


def test_a_login_and_a_logout_mend_it(path: Path) -> None:
    """Each works with what cannot be read."""
    spoilt = path.read_bytes().replace(b"hunter2", b"hunter3")
    for method, held in (("authenticate", NEW), ("log_out", None)):
        path.write_bytes(spoilt)
        with SqliteTokenStore(path) as store:
            getattr(SyncStoredOAuthManager(store, login=lambda *_: NEW), method)(PROVIDER, BUCKET)
            assert store.read(PROVIDER, BUCKET) == held


def test_a_damaged_mark_may_have_said_that_the_token_was_sent(path: Path) -> None:
    """So the refresh token is not presented again; where there is none, the mark says nothing."""
    mark = RefreshMark(refresh_fingerprint=EXPIRED.refresh_fingerprint, at=5.0)
    with SqliteTokenStore(path) as store:
        store.write(PROVIDER, BUCKET, EXPIRED)
        store.change(PROVIDER, BUCKET, lambda _: Change(None, mark=mark))
        assert store.read_stored(PROVIDER, BUCKET).mark == mark
        store._connection.execute("UPDATE refresh_mark SET record = replace(record, '5.0', '6.0')")
        damaged = store.read_stored(PROVIDER, BUCKET).mark
        assert damaged is not None
        assert (damaged.is_sent, damaged.refresh_fingerprint) == (True, EXPIRED.refresh_fingerprint)
        store.write(PROVIDER, BUCKET, OAuthToken.from_api_key("k"))
        store.change(PROVIDER, BUCKET, lambda _: Change(None, mark=mark))
        store._connection.execute("UPDATE refresh_mark SET record = 'x'")
        assert store.read_stored(PROVIDER, BUCKET).mark is None


def test_bytes_that_are_no_text_are_not_quoted(path: Path) -> None:
    """SQLite's own error would show the record."""
    path.write_bytes(path.read_bytes().replace(b"hunter2", b"hunter\xff"))
    with SqliteTokenStore(path) as store, pytest.raises(TokenCorruptError) as caught:
        store.read(PROVIDER, BUCKET)
    assert "hunter" not in str(caught.value)


def test_records_of_before_digests_are_read(path: Path) -> None:
    """They have none, and get one when they are written again."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("ALTER TABLE token DROP COLUMN digest")
        connection.execute("ALTER TABLE refresh_mark DROP COLUMN digest")
        connection.executescript("PRAGMA application_id = 0; PRAGMA user_version = 5")
    with SqliteTokenStore(path) as store:
        assert store.read(PROVIDER, BUCKET) == HELD
        assert store._connection.execute("SELECT digest FROM token").fetchone() == ("",)
        store.write(PROVIDER, BUCKET, HELD)
        assert store._connection.execute("SELECT length(digest) FROM token").fetchone() == (16,)


def test_a_file_that_is_empty_though_it_is_there_is_damaged(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not taken for a new one, in which no bucket has a token; once removed, it is one."""
    monkeypatch.setattr("bucket_failover.store.sqlite.schema._OPENING_SECONDS", 0.01)
    path.write_bytes(b"")
    for opened in (SqliteTokenStore, SqliteLimitStore):
        with pytest.raises(TokenStoreError, match="the file is empty"):
            opened(path)
    assert path.read_bytes() == b""
    path.unlink()
    with SqliteTokenStore(path) as store:
        assert store.read(PROVIDER, BUCKET) is None


@pytest.mark.parametrize("sides", [("-wal",), ("-wal", "-shm")], ids=str)
def test_a_log_that_is_deleted_while_it_is_in_use_loses_nothing(path: Path, sides: tuple[str, ...]) -> None:
    """What was written before, and what is written after, is seen by other programs at once."""
    with SqliteTokenStore(path) as store:
        store.write(PROVIDER, "before", token("before"))
        for side in sides:
            Path(f"{path}{side}").unlink()
        store.write(PROVIDER, "after", token("after"))
        with SqliteTokenStore(path) as other:
            assert [other.read(PROVIDER, name) for name in ("before", "after")] == [token("before"), token("after")]
            other.write(PROVIDER, "by the other", NEW)
        assert store.read(PROVIDER, "by the other") == NEW


@pytest.mark.parametrize("setting", ["", "PRAGMA application_id = 7;", "PRAGMA user_version = 3;"])
def test_another_programs_database_is_left_as_it_is(tmp_path: Path, setting: str) -> None:
    """To the last byte, its rights, and what lies beside it."""
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(f"CREATE TABLE bookmark (url TEXT); {setting}")
    path.chmod(0o644)
    before = path.read_bytes()
    with pytest.raises(TokenStoreError, match="another program"):
        SqliteTokenStore(path)
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (before, 0o644)
    assert [file.name for file in tmp_path.iterdir()] == ["other.db"]
