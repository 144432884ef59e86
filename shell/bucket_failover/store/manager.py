"""A token manager over a store: the embedded default. How to refresh and how to log in is injected.

There is one refresh at a time for a bucket, and whoever asks meanwhile gets the token that it brings. The new token is
stored before anybody sees it; a caller that is cancelled meanwhile does not cancel the refresh, whose answer may be the
only one that the issuer gives.
"""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from bucket_failover.errors import BucketFailoverError
from bucket_failover.store.memory import MemoryTokenStore
from bucket_failover.store.protocol import TokenStore
from bucket_failover.tokens import OAuthToken

_T = TypeVar("_T")

Refresh = Callable[[str, str, OAuthToken], Awaitable[OAuthToken | None]]
"""Provider, bucket and the token held, to the new token, or None if the issuer has refused for good. May raise."""

Login = Callable[[str, str], Awaitable[OAuthToken]]
"""Provider and bucket, to the token that the login brought. Raises if it brought none."""

SyncRefresh = Callable[[str, str, OAuthToken], OAuthToken | None]
"""The same for callers without an event loop."""

SyncLogin = Callable[[str, str], OAuthToken]
"""The same for callers without an event loop."""


class LoginUnavailableError(BucketFailoverError):
    """Nobody has said how to log in: the manager was made without a `login`."""

    def __init__(self) -> None:
        super().__init__("no way to log in was supplied")


class StoredOAuthManager:
    """An `OAuthManager` over a token store.

    Example: `StoredOAuthManager(SqliteTokenStore(path), refresh=my_refresh, login=my_login)`.

    Args:
        store: where the tokens are.
        refresh: how to refresh a token; None: no token can be refreshed.
        login: how to log in; None: a login always fails.
        clock: gives Unix seconds.
        in_thread: call the store in another thread, so that a file never holds up the event loop.
    """

    def __init__(
        self,
        store: TokenStore,
        *,
        refresh: Refresh | None = None,
        login: Login | None = None,
        clock: Callable[[], float] = time.time,
        in_thread: bool = True,
    ) -> None:
        self._store = store
        self._refresh = refresh
        self._login = login
        self._clock = clock
        self._in_thread = in_thread
        self._refreshes: dict[tuple[str, str], asyncio.Task[OAuthToken | None]] = {}

    async def read_token(self, provider: str, bucket: str) -> OAuthToken | None:
        """See `OAuthManager.read_token`.

        Raises:
            TokenStoreError: the store could not answer.
        """
        return await self._call(self._store.read, provider, bucket)

    async def get_oauth_token(self, provider: str, bucket: str) -> OAuthToken | None:
        """See `OAuthManager.get_oauth_token`.

        Raises:
            TokenStoreError: the store could not answer.
        """
        token = await self._call(self._store.read, provider, bucket)
        if token is not None and not token.is_live(now=self._clock()):
            token = await self.refresh_oauth_token(provider, bucket)
        return token if token is not None and token.is_live(now=self._clock()) else None

    async def refresh_oauth_token(self, provider: str, bucket: str) -> OAuthToken | None:
        """See `OAuthManager.refresh_oauth_token`.

        Raises:
            TokenStoreError: the store could not answer. Whatever `refresh` raises.
        """
        key = (provider, bucket)
        task = self._refreshes.get(key)
        if task is None or task.get_loop() is not asyncio.get_running_loop():
            task = asyncio.create_task(self._refresh_and_store(provider, bucket))
            self._refreshes[key] = task
            task.add_done_callback(lambda done: self._forget_refresh(key, done))
        return await asyncio.shield(task)

    async def authenticate(self, provider: str, bucket: str) -> None:
        """See `OAuthManager.authenticate`.

        Raises:
            LoginUnavailableError: the manager was made without a `login`.
            TokenStoreError: the token could not be stored. Whatever `login` raises.
        """
        if self._login is None:
            raise LoginUnavailableError
        token = await self._login(provider, bucket)
        await self._call(self._store.write, provider, bucket, token)

    async def get_session_bucket(self, provider: str) -> str | None:
        """See `OAuthManager.get_session_bucket`.

        Raises:
            TokenStoreError: the store could not answer.
        """
        return await self._call(self._store.read_session_bucket, provider)

    async def set_session_bucket(self, provider: str, bucket: str) -> None:
        """See `OAuthManager.set_session_bucket`.

        Raises:
            TokenStoreError: it is not stored.
        """
        await self._call(self._store.write_session_bucket, provider, bucket)

    async def _call(self, function: Callable[..., _T], *arguments: object) -> _T:
        if self._in_thread:
            return await asyncio.to_thread(function, *arguments)
        return function(*arguments)

    async def _refresh_and_store(self, provider: str, bucket: str) -> OAuthToken | None:
        held = await self._call(self._store.read, provider, bucket)
        if held is None or self._refresh is None or not held.is_refreshable:
            return None
        answer = await self._refresh(provider, bucket, held)
        if answer is None:
            return None
        renewed = _carried_over(held, answer)
        await self._call(self._store.write, provider, bucket, renewed)
        return renewed

    def _forget_refresh(self, key: tuple[str, str], done: asyncio.Task[OAuthToken | None]) -> None:
        if self._refreshes.get(key) is done:
            del self._refreshes[key]
        if not done.cancelled():
            done.exception()  # whoever still waits for it gets it; if nobody does, it is not an unhandled one


