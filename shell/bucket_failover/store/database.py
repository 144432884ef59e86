"""The SQLite file that processes share: how it is opened, what is in it, and what its errors are called.

Write-ahead log, mode 0600 in a folder of 0700, tables made when they are missing.

Source: https://www.sqlite.org/wal.html; a writer does not block readers, and a commit survives the process.
"""

import errno
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

from bucket_failover.errors import TokenStoreError

_OPENING_SECONDS: Final = 5.0
"""How long the opening waits for another process that opens the file too."""

_BUSY_PAUSE_SECONDS: Final = 0.005

_MAKING: Final = threading.Lock()

_SCHEMA_VERSION: Final = 4
_SCHEMA: Final = f"""
CREATE TABLE IF NOT EXISTS token (
    provider TEXT NOT NULL,
    bucket   TEXT NOT NULL,
    record   TEXT NOT NULL,
    PRIMARY KEY (provider, bucket)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS session_bucket (
    provider TEXT NOT NULL PRIMARY KEY,
    bucket   TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS quota_limits (
    provider TEXT NOT NULL,
    bucket   TEXT NOT NULL,
    record   TEXT NOT NULL,
    PRIMARY KEY (provider, bucket)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS quota_probe (
    provider  TEXT NOT NULL PRIMARY KEY,
    probed_at REAL NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS refresh_mark (
    provider TEXT NOT NULL,
    bucket   TEXT NOT NULL,
    record   TEXT NOT NULL,
    PRIMARY KEY (provider, bucket)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS login_answer (
    provider TEXT NOT NULL,
    bucket   TEXT NOT NULL,
    record   TEXT NOT NULL,
    PRIMARY KEY (provider, bucket)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lease (
    provider TEXT NOT NULL,
    bucket   TEXT NOT NULL,
    purpose  TEXT NOT NULL,
    number   INTEGER NOT NULL,
    PRIMARY KEY (provider, bucket, purpose)
) STRICT, WITHOUT ROWID;
PRAGMA user_version = {_SCHEMA_VERSION};
"""


class DatabaseFile:
    """The file as a store holds it open; it may be used from several threads, one call at a time.

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
        self._is_closed = False
        self._connection = self._open()

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    def close(self) -> None:
        """Close the file. A second call does nothing."""
        with self._mutex:
            self._is_closed = True
            self._connection.close()

    def _open(self) -> sqlite3.Connection:
        self._is_open = False  # until it is, each call tries again
        connection = open_database(self._path, busy_seconds=self._busy_seconds, durable=self._durable)
        self._identity, self._log_identity = _identity(self._path), _identity(_log_of(self._path))
        self._is_open = True
        return connection

    @contextmanager
    def _use(self, action: str) -> Iterator[sqlite3.Connection]:
        """The open file, for one call.

        Raises:
            TokenStoreError: the call has failed, or the file is not the one that was opened; the next call uses the one
                that is there now.
        """
        with self._mutex, clear_errors(self._path, action):
            if not self._is_open or _identity(self._path) != self._identity:
                self._replace_connection(action)
            yield self._connection

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """One change, whole or not at all; what is read in it, nobody changes meanwhile.

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

    def _replace_connection(self, action: str) -> None:
        """Open what has taken the file's place, and tell; a closed store stays closed."""
        if self._is_closed:
            return
        self._connection.close()
        log = _log_of(self._path)
        is_another = _identity(self._path) != self._identity
        if is_another and self._log_identity is not None and _identity(log) == self._log_identity:
            log.unlink()  # it is the former file's; SQLite would take it for the new one's
        self._connection = self._open()
        message = f"{self._path}: the token store could not be {action}: the file was replaced while it was open"
        raise TokenStoreError(message)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def make_private(path: Path) -> None:
    """Make a file, empty and private, if there is none; one that is there is made private.

    An existing file is not opened for that: with any descriptor of a file that a process closes, it gives up all locks
    that it holds on it, SQLite's too (https://www.sqlite.org/howtocorrupt.html, 2.2).

    Raises:
        OSError: it cannot be made, or is not ours to read and write.
    """
    try:
        with _MAKING:  # nobody in this process locks a file before the descriptor that has made it is closed
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path)) from None
        if not os.access(path, os.R_OK | os.W_OK, effective_ids=os.access in os.supports_effective_ids):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path)) from None
        path.chmod(0o600)


