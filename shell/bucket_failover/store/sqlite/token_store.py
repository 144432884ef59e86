"""A store in an SQLite file that processes share (`database`): one row per provider and bucket.

Road not taken: a JSON file that is rewritten as a whole. Two processes that do so lose each other's tokens, and a crash
in the middle loses all of them.
"""

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from pydantic import ValidationError

from bucket_failover.errors import TokenCorruptError, TokenStoreError
from bucket_failover.store.interfaces import Change, Stored
from bucket_failover.store.sqlite.leases import LeaseTable
from bucket_failover.store.sqlite.records import (
    Parsed,
    Row,
    SealedRecord,
    digest_of,
    login_of,
    parse_mark,
    parse_row,
    plain_record,
    sealed_record,
)
from bucket_failover.store.sqlite.sessions import SessionTable
from bucket_failover.store.vaults.interface import SecretVault
from bucket_failover.tokens import OAuthToken
from bucket_failover_core.oauth import LoginAnswer, RefreshMark, StoredLogin

_T = TypeVar("_T")

_BUSY_SECONDS: Final = 5.0
"""How long a call waits for another process's transaction."""

_READ: Final = (
    "SELECT 'token', record, digest FROM token WHERE provider = :provider AND bucket = :bucket UNION ALL "
    "SELECT 'mark', record, digest FROM refresh_mark WHERE provider = :provider AND bucket = :bucket"
)
"""Token and mark in one statement, so that they are of one moment.

Its places have names and are given a mapping: Python 3.12.0 to 3.12.3 take a numbered place (`?1`) for a named one, and
warn of the tuple (python/cpython#117995).
"""
_READ_ANSWER: Final = "SELECT record FROM login_answer WHERE provider = ? AND bucket = ?"
_READ_ALL: Final = "SELECT provider, bucket, record, digest FROM token WHERE digest <> ''"
_WRITE: Final = "INSERT OR REPLACE INTO token VALUES (?, ?, ?, ?)"
_WRITE_MARK: Final = "INSERT OR REPLACE INTO refresh_mark VALUES (?, ?, ?, ?)"
_WRITE_ANSWER: Final = "INSERT OR REPLACE INTO login_answer VALUES (?, ?, ?)"
_DELETE: Final = "DELETE FROM token WHERE provider = ? AND bucket = ?"
_DELETE_BYTES: Final = "DELETE FROM token WHERE provider = CAST(? AS TEXT) AND bucket = CAST(? AS TEXT)"
_DELETE_MARK: Final = "DELETE FROM refresh_mark WHERE provider = ? AND bucket = ?"
_DELETE_ANSWER: Final = "DELETE FROM login_answer WHERE provider = ? AND bucket = ?"


