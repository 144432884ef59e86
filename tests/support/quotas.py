"""Buckets with a history of quota, for the laws of choice and probing: limits of every sort, readings, counted calls.

Few values each, so that they meet; the moments stand around `NOW`, on both sides of the policy's seconds.
"""

from hypothesis import strategies as st

from bucket_failover_core import (
    BucketSnapshot,
    FailoverPolicy,
    FailoverSnapshot,
    Limit,
    TokenAbsent,
    TokenHeld,
    TokenUnread,
)
from bucket_failover_core.facts import WindowReading
from tests.support.worlds import NAMES, NOW

SPREAD: float = 30.0
"""`FailoverPolicy.spread_seconds`, by default."""

INTERVAL: float = 600.0
"""`FailoverPolicy.probe_interval_seconds`, by default."""

DRAWS = st.sampled_from((0.0, 0.25, 0.5, 0.999))
KEYS = st.sampled_from((None, "", "a conversation", "another one", "\udc80"))


def some_limits() -> st.SearchStrategy[tuple[Limit, ...]]:
    """In force, just ended, long ended; from seconds to hours old."""
    one = st.builds(
        Limit,
        until=st.sampled_from((NOW - 900, NOW - 20, NOW - 5, NOW, NOW + 1, NOW + 60, NOW + 9_000)),
        window=st.sampled_from(("minute", "unknown", "5h", "week")),
        source=st.just("header"),
        scope=st.sampled_from(("credential", "credential", "model", "organization", "request")),
        strength=st.sampled_from(("advisory", "advisory", "directive")),
        model=st.sampled_from((None, None, "opus", "haiku")),
        observed_at=st.sampled_from((None, NOW - 5_000, NOW - 700, NOW - 301, NOW - 300, NOW - 299, NOW - 1, NOW)),
    )
    return st.lists(one, max_size=3).map(tuple)


def some_readings() -> st.SearchStrategy[tuple[WindowReading, ...]]:
    """Windows that have something left, or have begun anew since."""
    one = st.builds(
        WindowReading,
        window=st.sampled_from(("5h", "week")),
        used=st.sampled_from((None, 0.0, 0.25, 0.5, 0.99)),
        resets_at=st.sampled_from((None, NOW - 1, NOW, NOW + 1, NOW + 500)),
        observed_at=st.sampled_from((None, NOW - 1)),
    )
    return st.lists(one, max_size=2).map(tuple)


def quota_buckets() -> st.SearchStrategy[BucketSnapshot]:
    """Mostly sound ones; now and then one that is paused or has no token."""
    return st.builds(
        BucketSnapshot,
        name=st.just("claudius"),
        token=st.sampled_from((TokenUnread(), TokenUnread(), TokenHeld(expiry=NOW + 1), TokenAbsent())),
        paused=st.sampled_from((False, False, False, True)),
        limits=some_limits(),
        readings=some_readings(),
        calls=st.integers(0, 3),
        probed_at=st.sampled_from((None, None, NOW - 721, NOW - 720, NOW - 600, NOW - 5)),
    )


@st.composite
def quota_profiles(draw: st.DrawFn, *, min_size: int = 1, max_size: int = 5) -> FailoverSnapshot:
    """Profiles of such buckets, each under a name of its own, any of them current."""
    names = draw(st.permutations(NAMES))[: draw(st.integers(min_size, max_size))]
    return FailoverSnapshot(
        provider="anthropic",
        buckets=tuple(draw(quota_buckets()).model_copy(update={"name": name}) for name in names),
        current=draw(st.sampled_from((None, *names))),
        policy=FailoverPolicy(probe_interval_seconds=INTERVAL, spread_seconds=SPREAD),
        model=draw(st.sampled_from((None, "opus", "haiku"))),
    )


def soft(until: float, **fields: object) -> Limit:
    """A belief: a refill time, a percentage, a guess."""
    return Limit.model_validate({"until": until, "window": "week", "source": "header", "observed_at": 0.0} | fields)


def hard(until: float, **fields: object) -> Limit:
    """The provider's own word."""
    return soft(until, **{"strength": "directive", **fields})