def _log_of(path: Path) -> Path:
    """The write-ahead log of a file."""
    return path.with_name(f"{path.name}-wal")


def _identity(path: Path) -> tuple[int, int] | None:
    """What tells a file from another one that takes its place; None: there is none.

    Raises:
        OSError: the folder cannot be looked into.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return (status.st_dev, status.st_ino)


def _roll_back(connection: sqlite3.Connection) -> None:
    """Undo; SQLite may have done so already, after an error of the disk's."""
    if connection.in_transaction:
        try:
            connection.execute("ROLLBACK")
        except sqlite3.Error:  # the error that led here is the one to tell
            return


def open_database(path: Path, *, busy_seconds: float, durable: bool) -> sqlite3.Connection:
    """Open the file, and make it if it is missing.

    Args:
        path: the file; it and its folder are made private.
        busy_seconds: how long a call waits for another process's transaction; ours last well under a millisecond.
        durable: a commit survives a power failure too, not only the process; it costs a flush each.

    Raises:
        TokenStoreError: the file cannot be opened or made, is no store, or was made by a newer version.
    """
    with clear_errors(path, "opened"):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Made here, before SQLite writes the first byte; its side files take the same mode.
        make_private(path)
        connection = sqlite3.connect(path, timeout=_OPENING_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        with clear_errors(path, "opened"):
            _set_up(connection, path, durable=durable)
            connection.execute(f"PRAGMA busy_timeout = {round(busy_seconds * 1_000)}")
    except TokenStoreError:
        connection.close()
        raise
    return connection


def _set_up(connection: sqlite3.Connection, path: Path, *, durable: bool) -> None:
    _patiently(lambda: connection.execute("PRAGMA journal_mode = WAL"))
    connection.execute("PRAGMA secure_delete = ON")  # what was a secret leaves no trace in a free page
    connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > _SCHEMA_VERSION:
        message = f"{path}: made by a newer version of bucket-failover (schema {version}); install that one"
        raise TokenStoreError(message)
    if version < _SCHEMA_VERSION:
        connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")


def _patiently(action: Callable[[], object]) -> None:
    """Perform an action that SQLite refuses at once, without its own wait, while another process opens the file."""
    until = time.monotonic() + _OPENING_SECONDS
    while True:
        try:
            action()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(_BUSY_PAUSE_SECONDS)
        else:
            return


_MEANINGS: Final = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "it, or its folder, is read-only",
    sqlite3.SQLITE_CORRUPT: "the file is damaged",
    sqlite3.SQLITE_NOTADB: "file is not a database",
    sqlite3.SQLITE_BUSY: "database is locked by another process",
    sqlite3.SQLITE_IOERR: "the disk has failed",
    sqlite3.SQLITE_CANTOPEN: "unable to open database file; is its folder writable?",
}
"""SQLite's result codes in a person's words. Source: https://www.sqlite.org/rescode.html."""


def _meaning(error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", None)
    told = _MEANINGS.get(code & 0xFF) if isinstance(code, int) else None
    return told or str(error)


@contextmanager
def clear_errors(path: Path, action: str) -> Iterator[None]:
    """SQLite's and the system's errors as one error that names the file and what was tried."""
    try:
        yield
    except sqlite3.Error as error:
        message = f"{path}: the token store could not be {action}: {_meaning(error)}"
        raise TokenStoreError(message) from error
    except OSError as error:
        message = f"{path}: the token store could not be {action}: {error.strerror}"
        raise TokenStoreError(message) from error
    except UnicodeError as error:
        message = f"{path}: the token store could not be {action}: a name is no valid Unicode text"
        raise TokenStoreError(message) from error
