"""When is a token renewed ahead of its end, and which of several is next?"""

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
from bucket_failover_core.renewal.renewal_time import (
    NotRenewable,
    RenewalDecision,
    RenewalSnapshot,
    RenewAt,
    RenewNow,
    decide_renewal,
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
