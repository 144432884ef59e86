"""Files of two users: what root makes in a user's folder, and a folder of locks that another user keeps."""

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from bucket_failover import SqliteTokenStore
from bucket_failover.store.sqlite import FileLocks, locks_of
from bucket_failover.store.sqlite.identity import may_use
from tests.shell.test_fork import in_child
from tests.support.people import PROVIDER, token

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="users are told apart by their numbers here")

IS_ROOT: Final = hasattr(os, "geteuid") and os.geteuid() == 0
USER: Final = 65_534 if IS_ROOT else os.geteuid()
"""Another user than root; without root's rights, ourselves."""

BUCKET: Final = "default"


@pytest.fixture
def home() -> Iterator[Path]:
    """A user's folder, which root can write to as well."""
    with tempfile.TemporaryDirectory() as name:
        os.chown(name, USER, USER if IS_ROOT else -1)
        yield Path(name)


def as_the_user() -> None:
    """From now on this process has the user's rights alone."""
    if IS_ROOT:
        os.setgid(USER)
        os.setuid(USER)


@pytest.mark.skipif(not IS_ROOT, reason="only root can make files for another user")
def test_what_root_makes_is_the_users(home: Path) -> None:
    """One command with `sudo`, before the user's own first one, locks the user out of nothing."""
    path = home / "share" / "bucket-failover" / "buckets.db"
    with SqliteTokenStore(path) as store:
        lease = store.try_lease(PROVIDER, BUCKET, "refresh")
        store.write(PROVIDER, BUCKET, token("of-root"))
        made = sorted(file for file in home.rglob("*"))
        assert lease is not None
        lease.release()
    assert len(made) >= 6, made
    assert {file.stat().st_uid for file in made if file.exists()} == {USER}

    def read() -> Any:
        as_the_user()
        with SqliteTokenStore(path) as store:
            held, lease = store.read(PROVIDER, BUCKET), store.try_lease(PROVIDER, BUCKET, "refresh")
            assert lease is not None
            lease.release()
            return held is not None and held.access_token.get_secret_value()

    assert in_child(read)() == "access-of-of-root"


def test_a_folder_of_locks_that_another_user_keeps_stops_no_refresh(home: Path) -> None:
    """The user's processes take one of their own, and exclude each other there; `doctor` says so."""
    path = home / "buckets.db"
    (kept := locks_of(path)).mkdir(mode=0o700 if IS_ROOT else 0)

    def lock() -> Any:
        as_the_user()
        with SqliteTokenStore(path) as store:
            lease = store.try_lease(PROVIDER, BUCKET, "refresh")
            assert lease is not None
            locks = FileLocks(locks_of(path))
            assert locks.is_of_another_user
            again = store.try_lease(PROVIDER, BUCKET, "refresh")
            lease.release()
            return [again is None, locks.folder.name, stat.S_IMODE(locks.folder.stat().st_mode)]

    assert in_child(lock)() == [True, f"{kept.name}.{USER}", 0o700]
    kept.chmod(0o700)


def test_side_files_that_a_backup_has_opened_are_private_again(home: Path) -> None:
    """The log holds secrets as the file does."""
    path = home / "buckets.db"
    with SqliteTokenStore(path) as store:
        store.write(PROVIDER, BUCKET, token("a"))
        sides = [Path(f"{path}{side}") for side in ("", "-wal", "-shm")]
        for file in sides:
            file.chmod(0o644)
        with SqliteTokenStore(path):
            assert [stat.S_IMODE(file.stat().st_mode) for file in sides] == [0o600] * 3


def test_a_folder_that_another_program_makes_just_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both take the same lock, though the one looks while the other makes the folder."""
    folder = tmp_path / "tokens.db.locks"
    look = may_use

    def slow(path: Path, rights: int) -> bool:
        usable = look(path, rights)
        path.mkdir(mode=0o700, exist_ok=True)  # the other program does
        return usable

    monkeypatch.setattr("bucket_failover.store.sqlite.locks.may_use", slow)
    first = FileLocks(folder).try_lock(PROVIDER, BUCKET, "refresh")
    monkeypatch.undo()
    assert first is not None
    assert FileLocks(folder).try_lock(PROVIDER, BUCKET, "refresh") is None
    first()
