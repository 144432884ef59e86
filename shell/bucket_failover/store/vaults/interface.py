"""Where a store keeps its secrets, if not in its own file."""

from typing import Protocol, runtime_checkable

from pydantic import SecretStr


@runtime_checkable
class SecretVault(Protocol):
    """Keeps a bucket's secrets; the store's file then holds what `seal` has answered, and no secret.

    A store seals before it writes and discards after it has written, so a crash in between leaves at most something
    that no record refers to.
    """

    @property
    def name(self) -> str:
        """What a record calls it."""
        ...

    def seal(self, provider: str, bucket: str, secrets: SecretStr) -> str:
        """Keep secrets, and answer what the store's file holds in their place; each call keeps something new.

        Raises:
            TokenStoreError: they are not kept.
        """
        ...

    def unseal(self, provider: str, bucket: str, sealed: str) -> SecretStr:
        """The secrets that `seal` answered `sealed` for.

        Raises:
            TokenCorruptError: there are no such secrets any more, or they were tampered with.
            TokenStoreError: the vault could not answer, or has another key.
        """
        ...

    def discard(self, provider: str, bucket: str, sealed: str) -> None:
        """Forget secrets; those that are not there, too.

        Raises:
            TokenStoreError: the vault could not answer.
        """
        ...
