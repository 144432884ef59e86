"""Outages of the store: each is its own clear error, loses nothing, and is never "no token"."""

import os
import re
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bucket_failover import OAuthToken, SqliteTokenStore, TokenCorruptError, TokenStoreError
from bucket_failover.store import Change, Lease, Purpose
from bucket_failover.store.sqlite.locks import FileLocks
from bucket_failover_core import TokenCorrupt
from bucket_failover_core.oauth import LoginAnswer, RefreshMark, StoredLogin
from tests.support.people import token
from tests.support.processes import PREAMBLE, run, store_in


def give_back(lease: Lease | None) -> None:
    """A lease that was got is not needed any longer."""
    assert lease is not None
    lease.release()


MARK = RefreshMark(refresh_fingerprint="0123456789abcdef", at=1.0)
CHANGES: dict[str, Callable[[SqliteTokenStore], object]] = {
    "write": lambda store: store.write("p", "b", token("lost")),
    "delete": lambda store: store.delete("p", "b"),
    "change": lambda store: store.change("p", "b", lambda _: Change(None, stores_issued=True), token("lost")),
    "mark": lambda store: store.change("p", "b", lambda _: Change(None, mark=MARK)),
    "try_lease": lambda store: give_back(store.try_lease("p", "b", "refresh")),
    "write_login_answer": lambda store: store.write_login_answer("p", "b", LoginAnswer(at=1.0)),
    "write_session_bucket": lambda store: store.write_session_bucket("p", "b"),
}
READS: dict[str, Callable[[SqliteTokenStore], object]] = {
    "read": lambda store: store.read("p", "b"),
    "read_stored": lambda store: store.read_stored("p", "b"),
    "read_login_answer": lambda store: store.read_login_answer("p", "b"),
    "read_session_bucket": lambda store: store.read_session_bucket("p"),
}
CALLS: dict[str, Callable[[SqliteTokenStore], object]] = {**CHANGES, **READS}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store's file, in a folder of its own; the token of "p" "b" is in it."""
    return store_in(tmp_path)


def kept(path: Path, bucket: str = "b") -> OAuthToken | None:
    """What a new store reads."""
    with SqliteTokenStore(path) as store:
        return store.read("p", bucket)


def large() -> OAuthToken:
    """A token that does not fit into what is left."""
    return OAuthToken.from_api_key("x" * 100_000)


class TestFullDisk:
    """There is no room for another page."""

    def test_sqlite_finds_no_page(self, path: Path) -> None:
        """The former token is read meanwhile, and the next write succeeds when there is room."""
        with SqliteTokenStore(path) as store:
            (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
            store._connection.execute(f"PRAGMA max_page_count = {pages}")
            writes: list[Callable[[], object]] = [
                lambda: store.write("p", "b", large()),
                lambda: store.change("p", "b", lambda _: Change(None, stores_issued=True), large()),
            ]
            for write in writes:
                with pytest.raises(TokenStoreError, match=r"tokens\.db: .* not be written: the disk is full"):
                    write()
                assert store.read("p", "b") == token("kept")
            store._connection.execute("PRAGMA max_page_count = 10000")
            store.write("p", "b", large())
            assert store.read("p", "b") == large()

    def test_the_system_writes_no_further(self, path: Path) -> None:
        """A real limit of a real process: the write-ahead log cannot grow."""
        child = """
with SqliteTokenStore(path) as store:
    store.write("p", "before", OAuthToken.from_api_key("before"))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (os.path.getsize(path + "-wal"), limits[1]))
    try:
        store.write("p", "b", OAuthToken.from_api_key("lost" * 100_000))
    except TokenStoreError as error:
        print(error)
    print(store.read("p", "b").access_token.get_secret_value())
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    store.write("p", "after", OAuthToken.from_api_key("after"))
"""
        told, held = run(child, path).splitlines()
        assert told == f"{path}: the token store could not be written: the disk has failed"
        assert held == "access-of-kept"
        assert kept(path) == token("kept")
        assert kept(path, "before") == OAuthToken.from_api_key("before")
        assert kept(path, "after") == OAuthToken.from_api_key("after")


class TestReadOnly:
    """A user has taken the right to write, or to read, away."""

    @pytest.fixture
    def home(self) -> Iterator[Path]:
        """A folder that others may enter, for root may write whatever the mode says, and so becomes another user."""
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder) / "home"
            with SqliteTokenStore(home / "tokens.db") as store:
                store.write("p", "b", token("kept"))
            if os.geteuid() == 0:
                for place in (Path(folder), home, home / "tokens.db"):
                    os.chown(place, 65534, 65534)
            yield home
            home.chmod(0o700)

    @pytest.mark.parametrize(
        ("folder", "file", "told"),
        [
            (0o700, 0o400, "Permission denied"),
            (0o700, 0o000, "Permission denied"),
            (0o500, 0o600, "(it, or its folder, is read-only|unable to open database file; is its folder writable)"),
            (0o000, 0o600, "Permission denied"),
        ],
    )
    def test_it_is_told(self, home: Path, folder: int, file: int, told: str) -> None:
        """Nothing is changed, and everything is there when the right is given back."""
        (home / "tokens.db").chmod(file)
        home.chmod(folder)
        child = """
import urllib.parse  # of 3.13's `Path.as_uri`; another user may not read the Python that root has installed
if os.geteuid() == 0:
    os.setegid(65534)
    os.seteuid(65534)
for use in (lambda: SqliteTokenStore(path).read("p", "b"), lambda: FileLocks(Path(path + ".locks")).try_lock(*"pbr")):
    try:
        print("done:", use())
    except TokenStoreError as error:
        print(error)
"""
        store, lock = run(child, home / "tokens.db").splitlines()
        assert re.fullmatch(rf".*tokens\.db: the token store could not be opened: {told}\??", store)
        if folder != 0o700:
            assert lock.endswith("tokens.db.locks: the token store could not be locked: Permission denied")
        home.chmod(0o700)
        (home / "tokens.db").chmod(0o600)
        assert kept(home / "tokens.db") == token("kept")


