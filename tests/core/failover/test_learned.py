"""What answers, probes and a shared memory make of the snapshot: readings, limits, counted calls."""

from collections.abc import Callable
from typing import Any

import pytest

from bucket_failover_core import FailoverSnapshot, Limit
from bucket_failover_core.facts import WindowReading
from bucket_failover_core.failover import held_limits, hold_limits, learn_limits, learn_readings, learn_success
from bucket_failover_core.failover.learned import learn_call, learn_probe
from tests.support.quotas import hard, soft
from tests.support.worlds import NOW, bucket, named, profile, rebuilt


def reading(window: str = "week", observed_at: float = NOW, **fields: Any) -> WindowReading:
    """A window of which a tenth is used."""
    return WindowReading.model_validate({"window": window, "used": 0.1, "observed_at": observed_at} | fields)


def spent(window: str = "week", observed_at: float = NOW - 1, **fields: Any) -> Limit:
    """A window that was believed to be used up."""
    return soft(9_000.0, window=window, observed_at=observed_at, **fields)


HOURS, WEEK = reading("5h"), reading("week")
ORG = reading("week", scope="organization")
SPENT_ORG = spent(scope="organization")
WORD = spent(source="operator", strength="directive")
FOUR = profile(
    bucket("a", quota_domain="org", limits=(spent("5h"), spent(), SPENT_ORG)),
    bucket("b", quota_domain="org", limits=(spent(), SPENT_ORG, WORD)),
    bucket("c", quota_domain="other", limits=(SPENT_ORG,)),
    bucket("d", limits=(SPENT_ORG,)),
    bucket("e", limits=(SPENT_ORG,)),
)


def changed(snapshot: FailoverSnapshot, **facts: dict[str, Any]) -> FailoverSnapshot:
    """The snapshot with some facts of some buckets changed, and no other."""
    buckets = tuple(each.model_copy(update=facts.get(each.name, {})) for each in snapshot.buckets)
    return rebuilt(snapshot, buckets=buckets)


@pytest.mark.parametrize(
    ("name", "readings", "facts"),
    [
        ("a", (HOURS,), {"a": {"limits": (spent(), SPENT_ORG), "readings": (HOURS,)}}),
        ("a", (WEEK,), {"a": {"limits": (spent("5h"), SPENT_ORG), "readings": (WEEK,)}}),
        ("a", (HOURS, WEEK), {"a": {"limits": (SPENT_ORG,), "readings": (HOURS, WEEK)}}),
        (
            "a",
            (ORG,),
            {"a": {"limits": (spent("5h"), spent()), "readings": (ORG,)}, "b": {"limits": (spent(), WORD)}},
        ),
        (
            "b",
            (WEEK, ORG),
            {"a": {"limits": (spent("5h"), spent())}, "b": {"limits": (WORD,), "readings": (WEEK, ORG)}},
        ),
        ("c", (ORG,), {"c": {"limits": (), "readings": (ORG,)}}),
        ("d", (ORG,), {"d": {"limits": (), "readings": (ORG,)}}),
        ("d", (WEEK,), {"d": {"readings": (WEEK,)}}),
        ("a", (reading(observed_at=NOW - 2),), {"a": {"readings": (reading(observed_at=NOW - 2),)}}),
        ("a", (), {}),
    ],
)
def test_a_window_that_is_reported_open_replaces_a_stale_belief(
    name: str, readings: tuple[WindowReading, ...], facts: dict[str, Any]
) -> None:
    """Of the bucket; what is wider than it in its whole, non-empty domain; an operator's word stays."""
    assert learn_readings(FOUR, name, readings) == changed(FOUR, **facts)


def test_a_provider_that_has_said_so_outright_may_say_otherwise() -> None:
    """An early reset: a directive goes as well, once its window is reported open."""
    told = hard(9_000.0, observed_at=NOW - 1)
    start = profile(bucket("a", limits=(told,)))
    assert learn_readings(start, "a", (WEEK,)).buckets[0].limits == ()
    assert learn_readings(start, "a", (HOURS,)).buckets[0].limits == (told,)


