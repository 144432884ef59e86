"""What this thread or task is in the middle of: a login or a refresh that asks for itself would wait for its own end.

The functions that log in and refresh are the application's. One that calls the orchestrator or the manager that waits
for it is refused at once. Context variables say so, for tasks and threads that the function starts as well.
"""

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from bucket_failover.errors import ReentrantCallError

_UNDER_WAY: Final[ContextVar[tuple[Hashable, ...]]] = ContextVar("bucket_failover_under_way", default=())


@contextmanager
def in_the_middle_of(what: Hashable) -> Iterator[None]:
    """While the block lasts, this context is in the middle of it."""
    before = _UNDER_WAY.set((*_UNDER_WAY.get(), what))
    try:
        yield
    finally:
        _UNDER_WAY.reset(before)


def refuse_within(what: Hashable, asked: str) -> None:
    """Refuse a call that would wait for what this context is in the middle of.

    Args:
        what: see `in_the_middle_of`.
        asked: the call, for the error's text: "a refresh of anthropic default".

    Raises:
        ReentrantCallError: it would.
    """
    if what in _UNDER_WAY.get():
        message = f"{asked} was asked for by the very function that performs it, which would wait for itself"
        raise ReentrantCallError(message)
