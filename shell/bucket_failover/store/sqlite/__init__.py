"""The SQLite file that processes share: one file, a table for each thing, and the locks beside it."""

from bucket_failover.store.sqlite.identity import locks_of, sides_of
from bucket_failover.store.sqlite.limit_store import SqliteLimitStore
from bucket_failover.store.sqlite.locks import FileLocks
from bucket_failover.store.sqlite.token_store import SqliteTokenStore

__all__ = ["FileLocks", "SqliteLimitStore", "SqliteTokenStore", "locks_of", "sides_of"]
