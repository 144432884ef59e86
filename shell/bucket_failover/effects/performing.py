"""How effects are performed: with an event loop (`AsyncPerformer`) and without one (`SyncPerformer`).

Both share steps: what two requests want at the same time is done once, and both hear of it. A request that is cancelled
leaves a shared step to the others; the last one to leave cancels it.
"""

import asyncio
import threading
import time
import weakref
from collections.abc import Awaitable, Callable, Hashable
from concurrent.futures import Future
from typing import Any, Protocol, assert_never

from bucket_failover.effects.deadline import call_within
from bucket_failover.effects.reentry import in_the_middle_of, refuse_within
from bucket_failover.effects.running import run, run_async
from bucket_failover.effects.vocabulary import Ask, Attempt, Do, Effect, Search, Share, Wait
from bucket_failover.errors import LoginCancelledError, LoginTimedOutError


class Manager(Protocol):
    """A token manager with everything that may be asked of it, settled once (`oauth.interface.full_manager`)."""

    def call(self, method: str, arguments: tuple[str, ...]) -> Any:  # noqa: ANN401 - each method has its own answer
        """What the method answers, or an awaitable of it."""
        ...


class AsyncShared:
    """The shared steps that are under way in an event loop."""

    def __init__(self) -> None:
        self.tasks: dict[Hashable, asyncio.Future[object]] = {}
        self.alone: asyncio.Task[object] | None = None


class SyncShared:
    """The shared steps that are under way in the threads of a process."""

    def __init__(self) -> None:
        self.mutex = threading.Lock()
        self.futures: dict[Hashable, Future[object]] = {}
        self.alone: Future[object] | None = None


def _itself(shared: AsyncShared | SyncShared, share: Share) -> Hashable:
    """What a shared step waits for: the same step, or, if it has to be done alone, any other such one."""
    return (id(shared), "alone" if share.alone else share.key)


def _refuse_itself(shared: AsyncShared | SyncShared, share: Share) -> None:
    refuse_within(_itself(shared, share), share.name)


class AsyncPerformer:
    """Performs effects in the running event loop.

    Args:
        manager: where tokens come from.
        sleep: waits for so many seconds.
        search: a foreign handler's `try_failover`; None: there is none.
        shared: the steps that are shared with other performers; None: with none.
    """

    def __init__(
        self,
        manager: Manager,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        search: Callable[[Any], Awaitable[object]] | None = None,
        shared: AsyncShared | None = None,
    ) -> None:
        self._manager = manager
        self._sleep = sleep
        self._search = search
        self.shared = shared or AsyncShared()

    def perform(self, effect: Effect) -> Awaitable[object]:
        """Have one effect done; what awaits its outcome.

        Raises:
            Exception: what it raises, at once or when it is awaited.
        """
        match effect:
            case Ask():
                call: Awaitable[object] = self._manager.call(effect.method, effect.arguments)
                if effect.timeout_seconds is None:
                    return call
                return _within(asyncio.ensure_future(call), effect.timeout_seconds)
            case Wait(seconds=seconds):
                return self._sleep(seconds)
            case Share():
                return self._share(effect)
            case Search(context=context):
                assert self._search is not None  # noqa: S101 - a request with its own search asks for none
                return self._search(context)
            case Do(call=function):
                return _done(function)
            case Attempt():
                raise AssertionError  # a runner hands it back
            case never:
                assert_never(never)

    async def _share(self, share: Share) -> object:
        """Do it, or wait for the request that does it. After another one that had to be done alone, ask again."""
        _refuse_itself(self.shared, share)
        loop, tasks = asyncio.get_running_loop(), self.shared.tasks
        under_way = tasks.get(share.key)
        if under_way is not None and not under_way.done() and under_way.get_loop() is loop:
            return await _joined(under_way)
        if share.alone:
            return await self._share_alone(share, loop)
        tasks[share.key] = mine = loop.create_future()
        try:
            outcome = await self._work(share)
        except BaseException:
            _settle(mine, None)  # those who wait ask again
            raise
        finally:
            if tasks.get(share.key) is mine:
                del tasks[share.key]
        _settle(mine, outcome)
        return outcome

    async def _share_alone(self, share: Share, loop: asyncio.AbstractEventLoop) -> object:
        """A login goes on while any request waits for it, whichever began it."""
        other = self.shared.alone
        if other is not None and not other.done() and other.get_loop() is loop:
            await asyncio.wait({other})
            return None
        task = asyncio.create_task(self._work(share))
        self.shared.tasks[share.key] = self.shared.alone = task
        task.add_done_callback(lambda done: self._forget(share.key, done))
        return await _joined(task)

    async def _work(self, share: Share) -> object:
        with in_the_middle_of(_itself(self.shared, share)):
            return await run_async(share.work(), self.perform)

    def _forget(self, key: Hashable, done: asyncio.Task[object]) -> None:
        if self.shared.tasks.get(key) is done:
            del self.shared.tasks[key]
        if self.shared.alone is done:
            self.shared.alone = None
        _retrieve(done)


