"""What a reviewer found in refreshes, renewals and stores: one story each."""

import asyncio
import os
import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import httpx2
import pytest

from bucket_failover import (
    BucketFailoverHandlerImpl,
    MemoryTokenStore,
    OAuthToken,
    RefreshFailedError,
    RefreshInterruptedError,
    RefreshUnheardError,
    RenewalScheduler,
    SqliteTokenStore,
    StoredOAuthManager,
    SyncStoredOAuthManager,
    TokenStoreError,
)
from bucket_failover.oauth.http_issuer import OAuthIssuer
from bucket_failover.store import Release
from bucket_failover.store.sqlite.locks import FileLocks
from bucket_failover_core.oauth import IssuerSettings
from tests.shell.test_cli_renew import Watchman, watching
from tests.shell.test_cli_renew import watchman as watchman  # noqa: PLC0414 - the fixture is used here, too
from tests.support.people import PROVIDER, token
from tests.support.processes import run
from tests.support.stores import Marked
from tests.support.token_endpoint import BUCKET, Gate

PATIENCE_SECONDS = 10.0
"""What is longer is a hang."""

OLD, NEW = token("old", expiry=1.0), token("new", expiry=9e9)


def stored(*buckets: str, held: OAuthToken = OLD) -> MemoryTokenStore:
    """A store with a token for each of these buckets."""
    store = MemoryTokenStore()
    for bucket in buckets or (BUCKET,):
        store.write(PROVIDER, bucket, held)
    return store


