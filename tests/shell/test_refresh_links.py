"""Processes that call one file by several names, and whose lock files are deleted under them."""

import shutil
import threading
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from bucket_failover.store.sqlite.identity import locks_of
from tests.shell.test_refresh_processes import BUCKETS, LIFETIME_SECONDS, PROCESSES, siege
from tests.support.people import PROVIDER
from tests.support.refresher import INTERRUPTED, Wish, outcome_of

_ROUNDS: Final = 100
_SUPERSEDED: Final = "another process has taken over its refresh"
_WAITED: Final = 0.002
"""Seconds between two deletions: a refresh takes about ten times that."""


@pytest.mark.slow
def test_by_every_name_each_refresh_token_is_presented_once(tmp_path: Path) -> None:
    """A symbolic link to the file, and one to its folder: a lock belongs to the file."""
    (link := tmp_path / "link.db").symlink_to(tmp_path / "tokens.db")
    (folder := tmp_path / "elsewhere").symlink_to(tmp_path, target_is_directory=True)
    with siege(tmp_path, link, folder / "tokens.db") as (story, crew, _manager):
        for _ in range(_ROUNDS):
            before = {bucket: story.stored(bucket) for bucket in BUCKETS}
            story.now += LIFETIME_SECONDS
            crew.ask([Wish(story.now, tuple((bucket, "") for bucket in BUCKETS))] * PROCESSES)
            said, _ = crew.gather([])
            for bucket in BUCKETS:
                (told,) = {each[bucket] for each in said}
                assert told == story.stored(bucket).fingerprint != before[bucket].fingerprint
    assert max(Counter(story.endpoint.presented).values()) == 1
    assert sum(story.provider.refreshes(bucket) for bucket in BUCKETS) == _ROUNDS * len(BUCKETS)


@pytest.mark.slow
def test_where_no_lock_excludes_the_marks_do(tmp_path: Path) -> None:
    """A program deletes the lock files all the time. A second presenter finds the mark of the first, and sends nothing.

    It may be told to log in, for it cannot know that the first one lives; what that one stores is found by the next.
    """
    with siege(tmp_path) as (story, crew, manager), _Deletions(tmp_path / "tokens.db"):
        told: Counter[str] = Counter()
        for _ in range(_ROUNDS):
            before = {bucket: story.stored(bucket) for bucket in BUCKETS}
            story.now += LIFETIME_SECONDS
            crew.ask([Wish(story.now, tuple((bucket, "") for bucket in BUCKETS))] * PROCESSES)
            said, _ = crew.gather([])
            for bucket in BUCKETS:
                after = story.stored(bucket)
                assert after.fingerprint != before[bucket].fingerprint, "the first one has stored what it got"
                ours = outcome_of(partial(manager.replace_token, PROVIDER, bucket, ""))
                assert ours == after.fingerprint
                told.update(_kind(each[bucket], ours) for each in said)
        print(told)
        assert story.provider.reuses == 0
        assert max(Counter(story.endpoint.presented).values()) == 1
        assert told.keys() <= {"adopted", "told to log in", "superseded", "no lock"}
        assert told["adopted"] > told.total() / 2


def _kind(said: str, stored: str) -> str:
    if said == stored:
        return "adopted"
    if said == INTERRUPTED:
        return "told to log in"
    if "a program deletes the lock files" in said:
        return "no lock"
    return "superseded" if _SUPERSEDED in said else said


class _Deletions:
    """The lock files of a store vanish again and again while the block lasts."""

    def __init__(self, path: Path) -> None:
        self._folder = locks_of(path)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._delete, name="deletes-locks")

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _delete(self) -> None:
        while not self._ended.wait(_WAITED):
            shutil.rmtree(self._folder, ignore_errors=True)
