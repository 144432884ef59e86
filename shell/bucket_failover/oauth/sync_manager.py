"""The token manager for callers without an event loop."""

import contextlib
import threading
import time
from collections.abc import Callable

from bucket_failover.errors import LoginUnavailableError, TokenStoreError
from bucket_failover.oauth.conducting import AskToLogIn, Present, conduct, uninterrupted
from bucket_failover.oauth.logging_in import LoggingIn
from bucket_failover.oauth.memory import TRUST_SECONDS, TokenMemory
from bucket_failover.oauth.refreshing import Refreshing
from bucket_failover.oauth.reply import Reply, TokenIssuer, reply_of
from bucket_failover.store import TokenStore
from bucket_failover.tokens import OAuthToken

SyncRefresh = Callable[[str, str, OAuthToken], OAuthToken | None]
"""See `Refresh`."""

SyncLogin = Callable[[str, str], OAuthToken]
"""See `Login`."""


class SyncStoredOAuthManager:
    """A `SyncOAuthManager` over a token store; threads may share it.

    Args:
        store: where the tokens are.
        refresh: how to refresh a token, a function or an issuer; None: no token can be refreshed.
        login: how to log in; None: nobody can be asked, and failover does not offer it.
        clock: gives Unix seconds.
        single_use: see `StoredOAuthManager`.
        login_command: what a person runs to log in where nobody can be asked, for the report.
        trust_seconds: for how long a token that was read counts as read; 0: it is read each time.
    """

    def __init__(
        self,
        store: TokenStore,
        *,
        refresh: SyncRefresh | TokenIssuer | None = None,
        login: SyncLogin | None = None,
        clock: Callable[[], float] = time.time,
        single_use: bool = True,
        login_command: str = "",
        trust_seconds: float = TRUST_SECONDS,
    ) -> None:
        self._store = store
        self._refresh = refresh
        self._login = login
        self._clock = clock
        self._single_use = single_use
        self._memory = TokenMemory(store, clock, trust_seconds)
        self._mutex = threading.Lock()
        self._refreshing: dict[tuple[str, str], threading.Lock] = {}
        self.login_command = login_command

    @property
    def offers_login(self) -> bool:
        """See `StoredOAuthManager.offers_login`."""
        return self._login is not None or type(self).authenticate is not SyncStoredOAuthManager.authenticate

    def read_token(self, provider: str, bucket: str) -> OAuthToken | None:
        """See `OAuthManager.read_token`.

        Raises:
            TokenStoreError: the store could not answer.
        """
        return self._memory.read(provider, bucket)

    def get_oauth_token(self, provider: str, bucket: str) -> OAuthToken | None:
        """See `OAuthManager.get_oauth_token`. A token that was read a second ago or less is not read again.

        Raises:
            TokenStoreError: the store could not answer. Whatever `replace_token` raises.
        """
        held = self.peek(provider, bucket)
        if held is not None:
            return held
        token = self._memory.read(provider, bucket)
        if token is not None and not token.is_live(now=self._clock()):
            token = self.replace_token(provider, bucket, "")
        return token if token is not None and token.is_live(now=self._clock()) else None

    def peek(self, provider: str, bucket: str) -> OAuthToken | None:
        """The bucket's token, if it is live and was read a second ago or less; None: ask `get_oauth_token`."""
        held = self._memory.live.get((provider, bucket))
        if held is not None and held.changes == self._store.changes and held.read_at <= self._clock() < held.until:
            return held.token
        return None

    def refresh_oauth_token(self, provider: str, bucket: str) -> OAuthToken | None:
        """See `OAuthManager.refresh_oauth_token`; the token that is stored now is replaced.

        Raises:
            TokenStoreError: the store could not answer. Whatever `replace_token` raises.
        """
        before = self._memory.read(provider, bucket)
        return self.replace_token(provider, bucket, before.fingerprint if before is not None else "")

    def replace_token(self, provider: str, bucket: str, unwanted: str) -> OAuthToken | None:
        """See `StoredOAuthManager.replace_token`; threads take turns, and adopt what the first of them has brought.

        Raises:
            RefreshFailedError: there is no token, and the refresh token was not refused.
            RefreshInterruptedError: only a login brings a token now.
            TokenStoreError: the store could not answer. Whatever `refresh` raises.
        """
        refresh = self._refresh
        if refresh is None:
            return None
        issuer = refresh if isinstance(refresh, TokenIssuer) else None
        single_use = self._single_use if issuer is None else issuer.single_use_refresh_tokens
        with self._mutex:
            one_at_a_time = self._refreshing.setdefault((provider, bucket), threading.Lock())

        def act(step: Present | AskToLogIn) -> Reply:
            assert isinstance(step, Present), "nobody is asked to log in"  # noqa: S101 - the protocol's own rule
            if isinstance(refresh, TokenIssuer):
                return refresh.refresh(provider, bucket, step.held, before_sending=step.before_sending)
            step.before_sending()
            return reply_of(refresh(provider, bucket, step.held))

        def run() -> OAuthToken | None:
            kept = self._memory.instead_of_refresh(provider, bucket, unwanted)
            if kept is not None:
                return kept
            stalled = self._memory.stalled(provider, bucket)
            job = Refreshing(self._store, provider, bucket, unwanted, single_use, stalled, self._clock)
            return self._memory.learn(provider, bucket, conduct(job.protocol(), act))

        with one_at_a_time:
            return run() if issuer is None else uninterrupted(run)

    def authenticate(self, provider: str, bucket: str) -> None:
        """See `StoredOAuthManager.authenticate`.

        Raises:
            LoginUnavailableError: the manager was made without a `login`.
            LoginFailedError: the login that was waited for has brought no token.
            TokenStoreError: the token could not be stored. Whatever `login` raises.
        """
        login = self._login
        if login is None:
            raise LoginUnavailableError
        conduct(LoggingIn(self._store, provider, bucket, self._clock).protocol(), lambda _: login(provider, bucket))
        self._memory.forget(provider, bucket)

    def log_out(self, provider: str, bucket: str) -> OAuthToken | None:
        """See `StoredOAuthManager.log_out`.

        Raises:
            TokenStoreError: it could not be removed.
        """
        former: OAuthToken | None = None
        with contextlib.suppress(TokenStoreError):
            former = self._memory.read(provider, bucket)
        self._store.delete(provider, bucket)
        self._memory.forget(provider, bucket)
        return former

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
