"""The token manager over a store for callers with an event loop: the embedded default."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, assert_never

from bucket_failover.effects import Do, Wait, run, run_async
from bucket_failover.effects.threads import REFRESH, STORE, call_in, finish_in
from bucket_failover.errors import LoginUnavailableError, TokenStoreError
from bucket_failover.oauth.issuer import TokenIssuer, reply_of
from bucket_failover.oauth.manager_steps import ManagerSteps
from bucket_failover.oauth.steps import AskToLogIn, Present, Read, Replace, Step
from bucket_failover.store import MemoryTokenStore, TokenStore
from bucket_failover.tokens import OAuthToken
from bucket_failover_core.facts import TRUST_SECONDS

_T = TypeVar("_T")

Refresh = Callable[[str, str, OAuthToken], Awaitable[OAuthToken | None]]
"""Provider, bucket and the token held, to the new token, or None if the issuer has refused for good.

May raise. The refresh token counts as unused after `RefreshNotSentError`, after an exception that says that no
connection was made, and after one that tells an HTTP error other than 408 and 504. Anything else, a `KeyError` in the
reading of the answer too, may come after the issuer has answered: a token of single use is not presented again then.
"""

Login = Callable[[str, str], Awaitable[OAuthToken]]
"""Provider and bucket, to the token that the login brought. Raises if it brought none."""


class StoredOAuthManager(ManagerSteps):
    """An `OAuthManager` over a token store.

    Example: `StoredOAuthManager(SqliteTokenStore(path), refresh=my_refresh, login=my_login)`.

    Args:
        store: where the tokens are.
        refresh: how to refresh a token, a coroutine function or an issuer; None: no token can be refreshed.
        login: how to log in; None: the user cannot be asked, and failover does not offer it.
        clock: gives Unix seconds.
        in_thread: call the store in another thread, so that a file never holds up the event loop.
        single_use: a coroutine function's refresh tokens are good once, so that one whose answer is lost is not
            presented again; an issuer says so itself.
        login_command: what the user runs to log in where this process cannot ask, for the report.
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
        trust_seconds = TRUST_SECONDS if in_thread else 0.0
        super().__init__(
            store,
            refresh,
            login,
            clock,
            single_use=single_use,
            trust_seconds=trust_seconds,
            login_command=login_command,
        )
        self._in_thread = in_thread
        self._refreshes: dict[tuple[str, str], asyncio.Task[OAuthToken | None]] = {}

    @property
    def offers_login(self) -> bool:
        """Whether the user can be asked to log in; a subclass that brings its own `authenticate` can ask."""
        return self._login is not None or type(self).authenticate is not StoredOAuthManager.authenticate

    def peek(self, provider: str, bucket: str) -> OAuthToken | None:
        """See `ManagerSteps.peek`. A store that is called in the event loop does not block, and is read each time."""
        if self._in_thread:
            return self._cache.at_hand(provider, bucket)
        try:
            token = self._cache.read(provider, bucket)
        except TokenStoreError:
            return None  # it is told when the token is asked for
        return token if token is not None and token.is_live(now=self._clock()) else None

    async def read_token(self, provider: str, bucket: str) -> OAuthToken | None:
        """See `OAuthManager.read_token`.

        Raises:
            TokenStoreError: the store could not answer.
        """
        return await self._call(self._cache.read, provider, bucket)

    async def get_oauth_token(self, provider: str, bucket: str) -> OAuthToken | None:
        """See `OAuthManager.get_oauth_token`. A token that was read a second ago or less is not read again.

        Raises:
            TokenStoreError: the store could not answer. Whatever `replace_token` raises.
        """
        held = self.peek(provider, bucket)
        return held if held is not None else await run_async(self._getting(provider, bucket), self._perform)

    async def refresh_oauth_token(self, provider: str, bucket: str) -> OAuthToken | None:
        """See `OAuthManager.refresh_oauth_token`; the token that is stored now is replaced.

        Raises:
            TokenStoreError: the store could not answer. Whatever `replace_token` raises.
        """
        return await run_async(self._replacing(provider, bucket), self._perform)

    async def replace_token(self, provider: str, bucket: str, unwanted: str) -> OAuthToken | None:
        """A refresh that says which token it is to replace: what another caller has renewed meanwhile is adopted.

        A caller that is cancelled does not cancel the refresh, whose answer may be the only one that the issuer gives.

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
        self._refuse_within("refresh", provider, bucket)
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

    async def authenticate(self, provider: str, bucket: str) -> None:
        """See `OAuthManager.authenticate`. A login to this bucket that is under way, in any process, is waited for.

        Raises:
            LoginUnavailableError: the manager was made without a `login`.
            LoginFailedError: the login that was waited for has brought no token.
            TokenStoreError: the token could not be stored. Whatever `login` raises.
        """
        if self._login is None:
            raise LoginUnavailableError
        self._refuse_within("login", provider, bucket)
        await run_async(self._logging_in(provider, bucket), self._perform)

    async def log_out(self, provider: str, bucket: str) -> OAuthToken | None:
        """Remove the bucket's token; a refresh or renewal under way does not bring it back.

        Returns:
            The token, to revoke it; None: there was none, or it could not be read.

        Raises:
            TokenStoreError: it could not be removed.
        """
        return await run_async(self._logging_out(provider, bucket), self._perform)

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

    async def _perform(self, step: Step) -> object:
        """Have one step performed in the event loop."""
        match step:
            case Read() | Do():
                return await self._call(step.call)
            case Wait():
                await asyncio.sleep(step.seconds)
                return None
            case Replace():
                return await self.replace_token(*step)
            case Present():
                await self._call(step.before_sending)
                with self._within("refresh", step.provider, step.bucket):
                    return reply_of(await _awaited(self._refresh(step.provider, step.bucket, step.held)))
            case AskToLogIn():
                with self._within("login", step.provider, step.bucket):
                    return await _awaited(self._login(step.provider, step.bucket))
            case never:
                assert_never(never)

    async def _call(self, function: Callable[..., _T], *arguments: object) -> _T:
        if self._in_thread:
            return await call_in(STORE, function, *arguments)
        return function(*arguments)

    async def _refresh_once(self, provider: str, bucket: str, unwanted: str) -> OAuthToken | None:
        """With an issuer, all of it in one thread, which no cancelled task and no ending loop stops half way."""
        steps = self._refreshing(provider, bucket, unwanted)
        if self._issuer is None:
            return await run_async(steps, self._perform)
        if not self._in_thread:
            return run(steps, self._perform_blocking)
        return await finish_in(REFRESH, run, steps, self._perform_blocking)

    def _forget_refresh(self, key: tuple[str, str], done: asyncio.Task[OAuthToken | None]) -> None:
        if self._refreshes.get(key) is done:
            del self._refreshes[key]
        if not done.cancelled():
            done.exception()  # a caller that still waits for it gets it; without one, it is not an unhandled one


async def _awaited(answer: Awaitable[_T] | _T) -> _T:
    """What a coroutine function brings, or a plain one, which answers at once."""
    return await answer if isinstance(answer, Awaitable) else answer


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
