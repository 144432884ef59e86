"""What is believed of quota, kept in the file that processes share: it survives a restart, and each sees the others'.

A change is a pure function of what is held, applied in one transaction, so that two processes that learn something at
the same moment lose nothing of it.

Road not taken: to keep in memory what was read, and write it back. The last writer would erase what the others learned.
"""

import os
import sqlite3
from collections.abc import Callable, Mapping
from typing import Final, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from bucket_failover.store.interfaces import Limits, Refusals
from bucket_failover.store.sqlite.file import DatabaseFile
from bucket_failover_core import Limit
from bucket_failover_core.request import Refusal

_BUSY_SECONDS: Final = 0.25
"""A belief is not worth a longer wait, which would be the event loop's."""

_T = TypeVar("_T")


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
            return (self._openings, others, self._changes)  # SQLite counts anew in each connection

    def read_limits(self, provider: str) -> Limits:
        """See `LimitStore.read_limits`. What is stored and is no limit is passed over.

        Raises:
            TokenStoreError: the file cannot be read.
        """
        with self._use("read") as connection:
            return _LIMIT_TABLE.read(connection, provider)

    def change_limits(self, provider: str, change: Callable[[Limits], Limits]) -> Limits:
        """See `LimitStore.change_limits`.

        Raises:
            TokenStoreError: the file cannot be written; nothing has been changed.
        """
        return self._believe(_LIMIT_TABLE, provider, change)

    def read_refusals(self, provider: str) -> Refusals:
        """See `RefusalStore.read_refusals`. What is stored and is no refusal is passed over.

        Raises:
            TokenStoreError: the file cannot be read.
        """
        with self._use("read") as connection:
            return _REFUSAL_TABLE.read(connection, provider)

    def change_refusals(self, provider: str, change: Callable[[Refusals], Refusals]) -> Refusals:
        """See `RefusalStore.change_refusals`.

        Raises:
            TokenStoreError: the file cannot be written; nothing has been changed.
        """
        return self._believe(_REFUSAL_TABLE, provider, change)

    def _believe(
        self,
        table: "_Table[_T]",
        provider: str,
        change: Callable[[Mapping[str, tuple[_T, ...]]], Mapping[str, tuple[_T, ...]]],
    ) -> Mapping[str, tuple[_T, ...]]:
        with self._transaction() as connection:
            held = table.read(connection, provider)
            changed = change(held)
            for bucket, beliefs in changed.items():
                if beliefs != held.get(bucket, ()):
                    self._changes += 1
                    table.write(connection, provider, bucket, beliefs)
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


class _Table(Generic[_T]):
    """Beliefs by provider and bucket.

    Args:
        name: of the table.
        beliefs: how they are written and read.
    """

    def __init__(self, name: str, beliefs: TypeAdapter[tuple[_T, ...]]) -> None:
        self._name = name
        self._beliefs = beliefs

    def read(self, connection: sqlite3.Connection, provider: str) -> dict[str, tuple[_T, ...]]:
        """What is believed; what is no record of ours is passed over: a belief is not worth an error."""
        rows = connection.execute(f"SELECT bucket, record FROM {self._name} WHERE provider = ?", (provider,))  # noqa: S608 - a name of our own
        return {bucket: beliefs for bucket, record in rows.fetchall() if (beliefs := self._parsed(record))}

    def write(self, connection: sqlite3.Connection, provider: str, bucket: str, beliefs: tuple[_T, ...]) -> None:
        """Believe exactly this of the bucket."""
        if beliefs:
            record = self._beliefs.dump_json(beliefs).decode()
            values = (provider, bucket, record)
            connection.execute(f"INSERT OR REPLACE INTO {self._name} VALUES (?, ?, ?)", values)  # noqa: S608 - a name of our own
        else:
            where = "WHERE provider = ? AND bucket = ?"
            connection.execute(f"DELETE FROM {self._name} {where}", (provider, bucket))  # noqa: S608 - a name of our own

    def _parsed(self, record: str) -> tuple[_T, ...]:
        try:
            return self._beliefs.validate_json(record)
        except ValidationError:
            return ()


_LIMIT_TABLE: Final = _Table("quota_limits", TypeAdapter(tuple[Limit, ...]))
_REFUSAL_TABLE: Final = _Table("refused_token", TypeAdapter(tuple[Refusal, ...]))
