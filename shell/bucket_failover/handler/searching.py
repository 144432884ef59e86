"""A search for callers that do their own retries: what `try_failover` does, with and without an event loop."""

from collections.abc import Generator
from typing import Final

from returns.methods import unwrap_or_failure
from returns.result import Failure, Success

from bucket_failover import journal
from bucket_failover.effects import Ask, Share
from bucket_failover.errors import safe_text
from bucket_failover.handler.context import FailoverContext
from bucket_failover.handler.dialogue import StepDone
from bucket_failover.handler.entries import Entry
from bucket_failover.handler.room import Room
from bucket_failover_core import (
    AllBucketsExhausted,
    BucketSwitched,
    CallAnswered,
    FailoverSnapshot,
    SessionSnapshot,
    Trigger,
    UseBucket,
    decide_failover,
    learn,
)
from bucket_failover_core.request.advance import note_refreshed, note_refused
from bucket_failover_core.request.joint import join

_OURS: Final = "bucket_failover.handler."


class HandlerState(Room):
    """What handlers with and without an event loop have in common: everything but the waiting."""

    @property
    def searches_itself(self) -> bool:
        """Whether its search is ours: neither a subclass nor a caller has put another one in its place."""
        search = getattr(type(self), "try_failover", None)
        return "try_failover" not in vars(self) and getattr(search, "__module__", "").startswith(_OURS)

    def enter(self, context: FailoverContext, failed: str | None) -> Entry:
        """A failure is told when it is told, not when its turn comes.

        Raises:
            ValueError: the context names a bucket that the profile does not have, or an impossible status.
        """
        if failed is not None and self._session.profile.place_of(failed) is None:
            message = f"bucket: {failed!r} is not a bucket of {self.provider!r}, which has {self.get_buckets()}"
            raise ValueError(message)
        answer = context.answer(now=self.clock())
        key = context.request
        with self._mutex:
            self._renew()
            entry = self._entries.setdefault(key, Entry(self.plain_request(), is_kept=False))
            entry.searches += 1
            entry.request = note_refused(entry.request, context.rejected)
            if context.model is not None:
                entry.request = entry.request.evolve({"model": context.model})
            if failed is None:
                return entry
            used = context.fingerprint or ""
            event = CallAnswered(bucket=failed, answer=answer, begun_at=answer.at, fingerprint=used)
            self.tell(event)
            entry.hear(event)
            if context.refresh_spent:
                entry.request = note_refreshed(entry.request, failed)
            return entry

    def leave(self, context: FailoverContext, entry: Entry) -> None:
        """A search is over, however it ended: a request that none has come to its end in is as if it had not been."""
        with self._mutex:
            entry.searches -= 1
            if entry.searches == 0 and not entry.is_kept and self._entries.get(context.request) is entry:
                del self._entries[context.request]

    def searching(
        self, context: FailoverContext, failed: str | None, entry: Entry
    ) -> Generator[Share | Ask, object, bool]:
        """The search after a failed call with the bucket `failed`; whether the request can go on."""
        resets, trigger = self._resets, context.trigger
        journal.failover_started(self.provider, failed, trigger)
        trigger = trigger if trigger.limits == () else trigger.evolve({"limits": ()})  # the session has learned them
        told: set[tuple[str, str]] = set()
        while True:
            session = self._session
            ledger = self._ledger(session, trigger, failed, entry)
            decision = unwrap_or_failure(decide_failover(ledger, now=self.clock()))
            for finding in decision.findings if journal.is_listened_to() else ():
                if finding.reason is not None and (finding.bucket, finding.fact) not in told:
                    told.add((finding.bucket, finding.fact))
                    journal.bucket_classified(self.provider, finding)
            if isinstance(decision, AllBucketsExhausted | UseBucket):
                break
            done = yield self.shared_step(decision, session)
            if isinstance(done, StepDone):
                entry.hear(done.event)
        yield from self.settling()
        yield from self._end_search(context, failed, entry, decision, is_current=resets == self._resets)
        return decision.kind == "use-bucket"

    def _ledger(self, session: SessionSnapshot, trigger: Trigger, failed: str | None, entry: Entry) -> FailoverSnapshot:
        """What is known of the request, with this failed call as the trigger."""
        ledger = join(session, entry.request, now=self.clock(), counts_calls=False)
        if failed is None or ledger.place_of(failed) is None:
            return ledger
        return ledger.evolve({"current": failed, "trigger": trigger})

    def _end_search(
        self,
        context: FailoverContext,
        failed: str | None,
        entry: Entry,
        decision: UseBucket | AllBucketsExhausted,
        *,
        is_current: bool,
    ) -> Generator[Ask, object, None]:
        """Make known how a search has ended; one that a reset has overtaken moves nothing."""
        if decision.kind == "all-buckets-exhausted":
            journal.buckets_exhausted(self.provider, decision)
        elif decision.switched:
            journal.bucket_switched(self.provider, failed, decision)
            if is_current and not context.was_probe:
                yield from self.moving(decision.bucket)
        else:
            journal.bucket_healed(self.provider, decision)
        with self._mutex:
            entry.is_kept = True
            self._last_entry = entry
            self.last_decision = Success(decision) if decision.kind == "use-bucket" else Failure(decision)

    def blamed(self, context: FailoverContext) -> str | None:
        """The bucket whose call failed; asked for before the turn, in which the current one may become another."""
        return context.bucket if context.bucket is not None else self.get_current_bucket()

    def moving(self, bucket: str) -> Generator[Ask, object, None]:
        """The session moves; a store that cannot take that undoes nothing (REQ-1598-FL14)."""
        if bucket == self.get_current_bucket():
            return
        yield from self.remembering(bucket)
        self.tell(BucketSwitched(bucket=bucket))

    def adopting(self) -> Generator[Ask, object, None]:
        """Take over the store's session bucket, if the profile has it; a store that raises is logged."""
        yield from self.settling()
        before, resets = self._session.current, self._resets
        try:
            bucket = yield Ask("get_session_bucket", (self.provider,))
        except Exception as error:  # noqa: BLE001 - whatever a store raises, the handler goes on with its own bucket
            journal.session_bucket_failed(self.provider, "read", safe_text(error))
            return
        with self._mutex:
            moved = self._session.current != before or resets != self._resets
            if isinstance(bucket, str) and not moved:
                self._session = learn(self._session, BucketSwitched(bucket=bucket))