class TestLocked:
    """Another process holds the file for longer than a caller waits."""

    @pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
    def test_changes_are_refused(
        self, path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[SqliteTokenStore], None]
    ) -> None:
        """Each says so; reading goes on."""
        monkeypatch.setattr("bucket_failover.store.sqlite.token_store._BUSY_SECONDS", 0.001)
        other = sqlite3.connect(path, isolation_level=None)
        with SqliteTokenStore(path) as store:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(TokenStoreError, match="not be written: database is locked by another process"):
                change(store)
            assert store.read("p", "b") == token("kept")
            other.close()
            change(store)

    def test_a_file_that_is_held_exclusively(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """It cannot even be read, which is not "no token"."""
        monkeypatch.setattr("bucket_failover.store.sqlite.schema._OPENING_SECONDS", 0.001)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(TokenStoreError, match="not be opened: database is locked by another process"):
            SqliteTokenStore(path)
        other.close()
        assert kept(path) == token("kept")


class TestDamaged:
    """What is in the file is not what was written."""

    def test_pages_in_the_middle(self, path: Path) -> None:
        """Each token is read as it was written, or the damage is told."""
        with SqliteTokenStore(path) as store:
            for number in range(100):
                store.write("p", f"{number}", token(f"{number}"))
        size = path.stat().st_size
        with path.open("r+b") as file:
            file.seek(size // 2)
            file.write(b"\xff" * (size // 4))
        told = []
        with SqliteTokenStore(path) as store:
            for number in range(100):
                try:
                    assert store.read("p", f"{number}") == token(f"{number}")
                except TokenStoreError as error:
                    told.append(str(error))
        assert 0 < len(told) < 100
        assert set(told) == {f"{path}: the token store could not be read: the file is damaged"}

    def test_an_entry_beside_good_ones(self, path: Path) -> None:
        """Only its bucket is affected; a refresh is told that what is stored is corrupt."""
        seen: list[StoredLogin] = []

        def decide(login: StoredLogin) -> Change[None]:
            seen.append(login)
            return Change(None)

        with SqliteTokenStore(path) as store:
            store.write("p", "bad", token("bad"))
            store.change("p", "bad", lambda _: Change(None, mark=MARK))
            store._connection.execute("UPDATE token SET record = substr(record, 9) WHERE bucket = 'bad'")
            with pytest.raises(TokenCorruptError, match="what is stored for 'p' 'bad' is no token"):
                store.read("p", "bad")
            stored = store.read_stored("p", "bad")
            store.change("p", "bad", decide, token("new"))
            assert (stored.token, stored.mark, seen[0].mark) == (None, MARK, MARK)
            assert isinstance(stored.login.token, TokenCorrupt)
            assert isinstance(seen[0].token, TokenCorrupt)
            assert store.read("p", "b") == token("kept")


class TestReplaced:
    """The file at the path is no longer the one that was opened."""

    def put(self, path: Path) -> None:
        """Another store's file in its place, and the former one's write-ahead log away."""
        other = path.with_name("other.db")
        with SqliteTokenStore(other) as store:
            store.write("p", "b", token("other"))
        for side in ("-wal", "-shm"):
            Path(f"{path}{side}").unlink()
        other.replace(path)

    @pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
    def test_by_another_stores(self, path: Path, call: Callable[[SqliteTokenStore], object]) -> None:
        """The next call tells, whatever it is, and does nothing; the one after that works on the new file."""
        with SqliteTokenStore(path) as store:
            store.write("p", "b", token("former"))
            self.put(path)
            with pytest.raises(TokenStoreError, match=r"tokens\.db: .*: the file was replaced while it was open"):
                call(store)
            assert store.read("p", "b") == token("other")
            store.write("p", "b", token("new"))
        assert kept(path) == token("new")

    @pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
    def test_by_nothing(self, path: Path, call: Callable[[SqliteTokenStore], object]) -> None:
        """A deleted file is told once; then there is an empty store, private as ever."""
        with SqliteTokenStore(path) as store:
            path.unlink()
            with pytest.raises(TokenStoreError, match=r"tokens\.db: .*: the file was replaced while it was open"):
                call(store)
            assert store.read("p", "b") is None
            store.write("p", "b", token("new"))
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert kept(path) == token("new")


class TestLocks:
    """One at a time for a bucket."""

    HOLD = """
release = FileLocks(Path(path)).try_lock("p", "b", "refresh")
print("refused" if release is None else "held", flush=True)
sys.stdin.read()
"""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        """Where the locks are."""
        return tmp_path / "new" / "locks"

    def test_a_second_holder_is_refused(self, folder: Path) -> None:
        """In the same process and in another one, until the first gives it back; twice is no mistake."""
        locks = FileLocks(folder)
        release = locks.try_lock("p", "b", "refresh")
        assert release is not None
        assert run(self.HOLD, folder) == "refused\n"
        assert locks.try_lock("p", "b", "refresh") is None
        assert FileLocks(folder).try_lock("p", "b", "refresh") is None
        release()
        release()
        assert run(self.HOLD, folder) == "held\n"
        again = locks.try_lock("p", "b", "refresh")
        assert again is not None
        again()

    def test_a_holder_that_is_killed_gives_it_back(self, folder: Path) -> None:
        """At once, whatever it was doing."""
        command = [sys.executable, "-c", PREAMBLE + self.HOLD, str(folder)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            assert FileLocks(folder).try_lock("p", "b", "refresh") is None
            holder.send_signal(signal.SIGKILL)
            holder.wait()
        release = FileLocks(folder).try_lock("p", "b", "refresh")
        assert release is not None
        release()

    def test_no_two_buckets_share_one(self, folder: Path) -> None:
        """Whatever their names are made of; nor do a refresh and a login. Folder and files are private."""
        names = [("a", "b"), ("ab", ""), ("", "ab"), ("1", "1:"), ("11", ":"), ("a/..", "b"), ("a", "../b"), ("a", "B")]
        names += [("a", "\ud800"), ("a", "\x00"), ("a" * 5000, "b"), ("\N{LATIN SMALL LETTER E WITH ACUTE}", "e\u0301")]
        purposes: tuple[Purpose, ...] = ("refresh", "login")
        before = os.umask(0)
        try:
            releases = [FileLocks(folder).try_lock(*name, purpose) for name in names for purpose in purposes]
        finally:
            os.umask(before)
        assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        for release in releases:
            assert release is not None
            release()


SCHEMA_2 = """
CREATE TABLE token (
    provider TEXT NOT NULL, bucket TEXT NOT NULL, record TEXT NOT NULL, PRIMARY KEY (provider, bucket)
) STRICT, WITHOUT ROWID;
CREATE TABLE session_bucket (provider TEXT NOT NULL PRIMARY KEY, bucket TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE quota_limits (
    provider TEXT NOT NULL, bucket TEXT NOT NULL, record TEXT NOT NULL, PRIMARY KEY (provider, bucket)
) STRICT, WITHOUT ROWID;
CREATE TABLE quota_probe (provider TEXT NOT NULL PRIMARY KEY, probed_at REAL NOT NULL) STRICT, WITHOUT ROWID;
PRAGMA user_version = 2;
PRAGMA journal_mode = WAL;
INSERT INTO session_bucket VALUES ('p', 'b');
INSERT INTO token VALUES ('p', 'b', '{"access_token": "access-of-kept", "expiry": 2000000.0, "refresh_token":
"refresh-of-kept", "issued_at": null, "scope": null, "token_type": "Bearer", "extra": {}}');
"""


def test_a_file_of_schema_2_is_read(tmp_path: Path) -> None:
    """The first release's, which knew of no marks, no answers and no vaults; then it has them."""
    path = tmp_path / "tokens.db"
    connection = sqlite3.connect(path)
    connection.executescript(SCHEMA_2)
    connection.close()
    with SqliteTokenStore(path) as store:
        assert store.read("p", "b") == token("kept")
        assert store.read_session_bucket("p") == "b"
        assert (store.read_stored("p", "b").mark, store.read_login_answer("p", "b")) == (None, None)
        store.change("p", "b", lambda _: Change(None, mark=MARK))
        store.write_login_answer("p", "b", LoginAnswer(at=2.0))
        assert (store.read_stored("p", "b").mark, store.read_login_answer("p", "b")) == (MARK, LoginAnswer(at=2.0))
        assert store._connection.execute("PRAGMA user_version").fetchone() == (6,)
