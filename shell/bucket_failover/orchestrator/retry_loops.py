"""The retry loop around a call, with and without an event loop; what happens in it is `decide_request`'s to say."""

import asyncio
import contextlib
import inspect
import random
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Final, TypeVar, cast

from bucket_failover.client_exceptions import describe_answer, describe_exception
from bucket_failover.effects import Attempt, resume, resume_async
from bucket_failover.effects.performing import AsyncPerformer, SyncPerformer
from bucket_failover.handler.foreign import ForeignHandler, full_handler
from bucket_failover.handler.protocol import BucketFailoverHandler, SyncBucketFailoverHandler
from bucket_failover.oauth import OAuthManager, SyncOAuthManager, full_manager
from bucket_failover.observe import Observer
from bucket_failover.orchestrator.parts import check_parts, refuse_coroutine
from bucket_failover.orchestrator.request import ActiveBucket, Dependencies, Failed, Request
from bucket_failover_core import CallFailure, RetryBudget, RetryPolicy

_T = TypeVar("_T")

_CLOSING_SECONDS: Final = 5.0
"""Longer than a connection takes to be closed, and short beside a request."""


class RetryOrchestrator:
    """Performs calls that survive their buckets.

    Example:
        orchestrator = RetryOrchestrator(handler, manager)
        answer = await orchestrator.call(lambda bucket: ask(bucket.token.access_token.get_secret_value()))

    Args:
        handler: whose buckets they are. A foreign one searches by itself; methods beyond those of the protocol are used
            where it has them.
        oauth_manager: where tokens come from.
        policy: how patient a request is.
        describe: what an exception was; None re-raises it. The default knows the well-known clients.
        clock: gives Unix seconds.
        sleep: waits for so many seconds.
        draw: gives a random number in [0, 1).
        budget: what all requests of this orchestrator may spend on retries together; None: it is not counted.
        describe_answer: status and headers of what an operation returned, if it has any; the default reads them off the
            answers of the well-known clients. None: nothing is learned of it.
        observe: told each decision and what came of it (`Observed`); None: nothing is told.
    """

    def __init__(
        self,
        handler: BucketFailoverHandler,
        oauth_manager: OAuthManager,
        *,
        policy: RetryPolicy = RetryPolicy(),  # noqa: B008 - an immutable value
        describe: Callable[[Exception], CallFailure | None] = describe_exception,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        draw: Callable[[], float] = random.random,
        budget: RetryBudget | None = RetryBudget(),  # noqa: B008 - an immutable value
        describe_answer: Callable[[object], CallFailure | None] = describe_answer,
        observe: Observer | None = None,
    ) -> None:
        check_parts(handler, oauth_manager, with_loop=True)
        full, manager = full_handler(handler, budget, clock), full_manager(oauth_manager)
        search = handler.try_failover if isinstance(full, ForeignHandler) else None
        self._perform = AsyncPerformer(manager, sleep, search, full.shared).perform
        self._means = Dependencies(full, policy, describe, describe_answer, clock, draw, manager.peek, observe)
        self._handler = handler
        self._adoption: asyncio.Future[object] | None = None
        self._is_adopted = False

    async def call(
        self,
        operation: Callable[[ActiveBucket], Awaitable[_T]],
        *,
        model: str | None = None,
        session_key: str | None = None,
        policy: RetryPolicy | None = None,
    ) -> _T:
        """Perform an operation, again and with other buckets as the rules have it.

        Args:
            operation: makes one attempt with the bucket and token it is given.
            model: the model that is asked, so that limits about others do not count; None: unknown.
            session_key: names a conversation, which stays with one bucket while that is usable.
            policy: how patient this request is; None: as all are.

        Raises:
            AllBucketsExhaustedError: no bucket of the profile can serve it.
            RetriesExhaustedError: the attempts are used up.
            Exception: the operation's own, the same object, if no repetition can help or it cannot be classified.
        """
        if not self._is_adopted:
            await self._adopt_once()
        steps = Request(self._means, model=model, session_key=session_key, policy=policy).perform()
        outcome: object = None
        try:
            next_one = await resume_async(steps, self._perform)
            while isinstance(next_one, Attempt):
                try:
                    outcome = operation(next_one.active)
                    if hasattr(outcome, "__await__"):  # a plain function may answer at once
                        outcome = await outcome
                except Exception as error:  # noqa: BLE001 - what it was is for `describe` to say
                    outcome = Failed(error)
                next_one = await resume_async(steps, self._perform, outcome=outcome)
        finally:
            steps.close()
            outcome = None  # else an exception that ends the request would refer to itself by this frame
        return cast("_T", next_one.value)

    async def stream(
        self,
        operation: Callable[[ActiveBucket], AsyncIterator[_T] | Awaitable[AsyncIterator[_T]]],
        *,
        model: str | None = None,
        session_key: str | None = None,
    ) -> AsyncIterator[_T]:
        """Perform an operation that yields its answer piece by piece.

        What fails before the first piece is repeated as in `call`; after it, nothing is: two answers must not be mixed.

        Args:
            operation: makes one attempt: an asynchronous generator, or a coroutine that returns one.
            model: see `call`.
            session_key: see `call`.

        Raises:
            AllBucketsExhaustedError: no bucket of the profile can serve it.
            RetriesExhaustedError: the attempts are used up.
            Exception: the operation's own, the same object, once output has started, or if no repetition can help.
        """
        if not self._is_adopted:
            await self._adopt_once()
        steps = Request(self._means, model=model, session_key=session_key).perform()
        try:
            next_one = await resume_async(steps, self._perform)
            while isinstance(next_one, Attempt):
                started = False
                items: AsyncIterator[_T] | None = None
                try:
                    answer = operation(next_one.active)
                    items = await answer if inspect.isawaitable(answer) else answer
                    async for item in items:
                        started = True
                        yield item
                except Exception as error:  # noqa: BLE001 - what it was is for `describe` to say
                    await _close(items)
                    outcome: object = Failed(error, output_started=started)
                except BaseException:
                    await _close(items)
                    raise
                else:
                    outcome = items
                next_one = await resume_async(steps, self._perform, outcome=outcome)
        finally:
            steps.close()

    async def _adopt_once(self) -> None:
        """Take over the session's bucket: requests that begin together share one adoption; a failed one is repeated."""
        adopt: Callable[[], Awaitable[object]] | None = getattr(self._handler, "adopt_session_bucket", None)
        if adopt is not None:
            if self._adoption is None or self._adoption.done():
                self._adoption = asyncio.ensure_future(adopt())
            await asyncio.shield(self._adoption)
        self._is_adopted = True


