"""What a token store can do. A key is a provider *and* a bucket, never one text made of both."""

from typing import Protocol, runtime_checkable

from bucket_failover.tokens import OAuthToken


@runtime_checkable
class TokenStore(Protocol):
    """Tokens by provider and bucket, and the session's bucket by provider. Calls return when the fact is stored."""

    def read(self, provider: str, bucket: str) -> OAuthToken | None:
        """The token stored for this bucket; None: there is none.

        Raises:
            TokenCorruptError: something is stored that is no token.
            TokenStoreError: the store could not answer.
        """
        ...

    def write(self, provider: str, bucket: str, token: OAuthToken) -> None:
        """Store a token in place of the one stored before.

        Raises:
            TokenStoreError: it is not stored; the one before still is.
        """
        ...

    def delete(self, provider: str, bucket: str) -> None:
        """Remove the bucket's token, if there is one.

        Raises:
            TokenStoreError: the store could not answer.
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
