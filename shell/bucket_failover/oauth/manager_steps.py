"""What a token manager over a store does, as steps, which are performed with or without an event loop.

There is one refresh at a time for a bucket, over all tasks, threads and processes, and each caller that asks meanwhile
gets the token that it brings. The new token is stored before any caller sees it.
"""

import contextlib
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, assert_never

from bucket_failover.effects import Do, Wait
from bucket_failover.effects.reentry import in_the_middle_of, refuse_within
from bucket_failover.errors import TokenStoreError
from bucket_failover.oauth.issuer import TokenIssuer
from bucket_failover.oauth.logging_in import LoggingIn
from bucket_failover.oauth.refreshing import Refreshing
from bucket_failover.oauth.steps import AskToLogIn, Present, Read, Replace, Step, Steps
from bucket_failover.oauth.token_cache import Listener, TokenCache
from bucket_failover.store import Purpose, TokenStore
from bucket_failover.tokens import OAuthToken


class ManagerSteps:
    """What the managers with and without an event loop have in common: everything but the waiting.

    Args:
        store: where the tokens are.
        refresh: how to refresh a token, a function or an issuer; None: no token can be refreshed.
        login: how to log in; None: the user cannot be asked.
        clock: gives Unix seconds.
        single_use: a function's refresh tokens are good once; an issuer says so itself.
        trust_seconds: for how long a token that was read counts as read; 0: it is read each time.
        login_command: what the user runs to log in where this process cannot ask, for the report.
    """

    def __init__(
        self,
        store: TokenStore,
        refresh: Any,  # noqa: ANN401 - each of the two managers has its own kind of function
        login: Any,  # noqa: ANN401 - the same
        clock: Callable[[], float],
        *,
        single_use: bool,
        trust_seconds: float,
        login_command: str,
    ) -> None:
        self._store = store
        self._issuer = refresh if isinstance(refresh, TokenIssuer) else None
        self._refresh = refresh
        self._login = login
        self._clock = clock
        self._single_use = single_use if self._issuer is None else self._issuer.single_use_refresh_tokens
        self._cache = TokenCache(store, clock, trust_seconds)
        self.login_command = login_command

    def peek(self, provider: str, bucket: str) -> OAuthToken | None:
        """The bucket's token, if it is live and was read a second ago or less; None: ask `get_oauth_token`."""
        return self._cache.at_hand(provider, bucket)

    def listening(self, listener: Listener) -> AbstractContextManager[None]:
        """Tell `listener` the provider and bucket of each login, refresh and logout, until the block ends."""
        return self._cache.listening(listener)

    def _within(self, purpose: Purpose, provider: str, bucket: str) -> AbstractContextManager[None]:
        """While an application's function refreshes or logs in: it must not ask for what it does itself."""
        return in_the_middle_of((id(self._store), purpose, provider, bucket))

    def _refuse_within(self, purpose: Purpose, provider: str, bucket: str) -> None:
        """See `_within`.

        Raises:
            ReentrantCallError: it asks for that.
        """
        refuse_within((id(self._store), purpose, provider, bucket), f"a {purpose} of {provider} {bucket!r}")

    def _reading(self, provider: str, bucket: str) -> Steps[OAuthToken | None]:
        token: OAuthToken | None = yield Read(lambda: self._cache.read(provider, bucket))
        return token

    def _getting(self, provider: str, bucket: str) -> Steps[OAuthToken | None]:
        """A token that is live, after a refresh if need be."""
        token = yield from self._reading(provider, bucket)
        if token is not None and not token.is_live(now=self._clock()):
            token = yield Replace(provider, bucket, "")
        return token if token is not None and token.is_live(now=self._clock()) else None

    def _replacing(self, provider: str, bucket: str) -> Steps[OAuthToken | None]:
        """The token that is stored now is replaced."""
        before = yield from self._reading(provider, bucket)
        token: OAuthToken | None = yield Replace(provider, bucket, before.fingerprint if before is not None else "")
        return token

    def _refreshing(self, provider: str, bucket: str, unwanted: str) -> Steps[OAuthToken | None]:
        """The refresh itself, of which there is one at a time; what could not be stored so far comes first."""
        if self._refresh is None:
            return None
        kept: OAuthToken | None = yield Read(lambda: self._cache.instead_of_refresh(provider, bucket, unwanted))
        if kept is not None:
            return kept
        stalled = self._cache.stalled(provider, bucket)
        job = Refreshing(self._store, provider, bucket, unwanted, self._single_use, stalled, self._clock)
        refreshed = yield from job.protocol()
        return self._cache.learn(provider, bucket, refreshed)

    def _perform_blocking(self, step: Step) -> object:
        """Have one step of a refresh performed in this thread."""
        match step:
            case Read() | Do():
                return step.call()
            case Wait():
                time.sleep(step.seconds)
                return None
            case Present():
                assert self._issuer is not None, "a function is called by its manager"  # noqa: S101 - an invariant
                return self._issuer.refresh(step.provider, step.bucket, step.held, before_sending=step.before_sending)
            case Replace() | AskToLogIn():
                raise AssertionError  # a refresh asks for neither
            case never:
                assert_never(never)

    def _logging_in(self, provider: str, bucket: str) -> Steps[None]:
        try:
            yield from LoggingIn(self._store, provider, bucket, self._clock).protocol()
        finally:  # a login that was cancelled may have been stored all the same
            self._cache.forget(provider, bucket)

    def _logging_out(self, provider: str, bucket: str) -> Steps[OAuthToken | None]:
        former: OAuthToken | None = None
        with contextlib.suppress(TokenStoreError):
            former = yield from self._reading(provider, bucket)
        yield Read(lambda: self._store.delete(provider, bucket))
        self._cache.forget(provider, bucket)
        return former
