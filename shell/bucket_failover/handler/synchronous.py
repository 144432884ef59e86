"""The handler for callers without an event loop; threads may share it."""

import queue
import threading
import time
from collections.abc import Callable, Generator, Sequence
from typing import TypeVar

from bucket_failover.errors import LoginTimedOutError
from bucket_failover.handler.context import Bucket, FailoverContext
from bucket_failover.handler.dialogue import Ask
from bucket_failover.handler.state import HandlerState
from bucket_failover.oauth import SyncOAuthManager, policy_of, replace_token_sync
from bucket_failover.store.limits import LimitStore
from bucket_failover_core import FailoverPolicy, Strategy

_T = TypeVar("_T")


class SyncBucketFailoverHandlerImpl(HandlerState):
    """The twin of `BucketFailoverHandlerImpl` for callers without an event loop.

    A login runs in a thread of its own. One that takes too long cannot be cancelled from outside: it is left to itself,
    and what it brings is found by the next request (REQ-1598-FR05).

    Args:
        buckets: names or `Bucket`s, in order of preference. A list that is changed in place takes effect at `reset`.
        provider: whose credentials they are.
        oauth_manager: where tokens come from.
        policy: what the user allows.
        clock: gives Unix seconds.
        strategy: how the bucket of a new request is chosen (`choose_bucket`).
        limits: where limits are kept, so that they survive a restart and other processes see them; None: nowhere.

    Raises:
        ValueError: a name is empty or occurs twice, or there is no such strategy.
    """

    def __init__(
        self,
        buckets: Sequence[str | Bucket],
        provider: str,
        oauth_manager: SyncOAuthManager,
        *,
        policy: FailoverPolicy = FailoverPolicy(),  # noqa: B008 - an immutable value
        clock: Callable[[], float] = time.time,
        strategy: Strategy = "sticky",
        limits: LimitStore | None = None,
    ) -> None:
        super().__init__(
            buckets, provider, policy=policy_of(oauth_manager, policy), clock=clock, strategy=strategy, limits=limits
        )
        self._manager = oauth_manager
        self._turn = threading.Lock()

    def try_failover(self, context: FailoverContext | None = None) -> bool:
        """Search a usable bucket after a failed call; see `BucketFailoverHandlerImpl.try_failover`.

        Raises:
            ValueError: the context names a bucket that the profile does not have, or an impossible status.
        """
        context = context or FailoverContext()
        failed = self._blamed(context)
        ledger = self._enter(context.request)
        try:
            with self._turn:
                return converse(self._failover(context, failed, ledger), self._manager)
        finally:
            self._leave(context.request, ledger)

    def adopt_session_bucket(self) -> None:
        """Take over the manager's session bucket if the profile has it; a manager that raises is logged."""
        converse(self._adoption(), self._manager)


def converse(dialogue: Generator[Ask, object, _T], manager: SyncOAuthManager) -> _T:
    """Run a dialogue to its end: perform what it asks of the manager, tell it the answer or the exception."""
    try:
        ask = next(dialogue)
        while True:
            try:
                answer = _perform(ask, manager)
            except Exception as error:  # noqa: BLE001 - what it means is the dialogue's to say
                ask = dialogue.throw(error)
            else:
                ask = dialogue.send(answer)
    except StopIteration as end:
        result: _T = end.value
        return result
    finally:
        dialogue.close()


def _perform(ask: Ask, manager: SyncOAuthManager) -> object:
    if ask.method == "replace_token":
        return replace_token_sync(manager, *ask.arguments)
    method = getattr(manager, ask.method)
    if ask.timeout_seconds is None:
        return method(*ask.arguments)
    return _within(lambda: method(*ask.arguments), ask.timeout_seconds)


def _within(call: Callable[[], object], timeout_seconds: float) -> object:
    """Perform a call in a thread of its own, and wait for it no longer than allowed."""
    ended: queue.SimpleQueue[tuple[object, BaseException | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            ended.put((call(), None))
        except BaseException as error:  # noqa: BLE001 - it is raised again in the caller's thread
            ended.put((None, error))

    threading.Thread(target=run, name="bucket-failover-login", daemon=True).start()
    try:
        answer, error = ended.get(timeout=timeout_seconds)
    except queue.Empty:
        message = f"no answer within {timeout_seconds:g} s"
        raise LoginTimedOutError(message) from None
    if error is not None:
        raise error
    return answer
