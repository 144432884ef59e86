"""Handlers of all kinds as the retry loop wants them: what one lacks is made up for here, settled once.

Our own handler lends its room: session, requests and limits are shared with all that use it. Of a foreign one
nothing is known but the protocol, and which optional methods it has; it searches by itself (`FindBucket`).
"""

import inspect
from collections.abc import Callable, Hashable
from typing import Any, Final, TypeVar

from returns.methods import unwrap_or_failure
from returns.result import Failure, Success

from bucket_failover.errors import AllBucketsExhaustedError
from bucket_failover.handler.context import Bucket
from bucket_failover.handler.entries import Entry
from bucket_failover.handler.room import Room
from bucket_failover.handler.searching import HandlerState
from bucket_failover_core import (
    AllBucketsExhausted,
    BucketFailureReason,
    BucketSwitched,
    CallFailure,
    FailoverPolicy,
    RetryBudget,
    RetryPolicy,
    UseBucket,
    begin_request,
)

_T = TypeVar("_T")


class _Resets:
    """A handler's `reset_session`: for each request if it takes one, else when one begins; or not at all."""

    def __init__(self, handler: Any) -> None:  # noqa: ANN401 - any handler
        self._reset: Callable[..., object] | None = getattr(handler, "reset_session", None)
        self._is_by_request = self._reset is not None and _takes_an_argument(self._reset)

    def begin(self, request: Hashable) -> None:
        """A request begins (REQ-1598-SM03)."""
        if self._reset is None:
            return
        if self._is_by_request:
            self._reset(request)
        else:
            self._reset()

    def end(self, request: Hashable) -> None:
        """A request has ended."""
        if self._is_by_request and self._reset is not None:
            self._reset(request)


class OwnHandler:
    """A handler of ours: the request searches in its room.

    Args:
        handler: the handler.
        budget: what all requests may spend on retries.
    """

    reads_answers: Final = False
    """The core has learned of an answer that was served."""

    def __init__(self, handler: HandlerState, budget: RetryBudget | None) -> None:
        self._handler = handler
        self.provider = handler.provider
        self.room: Room = handler
        self.shared: Any = vars(handler)["performer"].shared
        """Steps are shared with the handler's own searches."""
        is_plain = "reset_session" not in vars(handler) and type(handler).reset_session is Room.reset_session
        self._resets = None if is_plain else _Resets(handler)
        handler.set_budget(budget)

    def get_buckets(self) -> list[str]:
        """The names of the profile's buckets."""
        return self._handler.get_buckets()

    def begin(
        self, request: Hashable, *, draw: float, policy: RetryPolicy, model: str | None, session_key: str | None
    ) -> Entry:
        """A request begins (REQ-1598-SM03)."""
        if self._resets is not None:
            self._resets.begin(request)
        room = self._handler
        room.renew(draw)
        begun = begin_request(
            room.session,
            now=room.clock(),
            draw=draw,
            policy=policy,
            strategy=room.strategy,
            model=model,
            session_key=session_key,
        )
        return room.enlist(request, begun)

    def end(self, request: Hashable) -> None:
        """A request has ended, however it did."""
        if self._resets is not None:
            self._resets.end(request)
        self.room.forget(request)

    def report(self, bucket: str, answer: CallFailure, *, begun_at: float) -> None:
        """An answer that the operation tells of."""
        self._handler.report_answer(bucket, answer, begun_at=begun_at)

    def succeeded(self, bucket: str, *, model: str | None) -> None:
        """The core learns it; see `found_bucket`."""

    def found_bucket(self) -> str | None:
        """The core searches: a handler of ours is not asked."""
        raise AssertionError

    def exhausted(self) -> AllBucketsExhausted | None:
        """The core says why; see `found_bucket`."""
        return None

    def reasons(self) -> dict[str, BucketFailureReason]:
        """The core says why; see `found_bucket`."""
        return {}


