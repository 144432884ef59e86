"""A store that ends with the process: for tests, examples, and programs that get their tokens at start."""

import itertools
import threading
from collections.abc import Callable
from typing import TypeVar

from bucket_failover.store.interfaces import Change, Lease, Purpose, Release, Stored
from bucket_failover.tokens import OAuthToken
from bucket_failover_core.oauth import LoginAnswer, RefreshMark, StoredLogin

_T = TypeVar("_T")


class MemoryTokenStore:
    """Tokens in a dictionary. Example: `store.write("anthropic", "default", token)`."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._locks = MemoryLocks()
        self._numbers = itertools.count(1)
        self._tokens: dict[tuple[str, str], OAuthToken] = {}
        self._marks: dict[tuple[str, str], RefreshMark] = {}
        self._answers: dict[tuple[str, str], LoginAnswer] = {}
        self._session_buckets: dict[str, str] = {}
        self.changes = 0
        """See `LoginStore.changes`."""

    def read(self, provider: str, bucket: str) -> OAuthToken | None:
        """See `LoginStore.read`. Raises nothing."""
        return self._tokens.get((provider, bucket))

    def read_stored(self, provider: str, bucket: str) -> Stored:
        """See `LoginStore.read_stored`. Raises nothing."""
        with self._mutex:
            return Stored(self._tokens.get((provider, bucket)), self._marks.get((provider, bucket)))

    def write(self, provider: str, bucket: str, token: OAuthToken) -> None:
        """See `LoginStore.write`. Raises nothing."""
        with self._mutex:
            self._tokens[provider, bucket] = token
            self.changes += 1
            self._marks.pop((provider, bucket), None)
            self._answers.pop((provider, bucket), None)

    def delete(self, provider: str, bucket: str) -> None:
        """See `LoginStore.delete`. Raises nothing."""
        with self._mutex:
            self._tokens.pop((provider, bucket), None)
            self.changes += 1
            self._marks.pop((provider, bucket), None)

    def change(
        self,
        provider: str,
        bucket: str,
        decide: Callable[[StoredLogin], Change[_T]],
        issued: OAuthToken | None = None,
    ) -> _T:
        """See `LoginStore.change`. Raises nothing but what `decide` raises."""
        key = (provider, bucket)
        with self._mutex:
            change = decide(Stored(self._tokens.get(key), self._marks.get(key)).login)
            if change.stores_issued and issued is not None:
                self._tokens[key] = issued
                self.changes += 1
                self._answers.pop(key, None)
            if change.mark == "clear":
                self._marks.pop(key, None)
            elif change.mark != "leave":
                self._marks[key] = change.mark
        return change.outcome

    def try_lease(self, provider: str, bucket: str, purpose: Purpose) -> Lease | None:
        """See `LeaseStore.try_lease`. Raises nothing."""
        release = self._locks.try_lock(provider, bucket, purpose)
        return None if release is None else Lease(next(self._numbers), release)

    def read_login_answer(self, provider: str, bucket: str) -> LoginAnswer | None:
        """See `LoginStore.read_login_answer`. Raises nothing."""
        return self._answers.get((provider, bucket))

    def write_login_answer(self, provider: str, bucket: str, answer: LoginAnswer) -> None:
        """See `LoginStore.write_login_answer`. Raises nothing."""
        self._answers[provider, bucket] = answer

    def read_session_bucket(self, provider: str) -> str | None:
        """See `SessionStore.read_session_bucket`. Raises nothing."""
        return self._session_buckets.get(provider)

    def write_session_bucket(self, provider: str, bucket: str) -> None:
        """See `SessionStore.write_session_bucket`. Raises nothing."""
        self._session_buckets[provider] = bucket


class MemoryLocks:
    """One at a time for a bucket, within one process."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._held: set[tuple[str, str, Purpose]] = set()

    def try_lock(self, provider: str, bucket: str, purpose: Purpose) -> Release | None:
        """See `FileLocks.try_lock`. Raises nothing."""
        key = (provider, bucket, purpose)
        with self._mutex:
            if key in self._held:
                return None
            self._held.add(key)
        return lambda: self._held.discard(key)
