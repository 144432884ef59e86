"""Snapshots: a profile's names, its bucket in use, and what its trigger was."""

import pytest
from pydantic import ValidationError

from bucket_failover_core import BucketSnapshot, Cause, FailoverSnapshot, Limit, Trigger
from bucket_failover_core.facts import cause_of, has_limits
from bucket_failover_core.facts.snapshots import current_bucket

ONE, TWO = BucketSnapshot(name="one"), BucketSnapshot(name="two")
LIMIT = Limit(until=9.0, window="5h", source="header")


def profile(*buckets: BucketSnapshot, current: str | None = None) -> FailoverSnapshot:
    """A profile of these buckets."""
    return FailoverSnapshot(provider="p", buckets=buckets, current=current)


@pytest.mark.parametrize(
    ("trigger", "cause"),
    [
        (Trigger(), None),
        (Trigger(status=429), Cause.QUOTA),
        (Trigger(status=429, cause=Cause.THROTTLED), Cause.THROTTLED),
        (Trigger(cause=Cause.NETWORK), Cause.NETWORK),
        (Trigger(status=200), None),
    ],
)
def test_a_cause_wins_over_the_status(trigger: Trigger, cause: Cause | None) -> None:
    """Without either, nothing is known."""
    assert cause_of(trigger) == cause


@pytest.mark.parametrize(
    ("snapshot", "name"),
    [(profile(), None), (profile(ONE, TWO), "one"), (profile(ONE, TWO, current="two"), "two")],
)
def test_the_bucket_in_use_is_the_first_unless_said_otherwise(snapshot: FailoverSnapshot, name: str | None) -> None:
    """An empty profile has none."""
    bucket = current_bucket(snapshot)
    assert (None if bucket is None else bucket.name) == name


def test_places_are_those_of_the_profile_after_every_copy() -> None:
    """Evolved copies keep them, for no event moves a bucket; pydantic's copy may be given others."""
    snapshot = profile(ONE, TWO)
    assert [snapshot.place_of(name) for name in ("one", "two", "three")] == [0, 1, None]
    assert snapshot.evolve({"current": "two"}).place_of("two") == 1
    assert snapshot.model_copy(update={"buckets": (TWO, ONE)}).place_of("two") == 0


@pytest.mark.parametrize(
    ("buckets", "current", "said"),
    [((ONE, ONE), None, "the name 'one' occurs twice"), ((ONE,), "two", "current: 'two' is not a bucket of 'p'")],
)
def test_names_are_unique_and_the_current_one_is_among_them(
    buckets: tuple[BucketSnapshot, ...], current: str | None, said: str
) -> None:
    """The error names the field and the value."""
    with pytest.raises(ValidationError, match=said):
        profile(*buckets, current=current)


def test_whether_anything_is_believed_of_quota() -> None:
    """Of any bucket."""
    assert [has_limits(profile(*buckets)) for buckets in ((), (ONE, TWO))] == [False, False]
    assert has_limits(profile(ONE, TWO.evolve({"limits": (LIMIT,)})))
