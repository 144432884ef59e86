"""Where tokens and limits are kept: interfaces, a store in memory, and an SQLite file that processes share."""

from bucket_failover.store.interfaces import (
    Change,
    Lease,
    LeaseStore,
    LimitStore,
    LoginStore,
    Purpose,
    Release,
    SessionStore,
    Stored,
    TokenStore,
)
from bucket_failover.store.joined import JoinedStore
from bucket_failover.store.memory import MemoryTokenStore
from bucket_failover.store.sqlite import FileLocks, SqliteLimitStore, SqliteTokenStore
from bucket_failover.store.vaults import EncryptedVault, KeyringVault, SecretVault

__all__ = [
    "Change",
    "EncryptedVault",
    "FileLocks",
    "JoinedStore",
    "KeyringVault",
    "Lease",
    "LeaseStore",
    "LimitStore",
    "LoginStore",
    "MemoryTokenStore",
    "Purpose",
    "Release",
    "SecretVault",
    "SessionStore",
    "SqliteLimitStore",
    "SqliteTokenStore",
    "Stored",
    "TokenStore",
]
