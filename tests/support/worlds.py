"""A tiny simulated world: what the store, a refresh and a login would bring for each bucket, and the loop that asks.

The pure twin of the shell. `World` answers each step with a prepared outcome; `run` asks `decide_failover`, performs
the step against the world, tells `advance`, and keeps the transcript.

Example:
    >>> world = World.of(claudius=Fate(stored=held(NOW + 1)))
    >>> run(profile("default", "claudius", trigger=Trigger(status=429)), world).answer.bucket
    'claudius'
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal

from hypothesis import strategies as st
from returns.pipeline import is_successful

from bucket_failover.testing import strategies
from bucket_failover_core import (
    AllBucketsExhausted,
    BucketSnapshot,
    BucketSwitched,
    CallFailed,
    FailoverDecision,
    FailoverEvent,
    FailoverPolicy,
    FailoverSnapshot,
    FailoverStep,
    KnownToken,
    Limit,
    Reauthenticated,
    ReauthFailed,
    RefreshFailed,
    TokenHeld,
    TokenRead,
    TokenRefreshed,
    TokenUnread,
    Trigger,
    UseBucket,
    advance,
    decide_failover,
)

NOW: Final = 1_000.0
"""The moment at which everything happens, unless a test says otherwise."""

StepKind = Literal["read-token", "refresh-token", "reauthenticate"]
"""What the shell can be asked for."""

Question = tuple[StepKind, str]
"""A step and its bucket: what the core has asked the world."""


class Mishap(StrEnum):
    """A refresh or a login that brought nothing."""

    FAILED = "it broke"
    REFUSED = "refused for good"
    TIMED_OUT = "nobody answered"


Outcome = KnownToken | Mishap
"""What came of a step."""


class NotPreparedError(AssertionError):
    """Something was asked of the world that the test did not expect to be asked."""


@dataclass(frozen=True)
class Fate:
    """What lies ahead of one bucket."""

    stored: Outcome | None = None
    refresh: Outcome | None = None
    login: Outcome | None = None


@dataclass(frozen=True)
class World:
    """What each step would bring, as a table of prepared answers."""

    outcomes: Mapping[Question, Outcome] = field(default_factory=dict)

    @classmethod
    def of(cls, **fates: Fate) -> "World":
        """A world from what lies ahead of each bucket."""
        prepared: dict[Question, Outcome | None] = {}
        for name, fate in fates.items():
            prepared["read-token", name] = fate.stored
            prepared["refresh-token", name] = fate.refresh
            prepared["reauthenticate", name] = fate.login
        return cls({question: outcome for question, outcome in prepared.items() if outcome is not None})

    def outcome(self, kind: StepKind, bucket: str) -> Outcome:
        """What the step brings."""
        try:
            return self.outcomes[kind, bucket]
        except KeyError:
            message = f"nobody prepared an answer to {kind} of {bucket}"
            raise NotPreparedError(message) from None


def event_of(step: FailoverStep, outcome: Outcome) -> FailoverEvent:
    """What the shell reports after `step` has come out so."""
    if step.kind == "read-token":
        assert not isinstance(outcome, Mishap), "a store that cannot answer is an outage"
        return TokenRead(bucket=step.bucket, token=outcome)
    if step.kind == "refresh-token":
        if isinstance(outcome, Mishap):
            return RefreshFailed(bucket=step.bucket, detail=outcome, permanent=outcome is Mishap.REFUSED)
        return TokenRefreshed(bucket=step.bucket, token=outcome)
    if isinstance(outcome, Mishap):
        return ReauthFailed(bucket=step.bucket, detail=outcome, timed_out=outcome is Mishap.TIMED_OUT)
    return Reauthenticated(bucket=step.bucket, token=outcome)


def answer_of(snapshot: FailoverSnapshot, *, now: float = NOW) -> FailoverDecision | AllBucketsExhausted:
    """What the core says, without its wrapping."""
    result = decide_failover(snapshot, now=now)
    return result.unwrap() if is_successful(result) else result.failure()


@dataclass(frozen=True)
class Run:
    """The transcript of one failover: each decision, each event, the answer, and the ledger at the end."""

    decisions: tuple[FailoverStep, ...]
    events: tuple[FailoverEvent, ...]
    answer: UseBucket | AllBucketsExhausted
    snapshot: FailoverSnapshot

    @property
    def questions(self) -> tuple[Question, ...]:
        """The steps that were asked for, in order."""
        return tuple((decision.kind, decision.bucket) for decision in self.decisions)


def run(snapshot: FailoverSnapshot, world: World, *, now: float = NOW) -> Run:
    """Ask, do, tell, ask again, until there is an answer; a switch is reported, so the ledger is ready for the next."""
    decisions: list[FailoverStep] = []
    events: list[FailoverEvent] = []
    for _ in range(3 * len(snapshot.buckets) + 1):
        answer = answer_of(snapshot, now=now)
        if isinstance(answer, AllBucketsExhausted):
            return Run(tuple(decisions), tuple(events), answer, snapshot)
        if isinstance(answer, UseBucket):
            if answer.switched:
                events.append(BucketSwitched(bucket=answer.bucket))
                snapshot = advance(snapshot, events[-1])
            return Run(tuple(decisions), tuple(events), answer, snapshot)
        decisions.append(answer)
        events.append(event_of(answer, world.outcome(answer.kind, answer.bucket)))
        snapshot = advance(snapshot, events[-1])
    message = f"no decision within three steps per bucket: {decisions}"
    raise AssertionError(message)


def held(
    expiry: float | None = NOW + 1, fingerprint: str = "", *, refreshable: bool = True, issued_at: float | None = None
) -> TokenHeld:
    """A token in few letters; by default it has one second left, which is enough."""
    return TokenHeld(expiry=expiry, fingerprint=fingerprint, refreshable=refreshable, issued_at=issued_at)


def bucket(name: str, token: KnownToken | None = None, **facts: object) -> BucketSnapshot:
    """A bucket in few letters; without a token it has not been read."""
    return BucketSnapshot.model_validate({"name": name, "token": token or TokenUnread(), **facts})


def profile(
    *buckets: str | BucketSnapshot,
    current: str | None = None,
    trigger: Trigger | None = None,
    reauths: int = 1,
    reauths_spent: int = 0,
    model: str | None = None,
) -> FailoverSnapshot:
    """A profile in few letters: names stand for buckets that the core has not looked at."""
    return FailoverSnapshot(
        provider="anthropic",
        buckets=tuple(BucketSnapshot(name=each) if isinstance(each, str) else each for each in buckets),
        current=current,
        trigger=trigger or Trigger(),
        policy=FailoverPolicy(reauths_per_request=reauths),
        reauths_spent=reauths_spent,
        model=model,
    )


def limit(until: float = NOW + 60, **facts: object) -> Limit:
    """A limit in few letters: a spent five-hour window that the provider has told of outright."""
    told = {"window": "5h", "source": "header", "strength": "directive"}
    return Limit.model_validate({**told, "until": until, **facts})


# Random worlds, for the laws, made of the strategies that users have as well.

FINGERPRINTS: Final = strategies.FINGERPRINTS
NAMES: Final = strategies.NAMES
MOMENTS: Final = (NOW - 1, NOW, NOW + 1, NOW + 60, NOW + 9_000)


def tokens(fingerprints: Sequence[str] = FINGERPRINTS) -> st.SearchStrategy[KnownToken]:
    """Whatever a store may answer."""
    return strategies.tokens(now=NOW, fingerprints=fingerprints)


def limits() -> st.SearchStrategy[tuple[Limit, ...]]:
    """What may be believed about a bucket's quota: mostly nothing."""
    return strategies.limits(now=NOW)


