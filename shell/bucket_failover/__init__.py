"""bucket-failover: which of several credentials of one provider to use, and why not the others.

This package performs what the pure core (`bucket_failover_core`, whose public names it re-exports) decides.

Example:
    from bucket_failover import BucketFailoverHandlerImpl, RetryOrchestrator

    handler = BucketFailoverHandlerImpl(["default", "claudius", "vybestack"], "anthropic", manager)
    orchestrator = RetryOrchestrator(handler, manager)
    answer = await orchestrator.call(operation)
"""

import bucket_failover_core
from bucket_failover.client_exceptions import describe_answer, describe_exception
from bucket_failover.errors import (
    AllBucketsExhaustedError,
    BucketFailoverError,
    LoginDeclinedError,
    LoginFailedError,
    LoginTimedOutError,
    LoginUnavailableError,
    ReentrantCallError,
    RefreshFailedError,
    RefreshInterruptedError,
    RefreshNotSentError,
    RefreshUnheardError,
    RetriesExhaustedError,
    TokenCorruptError,
    TokenStoreError,
)
from bucket_failover.handler import (
    Bucket,
    BucketFailoverHandler,
    BucketFailoverHandlerImpl,
    FailoverContext,
    HandlerSnapshot,
    SyncBucketFailoverHandler,
    SyncBucketFailoverHandlerImpl,
)
from bucket_failover.oauth import (
    OAuthManager,
    Reply,
    StoredOAuthManager,
    SyncOAuthManager,
    SyncStoredOAuthManager,
    TokenIssuer,
    in_memory_manager,
)
from bucket_failover.oauth.renewal import RenewalEvent, RenewalFailed, RenewalScheduler, TokenRenewed
from bucket_failover.observe import Observed
from bucket_failover.orchestrator.request import ActiveBucket
from bucket_failover.orchestrator.retry_loops import RetryOrchestrator, SyncRetryOrchestrator
from bucket_failover.profile import Profile, ProfileError, load_profiles
from bucket_failover.store import (
    EncryptedVault,
    KeyringVault,
    LimitStore,
    MemoryTokenStore,
    SecretVault,
    SqliteLimitStore,
    SqliteTokenStore,
    Stored,
    TokenStore,
)
from bucket_failover.tokens import OAuthToken
from bucket_failover_core import *  # noqa: F403 - the core's public names are this package's, too

__all__ = [
    "ActiveBucket",
    "AllBucketsExhaustedError",
    "Bucket",
    "BucketFailoverError",
    "BucketFailoverHandler",
    "BucketFailoverHandlerImpl",
    "EncryptedVault",
    "FailoverContext",
    "HandlerSnapshot",
    "KeyringVault",
    "LimitStore",
    "LoginDeclinedError",
    "LoginFailedError",
    "LoginTimedOutError",
    "LoginUnavailableError",
    "MemoryTokenStore",
    "OAuthManager",
    "OAuthToken",
    "Observed",
    "Profile",
    "ProfileError",
    "ReentrantCallError",
    "RefreshFailedError",
    "RefreshInterruptedError",
    "RefreshNotSentError",
    "RefreshUnheardError",
    "RenewalEvent",
    "RenewalFailed",
    "RenewalScheduler",
    "Reply",
    "RetriesExhaustedError",
    "RetryOrchestrator",
    "SecretVault",
    "SqliteLimitStore",
    "SqliteTokenStore",
    "Stored",
    "StoredOAuthManager",
    "SyncBucketFailoverHandler",
    "SyncBucketFailoverHandlerImpl",
    "SyncOAuthManager",
    "SyncRetryOrchestrator",
    "SyncStoredOAuthManager",
    "TokenCorruptError",
    "TokenIssuer",
    "TokenRenewed",
    "TokenStore",
    "TokenStoreError",
    "describe_answer",
    "describe_exception",
    "in_memory_manager",
    "load_profiles",
]
__all__ += bucket_failover_core.__all__
