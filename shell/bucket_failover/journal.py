"""What the shell writes to the log: the findings of the decisions, as structured records.

Every record of the `bucket_failover` logger has an `event` (a name of this module's functions, with hyphens) and a
`provider`, and the fields that belong to it; a formatter for machines prints those, one for people the message. A
finding is logged as the core made it (`record.finding`), not explained a second time. Never a secret (REQ-1598-SE01).
"""

import logging
from typing import Final

from bucket_failover_core import (
    AllBucketsExhausted,
    BucketFinding,
    FailoverStep,
    GiveUp,
    Trigger,
    UseBucket,
    Verdict,
    WaitUntil,
)
from bucket_failover_core.events import FailoverEvent
from bucket_failover_core.findings import moment_text
from bucket_failover_core.snapshots import cause_of

LOGGER: Final = logging.getLogger("bucket_failover")
LOGGER.addHandler(logging.NullHandler())


_DONE: Final = {
    "token-read": "the token was read",
    "token-refreshed": "the token was refreshed",
    "reauthenticated": "the login has come to its end",
}


def _log(level: int, event: str, provider: str, message: str, **fields: object) -> None:
    if LOGGER.isEnabledFor(level):
        LOGGER.log(level, "%s: %s", provider, message, extra={"event": event, "provider": provider, **fields})


def failover_started(provider: str, bucket: str | None, trigger: Trigger) -> None:
    """A failover begins (REQ-1598-LD01)."""
    if not LOGGER.isEnabledFor(logging.INFO):
        return
    cause = cause_of(trigger)
    what = trigger.detail or cause or "a failure that nobody has named"
    _log(
        logging.INFO,
        "failover-started",
        provider,
        f"{bucket}: looking for a usable bucket after {what}",
        bucket=bucket,
        status=trigger.status,
        cause=cause,
    )


def is_listened_to(level: int = logging.INFO) -> bool:
    """Whether the log takes records of this level."""
    return LOGGER.isEnabledFor(level)


def observer_failed(provider: str, problem: str) -> None:
    """An observer of a request has raised; the request goes on."""
    _log(logging.WARNING, "observer-failed", provider, f"an observer has failed: {problem}")


def bucket_classified(provider: str, finding: BucketFinding) -> None:
    """A bucket was ruled out, by the fact in the finding (REQ-1598-LD02)."""
    _log(
        logging.INFO,
        "bucket-classified",
        provider,
        f"{finding.text} [{finding.reason}]",
        bucket=finding.bucket,
        reason=finding.reason,
        finding=finding,
    )


def step_asked(provider: str, step: FailoverStep) -> None:
    """The core asks for a step; a login is told to people before it happens (REQ-1598-LD04)."""
    if step.kind == "reauthenticate":
        level = logging.WARNING
        message = f"{step.bucket}: a login is needed; waiting for it for up to {step.timeout_seconds:.0f} s"
    elif LOGGER.isEnabledFor(logging.DEBUG):
        level, message = logging.DEBUG, f"{step.bucket}: {step.kind}"
    else:
        return
    _log(level, "step-asked", provider, message, bucket=step.bucket, step=step.kind)


def step_done(provider: str, event: FailoverEvent) -> None:
    """What came of a step; failures are told to people (REQ-1598-LD05, REQ-1598-CL02, REQ-1598-CL04)."""
    level, message = logging.WARNING, _trouble(event)
    if message == "":
        level, message = logging.DEBUG, _DONE.get(event.kind, event.kind)
    if LOGGER.isEnabledFor(level):
        bucket = getattr(event, "bucket", None)
        _log(level, "step-done", provider, f"{bucket}: {message}", bucket=bucket, outcome=event.kind)


def _trouble(event: FailoverEvent) -> str:
    """What has gone wrong with a step; empty: nothing."""
    if event.kind == "reauth-failed":
        return "the login timed out" if event.timed_out else f"the login failed: {event.detail}"
    if event.kind == "refresh-failed":
        return f"no refresh: {event.detail}" if event.detail else "the refresh was refused"
    if event.kind == "token-read" and event.token.kind == "outage":
        return f"the token store could not answer: {event.token.detail}"
    return ""


def bucket_switched(provider: str, former: str | None, decision: UseBucket) -> None:
    """The request goes on with another bucket (REQ-1598-LD03)."""
    if not LOGGER.isEnabledFor(logging.INFO):
        return
    _log(
        logging.INFO,
        "bucket-switched",
        provider,
        f"switched from {former} to {decision.bucket} (via {decision.via})",
        former=former,
        bucket=decision.bucket,
        via=decision.via,
    )


