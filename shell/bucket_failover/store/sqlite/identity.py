"""What a file is: private to its user, and told from another one that takes its place."""

import errno
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

_MAKING: Final = threading.Lock()
_ROOT: Final = 0
_USER_ID: Final = getattr(os, "geteuid", lambda: 1)


def make_private(path: Path) -> None:
    """Make a file, empty and private, if there is none; one that is there is made private.

    An existing file is not opened for that: with any descriptor of a file that a process closes, it gives up all locks
    that it holds on it, SQLite's too (https://www.sqlite.org/howtocorrupt.html, 2.2).

    Raises:
        OSError: it cannot be made, or is not ours to read and write.
    """
    try:
        with _MAKING:  # no thread of this process locks a file before the descriptor that has made it is closed
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        _leave_to_owner(path)
    except FileExistsError:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path)) from None
        if not may_use(path, os.R_OK | os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path)) from None
        path.chmod(0o600)


def make_sides_private(path: Path) -> None:
    """The log beside a file, and its index, may have come back from a backup with other rights; they hold secrets too.

    Raises:
        OSError: one is not ours.
    """
    for side in sides_of(path):
        with suppress(FileNotFoundError):
            side.chmod(0o600)


def sides_of(path: Path) -> tuple[Path, Path]:
    """What SQLite keeps beside a file while it is open: the log, and its index."""
    log = log_of(path)
    return log, log.with_name(log.name.removesuffix("wal") + "shm")


def make_folder(folder: Path) -> None:
    """Make a private folder, and those that it is in, if there is none.

    Raises:
        OSError: it cannot be made.
    """
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    _leave_to_owner(folder)


def _leave_to_owner(made: Path) -> None:
    """What root makes in a user's folder is the user's: one `sudo` must not lock the user out."""
    if _USER_ID() != _ROOT:
        return
    owner = made.parent.stat()
    if owner.st_uid != _ROOT:
        os.chown(made, owner.st_uid, owner.st_gid)


def may_use(path: Path, rights: int) -> bool:
    """Whether this process has these rights (`os.R_OK` and its kin) on a file or a folder."""
    return os.access(path, rights, effective_ids=os.access in os.supports_effective_ids)


def user_id() -> int:
    """The number of the user whose rights this process has; on Windows, which has none, 1."""
    return _USER_ID()


def log_of(path: Path) -> Path:
    """The write-ahead log of a file: SQLite puts it beside the file itself, by whatever link that is opened."""
    return Path(f"{path.resolve()}-wal")


def locks_of(path: Path) -> Path:
    """The folder of the locks of a file: one, by whatever symbolic link the file is opened."""
    return Path(f"{path.resolve()}.locks")


def identity_of(path: Path) -> tuple[int, int] | None:
    """What tells a file from another one that takes its place; None: there is none.

    Raises:
        OSError: the folder cannot be looked into.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return (status.st_dev, status.st_ino)
