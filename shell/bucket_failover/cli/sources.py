"""Where a secret that the user hands over comes from: stdin, a file, a variable, another tool, or the keyboard.

It never comes from the command line, which every user of the machine can read. No error shows what was read.
"""

import getpass
import os
import sys
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from bucket_failover.cli.other_tools import TOOLS, credential_files
from bucket_failover.errors import UsageError, safe_text

_BYTES_MAX: Final = 4 * 1024 * 1024
_BYTE_ORDER_MARK: Final = "\N{ZERO WIDTH NO-BREAK SPACE}"
_KEYCHAIN: Final = (
    "; on macOS it is in the keychain: `security find-generic-password -s 'Claude Code-credentials' -w | "
    "bucket-failover import …`"
)


def read_source(*, tool: str | None, file: Path | None, variable: str | None, bucket: str) -> SecretStr:
    """What is to be imported, from the one place that the user has named; from stdin if none was.

    Args:
        tool: one of `TOOLS`; its own file is read.
        file: the path of a file.
        variable: the name of an environment variable.
        bucket: for the prompt, if stdin is a terminal.

    Raises:
        UsageError: several places were named, or there is nothing to be read.
    """
    if sum(place is not None for place in (tool, file, variable)) > 1:
        message = "--from, --file, --from-env: name one of them"
        raise UsageError(message)
    if tool is not None:
        return _text_of(_only_file(tool), "--from")
    if file is not None:
        return _text_of(file, "--file")
    return _from_stdin(bucket) if variable is None else _from_variable(variable)


def typed_secret(prompt: str) -> SecretStr:
    """A secret as the user types it, without an echo.

    Raises:
        UsageError: there is no terminal, or nothing was typed.
    """
    if not sys.stdin.isatty():
        message = "there is no terminal to type an API key at; `bucket-failover import` takes it from stdin"
        raise UsageError(message)
    try:
        return SecretStr(getpass.getpass(prompt))
    except EOFError:
        message = "nothing was typed"
        raise UsageError(message) from None


def _only_file(tool: str) -> Path:
    """The file in which a tool keeps its login.

    Raises:
        UsageError: there is no such tool, it has none, or several.
    """
    if tool not in TOOLS:
        message = f"--from: {tool!r} is none of {', '.join(TOOLS)}"
        raise UsageError(message)
    try:
        files = credential_files(tool)
    except RuntimeError:
        message = f"--from: your home folder is not known, so neither is the file of {tool}; set HOME"
        raise UsageError(message) from None
    if len(files) > 1:
        message = f"--from: {tool} has several logins; name one with --file: {', '.join(map(str, files))}"
        raise UsageError(message)
    if not files or _is_missing(files[0]):
        where = f"at {files[0]}" if files else "in its folder"
        message = f"--from: {tool} has no file {where}{_KEYCHAIN if tool == 'claude-code' else ''}"
        raise UsageError(message)
    return files[0]


def _is_missing(file: Path) -> bool:
    """Whether it is not there; what may not be looked at is for the reading to tell."""
    try:
        return not file.exists()
    except OSError:
        return False


def _text_of(file: Path, option: str) -> SecretStr:
    """The text in a file.

    Raises:
        UsageError: it cannot be read, is empty, too large, or no text.
    """
    try:
        secret = _decoded(file)
    except (OSError, ValueError) as error:
        message = f"{option}: {file} cannot be read: {safe_text(error)}"
        raise UsageError(message) from None
    if secret is None:
        message = f"{option}: {file} is no text"
        raise UsageError(message)
    if not 0 < len(secret) <= _BYTES_MAX:
        message = f"{option}: {file} is {'too large' if len(secret) else 'empty'}"
        raise UsageError(message)
    return secret


def _decoded(file: Path) -> SecretStr | None:
    """The start of a file; None: it is no text. The decoder's error has all of it, so it ends here.

    Raises:
        OSError: it cannot be read.
        ValueError: the path is none.
    """
    with file.open("rb") as opened:
        try:
            return SecretStr(opened.read(_BYTES_MAX + 1).decode("utf-8-sig"))
        except UnicodeDecodeError:
            return None


def _from_variable(variable: str) -> SecretStr:
    """The text in an environment variable.

    Raises:
        UsageError: there is none.
    """
    if not os.environ.get(variable, "").strip():
        message = f"--from-env: the variable {variable!r} is not set, or empty"
        raise UsageError(message)
    return SecretStr(os.environ[variable])


def _from_stdin(bucket: str) -> SecretStr:
    """What is piped in; typed, if a terminal is there.

    Raises:
        UsageError: nothing came, or no text.
    """
    if sys.stdin.isatty():
        return typed_secret(f"{bucket}: token or API key: ")
    try:
        secret = SecretStr(sys.stdin.read().removeprefix(_BYTE_ORDER_MARK).strip())
    except UnicodeDecodeError:
        secret = None
    if secret is None:
        message = "stdin: what came is no text"
        raise UsageError(message)
    if not secret:
        message = "stdin: nothing came; pipe the token in, or name a file with --file or a variable with --from-env"
        raise UsageError(message)
    return secret
