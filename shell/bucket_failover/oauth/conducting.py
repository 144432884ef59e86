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

from bucket_failover.effects import Do, Wait, run, run_async
from bucket_failover.tokens import OAuthToken

_T = TypeVar("_T")


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

    return run(protocol, perform)


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

    async def perform(step: Step) -> object:
        match step:
            case Do():
                return await call(step.call)
            case Wait():
                await asyncio.sleep(step.seconds)
                return None
            case _:
                return await act(step)

    return await run_async(protocol, perform)


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