class SqliteTokenStore(LeaseTable, SessionTable):
    """Tokens in an SQLite file.

    Example:
        with SqliteTokenStore(Path("tokens.db")) as store:
            store.write("anthropic", "default", token)

    It may be used from several threads, one call at a time, and from several processes.

    Args:
        path: the file; it and its folder are made if they are missing (mode 0600 and 0700).
        vault: where secrets are kept instead of in the file; None: in the file. What was written without one is read
            as well, and moves into the vault when it is written again.

    Raises:
        TokenStoreError: the file cannot be opened or made, is no store, or was made by a newer version.
    """

    def __init__(self, path: str | os.PathLike[str], *, vault: SecretVault | None = None) -> None:
        super().__init__(path, busy_seconds=_BUSY_SECONDS, durable=True)
        self._vault = vault
        self.changes = 0
        """See `LoginStore.changes`."""

    @property
    def vault(self) -> SecretVault | None:
        """Where secrets are kept instead of in the file."""
        return self._vault

    def read(self, provider: str, bucket: str) -> OAuthToken | None:
        """See `LoginStore.read`.

        Raises:
            TokenCorruptError: something is stored that is no token.
            TokenStoreError: the file cannot be read.
        """
        stored = self.read_stored(provider, bucket)
        if stored.problem is not None:
            raise stored.problem
        return stored.token

    def read_stored(self, provider: str, bucket: str) -> Stored:
        """See `LoginStore.read_stored`.

        Raises:
            TokenStoreError: the file cannot be read, or the vault.
        """
        # What the file holds is never a local variable of a frame that an exception could show.
        parsed, mark = self._read(provider, bucket)
        while True:
            try:
                return Stored(self._opened(provider, bucket, parsed), mark)
            except TokenCorruptError as error:
                problem = error.with_traceback(None)
            # Another writer may have rewritten it between the record and its secrets; then there is another record now.
            former = parsed
            parsed, mark = self._read(provider, bucket)
            if parsed == former:
                return Stored(None, mark, problem)

    def write(self, provider: str, bucket: str, token: OAuthToken) -> None:
        """See `LoginStore.write`.

        Raises:
            TokenStoreError: the file cannot be written, or the vault; the token stored before still is.
        """
        self.change(provider, bucket, lambda _: Change(None, stores_issued=True, mark="clear"), token)

    def delete(self, provider: str, bucket: str) -> None:
        """See `LoginStore.delete`.

        Raises:
            TokenStoreError: the file cannot be written.
        """
        with self._transaction() as connection:
            former = _sealed(connection, provider, bucket)
            connection.execute(_DELETE, (provider, bucket))
            connection.execute(_DELETE_MARK, (provider, bucket))
            _delete_damaged(connection)
        self.changes += 1
        self._discard(provider, bucket, former)
        self._empty_log()

    def change(
        self,
        provider: str,
        bucket: str,
        decide: Callable[[StoredLogin], Change[_T]],
        issued: OAuthToken | None = None,
    ) -> _T:
        """See `LoginStore.change`. What is issued is sealed before the transaction; what remains is discarded after it.

        Raises:
            TokenStoreError: the file cannot be written, or the vault. Whatever `decide` raises.
        """
        record = _Record(issued, self._vault, provider, bucket)
        try:
            with self._transaction() as connection:
                former, login = _former(connection, provider, bucket)
                change = decide(login)
                _carry_out(connection, provider, bucket, change, record)
        except BaseException:
            self._discard_unless_kept(provider, bucket, record.sealed)
            raise
        self.changes += change.stores_issued
        self._discard(provider, bucket, former.sealed if change.stores_issued else record.sealed)
        if change.stores_issued and record.sealed is not None and former.token is not None:
            self._empty_log()
        return change.outcome

    def read_login_answer(self, provider: str, bucket: str) -> LoginAnswer | None:
        """See `LoginStore.read_login_answer`. What is stored and is no answer is none.

        Raises:
            TokenStoreError: the file cannot be read.
        """
        record = self._query(_READ_ANSWER, provider, bucket)
        try:
            return None if record is None else LoginAnswer.model_validate_json(record)
        except ValidationError:
            return None

    def write_login_answer(self, provider: str, bucket: str, answer: LoginAnswer) -> None:
        """See `LoginStore.write_login_answer`.

        Raises:
            TokenStoreError: the file cannot be written.
        """
        record = answer.model_dump_json()
        self._change(_WRITE_ANSWER, provider, bucket, record)

    def _read(self, provider: str, bucket: str) -> tuple[Parsed, RefreshMark | None]:
        with self._use("read") as connection:
            return _parsed(connection, provider, bucket)

    def _opened(self, provider: str, bucket: str, parsed: Parsed) -> OAuthToken | None:
        """The token, with the secrets that the vault holds."""
        if parsed.sealed is not None and (self._vault is None or parsed.sealed.vault != self._vault.name):
            message = (
                f"{self._path}: the secrets of {provider!r} {bucket!r} are in the vault {parsed.sealed.vault!r}, "
                "which is not in use here"
            )
            raise TokenStoreError(message)
        wrong, token = parsed.wrong, parsed.token
        if parsed.sealed is not None and self._vault is not None:
            token = parsed.sealed.token(self._vault.unseal(provider, bucket, parsed.sealed.sealed))
            wrong = "" if token is None else None
        if wrong is not None:
            message = f"{self._path}: what is stored for {provider!r} {bucket!r} is no token{wrong}; log in again"
            raise TokenCorruptError(message)
        return token

    def _empty_log(self) -> None:
        """A secret that is gone is to leave the log as well; who reads meanwhile may delay that."""
        with contextlib.suppress(TokenStoreError), self._use("written") as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _discard_unless_kept(self, provider: str, bucket: str, sealed: SealedRecord | None) -> None:
        """The write was interrupted, perhaps after its end: what the file refers to is kept."""
        if sealed is None:
            return
        try:
            kept = self._read(provider, bucket)[0].sealed
        except TokenStoreError:
            return
        if kept != sealed:
            self._discard(provider, bucket, sealed)

    def _discard(self, provider: str, bucket: str, sealed: SealedRecord | None) -> None:
        """Forget secrets that no record refers to; if the vault does not answer, they stay, and do no harm."""
        if sealed is None or self._vault is None or sealed.vault != self._vault.name:
            return
        with contextlib.suppress(TokenStoreError):
            self._vault.discard(provider, bucket, sealed.sealed)


