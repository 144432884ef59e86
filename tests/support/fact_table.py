"""What each fact of a bucket means: the reason that it is ruled out for, and the remedy."""

from bucket_failover_core import BucketFailureReason
from bucket_failover_core.failover import Fact, Remedy

OPEN: tuple[Fact, ...] = ("usable", "not-read", "refreshable", "probe-due", "over-ceiling", "last-resort")
R = BucketFailureReason
SETTLED: dict[Fact, tuple[BucketFailureReason, Remedy]] = {
    "call-refused-for-quota": (R.QUOTA_EXHAUSTED, "wait"),
    "limit-in-force": (R.QUOTA_EXHAUSTED, "wait"),
    "benched": (R.QUOTA_EXHAUSTED, "wait"),
    "token-expired": (R.EXPIRED_REFRESH_FAILED, "login"),
    "token-refused": (R.EXPIRED_REFRESH_FAILED, "login"),
    "key-refused": (R.EXPIRED_REFRESH_FAILED, "new-key"),
    "login-failed": (R.REAUTH_FAILED, "login"),
    "issuer-busy": (R.EXPIRED_REFRESH_FAILED, "wait"),
    "account-disabled": (R.EXPIRED_REFRESH_FAILED, "provider"),
    "token-absent": (R.NO_TOKEN, "login"),
    "token-corrupt": (R.NO_TOKEN, "login"),
    "key-missing": (R.NO_TOKEN, "new-key"),
    "store-outage": (R.NO_TOKEN, "store"),
    "paused": (R.SKIPPED, "resume"),
    "credential-sound": (R.SKIPPED, "retry"),
    "already-tried": (R.SKIPPED, "retry"),
}
