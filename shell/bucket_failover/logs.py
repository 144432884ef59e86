"""What the shell writes to the log: the findings of the decisions, as structured records.

Every record of the `bucket_failover` logger has an `event` (a name of this module's functions, with hyphens) and a
`provider`, and the fields that belong to it; a formatter for machines prints those, one for people the message. A
finding is logged as the core made it (`record.finding`), not explained a second time. Never a secret (REQ-1598-SE01).
"""

import logging
from typing import Final

from bucket_failover import lines
from bucket_failover.lines import Line
from bucket_failover_core import (
    AllBucketsExhausted,
    BucketFinding,
    FailoverEvent,
    FailoverStep,
    Trigger,
    UseBucket,
)
from bucket_failover_core.formats import moment_text, printable

LOGGER: Final = logging.getLogger("bucket_failover")
LOGGER.addHandler(logging.NullHandler())


def write(provider: str, line: Line) -> None:
    """Write a line to the log."""
    _log(line.level, line.event, provider, line.text, **line.fields)


def _log(level: int, event: str, provider: str, message: str, **fields: object) -> None:
    if LOGGER.isEnabledFor(level):
        shown = printable(provider), printable(message)
        LOGGER.log(level, "%s: %s", *shown, extra={"event": event, "provider": provider, **fields})


def failover_started(provider: str, bucket: str | None, trigger: Trigger) -> None:
    """A failover begins (REQ-1598-LD01)."""
    if LOGGER.isEnabledFor(logging.INFO):
        write(provider, lines.failover_started(bucket, trigger))


def is_listened_to(level: int = logging.INFO) -> bool:
    """Whether the log takes records of this level."""
    return LOGGER.isEnabledFor(level)


def observer_failed(provider: str, problem: str) -> None:
    """An observer of a request has raised; the request goes on."""
    _log(logging.WARNING, "observer-failed", provider, f"an observer has failed: {problem}")


def client_retries(provider: str) -> None:
    """A client repeats its requests by itself as well; told once for each transport."""
    message = "the client repeats requests by itself, and so do we: make it with max_retries=0"
    _log(logging.WARNING, "client-retries", provider, message)


def sent_elsewhere(provider: str, host: str, base: str) -> None:
    """A client has sent a request for a credential of ours to another host than the API's; told once for each host."""
    message = f"a request to {host} got no credential: they go to {base} alone, which base_url can change"
    _log(logging.WARNING, "sent-elsewhere", provider, message, host=host)


def bucket_classified(provider: str, finding: BucketFinding) -> None:
    """A bucket was ruled out, by the fact in the finding (REQ-1598-LD02)."""
    if LOGGER.isEnabledFor(logging.INFO):
        write(provider, lines.bucket_classified(finding))


def step_asked(provider: str, step: FailoverStep) -> None:
    """The core asks for a step; a login is told to people before it happens (REQ-1598-LD04)."""
    if LOGGER.isEnabledFor(logging.WARNING):
        write(provider, lines.step_asked(step))


def step_done(provider: str, event: FailoverEvent) -> None:
    """What came of a step; failures are told to people (REQ-1598-LD05, REQ-1598-CL02, REQ-1598-CL04)."""
    if LOGGER.isEnabledFor(logging.WARNING):
        write(provider, lines.step_done(event))


def bucket_switched(provider: str, former: str | None, decision: UseBucket) -> None:
    """The request goes on with another bucket (REQ-1598-LD03)."""
    if LOGGER.isEnabledFor(logging.INFO):
        write(provider, lines.bucket_switched(former, decision))


def bucket_healed(provider: str, decision: UseBucket) -> None:
    """The request goes on with the same bucket."""
    if LOGGER.isEnabledFor(logging.INFO):
        write(provider, lines.bucket_healed(decision))


def buckets_exhausted(provider: str, exhausted: AllBucketsExhausted) -> None:
    """No bucket is left; the error follows (REQ-1598-LD06)."""
    if LOGGER.isEnabledFor(logging.WARNING):
        write(provider, lines.buckets_exhausted(exhausted))


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
    """The listener that is told of renewals has raised; the renewals go on."""
    _log(logging.WARNING, "listener-failed", provider, f"{bucket}: the listener has failed: {problem}", bucket=bucket)
