"""A handler in a world of its own, with an issuer, for tests of the handler."""

from collections.abc import Mapping, Sequence

from bucket_failover import Bucket, BucketFailoverHandlerImpl, FailoverContext, FailoverPolicy, OAuthToken
from tests.support.people import PROVIDER, Issuer, managed, token
from tests.support.virtual_time import World

NAMES = ["default", "claudius", "vybestack"]
SPENT = FailoverContext(triggering_status=429)


class House:
    """A world, a handler, and an issuer."""

    def __init__(
        self,
        tokens: Mapping[str, OAuthToken | None],
        buckets: Sequence[str | Bucket] = NAMES,
        policy: FailoverPolicy = FailoverPolicy(),  # noqa: B008 - an immutable value
    ) -> None:
        self.world = World()
        self.issuer = Issuer()
        self.manager, self.store = managed(tokens, self.issuer, self.world.clock)
        self.handler = BucketFailoverHandlerImpl(buckets, PROVIDER, self.manager, policy=policy, clock=self.world.clock)

    def try_failover(self, *contexts: FailoverContext | None) -> list[bool]:
        """Search once for each context, one after the other."""

        async def main() -> list[bool]:
            return [await self.handler.try_failover(context) for context in contexts]

        return self.world.run(main())


def live(*names: str) -> dict[str, OAuthToken | None]:
    """These buckets hold a live token."""
    return {name: token(name) for name in names}
