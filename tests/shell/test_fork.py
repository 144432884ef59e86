"""A store that was opened before a fork, and is used after it, on both sides."""

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bucket_failover import SqliteLimitStore, SqliteTokenStore, SyncStoredOAuthManager
from bucket_failover.errors import TokenStoreError
from bucket_failover.store.sqlite import file
from bucket_failover.tokens import OAuthToken

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork"),
    # CPython warns of every fork beside a thread; that is what these tests are about.
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]


def in_child(do: Callable[[], Any]) -> Callable[[], Any]:
    """Fork, and do it in the child; the result is what it returned, or the name of what it raised."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            told = json.dumps(do())
        except BaseException as error:  # noqa: BLE001 - it is told
            told = json.dumps(f"{type(error).__name__}: {error}")
        os.write(writing, told.encode())
        os._exit(0)
    os.close(writing)

    def result() -> Any:
        with os.fdopen(reading) as pipe:
            told = pipe.read()
        os.waitpid(pid, 0)
        return json.loads(told or '"the child has died"')

    return result


def token(name: str) -> OAuthToken:
    """A login."""
    return OAuthToken.model_validate({"access_token": name, "expiry": 2e9, "refresh_token": f"r-{name}"})


def held(store: SqliteTokenStore, *names: str) -> dict[str, str]:
    """The access tokens that a store reads."""
    found = {name: store.read("anthropic", name) for name in names}
    return {name: each.access_token.get_secret_value() for name, each in found.items() if each is not None}


def test_what_a_child_writes_is_seen_by_all(tmp_path: Path) -> None:
    """By its parent, which goes on with the same store, by its siblings, and by other programs."""
    names = [f"b{number}" for number in range(6)]
    with SqliteTokenStore(tmp_path / "buckets.db") as store:
        store.write("anthropic", "first", token("of-the-parent"))

        def write(name: str) -> Callable[[], Any]:
            def do() -> Any:
                store.write("anthropic", name, token(f"of-{name}"))
                return held(store, "first")

            return do

        results = [in_child(write(name)) for name in names]
        store.write("anthropic", "last", token("of-the-parent"))
        assert [result() for result in results] == [{"first": "of-the-parent"}] * 6
        expected = {name: f"of-{name}" for name in names} | {"last": "of-the-parent"}
        assert held(store, *names, "last") == expected
        with SqliteTokenStore(tmp_path / "buckets.db") as other:
            assert held(other, *names, "last") == expected


def test_a_child_outlives_a_parent_that_has_closed_the_store(tmp_path: Path) -> None:
    """The log is not deleted under it: what it writes is there."""
    store = SqliteTokenStore(tmp_path / "buckets.db")
    store.write("anthropic", "first", token("a"))
    reading, writing = os.pipe()

    def do() -> Any:
        before = held(store, "first")  # opens the file
        os.read(reading, 1)
        store.write("anthropic", "second", token("b"))
        return before

    result = in_child(do)
    held(store, "first")
    store.close()
    os.write(writing, b".")
    assert result() == {"first": "a"}
    with SqliteTokenStore(tmp_path / "buckets.db") as other:
        assert held(other, "first", "second") == {"first": "a", "second": "b"}


def test_a_lease_stays_with_the_parent(tmp_path: Path) -> None:
    """The child cannot give it up, nor take it, until the parent has given it up."""
    with SqliteTokenStore(tmp_path / "buckets.db") as store:
        lease = store.try_lease("anthropic", "default", "refresh")
        assert lease is not None

        def take() -> Any:
            taken = store.try_lease("anthropic", "default", "refresh")
            if taken is not None:
                taken.release()
            return taken is not None

        def release_and_take() -> Any:
            lease.release()
            return take()

        assert in_child(take)() is False
        assert in_child(release_and_take)() is False
        assert take() is False
        lease.release()
        assert in_child(take)() is True
        assert take() is True


def test_a_childs_lease_excludes_the_parent(tmp_path: Path) -> None:
    """Until the child dies."""
    with SqliteTokenStore(tmp_path / "buckets.db") as store:
        go_on, stay = os.pipe()
        taken, tell = os.pipe()

        def take() -> Any:
            lease = store.try_lease("anthropic", "default", "refresh")
            os.write(tell, b".")
            os.read(go_on, 1)
            return lease is not None

        result = in_child(take)
        os.read(taken, 1)
        assert store.try_lease("anthropic", "default", "refresh") is None
        os.write(stay, b".")
        assert result() is True
        ours = store.try_lease("anthropic", "default", "refresh")
        assert ours is not None
        ours.release()


@pytest.mark.parametrize("was_used", [False, True])
def test_a_manager_from_before_the_fork_presents_a_refresh_token_once(tmp_path: Path, *, was_used: bool) -> None:
    """By five workers of a prefork server and their parent, which all find the token ended."""
    presented = tmp_path / "presented"
    go, begin = os.pipe()

    def refresh(_provider: str, _bucket: str, held: OAuthToken) -> OAuthToken:
        assert held.refresh_token is not None
        with presented.open("a") as file:
            file.write(held.refresh_token.get_secret_value() + "\n")
        return token("new")

    with SqliteTokenStore(tmp_path / "buckets.db") as store:
        manager = SyncStoredOAuthManager(store, refresh=refresh)
        store.write("anthropic", "default", token("old").model_copy(update={"expiry": 2e9 if was_used else 1.0}))
        if was_used:  # a thread of its own refreshes, and is not there in the children
            manager.replace_token("anthropic", "default", "")
            store.write("anthropic", "default", token("old").model_copy(update={"expiry": 1.0}))
            presented.unlink(missing_ok=True)

        def work() -> Any:
            os.read(go, 1)
            manager.replace_token("anthropic", "default", token("old").fingerprint)
            return held(store, "default")

        results = [in_child(work) for _ in range(5)]
        os.write(begin, b"." * 5)
        manager.replace_token("anthropic", "default", token("old").fingerprint)
        assert [result() for result in results] == [{"default": "new"}] * 5
        assert presented.read_text() == "r-old\n"


def test_a_fork_beside_threads_that_use_the_store(tmp_path: Path) -> None:
    """No child hangs: no thread is in the middle of anything when the fork happens."""
    with SqliteTokenStore(tmp_path / "buckets.db") as store:
        store.write("anthropic", "default", token("a"))
        ends, failures = threading.Event(), list[BaseException]()

        def use() -> None:
            try:
                while not ends.is_set():
                    store.write("anthropic", "busy", token("b"))
                    lease = store.try_lease("anthropic", "busy", "refresh")
                    if lease is not None:
                        lease.release()
            except BaseException as error:  # noqa: BLE001 - it is told
                failures.append(error)

        threads = [threading.Thread(target=use) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            results = [in_child(lambda: held(store, "default"))() for _ in range(20)]
        finally:
            ends.set()
            for thread in threads:
                thread.join()
        assert results == [{"default": "a"}] * 20
        assert failures == []


def test_limits_are_read_anew_after_a_fork(tmp_path: Path) -> None:
    """A version from before a fork is never that of something else after it."""
    with SqliteLimitStore(tmp_path / "buckets.db") as store:
        before = store.version()
        assert in_child(lambda: store.claim_probe("anthropic", now=1_000.0, interval_seconds=60.0))() is True
        assert store.version() != before
        assert store.claim_probe("anthropic", now=1_001.0, interval_seconds=60.0) is False


def test_a_closed_store_stays_closed_in_a_child(tmp_path: Path) -> None:
    """A fork opens nothing."""
    store = SqliteTokenStore(tmp_path / "buckets.db")
    store.close()
    told = in_child(lambda: held(store, "default"))()
    assert told.startswith("TokenStoreError: ")


def test_a_file_that_cannot_be_opened_after_a_fork_is_opened_by_the_next_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first call tells what was wrong; nothing was replaced."""
    with SqliteTokenStore(tmp_path / "buckets.db") as store:
        store.write("anthropic", "default", token("a"))
        assert in_child(lambda: "forked")() == "forked"
        with monkeypatch.context() as held_up:
            held_up.setattr(file, "open_database", refuse)
            with pytest.raises(TokenStoreError, match="too many open files"):
                held(store, "default")
        assert held(store, "default") == {"default": "a"}


def refuse(path: Path, **_: Any) -> Any:
    """The process has no descriptor left."""
    message = f"{path}: the token store could not be opened: too many open files"
    raise TokenStoreError(message)
