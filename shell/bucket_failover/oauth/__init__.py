"""Where tokens come from: the interface that the shell asks, and the manager that keeps them alive in a store."""

from bucket_failover.oauth.interface import (
    OAuthManager,
    SyncOAuthManager,
    full_manager,
    policy_of,
)
from bucket_failover.oauth.issuer import Reply, TokenIssuer
from bucket_failover.oauth.manager import (
    Login,
    Refresh,
    StoredOAuthManager,
    in_memory_manager,
)
from bucket_failover.oauth.sync_manager import SyncLogin, SyncRefresh, SyncStoredOAuthManager

__all__ = [
    "Login",
    "OAuthManager",
    "Refresh",
    "Reply",
    "StoredOAuthManager",
    "SyncLogin",
    "SyncOAuthManager",
    "SyncRefresh",
    "SyncStoredOAuthManager",
    "TokenIssuer",
    "full_manager",
    "in_memory_manager",
    "policy_of",
]
