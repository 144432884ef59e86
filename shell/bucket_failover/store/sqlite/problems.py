"""SQLite's and the system's errors as one error that names the file and what was tried."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bucket_failover.errors import TokenStoreError

_MEANINGS: Final = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "it, or its folder, is read-only",
    sqlite3.SQLITE_CORRUPT: "the file is damaged",
    sqlite3.SQLITE_NOTADB: "file is not a database",
    sqlite3.SQLITE_BUSY: "database is locked by another process",
    sqlite3.SQLITE_IOERR: "the disk has failed",
    sqlite3.SQLITE_NOMEM: "there is no memory left",
    sqlite3.SQLITE_CANTOPEN: "unable to open database file; is its folder writable?",
}
"""SQLite's result codes in a user's words. Source: https://www.sqlite.org/rescode.html."""


def _meaning(error: sqlite3.Error) -> str:
    """Never SQLite's own text: it may quote what a record holds."""
    code = getattr(error, "sqlite_errorcode", None)
    if not isinstance(code, int):
        return "it is closed" if isinstance(error, sqlite3.ProgrammingError) else "SQLite has failed"
    return _MEANINGS.get(code & 0xFF, f"SQLite has failed ({code})")


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
