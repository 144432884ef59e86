"""The handler for callers with an event loop (asyncio)."""

import asyncio
import time
from collections.abc import Callable, Generator, Sequence
from typing import TypeVar

from bucket_failover.errors import LoginCancelledError, LoginTimedOutError
from bucket_failover.handler.context import Bucket, FailoverContext
from bucket_failover.handler.dialogue import Ask
from bucket_failover.handler.state import HandlerState
from bucket_failover.oauth import OAuthManager, policy_of, replace_token
from bucket_failover.store.limits import LimitStore
from bucket_failover_core import FailoverPolicy, Strategy

_T = TypeVar("_T")


class BucketFailoverHandlerImpl(HandlerState):
    """Searches a usable bucket after a failed call, and remembers what requests in flight share.

    Example:
        handler = BucketFailoverHandlerImpl(["default", "claudius"], "anthropic", manager)
        if await handler.try_failover(FailoverContext(triggering_status=429)):
            ...  # call again, with handler.get_current_bucket()

    It may be used from one event loop at a time.

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
        oauth_manager: OAuthManager,
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
        self._turn: asyncio.Lock | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def try_failover(self, context: FailoverContext | None = None) -> bool:
        """Search a usable bucket after a failed call (REQ-1598-IC09).

        Concurrent calls take turns. Cancelling leaves the handler as it was; a refresh or login that was under way is
        the token manager's to finish or undo.

        Args:
            context: what is known of the failed call; None: nothing.

        Returns:
            True: the request can go on, with `get_current_bucket()` or the bucket of `last_decision`. False: no bucket
            is left (REQ-1598-FL11); `last_decision` says why.

        Raises:
            ValueError: the context names a bucket that the profile does not have, or an impossible status.
        """
        context = context or FailoverContext()
        failed = self._blamed(context)
        ledger = self._enter(context.request)
        try:
            async with self._next_turn():
                return await converse(self._failover(context, failed, ledger), self._manager)
        finally:
            self._leave(context.request, ledger)

    async def adopt_session_bucket(self) -> None:
        """Take over the manager's session bucket if the profile has it; a manager that raises is logged."""
        await converse(self._adoption(), self._manager)

    def _next_turn(self) -> asyncio.Lock:
        """The lock of the running loop; a lock belongs to the loop in which somebody first waited for it."""
        loop = asyncio.get_running_loop()
        if self._turn is None or self._loop is not loop:
            self._turn, self._loop = asyncio.Lock(), loop
        return self._turn


async def converse(dialogue: Generator[Ask, object, _T], manager: OAuthManager) -> _T:
    """Run a dialogue to its end: perform what it asks of the manager, tell it the answer or the exception."""
    try:
        ask = next(dialogue)
        while True:
            try:
                answer = await _perform(ask, manager)
            except Exception as error:  # noqa: BLE001 - what it means is the dialogue's to say
                ask = dialogue.throw(error)
            else:
                ask = dialogue.send(answer)
    except StopIteration as end:
        result: _T = end.value
        return result
    finally:
        dialogue.close()


async def _perform(ask: Ask, manager: OAuthManager) -> object:
    if ask.method == "replace_token":
        return await replace_token(manager, *ask.arguments)
    call = getattr(manager, ask.method)(*ask.arguments)
    if ask.timeout_seconds is None:
        return await call
    return await _within(asyncio.ensure_future(call), ask.timeout_seconds)


async def _within(login: asyncio.Future[object], timeout_seconds: float) -> object:
    """Wait for a login no longer than allowed. One that is late is cancelled, and what it still does is its own."""
    try:
        await asyncio.wait({login}, timeout=timeout_seconds)
    except asyncio.CancelledError:
        login.cancel()
        await asyncio.wait({login})
        raise
    if login.cancelled():
        message = "the login was cancelled"
        raise LoginCancelledError(message)
    if login.done():
        return login.result()
    login.cancel()
    login.add_done_callback(_retrieve)
    message = f"no answer within {timeout_seconds:g} s"
    raise LoginTimedOutError(message)


def _retrieve(login: asyncio.Future[object]) -> None:
    """Nobody waits for a late login's exception, so that it is no unhandled one."""
    if not login.cancelled():
        login.exception()  # noqa: LOG004 - a future, not a logger
