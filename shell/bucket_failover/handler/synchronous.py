"""The handler for callers without an event loop; threads may share it."""

import threading
import time
from collections.abc import Callable, Sequence

from bucket_failover.effects import run
from bucket_failover.effects.performing import SyncPerformer
from bucket_failover.handler.context import Bucket, FailoverContext
from bucket_failover.handler.searching import HandlerState
from bucket_failover.oauth import SyncOAuthManager, full_manager, policy_of
from bucket_failover.observe import Observer
from bucket_failover.store.interfaces import LimitStore
from bucket_failover_core import FailoverPolicy, Strategy


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
        observe: see `BucketFailoverHandlerImpl`.

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
        self.performer = SyncPerformer(full_manager(oauth_manager))
        self._turn = threading.Lock()

    def try_failover(self, context: FailoverContext | None = None) -> bool:
        """Search a usable bucket after a failed call; see `BucketFailoverHandlerImpl.try_failover`.

        Raises:
            ValueError: the context names a bucket that the profile does not have, or an impossible status.
        """
        context = context or FailoverContext()
        failed = self.blamed(context)
        asked = self.enter(context, failed)
        try:
            with self._turn:
                return run(self.searching(asked), self.performer.perform)
        finally:
            self.leave(asked)

    def reset(self) -> None:
        """Back to the first bucket, in the store as well; see `BucketFailoverHandlerImpl.reset`.

        Raises:
            ValueError: a changed profile has an empty or a repeated name; the handler stays as it was.
        """
        super().reset()
        run(self.settling(), self.performer.perform)

    def adopt_session_bucket(self) -> None:
        """Take over the manager's session bucket if the profile has it; a manager that raises is logged."""
        run(self.adopting(), self.performer.perform)
