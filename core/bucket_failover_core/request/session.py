"""What all requests of a profile share: the facts of its accounts.

Tokens, limits, readings, refusals, logins, probes, the retry budget and the bucket in use stand here, and only here.
What a request tried, spent and was refused stands in the request (`state`). So a fact is told once, and its price does
not depend on how many requests are in flight.
"""

from collections.abc import Mapping
from typing import Final, TypeVar, final

from pydantic import Field, model_validator

from bucket_failover_core.facts.limits import Limit
from bucket_failover_core.facts.snapshots import BucketSnapshot, FailoverSnapshot, Renewer, Trigger
from bucket_failover_core.facts.tokens import TokenHeld
from bucket_failover_core.request.refused_tokens import REFUSED_KEPT_SECONDS, Refusal
from bucket_failover_core.retry.budget import RetryBudget
from bucket_failover_core.value import Value, trusted

_T = TypeVar("_T")


@final
class AccountFacts(Value):
    """What is known of one bucket beside its `BucketSnapshot`: when we learned it. All moments are Unix seconds.

    Args:
        read_at: the newest word on its token; None: there was none.
        changed_at: since when the token has been what it is.
        renewed_by: what brought the token that is held now.
        renewed_at: when that brought it.
        refreshed_at: when the last refresh ended, however it ended.
        refresh_problem: why it brought nothing; empty if it did not fail.
        login_at: when the last login ended, however it ended.
        login_problem: why it brought nothing; empty if it did not fail.
        declined_at: when a user said no to a login; None: not since the bucket last got a token.
        served: the newest calls that were served: the model that was asked (None: unknown), and when they began.
        served_token: the fingerprint of the token that was last served with, and when the answer came.
        refusals: tokens of it that are believed to be refused.
    """

    read_at: float | None = None
    changed_at: float | None = None
    renewed_by: Renewer | None = None
    renewed_at: float | None = None
    refreshed_at: float | None = None
    refresh_problem: str = ""
    login_at: float | None = None
    login_problem: str = ""
    declined_at: float | None = None
    served: tuple[tuple[str | None, float], ...] = ()
    served_token: tuple[str, float] | None = None
    refusals: tuple[Refusal, ...] = ()


NOTHING_KNOWN: Final = AccountFacts()


@final
class SessionSnapshot(Value):
    """The facts of the accounts, shared by all requests in flight.

    Args:
        profile: the buckets, what is believed of their quota, the tokens that they hold, and the one in use.
        accounts: what else is known of each bucket, in the order of the profile.
        budget: what all requests together may spend on retries; None: it is not counted.
        phase: the chance by which this process spreads its probes, in [0, 1); None: each request goes by its own.
        newest_step_at: when the last refresh or login of any bucket ended (Unix seconds).

    Raises:
        pydantic.ValidationError: there are not as many accounts as buckets.
    """

    profile: FailoverSnapshot
    accounts: tuple[AccountFacts, ...] = ()
    budget: RetryBudget | None = RetryBudget()
    phase: float | None = Field(default=None, ge=0, lt=1)
    newest_step_at: float | None = None

    @model_validator(mode="after")
    def _one_account_for_each_bucket(self) -> "SessionSnapshot":
        if len(self.accounts) != len(self.profile.buckets):
            message = f"accounts: {len(self.accounts)} of them for {len(self.profile.buckets)} buckets"
            raise ValueError(message)
        return self

    @property
    def current(self) -> str | None:
        """The bucket in use; None: the profile is empty."""
        buckets = self.profile.buckets
        return self.profile.current if self.profile.current is not None or not buckets else buckets[0].name


_FULL_BUDGET: Final = RetryBudget()
_NO_TRIGGER: Final = Trigger()
_bucket = trusted(BucketSnapshot)


def begin_session(
    profile: FailoverSnapshot, *, budget: RetryBudget | None = _FULL_BUDGET, phase: float | None = None
) -> SessionSnapshot:
    """The session of a profile; what a request had tried, spent or was refused in it is left out.

    Example: `begin_session(FailoverSnapshot(provider="anthropic", buckets=(BucketSnapshot(name="default"),)))`.

    Args:
        profile: the buckets in the user's order, with what is already known of them.
        budget: what all requests together may spend on retries; None: it is not counted.
        phase: see `SessionSnapshot`.

    Raises:
        pydantic.ValidationError: `phase` is not in [0, 1).
    """
    buckets = tuple(_of_the_account(bucket) for bucket in profile.buckets)
    bare = {"buckets": buckets, "trigger": _NO_TRIGGER, "reauths_spent": 0, "model": None}
    accounts = (NOTHING_KNOWN,) * len(buckets)
    return SessionSnapshot(profile=profile.evolve(bare), accounts=accounts, budget=budget, phase=phase)


def _of_the_account(bucket: BucketSnapshot) -> BucketSnapshot:
    """The bucket without what only a request can say of it."""
    return _bucket(
        name=bucket.name,
        token=bucket.token,
        paused=bucket.paused,
        limits=bucket.limits,
        quota_domain=bucket.quota_domain,
        api_key=bucket.api_key,
        readings=bucket.readings,
        calls=bucket.calls,
        probed_at=bucket.probed_at,
    )


