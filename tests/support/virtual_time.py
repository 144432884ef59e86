"""An event loop whose time moves only when everybody waits: timers fire at once, in their order, to the second.

It is the real selector loop of asyncio with another clock. Where the real one would sleep until the next timer, this
one sets its clock to that timer. Sockets and threads work as ever, but a timer may then fire "before" they answer.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")


class World:
    """A moment, a clock that moves only when everybody waits, and event loops that go by it, one after the other."""

    def __init__(self, start: float = 1_000_000.0) -> None:
        self.start = start
        self.now = start
        self.sleeps: list[float] = []

    def clock(self) -> float:
        """Unix seconds."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Wait on the virtual clock, and remember for how long."""
        self.sleeps.append(round(seconds, 6))
        await asyncio.sleep(seconds)

    def run(self, main: Coroutine[Any, Any, _T]) -> _T:
        """Run a coroutine to its end in this world, in an event loop of its own."""
        with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(self)) as runner:
            return runner.run(main)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """The selector loop of asyncio, on a world's clock."""

    def __init__(self, world: World) -> None:
        self._world = world
        super().__init__(_Selector(world))

    def time(self) -> float:
        """The virtual moment."""
        return self._world.now


class _Selector(selectors.DefaultSelector):
    """Asks for events without waiting; what it was to wait is added to the world's clock."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """The events that are there; the wait happens on the virtual clock."""
        if timeout is None:
            return super().select(None)
        events = super().select(0)
        if not events and timeout > 0:
            self._world.now += timeout
        return events
