"""The handler for callers with an event loop (asyncio)."""

import asyncio
import time
from collections.abc import Callable, Sequence

from bucket_failover.effects import run_async
from bucket_failover.effects.performing import AsyncPerformer
from bucket_failover.handler.context import Bucket, FailoverContext
from bucket_failover.handler.searching import HandlerState
from bucket_failover.oauth import OAuthManager, full_manager, policy_of
from bucket_failover.observe import Observer
from bucket_failover.store.interfaces import LimitStore
from bucket_failover_core import FailoverPolicy, Strategy


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
        observe: told what happens in each `try_failover` (`Observed`); a retry loop has an observer of its own.

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
        observe: Observer | None = None,
    ) -> None:
        super().__init__(
            buckets,
            provider,
            policy=policy_of(oauth_manager, policy),
            clock=clock,
            strategy=strategy,
            limits=limits,
            observe=observe,
        )
        self.performer = AsyncPerformer(full_manager(oauth_manager))
        self._turn: asyncio.Lock | None = None
        self._telling: asyncio.Task[None] | None = None
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
        failed = self.blamed(context)
        asked = self.enter(context, failed)
        try:
            async with self._next_turn():
                return await run_async(self.searching(asked), self.performer.perform)
        finally:
            self.leave(asked)

    def reset(self) -> None:
        """Back to the first bucket, and forget what was tried (REQ-1598-SM05); see `Room.reset`.

        The store is told at once in a running event loop, else with the next request, search or adoption.

        Raises:
            ValueError: a changed profile has an empty or a repeated name; the handler stays as it was.
        """
        super().reset()
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        self._telling = loop.create_task(run_async(self.settling(), self.performer.perform))

    async def adopt_session_bucket(self) -> None:
        """Take over the manager's session bucket if the profile has it; a manager that raises is logged."""
        await run_async(self.adopting(), self.performer.perform)

    def _next_turn(self) -> asyncio.Lock:
        """The lock of the running loop; a lock belongs to the loop in which a task first waited for it."""
        loop = asyncio.get_running_loop()
        if self._turn is None or self._loop is not loop:
            self._turn, self._loop = asyncio.Lock(), loop
        return self._turn
