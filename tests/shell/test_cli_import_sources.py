"""Where `import` takes a secret from: stdin, a file, a variable, another tool; and what is wrong with each."""

import io
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.shell.test_cli_import import SECRET, Counter, counter

__all__ = ["counter"]


def test_stdin_that_is_no_text(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    """One clear line."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff" + SECRET.encode()), encoding="utf-8"))
    counter.run("import", "anthropic", "default", status=64)
    assert counter.error == "bucket-failover: stdin: what came is no text\n"


def test_a_home_that_is_not_known(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    """The account has none, and no variable says another."""

    def fail(_: type[Path]) -> Path:
        raise RuntimeError

    monkeypatch.setattr(Path, "home", classmethod(fail))
    counter.run("import", "anthropic", "default", "--from", "codex", status=64)
    assert "--from: your home folder is not known, so neither is the file of codex; set HOME\n" in counter.error


def _folder(counter: Counter) -> Path:
    counter.home.mkdir()
    return counter.home


def _bytes(counter: Counter) -> Path:
    file = counter.write("bytes", "")
    file.write_bytes(b"\xff" + SECRET.encode())
    return file


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda counter: counter.home / "missing", "cannot be read: FileNotFoundError: No such file or directory"),
        (_folder, "cannot be read: IsADirectoryError: Is a directory"),
        (_bytes, "is no text"),
        (lambda counter: counter.write("empty", ""), "is empty"),
        (lambda _: Path("/dev/zero"), "is too large"),
    ],
    ids=["missing", "folder", "bytes", "empty", "endless"],
)
@pytest.mark.skipif(os.name == "nt", reason="the words are those of POSIX")
def test_a_file_that_cannot_be_read(counter: Counter, make: Callable[[Counter], Path], problem: str) -> None:
    """One clear line, with its path."""
    counter.run("import", "anthropic", "default", "--file", str(make(counter)), status=64)
    assert counter.error.startswith("bucket-failover: --file: ")
    assert counter.error.endswith(f" {problem}\n")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--from", "codex", "--file", "x"], "--from, --file, --from-env: name one of them"),
        (["--file", "x", "--from-env", "X"], "--from, --file, --from-env: name one of them"),
        (["--from", "emacs"], "--from: 'emacs' is none of claude-code, codex, gemini, qwen, opencode, pi, cliproxyapi"),
        (["--from-env", "MISSING"], "--from-env: the variable 'MISSING' is not set, or empty"),
        (["--from-env", "EMPTY"], "--from-env: the variable 'EMPTY' is not set, or empty"),
        ([SECRET], "BUCKET: one at a time; a token is never an argument"),
    ],
)
def test_a_mistake_in_where_it_comes_from(
    counter: Counter, monkeypatch: pytest.MonkeyPatch, options: list[str], problem: str
) -> None:
    """Exactly one place, and never an argument."""
    monkeypatch.setenv("EMPTY", " ")
    assert counter.run("import", "anthropic", "default", *options, status=64) == ""
    assert problem in counter.error
