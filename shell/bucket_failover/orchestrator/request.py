"""One request in progress, as a generator: ask the core, have its decision performed, tell the core, ask again.

There is no rule in here: `decide_request` has them all. Each branch says which effect a decision asks for.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, Final

from returns.result import Success

from bucket_failover import logs
from bucket_failover.effects import Ask, Attempt, Effect, Search, Wait
from bucket_failover.errors import AllBucketsExhaustedError, RetriesExhaustedError
from bucket_failover.handler.context import FailoverContext
from bucket_failover.handler.dialogue import StepDone
from bucket_failover.handler.entries import Entry, HeldToken
from bucket_failover.handler.foreign import FullHandler
from bucket_failover.observe import Happening, Observed, Observer, RequestLog, next_number, tell
from bucket_failover.tokens import OAuthToken
from bucket_failover_core import (
    AllBucketsExhausted,
    AnswerRead,
    BucketFailureReason,
    BucketSwitched,
    CallBegun,
    CallBucket,
    CallFailure,
    FindBucket,
    ReadToken,
    RequestDecision,
    RequestEnded,
    RequestEvent,
    RetriesExhausted,
    RetryPolicy,
    SearchFailed,
    TokenRead,
    decide_request,
)
from bucket_failover_core.value import trusted

Effects = Generator[Effect, Any, object]

_MISSES_MAX: Final = 3
"""After this many, the call is made with the token that the store gives: two moments of one clock tell no order."""

_served = trusted(AnswerRead)


def _unheard(_bucket: str, _answer: CallFailure) -> None:
    """Where nothing listens."""


@dataclass(frozen=True, slots=True)
class ActiveBucket:
    """What one attempt is made with.

    Args:
        name: the bucket's.
        token: its token.
        sink: hears what `report` tells.
    """

    name: str
    token: OAuthToken
    sink: Callable[[str, CallFailure], object] = field(default=_unheard, repr=False, compare=False)

    def report(self, answer: CallFailure) -> None:
        """Tell what an answer said of quota, of a success as well.

        An answer that the operation returns, with its headers, is read without being told.

        Example: `bucket.report(CallFailure(status=200, headers=tuple(response.headers.multi_items())))`.
        """
        self.sink(self.name, answer)


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What the requests of an orchestrator are made with; see `RetryOrchestrator`."""

    handler: FullHandler
    policy: RetryPolicy
    describe: Callable[[Exception], CallFailure | None]
    describe_answer: Callable[[object], CallFailure | None]
    clock: Callable[[], float]
    draw: Callable[[], float]
    peek: Callable[[str, str], OAuthToken | None]
    observe: Observer | None = None


class Failed:
    """The outcome of an attempt that has raised, instead of a result.

    Args:
        error: the exception.
        output_started: something of an answer has reached the caller.
    """

    __slots__ = ("error", "output_started")

    def __init__(self, error: Exception, *, output_started: bool = False) -> None:
        self.error = error
        self.output_started = output_started


