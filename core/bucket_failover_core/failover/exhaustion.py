"""No bucket is left: why, and until when. What a user reads of it is worded in `exhaustion_message`."""

from collections.abc import Iterable
from typing import Literal, final

from bucket_failover_core.facts.reasons import BucketFailureReason
from bucket_failover_core.facts.snapshots import FailoverSnapshot
from bucket_failover_core.failover.exhaustion_message import (
    exhaustion_message,
    first_return,
    healed_by,
    quickest_remedy,
)
from bucket_failover_core.failover.findings import BucketFinding
from bucket_failover_core.value import Value


@final
class AllBucketsExhausted(Value):
    """Every bucket of the profile is ruled out; `findings` has the fact for each.

    Example: with `default` spent until 18:00 and `claudius` never logged in, `.reasons` is
    `{"default": "quota-exhausted", "claudius": "no-token"}`, `.retry_at` is 18:00, `.needs_login` is `("claudius",)`.

    Args:
        provider: whose credentials they are.
        buckets: the names of the profile's buckets, in its order; empty for an empty profile.
        findings: one for each bucket.
        login_command: what a user runs to log in (`FailoverPolicy.login_command`).
    """

    kind: Literal["all-buckets-exhausted"] = "all-buckets-exhausted"
    provider: str
    buckets: tuple[str, ...] = ()
    findings: tuple[BucketFinding, ...] = ()
    login_command: str = ""

    @property
    def reasons(self) -> dict[str, BucketFailureReason]:
        """Why each bucket of the profile is not used, in profile order; a new dict each time (REQ-1598-IC02)."""
        found = {finding.bucket: finding.reason for finding in self.findings}
        return {name: found.get(name) or BucketFailureReason.SKIPPED for name in self.buckets}

    @property
    def retry_at(self) -> float | None:
        """Unix seconds at which the first bucket is believed to be usable again; None: unknown, or not by waiting."""
        return first_return(self.findings)

    @property
    def needs_login(self) -> tuple[str, ...]:
        """The buckets that a login would heal, in profile order. An API key's is never among them."""
        return healed_by("login", self.findings)

    @property
    def message(self) -> str:
        """What to do first; then provider, buckets, and what is wrong with each. Never a secret (REQ-1598-ER04)."""
        return exhaustion_message(
            self.provider,
            {name: str(reason) for name, reason in self.reasons.items()},
            texts={finding.bucket: finding.text for finding in self.findings},
            action=quickest_remedy(self.provider, self.findings, login_command=self.login_command),
        )


def exhausted_profile(snapshot: FailoverSnapshot, findings: Iterable[BucketFinding]) -> AllBucketsExhausted:
    """No bucket is left: the findings of every bucket of the profile, in whatever order, put into the profile's.

    Args:
        snapshot: the profile.
        findings: exactly one for each of its buckets.
    """
    found = {finding.bucket: finding for finding in findings}
    names = tuple(bucket.name for bucket in snapshot.buckets)
    return AllBucketsExhausted(
        provider=snapshot.provider,
        buckets=names,
        findings=tuple(found[name] for name in names),
        login_command=snapshot.policy.login_command,
    )
