"""How the file is opened, and what is in it.

Write-ahead log, mode 0600 in a folder of 0700, tables made when they are missing.

Source: https://www.sqlite.org/wal.html; a writer does not block readers, and a commit survives the process.
"""

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bucket_failover.errors import TokenStoreError
from bucket_failover.store.sqlite.identity import make_folder, make_private, make_sides_private
from bucket_failover.store.sqlite.problems import clear_errors

_OPENING_SECONDS: Final = 5.0
"""How long the opening waits for another process that opens the file too."""

_BUSY_PAUSE_SECONDS: Final = 0.005
"""Between two tries: a thousandth of what an opening waits."""

_SCHEMA_VERSION: Final = 5
"""The file's `user_version`: one more for each change of the tables."""
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
CREATE TABLE IF NOT EXISTS refused_token (
    provider TEXT NOT NULL,
    bucket   TEXT NOT NULL,
    record   TEXT NOT NULL,
    PRIMARY KEY (provider, bucket)
) STRICT, WITHOUT ROWID;
PRAGMA user_version = {_SCHEMA_VERSION};
"""


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
        make_folder(path.parent)
        # Made here, before SQLite writes the first byte; its side files take the same mode.
        make_private(path)
        make_sides_private(path)
        _check_names(path)
        connection = sqlite3.connect(path, timeout=_OPENING_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        with clear_errors(path, "opened"):
            _set_up(connection, path, durable=durable)
            connection.execute(f"PRAGMA busy_timeout = {round(busy_seconds * 1_000)}")
    except TokenStoreError:
        connection.close()
        raise
    return connection


def _check_names(path: Path) -> None:
    """Refuse a file with several hard links: SQLite keeps its log beside each name, and damages what they share.

    Source: https://www.sqlite.org/howtocorrupt.html, 2.5.

    Raises:
        TokenStoreError: it has.
    """
    names = path.stat().st_nlink
    if names > 1:
        message = (
            f"{path}: the file has {names} names (hard links), and programs that use different ones would damage it; "
            "keep one of them, and make the others symbolic links"
        )
        raise TokenStoreError(message)


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