def test_windows_and_compose() -> None:
    """One that is open says nothing of another that is not: the bucket stays benched."""
    start = profile(bucket("a", limits=(spent("5h"), spent())), "b")
    once = learn_readings(start, "a", (HOURS,))
    assert once.buckets[0].limits == (spent(),)
    assert learn_limits(once, "a", (spent("5h", NOW),)).buckets[0].limits == (spent(), spent("5h", NOW))


def test_the_newest_reading_of_each_window_stays() -> None:
    """And no reading is lost to another window's."""
    later = reading("5h", NOW + 1, used=0.2)
    start = learn_readings(FOUR, "a", (HOURS, WEEK))
    assert named(learn_readings(start, "a", (later,)), "a").readings == (WEEK, later)


def test_nothing_reported_is_no_change() -> None:
    """The very same snapshot."""
    assert learn_readings(FOUR, "a", ()) is FOUR


@pytest.mark.parametrize("name", ["a", "d"])
def test_a_probe_is_remembered_of_its_bucket(name: str) -> None:
    """And the next one replaces it."""
    once = learn_probe(FOUR, name, at=NOW)
    assert once == changed(FOUR, **{name: {"probed_at": NOW}})
    assert learn_probe(once, name, at=NOW + 5) == changed(FOUR, **{name: {"probed_at": NOW + 5}})


def test_a_call_is_counted() -> None:
    """One more, of its bucket alone."""
    start = changed(FOUR, b={"calls": 7})
    assert learn_call(learn_call(start, "b"), "a") == changed(FOUR, a={"calls": 1}, b={"calls": 8})


def test_what_a_shared_memory_holds_is_held() -> None:
    """Exactly that: a bucket that is not named has no limits, and strangers are passed over."""
    held = hold_limits(FOUR, {"a": (WORD,), "d": (SPENT_ORG,), "zed": (WORD,)})
    assert held == changed(FOUR, a={"limits": (WORD,)}, b={"limits": ()}, c={"limits": ()}, e={"limits": ()})
    assert held.buckets[3] is FOUR.buckets[3]


def test_what_is_held_already_is_no_change() -> None:
    """The very same snapshot."""
    assert hold_limits(FOUR, {each.name: each.limits for each in FOUR.buckets}) is FOUR
    assert hold_limits(profile("a", "b"), {}) == profile("a", "b")


def test_an_operators_word_is_not_disproved_by_a_success() -> None:
    """No answer lifts it, however it is marked."""
    word = soft(9_000.0, source="operator", observed_at=NOW)
    start = profile(bucket("a", limits=(spent(), word)))
    assert learn_success(start, "a").buckets[0].limits == (word,)


TELLING: dict[str, Callable[[FailoverSnapshot], FailoverSnapshot]] = {
    "readings": lambda snapshot: learn_readings(snapshot, "zed", ()),
    "probe": lambda snapshot: learn_probe(snapshot, "zed", at=NOW),
    "call": lambda snapshot: learn_call(snapshot, "zed"),
}


@pytest.mark.parametrize("told", TELLING)
def test_what_is_told_of_an_unknown_bucket_is_a_mistake(told: str) -> None:
    """It names the field, the value and what there is."""
    with pytest.raises(ValueError, match=r"^bucket: 'zed' is not a bucket of 'anthropic', which has \['a', 'b'\]$"):
        TELLING[told](profile("a", "b"))


@pytest.mark.parametrize(
    ("known", "asked", "stays"),
    [
        (None, None, False),
        (None, "opus", False),
        (None, "haiku", True),
        ("haiku", None, True),
        ("haiku", "opus", False),
    ],
)
def test_a_success_says_nothing_of_another_model(known: str | None, asked: str | None, stays: bool) -> None:  # noqa: FBT001 - a column
    """The asked model counts, else the snapshot's; of an unknown one the core cannot tell, so all is disproved."""
    opus = soft(9_000.0, model="opus")
    start = profile(bucket("a", limits=(opus,)), model=known)
    assert bool(learn_success(start, "a", model=asked).buckets[0].limits) is stays


def test_what_is_held_can_be_held_again() -> None:
    """Bucket by bucket, those without limits too."""
    pair = profile(bucket("a", limits=(soft(9_000.0),)), "b")
    assert held_limits(pair) == {"a": (soft(9_000.0),), "b": ()}
    assert hold_limits(profile("a", "b"), held_limits(pair)) == pair
