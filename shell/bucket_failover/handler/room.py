"""What the requests of one profile share, and what each has for itself; the rules are the core's.

The session (`SessionSnapshot`) is shared by all requests in flight, each of which has a `RequestSnapshot` of its own.
What happens is told to both. So what one request learns of limits, tokens and logins all others know, and what one has
tried concerns no other.
"""

import threading
from collections.abc import Callable, Generator, Hashable, Sequence
from typing import Final

from returns.methods import unwrap_or_failure
from returns.result import Success

from bucket_failover import logs
from bucket_failover.effects import Ask, Share
from bucket_failover.errors import safe_text
from bucket_failover.handler.context import Bucket
from bucket_failover.handler.dialogue import StepDone, perform_step
from bucket_failover.handler.entries import Entry, HandlerSnapshot, HeldToken, as_bucket, as_profile, check_names
from bucket_failover.handler.shared_limits import Change, SharedLimits
from bucket_failover.observe import Observer
from bucket_failover.store.interfaces import LimitStore
from bucket_failover.tokens import OAuthToken
from bucket_failover_core import (
    AllBucketsExhausted,
    AnswerRead,
    BucketFailureReason,
    CallBegun,
    CallFailure,
    FailoverPolicy,
    FailoverSnapshot,
    FailoverStep,
    RequestEvent,
    RequestSnapshot,
    RetryBudget,
    SessionSnapshot,
    Strategy,
    TokenHeld,
    TokenState,
    begin_request,
    begin_session,
    learn,
    read_answer,
)
from bucket_failover_core.choice import READING_STRATEGIES, STRATEGIES
from bucket_failover_core.facts import has_limits, is_refusal
from bucket_failover_core.failover import ChoiceResult
from bucket_failover_core.request import begin_where, hear_quota, reset_session, with_phase

_STEP_WORDS: Final = {"read-token": "a reading", "refresh-token": "a refresh", "reauthenticate": "a login"}


