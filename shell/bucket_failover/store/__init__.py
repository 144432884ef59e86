"""Where tokens and limits are kept: interfaces, a store in memory, and an SQLite file that processes share."""

from bucket_failover.store.limits import LimitStore, SqliteLimitStore
from bucket_failover.store.manager import StoredOAuthManager, SyncStoredOAuthManager, in_memory_manager
from bucket_failover.store.memory import MemoryTokenStore
from bucket_failover.store.protocol import TokenStore
from bucket_failover.store.sqlite import SqliteTokenStore

__all__ = [
    "LimitStore",
    "MemoryTokenStore",
    "SqliteLimitStore",
    "SqliteTokenStore",
    "StoredOAuthManager",
    "SyncStoredOAuthManager",
    "TokenStore",
    "in_memory_manager",
]
