"""The vaults: what they keep, what the store's file then holds, and what is said when they cannot."""

import copy
import json
import os
import pickle
import shutil
import sqlite3
import subprocess
import sys
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import chainer
from keyring.errors import KeyringLocked, NoKeyringError, PasswordDeleteError
from pydantic import SecretStr

from bucket_failover import OAuthToken, SqliteTokenStore, TokenCorruptError, TokenStoreError
from bucket_failover.store import Change
from bucket_failover.store.vaults.encrypted import EncryptedVault
from bucket_failover.store.vaults.interface import SecretVault
from bucket_failover.store.vaults.keyring import KeyringVault, usable_keyring
from tests.support.people import replace, token

KEY = SecretStr("correct horse battery staple")
CHOSEN = "keyring.core._keyring_backend"


class DictKeyring(KeyringBackend):
    """A keyring in a dictionary; with a failure, it answers nothing else."""

    priority = 1.0

    def __init__(self) -> None:  # the base's reads the environment, and does nothing else
        self.kept: dict[tuple[str, str], str] = {}
        self.failure: Exception | None = None

    def get_password(self, service: str, username: str) -> str | None:
        self._answer()
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._answer(password)
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._answer()
        if self.kept.pop((service, username), None) is None:
            raise PasswordDeleteError("no such password")  # noqa: EM101, TRY003 - as the library's own backends raise it

    def _answer(self, password: str = "") -> None:
        if self.failure is not None:
            seen = f"{password} {self.kept}"
            raise type(self.failure)(seen)


KeyringBackend._classes.discard(DictKeyring)  # no other test finds it among the keyrings


@pytest.fixture
def ring() -> DictKeyring:
    """An empty keyring."""
    return DictKeyring()


@pytest.fixture(params=["keyring", "encrypted"])
def vault(request: pytest.FixtureRequest, ring: DictKeyring) -> SecretVault:
    """Each kind of vault."""
    return KeyringVault(backend=ring) if request.param == "keyring" else EncryptedVault(KEY)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store's file, in a folder of its own."""
    return tmp_path / "store" / "tokens.db"


def on_disk(path: Path) -> bytes:
    """All that is in the store's folder: the database, its log, its shared memory."""
    return b"".join(file.read_bytes() for file in sorted(path.parent.iterdir()) if file.is_file())


def frames(error: BaseException) -> str:
    """The traceback below the test with every local variable, and that of whatever hangs on it."""
    assert error.__traceback__ is not None
    told = traceback.TracebackException(type(error), error, error.__traceback__.tb_next, capture_locals=True)
    return "".join(told.format())


