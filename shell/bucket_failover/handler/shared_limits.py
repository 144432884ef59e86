"""What a session believes of quota, kept in step with a store that other processes share.

A store that cannot answer costs nothing but what it would have told: beliefs are not worth a failed request, nor a wait
of the event loop. What it could not take is kept, and told when it answers again; a store that has failed is left alone
for a while.
"""

import asyncio
import atexit
import queue
import threading
import weakref
from collections.abc import Callable
from functools import reduce
from typing import Final

from bucket_failover import logs
from bucket_failover.errors import safe_text
from bucket_failover.store.interfaces import Limits, LimitStore, Refusals, RefusalStore
from bucket_failover_core import SessionSnapshot
from bucket_failover_core.facts import limits_worth_keeping
from bucket_failover_core.request import limits_of, refusals_of, with_limits, with_refusals

Change = Callable[[SessionSnapshot], SessionSnapshot]
"""What was learned, as the core writes it into a session."""

_NEVER_READ: Final = object()
_UNWRITTEN_MAX: Final = 100
"""What a store could not take is told again later, as far as it is recent."""

_LEFT_ALONE_SECONDS: Final = 5.0
"""For how long a store that has failed is not asked again."""

_FLUSH_SECONDS: Final = 5.0
"""How long the end of the program waits for what is still to be written."""


class SharedLimits:
    """The session's limits, in a store if there is one.

    What is learned in a running event loop is written by a thread, in order; else at once.

    Args:
        store: where limits are kept; None: they end with the process.
        provider: whose buckets they are about.
        clock: gives Unix seconds.
    """

    def __init__(self, store: LimitStore | None, provider: str, clock: Callable[[], float]) -> None:
        self.is_shared = store is not None
        """Whether other processes may share them."""
        self._store = store
        self._refusals = _refusal_store(store)
        self._provider = provider
        self._clock = clock
        self._version: object = _NEVER_READ
        self._unwritten: list[Change] = []
        self._left_alone_until: float | None = None
        self._writer = _Writer()

    def flush(self, timeout_seconds: float = _FLUSH_SECONDS) -> bool:
        """Wait until what was learned is written, or could not be; whether that came within the time."""
        return self._writer.flush(timeout_seconds)

    def renewed(self, session: SessionSnapshot) -> SessionSnapshot:
        """The session with what others have learned since; the same object if they have not."""
        if self._store is None or self._is_left_alone() or self._writer.is_busy:
            return session
        if self._unwritten:
            return self.changed(session, lambda known: known)
        try:
            version = self._store.version()
            if version == self._version:
                return session
            held = self._store.read_limits(self._provider)
            refused = None if self._refusals is None else self._refusals.read_refusals(self._provider)
        except Exception as error:  # noqa: BLE001 - whatever a store raises, the session goes on with what it knows
            self._failed("read", error)
            return session
        self._version = version
        known = with_limits(session, dict(held))
        return known if refused is None else with_refusals(known, refused)

    def changed(self, session: SessionSnapshot, change: Change) -> SessionSnapshot:
        """The session after something was learned, and the store told of it."""
        if self._store is None:
            return change(session)
        if _in_event_loop() or self._writer.is_busy:
            after = change(session)
            self._writer.write(lambda: self._write(session, change))
            return after
        held = self._write(session, change)
        return change(session) if held is None else with_limits(change(session), dict(held))

    def _write(self, session: SessionSnapshot, change: Change) -> Limits | None:
        """Tell the store; what it holds now, or None if it could not be told."""
        assert self._store is not None  # noqa: S101 - nothing is written without one
        now = self._clock()
        changes = [*self._unwritten, change]
        if self._is_left_alone():
            self._unwritten = changes[-_UNWRITTEN_MAX:]
            return None

        def apply(held: Limits) -> Limits:
            learned = reduce(lambda known, later: later(known), changes, with_limits(session, dict(held)))
            return {name: limits_worth_keeping(limits, now=now) for name, limits in limits_of(learned).items()}

        def refuse(held: Refusals) -> Refusals:
            learned = reduce(lambda known, later: later(known), changes, with_refusals(session, held))
            return refusals_of(learned, now=now)

        try:
            held = self._store.change_limits(self._provider, apply)
            if self._refusals is not None:
                self._refusals.change_refusals(self._provider, refuse)
        except Exception as error:  # noqa: BLE001 - whatever a store raises, the session knows it all the same
            self._failed("written", error)
            self._unwritten = changes[-_UNWRITTEN_MAX:]
            return None
        self._unwritten = []
        return held

    def claims_probe(self, interval_seconds: float) -> bool:
        """Whether a request of ours may test an advisory limit now: no other process has begun to."""
        if self._store is None or self._is_left_alone():
            return True
        try:
            return self._store.claim_probe(self._provider, now=self._clock(), interval_seconds=interval_seconds)
        except Exception as error:  # noqa: BLE001 - whatever a store raises, nothing forbids it
            self._failed("written", error)
            return True

    def _failed(self, action: str, error: Exception) -> None:
        logs.limits_failed(self._provider, action, safe_text(error))
        self._left_alone_until = self._clock() + _LEFT_ALONE_SECONDS

    def _is_left_alone(self) -> bool:
        """Whether the store has failed a moment ago. A clock that was set back does not make that longer."""
        until = self._left_alone_until
        if until is None:
            return False
        now = self._clock()
        if until - _LEFT_ALONE_SECONDS <= now < until:
            return True
        self._left_alone_until = None
        return False


def _refusal_store(store: object) -> RefusalStore | None:
    """The store, if it keeps refused tokens as well: settled once."""
    return store if isinstance(store, RefusalStore) else None


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class _Writer:
    """A thread that writes what it is given, in order; it is there only while there is something to write."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        self._mutex = threading.Lock()
        self._open = 0
        self._idle = threading.Event()
        self._idle.set()

    @property
    def is_busy(self) -> bool:
        """Whether something is still to be written."""
        return self._open > 0

    def write(self, job: Callable[[], object]) -> None:
        """Have something written, after all that was given before."""
        with self._mutex:
            self._open += 1
            self._jobs.put(job)
            if self._open > 1:
                return
            self._idle.clear()
            _WRITERS.add(self)
            threading.Thread(target=self._work, name="bucket-failover-limits", daemon=True).start()

    def flush(self, timeout_seconds: float) -> bool:
        """Wait until everything is written; whether that came within the time."""
        return self._idle.wait(timeout_seconds)

    def _work(self) -> None:
        while True:
            self._jobs.get()()
            with self._mutex:
                self._open -= 1
                if self._open == 0:
                    self._idle.set()
                    return


_WRITERS: "weakref.WeakSet[_Writer]" = weakref.WeakSet()


@atexit.register
def _flush_all() -> None:
    """The end of the program waits a little for what is still to be written."""
    for writer in tuple(_WRITERS):
        writer.flush(_FLUSH_SECONDS)
