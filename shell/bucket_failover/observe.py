"""What happens in a request, as typed events, told to all that subscribe: an application, and the log.

The events are the core's own: each decision, each thing that came of it, and the end. None has a secret in it.
"""

import itertools
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from bucket_failover import lines, logs
from bucket_failover.errors import safe_text
from bucket_failover.lines import Line
from bucket_failover_core import (
    AllBucketsExhausted,
    BucketFinding,
    CallAnswered,
    CallBucket,
    Reauthenticated,
    ReauthFailed,
    RefreshFailed,
    RequestDecision,
    RequestEnded,
    RequestEvent,
    TokenRead,
    TokenRefreshed,
    Trigger,
    UseBucket,
)
from bucket_failover_core.facts import is_refusal
from bucket_failover_core.failover import Via

Happening = RequestDecision | RequestEvent | RequestEnded | UseBucket
"""A decision, what came of one, or the end of a request or of a search."""


class Observed(NamedTuple):
    """Something has happened in a request.

    Args:
        provider: whose buckets it is about.
        request: a number that tells the requests of a process apart.
        at: Unix seconds.
        what: the decision, the event, or the end; `what.kind` says which.
    """

    provider: str
    request: int
    at: float
    what: Happening


Observer = Callable[[Observed], object]
"""Told what happens, in the order in which it happens. What it raises is logged, and ends nothing."""

_NUMBERS = itertools.count(1)


def next_number() -> int:
    """A number for a request, or for a search of a caller that does its own retries."""
    return next(_NUMBERS)


def tell(observer: Observer, observed: Observed) -> None:
    """Tell an observer; what it raises is its own mistake, and not the request's."""
    try:
        observer(observed)
    except Exception as error:  # noqa: BLE001 - whatever it raises, the request goes on
        logs.observer_failed(observed.provider, safe_text(error))


_STEPS_DONE = (TokenRead, TokenRefreshed, RefreshFailed, Reauthenticated, ReauthFailed)


class Narrator:
    """Tells what happens in one request, in lines, from the findings that the decisions carry.

    Args:
        write: told each line.
        tells_steps: reads, refreshes and logins are told as well; the log has them from where they are performed, once
            for all requests that share one.
    """

    def __init__(self, write: Callable[[Line], object], *, tells_steps: bool = False) -> None:
        self._write = write
        self._tells_steps = tells_steps
        self._failed: CallAnswered | None = None
        self._called: str | None = None
        self._attempts = 0
        self._is_searching = False
        self._vias: dict[str, Via] = {}
        self._told: set[tuple[str, str]] = set()

    def hear(self, what: Happening, *, now: float) -> None:
        """Something has happened at `now` (Unix seconds)."""
        match what.kind:
            case "read-token" | "refresh-token" | "reauthenticate":
                self._step(what.kind, what.bucket, what.findings)
                if self._tells_steps:
                    self._write(lines.step_asked(what))
            case "wait-until":
                self._classified(what.findings if self._is_searching else ())
                self._write(lines.retry_waits(what, now=now))
            case "call-bucket":
                self._called_with(what)
            case "all-buckets-exhausted":
                self._exhausted(what)
            case "give-up":
                self._write(lines.gave_up(self._called, what))
            case "call-answered":
                self._answered(what)
            case _:
                self._learned(what)

    def _learned(self, what: Happening) -> None:
        """What came of a step."""
        if isinstance(what, _STEPS_DONE) and self._tells_steps:
            self._write(lines.step_done(what))
        match what.kind:
            case "token-read":
                if what.token.kind != "held":
                    self._write(lines.token_unavailable(what.bucket))
            case "token-refreshed":
                self._vias[what.bucket] = "refresh"
            case "reauthenticated":
                self._vias[what.bucket] = "reauth"
            case _:
                pass

    def _answered(self, event: CallAnswered) -> None:
        self._is_searching, self._failed = False, None
        self._told.clear()
        self._vias.clear()
        self._attempts += 1
        if not event.answer.served:
            self._failed = event
            if event.answer.verdict is not None:
                self._write(lines.call_failed(event.bucket, event.answer.verdict, self._attempts))

    def _step(self, kind: str, bucket: str, findings: tuple[BucketFinding, ...]) -> None:
        """A step for the bucket that has failed heals it; one for another bucket is part of a search."""
        failed = self._failed
        if failed is not None and failed.bucket == bucket and kind != "reauthenticate" and not self._is_searching:
            verdict = failed.answer.verdict
            if kind == "refresh-token" and verdict is not None and is_refusal(verdict.cause):
                self._write(lines.refresh_wanted(bucket))
            return
        self._search(findings)

    def _search(self, findings: tuple[BucketFinding, ...]) -> None:
        if not self._is_searching and self._failed is not None:
            verdict = self._failed.answer.verdict
            cause, detail = (None, "") if verdict is None else (verdict.cause, verdict.detail)
            trigger = Trigger(cause=cause, detail=detail, fingerprint=self._failed.fingerprint or None)
            self._write(lines.failover_started(self._failed.bucket, trigger))
        ruled_out = any(finding.reason is not None for finding in findings)
        self._is_searching = self._is_searching or self._failed is not None or ruled_out
        self._classified(findings)

    def _classified(self, findings: tuple[BucketFinding, ...]) -> None:
        for finding in findings:
            if finding.reason is not None and (finding.bucket, finding.fact) not in self._told:
                self._told.add((finding.bucket, finding.fact))
                self._write(lines.bucket_classified(finding))

    def _called_with(self, call: CallBucket) -> None:
        former, self._called = self._called, call.bucket
        is_switch = former is not None and former != call.bucket
        if is_switch and not self._is_searching:
            self._search(call.findings)
        elif self._is_searching:
            self._classified(call.findings)
        use = UseBucket(
            bucket=call.bucket, switched=is_switch, via=self._vias.get(call.bucket, "token"), findings=call.findings
        )
        if is_switch or (call.moves and self._is_searching):
            self._write(lines.bucket_switched(former, use))
        elif self._is_searching:
            self._write(lines.bucket_healed(use))

    def _exhausted(self, exhausted: AllBucketsExhausted) -> None:
        self._search(exhausted.findings)
        self._write(lines.buckets_exhausted(exhausted))


class RequestLog(Narrator):
    """Writes what happens in one request to the log.

    Args:
        provider: whose buckets it is about.
    """

    def __init__(self, provider: str) -> None:
        super().__init__(partial(logs.write, provider))
