"""Limits in a file that processes share."""

import multiprocessing
import sqlite3
from collections.abc import Mapping
from pathlib import Path

import pytest

from bucket_failover import Limit, LimitStore, OAuthToken, SqliteLimitStore, SqliteTokenStore, TokenStoreError
from bucket_failover_core.facts.limits import merge_limits

NOW = 1_786_553_400.0
WEEK = Limit(until=NOW + 9_000.0, window="week", source="header", strength="directive", observed_at=NOW)


def learn(store: SqliteLimitStore, bucket: str, *limits: Limit) -> None:
    """One more thing is believed of a bucket."""
    store.change_limits("anthropic", lambda held: {bucket: merge_limits(held.get(bucket, ()), limits)})


def test_limits_survive_a_restart(tmp_path: Path) -> None:
    """Closed and opened again, they are as they were; another provider's buckets are others."""
    path = tmp_path / "deep" / "buckets.db"
    with SqliteLimitStore(path) as store:
        assert isinstance(store, LimitStore)
        assert store.read_limits("anthropic") == {}
        learn(store, "default", WEEK)
    with SqliteLimitStore(path) as store:
        assert store.read_limits("anthropic") == {"default": (WEEK,)}
        assert store.read_limits("openai") == {}
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_change_answers_what_is_held_now(tmp_path: Path) -> None:
    """Buckets that the change leaves out are kept; an empty tuple forgets."""
    with SqliteLimitStore(tmp_path / "buckets.db") as store:
        learn(store, "default", WEEK)
        learn(store, "claudius", WEEK)
        held = store.change_limits("anthropic", lambda _: {"default": ()})
        assert held == {"default": (), "claudius": (WEEK,)}
        assert store.read_limits("anthropic") == {"claudius": (WEEK,)}


def test_the_version_tells_of_others_changes_and_of_ours(tmp_path: Path) -> None:
    """It stays while no process changes anything; what changes nothing does not count."""
    with SqliteLimitStore(tmp_path / "buckets.db") as ours, SqliteLimitStore(tmp_path / "buckets.db") as theirs:
        before = ours.version()
        assert ours.version() == before
        learn(theirs, "default", WEEK)
        after = ours.version()
        assert after != before
        learn(ours, "default", WEEK)
        assert ours.version() == after
        learn(ours, "claudius", WEEK)
        assert ours.version() != after


def _learn_often(path: Path, process: int) -> None:
    with SqliteLimitStore(path) as store:
        for number in range(25):
            limit = WEEK.model_copy(update={"model": f"{process}-{number}"})
            while True:
                try:
                    learn(store, "default", limit)
                except TokenStoreError:
                    continue
                break


def test_processes_that_learn_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    """Four processes, twenty-five facts each: all hundred are there."""
    path = tmp_path / "buckets.db"
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_learn_often, args=(path, number)) for number in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    with SqliteLimitStore(path) as store:
        assert len(store.read_limits("anthropic")["default"]) == 100


def test_one_probe_in_an_interval_over_all_processes(tmp_path: Path) -> None:
    """A claim from the future, by a clock that has stepped back, does not count."""
    with SqliteLimitStore(tmp_path / "buckets.db") as ours, SqliteLimitStore(tmp_path / "buckets.db") as theirs:
        assert ours.claim_probe("anthropic", now=NOW, interval_seconds=600.0)
        assert not theirs.claim_probe("anthropic", now=NOW, interval_seconds=600.0)
        assert not theirs.claim_probe("anthropic", now=NOW + 599.0, interval_seconds=600.0)
        assert theirs.claim_probe("openai", now=NOW, interval_seconds=600.0)
        assert theirs.claim_probe("anthropic", now=NOW + 600.0, interval_seconds=600.0)
        assert ours.claim_probe("anthropic", now=NOW, interval_seconds=600.0)


def test_a_file_of_the_version_before_is_taken_over(tmp_path: Path) -> None:
    """Its tokens stay."""
    path = tmp_path / "buckets.db"
    token = OAuthToken.model_validate({"access_token": "a", "expiry": NOW})
    with SqliteTokenStore(path) as tokens:
        tokens.write("anthropic", "default", token)
    connection = sqlite3.connect(path)
    connection.executescript("DROP TABLE quota_limits; DROP TABLE quota_probe; PRAGMA user_version = 1;")
    connection.close()
    with SqliteTokenStore(path) as tokens, SqliteLimitStore(path) as limits:
        learn(limits, "default", WEEK)
        assert tokens.read("anthropic", "default") == token


def test_what_is_no_limit_is_passed_over(tmp_path: Path) -> None:
    """A belief is not worth an error; what can be read is."""
    path = tmp_path / "buckets.db"
    with SqliteLimitStore(path) as store:
        learn(store, "default", WEEK)
        other = sqlite3.connect(path)
        other.execute("INSERT INTO quota_limits VALUES ('anthropic', 'claudius', '[{\"until\": \"soon\"}]')")
        other.commit()
        other.close()
        assert store.read_limits("anthropic") == {"default": (WEEK,)}


def test_a_change_that_fails_changes_nothing(tmp_path: Path) -> None:
    """And the store can be used afterwards."""

    def broken(held: Mapping[str, tuple[Limit, ...]]) -> Mapping[str, tuple[Limit, ...]]:
        raise LookupError

    with SqliteLimitStore(tmp_path / "buckets.db") as store:
        with pytest.raises(LookupError):
            store.change_limits("anthropic", broken)
        learn(store, "default", WEEK)
        assert store.read_limits("anthropic") == {"default": (WEEK,)}


def test_a_locked_file_is_told_soon(tmp_path: Path) -> None:
    """No caller waits long for a belief, and nothing is changed."""
    path = tmp_path / "buckets.db"
    with SqliteLimitStore(path) as store:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(TokenStoreError, match="the token store could not be written: database is locked"):
            learn(store, "default", WEEK)
        other.execute("ROLLBACK")
        other.close()
        assert store.read_limits("anthropic") == {}


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    """Closing twice does nothing."""
    store = SqliteLimitStore(tmp_path / "buckets.db")
    store.close()
    store.close()
    with pytest.raises(TokenStoreError, match="could not be read"):
        store.read_limits("anthropic")
    with pytest.raises(TokenStoreError, match="could not be read"):
        store.version()
