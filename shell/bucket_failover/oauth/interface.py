"""Where tokens come from: the interface that the shell asks, which an application can implement.

A manager raises what it likes; the driver turns exceptions into events. It must not prompt a user except in
`authenticate`, nor answer `None` for "the store could not say".

A manager may have more than the interface, and is then asked for it: `replace_token(provider, bucket, unwanted)`, a
refresh that says which token it is to replace, so that one that another process has renewed is adopted; and
`offers_login` (False: there is no user to ask) with `login_command`, what a user runs instead.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol, runtime_checkable

from bucket_failover.tokens import OAuthToken
from bucket_failover_core import FailoverPolicy


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


class FullManager:
    """A foreign manager with everything that may be asked of it; what it lacks is made up for, settled once.

    Args:
        manager: a manager, synchronous or not.
    """

    def __init__(self, manager: Any) -> None:  # noqa: ANN401 - any manager, of either kind
        self._manager = manager
        self._replaces = _replaces(manager)
        peek: Callable[[str, str], OAuthToken | None] | None = getattr(type(manager), "peek", None)
        self.peek = _nothing if peek is None or "get_oauth_token" in _own(manager) else partial(peek, manager)
        """The token of a bucket that need not be asked for, because it was read a moment ago; None: there is none."""

    def call(self, method: str, arguments: tuple[str, ...]) -> Any:  # noqa: ANN401 - each method has its own answer
        """What the method answers, or an awaitable of it.

        `replace_token(provider, bucket, unwanted)` is a plain refresh where the manager does not know it.
        """
        if method == "replace_token" and not self._replaces:
            return self._manager.refresh_oauth_token(*arguments[:2])
        return getattr(self._manager, method)(*arguments)


def _nothing(_provider: str, _bucket: str) -> OAuthToken | None:
    return None


def _own(manager: object) -> dict[str, object]:
    return vars(manager) if hasattr(manager, "__dict__") else {}


def full_manager(manager: object) -> FullManager:
    """The manager, made to be asked for everything."""
    return FullManager(manager)


def policy_of(manager: object, policy: FailoverPolicy) -> FailoverPolicy:
    """The policy with this manager: where there is no user to ask for a login, no request asks."""
    if not isinstance(getattr(type(manager), "offers_login", None), property) or getattr(manager, "offers_login", True):
        return policy
    return policy.without_logins(str(getattr(manager, "login_command", "")))


def _replaces(manager: object) -> bool:
    """Whether the manager's class has `replace_token`, and no subclass has replaced the plain refresh since.

    Looked up on the class: a stand-in that answers to any name has not said that it knows this one.
    """
    own = vars(manager) if hasattr(manager, "__dict__") else {}
    for names in (own, *(vars(kind) for kind in type(manager).__mro__)):
        if "replace_token" in names:
            return True
        if "refresh_oauth_token" in names:
            return False
    return False
