"""As much of Celery as a program needs that is told of its workers: the signals of a prefork pool, and its tasks.

It stands in for the package, whose broker and process pool are not what a recipe is about. What is real is the fork.
"""

import json
import os
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest


class Retry(Exception):  # noqa: N818 - Celery's name
    """What `Task.retry` raises (`celery.exceptions.Retry`).

    Args:
        eta: when the task is run again.
    """

    def __init__(self, eta: Any) -> None:
        super().__init__()
        self.eta = eta


class Signal:
    """Functions that are called when something happens to a worker."""

    def __init__(self) -> None:
        self.connected: list[Callable[..., object]] = []

    def connect(self, function: Callable[..., object]) -> Callable[..., object]:
        """A decorator, as Celery's."""
        self.connected.append(function)
        return function

    def send(self) -> None:
        """It happens."""
        for function in self.connected:
            function(sender=None, signal=self)


class Task:
    """A bound task of one try: it is told to come back, and does not."""

    def retry(self, *, exc: BaseException, eta: Any) -> Retry:
        """See `celery.app.task.Task.retry`."""
        raise Retry(eta) from exc


class Celery:
    """An application that has tasks and no broker."""

    def __init__(self, _name: str, *, broker: str) -> None:
        self.broker = broker

    def task(self, *, bind: bool, max_retries: int) -> Callable[[Callable[[Task], Any]], Callable[[], Any]]:
        """A decorator: what it gives back runs the task here."""
        assert bind
        assert max_retries

        def decorate(function: Callable[[Task], Any]) -> Callable[[], Any]:
            return lambda: function(Task())

        return decorate


def install(patch: pytest.MonkeyPatch) -> tuple[Signal, Signal]:
    """Stand in for `celery` and `celery.signals`; the signals of a worker's begin and end."""
    begin, end = Signal(), Signal()
    celery, signals = ModuleType("celery"), ModuleType("celery.signals")
    vars(celery).update(Celery=Celery, Task=Task)
    vars(signals).update(worker_process_init=begin, worker_process_shutdown=end)
    patch.setitem(sys.modules, "celery", celery)
    patch.setitem(sys.modules, "celery.signals", signals)
    return begin, end


def in_worker(begin: Signal, end: Signal, task: Callable[[], Any]) -> Any:
    """What a task returns, or when it is run again, in a process that is forked for it."""
    reading, writing = os.pipe()
    worker = os.fork()
    if worker == 0:
        try:
            begin.send()
            try:
                told = task()
            except Retry as retry:
                told = retry.eta.timestamp()
            end.send()
        except BaseException as error:  # noqa: BLE001 - it is told
            told = f"{type(error).__name__}: {error}"
        os.write(writing, json.dumps(told).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        told = pipe.read()
    os.waitpid(worker, 0)
    return json.loads(told or '"the worker has died"')
