"""What the requests of one profile share, and what each has for itself.

Requests in flight have a ledger each; they share the current bucket, what is known of limits, and the outcomes of
logins. A search works on its own copy and is committed whole at its end, so that a cancelled one leaves the handler as
it was, and one that a reset has overtaken changes nothing.
"""

import threading
from collections.abc import Callable, Generator, Hashable, Sequence

from returns.methods import unwrap_or_failure
from returns.result import Failure, Success

from bucket_failover import journal
from bucket_failover.errors import safe_text
from bucket_failover.handler.context import Bucket, FailoverContext
from bucket_failover.handler.dialogue import Ask, Outcome, search
from bucket_failover.handler.memory import Change, SharedLimits
from bucket_failover.store.limits import LimitStore
from bucket_failover_core import (
    READING_STRATEGIES,
    STRATEGIES,
    AllBucketsExhausted,
    BucketFailureReason,
    BucketSwitched,
    CallFailed,
    CallFailure,
    ChoiceResult,
    FailoverPolicy,
    FailoverSnapshot,
    Strategy,
    WindowReading,
    advance,
    begin_with,
    choose_start,
    estimate_skew,
    forget_token,
    held_limits,
    hold_limits,
    is_success,
    learn_limits,
    learn_login,
    learn_readings,
    learn_refusal,
    learn_success,
    learn_use,
    read_limits_by_its_clock,
    read_windows_by_its_clock,
    session_after,
)
from bucket_failover_core.skew import NO_SKEW
from bucket_failover_core.snapshots import current_bucket


class _Ledger:
    """The ledger of one request, and how many searches of it are under way or waiting for their turn."""

    __slots__ = ("is_kept", "searches", "snapshot")

    def __init__(self, snapshot: FailoverSnapshot, *, is_kept: bool) -> None:
        self.snapshot = snapshot
        self.searches = 0
        self.is_kept = is_kept
        """It is to stay when the searches are over: the request was begun, or one of them came to its end."""


