"""One store, opened by several names: symbolic links to the file, and to its folder."""

from pathlib import Path

import pytest

from bucket_failover import SqliteTokenStore
from bucket_failover.errors import TokenStoreError
from tests.support.people import PROVIDER, token

BUCKET = "default"


@pytest.fixture(params=["file", "folder", "link to a link"])
def names(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Path]:
    """A store by its own name, and by a link."""
    folder = tmp_path / "own"
    folder.mkdir()
    path = folder / "buckets.db"
    if request.param == "folder":
        (tmp_path / "linked").symlink_to(folder)
        return path, tmp_path / "linked" / "buckets.db"
    link = tmp_path / "other.db"
    link.symlink_to(path)
    if request.param == "link to a link":
        (tmp_path / "third.db").symlink_to(link)
        link = tmp_path / "third.db"
    return path, link


def test_a_lease_excludes_by_every_name(names: tuple[Path, Path]) -> None:
    """The lock belongs to the file, not to the spelling of its path."""
    own, link = names
    with SqliteTokenStore(own) as store, SqliteTokenStore(link) as other:
        lease = store.try_lease(PROVIDER, BUCKET, "refresh")
        assert lease is not None
        assert other.try_lease(PROVIDER, BUCKET, "refresh") is None
        lease.release()
        theirs = other.try_lease(PROVIDER, BUCKET, "refresh")
        assert theirs is not None
        assert store.try_lease(PROVIDER, BUCKET, "refresh") is None
        assert theirs.number > lease.number
        theirs.release()


def test_a_file_with_two_hard_links_is_refused(tmp_path: Path) -> None:
    """SQLite would keep a log for each name. One name is enough, and nothing is lost meanwhile."""
    path, other = tmp_path / "tokens.db", tmp_path / "other.db"
    with SqliteTokenStore(path) as store:
        store.write(PROVIDER, "default", token("a"))
    other.hardlink_to(path)
    for name in (path, other):
        with pytest.raises(TokenStoreError, match=r"2 names \(hard links\).*symbolic links"):
            SqliteTokenStore(name)
    other.unlink()
    with SqliteTokenStore(path) as store:
        assert store.read(PROVIDER, "default") == token("a")


def test_what_is_written_by_one_name_is_read_by_the_other(names: tuple[Path, Path]) -> None:
    """And nothing lies beside the link."""
    own, link = names
    with SqliteTokenStore(own) as store, SqliteTokenStore(link) as other:
        store.write(PROVIDER, BUCKET, token("a"))
        assert other.read(PROVIDER, BUCKET) == token("a")
        other.write(PROVIDER, BUCKET, token("b"))
        assert store.read(PROVIDER, BUCKET) == token("b")
    beside = {each.name for each in link.parent.iterdir()} if link.parent.resolve() != own.parent else set()
    assert {name for name in beside if name.endswith((".locks", "-wal", "-shm"))} == set()
