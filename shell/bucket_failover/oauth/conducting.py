"""Performs what a protocol asks for, with and without an event loop.

The refresh and the login are written once, as generators: they yield a step, and are sent its outcome or thrown its
exception. What a step means is theirs to say; here it is only performed.
"""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Generator
from concurrent.futures import Future
from typing import Any, NamedTuple, TypeVar

from bucket_failover.tokens import OAuthToken

_T = TypeVar("_T")


class Do(NamedTuple):
    """A call that may block, of the store's."""

    call: Callable[[], object]


class Wait(NamedTuple):
    """Time is to pass."""

    seconds: float


class Present(NamedTuple):
    """Present a token's refresh token to the issuer; call `before_sending` just before the first byte."""

    held: OAuthToken
    before_sending: Callable[[], None]


class AskToLogIn(NamedTuple):
    """Ask the person for a login; the outcome is a token."""


Step = Do | Wait | Present | AskToLogIn
Protocol = Generator[Step, Any, _T]


def conduct(protocol: Protocol[_T], act: Callable[[Present | AskToLogIn], object]) -> _T:
    """Run a protocol to its end in this thread.

    Args:
        protocol: what is to be done.
        act: performs what is neither the store's nor the clock's.

    Raises:
        Exception: what the protocol raises.
    """

    def perform(step: Step) -> object:
        match step:
            case Do():
                return step.call()
            case Wait():
                time.sleep(step.seconds)
                return None
            case _:
                return act(step)

    try:
        step = next(protocol)
        while True:
            try:
                outcome = perform(step)
            except BaseException as error:  # noqa: BLE001 - what it means is the protocol's to say
                step = protocol.throw(error)
            else:
                step = protocol.send(outcome)
    except StopIteration as end:
        result: _T = end.value
        return result
    finally:
        protocol.close()


async def conduct_async(
    protocol: Protocol[_T],
    act: Callable[[Present | AskToLogIn], Awaitable[object]],
    call: Callable[[Callable[[], object]], Awaitable[object]],
) -> _T:
    """Run a protocol to its end in the running event loop.

    Args:
        protocol: what is to be done.
        act: performs what is neither the store's nor the clock's.
        call: performs a call that may block.

    Raises:
        Exception: what the protocol raises.
    """
    cancelled: asyncio.CancelledError | None = None

    async def perform(step: Step) -> object:
        nonlocal cancelled
        match step:
            case Do():
                outcome, cancelled = await _finished(call(step.call))
                return outcome
            case Wait():
                await asyncio.sleep(step.seconds)
                return None
            case _:
                return await act(step)

    try:
        step = next(protocol)
        while True:
            if cancelled is not None:
                late, cancelled = cancelled, None
                step = protocol.throw(late)
                continue
            try:
                outcome = await perform(step)
            except BaseException as error:  # noqa: BLE001 - what it means is the protocol's to say, a cancellation too
                step = protocol.throw(error)
            else:
                step = protocol.send(outcome)
    except StopIteration as end:
        if cancelled is not None:  # it came during the last step, which was finished all the same
            raise cancelled from None
        result: _T = end.value
        return result
    finally:
        protocol.close()


async def _finished(call: Awaitable[object]) -> tuple[object, asyncio.CancelledError | None]:
    """The outcome of a call that cannot be stopped half way, and the cancellation that came meanwhile.

    A lock that a thread has got is told to the protocol, which gives it back; else nobody would.
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


def uninterrupted(run: Callable[[], _T]) -> _T:
    """Run something in a thread of its own, to its end: Ctrl-C is heard, and waits for it.

    Raises:
        KeyboardInterrupt: it came meanwhile; what was to be done is done. Whatever `run` raises.
    """
    outcome: Future[_T] = Future()

    def settle() -> None:
        try:
            outcome.set_result(run())
        except BaseException as error:  # noqa: BLE001 - it is raised again in the caller's thread
            outcome.set_exception(error)

    thread = threading.Thread(target=settle, name="bucket-failover-refresh")
    thread.start()
    try:
        return outcome.result()
    except KeyboardInterrupt:
        thread.join()
        raise
