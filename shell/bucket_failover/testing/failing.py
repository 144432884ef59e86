"""Faults of what stands around your program: a store that fails, a clock that jumps, a server that drips."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar, cast

_T = TypeVar("_T")

_LOOK_SECONDS: Final = 0.01
"""How often the server looks whether it is to end."""


class _Failing:
    """Stands before an object, and raises at one of the calls of its methods."""

    def __init__(self, behind: object, at: int, error: Exception, times: int, heard: Callable[[str], object]) -> None:
        self._behind = behind
        self._left = at
        self._error = error
        self._times = times
        self._heard = heard
        self._mutex = threading.Lock()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the object has
        found = getattr(self._behind, name)
        if not callable(found):
            return found

        def called(*values: object, **named: object) -> object:
            with self._mutex:
                self._heard(name)
                self._left -= 1
                fails = -self._times <= self._left < 0
            if fails:
                raise self._error
            return found(*values, **named)

        return called


def failing(
    behind: _T,
    *,
    at: int,
    error: Exception,
    times: int = 1,
    heard: Callable[[str], object] = lambda _: None,
) -> _T:
    """A store, or any other object, whose calls fail for a while.

    Example: `StoredOAuthManager(failing(store, at=3, error=TokenStoreError("the disk is full")))` is a manager whose
    store takes three calls, refuses the fourth, and takes all that follow.

    Args:
        behind: what does the work.
        at: how many calls succeed before, 0 or more.
        error: is raised instead of a call.
        times: how many calls in a row fail, 1 or more.
        heard: told the name of each method that is called.
    """
    return cast("_T", _Failing(behind, at, error, times, heard))


class JumpingClock:
    """A clock that shows what it is told to, for everything here that takes a `clock`.

    Example: `clock = JumpingClock(1_000.0)`; `clock.jump(-3 * 3_600)`; `clock()` is -9800.0.

    Args:
        now: Unix seconds that it shows at first.
    """

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        """Unix seconds."""
        return self.now

    def jump(self, seconds: float) -> None:
        """Forward, or back if negative."""
        self.now += seconds


@contextmanager
def dripping_server(*, every_seconds: float = 0.01, begins_with: bytes = b"") -> Iterator[str]:
    """A server on this machine that takes each connection and sends a blank at a time, for as long as the block lasts.

    Example: `with dripping_server() as url:` the answer to a request to `url` never ends.

    Args:
        every_seconds: between two blanks, over 0.
        begins_with: is sent at once, such as a status line and headers.
    """
    ended = threading.Event()
    threads: list[threading.Thread] = []

    def drip(connection: socket.socket) -> None:
        with connection:
            try:
                connection.sendall(begins_with)
                while not ended.wait(every_seconds):
                    connection.sendall(b" ")
            except OSError:  # the client has had enough
                return

    def accept() -> None:
        while not ended.is_set():
            try:
                connection, _ = server.accept()
            except TimeoutError:
                continue
            threads.append(threading.Thread(target=drip, args=(connection,), daemon=True))
            threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(_LOOK_SECONDS)
        accepting = threading.Thread(target=accept, name="dripping-server", daemon=True)
        accepting.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            ended.set()
            accepting.join()
            for thread in threads:
                thread.join()
