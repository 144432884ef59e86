"""The refresh protocol, whichever process runs it; what it decides is the core's (`decide_refresh`, `decide_outcome`).

take the lease; read, decide and mark in one transaction; connect, look again and mark; present; read again, decide and
write in one transaction; give the lease back.

The lease excludes other refreshes. A process that waits for it adopts what the winner has stored. One that dies gives
it back, and leaves its mark, which says to the next one whether the refresh token may have been presented.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, assert_never

from returns.methods import unwrap_or_failure

from bucket_failover.client_exceptions import is_harmless
from bucket_failover.effects import Do, Wait
from bucket_failover.errors import (
    IssuerBusyError,
    ReentrantCallError,
    RefreshFailedError,
    RefreshInterruptedError,
    RefreshNotSentError,
    RefreshSupersededError,
    RefreshUnheardError,
    TokenStoreError,
)
from bucket_failover.oauth.issuer import Reply
from bucket_failover.oauth.steps import Present, Steps
from bucket_failover.store import Change, Lease, LeaseStore, Purpose, Stored, TokenStore
from bucket_failover.tokens import OAuthToken
from bucket_failover_core import TokenHeld
from bucket_failover_core.formats import moment_text
from bucket_failover_core.oauth import (
    AdoptInstead,
    AdoptStored,
    NothingIssued,
    NotRefreshed,
    PresentRefreshToken,
    RefreshImpossible,
    RefreshMark,
    RefreshOutcome,
    RefreshSnapshot,
    SendNothing,
    SendNow,
    StoredLogin,
    TokensIssued,
    decide_outcome,
    decide_refresh,
    decide_sending,
)

LOCK_SECONDS: Final = 60.0
"""How long a refresh waits for another one. An issuer that does not answer is given up before that."""

_PAUSE_SECONDS: Final = 0.02
"""How often a wait looks at the lease: short beside a call to an issuer."""
_PAUSES_OF_A_WRITE: Final = (0.05, 0.5, 2.0)
"""The waits before what was issued is written once more, to a disk or a database that has refused it."""
_ROUNDS: Final = 3
"""A login in the middle of a refresh wins, and may have to be refreshed itself; three in a row are a mistake."""


_NOTHING_SENT: Final = (
    RefreshNotSentError,
    RefreshSupersededError,
    ReentrantCallError,
    TokenStoreError,
    IssuerBusyError,
)
"""What is raised before anything is sent, or says that the issuer has taken nothing."""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """How a refresh has ended.

    Args:
        token: what is to be used now; None: the issuer has refused, or there is nothing to refresh.
        is_stalled: the issuer has brought no progress.
        unsaved: it was issued and could not be stored; what was presented for it, and why it is not stored.
    """

    token: OAuthToken | None
    is_stalled: bool = False
    unsaved: tuple[StoredLogin, TokenStoreError] | None = None


@dataclass(frozen=True, slots=True)
class Refreshing:
    """A refresh that a caller wants.

    Args:
        store: where the token is.
        provider: whose bucket.
        bucket: which one.
        unwanted: fingerprint of the access token that is to be replaced; empty: any live token will do.
        single_use: the issuer takes each refresh token once.
        stalled: the fingerprint of the token whose refresh has brought no progress, and when; None: there is none.
        clock: gives Unix seconds.
    """

    store: TokenStore
    provider: str
    bucket: str
    unwanted: str
    single_use: bool
    stalled: tuple[str, float] | None
    clock: Callable[[], float]

    def protocol(self) -> Steps[Refreshed]:
        """The whole of it.

        Raises:
            RefreshFailedError: there is no token, and the refresh token was not refused.
            RefreshInterruptedError: only a login brings a token now.
            TokenCorruptError: what is stored is no token.
            TokenStoreError: the store could not answer. Whatever presenting raises.
        """
        lease = yield from _take_lease(self.store, self.provider, self.bucket, "refresh", LOCK_SECONDS)
        if lease is None:
            return (yield from self._adopt_late())
        try:
            return (yield from self._under_lease(lease))
        finally:
            lease.release()

    def _under_lease(self, lease: Lease) -> Steps[Refreshed]:
        for _ in range(_ROUNDS):
            stored: Stored = yield Do(self._read)
            decision = self._decide(stored.login, lease.number)
            match decision.kind:
                case "adopt-stored":
                    return Refreshed(stored.token)
                case "refresh-impossible":
                    return self._impossible(stored, decision)
                case "present-refresh-token":
                    ended = yield from self._present(stored, lease)
                    if ended is not None:
                        return ended
                case never:
                    assert_never(never)
        message = f"{self.bucket}: the login was replaced {_ROUNDS} times while it was refreshed"
        raise RefreshFailedError(message)

    def _decide(self, login: StoredLogin, lease: int) -> PresentRefreshToken | RefreshImpossible | AdoptStored:
        held = login.token if isinstance(login.token, TokenHeld) else None
        known = self.stalled is not None and held is not None and held.fingerprint == self.stalled[0]
        snapshot = RefreshSnapshot(
            unwanted=self.unwanted,
            stored=login,
            single_use=self.single_use,
            stalled_at=self.stalled[1] if known and self.stalled is not None else None,
            lease=lease,
        )
        return unwrap_or_failure(decide_refresh(snapshot, now=self.clock()))

    def _present(self, stored: Stored, lease: Lease) -> Steps[Refreshed | None]:
        """Present the refresh token, and store what came of it; None: look again, what is stored is another login."""
        held = stored.token
        assert held is not None, "nothing else is presented"  # noqa: S101 - the decision's own rule
        mark: RefreshMark | None = yield Do(lambda: self._intend(held, lease))
        if mark is None:
            return None
        presented = stored.login.evolve({"mark": mark})
        error: Exception | None = None
        try:
            reply: Reply = yield Present(self.provider, self.bucket, held, lambda: self._send(mark, lease))
        except RefreshSupersededError:
            return None
        except RefreshUnheardError as unheard:
            reply, error = Reply(NothingIssued(is_known=False)), unheard
        except Exception as failed:  # noqa: BLE001 - it is raised again, when the mark is settled
            reply, error = Reply(NothingIssued(is_known=_was_not_used(failed))), failed
        issued = carried_over(held, reply.token) if reply.token is not None else None
        problem, outcome = yield from self._settle(presented, issued, reply)
        if isinstance(reply.answer, TokensIssued) and (problem is not None or outcome is None):
            unsaved = (presented, problem or TokenStoreError("it was not written"))
            return Refreshed(issued, unsaved=unsaved)
        if isinstance(outcome, AdoptInstead):
            return None
        if error is not None:
            raise error
        if problem is not None:
            raise problem
        assert outcome is not None, "it was settled"  # noqa: S101 - the store has told
        return self._ended(issued, outcome, reply)

    def _intend(self, held: OAuthToken, lease: Lease) -> RefreshMark | None:
        """Decide once more and leave the mark, in one transaction; None: another token than this one is stored now."""

        def decide(login: StoredLogin) -> Change[RefreshMark | None]:
            decision = self._decide(login, lease.number)
            if decision.kind != "present-refresh-token" or login.refresh_fingerprint != held.refresh_fingerprint:
                return Change(None)
            return Change(decision.mark, mark=decision.mark)

        return self.store.change(self.provider, self.bucket, decide)

    def _send(self, mark: RefreshMark, lease: Lease) -> None:
        """The first byte is about to be sent: leave the mark that says so.

        Raises:
            RefreshSupersededError: what is stored is no longer ours to refresh.
            RefreshNotSentError: the lease has ended.
            TokenStoreError: the mark is not stored.
        """

        def decide(login: StoredLogin) -> Change[SendNow | SendNothing]:
            decision = unwrap_or_failure(decide_sending(mark, login, now=self.clock(), lease_ends_at=lease.until))
            return Change(decision, mark=decision.mark if decision.kind == "send-now" else "leave")

        decision = self.store.change(self.provider, self.bucket, decide)
        if decision.kind == "send-nothing":
            message = f"{self.bucket}: nothing was sent: {decision.why}"
            raise (RefreshSupersededError if decision.why == "superseded" else RefreshNotSentError)(message)

    def _settle(
        self, presented: StoredLogin, issued: OAuthToken | None, reply: Reply
    ) -> Steps[tuple[TokenStoreError | None, RefreshOutcome | NotRefreshed | None]]:
        """Write what came of it; what was issued is tried again, for there is no second copy of it anywhere."""

        def decide(stored: StoredLogin) -> Change[RefreshOutcome | NotRefreshed]:
            return change_of(unwrap_or_failure(decide_outcome(presented, stored, reply.answer, now=self.clock())))

        pauses = _PAUSES_OF_A_WRITE if issued is not None else ()
        for pause in (*pauses, None):
            try:
                outcome: RefreshOutcome | NotRefreshed = yield Do(
                    lambda: self.store.change(self.provider, self.bucket, decide, issued)
                )
            except TokenStoreError as problem:
                if pause is None:
                    return problem, None
                yield Wait(pause)
            else:
                return None, outcome
        raise AssertionError  # the last pause is None

    def _ended(
        self, issued: OAuthToken | None, outcome: RefreshOutcome | NotRefreshed, reply: Reply
    ) -> Refreshed | None:
        match outcome.kind:
            case "store-issued":
                return Refreshed(issued, is_stalled=not outcome.is_progress)
            case "adopt-instead":
                return None
            case "not-refreshed":
                if outcome.needs_login:
                    return Refreshed(None)
                message = f"{self.bucket}: {reply.detail or 'the issuer has issued nothing'}"
                if outcome.leaves is not None and outcome.leaves.busy_until is not None:
                    raise self._busy(outcome.leaves.busy_until)
                raise (RefreshUnheardError if outcome.why == "unheard" else RefreshFailedError)(message)
            case never:
                assert_never(never)

    def _impossible(self, stored: Stored, impossible: RefreshImpossible) -> Refreshed:
        match impossible.why:
            case "interrupted":
                message = f"{self.bucket}: an earlier refresh was interrupted and its outcome is lost; log in again"
                raise RefreshInterruptedError(message)
            case "superseded":
                message = f"{self.bucket}: another process has taken over its refresh"
                raise RefreshFailedError(message)
            case "busy":
                assert impossible.until is not None, "the mark says until when"  # noqa: S101 - the decision's own rule
                raise self._busy(impossible.until)
            case "stalled":
                message = f"{self.bucket}: the issuer's last answer was a token that had ended or had not moved"
                raise RefreshFailedError(message)
            case _:
                if stored.problem is not None:
                    raise stored.problem
                return Refreshed(None)

    def _busy(self, until: float) -> IssuerBusyError:
        return IssuerBusyError(f"{self.bucket}: the issuer is busy until {moment_text(until)}", until)

    def _adopt_late(self) -> Steps[Refreshed]:
        """The lock was not to be had: whatever its holder has stored in the end is adopted."""
        stored: Stored = yield Do(self._read)
        if self._decide(stored.login, 0).kind == "adopt-stored":
            return Refreshed(stored.token)
        message = f"{self.bucket}: another refresh has been under way for over {LOCK_SECONDS:.0f} s"
        raise RefreshFailedError(message)

    def _read(self) -> Stored:
        return self.store.read_stored(self.provider, self.bucket)


def _was_not_used(error: Exception) -> bool:
    """Whether a function that has raised this has certainly not used the refresh token: it says so, or HTTP does."""
    return isinstance(error, _NOTHING_SENT) or is_harmless(error)


def change_of(outcome: RefreshOutcome | NotRefreshed) -> Change[RefreshOutcome | NotRefreshed]:
    """What a decision is to the store."""
    match outcome.kind:
        case "store-issued":
            return Change(outcome, stores_issued=True, mark="clear")
        case "adopt-instead":
            return Change(outcome)
        case "not-refreshed":
            return Change(outcome, mark=outcome.leaves or ("clear" if outcome.clears_mark else "leave"))
        case never:
            assert_never(never)


def carried_over(held: OAuthToken, answer: OAuthToken) -> OAuthToken:
    """The answer, with what it leaves out kept from the token held before: above all the refresh token.

    What an answer says to be nothing, it leaves out.

    Source: RFC 6749, 6: the issuer "MAY issue a new refresh token"; if it does not, the old one stays valid.
    """
    kept: dict[str, object] = {name: getattr(held, name) for name in ("refresh_token", "scope")}
    brought = {name: value for name in kept if (value := getattr(answer, name)) is not None}
    extra = type(held.extra)(
        {**held.extra, **{name: value for name, value in answer.extra.items() if value is not None}}
    )
    return answer.model_copy(update={**kept, **brought, "extra": extra})


def _take_lease(
    store: LeaseStore, provider: str, bucket: str, purpose: Purpose, within_seconds: float
) -> Steps[Lease | None]:
    """The lease, or None if it is not to be had in time. The wait is counted, not measured: no clock can stretch it."""
    waited = 0.0
    while True:
        lease: Lease | None = yield Do(lambda: store.try_lease(provider, bucket, purpose))
        if lease is not None or waited >= within_seconds:
            return lease
        yield Wait(_PAUSE_SECONDS)
        waited += _PAUSE_SECONDS
