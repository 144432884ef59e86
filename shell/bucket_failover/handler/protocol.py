"""What a retry loop needs of a handler; an application can bring its own."""

from typing import Protocol, runtime_checkable

from bucket_failover.handler.context import FailoverContext


@runtime_checkable
class BucketFailoverHandler(Protocol):
    """What a retry loop needs of a handler.

    `get_last_failover_reasons`, `adopt_session_bucket`, `last_decision` and the argument of `reset_session` are
    optional (REQ-1598-IC01, REQ-1598-BWC03); `BucketFailoverHandlerImpl` has them all.
    """

    @property
    def provider(self) -> str:
        """Whose credentials they are."""
        ...

    def get_buckets(self) -> list[str]:
        """The names of the profile's buckets, in its order."""
        ...

    def get_current_bucket(self) -> str | None:
        """The bucket in use; None: the profile is empty."""
        ...

    def is_enabled(self) -> bool:
        """Whether there is anything to fail over to: more than one bucket (REQ-1598-FL16)."""
        ...

    async def try_failover(self, context: FailoverContext | None = None) -> bool:
        """Search a usable bucket after a failed call; True: the request can go on."""
        ...

    def reset_session(self) -> None:
        """Forget what was tried; keep the current bucket."""
        ...

    def reset(self) -> None:
        """Go back to the first bucket, and forget what was tried."""
        ...


@runtime_checkable
class SyncBucketFailoverHandler(Protocol):
    """The same for callers without an event loop: `try_failover` answers at once."""

    @property
    def provider(self) -> str:
        """See `BucketFailoverHandler.provider`."""
        ...

    def get_buckets(self) -> list[str]:
        """See `BucketFailoverHandler.get_buckets`."""
        ...

    def get_current_bucket(self) -> str | None:
        """See `BucketFailoverHandler.get_current_bucket`."""
        ...

    def is_enabled(self) -> bool:
        """See `BucketFailoverHandler.is_enabled`."""
        ...

    def try_failover(self, context: FailoverContext | None = None) -> bool:
        """See `BucketFailoverHandler.try_failover`."""
        ...

    def reset_session(self) -> None:
        """See `BucketFailoverHandler.reset_session`."""
        ...

    def reset(self) -> None:
        """See `BucketFailoverHandler.reset`."""
        ...
