"""Random requests, for the laws: profiles of one to four buckets, in any world, under any policy.

Few values each, so that they meet. Most calls fail, because a request that is served at once proves little.
"""

from dataclasses import dataclass
from typing import Final

from hypothesis import strategies as st

from bucket_failover_core import (
    BucketSnapshot,
    KnownToken,
    Limit,
    RetryPolicy,
    SessionSnapshot,
    TokenAbsent,
    TokenOutage,
)
from tests.support.request_worlds import Fate, Play, World, begin, run, session_of, token
from tests.support.worlds import NOW

NAMES: Final = ("a", "b", "c", "d")
BAD: Final = ("429", "429 in 20", "429 in 60", "429 in 7200", "401", "401", "403", "500", "529", "network")
FINAL: Final = ("400", "302")


@dataclass(frozen=True)
class Case:
    """A request that has not begun, and the world that it meets."""

    session: SessionSnapshot
    world: World
    policy: RetryPolicy
    draw: float

    def begin(self) -> Play:
        """The request begins a moment before it is first asked about, so that all that it reads is fresh."""
        return begin(self.session, begun_at=NOW - 1, draw=self.draw, policy=self.policy)

    def play(self) -> Play:
        """The whole request."""
        return run(self.begin(), self.world)


def fates(name: str, *, shared: bool, later: bool, near: bool, said: tuple[str, ...]) -> st.SearchStrategy[Fate]:
    """What may lie ahead of a bucket; each token has a name of its own, unless one is shared."""
    own = token("shared") if shared else token(f"{name}1")
    there: list[KnownToken] = [token(f"{name}1"), token(f"{name}1"), own, token("")]
    there += [token(f"{name}1", refreshable=False), token(f"{name}1", NOW - 1)]
    there += [token(f"{name}1", NOW, refreshable=False)]
    there += [token(f"{name}1", NOW + seconds) for seconds in (6, 11, 30)] if near else []
    brought = (None, token(f"{name}2"), token(f"{name}2"), token(f"{name}1", NOW))
    return st.builds(
        Fate,
        stored=st.sampled_from((*there, TokenAbsent(), TokenOutage())),
        later=st.sampled_from((None, None, token(f"{name}4")) if later else (None,)),
        refresh=st.sampled_from(brought),
        login=st.sampled_from((None, token(f"{name}3"), TokenAbsent())),
        answers=st.tuples(*(st.sampled_from(said) for _ in range(4))),
        api_key=st.sampled_from((False, False, False, True)),
    )


POLICIES: Final = st.builds(
    RetryPolicy,
    max_attempts=st.sampled_from((None, None, 1, 2, 4)),
    backoff_min_seconds=st.sampled_from((5.0, 0.0)),
    hint_max_seconds=st.sampled_from((300.0, 30.0)),
    waits_for_profile=st.sampled_from((True, True, False)),
)


def limits(*, advisory: bool) -> st.SearchStrategy[tuple[Limit, ...]]:
    """What is believed of a bucket's quota when the request begins: mostly nothing.

    A limit that is over at this very moment is a belief as well: requests come back to its bucket bit by bit.
    """
    one = st.builds(
        Limit,
        until=st.sampled_from((NOW if advisory else NOW - 100, NOW + 10, NOW + 100, NOW + 9_000)),
        window=st.just("5h"),
        source=st.just("header"),
        strength=st.sampled_from(("directive", "advisory") if advisory else ("directive",)),
        observed_at=st.just(NOW - 2),
    )
    return st.one_of(st.just(()), st.just(()), one.map(lambda limit: (limit,)))


@st.composite
def cases(
    draw: st.DrawFn,
    *,
    sizes: tuple[int, int] = (1, 4),
    limited: bool = True,
    advisory: bool = True,
    shared: bool = True,
    later: bool = True,
    near: bool = True,
    said: tuple[str, ...] = (*BAD, *BAD, *FINAL, "200"),
    policies: st.SearchStrategy[RetryPolicy] = POLICIES,
) -> Case:
    """Profiles of one to four buckets in any world, any of them in use."""
    names = NAMES[: draw(st.integers(*sizes))]
    believed = limits(advisory=advisory) if limited else st.just(())
    session = session_of(
        *(BucketSnapshot(name=name, limits=draw(believed)) for name in names),
        current=draw(st.sampled_from((None, *names))),
        reauths=draw(st.sampled_from((1, 0, 2))),
    )
    world = {name: draw(fates(name, shared=shared, later=later, near=near, said=said)) for name in names}
    return Case(session, world, draw(policies), draw(st.sampled_from((0.5, 0.0, 0.9))))
