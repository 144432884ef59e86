"""A store in an SQLite file that processes share: write-ahead log, mode 0600, one row per provider and bucket.

Source: https://www.sqlite.org/wal.html; a writer does not block readers, and a commit survives the process.

Road not taken: a JSON file that is rewritten as a whole. Two processes that do so lose each other's tokens, and a crash
in the middle loses all of them.
"""

import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

from pydantic import ValidationError

from bucket_failover.errors import TokenCorruptError, TokenStoreError
from bucket_failover.tokens import OAuthToken

_BUSY_TIMEOUT_SECONDS: Final = 5.0
"""How long a call waits for another process's transaction; ours last well under a millisecond."""

_BUSY_PAUSE_SECONDS: Final = 0.005

_SCHEMA_VERSION: Final = 1
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
PRAGMA user_version = {_SCHEMA_VERSION};
"""


class SqliteTokenStore:
    """Tokens in an SQLite file.

    Example:
        with SqliteTokenStore(Path("tokens.db")) as store:
            store.write("anthropic", "default", token)

    It may be used from several threads, one call at a time, and from several processes.

    Args:
        path: the file; it and its folder are made if they are missing (mode 0600 and 0700).

    Raises:
        TokenStoreError: the file cannot be opened or made, is no store, or was made by a newer version.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        path = Path(path)
        self._path = path
        self._mutex = threading.Lock()
        with _clear_errors(path, "opened"):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Made here, empty and private, before SQLite writes the first byte; its side files take the same mode.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            path.chmod(0o600)
            self._connection = sqlite3.connect(
                path, timeout=_BUSY_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False
            )
        try:
            with _clear_errors(path, "opened"):
                self._set_up()
        except TokenStoreError:
            self._connection.close()
            raise

    def _set_up(self) -> None:
        _patiently(lambda: self._connection.execute("PRAGMA journal_mode = WAL"))
        self._connection.execute("PRAGMA synchronous = FULL")
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version > _SCHEMA_VERSION:
            message = f"{self._path}: made by a newer version of bucket-failover (schema {version}); install that one"
            raise TokenStoreError(message)
        if version < _SCHEMA_VERSION:
            self._connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")

    def read(self, provider: str, bucket: str) -> OAuthToken | None:
        """See `TokenStore.read`.

        Raises:
            TokenCorruptError: something is stored that is no token.
            TokenStoreError: the file cannot be read.
        """
        # What the file holds is never a local variable of a frame that an exception could show.
        token, wrong = _parsed(
            self._query("SELECT record FROM token WHERE provider = ? AND bucket = ?", provider, bucket)
        )
        if wrong is not None:
            message = f"{self._path}: what is stored for {provider!r} {bucket!r} is no token{wrong}; log in again"
            raise TokenCorruptError(message)
        return token

    def write(self, provider: str, bucket: str, token: OAuthToken) -> None:
        """See `TokenStore.write`.

        Raises:
            TokenStoreError: the file cannot be written; the token stored before still is.
        """
        statement = "INSERT OR REPLACE INTO token VALUES (?, ?, ?)"
        self._change(statement, lambda: (provider, bucket, json.dumps(_record(token))))

    def delete(self, provider: str, bucket: str) -> None:
        """See `TokenStore.delete`.

        Raises:
            TokenStoreError: the file cannot be written.
        """
        self._change("DELETE FROM token WHERE provider = ? AND bucket = ?", lambda: (provider, bucket))

    def read_session_bucket(self, provider: str) -> str | None:
        """See `TokenStore.read_session_bucket`.

        Raises:
            TokenStoreError: the file cannot be read.
        """
        return self._query("SELECT bucket FROM session_bucket WHERE provider = ?", provider)

    def write_session_bucket(self, provider: str, bucket: str) -> None:
        """See `TokenStore.write_session_bucket`.

        Raises:
            TokenStoreError: the file cannot be written.
        """
        self._change("INSERT OR REPLACE INTO session_bucket VALUES (?, ?)", lambda: (provider, bucket))

    def close(self) -> None:
        """Close the file. A second call does nothing."""
        with self._mutex:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _query(self, statement: str, *values: str) -> str | None:
        with self._mutex, _clear_errors(self._path, "read"):
            row = self._connection.execute(statement, values).fetchone()
        return None if row is None else str(row[0])

    def _change(self, statement: str, values: Callable[[], tuple[str, ...]]) -> None:
        with self._mutex, _clear_errors(self._path, "written"):
            self._connection.execute(statement, values())


def _patiently(action: Callable[[], object]) -> None:
    """Perform an action that SQLite refuses at once, without its own wait, while another process opens the file."""
    until = time.monotonic() + _BUSY_TIMEOUT_SECONDS
    while True:
        try:
            action()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(_BUSY_PAUSE_SECONDS)
        else:
            return


def _record(token: OAuthToken) -> dict[str, Any]:
    """The token with its secrets, for the file alone."""
    return {
        "access_token": token.access_token.get_secret_value(),
        "expiry": token.expiry,
        "refresh_token": token.refresh_token.get_secret_value() if token.refresh_token is not None else None,
        "issued_at": token.issued_at,
        "scope": token.scope,
        "token_type": token.token_type,
        "extra": token.extra,
    }


def _parsed(record: str | None) -> tuple[OAuthToken | None, str | None]:
    """The token in a record (None: there is none), and what is wrong with it, without what it holds."""
    if record is None:
        return None, None
    try:
        return OAuthToken(**json.loads(record)), None
    except ValidationError as error:
        fields = (str(part["loc"][0]) for part in error.errors(include_input=False) if part["loc"])
        return None, f" ({', '.join(fields)})"
    except (ValueError, TypeError, RecursionError):
        return None, ""


@contextmanager
def _clear_errors(path: Path, action: str) -> Iterator[None]:
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
