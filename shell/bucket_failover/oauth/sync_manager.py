"""The token manager for callers without an event loop."""

import threading
import time
from collections.abc import Callable

from bucket_failover.effects import run
from bucket_failover.errors import LoginUnavailableError
from bucket_failover.oauth.issuer import TokenIssuer, reply_of
from bucket_failover.oauth.manager_steps import ManagerSteps
from bucket_failover.oauth.steps import AskToLogIn, Present, Replace, Step, uninterrupted
from bucket_failover.store import TokenStore
from bucket_failover.tokens import OAuthToken
from bucket_failover_core.facts import TRUST_SECONDS

SyncRefresh = Callable[[str, str, OAuthToken], OAuthToken | None]
"""See `Refresh`."""

SyncLogin = Callable[[str, str], OAuthToken]
"""See `Login`."""


class SyncStoredOAuthManager(ManagerSteps):
    """A `SyncOAuthManager` over a token store; threads may share it.

    Args:
        store: where the tokens are.
        refresh: how to refresh a token, a function or an issuer; None: no token can be refreshed.
        login: how to log in; None: there is no user to ask, and failover does not offer it.
        clock: gives Unix seconds.
        single_use: see `StoredOAuthManager`.
        login_command: what a user runs to log in where there is none to ask, for the report.
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
        super().__init__(
            store,
            refresh,
            login,
            clock,
            single_use=single_use,
            trust_seconds=trust_seconds,
            login_command=login_command,
        )
        self._mutex = threading.Lock()
        self._turns: dict[tuple[str, str], threading.Lock] = {}

    @property
    def offers_login(self) -> bool:
        """See `StoredOAuthManager.offers_login`."""
        return self._login is not None or type(self).authenticate is not SyncStoredOAuthManager.authenticate

    def read_token(self, provider: str, bucket: str) -> OAuthToken | None:
        """See `OAuthManager.read_token`.

        Raises:
            TokenStoreError: the store could not answer.
        """
        return self._cache.read(provider, bucket)

    def get_oauth_token(self, provider: str, bucket: str) -> OAuthToken | None:
        """See `OAuthManager.get_oauth_token`. A token that was read a second ago or less is not read again.

        Raises:
            TokenStoreError: the store could not answer. Whatever `replace_token` raises.
        """
        held = self._cache.at_hand(provider, bucket)
        return held if held is not None else run(self._getting(provider, bucket), self._perform)

    def refresh_oauth_token(self, provider: str, bucket: str) -> OAuthToken | None:
        """See `OAuthManager.refresh_oauth_token`; the token that is stored now is replaced.

        Raises:
            TokenStoreError: the store could not answer. Whatever `replace_token` raises.
        """
        return run(self._replacing(provider, bucket), self._perform)

    def replace_token(self, provider: str, bucket: str, unwanted: str) -> OAuthToken | None:
        """See `StoredOAuthManager.replace_token`; threads take turns, and adopt what the first of them has brought.

        Raises:
            RefreshFailedError: there is no token, and the refresh token was not refused.
            RefreshInterruptedError: only a login brings a token now.
            TokenStoreError: the store could not answer. Whatever `refresh` raises.
        """
        self._refuse_within("refresh", provider, bucket)
        with self._mutex:
            turn = self._turns.setdefault((provider, bucket), threading.Lock())

        def refresh() -> OAuthToken | None:
            return run(self._refreshing(provider, bucket, unwanted), self._perform)

        with turn:
            return refresh() if self._issuer is None else uninterrupted(refresh)

    def authenticate(self, provider: str, bucket: str) -> None:
        """See `StoredOAuthManager.authenticate`.

        Raises:
            LoginUnavailableError: the manager was made without a `login`.
            LoginFailedError: the login that was waited for has brought no token.
            TokenStoreError: the token could not be stored. Whatever `login` raises.
        """
        if self._login is None:
            raise LoginUnavailableError
        self._refuse_within("login", provider, bucket)
        run(self._logging_in(provider, bucket), self._perform)

    def log_out(self, provider: str, bucket: str) -> OAuthToken | None:
        """See `StoredOAuthManager.log_out`.

        Raises:
            TokenStoreError: it could not be removed.
        """
        return run(self._logging_out(provider, bucket), self._perform)

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

    def _perform(self, step: Step) -> object:
        """Have one step performed in this thread."""
        match step:
            case Replace():
                return self.replace_token(*step)
            case AskToLogIn():
                with self._within("login", step.provider, step.bucket):
                    return self._login(step.provider, step.bucket)
            case Present() if self._issuer is None:
                step.before_sending()
                with self._within("refresh", step.provider, step.bucket):
                    return reply_of(self._refresh(step.provider, step.bucket, step.held))
            case _:
                return self._perform_blocking(step)
