"""The console that every command prints on."""

import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from bucket_failover_core.formats import printable

_READER_GONE: Final = 141
"""The program that read the output has ended (128 + SIGPIPE)."""

_UNWRAPPED: Final = 10_000
"""Columns, more than any line that we print."""


class PatientConsole(Console):
    """A console that lets the caller decide what a reader's leaving means."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """As rich does; what came from outside, a model's name or a reason, speaks no language of terminals."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(_shown(segment.text), segment.style)

    def on_broken_pipe(self) -> None:
        """Let the exception go on."""
        raise  # noqa: PLE0704 - rich calls this while it handles the BrokenPipeError


@contextmanager
def reader_may_leave() -> Iterator[None]:
    """End the command quietly if the program that reads its output has ended.

    Raises:
        typer.Exit: with the status 141 (128 + SIGPIPE), if so.
    """
    try:
        yield
    except BrokenPipeError:
        # Else Python would complain at exit that it cannot flush (docs.python.org, "Note on SIGPIPE").
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(_READER_GONE) from None


def print_json(document: dict[str, Any]) -> None:
    """Print a document for machines."""
    sys.stdout.write(json.dumps(document, indent=2) + "\n")


def print_json_line(document: dict[str, Any]) -> None:
    """Print one of several documents for machines, on a line of its own."""
    sys.stdout.write(json.dumps(document) + "\n")


def say(text: str) -> None:
    """Tell the user; on stderr, so that output for machines stays clean."""
    typer.echo(_shown(text), err=True)


def answer(text: str) -> None:
    """What a command was run for, on stdout."""
    typer.echo(_shown(text))


def _shown(text: str) -> str:
    """The text, line by line, with nothing in it that a terminal would obey."""
    return text if text.isprintable() else "\n".join(printable(line) for line in text.split("\n"))


def make_console(*, plain: bool) -> Console:
    """The console for people; where it is no terminal, a line that another program reads is never wrapped."""
    return PatientConsole(no_color=plain, highlight=False, width=None if sys.stdout.isatty() else _UNWRAPPED)