@contextmanager
def talking(*answers: Callable[[], Iterator[bytes]] | bytes) -> Iterator[tuple[int, list[bytes]]]:
    """A server that answers each connection with the next of these, and hangs up; its port, and what it was asked."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE_SECONDS)

        def talk() -> None:
            for answer in answers:
                try:
                    connection, _ = server.accept()
                except OSError:  # the test is over
                    return
                with connection:
                    asked.append(connection.recv(65_536))
                    try:
                        for part in [answer] if isinstance(answer, bytes) else answer():
                            connection.sendall(part)
                    except OSError:  # the client has had enough
                        continue

        thread = threading.Thread(target=talk)
        thread.start()
        try:
            yield server.getsockname()[1], asked
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(PATIENCE_SECONDS)


@contextmanager
def issuer_behind(
    endpoint: str, *, timeout_seconds: float = PATIENCE_SECONDS, **options: str | bool
) -> Iterator[OAuthIssuer]:
    """An issuer's client, which knows no certificates and no variables of this machine's."""
    nothing = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with httpx2.Client(trust_env=False, verify=nothing, timeout=PATIENCE_SECONDS, **options) as http:  # type: ignore[arg-type]  # mypy takes each option for any of the arguments
        settings = IssuerSettings(token_endpoint=endpoint, client_id="test")
        yield OAuthIssuer(settings, http=http, timeout_seconds=timeout_seconds)


@pytest.mark.parametrize("answer", [b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_a_proxy_has_not_seen_the_form(answer: bytes) -> None:
    """Its CONNECT is refused, or there is no TLS behind it: nothing was sent, and the token is presented again."""
    store = Marked()
    store.write(PROVIDER, BUCKET, OLD)
    with talking(answer) as (port, asked):
        proxy = f"http://127.0.0.1:{port}"
        with (
            issuer_behind("https://issuer.example/token", proxy=proxy) as issuer,
            pytest.raises(RefreshFailedError, match="could not be reached"),
        ):
            SyncStoredOAuthManager(store, refresh=issuer).replace_token(PROVIDER, BUCKET, "")
        assert asked[0].startswith(b"CONNECT issuer.example:443 ")
    assert [mark.is_sent for mark in store.marks] == [False]
    presented: list[OAuthToken] = []

    def refresh(_provider: str, _bucket: str, held: OAuthToken) -> OAuthToken:
        presented.append(held)
        return NEW

    assert SyncStoredOAuthManager(store, refresh=refresh).replace_token(PROVIDER, BUCKET, "") == NEW
    assert presented == [OLD]


def test_a_redirect_is_not_followed() -> None:
    """Not even by a client that was handed in and follows all others: the form is for the issuer."""
    redirect = b"HTTP/1.1 307 There\r\nlocation: /there\r\ncontent-length: 0\r\n\r\n"
    issues = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{"access_token": "x"}'
    with (
        talking(redirect, issues) as (port, asked),
        issuer_behind(f"http://127.0.0.1:{port}/here", follow_redirects=True) as issuer,
    ):
        reply = issuer.refresh(PROVIDER, BUCKET, OLD, before_sending=lambda: None)
    assert (reply.token, len(asked)) == (None, 1)
    assert "307" in reply.detail


@contextmanager
def alarm() -> Iterator[None]:
    """A loop that nothing else can stop is stopped."""

    def ring(_signal: int, _frame: FrameType | None) -> None:
        message = "it spins"
        raise AssertionError(message)

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_a_joiner_of_the_last_tick_does_not_spin() -> None:
    """In whichever tick it comes, and though the refresh brings the very token that it does not want."""
    held = token("same", expiry=9e9)
    asked: list[str] = []

    async def refresh(_provider: str, _bucket: str, held: OAuthToken) -> OAuthToken:
        asked.append(held.fingerprint)
        return held

    async def main() -> list[OAuthToken | BaseException | None]:
        manager = StoredOAuthManager(stored(held=held), refresh=refresh, in_thread=False)

        async def join(ticks: int) -> OAuthToken | None:
            for _ in range(ticks):
                await asyncio.sleep(0)
            return await manager.replace_token(PROVIDER, BUCKET, held.fingerprint)

        return await asyncio.gather(*(join(ticks) for ticks in range(60)), return_exceptions=True)

    with alarm():
        first, *others = asyncio.run(main())
    assert first == held
    assert {type(other) for other in others} == {RefreshFailedError}
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("error", "is_sent"),
    [(httpx2.ReadTimeout("late"), True), (httpx2.ConnectError("off"), False), (ConnectionRefusedError(), False)],
)
def test_a_functions_timeout_is_not_repeated(error: Exception, *, is_sent: bool) -> None:
    """The refresh token may have been used; after a refused connection it was not."""
    presented: list[OAuthToken] = []

    async def refresh(_provider: str, _bucket: str, held: OAuthToken) -> OAuthToken:
        presented.append(held)
        raise error

    async def main() -> None:
        manager = StoredOAuthManager(stored(), refresh=refresh)
        with pytest.raises(type(error)):
            await manager.replace_token(PROVIDER, BUCKET, "")
        with pytest.raises(RefreshInterruptedError if is_sent else type(error)):
            await manager.replace_token(PROVIDER, BUCKET, "")

    asyncio.run(main())
    assert len(presented) == (1 if is_sent else 2)


def test_a_lock_file_that_two_threads_make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread that closes the descriptor that has made it does not give the other one's lock away."""
    close, made, proceed = os.close, threading.Event(), threading.Event()
    locks: list[Release | None] = []

    def late(descriptor: int) -> None:
        if threading.current_thread() is first:
            made.set()
            assert proceed.wait(PATIENCE_SECONDS)
        close(descriptor)

    def lock() -> None:
        locks.append(FileLocks(tmp_path).try_lock("p", "b", "refresh"))

    first, second = threading.Thread(target=lock), threading.Thread(target=lock)
    monkeypatch.setattr("bucket_failover.store.sqlite.identity.os.close", late)
    first.start()
    assert made.wait(PATIENCE_SECONDS)
    second.start()
    second.join(0.05)  # it has to wait; if it does not, it is done by now
    proceed.set()
    for thread in (first, second):
        thread.join(PATIENCE_SECONDS)
    (release,) = (lock for lock in locks if lock is not None)
    assert run("print(FileLocks(Path(path)).try_lock('p', 'b', 'refresh'))", tmp_path) == "None\n"
    release()


def test_terminated_in_the_middle_of_a_renewal(watchman: Watchman) -> None:
    """Status 143, as after any SIGTERM; the answer is waited for, and stored."""
    gate = Gate()

    def clock() -> float:
        gate()
        return time.time()

    watchman.grant("default", age=3_000.0)
    watchman.server.clock = clock
    with watching(watchman) as process:
        try:
            assert gate.arrived.wait(PATIENCE_SECONDS)
            process.send_signal(signal.SIGTERM)
        finally:
            gate.opened.set()
        _, error = process.communicate(timeout=PATIENCE_SECONDS)
    assert (process.returncode, error) == (143, "")
    assert watchman.token("default").access_token.get_secret_value() != "secret-of-default"
    assert watchman.owner("default") == "default"


def test_a_listener_that_raises() -> None:
    """The refresh has succeeded all the same, and the next listener hears of it."""
    told: list[tuple[str, str]] = []

    def bad(*_: str) -> None:
        message = "Event loop is closed"
        raise RuntimeError(message)

    async def refresh(*_: object) -> OAuthToken:
        return NEW

    async def main() -> None:
        manager = StoredOAuthManager(stored(), refresh=refresh)
        with manager.listening(bad), manager.listening(lambda *names: told.append(names)):
            assert await manager.replace_token(PROVIDER, BUCKET, "") == NEW

    asyncio.run(main())
    assert told == [(PROVIDER, BUCKET)]


