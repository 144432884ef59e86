"""What is believed of quota, kept in the file that processes share: it survives a restart, and each sees the others'.

A change is a pure function of what is held, applied in one transaction, so that two processes that learn something at
the same moment lose nothing of it.

Road not taken: to keep in memory what was read, and write it back. The last writer would erase what the others learned.
"""

import os
import sqlite3
from collections.abc import Callable
from typing import Final

from pydantic import TypeAdapter, ValidationError

from bucket_failover.store.interfaces import Limits
from bucket_failover.store.sqlite.file import DatabaseFile
from bucket_failover_core import Limit

_BUSY_SECONDS: Final = 0.25
"""A belief is not worth a longer wait, which would be the event loop's."""

_LIMITS: Final = TypeAdapter(tuple[Limit, ...])


class SqliteLimitStore(DatabaseFile):
    """Limits in the SQLite file of the token store.

    Example:
        handler = BucketFailoverHandlerImpl(names, "anthropic", manager, limits=SqliteLimitStore(Path("buckets.db")))

    It may be used from several threads and several processes.

    Args:
        path: the file; it and its folder are made if they are missing (mode 0600 and 0700).

    Raises:
        TokenStoreError: the file cannot be opened or made, is no store, or was made by a newer version.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__(path, busy_seconds=_BUSY_SECONDS, durable=False)
        self._changes = 0

    def version(self) -> object:
        """See `LimitStore.version`.

        Raises:
            TokenStoreError: the file cannot be read.
        """
        with self._use("read") as connection:
            (others,) = connection.execute("PRAGMA data_version").fetchone()
            return (others, self._changes)

    def read_limits(self, provider: str) -> Limits:
        """See `LimitStore.read_limits`. What is stored and is no limit is passed over.

        Raises:
            TokenStoreError: the file cannot be read.
        """
        with self._use("read") as connection:
            return _read(connection, provider)

    def change_limits(self, provider: str, change: Callable[[Limits], Limits]) -> Limits:
        """See `LimitStore.change_limits`.

        Raises:
            TokenStoreError: the file cannot be written; nothing has been changed.
        """
        with self._transaction() as connection:
            held = _read(connection, provider)
            changed = change(held)
            for bucket, limits in changed.items():
                if limits == held.get(bucket, ()):
                    continue
                self._changes += 1
                if limits:
                    record = _LIMITS.dump_json(limits).decode()
                    connection.execute(
                        "INSERT OR REPLACE INTO quota_limits VALUES (?, ?, ?)", (provider, bucket, record)
                    )
                else:
                    connection.execute("DELETE FROM quota_limits WHERE provider = ? AND bucket = ?", (provider, bucket))
            return {**held, **changed}

    def claim_probe(self, provider: str, *, now: float, interval_seconds: float) -> bool:
        """See `LimitStore.claim_probe`. A claim from the future, by a clock that has stepped back, does not count.

        Raises:
            TokenStoreError: the file cannot be written.
        """
        with self._transaction() as connection:
            row = connection.execute("SELECT probed_at FROM quota_probe WHERE provider = ?", (provider,)).fetchone()
            if row is not None and now - interval_seconds < row[0] <= now:
                return False
            connection.execute("INSERT OR REPLACE INTO quota_probe VALUES (?, ?)", (provider, now))
            return True


def _read(connection: sqlite3.Connection, provider: str) -> Limits:
    rows = connection.execute("SELECT bucket, record FROM quota_limits WHERE provider = ?", (provider,))
    return {bucket: limits for bucket, record in rows.fetchall() if (limits := _parsed(record))}


def _parsed(record: str) -> tuple[Limit, ...]:
    """The limits in a record; none if it is no record of ours: a belief is not worth an error."""
    try:
        return _LIMITS.validate_json(record)
    except ValidationError:
        return ()
