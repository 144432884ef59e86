"""A search for callers that do their own retries: what `try_failover` does, with and without an event loop."""

from collections.abc import Generator
from typing import Final, NamedTuple

from returns.result import Failure, Success

from bucket_failover import logs
from bucket_failover.effects import Ask, Share
from bucket_failover.errors import safe_text
from bucket_failover.handler.context import FailoverContext
from bucket_failover.handler.dialogue import StepDone
from bucket_failover.handler.entries import Entry
from bucket_failover.handler.room import Room
from bucket_failover.observe import Happening, Observed, next_number, tell
from bucket_failover_core import (
    AllBucketsExhausted,
    BucketSwitched,
    CallAnswered,
    FailoverDecision,
    Trigger,
    UseBucket,
    decide_failover,
    learn,
)
from bucket_failover_core.request import join, note_refreshed, note_refused
from bucket_failover_core.value import trusted

_OURS: Final = "bucket_failover.handler."

_answered, _switched = trusted(CallAnswered), trusted(BucketSwitched)


class Asked(NamedTuple):
    """A search that a caller has asked for.

    Args:
        context: what the caller knows of the failed call.
        failed: the bucket that was called with; None: the profile is empty.
        trigger: the failed call as the core sees it.
        entry: the request that it belongs to.
        number: tells its search apart, for observers.
    """

    context: FailoverContext
    failed: str | None
    trigger: Trigger
    entry: Entry
    number: int


class HandlerState(Room):
    """What handlers with and without an event loop have in common: everything but the waiting."""

    @property
    def searches_itself(self) -> bool:
        """Whether its search is ours: neither a subclass nor a caller has put another one in its place."""
        search = getattr(type(self), "try_failover", None)
        return "try_failover" not in vars(self) and getattr(search, "__module__", "").startswith(_OURS)

    def enter(self, context: FailoverContext, failed: str | None) -> Asked:
        """A failure is told when it is told, not when its turn comes.

        Raises:
            ValueError: the context names a bucket that the profile does not have, or an impossible status.
        """
        if failed is not None and self._session.profile.place_of(failed) is None:
            message = f"bucket: {failed!r} is not a bucket of {self.provider!r}, which has {self.get_buckets()}"
            raise ValueError(message)
        now, trigger, number = self.clock(), context.trigger, next_number()
        answer = context.answer(trigger, now=now)
        with self._mutex:
            self._renew()
            entry = self._entries.get(context.request)
            if entry is None:
                entry = self._entries[context.request] = Entry(self.plain_request(), is_kept=False)
            entry.searches += 1
            if context.rejected:
                entry.request = note_refused(entry.request, context.rejected)
            if context.model is not None:
                entry.request = entry.request.evolve({"model": context.model})
            if failed is not None:
                used = context.fingerprint or ""
                event = _answered(bucket=failed, answer=answer, begun_at=answer.at, fingerprint=used)
                self.tell(event)
                entry.hear(event)
                self._announce(number, event)
                if context.refresh_spent:
                    entry.request = note_refreshed(entry.request, failed)
            return Asked(context, failed, trigger, entry, number)

    def leave(self, asked: Asked) -> None:
        """A search is over, however it ended: a request of which no search came to its end is forgotten."""
        entry, name = asked.entry, asked.context.request
        with self._mutex:
            entry.searches -= 1
            if entry.searches == 0 and not entry.is_kept and self._entries.get(name) is entry:
                del self._entries[name]

    def searching(self, asked: Asked) -> Generator[Share | Ask, object, bool]:
        """The search after a failed call; whether the request can go on."""
        resets, failed, trigger, entry = self._resets, asked.failed, asked.trigger, asked.entry
        logs.failover_started(self.provider, failed, trigger)
        trigger = trigger if trigger.limits == () else trigger.evolve({"limits": ()})  # the session has learned them
        answering = None if failed is None else (failed, trigger)
        told: set[tuple[str, str]] = set()
        while True:
            session = self._session
            ledger = join(session, entry.request, now=self.clock(), counts_calls=False, answering=answering)
            answer = decide_failover(ledger, now=self.clock())
            decision: FailoverDecision | AllBucketsExhausted = (
                answer.unwrap() if isinstance(answer, Success) else answer.failure()
            )
            for finding in decision.findings if logs.is_listened_to() else ():
                if finding.reason is not None and (finding.bucket, finding.fact) not in told:
                    told.add((finding.bucket, finding.fact))
                    logs.bucket_classified(self.provider, finding)
            self._announce(asked.number, decision)
            if decision.kind == "use-bucket" or decision.kind == "all-buckets-exhausted":  # noqa: PLR1714 - it narrows
                break
            done = yield self.shared_step(decision, session)
            if isinstance(done, StepDone):
                entry.hear(done.event)
                self._announce(asked.number, done.event)
        if self.owes_bucket:
            yield from self.settling()
        yield from self._end_search(asked, decision, is_current=resets == self._resets)
        return decision.kind == "use-bucket"

    def _announce(self, number: int, what: Happening) -> None:
        if self._observer is not None:
            tell(self._observer, Observed(self.provider, number, self.clock(), what))

    def _end_search(
        self, asked: Asked, decision: UseBucket | AllBucketsExhausted, *, is_current: bool
    ) -> Generator[Ask, object, None]:
        """Make known how a search has ended; one that a reset has overtaken moves nothing."""
        if decision.kind == "all-buckets-exhausted":
            logs.buckets_exhausted(self.provider, decision)
        elif decision.switched:
            logs.bucket_switched(self.provider, asked.failed, decision)
            if is_current and not asked.context.was_probe:
                yield from self.moving(decision.bucket)
        else:
            logs.bucket_healed(self.provider, decision)
        with self._mutex:
            asked.entry.is_kept = True
            self._last_entry = asked.entry
            self.last_decision = Success(decision) if decision.kind == "use-bucket" else Failure(decision)

    def blamed(self, context: FailoverContext) -> str | None:
        """The bucket whose call failed; asked for before the turn, in which the current one may become another."""
        return context.bucket if context.bucket is not None else self.get_current_bucket()

    def moving(self, bucket: str) -> Generator[Ask, object, None]:
        """The session moves; a store that cannot take that undoes nothing (REQ-1598-FL14)."""
        if bucket == self.get_current_bucket():
            return
        yield from self.remembering(bucket)
        self.tell(_switched(bucket=bucket))

    def adopting(self) -> Generator[Ask, object, None]:
        """Take over the store's session bucket, if the profile has it; a store that raises is logged."""
        yield from self.settling()
        before, resets = self._session.current, self._resets
        try:
            bucket = yield Ask("get_session_bucket", (self.provider,))
        except Exception as error:  # noqa: BLE001 - whatever a store raises, the handler goes on with its own bucket
            logs.session_bucket_failed(self.provider, "read", safe_text(error))
            return
        with self._mutex:
            moved = self._session.current != before or resets != self._resets
            if isinstance(bucket, str) and not moved:
                self._session = learn(self._session, BucketSwitched(bucket=bucket))
