"""The SQLite file as a store holds it open: one call at a time, one transaction for each change."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Self

from bucket_failover.errors import TokenStoreError
from bucket_failover.store.sqlite.forking import park_when_forked
from bucket_failover.store.sqlite.identity import identity_of, log_of
from bucket_failover.store.sqlite.problems import clear_errors
from bucket_failover.store.sqlite.schema import open_database

_PARKING_SECONDS: Final = 10.0
"""A fork waits this long for a call that is under way: longer than any waits for another process's transaction."""


class DatabaseFile:
    """The file as a store holds it open; it may be used from several threads, one call at a time.

    A process that forks may go on using it, and so may the child: each opens the file for itself.

    Args:
        path: the file; it and its folder are made if they are missing (mode 0600 and 0700).
        busy_seconds: how long a call waits for another process's transaction.
        durable: a commit survives a power failure too.

    Raises:
        TokenStoreError: the file cannot be opened or made, is no store, or was made by a newer version.
    """

    def __init__(self, path: str | os.PathLike[str], *, busy_seconds: float, durable: bool) -> None:
        self._path = Path(path).absolute()  # whatever folder the program goes to later
        self._mutex = threading.Lock()
        self._busy_seconds = busy_seconds
        self._durable = durable
        self._is_closed = self._is_parked = False
        self._openings = 0
        self._connection = self._open()
        park_when_forked(self)

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    def close(self) -> None:
        """Close the file. A second call does nothing."""
        with self._mutex:
            self._is_closed = True
            self._connection.close()

    def park(self) -> bool:
        """See `forking.Parked.park`."""
        if not self._mutex.acquire(timeout=_PARKING_SECONDS):
            return False
        self._is_parked = True
        with suppress(sqlite3.Error):  # a fork cannot be told of it; the next call opens the file anew
            self._connection.close()
        return True

    def unpark(self) -> None:
        """See `forking.Parked.unpark`."""
        self._mutex.release()

    def _open(self) -> sqlite3.Connection:
        self._is_open = False  # until it is, each call tries again
        connection = open_database(self._path, busy_seconds=self._busy_seconds, durable=self._durable)
        self._log = log_of(self._path)
        self._identity, self._log_identity = identity_of(self._path), identity_of(self._log)
        self._is_open, self._openings = True, self._openings + 1
        return connection

    @contextmanager
    def _use(self, action: str) -> Iterator[sqlite3.Connection]:
        """The open file, for one call.

        Raises:
            TokenStoreError: the call has failed, or the file is not the one that was opened; the next call uses the one
                that is there now.
        """
        with self._mutex, clear_errors(self._path, action):
            if not self._is_open or identity_of(self._path) != self._identity:
                self._replace_connection(action)
            elif self._is_parked and not self._is_closed:
                self._connection = self._open()
            elif not self._is_closed and self._log_identity is not None and identity_of(self._log) is None:
                self._save_deleted_log()
            self._is_parked = False
            yield self._connection

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """One change, whole or not at all; what is read in it, no other connection changes meanwhile.

        Raises:
            TokenStoreError: nothing has been changed.
        """
        with self._use("written") as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                _roll_back(connection)
                raise

    def _query(self, statement: str, *values: str) -> str | None:
        """The one text that a statement finds; None: it finds nothing."""
        with self._use("read") as connection:
            row = connection.execute(statement, values).fetchone()
        return None if row is None else str(row[0])

    def _change(self, statement: str, *values: str) -> None:
        """Carry out one statement."""
        with self._use("written") as connection:
            connection.execute(statement, values)

    def _replace_connection(self, action: str) -> None:
        """Open the file anew, and tell, unless only a fork had closed it; a closed store stays closed."""
        if self._is_closed:
            return
        self._connection.close()
        log = self._log
        is_another = identity_of(self._path) != self._identity
        if is_another and self._log_identity is not None and identity_of(log) == self._log_identity:
            log.unlink()  # it is the former file's; SQLite would take it for the new one's
        self._connection = self._open()
        if is_another or not self._is_parked:
            message = f"{self._path}: the token store could not be {action}: the file was replaced while it was open"
            raise TokenStoreError(message)

    def _save_deleted_log(self) -> None:
        """A program has deleted the log under us: what is in it, which we still hold open, goes into the file.

        Else other processes would not see it, and would lose it when we end.
        """
        with suppress(sqlite3.Error):  # what cannot be saved is lost; what is written from now on is not
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()
        self._connection = self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _roll_back(connection: sqlite3.Connection) -> None:
    """Undo; SQLite may have done so already, after an error of the disk's."""
    if connection.in_transaction:
        try:
            connection.execute("ROLLBACK")
        except sqlite3.Error:  # the error that led here is the one to tell
            return
