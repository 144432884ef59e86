"""The console that every command prints on."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import typer
from rich.console import Console

_READER_GONE: Final = 141
"""Whoever read the output has seen enough (128 + SIGPIPE)."""


class PatientConsole(Console):
    """A console that lets the caller decide what a reader's leaving means."""

    def on_broken_pipe(self) -> None:
        """Let the exception go on."""
        raise  # noqa: PLE0704 - rich calls this while it handles the BrokenPipeError


@contextmanager
def reader_may_leave() -> Iterator[None]:
    """End the command quietly if whoever reads its output has seen enough.

    Raises:
        typer.Exit: with the status 141 (128 + SIGPIPE), if so.
    """
    try:
        yield
    except BrokenPipeError:
        # Else Python would complain at exit that it cannot flush (docs.python.org, "Note on SIGPIPE").
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(_READER_GONE) from None
