"""The one fact that settled what a bucket is good for: what every explanation is made of.

A decision carries a finding for each bucket it looked at. The log line, the error, the command line and any dashboard
print these; no layer explains a decision a second time. From the fact follow, by two tables, the reason that the
contract names and the remedy: what would heal the bucket.

Road not taken: prose made on the spot. It reads well once, and then a dashboard parses it.
"""

from typing import Final, Literal, final

from bucket_failover_core.facts.reasons import BucketFailureReason
from bucket_failover_core.formats import moment_text, printable
from bucket_failover_core.value import Value, trusted

Fact = Literal[
    "usable",
    "not-read",
    "refreshable",
    "probe-due",
    "over-ceiling",
    "last-resort",
    "call-refused-for-quota",
    "limit-in-force",
    "benched",
    "token-expired",
    "token-refused",
    "key-refused",
    "login-failed",
    "issuer-busy",
    "account-disabled",
    "token-absent",
    "token-corrupt",
    "key-missing",
    "store-outage",
    "paused",
    "credential-sound",
    "already-tried",
]
"""What settled it. The first six rule nothing out; of them, `usable` ends a search."""

Remedy = Literal["nothing", "wait", "login", "new-key", "store", "resume", "retry", "provider"]
"""What would heal the bucket: `nothing` is needed, or the next step heals it; `wait` for the provider; a `login`; a
`new-key`; the `store` has to answer again; the operator has to `resume` it; a later request may `retry`; only the
`provider` can enable the account again."""

_REASONS: Final[dict[Fact, BucketFailureReason]] = {
    "call-refused-for-quota": BucketFailureReason.QUOTA_EXHAUSTED,
    "limit-in-force": BucketFailureReason.QUOTA_EXHAUSTED,
    "benched": BucketFailureReason.QUOTA_EXHAUSTED,
    "token-expired": BucketFailureReason.EXPIRED_REFRESH_FAILED,
    "token-refused": BucketFailureReason.EXPIRED_REFRESH_FAILED,
    "key-refused": BucketFailureReason.EXPIRED_REFRESH_FAILED,
    "login-failed": BucketFailureReason.REAUTH_FAILED,
    "issuer-busy": BucketFailureReason.EXPIRED_REFRESH_FAILED,
    "account-disabled": BucketFailureReason.EXPIRED_REFRESH_FAILED,
    "token-absent": BucketFailureReason.NO_TOKEN,
    "token-corrupt": BucketFailureReason.NO_TOKEN,
    "key-missing": BucketFailureReason.NO_TOKEN,
    "store-outage": BucketFailureReason.NO_TOKEN,
    "paused": BucketFailureReason.SKIPPED,
    "credential-sound": BucketFailureReason.SKIPPED,
    "already-tried": BucketFailureReason.SKIPPED,
}

_REMEDIES: Final[dict[Fact, Remedy]] = {
    "call-refused-for-quota": "wait",
    "limit-in-force": "wait",
    "benched": "wait",
    "token-expired": "login",
    "token-refused": "login",
    "key-refused": "new-key",
    "login-failed": "login",
    "issuer-busy": "wait",
    "account-disabled": "provider",
    "token-absent": "login",
    "token-corrupt": "login",
    "key-missing": "new-key",
    "store-outage": "store",
    "paused": "resume",
    "credential-sound": "retry",
    "already-tried": "retry",
}

_WORDS: Final[dict[Fact, str]] = {
    "usable": "usable",
    "not-read": "its token has not been read yet",
    "refreshable": "its token can be refreshed",
    "probe-due": "this request tests whether its advisory limit still holds",
    "over-ceiling": "its limit is merely believed, and too many are",
    "last-resort": "nothing better is left, though a limit or an operator speaks against it",
    "call-refused-for-quota": "the provider refused the call for its quota",
    "limit-in-force": "a limit is in force",
    "benched": "an operator has benched it",
    "token-expired": "its token has expired",
    "token-refused": "the provider refused its token",
    "key-refused": "the provider refused its API key",
    "login-failed": "the login brought no usable token",
    "issuer-busy": "its token cannot be refreshed yet: the issuer is busy",
    "account-disabled": "the provider has disabled its account",
    "token-absent": "it has no token",
    "token-corrupt": "what the store holds is no token",
    "key-missing": "no API key is stored",
    "store-outage": "the token store could not answer",
    "paused": "paused",
    "credential-sound": "nothing is wrong with its credential",
    "already-tried": "already tried in this request",
}


@final
class BucketFinding(Value):
    """What was found out about one bucket, and the fact that settled it.

    Example: `BucketFinding(bucket="default", fact="limit-in-force", detail="5h", until=1_786_553_400.0).text` is
    "default: a limit is in force until 2026-08-12 16:50:00 UTC (5h)".

    Args:
        bucket: its name.
        fact: what settled it.
        detail: the evidence in a few words, never a secret.
        until: Unix seconds at which it is believed to be usable again; None: unknown, or not by waiting.
    """

    bucket: str
    fact: Fact
    detail: str = ""
    until: float | None = None

    @property
    def reason(self) -> BucketFailureReason | None:
        """Why the bucket is not used; None if nothing rules it out."""
        return _REASONS.get(self.fact)

    @property
    def remedy(self) -> Remedy:
        """What would heal it."""
        return _REMEDIES.get(self.fact, "nothing")

    @property
    def text(self) -> str:
        """The finding in one line, for people."""
        until = "" if self.until is None else f" until {moment_text(self.until)}"
        detail = f" ({self.detail})" if self.detail else ""
        return printable(f"{self.bucket}: {_WORDS[self.fact]}{until}{detail}")


found = trusted(BucketFinding)
"""Makes the findings of the core's own rules: a decision needs one for each bucket that it looks at."""
