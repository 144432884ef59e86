"""One token store made of three: logins here, leases there, and the bucket in use somewhere else."""

from collections.abc import Callable
from typing import TypeVar

from bucket_failover.store.interfaces import Change, Lease, LeaseStore, LoginStore, Purpose, SessionStore, Stored
from bucket_failover.tokens import OAuthToken
from bucket_failover_core.oauth import LoginAnswer, StoredLogin

_T = TypeVar("_T")


class JoinedStore:
    """A `TokenStore` whose parts are kept by three engines.

    Example: `JoinedStore(logins=vault_store, leases=SqliteTokenStore(path), sessions=MemoryTokenStore())`.

    Args:
        logins: where the tokens are.
        leases: who gives leases; its numbers must be those that `logins` sees, so all processes use the same one.
        sessions: where the bucket in use is.
    """

    def __init__(self, *, logins: LoginStore, leases: LeaseStore, sessions: SessionStore) -> None:
        self._logins = logins
        self._leases = leases
        self._sessions = sessions

    @property
    def changes(self) -> int:
        """See `LoginStore.changes`."""
        return self._logins.changes

    def read(self, provider: str, bucket: str) -> OAuthToken | None:
        """See `LoginStore.read`."""
        return self._logins.read(provider, bucket)

    def read_stored(self, provider: str, bucket: str) -> Stored:
        """See `LoginStore.read_stored`."""
        return self._logins.read_stored(provider, bucket)

    def write(self, provider: str, bucket: str, token: OAuthToken) -> None:
        """See `LoginStore.write`."""
        self._logins.write(provider, bucket, token)

    def delete(self, provider: str, bucket: str) -> None:
        """See `LoginStore.delete`."""
        self._logins.delete(provider, bucket)

    def change(
        self,
        provider: str,
        bucket: str,
        decide: Callable[[StoredLogin], Change[_T]],
        issued: OAuthToken | None = None,
    ) -> _T:
        """See `LoginStore.change`."""
        return self._logins.change(provider, bucket, decide, issued)

    def read_login_answer(self, provider: str, bucket: str) -> LoginAnswer | None:
        """See `LoginStore.read_login_answer`."""
        return self._logins.read_login_answer(provider, bucket)

    def write_login_answer(self, provider: str, bucket: str, answer: LoginAnswer) -> None:
        """See `LoginStore.write_login_answer`."""
        self._logins.write_login_answer(provider, bucket, answer)

    def try_lease(self, provider: str, bucket: str, purpose: Purpose) -> Lease | None:
        """See `LeaseStore.try_lease`."""
        return self._leases.try_lease(provider, bucket, purpose)

    def read_session_bucket(self, provider: str) -> str | None:
        """See `SessionStore.read_session_bucket`."""
        return self._sessions.read_session_bucket(provider)

    def write_session_bucket(self, provider: str, bucket: str) -> None:
        """See `SessionStore.write_session_bucket`."""
        self._sessions.write_session_bucket(provider, bucket)
