"""What a file is: private to its user, and told from another one that takes its place."""

import errno
import os
import threading
from pathlib import Path
from typing import Final

_MAKING: Final = threading.Lock()


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
    except FileExistsError:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path)) from None
        if not os.access(path, os.R_OK | os.W_OK, effective_ids=os.access in os.supports_effective_ids):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path)) from None
        path.chmod(0o600)


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