_WAITING: "weakref.WeakKeyDictionary[asyncio.Future[object], int]" = weakref.WeakKeyDictionary()
"""How many requests wait for a shared step."""


async def _joined(step: asyncio.Future[object]) -> object:
    """Wait for a shared step. A request that is cancelled leaves it to the others; the last one cancels a login."""
    _WAITING[step] = _WAITING.get(step, 0) + 1
    try:
        return await asyncio.shield(step)
    except asyncio.CancelledError:
        if isinstance(step, asyncio.Task) and not step.done() and _WAITING[step] == 1:
            step.cancel()
            await asyncio.wait({step})
        raise
    finally:
        _WAITING[step] -= 1


def _settle(step: asyncio.Future[object], outcome: object) -> None:
    if not step.done():
        step.set_result(outcome)


async def _done(function: Callable[[], object]) -> object:
    return function()


async def _within(login: asyncio.Future[object], timeout_seconds: float) -> object:
    """Wait for a login no longer than allowed. One that is late is cancelled, and what it still does is its own."""
    try:
        await asyncio.wait({login}, timeout=timeout_seconds)
    except asyncio.CancelledError:
        login.cancel()
        await asyncio.wait({login})
        raise
    if login.cancelled():
        message = "the login was cancelled"
        raise LoginCancelledError(message)
    if login.done():
        return login.result()
    login.cancel()
    login.add_done_callback(_retrieve)
    message = f"no answer within {timeout_seconds:g} s"
    raise LoginTimedOutError(message)


def _retrieve(done: asyncio.Future[Any]) -> None:
    """A late exception that no request waits for is no unhandled one."""
    if not done.cancelled():
        done.exception()


class SyncPerformer:
    """Performs effects in the calling thread; threads may share it.

    Args:
        manager: where tokens come from.
        sleep: waits for so many seconds.
        search: a foreign handler's `try_failover`; None: there is none.
        shared: the steps that are shared with other performers; None: with none.
    """

    def __init__(
        self,
        manager: Manager,
        sleep: Callable[[float], object] = time.sleep,
        search: Callable[[Any], object] | None = None,
        shared: SyncShared | None = None,
    ) -> None:
        self._manager = manager
        self._sleep = sleep
        self._search = search
        self.shared = shared or SyncShared()

    def perform(self, effect: Effect) -> object:
        """Have one effect done; its outcome.

        Raises:
            Exception: what it raises.
        """
        match effect:
            case Ask():
                if effect.timeout_seconds is None:
                    return self._manager.call(effect.method, effect.arguments)
                return _within_thread(
                    lambda: self._manager.call(effect.method, effect.arguments), effect.timeout_seconds
                )
            case Wait(seconds=seconds):
                return self._sleep(seconds)
            case Share():
                return self._share(effect)
            case Search(context=context):
                assert self._search is not None  # noqa: S101 - a request with its own search asks for none
                return self._search(context)
            case Do(call=function):
                return function()
            case Attempt():
                raise AssertionError  # a runner hands it back
            case never:
                assert_never(never)

    def _share(self, share: Share) -> object:
        """Do it, or wait for the thread that does it. After another one that had to be done alone, ask again."""
        shared = self.shared
        _refuse_itself(shared, share)
        with shared.mutex:
            same, mine = shared.futures.get(share.key), Future[object]()
            other = shared.alone if same is None and share.alone else None
            if same is None and other is None:
                shared.futures[share.key] = mine
                if share.alone:
                    shared.alone = mine
        if same is not None:
            return same.result()
        if other is not None:
            other.result()
            return None
        try:
            with in_the_middle_of(_itself(shared, share)):
                outcome = run(share.work(), self.perform)
        except BaseException:
            self._end(share, mine)
            mine.set_result(None)  # those who wait ask again
            raise
        self._end(share, mine)
        mine.set_result(outcome)
        return outcome

    def _end(self, share: Share, mine: Future[object]) -> None:
        with self.shared.mutex:
            self.shared.futures.pop(share.key, None)
            if self.shared.alone is mine:
                self.shared.alone = None


def _within_thread(call: Callable[[], object], timeout_seconds: float) -> object:
    """Perform a login in a thread of its own, and wait for it no longer than allowed."""
    return call_within(call, timeout_seconds, name="bucket-failover-login", late=LoginTimedOutError)
