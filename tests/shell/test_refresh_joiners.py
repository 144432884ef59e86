"""Many callers of one process, one refresh: who joins it, who leaves it, and what may happen in the middle of it.

Each test has a real token endpoint over loopback HTTP, and most can hold back its answer.
"""

import asyncio
import logging
import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

import pytest

from bucket_failover import (
    OAuthToken,
    RefreshFailedError,
    SqliteTokenStore,
    SyncStoredOAuthManager,
    TokenStoreError,
)
from bucket_failover.store import Change
from bucket_failover_core.oauth import StoredLogin
from tests.support.people import PROVIDER, token
from tests.support.refresher import (
    Errand,
    Trail,
    WatchedStore,
    refresh_once,
    started,
    wait_until,
)
from tests.support.token_endpoint import BUCKET, OLD, PATIENCE_SECONDS, UNWANTED, Form, Gate, Stage

_T = TypeVar("_T")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A stage with an issuer that rotates."""
    with ExitStack() as stack:
        yield Stage(tmp_path / "tokens.db", stack)


async def arrival(gate: Gate) -> None:
    """The request is there."""
    assert await asyncio.to_thread(gate.arrived.wait, PATIENCE_SECONDS)


def test_fifty_callers_are_one_call(stage: Stage) -> None:
    """Some give up, the one who began it among them; all others get the token."""
    manager = stage.manager()

    async def main() -> list[OAuthToken | BaseException | None]:
        callers = [asyncio.create_task(manager.replace_token(PROVIDER, BUCKET, UNWANTED)) for _ in range(50)]
        await arrival(stage.gate)
        for caller in callers[::7]:
            caller.cancel()
        stage.gate.opened.set()
        return await asyncio.gather(*callers, return_exceptions=True)

    got = asyncio.run(main())
    assert all(isinstance(each, asyncio.CancelledError) for each in got[::7])
    del got[::7]
    assert got == [stage.stored()] * 42
    assert stage.endpoint.presented == ["refresh-of-old"]


def test_managers_over_one_file_are_one_call(stage: Stage) -> None:
    """Two with an event loop, one with threads: no caller gets None because another one holds the lock."""
    managers, sync = [stage.manager(), stage.manager()], stage.sync()

    async def main() -> list[OAuthToken | None]:
        calls = [manager.replace_token(PROVIDER, BUCKET, UNWANTED) for manager in managers for _ in range(20)]
        calls += [asyncio.to_thread(sync.replace_token, PROVIDER, BUCKET, UNWANTED) for _ in range(2)]
        callers = asyncio.gather(*calls)
        await arrival(stage.gate)
        stage.gate.opened.set()
        return list(await callers)

    got = asyncio.run(main())
    assert got == [stage.stored()] * 42
    assert got[0] is not None
    assert len(stage.endpoint.presented) == 1


def test_a_joiner_is_not_fobbed_off(stage: Stage) -> None:
    """The flight that it joins adopts the very token that this caller was refused with; so it begins another one."""
    stage.gate.opened.set()
    manager = stage.manager()

    async def main() -> list[OAuthToken | None]:
        callers = (manager.replace_token(PROVIDER, BUCKET, unwanted) for unwanted in ("", UNWANTED))
        return list(await asyncio.gather(*callers))

    content, refused = asyncio.run(main())
    assert content == OLD
    assert refused == stage.stored() != OLD
    assert len(stage.endpoint.presented) == 1


def test_a_plain_refresh_that_joins_replaces_what_is_stored(stage: Stage) -> None:
    """Once it was content with what the flight had adopted, which was the very token to replace."""
    stage.gate.opened.set()
    manager = stage.manager()

    async def main() -> list[OAuthToken | None]:
        return list(
            await asyncio.gather(
                manager.replace_token(PROVIDER, BUCKET, ""), manager.refresh_oauth_token(PROVIDER, BUCKET)
            )
        )

    content, replaced = asyncio.run(main())
    assert content == OLD
    assert replaced == stage.stored() != OLD


@pytest.mark.parametrize("is_signal", [False, True], ids=["cancelled", "Ctrl-C"])
def test_a_loop_that_ends_in_the_middle_loses_nothing(stage: Stage, *, is_signal: bool) -> None:
    """The refresh is in a thread, which the end of the loop waits for: the token is stored."""
    manager = stage.manager()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    async def main() -> None:
        task = asyncio.current_task()
        assert task is not None
        refresh = asyncio.create_task(manager.replace_token(PROVIDER, BUCKET, UNWANTED))
        await arrival(stage.gate)
        try:
            if is_signal:
                signal.raise_signal(signal.SIGINT)
            else:
                task.cancel()
            await refresh
        finally:
            stage.gate.opened.set()

    try:
        with pytest.raises(KeyboardInterrupt if is_signal else asyncio.CancelledError):
            asyncio.run(main())
    finally:
        signal.signal(signal.SIGINT, before)
    new = stage.stored()
    assert new is not None
    assert new.access_token.get_secret_value() == "access-1"
    assert stage.sync().replace_token(PROVIDER, BUCKET, UNWANTED) == new
    assert len(stage.endpoint.presented) == 1


def test_ctrl_c_without_a_loop_loses_nothing_either(stage: Stage) -> None:
    """The answer is waited for, and stored, before the program is interrupted; once its login was lost."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def press() -> None:
        assert stage.gate.arrived.wait(PATIENCE_SECONDS)
        os.kill(os.getpid(), signal.SIGINT)
        stage.gate.opened.set()

    person = threading.Thread(target=press)
    person.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            stage.sync().replace_token(PROVIDER, BUCKET, UNWANTED)
    finally:
        signal.signal(signal.SIGINT, before)
        person.join(PATIENCE_SECONDS)
    new = stage.stored()
    assert new is not None
    assert new.access_token.get_secret_value() == "access-1"
    assert len(stage.endpoint.presented) == 1


