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
from bucket_failover_core import (
    AllBucketsExhausted,
    BucketFailureReason,
    BucketSwitched,
    CallFailed,
    ChoiceResult,
    FailoverPolicy,
    FailoverSnapshot,
    advance,
    choose_start,
    forget_token,
    learn_limits,
    learn_success,
)
from bucket_failover_core.snapshots import current_bucket


class HandlerState:
    """What handlers with and without an event loop have in common: everything but the waiting."""

    def __init__(
        self,
        buckets: Sequence[str | Bucket],
        provider: str,
        *,
        policy: FailoverPolicy,
        clock: Callable[[], float],
    ) -> None:
        self.provider = provider
        self.last_decision: ChoiceResult | None = None
        self._profile = buckets
        self._policy = policy
        self._clock = clock
        self._mutex = threading.Lock()
        self._resets = 0
        self._last_request: Hashable | None = None
        self._ledgers: dict[Hashable | None, FailoverSnapshot] = {}
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

    def choose_start(self) -> ChoiceResult:
        """The bucket that a new request calls with first: the session's, unless something known rules it out.

        The session stays with its bucket; a request that begins elsewhere makes a detour.
        """
        return choose_start(self._session, now=self._clock())

    def get_last_failover_reasons(self) -> dict[str, BucketFailureReason]:
        """Why buckets were ruled out in the request in progress; a copy (REQ-1598-IC02), empty after its end."""
        if self.last_decision is None or self._last_request not in self._ledgers:
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
        self._open(request)

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

    def report_success(self, bucket: str) -> None:
        """A call with `bucket` has succeeded: what was merely believed of its quota is disproved."""
        with self._mutex:
            if self._session.place_of(bucket) is None or not any(other.limits for other in self._session.buckets):
                return
            self._session = learn_success(self._session, bucket)
            for request, ledger in self._ledgers.items():
                self._ledgers[request] = learn_success(ledger, bucket)

    def _snapshot_of_profile(self) -> FailoverSnapshot:
        buckets = (Bucket(bucket) if isinstance(bucket, str) else bucket for bucket in self._profile)
        return FailoverSnapshot(
            provider=self.provider,
            buckets=tuple(bucket.snapshot for bucket in buckets),
            policy=self._policy,
        )

    def _open(self, request: Hashable | None) -> bool:
        """Give the request a ledger; whether it had none. From now on it learns what others find out."""
        with self._mutex:
            if request in self._ledgers:
                return False
            self._ledgers[request] = self._session
            return True

    def _failover(self, context: FailoverContext, failed: str | None) -> Generator[Ask, object, bool]:
        """The search after a failed call with the bucket `failed`; whether the request can go on."""
        resets = self._resets
        trigger = context.trigger
        ledger = self._ledgers.get(context.request, self._session)
        if context.model is not None:
            ledger = ledger.evolve({"model": context.model})
        ledger = advance(ledger, CallFailed(trigger=trigger, bucket=failed))
        if context.refresh_spent and failed is not None:
            ledger = forget_token(ledger, failed)
        journal.failover_started(self.provider, failed, trigger)
        outcome = yield from search(ledger, clock=self._clock)
        decision = outcome.decision
        if decision.kind == "all-buckets-exhausted":
            journal.buckets_exhausted(self.provider, decision)
        elif decision.switched:
            journal.bucket_switched(self.provider, failed, decision)
            yield from self._remember(decision.bucket)
        else:
            journal.bucket_healed(self.provider, decision)
        with self._mutex:
            if resets == self._resets:
                self._commit(context.request, failed, outcome)
            self._last_request = context.request
            self.last_decision = Success(decision) if decision.kind == "use-bucket" else Failure(decision)
        return decision.kind == "use-bucket"

    def _blamed(self, context: FailoverContext) -> str | None:
        """The bucket whose call failed; asked for before the turn, in which the current one may become another."""
        return context.bucket if context.bucket is not None else self.get_current_bucket()

    def _remember(self, bucket: str) -> Generator[Ask, object, None]:
        """Tell the store which bucket is in use; a store that cannot take it undoes nothing (REQ-1598-FL14)."""
        if bucket == self.get_current_bucket():
            return
        try:
            yield Ask("set_session_bucket", (self.provider, bucket))
        except Exception as error:  # noqa: BLE001 - whatever a store raises, the handler's own bucket is the authority
            journal.session_bucket_failed(self.provider, "written", safe_text(error))

    def _adoption(self) -> Generator[Ask, object, None]:
        """Take over the store's session bucket, if the profile has it; a store that raises is logged."""
        try:
            bucket = yield Ask("get_session_bucket", (self.provider,))
        except Exception as error:  # noqa: BLE001 - whatever a store raises, the handler goes on with its own bucket
            journal.session_bucket_failed(self.provider, "read", safe_text(error))
            return
        with self._mutex:
            if isinstance(bucket, str) and self._session.place_of(bucket) is not None:
                self._session = self._session.evolve({"current": bucket})

    def _commit(self, request: Hashable | None, failed: str | None, outcome: Outcome) -> None:
        """Make what was found out known: to this request, to the others in flight, and to those to come."""
        ledger = outcome.ledger
        limits = ledger.trigger.limits
        if failed is not None and limits:
            self._session = learn_limits(self._session, failed, limits)
            for other, its_ledger in self._ledgers.items():
                self._ledgers[other] = learn_limits(its_ledger, failed, limits)
        for login in outcome.logins:
            for other, its_ledger in self._ledgers.items():
                self._ledgers[other] = advance(its_ledger, login)
        decision = outcome.decision
        if decision.kind == "use-bucket" and decision.switched:
            ledger = advance(ledger, BucketSwitched(bucket=decision.bucket))
            self._session = self._session.evolve({"current": decision.bucket})
        if request in self._ledgers:
            self._ledgers[request] = ledger
