"""Secrets in the store's own file, encrypted under a passphrase: for machines that have no keyring.

Example: "v1.<salt>.<nonce>.<ciphertext>", each in base64url. The key is made of the passphrase and the salt; the names
of provider and bucket are authenticated with the ciphertext, so a record cannot be moved to another bucket.

Each vault seals with one salt of its own, for making a key takes about 0.1 s. Processes that share a file each bring
their salt, so the keys that were made for reading are remembered.

Road not taken: one salt for the file, in a table of its own. It would have to be there before the first token, and be
repaired when it is lost.

Source: scrypt, RFC 7914; AES-256-GCM with a random nonce of 96 bits, NIST SP 800-38D, 8.2.2: safe for 2**32 texts under
one key, which is one vault's.
"""

import base64
import binascii
import json
import os
import re
import threading
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Never

from pydantic import SecretStr

from bucket_failover.errors import TokenCorruptError, TokenStoreError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_SCRYPT_N: Final = 2**15
_SCRYPT_R: Final = 8
_SCRYPT_P: Final = 1
"""32 MiB and about 0.1 s for each guess. A change is a new version of the sealed text.

Source: r and p as RFC 7914, 2, has them; N is twice what Percival (2009) gives for a user who waits. OWASP's Password
Storage Cheat Sheet asks for N = 2**17, or p = 3 with this N: that is for passwords of many people, who choose bad ones.
A key here is one secret of a machine; it should be as long as one.
"""

_SALT_BYTES: Final = 16
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_KEY_BYTES: Final = 32
"""A salt of 128 bits (NIST SP 800-132, 5.1); AES-256-GCM's nonce, tag and key (NIST SP 800-38D, 5.2.1)."""

_REMEMBERED: Final = 128
"""Keys that are remembered, one for each vault that has written; beyond that, reading is slow, not wrong."""

_VERSION: Final = "v1"
_SEALED: Final = re.compile(r"(v[0-9]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_NEWER: Final = re.compile(r"v[0-9]+\..*", re.DOTALL)


class EncryptedVault:
    """A `SecretVault` whose sealed text is the secrets themselves, encrypted (extra `encryption`).

    Example: `SqliteTokenStore(path, vault=EncryptedVault(SecretStr(os.environ["MY_KEY"])))`.

    It may be used from several threads. It is not pickled, for it holds the key; another process makes its own.

    Args:
        key: the passphrase; any text but an empty one. A reader who has it and the file has the secrets.

    Raises:
        ValueError: the key is empty.
        TokenStoreError: the library is not installed.
    """

    name: Final = "encrypted"

    def __init__(self, key: SecretStr) -> None:
        if not key.get_secret_value():
            message = "the key of an encrypted vault is empty"
            raise ValueError(message)
        _require_library()
        self._key = key
        self._salt = os.urandom(_SALT_BYTES)
        self._mutex = threading.Lock()
        self._remembered = lru_cache(maxsize=_REMEMBERED)(self._derived)

    def seal(self, provider: str, bucket: str, secrets: SecretStr) -> str:
        """See `SecretVault.seal`. Raises nothing."""
        nonce = os.urandom(_NONCE_BYTES)
        ciphertext = self._cipher(self._salt).encrypt(nonce, _bytes(secrets), _context(provider, bucket))
        return ".".join((_VERSION, _text(self._salt), _text(nonce), _text(ciphertext)))

    def unseal(self, provider: str, bucket: str, sealed: str) -> SecretStr:
        """See `SecretVault.unseal`.

        Raises:
            TokenCorruptError: it is no sealed text.
            TokenStoreError: it was sealed with another key, for another bucket, or by a newer version, or was changed.
        """
        parts = _parts(sealed)
        if parts is None:
            raise _unreadable(provider, bucket, sealed)
        salt, nonce, ciphertext = parts
        secrets = _opened(self._cipher(salt), nonce, ciphertext, _context(provider, bucket))
        if secrets is None:
            message = (
                f"the secrets of {provider!r} {bucket!r} cannot be read with this key: it is not the one that they "
                "were sealed with, or they were tampered with; use that key, or log in again"
            )
            raise TokenStoreError(message)
        return secrets

    def discard(self, provider: str, bucket: str, sealed: str) -> None:
        """See `SecretVault.discard`. There is nothing to forget: the sealed text goes with its record."""

    def __reduce__(self) -> Never:
        """Not to be pickled or copied.

        Raises:
            TypeError: always.
        """
        message = "an EncryptedVault holds a key and is not pickled; make another one"
        raise TypeError(message)

    def _cipher(self, salt: bytes) -> "AESGCM":
        """The cipher for a salt; one is made at a time, for each takes 32 MiB while it is made."""
        with self._mutex:
            return self._remembered(salt)

    def _derived(self, salt: bytes) -> "AESGCM":
        # The derived key is never a local variable of a frame that an exception could show.
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - it is an extra
        from cryptography.hazmat.primitives.kdf.scrypt import Scrypt  # noqa: PLC0415 - it is an extra

        derivation = Scrypt(salt=salt, length=_KEY_BYTES, n=_SCRYPT_N, r=_SCRYPT_R, p=_SCRYPT_P)
        return AESGCM(derivation.derive(_bytes(self._key)))


def _require_library() -> None:
    try:
        import cryptography.hazmat.primitives.ciphers.aead  # noqa: F401, PLC0415 - whether it is there is the question
    except ImportError:
        message = "the library `cryptography` is not installed: pip install 'bucket-failover[encryption]'"
        raise TokenStoreError(message) from None


def _opened(cipher: "AESGCM", nonce: bytes, ciphertext: bytes, context: bytes) -> SecretStr | None:
    """What was sealed; None: the authentication has failed, and does not tell why."""
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - it is an extra

    try:
        return SecretStr(cipher.decrypt(nonce, ciphertext, context).decode("utf-8", "surrogatepass"))
    except InvalidTag:
        return None


def _unreadable(provider: str, bucket: str, sealed: str) -> TokenStoreError:
    if _NEWER.fullmatch(sealed) and not sealed.startswith(f"{_VERSION}."):
        message = f"the secrets of {provider!r} {bucket!r} were sealed by another version of bucket-failover; use it"
        return TokenStoreError(message)
    message = f"what is stored for {provider!r} {bucket!r} is no sealed text; log in again"
    return TokenCorruptError(message)


def _parts(sealed: str) -> tuple[bytes, bytes, bytes] | None:
    """Salt, nonce and ciphertext; None: it is no sealed text of this version."""
    match = _SEALED.fullmatch(sealed)
    if match is None or match[1] != _VERSION:
        return None
    try:
        salt, nonce, ciphertext = (base64.urlsafe_b64decode(f"{part}==") for part in match.groups()[1:])
    except binascii.Error:
        return None
    is_whole = len(salt) == _SALT_BYTES and len(nonce) == _NONCE_BYTES and len(ciphertext) >= _TAG_BYTES
    return (salt, nonce, ciphertext) if is_whole else None


def _context(provider: str, bucket: str) -> bytes:
    """What is authenticated, and not secret. JSON tells where each name ends, so no two buckets share one."""
    return json.dumps([provider, bucket]).encode()


def _bytes(secret: SecretStr) -> bytes:
    return secret.get_secret_value().encode("utf-8", "surrogatepass")


def _text(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode("ascii")
