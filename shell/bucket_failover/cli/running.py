"""Runs a coroutine for a command that Ctrl-C is to end."""

import asyncio
import signal
import sys
import threading
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

import typer

_T = TypeVar("_T")

_TERMINATED: Final = 128 + signal.SIGTERM


def run_until_interrupted(main: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine to its end in an event loop of its own.

    Ctrl-C, or what a service manager sends (SIGTERM), cancels it between two of the loop's steps. `asyncio.run` does so
    in the middle of one, and if that one is just handing over what a thread has brought, Python prints "Exception in
    callback … invalid state".

    Raises:
        KeyboardInterrupt: it was interrupted, even if it has come to its end all the same.
        typer.Exit: it was terminated, with the status 143 (128 + SIGTERM). Whatever the coroutine raises.
    """
    interruptions: list[signal.Signals] = []

    async def guarded() -> _T:
        task = asyncio.current_task()
        assert task is not None, "a coroutine runs in a task"  # noqa: S101 - asyncio's own rule

        def interrupt(by: signal.Signals) -> None:
            interruptions.append(by)
            task.cancel()

        # Windows has no such handlers, and only the first thread may set them; elsewhere asyncio does what it can.
        if sys.platform != "win32" and threading.current_thread() is threading.main_thread():
            for by in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(by, interrupt, by)
        return await main

    results: list[_T] = []
    try:
        results.append(asyncio.run(guarded()))
    except asyncio.CancelledError:
        if not interruptions:
            raise
    if not interruptions:
        return results[0]
    if interruptions[0] is signal.SIGTERM:
        raise typer.Exit(_TERMINATED)
    raise KeyboardInterrupt