class Request:
    """One piece of work for the caller, from its first attempt to its result.

    Args:
        means: what it is made with.
        model: the model that is asked, None if unknown.
        session_key: names the conversation that it belongs to.
        policy: how patient it is; None: as all are that are made with these means.
    """

    def __init__(
        self,
        means: Dependencies,
        *,
        model: str | None = None,
        session_key: str | None = None,
        policy: RetryPolicy | None = None,
    ) -> None:
        self._means = means
        self._handler = means.handler
        self._room = means.handler.room
        self._provider = means.handler.provider
        self._number = next_number()
        self._log: RequestLog | None = RequestLog(self._provider) if logs.is_listened_to() else None
        self._is_watched = self._log is not None or means.observe is not None
        self._model = model
        self._session_key = session_key
        self._policy = means.policy if policy is None else policy
        self._entry: Entry
        self._tokens: dict[str, HeldToken] = {}
        self._misses = 0
        """How often in a row the token at hand was not the one that the core knows."""
        self._error: Exception | None = None
        self._status: int | None = None
        self._result: object = None
        self._exhausted_by_handler: AllBucketsExhausted | None = None
        self._reasons: dict[str, BucketFailureReason] | None = None

    def perform(self) -> Effects:
        """The request from its beginning to its result, which it returns.

        Raises:
            AllBucketsExhaustedError: no bucket of the profile can serve it.
            RetriesExhaustedError: the attempts are used up.
            Exception: the operation's own, the same object, if no repetition can help.
        """
        means = self._means
        self._entry = entry = self._handler.begin(
            self, draw=means.draw(), policy=self._policy, model=self._model, session_key=self._session_key
        )
        try:
            if self._room.owes_bucket:
                yield from self._room.settling()
            while True:
                now = means.clock()
                session = self._room.session
                answer = decide_request(session, entry.request, now=now)
                decision: RequestDecision | RequestEnded = (
                    answer.unwrap() if isinstance(answer, Success) else answer.failure()
                )
                if self._is_watched:
                    self._announce(decision, now)
                match decision.kind:
                    case "call-bucket":
                        yield from self._call(decision)
                    case "served":
                        return self._result
                    case "read-token" | "refresh-token" | "reauthenticate":
                        self._hear((yield self._room.shared_step(decision, session)))
                    case "wait-until":
                        yield Wait(decision.at - now)
                    case "find-bucket":
                        yield from self._find(decision)
                    case _:
                        raise self._end(decision)
        finally:
            self._handler.end(self)

    def _tell(self, event: RequestEvent) -> None:
        """Something has happened: the session learns it, and so does the request."""
        self._room.tell(event)
        self._entry.hear(event)
        if self._is_watched:
            self._announce(event, self._means.clock())

    def _advance(self, event: RequestEvent) -> None:
        self._entry.hear(event)
        if self._is_watched:
            self._announce(event, self._means.clock())

    def _announce(self, what: Happening, at: float) -> None:
        """Tell the log and the observer; what an observer raises ends nothing."""
        if self._log is not None:
            self._log.hear(what, now=at)
        if self._means.observe is not None:
            tell(self._means.observe, Observed(self._provider, self._number, at, what))

    def _hear(self, done: StepDone | None) -> None:
        """A step has been performed, by this request or by another one; None: another step had to end first."""
        if done is None:
            return
        self._advance(done.event)
        self._error = done.problem or self._error
        if done.token is not None:
            self._tokens[done.event.bucket] = self._room.held(done.event.bucket, done.token)

    def _call(self, call: CallBucket) -> Effects:
        """Make the call, if its token is at hand and no other process is probing."""
        held = self._tokens.get(call.bucket)
        if held is None:
            token = self._means.peek(self._provider, call.bucket)
            held = (
                self._keep(call.bucket, token)
                if isinstance(token, OAuthToken)
                else (yield from self._fetch(call.bucket))
            )
        if held is None or (held.state.fingerprint != call.fingerprint and self._misses < _MISSES_MAX):
            self._tokens.pop(call.bucket, None)
            self._misses += 1
            return None
        self._misses = 0
        at = self._means.clock()
        begun = call.begun(at=at)
        if call.is_probe and not self._room.claims_probe():
            self._room.tell(begun)  # another process is probing: the session knows, and the core is asked again
            return None
        moves = call.moves and self._room.session.current != call.bucket
        self._tell(begun)
        if moves:
            yield from self._room.remembering(call.bucket)
        active = ActiveBucket(call.bucket, held.token, lambda bucket, answer: self._report(bucket, answer, at))
        outcome = yield Attempt(active)
        self._tokens.clear()
        self._answered(begun, held.state.fingerprint, outcome)
        return None

    def _fetch(self, bucket: str) -> Generator[Effect, Any, HeldToken | None]:
        """The token to call with, which is not at hand."""
        try:
            token: object = yield Ask("get_oauth_token", (self._provider, bucket))
        except Exception:  # noqa: BLE001 - whatever it raises, the store is asked what it holds
            token = None
        if isinstance(token, OAuthToken):
            return self._keep(bucket, token)
        done: StepDone | None = yield self._room.shared_step(ReadToken(bucket=bucket), self._room.session)
        self._hear(done)
        return self._tokens.get(bucket)

    def _keep(self, bucket: str, token: OAuthToken) -> HeldToken:
        """A token to call with, until the call is over; what is new of it is told."""
        self._tokens[bucket] = held = self._room.held(bucket, token)
        known = self._room.token_of(bucket)
        if known is not held.state and known != held.state:
            read = TokenRead(bucket=bucket, token=held.state, at=self._means.clock(), api_key=token.is_api_key)
            self._tell(read)
        return held

    def _answered(self, begun: CallBegun, fingerprint: str, outcome: object) -> None:
        """Tell what the call was answered."""
        now = self._means.clock()
        started = False
        if isinstance(outcome, Failed):
            self._error, started = outcome.error, outcome.output_started
            failure = self._means.describe(outcome.error)
            self._status = None if failure is None else failure.status
            if failure is None:
                raise outcome.error
            answer = self._room.read(begun.bucket, self._of_its_model(failure), now=now).evolve({"served": False})
        else:
            self._result = outcome
            answer = self._success(begun, outcome, now=now)
        self._tell(begun.answered(answer, fingerprint=fingerprint, output_started=started))

    def _success(self, begun: CallBegun, result: object, *, now: float) -> AnswerRead:
        """What an operation's result says; the operation did not raise, so it is a success."""
        described = self._means.describe_answer(result)
        if described is None:
            self._handler.succeeded(begun.bucket, model=self._model)
            return _served(at=now, served=True, model=self._model)
        told = self._of_its_model(described)
        read = self._room.read(begun.bucket, told, now=now)
        if not read.served or self._handler.reads_answers:
            self._handler.report(begun.bucket, told, begun_at=begun.at)
        return read if read.served else _served(at=now, served=True, model=self._model)

    def _report(self, bucket: str, answer: CallFailure, begun_at: float) -> None:
        """The operation tells what an answer said."""
        self._handler.report(bucket, self._of_its_model(answer), begun_at=begun_at)

    def _of_its_model(self, answer: CallFailure) -> CallFailure:
        """The answer, with the model that was asked, unless it says so itself."""
        if answer.model is not None or self._model is None:
            return answer
        return answer.model_copy(update={"model": self._model})

    def _find(self, find: FindBucket) -> Effects:
        """Let the foreign handler search, and tell what it has found."""
        handler, answer = self._means.handler, find.answer
        request = self._entry.request
        context = FailoverContext(
            verdict=None if answer is None else answer.verdict,
            triggering_status=self._status if answer is not None else None,
            fingerprint=None if request.last is None or answer is None else request.last.fingerprint,
            request=self,
            bucket=find.bucket,
            model=self._model if answer is None or answer.model is None else answer.model,
            refresh_spent=request.has_refreshed(self._room.session, find.bucket),
            rejected=request.rejected,
        )
        found = yield Search(context)
        event: RequestEvent
        if found:
            event = BucketSwitched(bucket=handler.found_bucket() or find.bucket)
        else:
            self._exhausted_by_handler = handler.exhausted()
            self._reasons = handler.reasons()
            event = SearchFailed(reasons=self._reasons)
        self._tokens.clear()
        self._tell(event)
        return None

    def _end(self, ended: RequestEnded) -> Exception:
        """What the caller is told of an end without a result."""
        buckets = tuple(self._means.handler.get_buckets())
        if isinstance(ended, AllBucketsExhausted):
            if self._log is None:
                RequestLog(self._provider).hear(ended, now=0.0)
            told = self._exhausted_by_handler or ended
            return AllBucketsExhaustedError(self._provider, buckets, self._error, self._reasons, exhausted=told)
        assert self._error is not None  # noqa: S101 - before the first call, only exhaustion ends a request
        if isinstance(ended, RetriesExhausted):
            return RetriesExhaustedError(self._provider, ended.attempts, self._error)
        return self._error
