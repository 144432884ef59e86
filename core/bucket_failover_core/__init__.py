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

from bucket_failover_core.budget import BudgetSpent, RetryBudget, refund_retry, retries_left, spend_retry
from bucket_failover_core.calls import CallFailure, Dialect, ErrorKind, LimitsUnreadable, Unclassifiable, Verdict
from bucket_failover_core.causes import Cause, cause_of_status
from bucket_failover_core.choice import choose_bucket
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
from bucket_failover_core.failures import classify_failure, is_success, read_limits, read_windows
from bucket_failover_core.findings import BucketFinding, Fact, Remedy
from bucket_failover_core.learning import (
    as_api_key,
    forget_token,
    hold_limits,
    learn_call,
    learn_limits,
    learn_probe,
    learn_readings,
    learn_refusal,
    learn_success,
    move_session,
)
from bucket_failover_core.ledger import advance
from bucket_failover_core.limits import (
    WINDOW_CEILING_SECONDS,
    Limit,
    LimitScope,
    LimitSource,
    Strength,
    Window,
    limits_worth_keeping,
)
from bucket_failover_core.outlook import NextChange, Outlook, foresee
from bucket_failover_core.reasons import BucketFailureReason
from bucket_failover_core.refreshing import (
    AdoptInstead,
    AdoptStored,
    GrantRefused,
    IssuerAnswer,
    NothingIssued,
    NotRefreshed,
    PresentRefreshToken,
    RefreshDecision,
    RefreshImpossible,
    RefreshMark,
    RefreshOutcome,
    RefreshSnapshot,
    StoredLogin,
    StoreIssued,
    TokensIssued,
    decide_outcome,
    decide_refresh,
)
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
from bucket_failover_core.skew import (
    ClockSkew,
    SkewUnknown,
    classify_by_its_clock,
    estimate_skew,
    read_limits_by_its_clock,
    read_windows_by_its_clock,
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
from bucket_failover_core.start import begin_with, choose_start, session_after
from bucket_failover_core.strategies import READING_STRATEGIES, STRATEGIES, Strategy
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
from bucket_failover_core.windows import WindowReading

__all__ = [
    "READING_STRATEGIES",
    "STRATEGIES",
    "WINDOW_CEILING_SECONDS",
    "AdoptInstead",
    "AdoptStored",
    "AllBucketsExhausted",
    "BucketFailureReason",
    "BucketFinding",
    "BucketSnapshot",
    "BucketStanding",
    "BucketSwitched",
    "BucketUnavailable",
    "BudgetSpent",
    "CallFailed",
    "CallFailure",
    "CallSucceeded",
    "Cause",
    "ChoiceResult",
    "ClockSkew",
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
    "GrantRefused",
    "IssuerAnswer",
    "KnownToken",
    "Limit",
    "LimitScope",
    "LimitSource",
    "LimitsUnreadable",
    "NeedsRead",
    "NeedsRefresh",
    "NextChange",
    "NotRefreshed",
    "NotRenewable",
    "NothingIssued",
    "Outlook",
    "PresentRefreshToken",
    "Problem",
    "ReadToken",
    "ReauthFailed",
    "Reauthenticate",
    "Reauthenticated",
    "RefreshDecision",
    "RefreshFailed",
    "RefreshImpossible",
    "RefreshMark",
    "RefreshOutcome",
    "RefreshSnapshot",
    "RefreshThenRetry",
    "RefreshToken",
    "Remedy",
    "RenewAt",
    "RenewNow",
    "RenewalDecision",
    "RenewalSnapshot",
    "RetryAt",
    "RetryBudget",
    "RetryDecision",
    "RetryPolicy",
    "RetrySnapshot",
    "SkewUnknown",
    "StoreIssued",
    "StoredLogin",
    "Strategy",
    "Strength",
    "TokenAbsent",
    "TokenCorrupt",
    "TokenHeld",
    "TokenOutage",
    "TokenRead",
    "TokenRefreshed",
    "TokenState",
    "TokenUnread",
    "TokensIssued",
    "Trigger",
    "Unclassifiable",
    "Usable",
    "UseBucket",
    "Verdict",
    "Via",
    "Window",
    "WindowReading",
    "advance",
    "as_api_key",
    "attempts_allowed",
    "begin_with",
    "cause_of_status",
    "choose_bucket",
    "choose_start",
    "classify_bucket",
    "classify_by_its_clock",
    "classify_failure",
    "decide_failover",
    "decide_outcome",
    "decide_refresh",
    "decide_renewal",
    "decide_retry",
    "estimate_skew",
    "exhaustion_message",
    "foresee",
    "forget_token",
    "hold_limits",
    "is_expired",
    "is_success",
    "learn_call",
    "learn_limits",
    "learn_probe",
    "learn_readings",
    "learn_refusal",
    "learn_success",
    "limits_worth_keeping",
    "move_session",
    "read_limits",
    "read_limits_by_its_clock",
    "read_windows",
    "read_windows_by_its_clock",
    "refund_retry",
    "retries_left",
    "session_after",
    "spend_retry",
]
