"""Threads of our own for what may block: so that a refresh that hangs holds up neither a token nor another library.

The default executor of an event loop is shared with the whole program, and has few threads.

* The store's calls are short: four threads are enough for a disk.
* A refresh may hang for as long as its issuer's deadline: sixteen threads, and a seventeenth refresh waits.
"""

import asyncio
import contextvars
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

_T = TypeVar("_T")

_STORE_THREADS: Final = 4
_REFRESH_THREADS: Final = 16
"""How many of each, and why, stands above."""

STORE: Final = ThreadPoolExecutor(_STORE_THREADS, thread_name_prefix="bucket-failover-store")
"""For calls of a store."""

REFRESH: Final = ThreadPoolExecutor(_REFRESH_THREADS, thread_name_prefix="bucket-failover-refresh")
"""For refreshes."""


async def finish_in(executor: ThreadPoolExecutor, function: Callable[..., _T], *arguments: object) -> _T:
    """Make a call in a thread of the executor, and wait for its end even where the event loop is about to end.

    Raises:
        Exception: whatever the call raises.
        CancelledError: a cancellation came meanwhile; what was to be done is done.
    """
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    job = executor.submit(contextvars.copy_context().run, function, *arguments)
    job.add_done_callback(lambda _: loop.call_soon_threadsafe(done.set))
    cancelled: asyncio.CancelledError | None = None
    while not job.done():
        try:
            await done.wait()
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
    return job.result()


async def call_in(executor: ThreadPoolExecutor, function: Callable[..., _T], *arguments: object) -> _T:
    """Make a call in a thread of the executor, with the caller's context.

    Raises:
        Exception: whatever the call raises.
    """
    context = contextvars.copy_context()
    call: Callable[[], _T] = functools.partial(context.run, function, *arguments)
    return await asyncio.get_running_loop().run_in_executor(executor, call)
