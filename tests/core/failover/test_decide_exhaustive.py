"""Every small world there is, compared with the dumb oracle.

A world is explored as a tree: the snapshot is the root, and the tree branches on an outcome only where the core asks
for that step, so worlds that differ in what the core does not ask for are one world. One and two buckets: every
combination of what can be known of a bucket and of what a step can bring. Three: one representative of each kind that
the smaller worlds have shown to be told apart.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Final

import pytest

from bucket_failover_core import (
    AllBucketsExhausted,
    BucketSnapshot,
    Cause,
    FailoverSnapshot,
    FailoverStep,
    KnownToken,
    TokenAbsent,
    TokenCorrupt,
    TokenHeld,
    TokenOutage,
    TokenUnread,
    Trigger,
    UseBucket,
    advance,
)
from bucket_failover_core.facts import Problem
from tests.support.oracle import foresee
from tests.support.worlds import NOW, Mishap, Outcome, Question, World, answer_of, event_of, held, limit, named, profile

REFUSED: Final = "refused"
NAMES: Final = ("a", "b", "c")

TRIGGERS: Final = {
    "none": Trigger(),
    "500": Trigger(status=500),
    "429": Trigger(status=429),
    "401 of a named token": Trigger(status=401, fingerprint=REFUSED),
    "401": Trigger(status=401),
    "403": Trigger(status=403),
}
FEW_TRIGGERS: Final = ("500", "429", "401 of a named token", "401")

LIMIT: Final = limit(until=NOW + 60)
PAST: Final = limit(until=NOW)
"""A limit that ends at this very moment: it is over."""

Facts = dict[str, object]
Vocabulary = dict[str, tuple[KnownToken, ...]]


def tokens_of(name: str) -> tuple[KnownToken, ...]:
    """All that a store may hold for a bucket: each kind, on the very edge of the next."""
    return (
        held(NOW + 1, f"{name}-1"),
        held(NOW + 1, REFUSED),
        held(NOW + 1, ""),
        held(NOW, f"{name}-1"),
        held(None, f"{name}-1", refreshable=False),
        TokenAbsent(),
        TokenCorrupt(detail="half a token"),
        TokenOutage(detail="disk on fire"),
    )


def few_tokens_of(name: str) -> tuple[KnownToken, ...]:
    """One for each way a token is judged, in the triggering bucket or another."""
    return (
        held(NOW + 1, f"{name}-1"),
        held(NOW + 1, REFUSED),
        held(NOW, f"{name}-1"),
        held(NOW, f"{name}-1", refreshable=False),
        TokenAbsent(),
        TokenOutage(),
    )


def problem(cause: Cause | None) -> tuple[Problem, ...]:
    """What an earlier failed call of the same request has left."""
    return (Problem(cause=cause, detail="earlier"),)


EVERY_CIRCUMSTANCE: Final[tuple[Facts, ...]] = tuple(
    {"paused": paused, "limits": limits, "api_key": api_key}
    for paused, limits, api_key in product((False, True), ((PAST,), (LIMIT,)), (False, True))
)
TRIED: Final[tuple[Facts, ...]] = tuple(
    {"tried": True, "problems": problem(cause), "limits": limits}
    for cause, limits in product((Cause.QUOTA, Cause.UNAUTHENTICATED, Cause.SERVER_ERROR), ((), (LIMIT,)))
)
PLAIN: Final[Facts] = {}
PAUSED: Final[Facts] = {"paused": True}
LIMITED: Final[Facts] = {"limits": (LIMIT,)}
KEY: Final[Facts] = {"api_key": True}


def all_of(name: str, circumstances: tuple[Facts, ...]) -> list[BucketSnapshot]:
    """A bucket in each circumstance, with each token already known, and unread."""
    return [
        BucketSnapshot.model_validate({"name": name, "token": token, **facts})
        for facts, token in product(circumstances, (TokenUnread(), *tokens_of(name)))
    ]


def few_of(name: str, *, current: bool) -> list[BucketSnapshot]:
    """A bucket in the circumstances that lead somewhere else, with one token for each."""
    usable, _, expired, _, absent, _ = few_tokens_of(name)
    kinds: list[tuple[Facts, tuple[object, ...]]] = [
        (PLAIN, (TokenUnread(), usable, expired)),
        (PAUSED, (absent,) if not current else (TokenUnread(),)),
        (LIMITED, (absent, usable) if not current else (expired,)),
        (KEY, (TokenUnread(),)),
    ]
    if not current:
        kinds.append(({"tried": True, "problems": problem(Cause.FORBIDDEN)}, (expired, usable)))
    return [
        BucketSnapshot.model_validate({"name": name, "token": token, **facts})
        for facts, tokens in kinds
        for token in tokens
    ]


@dataclass
class Tree:
    """All the ways one snapshot may go on, and the laws that hold on each of them."""

    root: FailoverSnapshot
    few: frozenset[str] = frozenset()
    leaves: int = field(default=0)

    def explore(self) -> int:
        """How many ways there are."""
        self._grow(self.root, {})
        return self.leaves

    def _grow(self, snapshot: FailoverSnapshot, asked: dict[Question, Outcome]) -> None:
        answer = answer_of(snapshot)
        if isinstance(answer, UseBucket | AllBucketsExhausted):
            self.leaves += 1
            self._judge(answer, snapshot, asked)
            return
        question = (answer.kind, answer.bucket)
        assert question not in asked, f"asked for twice: {question} of {self.root!r}"
        for outcome in self._outcomes(answer, snapshot):
            self._grow(advance(snapshot, event_of(answer, outcome)), {**asked, question: outcome})

    def _outcomes(self, step: FailoverStep, snapshot: FailoverSnapshot) -> Iterator[Outcome]:
        name = step.bucket
        if step.kind == "read-token":
            yield from few_tokens_of(name) if name in self.few else tokens_of(name)
            return
        before = named(snapshot, name).token
        if step.kind == "refresh-token":
            assert isinstance(before, TokenHeld)
            yield held(NOW + 1, f"{name}-2")
            yield before
            yield Mishap.FAILED
            if name not in self.few:
                yield held(NOW + 1, "")
                yield before.model_copy(update={"expiry": NOW + 3})
                yield held(NOW, f"{name}-2")
                yield TokenAbsent()
            return
        yield held(NOW + 1, f"{name}-3")
        yield Mishap.TIMED_OUT
        if name not in self.few:
            yield held(NOW + 1, "")
            yield held(NOW + 1, REFUSED)
            yield held(NOW, f"{name}-3")
            yield TokenAbsent()
            yield Mishap.FAILED

    def _judge(
        self, answer: UseBucket | AllBucketsExhausted, end: FailoverSnapshot, asked: dict[Question, Outcome]
    ) -> None:
        root = self.root
        story = (root, asked, answer)
        assert len(asked) <= 3 * len(root.buckets), story
        logins = sum(kind == "reauthenticate" for kind, _ in asked)
        assert logins == end.reauths_spent <= root.policy.reauths_per_request, story

        prophecy = foresee(root, World(asked), now=NOW)
        assert prophecy.questions == tuple(asked), story
        if isinstance(answer, UseBucket):
            assert (answer.bucket, answer.switched, answer.via) == prophecy.use, story
            self._judge_token(named(end, answer.bucket), asked)
            return
        assert prophecy.use is None, story
        assert list(answer.reasons.items()) == list((prophecy.reasons or {}).items()), story
        assert tuple(answer.reasons) == tuple(each.name for each in root.buckets), story
        assert answer.needs_login == prophecy.needs_login, story
        assert answer.retry_at == prophecy.retry_at, story
        for each in root.buckets[1:] if root.current is None else root.buckets:
            if each.name != root.current:
                self._judge_unused(each, asked)

    def _judge_token(self, used: BucketSnapshot, asked: dict[Question, Outcome]) -> None:
        """The token of a bucket that is used is live, and is not the one that was refused."""
        token = used.token
        assert isinstance(token, TokenHeld)
        assert used.api_key or (token.expiry is not None and token.expiry > NOW)
        trigger = self.root.trigger
        if trigger.status not in {401, 403}:
            return
        current = named(self.root, self.root.current or "a")
        first = asked.get(("read-token", current.name), current.token)
        refused = trigger.fingerprint or (first.fingerprint if isinstance(first, TokenHeld) else "")
        assert token.fingerprint != refused or refused == "", (self.root, asked)

    def _judge_unused(self, other: BucketSnapshot, asked: dict[Question, Outcome]) -> None:
        """A bucket that was not tried, paused or limited, and is not used, has been offered every step it needs."""
        if other.tried or other.paused or LIMIT in other.limits:
            return
        token = asked.get(("read-token", other.name), other.token)
        assert not isinstance(token, TokenUnread), (self.root, asked)
        if not isinstance(token, TokenHeld):
            return
        live = other.api_key or (token.expiry is not None and token.expiry > NOW)
        refused = any(token.fingerprint == fingerprint != "" for fingerprint in (REFUSED, *self._first_held(asked)))
        assert not live or refused, (self.root, asked)
        refreshed = ("refresh-token", other.name) in asked
        assert refreshed or other.api_key or not token.refreshable, (self.root, asked)

    def _first_held(self, asked: dict[Question, Outcome]) -> tuple[str, ...]:
        current = named(self.root, self.root.current or "a")
        first = asked.get(("read-token", current.name), current.token)
        return (first.fingerprint,) if isinstance(first, TokenHeld) else ()


@pytest.mark.requirement("REQ-1598-FL01")
@pytest.mark.requirement("REQ-1598-TS03")
@pytest.mark.parametrize("trigger", TRIGGERS)
@pytest.mark.parametrize("reauths", [0, 1, 2])
def test_one_bucket(trigger: str, reauths: int) -> None:
    """Alone in its profile, a bucket ends as the oracle says, whatever befalls it and however many logins are free."""
    leaves = 0
    for own in all_of("a", (*EVERY_CIRCUMSTANCE, *TRIED)):
        leaves += Tree(profile(own, trigger=TRIGGERS[trigger], reauths=reauths)).explore()
    assert leaves > 100


@pytest.mark.requirement("REQ-1598-FL01")
@pytest.mark.requirement("REQ-1598-FL13")
@pytest.mark.requirement("REQ-1598-FL06")
@pytest.mark.requirement("REQ-1598-PE03")
@pytest.mark.parametrize("trigger", TRIGGERS)
@pytest.mark.parametrize("current", [0, 1])
def test_two_buckets(trigger: str, current: int) -> None:
    """With two buckets, either of them the current one, every world ends as the oracle says."""
    own_name, other_name = NAMES[current], NAMES[1 - current]
    leaves = 0
    for own in all_of(own_name, (PLAIN, PAUSED, KEY, LIMITED)):
        for other in all_of(other_name, (*EVERY_CIRCUMSTANCE, *TRIED)):
            pair = (own, other) if current == 0 else (other, own)
            root = profile(*pair, current=own_name, trigger=TRIGGERS[trigger], reauths=2)
            leaves += Tree(root, few=frozenset({own_name})).explore()
    assert leaves > 1_000


@pytest.mark.requirement("REQ-1598-FL01")
@pytest.mark.requirement("REQ-1598-FL13")
@pytest.mark.requirement("REQ-1598-EC03")
@pytest.mark.parametrize("trigger", FEW_TRIGGERS)
@pytest.mark.parametrize("current", [0, 1, 2])
def test_three_buckets(trigger: str, current: int) -> None:
    """With three buckets, any of them the current one, every kind of world ends as the oracle says."""
    choices = [few_of(name, current=place == current) for place, name in enumerate(NAMES)]
    leaves = 0
    for buckets in product(*choices):
        tree = Tree(profile(*buckets, current=NAMES[current], trigger=TRIGGERS[trigger]), few=frozenset(NAMES))
        leaves += tree.explore()
    assert leaves > 1_000