class TestStore:
    """A token store whose secrets are in a vault."""

    def test_what_was_written_is_read_and_is_not_in_the_file(self, path: Path, vault: SecretVault) -> None:
        """To the last field; a deleted one is gone."""
        facts = {"expiry": 1.5, "issued_at": 0.25, "scope": "chat", "token_type": "DPoP"}
        secrets = {"access_token": "hunter2 \N{SNOWMAN}", "refresh_token": "hunter2", "extra": {"id_token": "hunter2"}}
        full = OAuthToken.model_validate({**facts, **secrets})
        assert isinstance(vault, SecretVault)
        with SqliteTokenStore(path, vault=vault) as store:
            store.write("p", "b", token("first"))
            store.write("p", "b", full)
            store.write("p", "key", (key := OAuthToken.from_api_key("hunter2-key")))
            assert store.read("p", "b") == full
            assert store.read("p", "key") == key
            assert store.read_stored("p", "b").login.refresh_fingerprint == full.refresh_fingerprint
            assert b"hunter2" not in on_disk(path)
            store.delete("p", "b")
            assert store.read("p", "b") is None
        assert b"hunter2" not in on_disk(path)

    def test_the_keyring_holds_the_secrets_of_what_is_stored(self, path: Path, ring: DictKeyring) -> None:
        """The former ones are discarded after a rewrite, those of a refresh that is not stored at once."""
        with SqliteTokenStore(path, vault=KeyringVault(backend=ring)) as store:
            store.write("p", "b", token("one"))
            store.write("p", "b", token("two"))
            assert len(ring.kept) == 1
            store.change("p", "b", lambda _: Change(None, mark="clear"), token("new"))
            assert store.read("p", "b") == token("two")
            store.change("p", "b", lambda _: Change(None, stores_issued=True), token("new"))
            assert store.read("p", "b") == token("new")
            assert ["access-of-new" in kept for kept in ring.kept.values()] == [True]
            store.delete("p", "b")
            assert ring.kept == {}

    def test_a_write_that_fails(self, path: Path, ring: DictKeyring, monkeypatch: pytest.MonkeyPatch) -> None:
        """A locked file, a decision that breaks: the new secrets are discarded, and the former ones are not."""
        monkeypatch.setattr("bucket_failover.store.sqlite.token_store._BUSY_SECONDS", 0.01)
        with SqliteTokenStore(path, vault=KeyringVault(backend=ring)) as store:
            store.write("p", "b", token("kept"))
            before = dict(ring.kept)
            other = sqlite3.connect(path, isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(TokenStoreError, match="locked"):
                store.write("p", "b", token("lost"))
            other.close()
            with pytest.raises(ZeroDivisionError):
                store.change("p", "b", lambda _: Change(1 // 0), token("lost"))
            assert ring.kept == before
            assert store.read("p", "b") == token("kept")

    @pytest.mark.parametrize("failure", [KeyringLocked(), OSError(), RuntimeError(), UnicodeError()])
    def test_a_vault_that_fails_is_an_outage(self, path: Path, ring: DictKeyring, failure: Exception) -> None:
        """Never "no token". Of exceptions that have secrets in text and frames only the class is told."""
        with SqliteTokenStore(path, vault=KeyringVault(backend=ring)) as store:
            store.write("p", "b", token("kept"))
            ring.failure = failure
            told = f"the keyring did not (keep|give) the secrets of 'p' 'b': {type(failure).__name__}$"
            acts: list[Callable[[str, str], object]] = [partial(store.write, token=token("lost")), store.read]
            for act in acts:
                with pytest.raises(TokenStoreError, match=told) as caught:
                    act("p", "b")
                assert not isinstance(caught.value, TokenCorruptError)
                assert "of-kept" not in frames(caught.value)
                assert "of-lost" not in frames(caught.value)
                assert caught.value.__context__ is None
            ring.failure = None
            assert store.read("p", "b") == token("kept")
            ring.failure = failure
            store.delete("p", "b")
            assert store.read("p", "b") is None

    def test_a_plain_record_moves_into_the_vault(self, path: Path, vault: SecretVault) -> None:
        """It is read as it is, and written anew with the next token."""
        with SqliteTokenStore(path) as store:
            store.write("p", "b", token("plain"))
        with SqliteTokenStore(path, vault=vault) as store:
            assert store.read("p", "b") == token("plain")
            store.write("p", "b", token("sealed"))
            assert b"of-sealed" not in on_disk(path)
        with SqliteTokenStore(path) as store, pytest.raises(TokenStoreError, match="not in use here"):
            store.read("p", "b")

    def test_a_record_of_another_vault_is_told(self, path: Path, ring: DictKeyring) -> None:
        """It is an outage, not a corrupt token: with the right vault it is read. A new login replaces it."""
        with SqliteTokenStore(path, vault=KeyringVault(backend=ring)) as store:
            store.write("p", "b", token("kept"))
        with SqliteTokenStore(path, vault=EncryptedVault(KEY)) as store:
            with pytest.raises(TokenStoreError, match="'p' 'b' are in the vault 'keyring', which is not") as caught:
                store.read("p", "b")
            assert not isinstance(caught.value, TokenCorruptError)
            store.write("p", "b", token("new"))
            assert store.read("p", "b") == token("new")

    def test_secrets_that_the_keyring_lost_are_a_corrupt_token(self, path: Path, ring: DictKeyring) -> None:
        """The other buckets are not affected."""
        with SqliteTokenStore(path, vault=KeyringVault(backend=ring)) as store:
            store.write("p", "lost", token("lost"))
            ring.kept.clear()
            store.write("p", "good", token("good"))
            with pytest.raises(TokenCorruptError, match="no longer has the secrets of 'p' 'lost'; log in again"):
                store.read("p", "lost")
            assert store.read("p", "good") == token("good")

    def test_another_key_is_told(self, path: Path) -> None:
        """Nothing is lost: the right key reads it. Neither key nor token hangs on the error."""
        with SqliteTokenStore(path, vault=EncryptedVault(KEY)) as store:
            store.write("p", "b", token("kept"))
        with SqliteTokenStore(path, vault=EncryptedVault(SecretStr("hunter2"))) as store:
            with pytest.raises(TokenStoreError, match=r"'p' 'b' cannot be read with this key: .* tampered") as caught:
                store.read("p", "b")
            assert not isinstance(caught.value, TokenCorruptError)
            assert "hunter2" not in frames(caught.value)
            assert caught.value.__context__ is None
        with SqliteTokenStore(path, vault=EncryptedVault(KEY)) as store:
            assert store.read("p", "b") == token("kept")

    def test_swapped_records_are_noticed(self, path: Path, vault: SecretVault) -> None:
        """A process that can write the file cannot give one bucket the token of another."""
        with SqliteTokenStore(path, vault=vault) as store:
            store.write("p", "a", token("a"))
            store.write("p", "b", token("b"))
            change = store._connection.execute
            change("CREATE TEMP TABLE former AS SELECT * FROM token")
            change("UPDATE token SET digest = '', record = (SELECT record FROM former WHERE bucket <> token.bucket)")
            for bucket in ("a", "b"):
                with pytest.raises(TokenStoreError, match=f"the secrets of 'p' '{bucket}'"):
                    store.read("p", bucket)

    def test_two_processes_with_one_key_share_the_tokens(self, path: Path) -> None:
        """Each seals with a salt of its own."""
        child = (
            "import sys; from pydantic import SecretStr; from bucket_failover import OAuthToken, SqliteTokenStore\n"
            "from bucket_failover.store.vaults.encrypted import EncryptedVault\n"
            "with SqliteTokenStore(sys.argv[1], vault=EncryptedVault(SecretStr(sys.stdin.read()))) as store:\n"
            "    print(store.read('p', 'parent').access_token.get_secret_value())\n"
            "    store.write('p', 'child', OAuthToken.from_api_key('of the child'))\n"
        )
        with SqliteTokenStore(path, vault=EncryptedVault(KEY)) as store:
            store.write("p", "parent", token("parent"))
            command = [sys.executable, "-c", child, str(path)]
            told = subprocess.run(command, input=KEY.get_secret_value(), capture_output=True, text=True, check=False)
            assert (told.stdout, told.stderr) == ("access-of-parent\n", "")
            assert store.read("p", "child") == OAuthToken.from_api_key("of the child")


class TestKeyring:
    """The operating system's keyring, and what is taken for one."""

    def test_no_two_buckets_share_an_entry(self, ring: DictKeyring) -> None:
        """Whatever their names are made of; and each call makes a new one."""
        vault = KeyringVault("a service", ring)
        names = [("a", "b"), ("a", "b"), ('a", "b', "c"), ("a", 'b", "c'), ("a,b", "c"), ("a", "\ud800")]
        sealed = [vault.seal(*name, SecretStr(str(number))) for number, name in enumerate(names)]
        told = [vault.unseal(*name, one).get_secret_value() for name, one in zip(names, sealed, strict=True)]
        assert told == ["0", "1", "2", "3", "4", "5"]
        assert [(service, tuple(json.loads(user)[:2])) for service, user in ring.kept] == [
            ("a service", of) for of in names
        ]
        with pytest.raises(TokenCorruptError, match="no longer has the secrets of 'a' 'c'"):
            vault.unseal("a", "c", sealed[0])

    def test_discarding_what_is_not_there_is_no_mistake(self, ring: DictKeyring) -> None:
        """A keyring that does not answer, or does not let go of it, is one."""
        vault = KeyringVault(backend=ring)
        sealed = vault.seal("p", "b", SecretStr("x"))
        vault.discard("p", "b", sealed)
        vault.discard("p", "b", sealed)
        sealed = vault.seal("p", "b", SecretStr("x"))
        replace(ring, delete_password=ring.set_password)  # which wants another argument
        with pytest.raises(TokenStoreError, match=r"did not forget the secrets of 'p' 'b': TypeError$"):
            vault.discard("p", "b", sealed)
        ring.failure = NoKeyringError()
        with pytest.raises(TokenStoreError, match=r"the secrets of 'p' 'b': NoKeyringError$"):
            vault.discard("p", "b", sealed)

    def test_the_librarys_choice_is_used(self, monkeypatch: pytest.MonkeyPatch, ring: DictKeyring) -> None:
        """Nothing is asked of it before a token is written. One that keeps nothing is refused."""
        ring.failure = KeyringLocked()
        monkeypatch.setattr(CHOSEN, ring)
        assert usable_keyring() is ring
        KeyringVault()
        for name in ("fail.Keyring", "null.Keyring"):
            monkeypatch.setattr(CHOSEN, keyring.core.load_keyring(f"keyring.backends.{name}"))
            assert usable_keyring() is None
            with pytest.raises(TokenStoreError, match="no keyring of the operating system here"):
                KeyringVault()
        monkeypatch.setattr(CHOSEN, None)
        monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "nowhere.Keyring")
        assert usable_keyring() is None

    @pytest.mark.parametrize(
        ("module", "name", "priority", "is_real"),
        [
            ("keyring.backends.SecretService", "Keyring", 5, True),
            ("keyrings.altogether", "Keyring", 0.5, True),
            ("keyrings.alt.file", "PlaintextKeyring", 0.5, False),
            ("keyrings.alt.Windows", "RegistryKeyring", 2, False),
            ("keyrings.cryptfile.cryptfile", "CryptFileKeyring", 2.5, False),
            ("mine", "MyPlaintextKeyring", 1, False),
            ("mine", "Keyring", 0, False),
        ],
    )
    def test_a_file_is_no_keyring(
        self, monkeypatch: pytest.MonkeyPatch, module: str, name: str, priority: float, *, is_real: bool
    ) -> None:
        """Judged by module, class, and priority; a class made of it, and a chain that begins with it, are alike."""
        kind = type(name, (DictKeyring,), {"__module__": module, "priority": priority})
        own = type("Own", (kind,), {"__module__": "mine"})
        KeyringBackend._classes.difference_update({kind, own})
        for backend in (kind(), own()):
            monkeypatch.setattr(CHOSEN, backend)
            assert usable_keyring() is (backend if is_real else None)
            monkeypatch.setattr(chainer.ChainerBackend, "backends", [backend, DictKeyring()])
            monkeypatch.setattr(CHOSEN, keyring.core.load_keyring("keyring.backends.chainer.ChainerBackend"))
            assert usable_keyring() is (backend if is_real else None)
        monkeypatch.setattr(chainer.ChainerBackend, "backends", [])
        assert usable_keyring() is None

    def test_a_missing_library_is_told(self, monkeypatch: pytest.MonkeyPatch, ring: DictKeyring) -> None:
        """With the command that installs it; a backend of one's own needs none."""
        monkeypatch.setitem(sys.modules, "keyring", None)
        assert usable_keyring() is None
        with pytest.raises(TokenStoreError, match=r"pip install 'bucket-failover\[keyring\]'"):
            KeyringVault()
        KeyringVault(backend=ring)

    @pytest.mark.skipif(
        shutil.which("dbus-run-session") is None or shutil.which("gnome-keyring-daemon") is None,
        reason="there is no gnome-keyring-daemon, or no dbus-run-session, to talk to",
    )
    def test_a_real_one(self, tmp_path: Path) -> None:
        """GNOME's, unlocked, on a session bus of its own."""
        child = (
            "from pydantic import SecretStr; from bucket_failover.store.vaults.keyring import KeyringVault\n"
            "vault = KeyringVault()\n"
            "old, new = (vault.seal('p', 'b', SecretStr(text)) for text in ('old', 'new \\N{SNOWMAN}'))\n"
            "vault.discard('p', 'b', old); vault.discard('p', 'b', old)\n"
            "print(ascii(vault.unseal('p', 'b', new).get_secret_value()))\n"
            "vault.unseal('p', 'b', old)\n"
        )
        unlocked = 'printf pw | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1; exec "$0" -c "$1"'
        command = ["dbus-run-session", "--", "sh", "-c", unlocked, sys.executable, child]
        homes = dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"), str(tmp_path))
        told = subprocess.run(command, env={**os.environ, **homes}, capture_output=True, text=True, check=False)
        assert told.stdout == "'new \\u2603'\n", told.stderr
        assert told.stderr.endswith(
            "TokenCorruptError: the keyring no longer has the secrets of 'p' 'b'; log in again\n"
        )


class TestEncryption:
    """Secrets that are encrypted in the file itself."""

    def test_the_key_is_not_shown(self) -> None:
        """Nor pickled, nor copied. An empty one is refused."""
        with pytest.raises(ValueError, match="is empty"):
            EncryptedVault(SecretStr(""))
        vault = EncryptedVault(SecretStr("hunter2"))
        vault.seal("p", "b", SecretStr("x"))
        assert "hunter2" not in f"{vault!r} {vault} {vars(vault)}"
        for leave in (pickle.dumps, copy.copy):
            with pytest.raises(TypeError, match="is not pickled"):
                leave(vault)

    def test_a_missing_library_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """With the command that installs it."""
        monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
        with pytest.raises(TokenStoreError, match=r"pip install 'bucket-failover\[encryption\]'"):
            EncryptedVault(KEY)

    @pytest.mark.parametrize("part", [1, 2, 3])
    def test_a_change_is_noticed(self, part: int) -> None:
        """In the salt, the nonce, and the ciphertext."""
        vault = EncryptedVault(KEY)
        parts = vault.seal("p", "b", SecretStr("x")).split(".")
        parts[part] = ("A" if parts[part][0] != "A" else "B") + parts[part][1:]
        with pytest.raises(TokenStoreError, match="cannot be read with this key"):
            vault.unseal("p", "b", ".".join(parts))

    @pytest.mark.parametrize("sealed", ["", "hunter2", "v1", "v1...", "v1.A.A.A", "v1.AAAA.AAAA.AAAA", "v1.a b.c.d"])
    def test_what_is_no_sealed_text_is_corrupt(self, sealed: str) -> None:
        """It is not repeated. What another version has sealed is not corrupt, for that one can read it."""
        vault = EncryptedVault(KEY)
        with pytest.raises(TokenCorruptError, match=r"for 'p' 'b' is no sealed text; log in again$"):
            vault.unseal("p", "b", sealed)
        with pytest.raises(TokenStoreError, match="another version of bucket-failover") as caught:
            vault.unseal("p", "b", f"v2.{sealed}")
        assert not isinstance(caught.value, TokenCorruptError)

    def test_a_key_is_made_once_for_each_salt(self) -> None:
        """Whichever thread needs it first; what another vault has sealed is read with its salt."""
        mine, theirs = EncryptedVault(KEY), EncryptedVault(KEY)
        sealed = [vault.seal("p", "b", SecretStr("\ud800")) for vault in (mine, theirs) for _ in range(8)]
        with ThreadPoolExecutor(8) as threads:
            told = list(threads.map(lambda one: mine.unseal("p", "b", one), sealed))
        assert told == [SecretStr("\ud800")] * 16
        assert mine._remembered.cache_info().misses == 2