class HandlerState:
    """What handlers with and without an event loop have in common: everything but the waiting."""

    def __init__(
        self,
        buckets: Sequence[str | Bucket],
        provider: str,
        *,
        policy: FailoverPolicy,
        clock: Callable[[], float],
        strategy: Strategy,
        limits: LimitStore | None,
    ) -> None:
        if strategy not in STRATEGIES:
            message = f"strategy: {strategy!r} is none of {', '.join(STRATEGIES)}"
            raise ValueError(message)
        self.provider = provider
        self.last_decision: ChoiceResult | None = None
        self._profile = _as_profile(buckets)
        self._policy = policy
        self._clock = clock
        self._strategy: Strategy = strategy
        self._shared = SharedLimits(limits, provider, clock)
        self._mutex = threading.Lock()
        self._phase: float | None = None
        """The draw of this process; one for all its requests, so that it does not go back and forth."""
        self._resets = 0
        self._reset_listeners: list[Callable[[], None]] = []
        self._last_ledger: _Ledger | None = None
        self._ledgers: dict[Hashable | None, _Ledger] = {}
        self._session = self._snapshot_of_profile()

    def get_buckets(self) -> list[str]:
        """The names of the profile's buckets, in its order."""
        return [bucket.name for bucket in self._session.buckets]

    def get_current_bucket(self) -> str | None:
        """The bucket in use; the first one at the beginning; None: the profile is empty (REQ-1598-FL15)."""
        current = current_bucket(self._session)
        return current.name if current is not None else None

    def is_enabled(self) -> bool:
        """Whether there is anything to fail over to: more than one bucket (REQ-1598-FL16)."""
        return len(self._session.buckets) > 1

    def choose_start(
        self,
        *,
        model: str | None = None,
        session_key: str | None = None,
        draw: float = 0.0,
        request: Hashable | None = None,
    ) -> ChoiceResult:
        """The bucket that a new request calls with first: by default the session's, unless something rules it out.

        Args:
            model: the model that it is for, None if unknown.
            session_key: names the conversation that it belongs to; see `choose_bucket`.
            draw: chance, in [0, 1). It spreads the probes of processes that share a store of limits, and their return
                to a bucket whose limit has just ended; a process alone is no herd, and comes back once.
            request: names a request in progress, whose ledger is asked instead of the session; None: a new one.

        Raises:
            ValueError: `draw` is not in [0, 1).
        """
        with self._mutex:
            self._renew()
            ledger = self._ledgers.get(request) if request is not None else None
            if ledger is not None:
                return choose_start(ledger.snapshot, now=self._clock(), strategy=self._strategy)
            if self._phase is None:
                self._phase = draw if self._shared.is_shared else 0.0
            start = self._start(model, session_key)
            if not isinstance(start, Success):
                return start
            use = start.unwrap()
            claimed = not use.is_probe or self._shared.claims_probe(self._policy.probe_interval_seconds)
            self._session = begin_with(self._session, use, at=self._clock(), strategy=self._strategy)
            return start if claimed else self._start(model, session_key)

    def _start(self, model: str | None, session_key: str | None) -> ChoiceResult:
        session = self._session if model is None else self._session.evolve({"model": model})
        now = self._clock()
        return choose_start(session, now=now, strategy=self._strategy, session_key=session_key, draw=self._phase or 0.0)

    def get_last_failover_reasons(self) -> dict[str, BucketFailureReason]:
        """Why buckets were ruled out in the request in progress; a copy (REQ-1598-IC02), empty after its end."""
        if self.last_decision is None or all(ledger is not self._last_ledger for ledger in self._ledgers.values()):
            return {}
        decision = unwrap_or_failure(self.last_decision)
        if isinstance(decision, AllBucketsExhausted):
            return decision.reasons
        return {finding.bucket: finding.reason for finding in decision.findings if finding.reason is not None}

    def reset_session(self, request: Hashable | None = None) -> None:
        """A new request, or the end of the one named: forget what it tried; keep the current bucket (REQ-1598-SM02)."""
        with self._mutex:
            self._ledgers.pop(request, None)

    def begin_request(self, request: Hashable) -> None:
        """A request has begun: from now on it learns what others in flight find out, above all of logins.

        `reset_session(request)` ends it. A request that was not begun so begins with its first failed call.
        """
        with self._mutex:
            self._renew()
            self._ledgers.setdefault(request, _Ledger(self._session, is_kept=True)).is_kept = True

    def reset(self) -> None:
        """Back to the first bucket, and forget what was tried (REQ-1598-SM05).

        A profile that was changed in place since takes effect now (REQ-1598-SM08). What is known of the limits of
        buckets that stay is kept.

        Raises:
            ValueError: a changed profile has an empty or a repeated name; the handler stays as it was.
        """
        session = self._snapshot_of_profile()
        with self._mutex:
            for bucket in self._session.buckets:
                if session.place_of(bucket.name) is not None:
                    session = learn_limits(session, bucket.name, bucket.limits)
            self._session = session
            self._ledgers.clear()
            self._resets += 1
        for listener in tuple(self._reset_listeners):
            listener()

    def on_reset(self, listener: Callable[[], None]) -> None:
        """Call `listener` after each `reset`: a `RenewalScheduler.reset`, say (REQ-1598-PR06)."""
        self._reset_listeners.append(listener)

    def report_success(self, bucket: str, *, model: str | None = None) -> None:
        """A call with `bucket` has succeeded: what was merely believed of its quota is disproved.

        Args:
            bucket: the one that has served.
            model: the model that was asked, None if unknown; limits about another one stay.
        """
        with self._mutex:
            if self._session.place_of(bucket) is None or not any(other.limits for other in self._session.buckets):
                return
            self._learn(lambda ledger: learn_success(ledger, bucket, model=model))

    def report_answer(self, bucket: str, answer: CallFailure) -> None:
        """An answer has come to a call with `bucket`: what it says of quota is learned.

        A success disproves what was merely believed before; then limits join those that are believed, and a window that
        is reported open again replaces what was believed of it.

        Args:
            bucket: the one that was called with. One that the profile does not have is passed over.
            answer: status, headers, the model that was asked, and, if it speaks of limits, the body.
        """
        now = self._clock()
        skew = estimate_skew(answer, now=now).value_or(NO_SKEW)
        limits = read_limits_by_its_clock(answer, now=now, skew=skew).value_or(())
        with self._mutex:
            place = self._session.place_of(bucket)
            if place is None:
                return
            readings: tuple[WindowReading, ...] = ()
            if self._strategy in READING_STRATEGIES or self._session.buckets[place].limits:
                readings = read_windows_by_its_clock(answer, now=now, skew=skew)
            served = is_success(answer) and any(other.limits for other in self._session.buckets)
            if limits or readings or served:

                def learn(ledger: FailoverSnapshot) -> FailoverSnapshot:
                    known = learn_success(ledger, bucket, model=answer.model) if served else ledger
                    return learn_limits(learn_readings(known, bucket, readings), bucket, limits)

                self._learn(learn)

    def _learn(self, change: Change) -> None:
        """Make something known to this session, to the requests in flight, and to whoever shares the store."""
        self._session = self._shared.changed(self._session, change)
        for ledger in self._ledgers.values():
            ledger.snapshot = change(ledger.snapshot)

    def _renew(self) -> None:
        """Take over what other processes have learned since."""
        session = self._shared.renewed(self._session)
        if session is not self._session:
            self._session = session
            limits = held_limits(session)
            for ledger in self._ledgers.values():
                ledger.snapshot = hold_limits(ledger.snapshot, limits)

    def _snapshot_of_profile(self) -> FailoverSnapshot:
        return FailoverSnapshot(
            provider=self.provider,
            buckets=tuple(_as_bucket(bucket).snapshot for bucket in self._profile),
            policy=self._policy,
        )

    def _enter(self, request: Hashable | None) -> _Ledger:
        """The ledger for one more search of the request. From now on it learns what others find out."""
        with self._mutex:
            self._renew()
            ledger = self._ledgers.setdefault(request, _Ledger(self._session, is_kept=False))
            ledger.searches += 1
            return ledger

    def _leave(self, request: Hashable | None, ledger: _Ledger) -> None:
        """A search is over, however it ended: a ledger that none has come to its end with is as if it had not been."""
        with self._mutex:
            ledger.searches -= 1
            if ledger.searches == 0 and not ledger.is_kept and self._ledgers.get(request) is ledger:
                del self._ledgers[request]

    def _failover(self, context: FailoverContext, failed: str | None, ledger: _Ledger) -> Generator[Ask, object, bool]:
        """The search after a failed call with the bucket `failed`; whether the request can go on."""
        resets = self._resets
        trigger = context.trigger
        snapshot = ledger.snapshot
        if context.model is not None:
            snapshot = snapshot.evolve({"model": context.model})
        for fingerprint in context.rejected:
            snapshot = learn_refusal(snapshot, fingerprint)
        if context.refresh_spent and failed is not None:
            snapshot = forget_token(snapshot, failed)
        snapshot = advance(snapshot, CallFailed(trigger=trigger, bucket=failed))
        journal.failover_started(self.provider, failed, trigger)
        outcome = yield from search(snapshot, clock=self._clock)
        decision = outcome.decision
        if decision.kind == "all-buckets-exhausted":
            journal.buckets_exhausted(self.provider, decision)
        elif decision.switched:
            journal.bucket_switched(self.provider, failed, decision)
            if resets == self._resets:
                after = session_after(self._session, decision, was_probe=context.was_probe)
                yield from self._remember(after.current)
        else:
            journal.bucket_healed(self.provider, decision)
        with self._mutex:
            if resets == self._resets:
                self._commit(ledger, failed, outcome, was_probe=context.was_probe)
            self._last_ledger = ledger
            self.last_decision = Success(decision) if decision.kind == "use-bucket" else Failure(decision)
        return decision.kind == "use-bucket"

    def _blamed(self, context: FailoverContext) -> str | None:
        """The bucket whose call failed; asked for before the turn, in which the current one may become another."""
        return context.bucket if context.bucket is not None else self.get_current_bucket()

    def _remember(self, bucket: str | None) -> Generator[Ask, object, None]:
        """Tell the store which bucket is in use; a store that cannot take it undoes nothing (REQ-1598-FL14)."""
        if bucket is None or bucket == self.get_current_bucket():
            return
        try:
            yield Ask("set_session_bucket", (self.provider, bucket))
        except Exception as error:  # noqa: BLE001 - whatever a store raises, the handler's own bucket is the authority
            journal.session_bucket_failed(self.provider, "written", safe_text(error))

    def _adoption(self) -> Generator[Ask, object, None]:
        """Take over the store's session bucket, if the profile has it; a store that raises is logged."""
        before = self._session
        try:
            bucket = yield Ask("get_session_bucket", (self.provider,))
        except Exception as error:  # noqa: BLE001 - whatever a store raises, the handler goes on with its own bucket
            journal.session_bucket_failed(self.provider, "read", safe_text(error))
            return
        with self._mutex:
            moved = self._session.current != before.current
            if isinstance(bucket, str) and self._session.place_of(bucket) is not None and not moved:
                self._session = self._session.evolve({"current": bucket})

    def _commit(self, ledger: _Ledger, failed: str | None, outcome: Outcome, *, was_probe: bool) -> None:
        """Make what was found out known: to this request, to the others in flight, and to those to come."""
        known = outcome.ledger
        limits = known.trigger.limits
        others = self._ledgers.values()
        if failed is not None and limits:
            self._learn(lambda snapshot: learn_limits(snapshot, failed, limits))
        for login in outcome.logins:
            self._session = learn_login(self._session, login)
            for other in others:
                other.snapshot = advance(other.snapshot, login)
        decision = outcome.decision
        if decision.kind == "use-bucket":
            self._session = learn_use(self._session, decision.bucket)
            if decision.switched:
                known = advance(known, BucketSwitched(bucket=decision.bucket))
                self._session = session_after(self._session, decision, was_probe=was_probe)
        ledger.snapshot = known
        ledger.is_kept = True


def _as_profile(buckets: Sequence[str | Bucket]) -> Sequence[str | Bucket]:
    """A list stays the caller's, who may change it; anything else is read once.

    Raises:
        ValueError: it is a single text.
    """
    if isinstance(buckets, str):
        message = f"buckets: {buckets!r} is one text, not a list of names"
        raise ValueError(message)  # noqa: TRY004 - one kind of error for all that is wrong with a profile
    return buckets if isinstance(buckets, list) else tuple(buckets)


def _as_bucket(bucket: object) -> Bucket:
    if isinstance(bucket, str):
        return Bucket(bucket)
    if isinstance(bucket, Bucket):
        return bucket
    message = f"buckets: {bucket!r} is neither a name nor a Bucket"
    raise ValueError(message)
