"""No bucket is left: why, until when, and what to do first.

The answer that a user reads when everything has failed. It says the action first, so that no log viewer cuts it off.
"""

from collections.abc import Iterable, Mapping
from typing import Literal, final

from bucket_failover_core.facts.reasons import BucketFailureReason
from bucket_failover_core.facts.snapshots import FailoverSnapshot
from bucket_failover_core.failover.findings import BucketFinding
from bucket_failover_core.formats import moment_text
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
        return min((finding.until for finding in self.findings if finding.until is not None), default=None)

    @property
    def needs_login(self) -> tuple[str, ...]:
        """The buckets that a login would heal, in profile order. An API key's is never among them."""
        return tuple(finding.bucket for finding in self.findings if finding.remedy == "login")

    @property
    def message(self) -> str:
        """What to do first; then provider, buckets, and what is wrong with each. Never a secret (REQ-1598-ER04)."""
        return exhaustion_message(
            self.provider,
            {name: str(reason) for name, reason in self.reasons.items()},
            texts={finding.bucket: finding.text for finding in self.findings},
            action=_action(self),
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


def exhaustion_message(
    provider: str,
    reasons: Mapping[str, str],
    *,
    texts: Mapping[str, str] | None = None,
    action: str = "Check the buckets",
) -> str:
    """The sentence that tells a user that no bucket is left.

    Example: `exhaustion_message("anthropic", {"default": "no-token"}, action="Log in to default")` is
    "Log in to default. No bucket of anthropic can be used: default [no-token]."

    Args:
        provider: whose credentials they are.
        reasons: bucket name to reason, in profile order; an empty reason is unknown.
        texts: bucket name to the finding in words (`BucketFinding.text`), where there is one.
        action: what to do first, without a full stop.
    """
    if not reasons:
        return f"Add a bucket. The profile of {provider} has none."
    lines = [
        (texts or {}).get(name, name) + (f" [{reason}]" if reason else "")
        for name, reason in reasons.items()
    ]  # fmt: skip
    return f"{action}. No bucket of {provider} can be used: {'; '.join(lines)}."


def _action(exhausted: AllBucketsExhausted) -> str:
    """What to do first: the quickest remedy that is known."""
    options = []
    if exhausted.needs_login:
        options.append(f"log in to {' or '.join(exhausted.needs_login)}{_how(exhausted)}")
    new_keys = [finding.bucket for finding in exhausted.findings if finding.remedy == "new-key"]
    if new_keys:
        options.append(f"store a valid API key for {' or '.join(new_keys)}")
    if any(finding.remedy == "store" for finding in exhausted.findings):
        options.append("repair the token store")
    paused = [finding.bucket for finding in exhausted.findings if finding.remedy == "resume"]
    if paused:
        options.append(f"resume {' or '.join(paused)}")
    disabled = [finding.bucket for finding in exhausted.findings if finding.remedy == "provider"]
    if disabled:
        options.append(f"ask {exhausted.provider} to enable the account of {' or '.join(disabled)}")
    if exhausted.retry_at is not None:
        options.append(f"wait until {moment_text(exhausted.retry_at)}")
    text = ", or ".join(options) or "try again later"
    return text[0].upper() + text[1:]


def _how(exhausted: AllBucketsExhausted) -> str:
    """How to log in, if the policy says so."""
    command = exhausted.login_command.replace("{provider}", exhausted.provider)
    return f" ({command.replace('{buckets}', ' '.join(exhausted.needs_login))})" if command else ""
