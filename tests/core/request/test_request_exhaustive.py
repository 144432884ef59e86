"""Every small request there is, compared with the dumb oracle.

A request is explored as a tree: it branches on an outcome only where the machine asks for it, and each way to an end is
compared with `request_oracle.foresee`: the calls with their moments and tokens, the refreshes, the logins, the waits,
how it ends, and which bucket the session is left with.

Reductions, so that all of it takes less than half a minute on one core:

* One bucket: every answer at each of four calls. Two buckets: every answer at the first call; at the second one for
  each way to be treated (`network` is treated as `500` is, `302` ends as `400` does); at the third one for quota,
  refusal and trouble; at the fourth quota and refusal. A fifth call is served.
* Tokens: one for each way to be judged, at either bucket. What a step brings: a usable token, the same one, nothing.
* Where the rules are turned (fewer attempts, less patience, the second bucket in use, no login, two logins): three bad
  answers, and fewer tokens at the other bucket.

What is left out, three and four buckets above all, the laws play at random against the same oracle.
"""

from dataclasses import dataclass, field, replace
from typing import Final

import pytest

from bucket_failover_core import (
    CallBucket,
    KnownToken,
    ReadToken,
    Reauthenticate,
    RefreshToken,
    RetryPolicy,
    SessionSnapshot,
    TokenAbsent,
    TokenHeld,
    TokenOutage,
    WaitUntil,
)
from tests.support.request_oracle import foresee
from tests.support.request_worlds import (
    ANSWERS,
    Fate,
    Play,
    World,
    after_call,
    after_login,
    after_read,
    after_refresh,
    after_wait,
    begin,
    end_of,
    held_by_store,
    session_of,
    token,
)
from tests.support.worlds import NOW

ALL: Final = tuple(answer for answer in ANSWERS if answer not in {"403", "429 in 60"})
"""`403` is treated as `401` is, and `429 in 60` as the second of two `429 in 20`."""

SECOND: Final = ("200", "429", "429 in 20", "429 in 7200", "401", "500", "529", "400")
THIRD: Final = ("429", "401", "529")
FOURTH: Final = ("429", "401")
TURNED: Final = (SECOND, THIRD, FOURTH)

FATES: Final = (
    "usable",
    "renewed elsewhere",
    "expired",
    "expired for good",
    "absent",
    "logged in elsewhere",
    "outage",
    "key",
)
"""What the store holds for a bucket; see `fate`."""


OTHERS: Final = ("usable", "expired", "absent", "outage", "key")


def fate(kind: str, name: str) -> Fate:
    """A bucket whose steps and calls have no outcome yet."""
    table: dict[str, Fate] = {
        "usable": Fate(stored=token(f"{name}1")),
        "renewed elsewhere": Fate(stored=token(f"{name}1"), later=token(f"{name}4")),
        "expired": Fate(stored=token(f"{name}1", NOW)),
        "expired for good": Fate(stored=token(f"{name}1", NOW, refreshable=False)),
        "absent": Fate(stored=TokenAbsent()),
        "logged in elsewhere": Fate(stored=TokenAbsent(), later=token(f"{name}4")),
        "outage": Fate(stored=TokenOutage()),
        "key": Fate(stored=token(f"{name}1", None), api_key=True),
    }
    return table[kind]


@dataclass
class Tree:
    """All the ways that a request may go.

    Args:
        session: what is known when it begins.
        calls: what the first call may be answered, the second, …; those beyond are served.
        policy: how patient it is.
        leaves: how many ways there were.
    """

    session: SessionSnapshot
    calls: tuple[tuple[str, ...], ...]
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    leaves: int = 0

    def explore(self, world: World) -> int:
        """How many ways there are."""
        self._grow(begin(self.session, policy=self.policy), world)
        return self.leaves

    def _grow(self, play: Play, world: World) -> None:
        answer = play.ask()
        match answer:
            case WaitUntil():
                self._grow(after_wait(play, answer), world)
            case ReadToken(bucket=name):
                held = held_by_store(play, name, world[name])
                self._grow(after_read(play, name, held, api_key=world[name].api_key), world)
            case RefreshToken(bucket=name):
                assert ("refresh", name) not in play.steps, ("refreshed twice", world)
                for brought in (token(f"{name}2"), held_now(play, name), None):
                    script = {**world, name: replace(world[name], refresh=brought)}
                    self._grow(after_refresh(play, name, brought), script)
            case Reauthenticate(bucket=name):
                assert ("login", name) not in play.steps, ("asked to log in twice", world)
                for brought in (token(f"{name}3"), None):
                    script = {**world, name: replace(world[name], login=brought)}
                    self._grow(after_login(play, name, brought), script)
            case CallBucket(bucket=name):
                made = len(play.calls)
                for said in self.calls[made] if made < len(self.calls) else ("200",):
                    script = {**world, name: replace(world[name], answers=(*world[name].answers, said))}
                    self._grow(after_call(play, answer, said), script)
            case _:
                self.leaves += 1
                prophecy = foresee(self.session.profile, world, policy=self.policy)
                assert (play.judged, end_of(answer)) == (prophecy.deeds, prophecy.end), (world, self.policy)
                assert play.session.current == prophecy.current, (world, self.policy)


def held_now(play: Play, name: str) -> KnownToken:
    """The token that a refresh is asked for."""
    held = next(each.token for each in play.session.profile.buckets if each.name == name)
    assert isinstance(held, TokenHeld)
    return held


@pytest.mark.parametrize("attempts", [None, 1, 2, 3])
@pytest.mark.parametrize("kind", FATES)
def test_one_bucket(kind: str, attempts: int | None) -> None:
    """Alone in its profile, a bucket is called, healed, given time and given up as the oracle says."""
    policy = RetryPolicy(max_attempts=attempts)
    assert Tree(session_of("a"), (ALL,) * (attempts or 4), policy).explore({"a": fate(kind, "a")}) > 0


@pytest.mark.parametrize("other", FATES)
@pytest.mark.parametrize("own", FATES)
def test_two_buckets(own: str, other: str) -> None:
    """With two buckets, every request of up to four bad answers goes as the oracle says."""
    world = {"a": fate(own, "a"), "b": fate(other, "b")}
    assert Tree(session_of("a", "b"), (ALL, SECOND, THIRD, FOURTH)).explore(world) > 0


TURNS: Final = {
    "one attempt": RetryPolicy(max_attempts=1),
    "two attempts": RetryPolicy(max_attempts=2),
    "three attempts": RetryPolicy(max_attempts=3),
    "no patience": RetryPolicy(waits_for_profile=False),
    "short patience": RetryPolicy(hint_max_seconds=15.0),
}


@pytest.mark.parametrize("own", FATES)
@pytest.mark.parametrize("turn", TURNS)
def test_two_buckets_with_another_policy(turn: str, own: str) -> None:
    """Fewer attempts, or less patience: three bad answers."""
    for other in OTHERS:
        world = {"a": fate(own, "a"), "b": fate(other, "b")}
        assert Tree(session_of("a", "b"), TURNED, TURNS[turn]).explore(world) > 0


@pytest.mark.parametrize("own", FATES)
@pytest.mark.parametrize("reauths", [0, 2])
def test_two_buckets_the_second_in_use(reauths: int, own: str) -> None:
    """The session is with the second bucket, and its user allows no login, or two: three bad answers."""
    for other in OTHERS:
        world = {"a": fate(own, "a"), "b": fate(other, "b")}
        assert Tree(session_of("a", "b", current="b", reauths=reauths), TURNED).explore(world) > 0