class SyncRetryOrchestrator:
    """The twin of `RetryOrchestrator` for programs without an event loop; threads may share it.

    Example:
        orchestrator = SyncRetryOrchestrator(handler, manager)
        answer = orchestrator.call(lambda bucket: ask(bucket.token.access_token.get_secret_value()))

    Args:
        handler: see `RetryOrchestrator`; a synchronous one.
        oauth_manager: where tokens come from.
        policy: how patient a request is.
        describe: what an exception was; None re-raises it.
        clock: gives Unix seconds.
        sleep: waits for so many seconds.
        draw: gives a random number in [0, 1).
        budget: see `RetryOrchestrator`.
        describe_answer: see `RetryOrchestrator`.
        observe: see `RetryOrchestrator`.
    """

    def __init__(
        self,
        handler: SyncBucketFailoverHandler,
        oauth_manager: SyncOAuthManager,
        *,
        policy: RetryPolicy = RetryPolicy(),  # noqa: B008 - an immutable value
        describe: Callable[[Exception], CallFailure | None] = describe_exception,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], object] = time.sleep,
        draw: Callable[[], float] = random.random,
        budget: RetryBudget | None = RetryBudget(),  # noqa: B008 - an immutable value
        describe_answer: Callable[[object], CallFailure | None] = describe_answer,
        observe: Observer | None = None,
    ) -> None:
        check_parts(handler, oauth_manager, with_loop=False)
        full, manager = full_handler(handler, budget, clock), full_manager(oauth_manager)
        search = handler.try_failover if isinstance(full, ForeignHandler) else None
        self._perform = SyncPerformer(manager, sleep, search, full.shared).perform
        self._means = Dependencies(full, policy, describe, describe_answer, clock, draw, manager.peek, observe)
        self._handler = handler
        self._adopting = threading.Lock()
        self._is_adopted = False

    def call(
        self,
        operation: Callable[[ActiveBucket], _T],
        *,
        model: str | None = None,
        session_key: str | None = None,
        policy: RetryPolicy | None = None,
    ) -> _T:
        """Perform an operation, again and with other buckets as the rules have it; see `RetryOrchestrator.call`.

        Raises:
            AllBucketsExhaustedError: no bucket of the profile can serve it.
            RetriesExhaustedError: the attempts are used up.
            Exception: the operation's own, the same object, if no repetition can help or it cannot be classified.
        """
        self._adopt_once()
        steps = Request(self._means, model=model, session_key=session_key, policy=policy).perform()
        outcome: object = None
        try:
            next_one = resume(steps, self._perform)
            while isinstance(next_one, Attempt):
                try:
                    outcome = operation(next_one.active)
                    refuse_coroutine(outcome)
                except Exception as error:  # noqa: BLE001 - what it was is for `describe` to say
                    outcome = Failed(error)
                next_one = resume(steps, self._perform, outcome=outcome)
        finally:
            steps.close()
            outcome = None  # see above
        return cast("_T", next_one.value)

    def stream(
        self,
        operation: Callable[[ActiveBucket], Iterator[_T]],
        *,
        model: str | None = None,
        session_key: str | None = None,
    ) -> Iterator[_T]:
        """Perform an operation that yields its answer piece by piece; see `RetryOrchestrator.stream`.

        Raises:
            AllBucketsExhaustedError: no bucket of the profile can serve it.
            RetriesExhaustedError: the attempts are used up.
            Exception: the operation's own, the same object, once output has started, or if no repetition can help.
        """
        self._adopt_once()
        steps = Request(self._means, model=model, session_key=session_key).perform()
        try:
            next_one = resume(steps, self._perform)
            while isinstance(next_one, Attempt):
                started = False
                items: Iterator[_T] | None = None
                try:
                    items = operation(next_one.active)
                    for item in items:
                        started = True
                        yield item
                except Exception as error:  # noqa: BLE001 - what it was is for `describe` to say
                    _close_now(items)
                    outcome: object = Failed(error, output_started=started)
                except BaseException:
                    _close_now(items)
                    raise
                else:
                    outcome = items
                next_one = resume(steps, self._perform, outcome=outcome)
        finally:
            steps.close()

    def _adopt_once(self) -> None:
        """Take over the session's bucket, before the first request; a failed adoption is repeated."""
        if self._is_adopted:
            return
        with self._adopting:
            adopt: Callable[[], object] | None = getattr(self._handler, "adopt_session_bucket", None)
            if adopt is not None and not self._is_adopted:
                adopt()
            self._is_adopted = True


async def _close(items: object) -> None:
    """Let an abandoned stream clean up, if it can: a generator has `aclose`, the clients' streams have `close`.

    What goes wrong in that, or takes too long, changes nothing of what the request is told, nor of what it does next.
    """
    with contextlib.suppress(Exception):
        close = getattr(items, "aclose", None) or getattr(items, "close", None)
        closed = close() if callable(close) else None
        if inspect.isawaitable(closed):
            closing = asyncio.ensure_future(closed)
            closing.add_done_callback(_retrieve)
            _, late = await asyncio.wait({closing}, timeout=_CLOSING_SECONDS)
            for task in late:
                task.cancel()


def _retrieve(closed: "asyncio.Future[object]") -> None:
    """What a close has raised is no unhandled exception."""
    if not closed.cancelled():
        closed.exception()


def _close_now(items: object) -> None:
    """Let an abandoned stream clean up, if it can; see `_close`."""
    with contextlib.suppress(Exception):
        close = getattr(items, "close", None)
        if callable(close):
            close()
