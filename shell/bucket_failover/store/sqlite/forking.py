"""What a fork must not share: an open SQLite file.

SQLite counts a process's locks in memory. A child inherits the count and not the locks: it would read and write
without any, and take a lock of its parent for its own (https://www.sqlite.org/howtocorrupt.html, 2.6). So the files
of the stores are closed before a fork, and parent and child open them again when they need them. A lease cannot be
closed, for that would give it up: the parent keeps it, and the child closes its copy, which gives up nothing of the
parent's, because these locks belong to a process (POSIX, `fcntl`).

Road not taken: to compare process numbers with every call. The file would have been open in the fork all the same.
"""

import os
import sqlite3
import threading
from contextlib import suppress
from typing import Final, Protocol
from weakref import WeakSet


class Parked(Protocol):
    """A file that can be closed for the moment of a fork."""

    def park(self) -> bool:
        """Close it, and let no thread use it until `unpark`. False: a thread uses it for too long."""

    def unpark(self) -> None:
        """Let threads use it again; it is opened by the first that does."""


class LeaseConnection(sqlite3.Connection):
    """The file of a lease; a class of its own, for those of the standard library cannot be referred to weakly."""


LEASING: Final = threading.RLock()
"""Held while a lease's file is opened, locked or closed: SQLite is not forked in the middle of that."""

_KNOWN: Final = threading.Lock()
_FILES: Final[WeakSet[Parked]] = WeakSet()
_LEASES: Final[WeakSet[LeaseConnection]] = WeakSet()
_parked: list[Parked] = []


def park_when_forked(file: Parked) -> None:
    """From now on the file is closed before each fork."""
    with _KNOWN:
        _FILES.add(file)


def close_in_children(lease: LeaseConnection) -> None:
    """From now on a child closes its copy of the lease's file. The caller holds `LEASING`."""
    _LEASES.add(lease)


def _before() -> None:
    LEASING.acquire()
    _KNOWN.acquire()
    _parked.extend(file for file in list(_FILES) if file.park())


def _after() -> None:
    for file in _parked:
        file.unpark()
    _parked.clear()
    _KNOWN.release()
    LEASING.release()


def _after_in_child() -> None:
    for lease in list(_LEASES):
        with suppress(sqlite3.Error):
            lease.close()
    _LEASES.clear()
    _after()


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(before=_before, after_in_parent=_after, after_in_child=_after_in_child)
