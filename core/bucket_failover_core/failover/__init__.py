"""After a failed call: which step comes next, which bucket serves, or why none does."""

from bucket_failover_core.failover.advance import advance
from bucket_failover_core.failover.decide import decide_failover
from bucket_failover_core.failover.decisions import (
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
from bucket_failover_core.failover.events import (
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
from bucket_failover_core.failover.exhaustion import AllBucketsExhausted
from bucket_failover_core.failover.exhaustion_message import exhaustion_message
from bucket_failover_core.failover.findings import BucketFinding, Fact, Remedy
from bucket_failover_core.failover.learned import (
    forget_token,
    held_limits,
    hold_limits,
    learn_limits,
    learn_readings,
    learn_refusal,
    learn_success,
)
from bucket_failover_core.failover.standing import (
    BucketStanding,
    BucketUnavailable,
    NeedsRead,
    NeedsRefresh,
    Usable,
    classify_bucket,
)

__all__ = [
    "AllBucketsExhausted",
    "BucketFinding",
    "BucketStanding",
    "BucketSwitched",
    "BucketUnavailable",
    "CallFailed",
    "CallSucceeded",
    "ChoiceResult",
    "Fact",
    "FailoverDecision",
    "FailoverEvent",
    "FailoverResult",
    "FailoverStep",
    "NeedsRead",
    "NeedsRefresh",
    "ReadToken",
    "ReauthFailed",
    "Reauthenticate",
    "Reauthenticated",
    "RefreshFailed",
    "RefreshToken",
    "Remedy",
    "TokenRead",
    "TokenRefreshed",
    "Usable",
    "UseBucket",
    "Via",
    "advance",
    "classify_bucket",
    "decide_failover",
    "exhaustion_message",
    "forget_token",
    "held_limits",
    "hold_limits",
    "learn_limits",
    "learn_readings",
    "learn_refusal",
    "learn_success",
]
