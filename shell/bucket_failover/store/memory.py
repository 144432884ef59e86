"""A store that ends with the process: for tests, examples, and programs that get their tokens at start."""

import threading
from collections.abc import Callable

from bucket_failover.store.locks import MemoryLocks, Purpose, Release
from bucket_failover.store.protocol import Settlement, Stored
from bucket_failover.tokens import OAuthToken
from bucket_failover_core import LoginAnswer, RefreshMark, StoredLogin


class MemoryTokenStore:
    """Tokens in a dictionary. Example: `store.write("anthropic", "default", token)`."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._locks = MemoryLocks()
        self._tokens: dict[tuple[str, str], OAuthToken] = {}
        self._marks: dict[tuple[str, str], RefreshMark] = {}
        self._answers: dict[tuple[str, str], LoginAnswer] = {}
        self._session_buckets: dict[str, str] = {}
        self.changes = 0
        """See `TokenStore.changes`."""

    def read(self, provider: str, bucket: str) -> OAuthToken | None:
        """See `TokenStore.read`. Raises nothing."""
        return self._tokens.get((provider, bucket))

    def read_stored(self, provider: str, bucket: str) -> Stored:
        """See `TokenStore.read_stored`. Raises nothing."""
        with self._mutex:
            return Stored(self._tokens.get((provider, bucket)), self._marks.get((provider, bucket)))

    def write(self, provider: str, bucket: str, token: OAuthToken) -> None:
        """See `TokenStore.write`. Raises nothing."""
        with self._mutex:
            self._tokens[provider, bucket] = token
            self.changes += 1
            self._marks.pop((provider, bucket), None)
            self._answers.pop((provider, bucket), None)

    def delete(self, provider: str, bucket: str) -> None:
        """See `TokenStore.delete`. Raises nothing."""
        with self._mutex:
            self._tokens.pop((provider, bucket), None)
            self.changes += 1
            self._marks.pop((provider, bucket), None)

    def write_mark(self, provider: str, bucket: str, mark: RefreshMark) -> None:
        """See `TokenStore.write_mark`. Raises nothing."""
        with self._mutex:
            self._marks[provider, bucket] = mark

    def settle(
        self, provider: str, bucket: str, issued: OAuthToken | None, decide: Callable[[StoredLogin], Settlement]
    ) -> None:
        """See `TokenStore.settle`. Raises nothing but what `decide` raises."""
        key = (provider, bucket)
        with self._mutex:
            settlement = decide(Stored(self._tokens.get(key), self._marks.get(key)).login)
            if settlement == "store" and issued is not None:
                self._tokens[key] = issued
                self.changes += 1
                self._answers.pop(key, None)
            if settlement != "leave":
                self._marks.pop(key, None)

    def try_lock(self, provider: str, bucket: str, purpose: Purpose) -> Release | None:
        """See `TokenStore.try_lock`. Raises nothing."""
        return self._locks.try_lock(provider, bucket, purpose)

    def read_login_answer(self, provider: str, bucket: str) -> LoginAnswer | None:
        """See `TokenStore.read_login_answer`. Raises nothing."""
        return self._answers.get((provider, bucket))

    def write_login_answer(self, provider: str, bucket: str, answer: LoginAnswer) -> None:
        """See `TokenStore.write_login_answer`. Raises nothing."""
        self._answers[provider, bucket] = answer

    def read_session_bucket(self, provider: str) -> str | None:
        """See `TokenStore.read_session_bucket`. Raises nothing."""
        return self._session_buckets.get(provider)

    def write_session_bucket(self, provider: str, bucket: str) -> None:
        """See `TokenStore.write_session_bucket`. Raises nothing."""
        self._session_buckets[provider] = bucket
