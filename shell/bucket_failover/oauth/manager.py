"""A token manager over a store: the embedded default. How to refresh and how to log in is injected.

There is one refresh at a time for a bucket, over all tasks, threads and processes, and whoever asks meanwhile gets the
token that it brings. The new token is stored before anybody sees it; a caller that is cancelled meanwhile does not
cancel the refresh, whose answer may be the only one that the issuer gives.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import TypeVar

from bucket_failover.effects.threads import REFRESH, STORE, call_in, finish_in
from bucket_failover.errors import LoginUnavailableError, TokenStoreError
from bucket_failover.oauth.conducting import AskToLogIn, Present, conduct, conduct_async
from bucket_failover.oauth.logging_in import LoggingIn
from bucket_failover.oauth.memory import TRUST_SECONDS, Listener, TokenMemory
from bucket_failover.oauth.refreshing import Refreshing
from bucket_failover.oauth.reply import Reply, TokenIssuer, reply_of
from bucket_failover.store import MemoryTokenStore, TokenStore
from bucket_failover.tokens import OAuthToken

_T = TypeVar("_T")

Refresh = Callable[[str, str, OAuthToken], Awaitable[OAuthToken | None]]
"""Provider, bucket and the token held, to the new token, or None if the issuer has refused for good.

May raise. A `RefreshUnheardError`, a timeout or a broken connection says that nobody has heard the answer; after
anything else, a refused connection above all, the refresh token counts as unused.
"""

Login = Callable[[str, str], Awaitable[OAuthToken]]
"""Provider and bucket, to the token that the login brought. Raises if it brought none."""


class StoredOAuthManager:
    """An `OAuthManager` over a token store.

    Example: `StoredOAuthManager(SqliteTokenStore(path), refresh=my_refresh, login=my_login)`.

    Args:
        store: where the tokens are.
        refresh: how to refresh a token, a coroutine function or an issuer; None: no token can be refreshed.
        login: how to log in; None: nobody can be asked, and failover does not offer it.
        clock: gives Unix seconds.
        in_thread: call the store in another thread, so that a file never holds up the event loop.
        single_use: a coroutine function's refresh tokens are good once, so that one whose answer is lost is not
            presented again; an issuer says so itself.
        login_command: what a person runs to log in where nobody can be asked, for the report.
    """

    def __init__(
        self,
        store: TokenStore,
        *,
        refresh: Refresh | TokenIssuer | None = None,
        login: Login | None = None,
        clock: Callable[[], float] = time.time,
        in_thread: bool = True,
        single_use: bool = True,
        login_command: str = "",
    ) -> None:
        self._store = store
        self._refresh = refresh
        self._login = login
        self._clock = clock
        self._in_thread = in_thread
        self._single_use = single_use
        self._memory = TokenMemory(store, clock, TRUST_SECONDS if in_thread else 0.0)
        self._refreshes: dict[tuple[str, str], asyncio.Task[OAuthToken | None]] = {}
        self.login_command = login_command

    @property
    def offers_login(self) -> bool:
        """Whether anybody can be asked to log in; a subclass that brings its own `authenticate` can ask."""
        return self._login is not None or type(self).authenticate is not StoredOAuthManager.authenticate

    async def read_token(self, provider: str, bucket: str) -> OAuthToken | None:
        """See `OAuthManager.read_token`.

        Raises:
            TokenStoreError: the store could not answer.
        """
        return await self._call(self._memory.read, provider, bucket)

    async def get_oauth_token(self, provider: str, bucket: str) -> OAuthToken | None:
        """See `OAuthManager.get_oauth_token`. A token that was read a second ago or less is not read again.

        Raises:
            TokenStoreError: the store could not answer. Whatever `replace_token` raises.
        """
        held = self.peek(provider, bucket)
        if held is not None:
            return held
        token = await self._call(self._memory.read, provider, bucket)
        if token is not None and not token.is_live(now=self._clock()):
            token = await self.replace_token(provider, bucket, "")
        return token if token is not None and token.is_live(now=self._clock()) else None

    def peek(self, provider: str, bucket: str) -> OAuthToken | None:
        """The bucket's token, if it is live and was read a second ago or less; None: ask `get_oauth_token`."""
        held = self._memory.live.get((provider, bucket))
        if held is not None and held.changes == self._store.changes and held.read_at <= self._clock() < held.until:
            return held.token
        return None

    async def refresh_oauth_token(self, provider: str, bucket: str) -> OAuthToken | None:
        """See `OAuthManager.refresh_oauth_token`; the token that is stored now is replaced.

        Raises:
            TokenStoreError: the store could not answer. Whatever `replace_token` raises.
        """
        before = await self._call(self._memory.read, provider, bucket)
        return await self._single_flight(provider, bucket, before.fingerprint if before is not None else "")

    async def replace_token(self, provider: str, bucket: str, unwanted: str) -> OAuthToken | None:
        """A refresh that says which token it is to replace: what somebody else has renewed meanwhile is adopted.

        Args:
            provider: whose bucket.
            bucket: which one.
            unwanted: the fingerprint of the token that is to be replaced; empty: any live one will do.

        Returns:
            The token, already stored; None: the issuer has refused, or there is nothing to refresh.

        Raises:
            RefreshFailedError: there is no token, and the refresh token was not refused.
            RefreshInterruptedError: only a login brings a token now.
            TokenStoreError: the store could not answer. Whatever `refresh` raises.
        """
        return await self._single_flight(provider, bucket, unwanted)

    async def authenticate(self, provider: str, bucket: str) -> None:
        """See `OAuthManager.authenticate`. Whoever logs in to this bucket already, in any process, is waited for.

        Raises:
            LoginUnavailableError: the manager was made without a `login`.
            LoginFailedError: the login that was waited for has brought no token.
            TokenStoreError: the token could not be stored. Whatever `login` raises.
        """
        login = self._login
        if login is None:
            raise LoginUnavailableError
        protocol = LoggingIn(self._store, provider, bucket, self._clock).protocol()

        async def act(_: Present | AskToLogIn) -> OAuthToken:
            return await login(provider, bucket)

        try:
            await conduct_async(protocol, act, self._call)
        finally:  # a login that was cancelled may have been stored all the same
            self._memory.forget(provider, bucket)

    async def log_out(self, provider: str, bucket: str) -> OAuthToken | None:
        """Remove the bucket's token; a refresh or renewal under way does not bring it back.

        Returns:
            The token, to revoke it; None: there was none, or it could not be read.

        Raises:
            TokenStoreError: it could not be removed.
        """
        former: OAuthToken | None = None
        with contextlib.suppress(TokenStoreError):
            former = await self._call(self._memory.read, provider, bucket)
        await self._call(self._store.delete, provider, bucket)
        self._memory.forget(provider, bucket)
        return former

    def listening(self, listener: Listener) -> AbstractContextManager[None]:
        """Tell `listener` the provider and bucket of each login, refresh and logout, until the block ends."""
        return self._memory.listening(listener)

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
            return await call_in(STORE, function, *arguments)
        return function(*arguments)

    async def _single_flight(self, provider: str, bucket: str, unwanted: str) -> OAuthToken | None:
        """The refresh that is under way, or a new one; a caller's cancellation is its own."""
        key = (provider, bucket)
        while True:
            task = self._refreshes.get(key)
            joined = task is not None and not task.done() and task.get_loop() is asyncio.get_running_loop()
            if task is None or not joined:
                task = asyncio.create_task(self._refresh_once(provider, bucket, unwanted))
                self._refreshes[key] = task
                task.add_done_callback(lambda done: self._forget_refresh(key, done))
            token = await asyncio.shield(task)
            if not joined or token is None or token.fingerprint != unwanted:
                return token  # else it is the very token that this caller is not satisfied with

    async def _refresh_once(self, provider: str, bucket: str, unwanted: str) -> OAuthToken | None:
        refresh = self._refresh
        if refresh is None:
            return None
        if isinstance(refresh, TokenIssuer):
            if not self._in_thread:
                return self._refresh_in_thread(refresh, provider, bucket, unwanted)
            return await finish_in(REFRESH, self._refresh_in_thread, refresh, provider, bucket, unwanted)
        kept = await self._call(self._memory.instead_of_refresh, provider, bucket, unwanted)
        if kept is not None:
            return kept
        protocol = self._job(provider, bucket, unwanted, single_use=self._single_use).protocol()

        async def act(step: Present | AskToLogIn) -> Reply:
            assert isinstance(step, Present), "nobody is asked to log in"  # noqa: S101 - the protocol's own rule
            await self._call(step.before_sending)
            return reply_of(await refresh(provider, bucket, step.held))

        return self._memory.learn(provider, bucket, await conduct_async(protocol, act, self._call))

    def _refresh_in_thread(self, issuer: TokenIssuer, provider: str, bucket: str, unwanted: str) -> OAuthToken | None:
        """The whole protocol in one thread, which no cancelled task and no ending loop stops half way."""
        kept = self._memory.instead_of_refresh(provider, bucket, unwanted)
        if kept is not None:
            return kept
        protocol = self._job(provider, bucket, unwanted, single_use=issuer.single_use_refresh_tokens).protocol()

        def act(step: Present | AskToLogIn) -> Reply:
            assert isinstance(step, Present), "nobody is asked to log in"  # noqa: S101 - the protocol's own rule
            return issuer.refresh(provider, bucket, step.held, before_sending=step.before_sending)

        return self._memory.learn(provider, bucket, conduct(protocol, act))

    def _job(self, provider: str, bucket: str, unwanted: str, *, single_use: bool) -> Refreshing:
        stalled = self._memory.stalled(provider, bucket)
        return Refreshing(self._store, provider, bucket, unwanted, single_use, stalled, self._clock)

    def _forget_refresh(self, key: tuple[str, str], done: asyncio.Task[OAuthToken | None]) -> None:
        if self._refreshes.get(key) is done:
            del self._refreshes[key]
        if not done.cancelled():
            done.exception()  # whoever still waits for it gets it; if nobody does, it is not an unhandled one


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
