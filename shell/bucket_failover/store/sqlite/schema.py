"""How the file is opened, and what is in it.

Write-ahead log, mode 0600 in a folder of 0700, tables made when they are missing.

Source: https://www.sqlite.org/wal.html; a writer does not block readers, and a commit survives the process.
"""

import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from bucket_failover.errors import TokenStoreError
from bucket_failover.store.sqlite.identity import make_folder, make_private, make_sides_private, may_use
from bucket_failover.store.sqlite.problems import clear_errors

_OPENING_SECONDS: Final = 5.0
"""How long the opening waits for another process that opens the file too."""

_BUSY_PAUSE_SECONDS: Final = 0.005
"""Between two tries: a thousandth of what an opening waits."""

_SCHEMA_VERSION: Final = 6
"""The file's `user_version`: one more for each change of the tables."""
_APPLICATION_ID: Final = 0x62756B74
"""The file's `application_id`: "bukt" in ASCII. Other programs' databases have another one, or none."""

_SCHEMA: Final = f"""
CREATE TABLE IF NOT EXISTS token (
    provider TEXT NOT NULL,
    bucket   TEXT NOT NULL,
    record   TEXT NOT NULL,
    digest   TEXT NOT NULL DEFAULT '',
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
    digest   TEXT NOT NULL DEFAULT '',
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
PRAGMA application_id = {_APPLICATION_ID};
PRAGMA user_version = {_SCHEMA_VERSION};
"""
_DIGESTED: Final = ("token", "refresh_mark")
"""Tables whose rows have a digest since the sixth version; those of older rows are empty, and not compared."""


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
        was_there = path.exists()
    try:
        return _opened(path, busy_seconds=busy_seconds, durable=durable)
    except TokenStoreError:
        if not was_there:
            _remove_if_empty(path)  # else it would be taken for a damaged one
        raise


def _remove_if_empty(path: Path) -> None:
    with suppress(OSError):
        if path.stat().st_size == 0:
            path.unlink()


def _opened(path: Path, *, busy_seconds: float, durable: bool) -> sqlite3.Connection:
    with clear_errors(path, "opened"):
        make_folder(path.parent)
        if path.is_file() and may_use(path, os.R_OK | os.W_OK):
            _check_names(path)
            _check_owner(path)
        # Made here, before SQLite writes the first byte; its side files take the same mode.
        make_private(path)
        make_sides_private(path)
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


def _check_owner(path: Path) -> None:
    """Refuse another program's database, and a file that is empty though it is there; each is left as it is.

    Raises:
        TokenStoreError: it is one.
    """
    until = time.monotonic() + _OPENING_SECONDS
    while path.stat().st_size == 0 and time.monotonic() < until:  # another process may be making it
        time.sleep(_BUSY_PAUSE_SECONDS)
    if path.stat().st_size == 0:
        message = f"{path}: the file is empty: it was damaged, or is not ours; remove it, and log in again"
        raise TokenStoreError(message)
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=_OPENING_SECONDS)
    with closing(connection):
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    is_older = application == 0 and (not tables or (version > 0 and "token" in tables))
    if application != _APPLICATION_ID and not is_older:
        message = f"{path}: this is the database of another program, and is left as it is; name another file"
        raise TokenStoreError(message)


def _set_up(connection: sqlite3.Connection, path: Path, *, durable: bool) -> None:
    connection.text_factory = _text  # a byte that is no UTF-8 is for the digest to find, and not for an error to quote
    _patiently(lambda: connection.execute("PRAGMA journal_mode = WAL"))
    connection.execute("PRAGMA secure_delete = ON")  # what was a secret leaves no trace in a free page
    connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > _SCHEMA_VERSION:
        message = f"{path}: made by a newer version of bucket-failover (schema {version}); install that one"
        raise TokenStoreError(message)
    if version < _SCHEMA_VERSION:
        connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA}")
        for table in _DIGESTED:
            columns = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
            if "digest" not in columns:
                connection.execute(f"ALTER TABLE {table} ADD COLUMN digest TEXT NOT NULL DEFAULT ''")
        connection.execute("COMMIT")


def _text(data: bytes) -> str:
    return data.decode(errors="surrogateescape")


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
