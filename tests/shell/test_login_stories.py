"""What a reviewer found in logins and logouts, in managers of other makes, and in profiles: one story each."""

import asyncio
import http.client
import socket
import struct
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import AsyncMock
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr
from returns.methods import unwrap_or_failure

from bucket_failover import (
    BucketFailoverHandlerImpl,
    EncryptedVault,
    FailoverContext,
    LoginFailedError,
    MemoryTokenStore,
    OAuthToken,
    ProfileError,
    SqliteTokenStore,
    StoredOAuthManager,
    SyncStoredOAuthManager,
    TokenStoreError,
    load_profiles,
)
from bucket_failover.oauth.loopback import Loopback, listening
from bucket_failover.tokens import MaskedDict
from bucket_failover_core.oauth import CodeGiven, IssuerSettings, LoginAnswer, RedirectRefused, read_redirect
from tests.support.people import PROVIDER, token
from tests.support.refresher import wait_until
from tests.support.token_endpoint import BUCKET

PATIENCE_SECONDS = 10.0
"""What is longer is a hang."""

OLD, NEW = token("old", expiry=1.0), token("new", expiry=9e9)
REFUSED = FailoverContext(triggering_status=401)


async def login(_provider: str, _bucket: str) -> OAuthToken:
    """The user who is asked says yes."""
    return NEW


def test_a_login_where_the_key_is_another_one(tmp_path: Path) -> None:
    """What is stored cannot be read, which is what the login is for."""
    path = tmp_path / "tokens.db"
    with SqliteTokenStore(path, vault=EncryptedVault(SecretStr("k1"))) as store:
        store.write(PROVIDER, BUCKET, token("lost"))
    with SqliteTokenStore(path, vault=EncryptedVault(SecretStr("k2"))) as store:
        with pytest.raises(TokenStoreError, match="cannot be read with this key"):
            store.read(PROVIDER, BUCKET)
        asyncio.run(StoredOAuthManager(store, login=login).authenticate(PROVIDER, BUCKET))
        assert store.read(PROVIDER, BUCKET) == NEW


@pytest.fixture
def corrupt(tmp_path: Path) -> Iterator[SqliteTokenStore]:
    """What is stored is no token."""
    with SqliteTokenStore(tmp_path / "tokens.db") as store:
        store.write(PROVIDER, BUCKET, NEW)
        store._connection.execute("UPDATE token SET record = 'nonsense'")
        yield store


def test_a_logout_of_what_is_no_token(corrupt: SqliteTokenStore) -> None:
    """It is removed, and there is nothing to revoke."""
    assert asyncio.run(StoredOAuthManager(corrupt).log_out(PROVIDER, BUCKET)) is None
    assert corrupt.read(PROVIDER, BUCKET) is None


def test_the_same_without_an_event_loop(corrupt: SqliteTokenStore) -> None:
    """It is removed, too."""
    assert SyncStoredOAuthManager(corrupt).log_out(PROVIDER, BUCKET) is None
    assert corrupt.read(PROVIDER, BUCKET) is None


def test_a_login_that_cannot_be_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    """One window is opened, and not one after the other: who waits for it is told why it was in vain."""
    monkeypatch.setattr("bucket_failover.oauth.logging_in._PAUSE_SECONDS", 0.001)
    windows: list[str] = []
    looks: list[str] = []
    all_have_looked = asyncio.Event()

    class Full(MemoryTokenStore):
        def read_login_answer(self, provider: str, bucket: str) -> LoginAnswer | None:
            looks.append(bucket)
            if len(looks) == 6:  # each of the five has, and the one who asks once more
                all_have_looked.set()
            return super().read_login_answer(provider, bucket)

        def write(self, *_: object) -> None:
            message = "the disk is full"
            raise TokenStoreError(message)

    async def slow(_provider: str, bucket: str) -> OAuthToken:
        windows.append(bucket)
        await all_have_looked.wait()
        return NEW

    async def main() -> list[BaseException | None]:
        store = Full()
        managers = [StoredOAuthManager(store, login=slow, in_thread=False) for _ in range(5)]
        async with asyncio.timeout(PATIENCE_SECONDS):
            logins = (manager.authenticate(PROVIDER, BUCKET) for manager in managers)
            return await asyncio.gather(*logins, return_exceptions=True)

    first, *others = asyncio.run(main())
    assert isinstance(first, TokenStoreError)
    assert [type(other) for other in others] == [LoginFailedError] * 4
    assert all(str(other).endswith("has brought no token: the disk is full") for other in others)
    assert windows == [BUCKET]


