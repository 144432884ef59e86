"""The retry loop around a call; what happens after a failed attempt is `request`'s to say."""

import asyncio
import inspect
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from bucket_failover.describe import describe_answer, describe_exception
from bucket_failover.handler.protocol import BucketFailoverHandler
from bucket_failover.oauth import OAuthManager
from bucket_failover.request import ActiveBucket, Means, Purse, Request
from bucket_failover_core import CallFailure, RetryBudget, RetryPolicy

_T = TypeVar("_T")


class RetryOrchestrator:
    """Performs calls that survive their buckets.

    Example:
        orchestrator = RetryOrchestrator(handler, manager)
        answer = await orchestrator.call(lambda bucket: ask(bucket.token.access_token.get_secret_value()))

    Args:
        handler: searches another bucket. Methods beyond those of the protocol are used where it has them.
        oauth_manager: where tokens come from.
        policy: how patient a request is.
        describe: what an exception was; None re-raises it. The default knows the well-known clients.
        clock: gives Unix seconds.
        sleep: waits for so many seconds.
        draw: gives a random number in [0, 1).
        budget: what all requests of this orchestrator may spend on retries together; None: it is not counted.
        describe_answer: status and headers of what an operation returned, if it has any; the default reads them off the
            answers of the well-known clients. None: nothing is learned of it.
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
    ) -> None:
        self._handler = handler
        self._purse = Purse(budget)
        self._clock = clock
        self._describe_answer = describe_answer
        choose_start = _accepting(getattr(handler, "choose_start", None), "model", "session_key", "draw", "request")
        self._report_answer = getattr(handler, "report_answer", None)
        self._means = Means(
            handler,
            oauth_manager,
            policy,
            describe,
            clock,
            sleep,
            draw,
            choose_start,
            self._report_answer,
            self._purse,
        )
        self._adopted = False
        self._adoption: asyncio.Future[None] | None = None
        self._reset_session: Callable[..., None] = handler.reset_session
        self._resets_by_request = _takes_an_argument(handler.reset_session)
        self._begin_request: Callable[[Request], object] | None = getattr(handler, "begin_request", None)
        self._report_success = _accepting(getattr(handler, "report_success", None), "model")

    async def call(
        self,
        operation: Callable[[ActiveBucket], Awaitable[_T]],
        *,
        model: str | None = None,
        session_key: str | None = None,
    ) -> _T:
        """Perform an operation, again and with other buckets as the rules have it.

        Args:
            operation: makes one attempt with the bucket and token it is given.
            model: the model that is asked, so that limits about others do not count; None: unknown.
            session_key: names a conversation, which stays with one bucket while that is usable.

        Raises:
            AllBucketsExhaustedError: no bucket of the profile can serve it.
            RetriesExhaustedError: the attempts are used up.
            Exception: the operation's own, the same object, if no repetition can help or nobody knows what it was.
        """
        request = Request(self._means, model=model, session_key=session_key)
        await self._begin(request)
        try:
            active = await request.begin()
            while True:
                try:
                    result = await operation(active)
                except Exception as error:  # noqa: BLE001 - what it was is for `describe` to say
                    active = await request.recover(active, error, output_started=False)
                else:
                    self._succeed(request, active, result)
                    return result
        finally:
            self._end(request)

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
        request = Request(self._means, model=model, session_key=session_key)
        await self._begin(request)
        try:
            active = await request.begin()
            while True:
                started = False
                items: AsyncIterator[_T] | None = None
                try:
                    answer = operation(active)
                    items = await answer if inspect.isawaitable(answer) else answer
                    async for item in items:
                        started = True
                        yield item
                except Exception as error:  # noqa: BLE001 - what it was is for `describe` to say
                    await _close(items)
                    active = await request.recover(active, error, output_started=started)
                except BaseException:
                    await _close(items)
                    raise
                else:
                    self._succeed(request, active, items)
                    return
        finally:
            self._end(request)

    async def _begin(self, request: Request) -> None:
        """A request begins; before the first one, the handler takes over the session's bucket, if it knows how."""
        if not self._adopted:
            await self._adopt()
        if self._resets_by_request:
            self._reset_session(request)
        else:
            self._reset_session()
        if self._begin_request is not None:
            self._begin_request(request)

    async def _adopt(self) -> None:
        """Take over the session's bucket: requests that begin together share one adoption; a failed one is repeated."""
        if self._adoption is None or self._adoption.done():
            adopt = getattr(self._handler, "adopt_session_bucket", None)
            self._adoption = asyncio.ensure_future(adopt() if adopt is not None else asyncio.sleep(0))
        await asyncio.shield(self._adoption)
        self._adopted = True

    def _succeed(self, request: Request, active: ActiveBucket, result: object) -> None:
        """A success disproves what was merely believed; what its answer says of quota is fresher still."""
        self._purse.refund(self._clock)
        answer = self._describe_answer(result) if self._report_answer is not None else None
        if answer is not None and self._report_answer is not None:
            self._report_answer(active.name, request.of_its_model(answer))
        elif self._report_success is not None and not request.has_heard:
            self._report_success(active.name, model=request.model)

    def _end(self, request: Request) -> None:
        """The request is over, however it ended: its ledger ends with it."""
        if self._resets_by_request:
            self._reset_session(request)


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


async def _close(items: object) -> None:
    """Let an abandoned stream clean up, if it can: a generator has `aclose`, the clients' streams have `close`."""
    close = getattr(items, "aclose", None) or getattr(items, "close", None)
    if callable(close):
        closed = close()
        if inspect.isawaitable(closed):
            await closed
