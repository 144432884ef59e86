"""What tests of a session tell it: calls that were served or refused, and limits that were observed."""

from typing import Any

from bucket_failover_core import AnswerRead, CallAnswered, Cause, Limit, RequestEvent, SessionSnapshot, Verdict, learn
from tests.support.request_driver import NOW, live, session_of

A, B = live("A"), live("B")


def limit(**fields: Any) -> Limit:
    """An advisory minute that was observed now."""
    given = {"until": NOW + 60, "window": "minute", "source": "guess", "observed_at": NOW, **fields}
    return Limit.model_validate(given)


def served(bucket: str = "a", *, begun_at: float = NOW, model: str | None = None, **fields: Any) -> CallAnswered:
    """A call that was served."""
    read = AnswerRead(at=begun_at + 1, served=True, model=model, **fields)
    return CallAnswered(bucket=bucket, answer=read, begun_at=begun_at, fingerprint="A")


def refused(*limits: Limit, bucket: str = "a", at: float = NOW, cause: Cause = Cause.QUOTA) -> CallAnswered:
    """A call that was not."""
    verdict = Verdict(cause=cause, limits=limits)
    read = AnswerRead(at=at, served=False, verdict=verdict, limits=limits)
    return CallAnswered(bucket=bucket, answer=read, begun_at=at - 1, fingerprint="A")


def told(*events: RequestEvent, session: SessionSnapshot | None = None) -> SessionSnapshot:
    """A session after these events."""
    known = session_of("a", "b") if session is None else session
    for event in events:
        known = learn(known, event)
    return known


def token_of(session: SessionSnapshot, bucket: int = 0) -> object:
    """What is known of a bucket's token."""
    return session.profile.buckets[bucket].token
