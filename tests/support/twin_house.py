"""A `House` of either kind, for tests that run over both twins."""

from collections.abc import Mapping, Sequence
from typing import Any

from bucket_failover import (
    Bucket,
    BucketFailoverHandlerImpl,
    FailoverContext,
    FailoverPolicy,
    MemoryTokenStore,
    OAuthToken,
    StoredOAuthManager,
    SyncBucketFailoverHandlerImpl,
    SyncStoredOAuthManager,
)
from tests.support.house import NAMES
from tests.support.people import PROVIDER, Issuer
from tests.support.twins import Twin, driven


class TwinHouse:
    """A world, a store with these tokens, its manager and issuer, and a handler."""

    def __init__(
        self,
        tokens: Mapping[str, OAuthToken | None],
        buckets: Sequence[str | Bucket] = NAMES,
        policy: FailoverPolicy = FailoverPolicy(),  # noqa: B008 - an immutable value
        *,
        twin: Twin,
    ) -> None:
        self.twin = twin
        self.world = twin.world()
        self.issuer = Issuer()
        self.store = MemoryTokenStore()
        for name, held in tokens.items():
            if held is not None:
                self.store.write(PROVIDER, name, held)
        self.manager: StoredOAuthManager | SyncStoredOAuthManager = twin.manager(
            self.store,
            refresh=twin.does(driven(self.issuer.refresh)),
            login=twin.does(driven(self.issuer.login)),
            clock=self.world.clock,
            **twin.asks_each_time,
        )
        self.handler: BucketFailoverHandlerImpl | SyncBucketFailoverHandlerImpl = twin.handler(
            buckets, PROVIDER, self.manager, policy=policy, clock=self.world.clock
        )

    def run(self, call: Any) -> Any:
        """What a call of the twin's answers."""
        return self.world.run(call)

    def try_failover(self, *contexts: FailoverContext | None) -> list[bool]:
        """Search once for each context, one after the other."""
        return [self.run(self.handler.try_failover(context)) for context in contexts]
