"""What has happened becomes what a request knows of itself.

Rules: only what concerns this request alone is kept: which calls failed, what was refused, what it was told of tokens.
A step that it asked for is its own, whatever the clock says. What a token is, and what a limit is, the session knows.
"""

from typing import assert_never

from bucket_failover_core.facts.causes import is_refusal
from bucket_failover_core.facts.snapshots import Renewer
from bucket_failover_core.request.events import CallAnswered, RequestEvent
from bucket_failover_core.request.state import EndedStep, FailedCall, Heard, RequestSnapshot
from bucket_failover_core.value import trusted

_failed, _told_of = trusted(FailedCall), trusted(Heard)


def advance_request(request: RequestSnapshot, event: RequestEvent) -> RequestSnapshot:
    """The request with one more fact.

    Example: after `CallAnswered` with a 401, the token's fingerprint is refused in this request, whichever bucket holds
    it; `decide_request` asks for a refresh.

    Args:
        request: the request; it is not changed.
        event: what happened. It is told to the session as well (`learn`).
    """
    match event.kind:
        case "call-begun":
            return request.evolve({"call": event, "is_probe": event.is_probe})
        case "call-answered":
            return _answered(request, event)
        case "token-read":
            return request.evolve(_heard(request, event.bucket))
        case "token-refreshed":
            return _told(request, event.bucket, "refresh", event.at, renewed=True)
        case "refresh-failed":
            return _told(request, event.bucket, "refresh", event.at, renewed=False)
        case "reauthenticated":
            return _told(request, event.bucket, "reauth", event.at, renewed=True)
        case "reauth-failed":
            return _told(request, event.bucket, "reauth", event.at, renewed=False)
        case "bucket-switched":
            heard = tuple(told for told in request.heard if told.bucket != event.bucket)
            return request.evolve({"found": (*request.found, event.bucket), "heard": heard})
        case "search-failed":
            return request.evolve({"search_failed": event.reasons})
        case never:
            assert_never(never)


def _told(request: RequestSnapshot, bucket: str, by: Renewer, at: float | None, *, renewed: bool) -> RequestSnapshot:
    """A refresh or a login that this request asked for has ended: it is spent, whatever the clock says."""
    facts: dict[str, object] = {}
    if request.ended_before and at is not None:
        own = EndedStep(bucket=bucket, by=by, at=at)
        facts["ended_before"] = tuple(ended for ended in request.ended_before if ended != own)
    if renewed:
        facts.update(_heard(request, bucket))
        facts["renewed"] = (*request.renewed, bucket)
    return request.evolve(facts)


def _heard(request: RequestSnapshot, bucket: str) -> dict[str, object]:
    """The request was told of the bucket's token."""
    others = tuple(told for told in request.heard if told.bucket != bucket)
    facts: dict[str, object] = {"heard": (*others, _told_of(bucket=bucket, failures=len(request.failures)))}
    if bucket in request.refreshed:
        facts["refreshed"] = tuple(name for name in request.refreshed if name != bucket)
    return facts


def note_refreshed(request: RequestSnapshot, bucket: str) -> RequestSnapshot:
    """The request whose caller has refreshed the bucket by itself: what was read of its token is out of date."""
    return request.evolve({"refreshed": (*request.refreshed, bucket), "spent": (*request.spent, bucket)})


def note_refused(request: RequestSnapshot, fingerprints: tuple[str, ...]) -> RequestSnapshot:
    """The request whose caller knows of more tokens that the provider has refused in it."""
    fresh = tuple(fingerprint for fingerprint in fingerprints if fingerprint and fingerprint not in request.rejected)
    return request.evolve({"rejected": (*request.rejected, *fresh)}) if fresh else request


def _answered(request: RequestSnapshot, event: CallAnswered) -> RequestSnapshot:
    """A call has ended. A failed one makes everything that was found out for the next call pointless."""
    facts: dict[str, object] = {"call": None, "attempts": request.attempts + 1, "last": event}
    if event.answer.served:
        return request.evolve(facts)
    verdict = event.answer.verdict
    failed = _failed(
        bucket=event.bucket,
        at=event.answer.at,
        cause=None if verdict is None else verdict.cause,
        detail="" if verdict is None else verdict.detail,
        retry_not_before=None if verdict is None else verdict.retry_not_before,
        fingerprint=event.fingerprint,
        account_disabled=verdict is not None and verdict.account_disabled,
    )
    facts.update(failures=(*request.failures, failed), found=(), search_failed=None)
    if request.renewed:
        facts["renewed"] = tuple(name for name in request.renewed if name != event.bucket)
    if is_refusal(failed.cause) and event.fingerprint and event.fingerprint not in request.rejected:
        facts["rejected"] = (*request.rejected, event.fingerprint)
    return request.evolve(facts)
