"""What a session believes of quota, kept in step with a store that other processes share.

A store that cannot answer costs nothing but what it would have told: beliefs are not worth a failed request. What it
could not take is kept, and told when it answers again.
"""

from collections.abc import Callable
from functools import reduce
from typing import Final

from bucket_failover import journal
from bucket_failover.errors import safe_text
from bucket_failover.store.limits import Limits, LimitStore
from bucket_failover_core import FailoverSnapshot, held_limits, hold_limits, limits_worth_keeping

Change = Callable[[FailoverSnapshot], FailoverSnapshot]
"""What was learned, as the core writes it into a ledger."""

_NEVER_READ: Final = object()
_UNWRITTEN_MAX: Final = 100
"""What a store could not take is told again later, as far as it is recent."""


class SharedLimits:
    """The session's limits, in a store if there is one.

    Args:
        store: where limits are kept; None: they end with the process.
        provider: whose buckets they are about.
        clock: gives Unix seconds.
    """

    def __init__(self, store: LimitStore | None, provider: str, clock: Callable[[], float]) -> None:
        self._store = store
        self._provider = provider
        self._clock = clock
        self._version: object = _NEVER_READ
        self._unwritten: list[Change] = []

    @property
    def is_shared(self) -> bool:
        """Whether other processes may share them."""
        return self._store is not None

    def renewed(self, session: FailoverSnapshot) -> FailoverSnapshot:
        """The session with what others have learned since; the same object if they have not."""
        if self._store is None:
            return session
        if self._unwritten:
            return self.changed(session, lambda known: known)
        try:
            version = self._store.version()
            if version == self._version:
                return session
            held = self._store.read_limits(self._provider)
        except Exception as error:  # noqa: BLE001 - whatever a store raises, the session goes on with what it knows
            journal.limits_failed(self._provider, "read", safe_text(error))
            return session
        self._version = version
        return hold_limits(session, held)

    def changed(self, session: FailoverSnapshot, change: Change) -> FailoverSnapshot:
        """The session after something was learned, and the store told of it."""
        if self._store is None:
            return change(session)
        now = self._clock()
        changes = [*self._unwritten, change]

        def apply(held: Limits) -> Limits:
            learned = reduce(lambda known, later: later(known), changes, hold_limits(session, held))
            return {name: limits_worth_keeping(limits, now=now) for name, limits in held_limits(learned).items()}

        try:
            held = self._store.change_limits(self._provider, apply)
        except Exception as error:  # noqa: BLE001 - whatever a store raises, the session knows it all the same
            journal.limits_failed(self._provider, "written", safe_text(error))
            self._unwritten = changes[-_UNWRITTEN_MAX:]
            return change(session)
        self._unwritten = []
        return hold_limits(change(session), held)

    def claims_probe(self, interval_seconds: float) -> bool:
        """Whether a request of ours may test an advisory limit now: no other process has begun to."""
        if self._store is None:
            return True
        try:
            return self._store.claim_probe(self._provider, now=self._clock(), interval_seconds=interval_seconds)
        except Exception as error:  # noqa: BLE001 - whatever a store raises, nothing forbids it
            journal.limits_failed(self._provider, "written", safe_text(error))
            return True
