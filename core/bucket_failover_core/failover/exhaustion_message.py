"""What does a user read when no bucket is left? The action first, so that no log viewer cuts it off."""

from collections.abc import Iterable, Mapping

from bucket_failover_core.failover.findings import BucketFinding, Remedy
from bucket_failover_core.formats import moment_text, printable


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
    provider = printable(provider)
    if not reasons:
        return f"Add a bucket. The profile of {provider} has none."
    lines = [
        (texts or {}).get(name, printable(name)) + (f" [{reason}]" if reason else "")
        for name, reason in reasons.items()
    ]  # fmt: skip
    return f"{action}. No bucket of {provider} can be used: {'; '.join(lines)}."


def quickest_remedy(provider: str, findings: tuple[BucketFinding, ...], *, login_command: str) -> str:
    """What to do first: a login before a new key, before the store, an operator, the provider, and a wait.

    Example: with a bucket that a login would heal, and one that a limit rules out until noon: "Log in to claudius, or
    wait until 2026-08-12 12:00:00 UTC".

    Args:
        provider: whose credentials they are.
        findings: one for each bucket.
        login_command: what a user runs to log in (`FailoverPolicy.login_command`); empty: it is not said.
    """
    options = []
    logins = healed_by("login", findings)
    if logins:
        command = login_command.replace("{provider}", provider).replace("{buckets}", " ".join(logins))
        options.append(f"log in to {' or '.join(logins)}{f' ({command})' if command else ''}")
    if new_keys := healed_by("new-key", findings):
        options.append(f"store a valid API key for {' or '.join(new_keys)}")
    if healed_by("store", findings):
        options.append("repair the token store")
    if paused := healed_by("resume", findings):
        options.append(f"resume {' or '.join(paused)}")
    if disabled := healed_by("provider", findings):
        options.append(f"ask {provider} to enable the account of {' or '.join(disabled)}")
    until = first_return(findings)
    if until is not None:
        options.append(f"wait until {moment_text(until)}")
    text = printable(", or ".join(options) or "try again later")
    return text[0].upper() + text[1:]


def healed_by(remedy: Remedy, findings: Iterable[BucketFinding]) -> tuple[str, ...]:
    """The buckets that a remedy would heal, in the order of their findings."""
    return tuple(finding.bucket for finding in findings if finding.remedy == remedy)


def first_return(findings: Iterable[BucketFinding]) -> float | None:
    """Unix seconds at which the first bucket is believed to be usable again; None: unknown, or not by waiting."""
    return min((finding.until for finding in findings if finding.until is not None), default=None)