class Room:
    """A session, the requests in flight, and what is believed of quota, kept in step with a store."""

    def __init__(
        self,
        buckets: Sequence[str | Bucket],
        provider: str,
        *,
        policy: FailoverPolicy,
        clock: Callable[[], float],
        strategy: Strategy,
        limits: LimitStore | None,
        observe: Observer | None = None,
    ) -> None:
        if strategy not in STRATEGIES:
            message = f"strategy: {strategy!r} is none of {', '.join(STRATEGIES)}"
            raise ValueError(message)
        self.provider = provider
        self.last_decision: ChoiceResult | None = None
        self.strategy: Strategy = strategy
        self.clock = clock
        self._observer = observe
        self._profile = as_profile(buckets)
        self._policy = policy
        self._shared = SharedLimits(limits, provider, clock)
        self._mutex = threading.RLock()
        self._resets = 0
        self._reset_listeners: list[Callable[[], None]] = []
        self._last_entry: Entry | None = None
        self._entries: dict[Hashable | None, Entry] = {}
        self._held: dict[str, HeldToken] = {}
        self._owed_bucket: str | None = None
        """The bucket that a reset has made the session's, and that the store has not been told of."""
        self._session = begin_session(self._snapshot_of_profile(), budget=None, phase=self._phase_of_one)

    @property
    def _phase_of_one(self) -> float | None:
        """A process that shares no limits spreads nothing: it comes back at once, and probes when a probe is due."""
        return None if self._shared.is_shared else 0.0

    def snapshot(self) -> HandlerSnapshot:
        """What the handler knows now: the session, and the requests in flight."""
        with self._mutex:
            return HandlerSnapshot(self._session, tuple(entry.request for entry in self._entries.values()))

    def get_buckets(self) -> list[str]:
        """The names of the profile's buckets, in its order."""
        return [bucket.name for bucket in self._session.profile.buckets]

    def get_current_bucket(self) -> str | None:
        """The bucket in use; the first one at the beginning; None: the profile is empty (REQ-1598-FL15)."""
        return self._session.current

    def is_enabled(self) -> bool:
        """Whether there is anything to fail over to: more than one bucket (REQ-1598-FL16)."""
        return len(self._session.profile.buckets) > 1

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
                to a bucket whose limit has just ended; a process alone comes back at once.
            request: names a request in progress, which is asked instead of the session; None: a new one.

        Raises:
            ValueError: `draw` is not in [0, 1).
        """
        with self._mutex:
            self._renew()
            self._session = with_phase(self._session, draw)
            now = self.clock()
            entry = self._entries.get(request) if request is not None else None
            new = begin_request(
                self._session, now=now, draw=draw, strategy=self.strategy, session_key=session_key, model=model
            )
            start = begin_where(self._session, entry.request if entry is not None else new, now=now)
            if entry is not None or not isinstance(start, Success):
                return start
            use = start.unwrap()
            moves = self.strategy == "round-robin" and not use.is_probe
            claimed = not use.is_probe or self.claims_probe()
            counts = self.strategy == "least-used"
            begun = CallBegun(bucket=use.bucket, at=now, is_probe=use.is_probe, moves=moves, is_counted=counts)
            self._session = learn(self._session, begun)
            return start if claimed else begin_where(self._session, new, now=now)

    def claims_probe(self) -> bool:
        """Whether a request of ours may probe now: no other process has begun to."""
        return self._shared.claims_probe(self._policy.probe_interval_seconds)

    def get_last_failover_reasons(self) -> dict[str, BucketFailureReason]:
        """Why buckets were ruled out in the request in progress; a copy (REQ-1598-IC02), empty after its end."""
        if self.last_decision is None or all(entry is not self._last_entry for entry in self._entries.values()):
            return {}
        decision = unwrap_or_failure(self.last_decision)
        if isinstance(decision, AllBucketsExhausted):
            return decision.reasons
        return {finding.bucket: finding.reason for finding in decision.findings if finding.reason is not None}

    def reset_session(self, request: Hashable | None = None) -> None:
        """A new request, or the end of the one named: forget what it tried; keep the current bucket (REQ-1598-SM02)."""
        with self._mutex:
            self._entries.pop(request, None)

    def begin_request(self, request: Hashable) -> None:
        """A request has begun: logins that end from now on are spent for it.

        `reset_session(request)` ends it. A request that was not begun so begins with its first failed call.

        Args:
            request: its name.
        """
        with self._mutex:
            self._renew()
            self._entries[request] = Entry(self.plain_request(), is_kept=True)

    def plain_request(self) -> RequestSnapshot:
        """A request that begins now, whose caller does its own calls and retries."""
        now = self.clock()
        return begin_request(self._session, now=now, draw=0.0, strategy=self.strategy, reads_again=True)

    def enlist(self, request: Hashable, begun: RequestSnapshot) -> Entry:
        """Show a request that a retry loop advances by itself among those in flight, until it is forgotten."""
        self._entries[request] = entry = Entry(begun, is_kept=True)
        return entry

    def held(self, bucket: str, token: OAuthToken) -> HeldToken:
        """A token that the store holds, with its picture: the session's own, where that is the same."""
        held = self._held.get(bucket)
        if held is None or held.token is not token:
            state, known = token.state, self.token_of(bucket)
            same = known if isinstance(known, TokenHeld) and known == state else state
            held = self._held[bucket] = HeldToken(token, same)
        return held

    @property
    def session(self) -> SessionSnapshot:
        """What all requests share."""
        return self._session

    def forget(self, request: Hashable) -> None:
        """A request that a retry loop advances by itself has ended."""
        self._entries.pop(request, None)

    def reset(self) -> None:
        """Back to the first bucket, and forget what was tried (REQ-1598-SM05).

        A profile that was changed in place since takes effect now (REQ-1598-SM08). What is known of the accounts of
        buckets that stay is kept.

        Raises:
            ValueError: a changed profile has an empty or a repeated name; the handler stays as it was.
        """
        profile = self._snapshot_of_profile()
        with self._mutex:
            self._session = reset_session(self._session, profile)
            self._entries.clear()
            self._resets += 1
            self._owed_bucket = self._session.current
        for listener in tuple(self._reset_listeners):
            listener()

    def on_reset(self, listener: Callable[[], None]) -> None:
        """Call `listener` after each `reset`: a `RenewalScheduler.reset`, say (REQ-1598-PR06)."""
        self._reset_listeners.append(listener)

    def report_success(self, bucket: str, *, model: str | None = None) -> None:
        """A call with `bucket` has succeeded: what was merely believed of its quota before is disproved.

        Args:
            bucket: the one that has served.
            model: the model that was asked, None if unknown; limits about another one stay.
        """
        now = self.clock()
        self._hear(bucket, AnswerRead(at=now, served=True, model=model), begun_at=None)

    def report_answer(self, bucket: str, answer: CallFailure, *, begun_at: float | None = None) -> None:
        """An answer has come to a call with `bucket`: what it says of quota is learned.

        A success disproves what was merely believed before; then limits join those that are believed, and a window that
        is reported open again replaces what was believed of it.

        Args:
            bucket: the one that was called with. One that the profile does not have is passed over.
            answer: status, headers, the model that was asked, and, if it speaks of limits, the body.
            begun_at: Unix seconds at which the call began; None: after all that is believed was observed.
        """
        now = self.clock()
        read = self.read(bucket, answer, now=now)
        self._hear(bucket, read, begun_at=begun_at)

    def read(self, bucket: str, answer: CallFailure, *, now: float) -> AnswerRead:
        """What an answer to a call with the bucket says, its windows if a strategy or a limit asks for them."""
        place = self._session.profile.place_of(bucket)
        known = place is not None and self._session.profile.buckets[place].limits != ()
        return read_answer(answer, now=now, reads_windows=known or self.strategy in READING_STRATEGIES)

    def _hear(self, bucket: str, answer: AnswerRead, *, begun_at: float | None) -> None:
        with self._mutex:
            if self._session.profile.place_of(bucket) is None:
                return
            speaks = answer.limits or answer.readings
            if not speaks and not has_limits(self._session.profile):
                return
            self._learn(lambda session: hear_quota(session, bucket, answer, begun_at=begun_at))

    def tell(self, event: RequestEvent) -> None:
        """Something has happened: the session learns it. A request is told by `hear`, or by its own loop."""
        with self._mutex:
            if (
                self._shared.is_shared
                and event.kind == "call-answered"
                and _is_worth_telling(event.answer, self._session)
            ):
                self._learn(lambda session: learn(session, event))
            else:
                self._session = learn(self._session, event)

    def _learn(self, change: Change) -> None:
        """Make limits known to this session, and to the other processes that share the store."""
        self._session = self._shared.changed(self._session, change)

    def _renew(self) -> None:
        """Take over what other processes have learned since."""
        self._session = self._shared.renewed(self._session)

    def renew(self, draw: float) -> None:
        """Before a request begins: take over what other processes have learned of limits since.

        Args:
            draw: its chance, in [0, 1); the first one is that of this process.
        """
        if not self._shared.is_shared:
            return
        with self._mutex:
            self._renew()
            self._session = with_phase(self._session, draw)

    def set_budget(self, budget: RetryBudget | None) -> None:
        """What all requests may spend on retries together; None: it is not counted."""
        with self._mutex:
            self._session = self._session.evolve({"budget": budget})

    def set_profile(self, buckets: Sequence[str | Bucket]) -> None:
        """Other buckets, if they are others; what is known of those that stay is kept, and requests go on."""
        with self._mutex:
            if list(buckets) != list(self._profile):
                self._profile = as_profile(buckets)
                self._session = reset_session(self._session, self._snapshot_of_profile())

    def token_of(self, bucket: str) -> TokenState | None:
        """What is known of the bucket's token; None: the profile does not have the bucket."""
        place = self._session.profile.place_of(bucket)
        return None if place is None else self._session.profile.buckets[place].token

    def remembering(self, bucket: str) -> Generator[Ask, object, None]:
        """Tell the store which bucket is in use; a store that cannot take it undoes nothing (REQ-1598-FL14)."""
        try:
            yield Ask("set_session_bucket", (self.provider, bucket))
        except Exception as error:  # noqa: BLE001 - whatever a store raises, the handler's own bucket is the authority
            logs.session_bucket_failed(self.provider, "written", safe_text(error))

    @property
    def owes_bucket(self) -> bool:
        """Whether the store has not been told of a reset yet."""
        return self._owed_bucket is not None

    def settling(self) -> Generator[Ask, object, None]:
        """Tell the store of a reset that it has not been told of, for a program that adopts the session's bucket."""
        owed, self._owed_bucket = self._owed_bucket, None
        if owed is not None:
            yield from self.remembering(owed)

    def flush_limits(self, timeout_seconds: float = 5.0) -> bool:
        """Wait until what was learned of limits is in their store; whether that came within the time (seconds)."""
        return self._shared.flush(timeout_seconds)

    def _snapshot_of_profile(self) -> FailoverSnapshot:
        check_names([as_bucket(bucket).name for bucket in self._profile])
        return FailoverSnapshot(
            provider=self.provider,
            buckets=tuple(as_bucket(bucket).snapshot for bucket in self._profile),
            policy=self._policy,
        )

    def shared_step(self, step: FailoverStep, decided: SessionSnapshot) -> Share:
        """A step about a token, performed once for all requests that ask for it; the session learns its outcome.

        Args:
            step: what the core asks for.
            decided: the session that it was decided by. If another thread's refresh or login of the bucket has ended
                since, nothing is done, and the outcome is None: the request asks again.
        """

        def work() -> Generator[Ask, object, StepDone | None]:
            if _ended_at(self._session, step) != _ended_at(decided, step):
                return None
            token = self.token_of(step.bucket) if step.kind == "refresh-token" else None
            unwanted = token.fingerprint if isinstance(token, TokenHeld) else ""
            done = yield from perform_step(self.provider, step, unwanted, self.clock, self.held)
            self.tell(done.event)
            return done

        name = f"{_STEP_WORDS[step.kind]} of {self.provider} {step.bucket!r}"
        return Share((step.kind, step.bucket), step.kind == "reauthenticate", work, name)


def _ended_at(session: SessionSnapshot, step: FailoverStep) -> float | None:
    """When the last step of this kind ended for its bucket; None: none has, or it is a reading."""
    place = None if step.kind == "read-token" else session.profile.place_of(step.bucket)
    if place is None:
        return None
    account = session.accounts[place]
    return account.refreshed_at if step.kind == "refresh-token" else account.login_at


def _is_worth_telling(answer: AnswerRead, session: SessionSnapshot) -> bool:
    """Whether it may change what is believed of quota or of a token, and so what a store holds."""
    if answer.limits or answer.readings:
        return True
    if answer.served:
        return has_limits(session.profile) or any(account.refusals for account in session.accounts)
    return answer.verdict is not None and is_refusal(answer.verdict.cause)
