"""The refresh protocol, whichever process runs it; what it decides is the core's (`decide_refresh`, `decide_outcome`).

lock, read, decide, mark, present, read again and decide and write in one transaction, release.

The lock excludes other refreshes. Whoever waits for it adopts what the winner has stored. A process that dies gives the
lock back, and leaves its mark, which says to the next one whether the refresh token may have been presented.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, assert_never

from returns.methods import unwrap_or_failure

from bucket_failover.describe import is_unheard
from bucket_failover.effects import Do, Wait
from bucket_failover.errors import (
    RefreshFailedError,
    RefreshInterruptedError,
    RefreshUnheardError,
    TokenStoreError,
)
from bucket_failover.oauth.conducting import Present, Protocol
from bucket_failover.oauth.reply import Reply
from bucket_failover.store import Purpose, Release, Settlement, Stored, TokenStore
from bucket_failover.tokens import OAuthToken
from bucket_failover_core import (
    AdoptInstead,
    AdoptStored,
    NothingIssued,
    NotRefreshed,
    PresentRefreshToken,
    RefreshImpossible,
    RefreshMark,
    RefreshOutcome,
    RefreshSnapshot,
    StoredLogin,
    TokensIssued,
    decide_outcome,
    decide_refresh,
)

LOCK_SECONDS: Final = 60.0
"""How long a refresh waits for another one. An issuer that does not answer is given up before that."""

_PAUSE_SECONDS: Final = 0.02
_PAUSES_OF_A_WRITE: Final = (0.05, 0.5, 2.0)
"""The waits before what was issued is written once more, to a disk or a database that has refused it."""
_ROUNDS: Final = 3
"""A login in the middle of a refresh wins, and may have to be refreshed itself; three in a row are a mistake."""


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
    """A refresh that somebody wants.

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

    def protocol(self) -> Protocol[Refreshed]:
        """The whole of it.

        Raises:
            RefreshFailedError: there is no token, and the refresh token was not refused.
            RefreshInterruptedError: only a login brings a token now.
            TokenCorruptError: what is stored is no token.
            TokenStoreError: the store could not answer. Whatever presenting raises.
        """
        release = yield from _take_lock(self.store, self.provider, self.bucket, "refresh", LOCK_SECONDS)
        if release is None:
            return (yield from self._adopt_late())
        try:
            return (yield from self._under_lock())
        finally:
            release()

    def _under_lock(self) -> Protocol[Refreshed]:
        for _ in range(_ROUNDS):
            stored: Stored = yield Do(self._read)
            decision = self._decide(stored)
            match decision.kind:
                case "adopt-stored":
                    return Refreshed(stored.token)
                case "refresh-impossible":
                    return self._impossible(stored, decision)
                case "present-refresh-token":
                    ended = yield from self._present(stored, decision)
                    if ended is not None:
                        return ended
                case never:
                    assert_never(never)
        message = f"{self.bucket}: the login was replaced {_ROUNDS} times while it was refreshed"
        raise RefreshFailedError(message)

    def _decide(self, stored: Stored) -> PresentRefreshToken | RefreshImpossible | AdoptStored:
        login = stored.login
        known = self.stalled is not None and stored.token is not None and stored.token.fingerprint == self.stalled[0]
        snapshot = RefreshSnapshot(
            unwanted=self.unwanted,
            stored=login,
            single_use=self.single_use,
            stalled_at=self.stalled[1] if known and self.stalled is not None else None,
        )
        return unwrap_or_failure(decide_refresh(snapshot, now=self.clock()))

    def _present(self, stored: Stored, decision: PresentRefreshToken) -> Protocol[Refreshed | None]:
        """Present the refresh token, and store what came of it; None: somebody has logged in meanwhile."""
        held = stored.token
        assert held is not None, "nothing else is presented"  # noqa: S101 - the decision's own rule
        yield Do(lambda: self._mark(decision.mark))
        error: Exception | None = None
        try:
            reply: Reply = yield Present(
                self.provider, self.bucket, held, lambda: self._mark(decision.mark.evolve({"is_sent": True}))
            )
        except RefreshUnheardError as unheard:
            reply, error = Reply(NothingIssued(is_known=False)), unheard
        except Exception as failed:  # noqa: BLE001 - it is raised again, when the mark is settled
            reply, error = Reply(NothingIssued(is_known=not is_unheard(failed))), failed
        issued = carried_over(held, reply.token) if reply.token is not None else None
        problem, outcome = yield from self._settle(stored.login, issued, reply)
        if isinstance(reply.answer, TokensIssued) and (problem is not None or outcome is None):
            unsaved = (stored.login, problem or TokenStoreError("it was not written"))
            return Refreshed(issued, unsaved=unsaved)
        if isinstance(outcome, AdoptInstead):
            return None
        if error is not None:
            raise error
        if problem is not None:
            raise problem
        assert outcome is not None, "it was settled"  # noqa: S101 - settle() has called back
        return self._ended(issued, outcome, reply)

    def _settle(
        self, presented: StoredLogin, issued: OAuthToken | None, reply: Reply
    ) -> Protocol[tuple[TokenStoreError | None, RefreshOutcome | NotRefreshed | None]]:
        """Write what came of it; what was issued is tried again, for there is no second copy of it anywhere."""
        outcome: RefreshOutcome | NotRefreshed | None = None

        def decide(stored: StoredLogin) -> Settlement:
            nonlocal outcome
            outcome = unwrap_or_failure(decide_outcome(presented, stored, reply.answer, now=self.clock()))
            return settlement_of(outcome)

        pauses = _PAUSES_OF_A_WRITE if issued is not None else ()
        for pause in (*pauses, None):
            try:
                yield Do(lambda: self.store.settle(self.provider, self.bucket, issued, decide))
            except TokenStoreError as problem:
                if pause is None:
                    return problem, outcome
                yield Wait(pause)
            else:
                break
        return None, outcome

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
                raise (RefreshUnheardError if outcome.why == "unheard" else RefreshFailedError)(message)
            case never:
                assert_never(never)

    def _impossible(self, stored: Stored, impossible: RefreshImpossible) -> Refreshed:
        match impossible.why:
            case "interrupted":
                message = f"{self.bucket}: an earlier refresh was interrupted and its outcome is lost; log in again"
                raise RefreshInterruptedError(message)
            case "stalled":
                message = f"{self.bucket}: the issuer's last answer was a token that had ended or had not moved"
                raise RefreshFailedError(message)
            case _:
                if stored.problem is not None:
                    raise stored.problem
                return Refreshed(None)

    def _adopt_late(self) -> Protocol[Refreshed]:
        """The lock was not to be had: whatever its holder has stored in the end is adopted."""
        stored: Stored = yield Do(self._read)
        if self._decide(stored).kind == "adopt-stored":
            return Refreshed(stored.token)
        message = f"{self.bucket}: another refresh has been under way for over {LOCK_SECONDS:.0f} s"
        raise RefreshFailedError(message)

    def _read(self) -> Stored:
        return self.store.read_stored(self.provider, self.bucket)

    def _mark(self, mark: RefreshMark) -> None:
        self.store.write_mark(self.provider, self.bucket, mark)


def settlement_of(outcome: RefreshOutcome | NotRefreshed) -> Settlement:
    """What a decision is to the store."""
    match outcome.kind:
        case "store-issued":
            return "store"
        case "adopt-instead":
            return "leave"
        case "not-refreshed":
            return "clear-mark" if outcome.clears_mark else "leave"
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


def _take_lock(
    store: TokenStore, provider: str, bucket: str, purpose: Purpose, within_seconds: float
) -> Protocol[Release | None]:
    """The lock, or None if it is not to be had in time. The wait is counted, not measured: no clock can stretch it."""
    waited = 0.0
    while True:
        release: Release | None = yield Do(lambda: store.try_lock(provider, bucket, purpose))
        if release is not None or waited >= within_seconds:
            return release
        yield Wait(_PAUSE_SECONDS)
        waited += _PAUSE_SECONDS