class SyncStoredOAuthManager:
    """A `SyncOAuthManager` over a token store; threads may share it.

    Args:
        store: where the tokens are.
        refresh: how to refresh a token; None: no token can be refreshed.
        login: how to log in; None: a login always fails.
        clock: gives Unix seconds.
    """

    def __init__(
        self,
        store: TokenStore,
        *,
        refresh: SyncRefresh | None = None,
        login: SyncLogin | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._refresh = refresh
        self._login = login
        self._clock = clock
        self._mutex = threading.Lock()
        self._refreshing: dict[tuple[str, str], threading.Lock] = {}

    def read_token(self, provider: str, bucket: str) -> OAuthToken | None:
        """See `OAuthManager.read_token`.

        Raises:
            TokenStoreError: the store could not answer.
        """
        return self._store.read(provider, bucket)

    def get_oauth_token(self, provider: str, bucket: str) -> OAuthToken | None:
        """See `OAuthManager.get_oauth_token`.

        Raises:
            TokenStoreError: the store could not answer.
        """
        token = self._store.read(provider, bucket)
        if token is not None and not token.is_live(now=self._clock()):
            token = self.refresh_oauth_token(provider, bucket)
        return token if token is not None and token.is_live(now=self._clock()) else None

    def refresh_oauth_token(self, provider: str, bucket: str) -> OAuthToken | None:
        """See `OAuthManager.refresh_oauth_token`.

        Raises:
            TokenStoreError: the store could not answer. Whatever `refresh` raises.
        """
        with self._mutex:
            one_at_a_time = self._refreshing.setdefault((provider, bucket), threading.Lock())
        before = self._store.read(provider, bucket)
        with one_at_a_time:
            held = self._store.read(provider, bucket)
            if held is None or held != before or self._refresh is None or not held.is_refreshable:
                return held if held != before else None
            answer = self._refresh(provider, bucket, held)
            if answer is None:
                return None
            renewed = _carried_over(held, answer)
            self._store.write(provider, bucket, renewed)
            return renewed

    def authenticate(self, provider: str, bucket: str) -> None:
        """See `OAuthManager.authenticate`.

        Raises:
            LoginUnavailableError: the manager was made without a `login`.
            TokenStoreError: the token could not be stored. Whatever `login` raises.
        """
        if self._login is None:
            raise LoginUnavailableError
        self._store.write(provider, bucket, self._login(provider, bucket))

    def get_session_bucket(self, provider: str) -> str | None:
        """See `OAuthManager.get_session_bucket`.

        Raises:
            TokenStoreError: the store could not answer.
        """
        return self._store.read_session_bucket(provider)

    def set_session_bucket(self, provider: str, bucket: str) -> None:
        """See `OAuthManager.set_session_bucket`.

        Raises:
            TokenStoreError: it is not stored.
        """
        self._store.write_session_bucket(provider, bucket)


def in_memory_manager(
    provider: str,
    tokens: dict[str, OAuthToken],
    *,
    refresh: Refresh | None = None,
    login: Login | None = None,
    clock: Callable[[], float] = time.time,
) -> StoredOAuthManager:
    """A manager whose tokens end with the process, for tests and examples.

    Args:
        provider: whose tokens they are.
        tokens: by bucket.
        refresh: see `StoredOAuthManager`.
        login: see `StoredOAuthManager`.
        clock: gives Unix seconds.
    """
    store = MemoryTokenStore()
    for bucket, token in tokens.items():
        store.write(provider, bucket, token)
    return StoredOAuthManager(store, refresh=refresh, login=login, clock=clock, in_thread=False)


def _carried_over(held: OAuthToken, answer: OAuthToken) -> OAuthToken:
    """The answer, with what it leaves out kept from the token held before: above all the refresh token.

    Source: RFC 6749, 6: the issuer "MAY issue a new refresh token"; if it does not, the old one stays valid.
    """
    kept = {
        name: getattr(held, name) for name in ("refresh_token", "scope") if getattr(answer, name) is None
    }  # fmt: skip
    return answer.model_copy(update=kept)