def bucket_healed(provider: str, decision: UseBucket) -> None:
    """The request goes on with the same bucket."""
    _log(
        logging.INFO,
        "bucket-healed",
        provider,
        f"{decision.bucket}: usable again (via {decision.via})",
        bucket=decision.bucket,
        via=decision.via,
    )


def buckets_exhausted(provider: str, exhausted: AllBucketsExhausted) -> None:
    """No bucket is left; the error follows (REQ-1598-LD06)."""
    _log(
        logging.WARNING,
        "buckets-exhausted",
        provider,
        exhausted.message,
        reasons=exhausted.reasons,
        retry_at=exhausted.retry_at,
        needs_login=exhausted.needs_login,
    )


def session_bucket_failed(provider: str, action: str, problem: str) -> None:
    """The session's bucket could not be read or written; the handler's own is the authority (REQ-1598-FL14)."""
    _log(logging.WARNING, "session-bucket-failed", provider, f"the session bucket could not be {action}: {problem}")


def limits_failed(provider: str, action: str, problem: str) -> None:
    """The store of limits could not be read or written; what the process itself has learned counts."""
    _log(logging.WARNING, "limits-failed", provider, f"the limits could not be {action}: {problem}")


def token_unsaved(provider: str, bucket: str, problem: str) -> None:
    """A token was issued and cannot be stored; this process goes on with it, and tries again."""
    message = f"{bucket}: the new token could not be stored, and ends with this process: {problem}"
    _log(logging.ERROR, "token-unsaved", provider, message, bucket=bucket)


def token_renewed(provider: str, bucket: str, expiry: float | None) -> None:
    """A token was renewed ahead of its end (REQ-1598-PR02)."""
    until = "" if expiry is None else f"; it ends at {moment_text(expiry)}"
    message = f"{bucket}: its token was renewed{until}"
    _log(logging.INFO, "token-renewed", provider, message, bucket=bucket, expiry=expiry)


def renewal_failed(provider: str, bucket: str, failures: int, detail: str, retry_at: float | None) -> None:
    """A renewal has failed, and is counted (REQ-1598-PR04, REQ-1598-PR05)."""
    then = "it is not tried again" if retry_at is None else f"the next try is at {moment_text(retry_at)}"
    message = f"{bucket}: renewal failed {failures} times in a row ({detail}); {then}"
    fields = {"bucket": bucket, "failures": failures, "retry_at": retry_at}
    _log(logging.WARNING, "renewal-failed", provider, message, **fields)


def listener_failed(provider: str, bucket: str, problem: str) -> None:
    """Whoever was to be told of a renewal has raised; the renewals go on."""
    _log(logging.WARNING, "listener-failed", provider, f"{bucket}: the listener has failed: {problem}", bucket=bucket)


def token_unavailable(provider: str, bucket: str, problem: str) -> None:
    """A bucket has no usable token to call with."""
    _log(logging.INFO, "token-unavailable", provider, f"{bucket}: no usable token {problem}".rstrip(), bucket=bucket)


def call_failed(provider: str, bucket: str, verdict: Verdict, attempt: int) -> None:
    """A call has failed, and was classified."""
    _log(
        logging.INFO,
        "call-failed",
        provider,
        f"{bucket}: call {attempt} failed: {verdict.cause} ({verdict.detail})",
        bucket=bucket,
        cause=verdict.cause,
        attempt=attempt,
    )


def retry_waits(provider: str, decision: WaitUntil, *, now: float) -> None:
    """A bucket is called with, later."""
    _log(
        logging.INFO,
        "retry-waits",
        provider,
        f"{decision.bucket}: calling again in {decision.at - now:.1f} s",
        bucket=decision.bucket,
        at=decision.at,
    )


def refresh_wanted(provider: str, bucket: str) -> None:
    """The token was refused; it is refreshed before the next call."""
    _log(logging.INFO, "refresh-wanted", provider, f"{bucket}: refreshing the refused token", bucket=bucket)


def gave_up(provider: str, bucket: str | None, decision: GiveUp) -> None:
    """The call is not repeated."""
    _log(
        logging.INFO,
        "gave-up",
        provider,
        f"{bucket}: not repeated after {decision.cause}: {decision.why}",
        bucket=bucket,
        cause=decision.cause,
        why=decision.why,
    )
