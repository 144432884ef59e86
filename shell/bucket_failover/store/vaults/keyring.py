"""Secrets in the operating system's keyring: the store's file holds the names of entries, and no secret.

Example: the token of "anthropic" "default" is kept under the service "bucket-failover" and the user name
`["anthropic", "default", "5f0c…"]`; the file holds "5f0c…". Another token of that bucket gets another name, so a write
that fails leaves the former entry as it was.

Road not taken: one entry per bucket, written in place. Then the file and the keyring change at two moments, and a crash
in between pairs the facts of one token with the secrets of another.

Source: https://keyring.readthedocs.io (backends, priorities, errors).
"""

import importlib
import json
from collections.abc import Callable
from secrets import token_hex
from types import ModuleType
from typing import Final, Protocol, TypeVar

from pydantic import SecretStr

from bucket_failover.errors import TokenCorruptError, TokenStoreError, safe_text

_ID_BYTES: Final = 16
"""128 random bits, as a UUID has: no two entries ever share a name."""

_KEEP_NOTHING: Final = ("keyring.backends.fail", "keyring.backends.null")
_NO_KEYRINGS: Final = ("keyrings.alt", "keyrings.cryptfile")
"""Files, some of them in plain text, that call themselves keyrings; none is guarded by the operating system."""

_CHAIN: Final = "keyring.backends.chainer"

_Answer = TypeVar("_Answer")


class Keyring(Protocol):
    """What is needed of a keyring; any `keyring.backend.KeyringBackend` is one."""

    def get_password(self, service: str, username: str) -> str | None:
        """What is kept under these names; None: nothing."""
        ...

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep it."""
        ...

    def delete_password(self, service: str, username: str) -> None:
        """Forget it."""
        ...


class KeyringVault:
    """A `SecretVault` over the operating system's keyring (extra `keyring`).

    Example: `SqliteTokenStore(path, vault=KeyringVault())`.

    The Windows Credential Manager takes 2560 bytes for an entry (CRED_MAX_CREDENTIAL_BLOB_SIZE), which the `keyring`
    library fills with UTF-16; `seal` refuses what is longer, as two large JSON Web Tokens are.

    Args:
        service: whose entries they are; the keyring shows it to the user.
        backend: the keyring to use, whatever it is; None: the operating system's (`usable_keyring`).

    Raises:
        TokenStoreError: the library is not installed, or there is no keyring that keeps secrets.
    """

    name: Final = "keyring"

    def __init__(self, service: str = "bucket-failover", backend: Keyring | None = None) -> None:
        self._service = service
        self._backend = backend if backend is not None else _required_keyring()

    def seal(self, provider: str, bucket: str, secrets: SecretStr) -> str:
        """See `SecretVault.seal`. The answer is the random part of the entry's name.

        Raises:
            TokenStoreError: the keyring has not kept them.
        """
        sealed = token_hex(_ID_BYTES)
        entry = _entry(provider, bucket, sealed)
        self._ask(
            f"did not keep the secrets of {provider!r} {bucket!r}",
            lambda: self._backend.set_password(self._service, entry, secrets.get_secret_value()),
        )
        return sealed

    def unseal(self, provider: str, bucket: str, sealed: str) -> SecretStr:
        """See `SecretVault.unseal`.

        Raises:
            TokenCorruptError: the keyring has no such entry.
            TokenStoreError: the keyring could not answer.
        """
        kept = self._kept(provider, bucket, sealed)
        if kept is None:
            message = f"the keyring no longer has the secrets of {provider!r} {bucket!r}; log in again"
            raise TokenCorruptError(message)
        return kept

    def discard(self, provider: str, bucket: str, sealed: str) -> None:
        """See `SecretVault.discard`. What backends say of an entry that is not there differs, so it is looked for.

        Raises:
            TokenStoreError: the keyring could not answer, or does not let go of them.
        """
        entry = _entry(provider, bucket, sealed)
        try:
            self._ask(
                f"did not forget the secrets of {provider!r} {bucket!r}",
                lambda: self._backend.delete_password(self._service, entry),
            )
        except TokenStoreError:
            if self._kept(provider, bucket, sealed) is not None:
                raise

    def _kept(self, provider: str, bucket: str, sealed: str) -> SecretStr | None:
        entry = _entry(provider, bucket, sealed)
        return self._ask(
            f"did not give the secrets of {provider!r} {bucket!r}",
            lambda: _masked(self._backend.get_password(self._service, entry)),
        )

    def _ask(self, failure: str, ask: Callable[[], _Answer]) -> _Answer:
        """The backend's answer. Its frames have secrets in them, so nothing of its exceptions is kept but the class."""
        try:
            return ask()
        except Exception as error:  # noqa: BLE001 - a backend raises what its service does: KeyringError, OSError, D-Bus
            message = f"the keyring {failure}: {safe_text(error)}"
        raise TokenStoreError(message)


def usable_keyring() -> Keyring | None:
    """The operating system's keyring, if there is a real one; it is not asked for anything, so no user is prompted.

    Example: Secret Service on a desktop; None on a server without a session bus.

    None: the library `keyring` is not installed, or what it has chosen keeps nothing, is a file, is of no priority, or
    is named by the environment and cannot be loaded. Of a chain its first backend is judged and answered.

    Source: https://keyring.readthedocs.io: a priority of 0 or less is for those who ask for it by name.
    """
    try:
        return _first_keyring(importlib.import_module("keyring"))
    except Exception:  # noqa: BLE001 - the library loads whatever classes the user has named
        return None


def _required_keyring() -> Keyring:
    try:
        importlib.import_module("keyring")
    except ImportError:
        message = "the library `keyring` is not installed: pip install 'bucket-failover[keyring]'"
        raise TokenStoreError(message) from None
    backend = usable_keyring()
    if backend is None:
        message = "there is no keyring of the operating system here that keeps secrets"
        raise TokenStoreError(message)
    return backend


def _first_keyring(library: ModuleType) -> Keyring | None:
    backend = library.get_keyring()
    if _is_in(type(backend).__module__, (_CHAIN,)):
        backend = next(iter(backend.backends), None)
    return backend if backend is not None and _is_real(backend) else None


def _is_real(backend: Keyring) -> bool:
    """Whether it is a keyring that the operating system guards; a class that stands on one that is not, is not."""
    for kind in type(backend).__mro__:
        if _is_in(kind.__module__, _KEEP_NOTHING + _NO_KEYRINGS) or "plaintext" in kind.__name__.lower():
            return False
    return float(getattr(backend, "priority", 0)) > 0


def _is_in(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def _entry(provider: str, bucket: str, sealed: str) -> str:
    """The entry's user name. JSON tells where each name ends, so no two buckets share one."""
    return json.dumps([provider, bucket, sealed])


def _masked(secret: str | None) -> SecretStr | None:
    return None if secret is None else SecretStr(secret)