def triggers(fingerprints: Sequence[str] = FINGERPRINTS) -> st.SearchStrategy[Trigger]:
    """Whatever a failed call may have said."""
    return strategies.triggers(now=NOW, fingerprints=fingerprints)


def used_buckets(fingerprints: Sequence[str] = FINGERPRINTS) -> st.SearchStrategy[BucketSnapshot]:
    """Buckets in the middle of a request, whatever may have befallen them."""
    return strategies.buckets(now=NOW, fingerprints=fingerprints, used=True)


def _profiles(
    fingerprints: Sequence[str], sizes: tuple[int, int], *, used: bool
) -> st.SearchStrategy[FailoverSnapshot]:
    policies = st.builds(FailoverPolicy, reauths_per_request=st.integers(0, 3))
    return strategies.snapshots(
        now=NOW, fingerprints=fingerprints, min_size=sizes[0], max_size=sizes[1], used=used, policies=policies
    )


def fresh_profiles(
    fingerprints: Sequence[str] = FINGERPRINTS, *, min_size: int = 0, max_size: int = len(NAMES)
) -> st.SearchStrategy[FailoverSnapshot]:
    """Profiles as they are when the first call of a request has failed."""
    return _profiles(fingerprints, (min_size, max_size), used=False)


def used_profiles(
    fingerprints: Sequence[str] = FINGERPRINTS, *, min_size: int = 0, max_size: int = len(NAMES)
) -> st.SearchStrategy[FailoverSnapshot]:
    """Profiles in the middle of a request."""
    return _profiles(fingerprints, (min_size, max_size), used=True)


def worlds(fingerprints: tuple[str, ...] = (*FINGERPRINTS, "fp-4", "fp-5")) -> st.SearchStrategy[World]:
    """Worlds with an answer to every question about any of `NAMES`."""
    token = tokens(fingerprints)
    outcome = st.one_of(token, token, st.sampled_from(Mishap))
    fates = st.builds(Fate, stored=token, refresh=outcome, login=outcome)
    return st.fixed_dictionaries(dict.fromkeys(NAMES, fates)).map(lambda table: World.of(**table))


def call_failures() -> st.SearchStrategy[CallFailed]:
    """Failed calls with whichever bucket is current."""
    return st.builds(CallFailed, trigger=triggers(), bucket=st.none())


def rebuilt(snapshot: FailoverSnapshot, **changes: object) -> FailoverSnapshot:
    """Another snapshot with some fields changed, validated anew; other buckets may stand in other places."""
    facts = {name: getattr(snapshot, name) for name in FailoverSnapshot.model_fields}
    return FailoverSnapshot.model_validate({**facts, **changes})


def named(snapshot: FailoverSnapshot, name: str) -> BucketSnapshot:
    """The bucket of this name."""
    return next(each for each in snapshot.buckets if each.name == name)
