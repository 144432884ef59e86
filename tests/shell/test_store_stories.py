"""What once lost a token, gave a lock away, or left a secret behind: one story each."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from bucket_failover import SqliteTokenStore, TokenCorruptError, TokenStoreError
from bucket_failover.store.sqlite.locks import FileLocks
from tests.support.people import token
from tests.support.processes import run, store_in


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store's file, in a folder of its own; the token of "p" "b" is in it."""
    return store_in(tmp_path)


class DictVault:
    """A vault in a dictionary; what is to happen first, happens first."""

    name = "dictionary"

    def __init__(self) -> None:
        self.kept: dict[str, SecretStr] = {}
        self.before_unseal: list[Callable[[], None]] = []

    def seal(self, provider: str, bucket: str, secrets: SecretStr) -> str:
        sealed = os.urandom(8).hex()
        self.kept[sealed] = secrets
        return sealed

    def unseal(self, provider: str, bucket: str, sealed: str) -> SecretStr:
        while self.before_unseal:
            self.before_unseal.pop()()
        if sealed not in self.kept:
            raise TokenCorruptError(sealed)
        return self.kept[sealed]

    def discard(self, provider: str, bucket: str, sealed: str) -> None:
        self.kept.pop(sealed, None)


class Interrupted:
    """A connection; Ctrl-C arrives when it has committed."""

    in_transaction = False

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def execute(self, statement: str, values: tuple[str, ...] = ()) -> sqlite3.Cursor:
        cursor = self.connection.execute(statement, values)
        if statement == "COMMIT":
            raise KeyboardInterrupt
        return cursor


class TestStories:
    """None of them happens again."""

    HOLD = """
release = FileLocks(Path(path)).try_lock("p", "b", "refresh")
print("refused" if release is None else "held", flush=True)
"""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        """Where the locks are."""
        return tmp_path / "new" / "locks"

    def test_a_refused_second_holder_does_not_give_it_away(self, folder: Path) -> None:
        """Closing any descriptor of a file drops all of the process's POSIX locks on it."""
        release = FileLocks(folder).try_lock("p", "b", "refresh")
        assert release is not None
        assert FileLocks(folder).try_lock("p", "b", "refresh") is None
        assert run(self.HOLD, folder) == "refused\n"
        release()

    def test_by_something_else_for_a_while(self, path: Path) -> None:
        """When the file is back, so is the store."""
        with SqliteTokenStore(path) as store:
            aside = path.rename(path.with_name("aside"))
            path.write_text("these are not the tokens you are looking for" * 100)
            with pytest.raises(TokenStoreError, match="file is not a database"):
                store.read("p", "b")
            aside.replace(path)
            with pytest.raises(TokenStoreError, match="replaced"):
                store.read("p", "b")
            assert store.read("p", "b") == token("kept")

    def test_by_no_more_than_a_change_of_folder(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A relative path is meant as it was when the store was opened."""
        monkeypatch.chdir(path.parent)
        with SqliteTokenStore(path.name) as store:
            monkeypatch.chdir(path.parent.parent)
            assert store.read("p", "b") == token("kept")

    def test_two_stores_of_one_process_keep_the_log(self, path: Path) -> None:
        """Another process that opens and closes the file does not remove it while they are open."""
        with SqliteTokenStore(path) as store, SqliteTokenStore(path):
            run("SqliteTokenStore(path).close()", path)
            store.write("p", "b", token("new"))
            assert "access-of-new" in run(
                "print(SqliteTokenStore(path).read('p', 'b').access_token.get_secret_value())", path
            )

    def test_by_another_stores_beside_the_former_log(self, path: Path) -> None:
        """The log is not taken for the new file's."""
        with SqliteTokenStore(path) as store:
            store.write("p", "b", token("former"))
            with SqliteTokenStore(path.with_name("other.db")) as another:
                another.write("p", "b", token("other"))
            path.with_name("other.db").replace(path)
            with pytest.raises(TokenStoreError, match="replaced"):
                store.read("p", "b")
            assert store.read("p", "b") == token("other")

    def test_a_rewrite_between_record_and_secrets(self, path: Path) -> None:
        """Another process refreshes while we read: we read its token, which is not "log in again"."""
        vault = DictVault()
        with SqliteTokenStore(path, vault=vault) as reader, SqliteTokenStore(path, vault=vault) as writer:
            reader.write("p", "b", token("former"))
            vault.before_unseal.append(lambda: writer.write("p", "b", token("new")))
            assert reader.read("p", "b") == token("new")

    def test_an_interruption_after_the_commit(self, path: Path) -> None:
        """Ctrl-C while the disk is flushed: the file refers to the new secrets, so they are not discarded."""
        with SqliteTokenStore(path, vault=DictVault()) as store:
            whole = store._connection
            store._connection = Interrupted(whole)  # type: ignore[assignment] # it has what is used of a connection
            with pytest.raises(KeyboardInterrupt):
                store.write("p", "b", token("committed"))
            store._connection = whole
            assert store.read("p", "b") == token("committed")

    def test_a_plain_record_leaves_nothing_in_the_file(self, path: Path) -> None:
        """When its token moves into a vault, not even the write-ahead log keeps the secrets."""
        with SqliteTokenStore(path, vault=DictVault()) as store:
            with SqliteTokenStore(path) as plain:
                plain.write("p", "b", token("plain"))
            store.write("p", "b", token("sealed"))
            assert [file.name for file in path.parent.iterdir() if b"of-plain" in file.read_bytes()] == []

    def test_a_vault_that_has_no_name(self, path: Path) -> None:
        """A record that says that its secrets are nowhere is not "no token"."""
        with SqliteTokenStore(path, vault=DictVault()) as store:
            store.write("p", "b", token("kept"))
            store._connection.execute("UPDATE token SET record = json_set(record, '$.vault', '')")
        with SqliteTokenStore(path) as store, pytest.raises(TokenStoreError):
            store.read("p", "b")