class ForeignHandler:
    """A handler that an application has written.

    Args:
        handler: it has at least the protocol.
        budget: what all requests may spend on retries.
        clock: gives Unix seconds.
    """

    reads_answers: Final = True
    """It is told of each answer."""

    def __init__(self, handler: Any, budget: RetryBudget | None, clock: Callable[[], float]) -> None:  # noqa: ANN401 - any handler
        self._handler = handler
        self.provider: str = handler.provider
        self.room = Room((), self.provider, policy=FailoverPolicy(), clock=clock, strategy="sticky", limits=None)
        self.room.set_budget(budget)
        self.shared: Any = None
        self._choose_start = _accepting(getattr(handler, "choose_start", None), "model", "session_key", "draw")
        self._report_answer: Callable[..., object] | None = getattr(handler, "report_answer", None)
        self._report_success = _accepting(getattr(handler, "report_success", None), "model")
        self._resets = _Resets(handler)
        self._begin_request: Callable[[Hashable], object] | None = getattr(handler, "begin_request", None)
        self._reasons: Callable[[], dict[str, BucketFailureReason]] = getattr(
            handler, "get_last_failover_reasons", dict
        )

    def get_buckets(self) -> list[str]:
        """The names of the profile's buckets."""
        return list(self._handler.get_buckets())

    def begin(
        self, request: Hashable, *, draw: float, policy: RetryPolicy, model: str | None, session_key: str | None
    ) -> Entry:
        """A request begins, with the bucket that the handler names.

        Raises:
            AllBucketsExhaustedError: it names none.
        """
        self._resets.begin(request)
        if self._begin_request is not None:
            self._begin_request(request)
        current: str | None = self._handler.get_current_bucket()
        if self._choose_start is not None:
            choice = self._choose_start(model=model, session_key=session_key, draw=draw)
            if isinstance(choice, Failure):
                exhausted: AllBucketsExhausted = choice.failure()
                raise AllBucketsExhaustedError(self.provider, exhausted.buckets, exhausted=exhausted)
            if isinstance(choice, Success):
                current = choice.unwrap().bucket
        names = self.get_buckets() if self._handler.is_enabled() else [current] if current is not None else []
        room = self.room
        room.set_profile(tuple(Bucket(name) for name in names))
        if current is not None:
            room.tell(BucketSwitched(bucket=current))
        begun = begin_request(
            room.session, now=room.clock(), draw=draw, policy=policy, model=model, searches=False, reads_again=True
        )
        return room.enlist(request, begun)

    def end(self, request: Hashable) -> None:
        """A request has ended, however it did."""
        self.room.forget(request)
        self._resets.end(request)

    def succeeded(self, bucket: str, *, model: str | None) -> None:
        """A call has succeeded, and its answer says nothing more."""
        if self._report_success is not None:
            self._report_success(bucket, model=model)

    def report(self, bucket: str, answer: CallFailure, *, begun_at: float) -> None:  # noqa: ARG002 - ours has it
        """An answer that the operation tells of."""
        if self._report_answer is not None:
            self._report_answer(bucket, answer)

    def found_bucket(self) -> str | None:
        """The bucket that the handler has found.

        Read at once after its search: until the next `await`, no other request can have replaced it.
        """
        decision = self._decision()
        if isinstance(decision, UseBucket):
            return decision.bucket
        current: str | None = self._handler.get_current_bucket()
        return current

    def exhausted(self) -> AllBucketsExhausted | None:
        """What is known of a search that found nothing, if the handler tells (REQ-1598-IC03)."""
        decision = self._decision()
        return decision if isinstance(decision, AllBucketsExhausted) else None

    def reasons(self) -> dict[str, BucketFailureReason]:
        """The handler's reasons, as far as it tells (REQ-1598-IC03, REQ-1598-IC04)."""
        return dict(self._reasons())

    def _decision(self) -> object:
        result = getattr(self._handler, "last_decision", None)
        return None if result is None else unwrap_or_failure(result)


FullHandler = OwnHandler | ForeignHandler


def full_handler(handler: Any, budget: RetryBudget | None, clock: Callable[[], float]) -> FullHandler:  # noqa: ANN401 - any handler
    """The handler as the retry loop wants it: ours, unless its search has been replaced."""
    if isinstance(handler, HandlerState) and handler.searches_itself:
        return OwnHandler(handler, budget)
    return ForeignHandler(handler, budget, clock)


def _takes_an_argument(function: Callable[..., object]) -> bool:
    kinds = [parameter.kind for parameter in inspect.signature(function).parameters.values()]
    return any(kind not in {inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD} for kind in kinds)


def _accepting(function: Callable[..., _T] | None, *names: str) -> Callable[..., _T] | None:
    """The function, made to be called with these keywords: those that it does not know are left out."""
    if function is None:
        return None
    parameters = inspect.signature(function).parameters
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values()):
        return function
    known = [name for name in names if name in parameters]
    if len(known) == len(names):
        return function
    return lambda *values, **given: function(*values, **{name: given[name] for name in known if name in given})
