"""What a token store can do. A key is a provider *and* a bucket, never one text made of both.

Three things are asked of it, which may be kept in three places (`store.joined`): the logins, a lease for each bucket,
and the bucket in use.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, Literal, NamedTuple, Protocol, TypeVar, runtime_checkable

from bucket_failover.errors import TokenCorruptError
from bucket_failover.tokens import OAuthToken
from bucket_failover_core import Limit, TokenAbsent, TokenCorrupt
from bucket_failover_core.oauth import LoginAnswer, RefreshMark, StoredLogin
from bucket_failover_core.request import Refusal

Purpose = Literal["refresh", "login"]
"""What is done one at a time. A refresh does not wait for a login, which may take minutes."""

Release = Callable[[], None]
"""Gives a lock back."""

Refusals = Mapping[str, tuple[Refusal, ...]]
"""Tokens that a provider has refused, by bucket. A bucket that is not there has none."""

Limits = Mapping[str, tuple[Limit, ...]]
"""What is believed, by bucket. A bucket that is not there has no limits."""

_T = TypeVar("_T")
_T_co = TypeVar("_T_co", covariant=True)


class Change(NamedTuple, Generic[_T_co]):
    """What becomes of a bucket's record.

    Args:
        outcome: what the caller of `change` is told.
        stores_issued: the token that was handed in takes the place of the one stored before.
        mark: the mark of a refresh that is left now; or what becomes of the one that is there.
    """

    outcome: _T_co
    stores_issued: bool = False
    mark: RefreshMark | Literal["leave", "clear"] = "leave"

    @property
    def leaves_all(self) -> bool:
        """Whether nothing is written."""
        return not self.stores_issued and self.mark == "leave"


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to refresh a bucket's token, or to ask for a login to it, that one holder has at a time.

    Args:
        number: greater than that of each lease of this bucket that was given before (a fencing number): what is marked
            under a lease carries it, and the holder of an earlier one sends nothing any more. 0: it is not counted.
        release: gives it back.
        until: Unix seconds at which it ends by itself; None: when it is given back, or its holder's process ends.
    """

    number: int
    release: Release
    until: float | None = None


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
class LoginStore(Protocol):
    """Tokens, and how refreshes and logins have ended, by provider and bucket. A call returns when it is stored."""

    @property
    def changes(self) -> int:
        """How often a token was stored or removed through this very object: each that remembers one sees it at once."""
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

    def change(
        self,
        provider: str,
        bucket: str,
        decide: Callable[[StoredLogin], Change[_T]],
        issued: OAuthToken | None = None,
    ) -> _T:
        """Read, decide, and write, in one transaction.

        Args:
            provider: whose bucket.
            bucket: which one.
            decide: handed what is stored now; a pure function, which an engine may call again when another process
                was faster: the last answer is carried out. What it raises is raised, and nothing is written.
            issued: what `Change.stores_issued` stores; None: it is never decided.

        Returns:
            The outcome of the change that was carried out.

        Raises:
            TokenStoreError: nothing has been written.
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


@runtime_checkable
class LeaseStore(Protocol):
    """Leases, by provider, bucket, and what they are for."""

    def try_lease(self, provider: str, bucket: str, purpose: Purpose) -> Lease | None:
        """The bucket's lease, if it is free; None: it is not. A holder that dies gives it back.

        Raises:
            TokenStoreError: the store could not answer.
        """
        ...


@runtime_checkable
class SessionStore(Protocol):
    """The bucket in use, by provider."""

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


@runtime_checkable
class TokenStore(LoginStore, LeaseStore, SessionStore, Protocol):
    """All three, which is what a token manager is made with; `joined.JoinedStore` makes one of three."""


@runtime_checkable
class LimitStore(Protocol):
    """Limits by provider and bucket, shared by all who use the store. Calls are short, and may be made anywhere."""

    def version(self) -> object:
        """Something that differs once any process has changed anything.

        Raises:
            TokenStoreError: the store could not answer.
        """
        ...

    def read_limits(self, provider: str) -> Limits:
        """What is believed of the provider's buckets.

        Raises:
            TokenStoreError: the store could not answer.
        """
        ...

    def change_limits(self, provider: str, change: Callable[[Limits], Limits]) -> Limits:
        """Apply a change to what is held, and answer what is held now. Buckets that the change leaves out are kept.

        Raises:
            TokenStoreError: nothing has been changed.
        """
        ...

    def claim_probe(self, provider: str, *, now: float, interval_seconds: float) -> bool:
        """Whether the caller may test an advisory limit: no process has claimed that within the interval.

        Raises:
            TokenStoreError: the store could not answer.
        """
        ...


@runtime_checkable
class RefusalStore(Protocol):
    """Refused tokens by provider and bucket: what a `LimitStore` may keep as well, for other processes."""

    def read_refusals(self, provider: str) -> Refusals:
        """What is believed of the provider's buckets.

        Raises:
            TokenStoreError: the store could not answer.
        """
        ...

    def change_refusals(self, provider: str, change: Callable[[Refusals], Refusals]) -> Refusals:
        """Change what is believed, in one transaction.

        Args:
            provider: whose buckets.
            change: a pure function of what is held; buckets that it does not name stay as they are.

        Returns:
            What is held now.

        Raises:
            TokenStoreError: nothing has been changed.
        """
        ...
