"""Where tokens are kept: an interface, a store in memory, and one in an SQLite file."""

from bucket_failover.store.manager import StoredOAuthManager, SyncStoredOAuthManager, in_memory_manager
from bucket_failover.store.memory import MemoryTokenStore
from bucket_failover.store.protocol import TokenStore
from bucket_failover.store.sqlite import SqliteTokenStore

__all__ = [
    "MemoryTokenStore",
    "SqliteTokenStore",
    "StoredOAuthManager",
    "SyncStoredOAuthManager",
    "TokenStore",
    "in_memory_manager",
]
