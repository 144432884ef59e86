"""The pure core of bucket-failover: immutable snapshots and a clock value in, decisions that explain themselves out.

Nothing in this package reads a clock, draws a random number, logs, or does I/O. Ask, do, tell, ask again:

    decide_failover(snapshot, now=now)   # what is the next step?
    advance(snapshot, event)             # it came out so; then ask again

Example:
    >>> from bucket_failover_core import BucketSnapshot, FailoverSnapshot, Trigger, decide_failover
    >>> buckets = (BucketSnapshot(name="default"), BucketSnapshot(name="claudius"))
    >>> snapshot = FailoverSnapshot(provider="anthropic", buckets=buckets, trigger=Trigger(status=429))
    >>> decide_failover(snapshot, now=0.0).unwrap().kind
    'read-token'
"""

from bucket_failover_core.causes import Cause, cause_of_status
from bucket_failover_core.choice import choose_bucket, choose_start
from bucket_failover_core.decisions import (
    ChoiceResult,
    FailoverDecision,
    FailoverResult,
    FailoverStep,
    ReadToken,
    Reauthenticate,
    RefreshToken,
    UseBucket,
    Via,
)
from bucket_failover_core.events import (
    BucketSwitched,
    CallFailed,
    CallSucceeded,
    FailoverEvent,
    Reauthenticated,
    ReauthFailed,
    RefreshFailed,
    TokenRead,
    TokenRefreshed,
)
from bucket_failover_core.exhaustion import AllBucketsExhausted, exhaustion_message
from bucket_failover_core.failover import decide_failover
from bucket_failover_core.failures import (
    CallFailure,
    Dialect,
    ErrorKind,
    LimitsUnreadable,
    Unclassifiable,
    Verdict,
    classify_failure,
    read_limits,
)
from bucket_failover_core.findings import BucketFinding, Fact, Remedy
from bucket_failover_core.ledger import advance, as_api_key, forget_token, learn_limits, learn_refusal, learn_success
from bucket_failover_core.limits import WINDOW_CEILING_SECONDS, Limit, LimitScope, LimitSource, Strength, Window
from bucket_failover_core.reasons import BucketFailureReason
from bucket_failover_core.renewal import (
    NotRenewable,
    RenewalDecision,
    RenewalSnapshot,
    RenewAt,
    RenewNow,
    decide_renewal,
)
from bucket_failover_core.retry import (
    FailOver,
    GiveUp,
    RefreshThenRetry,
    RetryAt,
    RetryDecision,
    RetryPolicy,
    RetrySnapshot,
    attempts_allowed,
    decide_retry,
)
from bucket_failover_core.snapshots import BucketSnapshot, FailoverPolicy, FailoverSnapshot, Problem, Trigger
from bucket_failover_core.standing import (
    BucketStanding,
    BucketUnavailable,
    NeedsRead,
    NeedsRefresh,
    Usable,
    classify_bucket,
)
from bucket_failover_core.tokens import (
    KnownToken,
    TokenAbsent,
    TokenCorrupt,
    TokenHeld,
    TokenOutage,
    TokenState,
    TokenUnread,
    is_expired,
)

__all__ = [
    "WINDOW_CEILING_SECONDS",
    "AllBucketsExhausted",
    "BucketFailureReason",
    "BucketFinding",
    "BucketSnapshot",
    "BucketStanding",
    "BucketSwitched",
    "BucketUnavailable",
    "CallFailed",
    "CallFailure",
    "CallSucceeded",
    "Cause",
    "ChoiceResult",
    "Dialect",
    "ErrorKind",
    "Fact",
    "FailOver",
    "FailoverDecision",
    "FailoverEvent",
    "FailoverPolicy",
    "FailoverResult",
    "FailoverSnapshot",
    "FailoverStep",
    "GiveUp",
    "KnownToken",
    "Limit",
    "LimitScope",
    "LimitSource",
    "LimitsUnreadable",
    "NeedsRead",
    "NeedsRefresh",
    "NotRenewable",
    "Problem",
    "ReadToken",
    "ReauthFailed",
    "Reauthenticate",
    "Reauthenticated",
    "RefreshFailed",
    "RefreshThenRetry",
    "RefreshToken",
    "Remedy",
    "RenewAt",
    "RenewNow",
    "RenewalDecision",
    "RenewalSnapshot",
    "RetryAt",
    "RetryDecision",
    "RetryPolicy",
    "RetrySnapshot",
    "Strength",
    "TokenAbsent",
    "TokenCorrupt",
    "TokenHeld",
    "TokenOutage",
    "TokenRead",
    "TokenRefreshed",
    "TokenState",
    "TokenUnread",
    "Trigger",
    "Unclassifiable",
    "Usable",
    "UseBucket",
    "Verdict",
    "Via",
    "Window",
    "advance",
    "as_api_key",
    "attempts_allowed",
    "cause_of_status",
    "choose_bucket",
    "choose_start",
    "classify_bucket",
    "classify_failure",
    "decide_failover",
    "decide_renewal",
    "decide_retry",
    "exhaustion_message",
    "forget_token",
    "is_expired",
    "learn_limits",
    "learn_refusal",
    "learn_success",
    "read_limits",
]
