"""Two runners: one without and one with an event loop. Everything else of the shell is written once, as generators.

A runner performs effect after effect. It hands an `Attempt` back to its caller, because a stream has to pass on
what its operation yields; told what came of it, it goes on.
"""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from typing import Any, Generic, NamedTuple, TypeVar

from bucket_failover.effects.vocabulary import Attempt, Do

_T = TypeVar("_T")
_E = TypeVar("_E")

Steps = Generator[_E, Any, _T]
"""Something to be done: yields effects, is sent their outcomes, and returns what came of it all."""


class Ended(NamedTuple, Generic[_T]):
    """It is done; `value` is what came of it."""

    value: _T


def resume(
    steps: Steps[_E, _T],
    perform: Callable[[_E], object],
    *,
    outcome: object = None,
    error: BaseException | None = None,
) -> Attempt | Ended[_T]:
    """Run something in this thread up to its next attempt, or to its end.

    Args:
        steps: what is to be done.
        perform: has one effect done, and answers its outcome.
        outcome: of the attempt that was handed back; None at the beginning.
        error: what that attempt has raised instead.

    Raises:
        BaseException: what `steps` raises.
    """
    try:
        while True:
            effect = steps.send(outcome) if error is None else steps.throw(error)
            if isinstance(effect, Attempt):
                return effect
            outcome, error = None, None
            try:
                outcome = perform(effect)
            except BaseException as raised:  # noqa: BLE001 - what it means is for the steps to say
                error = raised
    except StopIteration as end:
        return Ended(end.value)


def run(steps: Steps[_E, _T], perform: Callable[[_E], object]) -> _T:
    """Run something without attempts to its end in this thread; see `resume`.

    Raises:
        BaseException: what `steps` raises.
    """
    try:
        ended = resume(steps, perform)
        assert isinstance(ended, Ended), "nothing here attempts a call"  # noqa: S101 - an invariant
        value: _T = ended.value
        return value
    finally:
        steps.close()


async def resume_async(
    steps: Steps[_E, _T],
    perform: Callable[[_E], Awaitable[object]],
    *,
    outcome: object = None,
    error: BaseException | None = None,
) -> Attempt | Ended[_T]:
    """Run something in the running event loop up to its next attempt, or to its end; see `resume`.

    Raises:
        BaseException: what `steps` raises; a cancellation is thrown into them.
    """
    late: asyncio.CancelledError | None = None
    try:
        while True:
            effect = steps.send(outcome) if error is None else steps.throw(error)
            if isinstance(effect, Attempt):
                return effect
            outcome, error = None, late
            if late is not None:  # it came during a call that was finished all the same
                late = None
                continue
            try:
                if isinstance(effect, Do):
                    outcome, late = await finished(perform(effect))
                else:
                    outcome = await perform(effect)
            except BaseException as raised:  # noqa: BLE001 - what it means is for the steps to say, a cancellation too
                error = raised
    except StopIteration as end:
        if late is not None:
            raise late from None
        return Ended(end.value)


async def run_async(steps: Steps[_E, _T], perform: Callable[[_E], Awaitable[object]]) -> _T:
    """Run something without attempts to its end in the running event loop; see `resume_async`.

    Raises:
        BaseException: what `steps` raises.
    """
    try:
        ended = await resume_async(steps, perform)
        assert isinstance(ended, Ended), "nothing here attempts a call"  # noqa: S101 - an invariant
        value: _T = ended.value
        return value
    finally:
        steps.close()


async def finished(call: Awaitable[object]) -> tuple[object, asyncio.CancelledError | None]:
    """The outcome of a call that cannot be stopped half way, and the cancellation that came meanwhile.

    A lock that a thread has got is told to the steps, which give it back.
    """
    task = asyncio.ensure_future(call)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None and not task.cancelled() and task.exception() is not None:
        raise cancelled from task.exception()
    return task.result(), cancelled
