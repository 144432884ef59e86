"""Where a store keeps its secrets, if not in its own file: the system's keyring, or sealed with a key."""

from bucket_failover.store.vaults.encrypted import EncryptedVault
from bucket_failover.store.vaults.interface import SecretVault
from bucket_failover.store.vaults.keyring import KeyringVault

__all__ = ["EncryptedVault", "KeyringVault", "SecretVault"]
