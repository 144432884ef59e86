"""One at a time for a bucket: across the processes that share a store, and across the tasks and threads of one.

A lock is the writer's lock on an empty SQLite file of its own, which the operating system releases when its holder
dies. It is not a lock on the store, which is never held over a call to an issuer, let alone while a user logs in.

Road not taken: a file with a process number in it. A process that is killed leaves it behind, and the number may be
another's by then. And a lock that ends by the clock: after a crash the others wait for the rest of it, and a process
that was asleep for longer believes that it holds what another one has. An engine that has no other lock can be used all
the same: its leases are numbered and have an end (`interfaces.Lease`), and `decide_sending` looks at both.

Road not taken: SQLite's EXCLUSIVE lock. It is taken in three steps, and two that try at once can refuse each other.

Source: https://www.sqlite.org/lockingv3.html (RESERVED: one at a time; the locks are the operating system's).
"""

import hashlib
import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Final

from bucket_failover.errors import TokenStoreError
from bucket_failover.store.interfaces import Purpose, Release
from bucket_failover.store.sqlite.forking import LEASING, LeaseConnection, close_in_children
from bucket_failover.store.sqlite.identity import identity_of, make_folder, make_private, may_use, user_id
from bucket_failover.store.sqlite.problems import clear_errors

_TRIES: Final = 8
"""Of which each needs a deletion in the millisecond that it takes."""

_NAME_LENGTH: Final = 32
"""Hexadecimal digits, 128 bits of the hash: no two buckets share a file."""


class _DeletedError(Exception):
    """The lock file has been deleted, or replaced, while it was locked."""


class FileLocks:
    """Locks of the buckets of one store; each call stands for itself, whichever thread makes it.

    Args:
        folder: where the lock files are; it is made when the first one is needed (mode 0700).
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def folder(self) -> Path:
        """The folder; if it is another user's, one beside it that all processes of this user take instead."""
        # In this order: a folder that another process makes between the two questions is not taken for another user's.
        if not os.path.exists(self._folder) or may_use(self._folder, os.R_OK | os.W_OK | os.X_OK):  # noqa: PTH110 - raises nothing
            return self._folder
        return Path(f"{self._folder}.{user_id()}")

    @property
    def is_of_another_user(self) -> bool:
        """Whether another user keeps the folder to himself; then processes of two users do not exclude each other."""
        return self.folder != self._folder

    def try_lock(self, provider: str, bucket: str, purpose: Purpose) -> Release | None:
        """The lock, if it is free; None: another holder has it.

        Raises:
            TokenStoreError: the lock file cannot be opened or made.
        """
        path = self.folder / _file_name(provider, bucket, purpose)
        for _ in range(_TRIES - 1):
            with suppress(_DeletedError, TokenStoreError):
                return self._try(path)
        try:
            return self._try(path)
        except _DeletedError:
            message = f"{path}: a program deletes the lock files of the token store while they are in use"
            raise TokenStoreError(message) from None

    def _try(self, path: Path) -> Release | None:
        """The lock on the file that has this name before and after it is taken.

        Raises:
            _DeletedError: that is another one, or none: it would exclude no process that comes later.
            TokenStoreError: the file cannot be opened or made.
        """
        with LEASING:
            connection, identity = self._open(path)
            is_ours = False
            try:
                is_ours = _is_locked(connection, path, identity)
            finally:
                if not is_ours:
                    connection.close()
        return (lambda: _release(connection)) if is_ours else None

    def _open(self, path: Path) -> tuple[LeaseConnection, object]:
        with clear_errors(path.parent, "locked"):
            make_folder(path.parent)
            make_private(path)
            identity = identity_of(path)
            connection = sqlite3.connect(
                path, timeout=0, isolation_level=None, check_same_thread=False, factory=LeaseConnection
            )
        close_in_children(connection)
        return connection, identity


def _release(connection: sqlite3.Connection) -> None:
    """Give the lease up; in a child of its holder's process there is nothing to give up."""
    with LEASING:
        connection.close()


def _is_locked(connection: sqlite3.Connection, path: Path, identity: object) -> bool:
    """Take the lock on a file that still has its name; False: another connection has it.

    Raises:
        _DeletedError: it has not. What SQLite says of such a file is not what was wrong.
        TokenStoreError: it cannot be locked.
    """
    problem, is_ours = None, False
    try:
        with clear_errors(path, "locked"):
            is_ours = _begins(connection)
    except TokenStoreError as error:
        problem = error
    with clear_errors(path, "locked"):
        if identity_of(path) != identity:
            raise _DeletedError
    if problem is not None:
        raise problem
    return is_ours


def _begins(connection: sqlite3.Connection) -> bool:
    """Take the lock; False: another connection has it."""
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
            return False
        raise
    return True


def _file_name(provider: str, bucket: str, purpose: Purpose) -> str:
    """Names are any text; the length of the first tells where it ends, so no two buckets share a lock."""
    name = f"{len(provider)}:{provider}{bucket}".encode("utf-8", "surrogatepass")
    return f"{hashlib.sha256(name).hexdigest()[:_NAME_LENGTH]}.{purpose}"
