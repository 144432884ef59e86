"""What happens in a request, in words and as fields: the same line for the log, the demonstration, and the page.

Each line is made from a decision or an event of the core; a finding is told as the core made it.
"""

import logging
from collections.abc import Mapping
from typing import Final, NamedTuple

from bucket_failover_core import (
    AllBucketsExhausted,
    BucketFinding,
    FailoverEvent,
    FailoverStep,
    GiveUp,
    Trigger,
    UseBucket,
    Verdict,
    WaitUntil,
)
from bucket_failover_core.facts import cause_of

_DONE: Final = {
    "token-read": "the token was read",
    "token-refreshed": "the token was refreshed",
    "reauthenticated": "the login has come to its end",
}


class Line(NamedTuple):
    """One thing that has happened.

    Args:
        level: of the standard library's `logging`.
        event: which kind of thing.
        text: in words.
        fields: its facts.
    """

    level: int
    event: str
    text: str
    fields: Mapping[str, object]


def failover_started(bucket: str | None, trigger: Trigger) -> Line:
    """A failover begins (REQ-1598-LD01)."""
    cause = cause_of(trigger)
    text = f"{bucket}: looking for a usable bucket after {trigger.detail or cause or 'a failure without a name'}"
    return Line(logging.INFO, "failover-started", text, {"bucket": bucket, "status": trigger.status, "cause": cause})


def bucket_classified(finding: BucketFinding) -> Line:
    """A bucket was ruled out, by the fact in the finding (REQ-1598-LD02)."""
    fields = {"bucket": finding.bucket, "reason": finding.reason, "finding": finding}
    return Line(logging.INFO, "bucket-classified", f"{finding.text} [{finding.reason}]", fields)


def step_asked(step: FailoverStep) -> Line:
    """The core asks for a step; a login is told to people before it happens (REQ-1598-LD04)."""
    fields = {"bucket": step.bucket, "step": step.kind}
    if step.kind != "reauthenticate":
        return Line(logging.DEBUG, "step-asked", f"{step.bucket}: {step.kind}", fields)
    text = f"{step.bucket}: a login is needed; waiting for it for up to {step.timeout_seconds:.0f} s"
    return Line(logging.WARNING, "step-asked", text, fields)


def step_done(event: FailoverEvent) -> Line:
    """What came of a step; failures are told to people (REQ-1598-LD05, REQ-1598-CL02, REQ-1598-CL04)."""
    bucket, trouble = getattr(event, "bucket", None), _trouble(event)
    text = f"{bucket}: {trouble or _DONE.get(event.kind, event.kind)}"
    return Line(
        logging.WARNING if trouble else logging.DEBUG, "step-done", text, {"bucket": bucket, "outcome": event.kind}
    )


def _trouble(event: FailoverEvent) -> str:
    """What has gone wrong with a step; empty: nothing."""
    if event.kind == "reauth-failed":
        return "the login timed out" if event.timed_out else f"the login failed: {event.detail}"
    if event.kind == "refresh-failed":
        return f"no refresh: {event.detail}" if event.detail else "the refresh was refused"
    if event.kind == "token-read" and event.token.kind == "outage":
        return f"the token store could not answer: {event.token.detail}"
    return ""


def bucket_switched(former: str | None, decision: UseBucket) -> Line:
    """The request goes on with another bucket (REQ-1598-LD03)."""
    fields = {"former": former, "bucket": decision.bucket, "via": decision.via}
    text = f"switched from {former} to {decision.bucket} (via {decision.via})"
    return Line(logging.INFO, "bucket-switched", text, fields)


def bucket_healed(decision: UseBucket) -> Line:
    """The request goes on with the same bucket."""
    text = f"{decision.bucket}: usable again (via {decision.via})"
    return Line(logging.INFO, "bucket-healed", text, {"bucket": decision.bucket, "via": decision.via})


def buckets_exhausted(exhausted: AllBucketsExhausted) -> Line:
    """No bucket is left; the error follows (REQ-1598-LD06)."""
    fields = {
        "reasons": exhausted.reasons,
        "retry_at": exhausted.retry_at,
        "needs_login": exhausted.needs_login,
    }
    return Line(logging.WARNING, "buckets-exhausted", exhausted.message, fields)


def token_unavailable(bucket: str, problem: str = "") -> Line:
    """A bucket has no usable token to call with."""
    return Line(logging.INFO, "token-unavailable", f"{bucket}: no usable token {problem}".rstrip(), {"bucket": bucket})


def call_failed(bucket: str, verdict: Verdict, attempt: int) -> Line:
    """A call has failed, and was classified."""
    text = f"{bucket}: call {attempt} failed: {verdict.cause} ({verdict.detail})"
    return Line(logging.INFO, "call-failed", text, {"bucket": bucket, "cause": verdict.cause, "attempt": attempt})


def retry_waits(decision: WaitUntil, *, now: float) -> Line:
    """A bucket is called with, later."""
    text = f"{decision.bucket}: calling again in {decision.at - now:.1f} s"
    return Line(logging.INFO, "retry-waits", text, {"bucket": decision.bucket, "at": decision.at})


def refresh_wanted(bucket: str) -> Line:
    """The token was refused; it is refreshed before the next call."""
    return Line(logging.INFO, "refresh-wanted", f"{bucket}: refreshing the refused token", {"bucket": bucket})


def gave_up(bucket: str | None, decision: GiveUp) -> Line:
    """The call is not repeated."""
    fields = {"bucket": bucket, "cause": decision.cause, "why": decision.why}
    return Line(logging.INFO, "gave-up", f"{bucket}: not repeated after {decision.cause}: {decision.why}", fields)
