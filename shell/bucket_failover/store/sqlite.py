"""A store in an SQLite file that processes share (`database`): one row per provider and bucket.

Road not taken: a JSON file that is rewritten as a whole. Two processes that do so lose each other's tokens, and a crash
in the middle loses all of them.
"""

import json
import os
from collections.abc import Callable
from typing import Any, Final

from pydantic import ValidationError

from bucket_failover.errors import TokenCorruptError
from bucket_failover.store.database import DatabaseFile, clear_errors
from bucket_failover.tokens import OAuthToken

_BUSY_SECONDS: Final = 5.0
"""How long a call waits for another process's transaction."""


class SqliteTokenStore(DatabaseFile):
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
        super().__init__(path, busy_seconds=_BUSY_SECONDS, durable=True)

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

    def _query(self, statement: str, *values: str) -> str | None:
        with self._mutex, clear_errors(self._path, "read"):
            row = self._connection.execute(statement, values).fetchone()
        return None if row is None else str(row[0])

    def _change(self, statement: str, values: Callable[[], tuple[str, ...]]) -> None:
        with self._mutex, clear_errors(self._path, "written"):
            self._connection.execute(statement, values())


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
