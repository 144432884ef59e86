"""What a token store can do. A key is a provider *and* a bucket, never one text made of both."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from bucket_failover.errors import TokenCorruptError
from bucket_failover.store.locks import Purpose, Release
from bucket_failover.tokens import OAuthToken
from bucket_failover_core import LoginAnswer, RefreshMark, StoredLogin, TokenAbsent, TokenCorrupt

Settlement = Literal["store", "clear-mark", "leave"]
"""What becomes of a refresh in the store: its token is stored and the mark cleared; just the mark; nothing."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What a store holds for a bucket, read at one moment.

    Args:
        token: the token; None: there is none, or it cannot be read.
        mark: the mark of a refresh that has not come to its end.
        problem: why the token cannot be read.
    """

    token: OAuthToken | None
    mark: RefreshMark | None = None
    problem: TokenCorruptError | None = None

    @property
    def login(self) -> StoredLogin:
        """What the core may know of it."""
        if self.problem is not None:
            return StoredLogin(token=TokenCorrupt(detail=str(self.problem)), mark=self.mark)
        if self.token is None:
            return StoredLogin(token=TokenAbsent(), mark=self.mark)
        state, refresh_fingerprint = self.token.state, self.token.refresh_fingerprint
        return StoredLogin(token=state, refresh_fingerprint=refresh_fingerprint, mark=self.mark)


@runtime_checkable
class TokenStore(Protocol):
    """Tokens by provider and bucket, and the session's bucket by provider. Calls return when the fact is stored."""

    @property
    def changes(self) -> int:
        """How often a token was stored or removed through this very object: whoever remembers one sees it at once."""
        ...

    def read(self, provider: str, bucket: str) -> OAuthToken | None:
        """The token stored for this bucket; None: there is none.

        Raises:
            TokenCorruptError: something is stored that is no token.
            TokenStoreError: the store could not answer.
        """
        ...

    def read_stored(self, provider: str, bucket: str) -> Stored:
        """The token and the mark, as they are at one moment.

        Raises:
            TokenStoreError: the store could not answer.
        """
        ...

    def write(self, provider: str, bucket: str, token: OAuthToken) -> None:
        """Store a token of a new login in place of the one stored before, and clear the mark of a refresh.

        Raises:
            TokenStoreError: it is not stored; the one before still is.
        """
        ...

    def delete(self, provider: str, bucket: str) -> None:
        """Remove the bucket's token, if there is one, and the mark of a refresh.

        Raises:
            TokenStoreError: the store could not answer.
        """
        ...

    def write_mark(self, provider: str, bucket: str, mark: RefreshMark) -> None:
        """Leave a mark, in place of the one that was left before.

        Raises:
            TokenStoreError: it is not stored.
        """
        ...

    def settle(
        self, provider: str, bucket: str, issued: OAuthToken | None, decide: Callable[[StoredLogin], Settlement]
    ) -> None:
        """End a refresh: read again, decide, and write, in one transaction.

        Args:
            provider: whose bucket.
            bucket: which one.
            issued: what `"store"` stores; None: it is never decided.
            decide: handed what is stored now; called once, and must not raise.

        Raises:
            TokenStoreError: nothing has been written.
        """
        ...

    def try_lock(self, provider: str, bucket: str, purpose: Purpose) -> Release | None:
        """The bucket's lock, if nobody holds it; None: somebody does. A holder that dies gives it back.

        Raises:
            TokenStoreError: the store could not answer.
        """
        ...

    def read_login_answer(self, provider: str, bucket: str) -> LoginAnswer | None:
        """How the last login to this bucket has ended without a token; None: it has brought one, or was never asked.

        Raises:
            TokenStoreError: the store could not answer.
        """
        ...

    def write_login_answer(self, provider: str, bucket: str, answer: LoginAnswer) -> None:
        """Tell those who wait for a login that it has brought none; `write` forgets it.

        Raises:
            TokenStoreError: it is not stored.
        """
        ...

    def read_session_bucket(self, provider: str) -> str | None:
        """The bucket that was last in use; None: none was.

        Raises:
            TokenStoreError: the store could not answer.
        """
        ...

    def write_session_bucket(self, provider: str, bucket: str) -> None:
        """Remember the bucket in use.

        Raises:
            TokenStoreError: it is not stored.
        """
        ...
