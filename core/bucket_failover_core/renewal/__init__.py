"""When is a token renewed ahead of its end, and which of several is next?"""

from bucket_failover_core.renewal.decide import (
    NotRenewable,
    RenewalDecision,
    RenewalSnapshot,
    RenewAt,
    RenewNow,
    decide_renewal,
)
from bucket_failover_core.renewal.plan import (
    RenewalOutcome,
    RenewalPlan,
    RenewalWatch,
    WatchedBucket,
    plan_renewals,
    renewal_outcome,
    unwatch,
    watch_outcome,
    watch_token,
)

__all__ = [
    "NotRenewable",
    "RenewAt",
    "RenewNow",
    "RenewalDecision",
    "RenewalOutcome",
    "RenewalPlan",
    "RenewalSnapshot",
    "RenewalWatch",
    "WatchedBucket",
    "decide_renewal",
    "plan_renewals",
    "renewal_outcome",
    "unwatch",
    "watch_outcome",
    "watch_token",
]
