"""What is known: causes, calls, limits, windows, token states, and the snapshots that are made of them."""

from bucket_failover_core.facts.calls import CallFailure, Dialect, ErrorKind, LimitsUnreadable, Unclassifiable, Verdict
from bucket_failover_core.facts.causes import Cause, is_refusal
from bucket_failover_core.facts.failover_policy import FailoverPolicy
from bucket_failover_core.facts.limits import (
    WINDOW_CEILING_SECONDS,
    Limit,
    LimitScope,
    LimitSource,
    Strength,
    Window,
    limits_worth_keeping,
)
from bucket_failover_core.facts.reasons import BucketFailureReason
from bucket_failover_core.facts.snapshots import (
    BucketSnapshot,
    FailoverSnapshot,
    Problem,
    Trigger,
    cause_of,
    has_limits,
)
from bucket_failover_core.facts.status_codes import cause_of_status
from bucket_failover_core.facts.tokens import (
    TRUST_SECONDS,
    KnownToken,
    TokenAbsent,
    TokenCorrupt,
    TokenHeld,
    TokenOutage,
    TokenState,
    TokenUnread,
    is_expired,
    trusted_until,
)
from bucket_failover_core.facts.windows import WindowReading

__all__ = [
    "TRUST_SECONDS",
    "WINDOW_CEILING_SECONDS",
    "BucketFailureReason",
    "BucketSnapshot",
    "CallFailure",
    "Cause",
    "Dialect",
    "ErrorKind",
    "FailoverPolicy",
    "FailoverSnapshot",
    "KnownToken",
    "Limit",
    "LimitScope",
    "LimitSource",
    "LimitsUnreadable",
    "Problem",
    "Strength",
    "TokenAbsent",
    "TokenCorrupt",
    "TokenHeld",
    "TokenOutage",
    "TokenState",
    "TokenUnread",
    "Trigger",
    "Unclassifiable",
    "Verdict",
    "Window",
    "WindowReading",
    "cause_of",
    "cause_of_status",
    "has_limits",
    "is_expired",
    "is_refusal",
    "limits_worth_keeping",
    "trusted_until",
]