class _Record:
    """What is to be written: sealed before the transaction begins, or made when it is written."""

    def __init__(self, token: OAuthToken | None, vault: SecretVault | None, provider: str, bucket: str) -> None:
        self._token = token
        self.sealed = sealed_record(token, vault, provider, bucket) if token is not None and vault is not None else None

    def text(self) -> str:
        """The record; with its secrets, if no vault has them."""
        if self.sealed is not None:
            return self.sealed.model_dump_json()
        assert self._token is not None, "nothing is stored"  # noqa: S101 - the rule of `change`
        return plain_record(self._token)


def _carry_out(
    connection: sqlite3.Connection, provider: str, bucket: str, change: Change[object], record: _Record
) -> None:
    if change.stores_issued:
        _delete_damaged(connection)
        connection.execute(_WRITE, (provider, bucket, record.text(), digest_of(provider, bucket, record.text())))
        connection.execute(_DELETE_ANSWER, (provider, bucket))
    if change.mark == "clear":
        connection.execute(_DELETE_MARK, (provider, bucket))
    elif change.mark != "leave":
        mark = change.mark.model_dump_json()
        connection.execute(_WRITE_MARK, (provider, bucket, mark, digest_of(provider, bucket, mark)))


def _parsed(connection: sqlite3.Connection, provider: str, bucket: str) -> tuple[Parsed, RefreshMark | None]:
    """What is stored for a bucket. Where nothing is, a row that bears another's name may be the bucket's own."""
    rows = _rows(connection, provider, bucket)
    parsed = parse_row(rows.get("token", Row(is_damaged="token" not in rows and any(_damaged(connection)))))
    return parsed, parse_mark(rows.get("mark", Row()), login_of(parsed, None).refresh_fingerprint)


def _rows(connection: sqlite3.Connection, provider: str, bucket: str) -> dict[str, Row]:
    found = connection.execute(_READ, {"provider": provider, "bucket": bucket})
    return {kind: Row(record, is_damaged=_differs(provider, bucket, record, digest)) for kind, record, digest in found}


def _damaged(connection: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    """The keys of rows that are damaged, in them or in what they hold."""
    for provider, bucket, record, digest in connection.execute(_READ_ALL).fetchall():
        if _differs(provider, bucket, record, digest):
            yield provider, bucket


def _delete_damaged(connection: sqlite3.Connection) -> None:
    """Whose they were, no reader could tell any more. A name may be no text, which only its bytes can name."""
    for provider, bucket in _damaged(connection):
        names = (provider.encode(errors="surrogateescape"), bucket.encode(errors="surrogateescape"))
        connection.execute(_DELETE_BYTES, names)


def _differs(provider: str, bucket: str, record: str, digest: str) -> bool:
    return digest not in {"", digest_of(provider, bucket, record)}


def _former(connection: sqlite3.Connection, provider: str, bucket: str) -> tuple[Parsed, StoredLogin]:
    """What is stored now; the vault is not asked."""
    parsed, mark = _parsed(connection, provider, bucket)
    return parsed, login_of(parsed, mark)


def _sealed(connection: sqlite3.Connection, provider: str, bucket: str) -> SealedRecord | None:
    """What stands for the secrets of the record that is about to go."""
    return _former(connection, provider, bucket)[0].sealed