def reset_session(session: SessionSnapshot, profile: FailoverSnapshot) -> SessionSnapshot:
    """The session after a reset: a profile that may be another one, its first bucket in use (REQ-1598-SM05).

    What is known of the accounts of buckets that stay is kept, and so is the budget; a user who has said no to a
    login may be asked again. Requests in flight go on: a bucket that the profile no longer has is ruled out for them.

    Args:
        session: the session.
        profile: the buckets from now on.
    """
    fresh = begin_session(profile, budget=session.budget, phase=session.phase)
    known = session.profile
    places = [known.place_of(bucket.name) for bucket in fresh.profile.buckets]
    buckets = tuple(
        bucket if place is None else _kept(bucket, known.buckets[place])
        for bucket, place in zip(fresh.profile.buckets, places, strict=True)
    )
    accounts = tuple(NOTHING_KNOWN if place is None else _undeclined(session.accounts[place]) for place in places)
    return fresh.evolve(
        {
            "profile": fresh.profile.evolve({"buckets": buckets}),
            "accounts": accounts,
            "newest_step_at": session.newest_step_at,
        }
    )


def _undeclined(account: AccountFacts) -> AccountFacts:
    """The account whose user may be asked again."""
    return account if account.declined_at is None else account.evolve({"declined_at": None})


def _kept(bucket: BucketSnapshot, known: BucketSnapshot) -> BucketSnapshot:
    """The bucket as the profile now has it, with what is known of its account."""
    kept = {name: getattr(known, name) for name in ("token", "limits", "readings", "calls", "probed_at")}
    return bucket.evolve({**kept, "api_key": bucket.api_key or known.api_key})


def with_phase(session: SessionSnapshot, draw: float) -> SessionSnapshot:
    """The session that goes by this chance, unless it goes by another one already.

    A process has one for all its requests, so that it does not go back and forth between two buckets.
    """
    return session if session.phase is not None else session.evolve({"phase": draw})


def with_limits(session: SessionSnapshot, limits: dict[str, tuple[Limit, ...]]) -> SessionSnapshot:
    """The session with exactly these limits: what a memory that other processes write to as well holds now.

    Args:
        session: the session.
        limits: by bucket; a bucket that is not named has none. Buckets that the profile lacks are passed over.
    """
    buckets = tuple(
        bucket if (held := limits.get(bucket.name, ())) == bucket.limits else bucket.evolve({"limits": held})
        for bucket in session.profile.buckets
    )
    return session.evolve({"profile": session.profile.evolve({"buckets": buckets})})


def limits_of(session: SessionSnapshot) -> dict[str, tuple[Limit, ...]]:
    """What is believed of each bucket of the profile: what `with_limits` takes."""
    return {bucket.name: bucket.limits for bucket in session.profile.buckets}


def with_account(
    session: SessionSnapshot, place: int, bucket: BucketSnapshot, account: AccountFacts
) -> SessionSnapshot:
    """The session with another picture of the bucket at `place`."""
    profile = session.profile.evolve({"buckets": replaced_at(session.profile.buckets, place, bucket)})
    return session.evolve({"profile": profile, "accounts": replaced_at(session.accounts, place, account)})


def replaced_at(items: tuple[_T, ...], place: int, item: _T) -> tuple[_T, ...]:
    """The items with this one at `place`."""
    changed = [*items]
    changed[place] = item
    return tuple(changed)


def refusals_of(session: SessionSnapshot, *, now: float) -> dict[str, tuple[Refusal, ...]]:
    """The refused tokens of each bucket that are worth telling other processes at `now` (Unix seconds)."""
    return {
        bucket.name: tuple(refusal for refusal in account.refusals if now < refusal.at + REFUSED_KEPT_SECONDS)
        for bucket, account in zip(session.profile.buckets, session.accounts, strict=True)
    }


def with_refusals(session: SessionSnapshot, held: Mapping[str, tuple[Refusal, ...]]) -> SessionSnapshot:
    """The session with the refused tokens that a shared store holds; the same object if it knows them.

    A bucket whose token is known to be another one is not concerned: what was refused there has been replaced.

    Args:
        session: the session.
        held: by bucket; one that is not named has none.
    """
    accounts = tuple(
        _refused(bucket, account, held.get(bucket.name, ()))
        for bucket, account in zip(session.profile.buckets, session.accounts, strict=True)
    )
    if all(new is old for new, old in zip(accounts, session.accounts, strict=True)):
        return session
    return session.evolve({"accounts": accounts})


def _refused(bucket: BucketSnapshot, account: AccountFacts, held: tuple[Refusal, ...]) -> AccountFacts:
    known = bucket.token.fingerprint if isinstance(bucket.token, TokenHeld) else None
    kept = tuple(refusal for refusal in held if known in {None, refusal.fingerprint})
    return account if kept == account.refusals else account.evolve({"refusals": kept})
