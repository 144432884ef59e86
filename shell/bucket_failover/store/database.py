"""The SQLite file that processes share: how it is opened, what is in it, and what its errors are called.

Write-ahead log, mode 0600 in a folder of 0700, tables made when they are missing.

Source: https://www.sqlite.org/wal.html; a writer does not block readers, and a commit survives the process.
"""

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

_SCHEMA_VERSION: Final = 2
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
        self._path = Path(path)
        self._mutex = threading.Lock()
        self._connection = open_database(self._path, busy_seconds=busy_seconds, durable=durable)

    def close(self) -> None:
        """Close the file. A second call does nothing."""
        with self._mutex:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


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
        # Made here, empty and private, before SQLite writes the first byte; its side files take the same mode.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        path.chmod(0o600)
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


@contextmanager
def clear_errors(path: Path, action: str) -> Iterator[None]:
    """SQLite's and the system's errors as one error that names the file and what was tried."""
    try:
        yield
    except sqlite3.Error as error:
        message = f"{path}: the token store could not be {action}: {error}"
        raise TokenStoreError(message) from error
    except OSError as error:
        message = f"{path}: the token store could not be {action}: {error.strerror}"
        raise TokenStoreError(message) from error
    except UnicodeError as error:
        message = f"{path}: the token store could not be {action}: a name is no valid Unicode text"
        raise TokenStoreError(message) from error