@pytest.mark.parametrize("error", [RefreshUnheardError("lost"), httpx2.ReadTimeout("late"), ConnectionRefusedError()])
def test_a_lost_answer_and_a_login(error: Exception) -> None:
    """The user has logged in meanwhile, so that no caller needs the answer."""
    store = stored()

    async def refresh(*_: object) -> OAuthToken:
        store.write(PROVIDER, BUCKET, NEW)
        raise error

    assert asyncio.run(StoredOAuthManager(store, refresh=refresh).replace_token(PROVIDER, BUCKET, "")) == NEW


@pytest.mark.parametrize("found", ["new", "same", "same-with-log"])
def test_a_file_that_could_not_be_made_for_a_while(tmp_path: Path, found: str) -> None:
    """The store is not closed for ever by the attempt that has failed, whichever file is there at last."""
    folder, aside = tmp_path / "folder", tmp_path / "aside"
    with SqliteTokenStore(folder / "tokens.db") as store:
        store.write(PROVIDER, BUCKET, NEW)
        if found == "same":
            store._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        folder.rename(aside)
        folder.symlink_to(tmp_path / "nowhere" / "at-all")
        for _ in range(2):
            with pytest.raises(TokenStoreError, match="could not be opened"):
                store.read(PROVIDER, BUCKET)
        folder.unlink()
        if found != "new":
            aside.rename(folder)
        with pytest.raises(TokenStoreError, match="replaced"):
            store.read(PROVIDER, BUCKET)
        assert store.read(PROVIDER, BUCKET) == (None if found == "new" else NEW)


def test_a_logout_leaves_nothing_in_the_log(tmp_path: Path) -> None:
    """The write-ahead log has it no more either, while the file stays open."""
    with SqliteTokenStore(tmp_path / "tokens.db") as store, SqliteTokenStore(tmp_path / "tokens.db") as another:
        another.write(PROVIDER, BUCKET, NEW)
        assert asyncio.run(StoredOAuthManager(another).log_out(PROVIDER, BUCKET)) == NEW
        assert store.read(PROVIDER, BUCKET) is None
        files = [file for file in tmp_path.iterdir() if file.is_file()]
        assert [file.name for file in files if b"of-new" in file.read_bytes()] == []


def lived(name: str, issued_at: float, expiry: float) -> OAuthToken:
    """A token of a known age."""
    return token(name, expiry=expiry).model_copy(update={"issued_at": issued_at})


class Renewals:
    """A manager whose refreshes take twenty seconds each, and which of them there were."""

    def __init__(self, **tokens: OAuthToken) -> None:
        self.now = 1_000.0
        self.renewed: list[str] = []
        store = MemoryTokenStore()
        for bucket, held in tokens.items():
            store.write(PROVIDER, bucket, held)
        self.manager = StoredOAuthManager(store, refresh=self._refresh, clock=lambda: self.now, in_thread=False)

    async def _refresh(self, _provider: str, bucket: str, _held: OAuthToken) -> OAuthToken:
        self.now += 20.0
        self.renewed.append(bucket)
        return lived(f"new-{bucket}", self.now, self.now + 3_600.0)


def test_a_scheduler_follows_the_handlers_reset() -> None:
    """A bucket that has come is renewed as well."""
    story = Renewals(a=lived("a", 0.0, 1_010.0), b=lived("b", 0.0, 1_010.0))
    names = ["a"]
    handler = BucketFailoverHandlerImpl(names, PROVIDER, story.manager)
    scheduler = RenewalScheduler(story.manager, PROVIDER, handler.get_buckets, clock=lambda: story.now)
    handler.on_reset(scheduler.reset)
    asyncio.run(scheduler.look())
    names.append("b")
    asyncio.run(scheduler.look())
    assert story.renewed == ["a"]
    handler.reset()
    asyncio.run(scheduler.look())
    assert story.renewed == ["a", "b"]


def test_what_becomes_due_during_a_look() -> None:
    """It is looked at at once, and not when the next timer fires."""
    story = Renewals(a=lived("a", 0.0, 1_010.0), b=lived("b", 10.0, 1_260.0))  # the second is due at 1010
    waits: list[float] = []

    class EnoughError(Exception):
        pass

    async def wait(_news: asyncio.Event, seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            raise EnoughError

    scheduler = RenewalScheduler(
        story.manager, PROVIDER, ["a", "b"], clock=lambda: story.now, wait=wait, draw=lambda: 0.5
    )
    with pytest.raises(EnoughError):
        asyncio.run(scheduler.run())
    assert story.renewed == ["a", "b"]
    assert waits[0] == 0.0