class TestAnotherProcessHoldsTheLock:
    """It refreshes, and the issuer takes its time."""

    def test_its_token_is_adopted(self, stage: Stage) -> None:
        """By the caller that waits."""
        trail = Trail()
        got: list[OAuthToken | None] = []
        with (
            started(refresh_once, Errand(stage.path, url=stage.url)) as (_, pipe),
            WatchedStore(stage.path, trail) as ours,
        ):
            stage.store.write(PROVIDER, BUCKET, token("old", expiry=1.0))
            pipe.send(None)
            assert stage.gate.arrived.wait(PATIENCE_SECONDS)
            manager = SyncStoredOAuthManager(ours, refresh=stage.issuer())
            waiting = threading.Thread(target=lambda: got.append(manager.replace_token(PROVIDER, BUCKET, UNWANTED)))
            waiting.start()
            wait_until(lambda: trail.steps.count("lock") > 1)
            assert "locked" not in trail.steps
            stage.gate.opened.set()
            waiting.join(PATIENCE_SECONDS)
        assert got == [stage.stored()]
        assert len(stage.endpoint.presented) == 1

    def test_no_caller_waits_for_ever(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is said what is waited for; what its holder has stored by then is adopted all the same."""
        monkeypatch.setattr("bucket_failover.oauth.refreshing.LOCK_SECONDS", 0.02)
        monkeypatch.setattr("bucket_failover.oauth.refreshing._PAUSE_SECONDS", 0.01)
        manager = stage.sync()
        with started(refresh_once, Errand(stage.path, url=stage.url, unwanted=UNWANTED)) as (_, pipe):
            pipe.send(None)
            assert stage.gate.arrived.wait(PATIENCE_SECONDS)
            with pytest.raises(RefreshFailedError, match="another refresh has been under way"):
                manager.replace_token(PROVIDER, BUCKET, UNWANTED)
            stage.another_store().write(PROVIDER, BUCKET, token("login", expiry=9e9))
            assert manager.replace_token(PROVIDER, BUCKET, UNWANTED) == token("login", expiry=9e9)
            stage.gate.opened.set()
        assert stage.stored() == token("login", expiry=9e9)


class TestUnsaved:
    """What was issued cannot be stored: there is no second copy of it anywhere."""

    @pytest.fixture(autouse=True)
    def _short(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("bucket_failover.oauth.refreshing._PAUSES_OF_A_WRITE", (0.0, 0.0))

    def test_a_full_disk(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        """The process goes on with it, says so, and stores it as soon as there is room."""
        long = "x" * 20_000
        with ExitStack() as stack:
            stage = Stage(tmp_path / "tokens.db", stack, lambda _: (200, {"access_token": long, "expires_in": 3_600}))
            stage.gate.opened.set()
            manager = stage.sync(trust_seconds=0.0)
            (pages,) = stage.store._connection.execute("PRAGMA page_count").fetchone()
            stage.store._connection.execute(f"PRAGMA max_page_count = {pages}")
            with caplog.at_level(logging.ERROR, "bucket_failover"):
                new = manager.replace_token(PROVIDER, BUCKET, UNWANTED)
                assert new is not None
                assert manager.get_oauth_token(PROVIDER, BUCKET) == new
            assert {getattr(record, "event", None) for record in caplog.records} == {"token-unsaved"}
            assert "the disk is full" in caplog.text
            assert stage.store.read(PROVIDER, BUCKET) == OLD
            stage.store._connection.execute(f"PRAGMA max_page_count = {pages + 100}")
            assert manager.get_oauth_token(PROVIDER, BUCKET) == new == stage.stored()
        assert len(stage.endpoint.presented) == 1

    def test_it_is_everybodys(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        """Another caller with the refused token gets it too; once this was "interrupted", with the token in memory."""
        stage.gate.opened.set()
        manager = stage.sync(trust_seconds=0.0)

        change = stage.store.change

        def full(*arguments: Any) -> object:
            if len(arguments) > 3:  # a token is to be stored
                message = "the disk is full"
                raise TokenStoreError(message)
            return change(*arguments)

        with monkeypatch.context() as patch:
            patch.setattr(stage.store, "change", full)
            new = manager.replace_token(PROVIDER, BUCKET, UNWANTED)
            assert new is not None
            assert manager.replace_token(PROVIDER, BUCKET, UNWANTED) == new
            with pytest.raises(TokenStoreError):
                manager.replace_token(PROVIDER, BUCKET, new.fingerprint)
            assert len(stage.endpoint.presented) == 1
        assert manager.replace_token(PROVIDER, BUCKET, UNWANTED) == new == stage.stored()
        newer = manager.replace_token(PROVIDER, BUCKET, new.fingerprint)
        assert newer == stage.stored() != new

    def test_a_moment_of_trouble(self, stage: Stage) -> None:
        """It is written once more before the caller is troubled."""
        troubles = [TokenStoreError("busy"), TokenStoreError("busy")]

        class Troubled(SqliteTokenStore):
            def change(
                self,
                provider: str,
                bucket: str,
                decide: Callable[[StoredLogin], Change[_T]],
                issued: OAuthToken | None = None,
            ) -> _T:
                if troubles and issued is not None:
                    raise troubles.pop()
                return super().change(provider, bucket, decide, issued)

        stage.gate.opened.set()
        with Troubled(stage.path) as store:
            new = SyncStoredOAuthManager(store, refresh=stage.issuer()).replace_token(PROVIDER, BUCKET, UNWANTED)
        assert new == stage.stored()
        assert new != OLD


def test_an_issuer_whose_token_does_not_move_is_left_alone(tmp_path: Path) -> None:
    """A token that has ended already, or the same one until the same moment: for a minute no manager asks again."""
    now = 1_000_000.0
    with ExitStack() as stack:
        stage = Stage(tmp_path / "tokens.db", stack, lambda _: (200, {"access_token": "new", "expires_in": 0}))
        stage.gate.opened.set()
        manager = stage.sync(lambda: now)
        stage.store.write(PROVIDER, BUCKET, token("old", expiry=1.0))
        assert manager.get_oauth_token(PROVIDER, BUCKET) is None
        for _ in range(3):
            with pytest.raises(RefreshFailedError, match="had ended or had not moved"):
                manager.get_oauth_token(PROVIDER, BUCKET)
        assert len(stage.endpoint.presented) == 1
        now += 60.0
        assert manager.get_oauth_token(PROVIDER, BUCKET) is None
        assert len(stage.endpoint.presented) == 2


def test_a_logout_in_the_middle_is_not_undone(stage: Stage) -> None:
    """What was issued is dropped, and nothing is left."""
    with stage.in_the_middle() as got:
        SyncStoredOAuthManager(stage.another_store()).log_out(PROVIDER, BUCKET)
    assert got == [None]
    assert stage.stored() is None


def test_a_login_in_the_middle_wins(stage: Stage) -> None:
    """What was issued is dropped, and the login's token is everybody's."""
    with stage.in_the_middle() as got:
        stage.another_store().write(PROVIDER, BUCKET, token("login", expiry=9e9))
    assert got == [token("login", expiry=9e9)]
    assert stage.stored() == got[0]
    assert len(stage.endpoint.presented) == 1


def test_what_an_answer_says_to_be_nothing_is_kept(tmp_path: Path) -> None:
    """Explicit nulls: the old refresh token and scope stay (RFC 6749, 6)."""
    answer = {"access_token": "new", "expires_in": 3_600, "refresh_token": None, "scope": None, "id_token": None}
    with ExitStack() as stack:
        stage = Stage(tmp_path / "tokens.db", stack, lambda _: (200, answer))
        stage.gate.opened.set()
        stage.store.write(PROVIDER, BUCKET, OLD.model_copy(update={"scope": "chat"}))
        new = stage.sync().replace_token(PROVIDER, BUCKET, UNWANTED)
        assert new == stage.stored()
    assert new is not None
    assert (new.refresh_token, new.scope, dict(new.extra)) == (OLD.refresh_token, "chat", {})


def told_by(manager: SyncStoredOAuthManager) -> str:
    """All that a crash reporter would show of a failed refresh: the chain, and each frame's local variables."""
    try:
        return f"no failure: {manager.replace_token(PROVIDER, BUCKET, UNWANTED)}"
    except RefreshFailedError as error:
        report = traceback.TracebackException.from_exception(error, capture_locals=True)
        return f"{error!r} {error.__dict__} {''.join(report.format())}"


@pytest.mark.parametrize("status", [200, 302, 400, 401, 429, 500])
@pytest.mark.parametrize("field", ["error", "error_description", "detail", "token"])
@pytest.mark.parametrize("error", ["server_error", "invalid_grant"])
def test_what_an_issuer_echoes_reaches_no_reader(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, error: str, field: str, status: int
) -> None:
    """Neither a log of any library, nor an exception, nor its traceback."""
    caplog.set_level(logging.DEBUG)

    def echo(form: Form) -> tuple[int, dict[str, str]]:
        return status, {"error": error, field: f"what is {form['refresh_token']}?"}

    with ExitStack() as stack:
        stage = Stage(tmp_path / "tokens.db", stack, echo)
        stage.gate.opened.set()
        told = told_by(stage.sync())
        assert stage.endpoint.presented == ["refresh-of-old"]
    is_refused = error == "invalid_grant" and field != "error" and status in {200, 400, 401}
    assert ("no failure: None" if is_refused else "Traceback") in told
    logged = "".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
    assert "POST" in logged
    for secret in ("refresh-of-old", "access-of-old"):
        assert secret not in told
        assert secret not in logged
