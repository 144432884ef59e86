"""Where tokens come from: the interface that the shell asks, which anyone can implement.

A manager raises what it likes; the driver turns exceptions into events. What it must not do is prompt anybody except in
`authenticate`, or answer `None` for "the store could not say".
"""

from typing import Protocol, runtime_checkable

from bucket_failover.tokens import OAuthToken


@runtime_checkable
class OAuthManager(Protocol):
    """The tokens of one or more providers, asynchronously."""

    async def read_token(self, provider: str, bucket: str) -> OAuthToken | None:
        """What the store holds, usable or not; None: nothing. Never refreshes, never prompts."""
        ...

    async def get_oauth_token(self, provider: str, bucket: str) -> OAuthToken | None:
        """A token that is usable by the clock, refreshed if need be; None: there is none. Never prompts."""
        ...

    async def refresh_oauth_token(self, provider: str, bucket: str) -> OAuthToken | None:
        """The token after a refresh, already stored; None: the issuer has refused."""
        ...

    async def authenticate(self, provider: str, bucket: str) -> None:
        """Ask the user for a login to this very bucket and store what it brings (REQ-1598-FR01). Raises if refused."""
        ...

    async def get_session_bucket(self, provider: str) -> str | None:
        """The bucket that was last in use; None: none was."""
        ...

    async def set_session_bucket(self, provider: str, bucket: str) -> None:
        """Remember the bucket in use."""
        ...


@runtime_checkable
class SyncOAuthManager(Protocol):
    """The same for callers without an event loop. `authenticate` may be run in another thread."""

    def read_token(self, provider: str, bucket: str) -> OAuthToken | None:
        """See `OAuthManager.read_token`."""
        ...

    def get_oauth_token(self, provider: str, bucket: str) -> OAuthToken | None:
        """See `OAuthManager.get_oauth_token`."""
        ...

    def refresh_oauth_token(self, provider: str, bucket: str) -> OAuthToken | None:
        """See `OAuthManager.refresh_oauth_token`."""
        ...

    def authenticate(self, provider: str, bucket: str) -> None:
        """See `OAuthManager.authenticate`."""
        ...

    def get_session_bucket(self, provider: str) -> str | None:
        """See `OAuthManager.get_session_bucket`."""
        ...

    def set_session_bucket(self, provider: str, bucket: str) -> None:
        """See `OAuthManager.set_session_bucket`."""
        ...
