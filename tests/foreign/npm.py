"""The packages of npm that a foreign server needs, installed once for all processes that test."""

import fcntl
import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

CACHE: Final = Path(__file__).parents[2] / ".npm-cache"
"""Ignored by git."""

_SECONDS: Final = 180.0
_FILES: Final = ("package.json", "package-lock.json")


class NpmUnavailableError(Exception):
    """The packages are not to be had on this machine; the text says why."""


def installed(folder: Path) -> Path:
    """A folder whose `node_modules` has what the folder's lock file names.

    It is made whole or not at all; the first process makes it, and the others wait.

    Raises:
        NpmUnavailableError: node or npm is missing, or npm could not install.
    """
    if shutil.which("node") is None:
        message = "there is no node on this machine"
        raise NpmUnavailableError(message)
    locked = b"".join((folder / name).read_bytes() for name in _FILES)
    target = CACHE / f"{folder.name}-{hashlib.sha256(locked).hexdigest()[:16]}"
    if target.is_dir():
        return target
    try:
        CACHE.mkdir(exist_ok=True)
        with (CACHE / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not target.is_dir():
                _install(folder, target)
    except (OSError, subprocess.SubprocessError) as error:
        message = f"npm could not install the packages: {_told(error)}"
        raise NpmUnavailableError(message) from error
    return target


def _install(folder: Path, target: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        message = "there is no npm on this machine"
        raise NpmUnavailableError(message)
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        work = Path(scratch) / "work"
        work.mkdir()
        for name in _FILES:
            shutil.copy(folder / name, work)
        options = ["--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--fetch-retries=1"]
        subprocess.run([npm, "ci", *options], cwd=work, capture_output=True, text=True, check=True, timeout=_SECONDS)
        work.rename(target)


def _told(error: Exception) -> str:
    """What npm has complained of first, if it has."""
    said = str(error.stderr) if isinstance(error, subprocess.CalledProcessError) else ""
    return next((line for line in said.splitlines() if "error" in line), type(error).__name__)
