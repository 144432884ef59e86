"""Where secrets go if no vault is named: the system's keyring, else a file that a key seals, else the store's file."""

from typing import Final, Literal, get_args

from pydantic import SecretStr

from bucket_failover.errors import BucketFailoverError
from bucket_failover.store.vaults.encrypted import EncryptedVault
from bucket_failover.store.vaults.interface import SecretVault
from bucket_failover.store.vaults.keyring import KeyringVault, usable_keyring

SecretsPlace = Literal["auto", "keyring", "encrypted", "file"]
"""Where secrets are kept; `auto`: the first of the others that can be had."""

PLACES: Final[tuple[SecretsPlace, ...]] = get_args(SecretsPlace)


class SecretsPlaceError(BucketFailoverError):
    """Secrets cannot be kept where the user wants them."""


def choose_vault(place: SecretsPlace, key: SecretStr | None) -> SecretVault | None:
    """The vault for a store; None: the secrets are in its file, which only the user can read.

    Args:
        place: where the user wants them.
        key: what an encrypted file is sealed with; None: the user has given none.

    Raises:
        SecretsPlaceError: there is no keyring, or no key was given.
    """
    if place in {"auto", "keyring"}:
        backend = usable_keyring()
        if backend is not None:
            return KeyringVault(backend=backend)
        if place == "keyring":
            message = "secrets: this system has no keyring that keeps secrets; use 'encrypted' with a key, or 'file'"
            raise SecretsPlaceError(message)
    if key is not None and place in {"auto", "encrypted"}:
        return EncryptedVault(key)
    if place == "encrypted":
        message = "secrets: 'encrypted' needs a key"
        raise SecretsPlaceError(message)
    return None
