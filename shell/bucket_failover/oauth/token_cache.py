"""What a manager remembers between two calls: live tokens for a moment, and what could not be stored."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from returns.methods import unwrap_or_failure

from bucket_failover import logs
from bucket_failover.errors import TokenStoreError, safe_text
from bucket_failover.oauth.refreshing import Refreshed, change_of
from bucket_failover.store import Change, TokenStore
from bucket_failover.tokens import OAuthToken
from bucket_failover_core.facts import trusted_until
from bucket_failover_core.oauth import StoredLogin, TokensIssued, decide_outcome

Key = tuple[str, str]
"""Provider and bucket."""


Listener = Callable[[str, str], None]
"""Told the provider and bucket whose token may have changed, in whatever thread that was found out."""


class Held(NamedTuple):
    """A live token, from the moment at which it was read until the store is to be asked again.

    Args:
        token: the token.
        read_at: Unix seconds.
        until: Unix seconds.
        changes: of the store, before it was read.
    """

    token: OAuthToken
    read_at: float
    until: float
    changes: int


class _Unsaved(NamedTuple):
    """A token that was issued and could not be stored, and what was presented for it."""

    token: OAuthToken
    presented: StoredLogin


class TokenCache:
    """Shared by the threads of one manager.

    Args:
        store: where tokens are.
        clock: gives Unix seconds.
        trust_seconds: for how long a token that was read counts as read; 0: it is read each time.
    """

    def __init__(self, store: TokenStore, clock: Callable[[], float], trust_seconds: float) -> None:
        self._live: dict[Key, Held] = {}
        self._store = store
        self._clock = clock
        self._trust_seconds = trust_seconds
        self._mutex = threading.Lock()
        self._unsaved: dict[Key, _Unsaved] = {}
        self._stalled: dict[Key, tuple[str, float]] = {}
        self._changes: dict[Key, int] = {}
        self._listeners: list[Listener] = []

    def read(self, provider: str, bucket: str) -> OAuthToken | None:
        """What is stored; before that, what could not be stored so far is.

        Raises:
            TokenStoreError: the store could not answer, and nothing is remembered either.
        """
        if self._trust_seconds <= 0 and not self._unsaved:
            return self._store.read(provider, bucket)
        key = (provider, bucket)
        changes, stored = self._changes.get(key, 0), self._store.changes
        kept = self._save(key) if key in self._unsaved else None
        token = kept if kept is not None else self._store.read(provider, bucket)
        with self._mutex:
            if changes == self._changes.get(key, 0):  # else a user has logged in or out since it was read
                self._remember(key, token, stored)
        return token

    def at_hand(self, provider: str, bucket: str) -> OAuthToken | None:
        """The bucket's token, if it was live when it was read, a moment ago, and still is; None: read it."""
        held = self._live.get((provider, bucket))
        if held is not None and held.changes == self._store.changes and held.read_at <= self._clock() < held.until:
            return held.token
        return None

    def instead_of_refresh(self, provider: str, bucket: str, unwanted: str) -> OAuthToken | None:
        """What could not be stored so far is, before a refresh; if it still cannot, it is the token to use.

        Args:
            provider: whose bucket.
            bucket: which one.
            unwanted: the fingerprint of the token that is to be replaced.

        Returns:
            The token that no other process knows of, if it is live and wanted; None: refresh what is stored.

        Raises:
            TokenStoreError: there is one, and it has to be stored before it can be refreshed itself.
        """
        key = (provider, bucket)
        kept = self._save(key) if key in self._unsaved else None
        if kept is None:
            return None
        if kept.is_live(now=self._clock()) and kept.fingerprint != unwanted:
            return kept
        message = f"{bucket}: its last token could not be stored, and is not refreshed before it is"
        raise TokenStoreError(message)

    def forget(self, provider: str, bucket: str) -> None:
        """Ask the store the next time; what could not be stored is out of date: a user has logged in, or out."""
        key = (provider, bucket)
        with self._mutex:
            self._unsaved.pop(key, None)
            self._changes[key] = self._changes.get(key, 0) + 1
            self._live.pop(key, None)
        self._announce(provider, bucket)

    @contextmanager
    def listening(self, listener: Listener) -> Iterator[None]:
        """Tell a listener of each login, refresh and logout until the end of the block."""
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    def _announce(self, provider: str, bucket: str) -> None:
        for listener in tuple(self._listeners):
            try:
                listener(provider, bucket)
            except Exception as error:  # noqa: BLE001 - a listener's mistake is not the login's or refresh's
                logs.listener_failed(provider, bucket, safe_text(error))

    def stalled(self, provider: str, bucket: str) -> tuple[str, float] | None:
        """Which token's refresh has brought no progress, and when."""
        return self._stalled.get((provider, bucket))

    def learn(self, provider: str, bucket: str, refreshed: Refreshed) -> OAuthToken | None:
        """Remember how a refresh has ended; the token that it has brought."""
        key, token = (provider, bucket), refreshed.token
        if token is not None and refreshed.is_stalled:
            self._stalled[key] = (token.fingerprint, self._clock())
        if token is not None and refreshed.unsaved is not None:
            presented, problem = refreshed.unsaved
            logs.token_unsaved(provider, bucket, safe_text(problem))
            with self._mutex:
                self._unsaved[key] = _Unsaved(token, presented)
        self._remember(key, token, self._store.changes)
        self._announce(provider, bucket)
        return token

    def _remember(self, key: Key, token: OAuthToken | None, changes: int) -> None:
        now = self._clock()
        if token is None:
            self._live.pop(key, None)
            return
        until = trusted_until(token.state, read_at=now, trust_seconds=self._trust_seconds, api_key=token.is_api_key)
        if until > now:
            self._live[key] = Held(token, now, until, changes)
        else:
            self._live.pop(key, None)

    def _save(self, key: Key) -> OAuthToken | None:
        """Store what could not be stored before; the token, if it still cannot."""
        with self._mutex:
            unsaved = self._unsaved.get(key)
        if unsaved is None:
            return None
        answer = TokensIssued(token=unsaved.token.state, refresh_fingerprint=unsaved.token.refresh_fingerprint)

        def decide(stored: StoredLogin) -> Change[object]:
            return change_of(unwrap_or_failure(decide_outcome(unsaved.presented, stored, answer, now=self._clock())))

        try:
            self._store.change(*key, decide, unsaved.token)
        except TokenStoreError as problem:
            logs.token_unsaved(*key, safe_text(problem))
            return unsaved.token
        with self._mutex:
            if self._unsaved.get(key) is unsaved:
                del self._unsaved[key]
        return None
