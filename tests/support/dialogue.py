"""A notation for whole requests that reads as a dialogue: what happened goes in (`>>`), what is to be done comes out.

The sibling of `playbook`, for `decide_request`. A script is written down whole, and played when it is asserted:

    assert (
        Dialogue(session(names("a", "b")))
        << read("a")
        >> store_holds("a", held(9_000.0, "A"))
        << calls("a", "A")
        >> fails("quota")
        << read("b")
    )

Events without a moment happen now. `fails` and `serves` tell that the call which was asked for last has begun and was
answered; `begins()` lets time pass between the two. Findings are compared where a line names them. Each question is
asked twice, and must be answered the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Self, final

from returns.methods import unwrap_or_failure

from bucket_failover_core import (
    AllBucketsExhausted,
    AnswerRead,
    BucketSnapshot,
    CallBucket,
    Cause,
    FailoverSnapshot,
    FindBucket,
    GiveUp,
    Limit,
    ReadToken,
    Reauthenticate,
    RefreshToken,
    RequestDecision,
    RequestEnded,
    RequestEvent,
    RequestSnapshot,
    RetriesExhausted,
    Served,
    SessionSnapshot,
    TokenHeld,
    Verdict,
    WaitUntil,
    advance_request,
    begin_request,
    begin_session,
    decide_request,
    learn,
)
from bucket_failover_core.facts import WindowReading
from bucket_failover_core.request.joint import join
from tests.support.playbook import At, Found, found
from tests.support.worlds import NOW, bucket

Outcome = RequestDecision | RequestEnded

_OUTCOMES = (
    ReadToken,
    RefreshToken,
    Reauthenticate,
    CallBucket,
    WaitUntil,
    Served,
    FindBucket,
    AllBucketsExhausted,
    RetriesExhausted,
    GiveUp,
)


@final
@dataclass(frozen=True)
class Reply:
    """The answer to the call that is being made."""

    answer: AnswerRead
    fingerprint: str | None = None
    output_started: bool = False


@final
class Begins(NamedTuple):
    """The call that was asked for begins; its answer comes later."""


Line = At | Begins | Reply | RequestEvent | Outcome


@final
@dataclass(frozen=True)
class Dialogue:
    """A request, written down line by line; true if it goes as written."""

    session: SessionSnapshot
    request: RequestSnapshot | None = None
    now: float = NOW
    lines: tuple[tuple[str, Line], ...] = field(default=())

    def __rshift__(self, happened: At | Begins | Reply | RequestEvent) -> Self:
        """Something happens."""
        return replace(self, lines=(*self.lines, (">>", happened)))

    def __lshift__(self, expected: Outcome) -> Self:
        """The core is asked, and this is its answer."""
        return replace(self, lines=(*self.lines, ("<<", expected)))

    def __bool__(self) -> bool:
        """Play it."""
        self.play()
        return True

    def play(self) -> "Scene":
        """Play it; what is known at its end."""
        begun = begin_request(self.session, now=self.now, draw=0.5) if self.request is None else self.request
        scene = Scene(self.session, begun, self.now)
        asked: Outcome | None = None
        for place, (arrow, line) in enumerate(self.lines):
            if isinstance(line, _OUTCOMES):
                asked = scene.ask()
                assert _in_brief(asked, line) == line, self._story(place, asked)
                assert scene.ask() == asked, "asked twice"
            elif isinstance(line, At):
                scene = scene._replace(now=line.moment)
            else:
                assert arrow == ">>"
                scene = scene.tell(line, asked)
        return scene

    def _story(self, place: int, answer: Outcome) -> str:
        lines = [f"{arrow} {line!r}" for arrow, line in self.lines[: place + 1]]
        return "\n".join(("not as written:", *lines, f"but {answer!r}"))


class Scene(NamedTuple):
    """Where a dialogue stands."""

    session: SessionSnapshot
    request: RequestSnapshot
    now: float = NOW

    def ask(self) -> Outcome:
        """What is to be done now."""
        return unwrap_or_failure(decide_request(self.session, self.request, now=self.now))

    def tell(self, line: Begins | Reply | RequestEvent, asked: Outcome | None) -> "Scene":
        """Something has happened: session and request are told."""
        scene = self
        if isinstance(line, Begins | Reply):
            call = scene.request.call
            assert isinstance(asked, CallBucket), asked
            if call is None:
                call = asked.begun(at=scene.now)
                scene = scene._told(call)
            if isinstance(line, Begins):
                return scene
            answer = line.answer.model_copy(update={"at": scene.now})
            fingerprint = asked.fingerprint if line.fingerprint is None else line.fingerprint
            return scene._told(call.answered(answer, fingerprint=fingerprint, output_started=line.output_started))
        return scene._told(line)

    def _told(self, event: RequestEvent) -> "Scene":
        if getattr(event, "at", 0.0) is None:
            event = event.model_copy(update={"at": self.now})
        return self._replace(session=learn(self.session, event), request=advance_request(self.request, event))


class Both:
    """A session and a request of it, told of the same."""

    def __init__(self, known: SessionSnapshot, **facts: Any) -> None:
        """The request begins now."""
        self.session = known
        self.request: RequestSnapshot = begin_request(known, now=NOW, draw=0.5, **facts)

    def own(self, *events: RequestEvent) -> "Both":
        """What happens in this request."""
        for event in events:
            self.session = learn(self.session, event)
            self.request = advance_request(self.request, event)
        return self

    def other(self, *events: RequestEvent) -> "Both":
        """What happens in another one."""
        self.session = told(self.session, *events)
        return self

    def ledger(self, now: float = NOW + 20, **facts: Any) -> FailoverSnapshot:
        """What they know together."""
        return join(self.session, self.request, now=now, **facts)

    def bucket(self, name: str = "a", **facts: Any) -> BucketSnapshot:
        """One bucket, as this request sees it."""
        return next(each for each in self.ledger(**facts).buckets if each.name == name)


def _in_brief(answer: Outcome, expected: Outcome) -> Outcome:
    """The answer without its findings, if those are not what the line is about."""
    if getattr(expected, "findings", ()) == () and type(answer) is type(expected) and hasattr(answer, "findings"):
        return answer.model_copy(update={"findings": ()})
    return answer


# What there is.


def live(fingerprint: str, **facts: Any) -> TokenHeld:
    """A token that can be called with all day."""
    return TokenHeld.model_validate({"expiry": 90_000.0, "fingerprint": fingerprint, **facts})


def stale(fingerprint: str, **facts: Any) -> TokenHeld:
    """A token that has expired."""
    return live(fingerprint, expiry=NOW, **facts)


def ready(name: str, **facts: Any) -> BucketSnapshot:
    """A bucket whose token can be called with: `a` holds `A`."""
    return bucket(name, live(name.upper()), **facts)


def session(*buckets: BucketSnapshot | str, current: str | None = None, **facts: Any) -> SessionSnapshot:
    """A session of these buckets; a name stands for a bucket that is ready."""
    made = tuple(ready(each) if isinstance(each, str) else each for each in buckets)
    profile = FailoverSnapshot(provider="anthropic", buckets=made, current=current, **facts)
    return begin_session(profile)


def unread(*names: str) -> SessionSnapshot:
    """A session of buckets of which nothing is known."""
    return session(*(bucket(name) for name in names))


def told(session: SessionSnapshot, *events: RequestEvent) -> SessionSnapshot:
    """The session after these events."""
    for event in events:
        session = learn(session, event)
    return session


# What comes out.


def calls(
    name: str,
    fingerprint: str = "",
    attempt: int = 1,
    /,
    *flags: str,
    **findings: Found,
) -> CallBucket:
    """The bucket is to be called with; flags are `probe`, `moves`, `retry` and `counted`."""
    assert set(flags) <= {"probe", "moves", "retry", "counted"}, flags
    return CallBucket(
        bucket=name,
        fingerprint=fingerprint,
        attempt=attempt,
        is_probe="probe" in flags,
        moves="moves" in flags,
        is_retry="retry" in flags,
        is_counted="counted" in flags,
        findings=tuple(found(each, fact) for each, fact in findings.items()),
    )


def waits(at: float, name: str, /, **findings: Found) -> WaitUntil:
    """The request is to wait for the bucket."""
    return WaitUntil(at=at, bucket=name, findings=tuple(found(each, fact) for each, fact in findings.items()))


def finds(name: str, answer: AnswerRead | None = None) -> FindBucket:
    """The foreign handler is to search."""
    return FindBucket(bucket=name, answer=answer)


def served(name: str) -> Served:
    """The end: this bucket has served."""
    return Served(bucket=name)


def spent_calls(attempts: int, cause: str) -> RetriesExhausted:
    """The end: no call is left."""
    return RetriesExhausted(attempts=attempts, cause=Cause(cause))


def gives_up(cause: str | None, why: Any) -> GiveUp:
    """The end: no repetition can help."""
    return GiveUp(cause=None if cause is None else Cause(cause), why=why)


# What goes in.


def answer(
    cause: str | None,
    wish: float | None = None,
    *limits: Limit,
    at: float = NOW,
    detail: str = "",
    model: str | None = None,
    output_started: bool = False,
    readings: Sequence[WindowReading] = (),
) -> AnswerRead:
    """A failed call's answer."""
    verdict = None
    if cause is not None:
        verdict = Verdict(cause=Cause(cause), limits=limits, retry_not_before=wish, detail=detail)
    return AnswerRead(
        at=at,
        served=False,
        verdict=verdict,
        limits=limits,
        readings=tuple(readings),
        model=model,
        output_started=output_started,
    )


def good(
    *limits: Limit, at: float = NOW, model: str | None = None, readings: Sequence[WindowReading] = ()
) -> AnswerRead:
    """A successful call's answer."""
    return AnswerRead(at=at, served=True, limits=limits, readings=tuple(readings), model=model)


def begins() -> Begins:
    """The call begins; its answer comes later."""
    return Begins()


def fails(cause: str | None, wish: float | None = None, *limits: Limit, detail: str = "", **facts: Any) -> Reply:
    """The call that was asked for is answered with a failure."""
    return Reply(answer(cause, wish, *limits, detail=detail), **facts)


def serves(*limits: Limit, model: str | None = None) -> Reply:
    """The call that was asked for is served."""
    return Reply(good(*limits, model=model))