def test_a_login_that_is_cancelled_while_it_is_stored() -> None:
    """The token is kept, and the caller that has cancelled is obeyed."""
    begun, proceed = threading.Event(), threading.Event()

    class Slow(MemoryTokenStore):
        def write(self, provider: str, bucket: str, token: OAuthToken) -> None:
            begun.set()
            assert proceed.wait(PATIENCE_SECONDS)
            super().write(provider, bucket, token)

    store = Slow()

    async def main() -> None:
        authenticating = asyncio.create_task(StoredOAuthManager(store, login=login).authenticate(PROVIDER, BUCKET))
        assert await asyncio.to_thread(begun.wait, PATIENCE_SECONDS)
        authenticating.cancel()
        await asyncio.sleep(0)
        proceed.set()
        with pytest.raises(asyncio.CancelledError):
            await authenticating
        assert authenticating.cancelled()

    asyncio.run(main())
    assert store.read(PROVIDER, BUCKET) == NEW


def test_a_read_that_a_logout_overtakes() -> None:
    """What it brings back is not believed any more."""
    read, proceed = threading.Event(), threading.Event()

    class Slow(MemoryTokenStore):
        def read(self, provider: str, bucket: str) -> OAuthToken | None:
            found = super().read(provider, bucket)
            if not read.is_set():
                read.set()
                assert proceed.wait(PATIENCE_SECONDS)
            return found

    async def main() -> None:
        store = Slow()
        store.write(PROVIDER, BUCKET, NEW)
        manager = StoredOAuthManager(store, clock=lambda: 1_000.0)
        reading = asyncio.create_task(manager.read_token(PROVIDER, BUCKET))
        assert await asyncio.to_thread(read.wait, PATIENCE_SECONDS)
        await manager.log_out(PROVIDER, BUCKET)
        proceed.set()
        assert await reading == NEW
        assert await manager.get_oauth_token(PROVIDER, BUCKET) is None

    asyncio.run(main())


class Redirects:
    """The address that a browser comes back to; what it brings is held back while the test wants."""

    def __init__(self) -> None:
        self.heard, self.proceed = threading.Event(), threading.Event()
        self.settings = IssuerSettings(token_endpoint="https://issuer.example/token", client_id="test")

    def hear(self, parameters: MaskedDict) -> CodeGiven | RedirectRefused:
        """What the core says."""
        self.heard.set()
        assert self.proceed.wait(PATIENCE_SECONDS)
        told = {name: tuple(values) for name, values in parameters.items()}
        return unwrap_or_failure(read_redirect(told, state="s"))


def port_and_path(loopback: Loopback) -> tuple[int, str]:
    """Where it listens."""
    parts = urlsplit(loopback.uri)
    assert parts.port is not None
    return parts.port, parts.path


def no_browser_is_answered() -> bool:
    """No request is under way any more."""
    return not any("process_request" in thread.name for thread in threading.enumerate())


def test_a_browser_that_hangs_up(capfd: pytest.CaptureFixture[str]) -> None:
    """It has brought the code, which counts; that it does not read the page is no news."""
    redirects = Redirects()
    with listening(redirects.settings, redirects.hear) as loopback:
        port, path = port_and_path(loopback)
        with socket.create_connection(("127.0.0.1", port)) as browser:
            browser.sendall(f"GET {path}?code=c&state=s HTTP/1.1\r\nhost: x\r\n\r\n".encode())
            assert redirects.heard.wait(PATIENCE_SECONDS)
            browser.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close is a reset
        redirects.proceed.set()
        assert loopback.redirects.get(timeout=PATIENCE_SECONDS).meaning == CodeGiven()
        wait_until(no_browser_is_answered)
    assert capfd.readouterr() == ("", "")


