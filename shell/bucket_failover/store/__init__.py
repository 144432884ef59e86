"""Where tokens and limits are kept: interfaces, a store in memory, and an SQLite file that processes share."""

from bucket_failover.store.encrypted_vault import EncryptedVault
from bucket_failover.store.keyring_vault import KeyringVault
from bucket_failover.store.limits import LimitStore, SqliteLimitStore
from bucket_failover.store.locks import FileLocks, Purpose, Release
from bucket_failover.store.memory import MemoryTokenStore
from bucket_failover.store.parts import JoinedStore
from bucket_failover.store.protocol import Change, Lease, LeaseStore, LoginStore, SessionStore, Stored, TokenStore
from bucket_failover.store.sqlite import SqliteTokenStore
from bucket_failover.store.vaults import SecretVault

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