def test_a_redirect_with_too_many_parameters(capfd: pytest.CaptureFixture[str]) -> None:
    """It is none of ours: 400, and no traceback, which would show the code."""
    redirects = Redirects()
    redirects.proceed.set()
    with listening(redirects.settings, redirects.hear) as loopback:
        port, path = port_and_path(loopback)
        browser = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
        browser.request("GET", f"{path}?code=c&state=s{'&a=1' * 60}")
        answer = browser.getresponse()
        answer.read()
        browser.close()
        wait_until(no_browser_is_answered)
        assert (answer.status, loopback.redirects.empty()) == (400, True)
    assert capfd.readouterr() == ("", "")


def test_a_manager_that_answers_to_any_name() -> None:
    """It is asked what the contract has, and nothing else."""
    manager = AsyncMock()
    manager.read_token.return_value = OLD
    manager.refresh_oauth_token.return_value = NEW
    assert asyncio.run(BucketFailoverHandlerImpl([BUCKET], PROVIDER, manager).try_failover(REFUSED))
    manager.refresh_oauth_token.assert_awaited_once_with(PROVIDER, BUCKET)
    manager.replace_token.assert_not_awaited()


def test_a_subclass_with_a_refresh_of_its_own() -> None:
    """It is that one which is called."""
    refreshed: list[str] = []

    class Own(StoredOAuthManager):
        async def refresh_oauth_token(self, _provider: str, bucket: str) -> OAuthToken:
            refreshed.append(bucket)
            return NEW

    store = MemoryTokenStore()
    store.write(PROVIDER, BUCKET, OLD)
    assert asyncio.run(BucketFailoverHandlerImpl([BUCKET], PROVIDER, Own(store)).try_failover(REFUSED))
    assert refreshed == [BUCKET]


def test_a_subclass_with_a_login_of_its_own() -> None:
    """It is offered, though the manager was made without one."""

    class Own(StoredOAuthManager):
        async def authenticate(self, provider: str, bucket: str) -> None:
            self._store.write(provider, bucket, NEW)

    store = MemoryTokenStore()
    assert asyncio.run(BucketFailoverHandlerImpl([BUCKET], PROVIDER, Own(store)).try_failover(REFUSED))
    assert store.read(PROVIDER, BUCKET) == NEW


ISSUER = 'buckets = ["a"]\n[p.oauth]\ntoken_endpoint = "https://issuer.example/token"\nclient_id = "c"\n'


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ('[p]\nbuckets = ["a", { name = "b", api_key = "sk-S3CRET" }]', "p.buckets.1.api_key"),
        ('[p]\nbuckets = [{ name = "a", api_key = "sk-S3CRET" }]', "p.buckets.0.api_key"),
        ('[p]\nbuckets = ["a", { name = "b", apikey = "S3CRET" }]', "p.buckets.1.apikey"),
        ('[p]\nclient_secrets = "S3CRET"\nbuckets = ["a"]', "p.client_secrets"),
        (f'[p]\n{ISSUER}client_secrets = "S3CRET"', "p.oauth.client_secrets"),
        ('p = "S3CRET"', "p: what stands there is no table"),
    ],
)
def test_a_profile_with_a_secret_in_the_wrong_place(tmp_path: Path, text: str, field: str) -> None:
    """What is wrong is named, and not shown, not even in a traceback."""
    path = tmp_path / "profile.toml"
    path.write_text(text)
    with pytest.raises(ProfileError, match=field) as caught:
        load_profiles(path)
    assert "S3CRET" not in "".join(traceback.format_exception(caught.value))
