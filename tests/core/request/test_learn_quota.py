"""What an answer says of quota: whom it benches, and what successes and open windows disprove, in whichever order."""

from itertools import permutations
from typing import Any

import pytest

from bucket_failover_core import CallAnswered, Limit, SessionSnapshot, learn
from bucket_failover_core.facts import WindowReading
from bucket_failover_core.request.session import limits_of
from tests.support.dialogue import answer, good, ready, session, told
from tests.support.worlds import NOW

OBSERVED = 500.0


def soft(**facts: Any) -> Limit:
    """A belief, observed at 500.0."""
    fields = {"until": 9_000.0, "window": "week", "source": "header", "observed_at": OBSERVED}
    return Limit.model_validate(fields | facts)


def hard(**facts: Any) -> Limit:
    """The provider's word, observed at 500.0."""
    return soft(**{"strength": "directive", **facts})


def reading(at: float | None = OBSERVED, **facts: Any) -> WindowReading:
    """The week is open."""
    return WindowReading.model_validate({"window": "week", "used": 0.1, "observed_at": at, **facts})


def refused(*limits: Limit, name: str = "a", at: float = NOW, readings: tuple[WindowReading, ...] = ()) -> CallAnswered:
    """A call was refused, and this is what its answer said."""
    return CallAnswered(bucket=name, answer=answer("quota", None, *limits, at=at, readings=readings), begun_at=1.0)


def served(
    begun_at: float, *limits: Limit, name: str = "a", model: str | None = None, readings: tuple[WindowReading, ...] = ()
) -> CallAnswered:
    """A call was served."""
    return CallAnswered(bucket=name, answer=good(*limits, model=model, readings=readings), begun_at=begun_at)


KNOWN = session(
    ready("a", quota_domain="org"), ready("b", quota_domain="org"), ready("c", quota_domain="other"), "d", "e"
)
"""Two that share a domain, one of another domain, two without any."""


def believing(*limits: Limit, of: SessionSnapshot = KNOWN) -> SessionSnapshot:
    """All of them, each with these limits."""
    buckets = tuple(bucket.model_copy(update={"limits": limits}) for bucket in of.profile.buckets)
    return of.evolve({"profile": of.profile.model_copy(update={"buckets": buckets})})


def whom(known: SessionSnapshot) -> str:
    """Who is benched."""
    return "".join(name for name, limits in limits_of(known).items() if limits)


# Whom a limit benches.


@pytest.mark.parametrize(
    ("name", "scope", "benched"),
    [
        ("a", "credential", "a"),
        ("a", "model", "a"),
        ("a", "organization", "ab"),
        ("b", "provider", "ab"),
        ("c", "organization", "c"),
        ("d", "organization", "d"),
        ("d", "credential", "d"),
    ],
)
def test_limits_reach_whom_they_bench(name: str, scope: str, benched: str) -> None:
    """Wider ones the whole quota domain; a bucket without a domain is its own."""
    after = learn(KNOWN, refused(hard(scope=scope), name=name))
    assert whom(after) == benched
    assert all(limits in ((), (hard(scope=scope),)) for limits in limits_of(after).values())


def test_only_the_wider_of_several_limits_are_shared() -> None:
    """A success may tell of limits as well."""
    wide, own = hard(scope="organization"), hard(window="5h")
    after = learn(KNOWN, served(1.0, wide, own))
    assert limits_of(after) == {"a": (own, wide), "b": (wide,), "c": (), "d": (), "e": ()}


def test_later_and_harder_evidence_replaces_what_is_held() -> None:
    """As everywhere."""
    known = learn(KNOWN, refused(soft()))
    after = learn(known, refused(hard(until=8_000.0, observed_at=600.0)))
    assert limits_of(after)["a"] == (hard(until=8_000.0, observed_at=600.0),)
    assert learn(after, refused(soft(observed_at=550.0))).profile == after.profile


LIMITS = (
    hard(window="week"),
    hard(window="5h", scope="organization"),
    hard(window="5h", model="opus"),
    hard(window="5h", model="GLM"),
    hard(window="5h"),
    soft(window="day", until=9_500.0, observed_at=600.0),
    hard(window="day"),
)


def test_limits_are_held_in_an_order_that_does_not_tell_how_they_came() -> None:
    """By window, scope, model and end."""
    held = (
        hard(window="5h"),
        hard(window="5h", model="GLM"),
        hard(window="5h", model="opus"),
        hard(window="5h", scope="organization"),
        hard(window="day"),
        soft(window="day", until=9_500.0, observed_at=600.0),
        hard(window="week"),
    )
    for limits in (LIMITS, tuple(reversed(LIMITS)), (*LIMITS[3:], *LIMITS[:3])):
        after = told(KNOWN, *(refused(limit) for limit in limits))
        assert limits_of(after)["a"] == held
    assert limits_of(learn(KNOWN, refused(*LIMITS)))["a"] == held


# What a success disproves.


@pytest.mark.parametrize(
    ("limit", "begun_at", "stays"),
    [
        (soft(), 500.001, False),
        (soft(), 500.0, True),
        (soft(), 499.0, True),
        (soft(observed_at=None), 1.0, False),
        (hard(), 900.0, True),
        (soft(source="operator"), 900.0, True),
        (soft(model="opus"), 900.0, False),
        (soft(scope="request"), 900.0, True),
    ],
)
def test_a_success_disproves_what_was_observed_before_its_call_began(
    limit: Limit,
    begun_at: float,
    stays: bool,  # noqa: FBT001 - a column of the table
) -> None:
    """If it is advisory, and would have benched the call; whether it is told before or after the success."""
    events = (refused(limit), served(begun_at))
    held = (limit,) if stays else ()
    assert limits_of(told(KNOWN, *events))["a"] == held
    assert limits_of(told(KNOWN, *reversed(events)))["a"] == held


@pytest.mark.parametrize(
    ("about", "asked", "stays"),
    [
        (None, "opus", False),
        ("opus", "opus", False),
        ("opus", "haiku", True),
        ("opus", None, False),
    ],
)
def test_a_success_with_another_model_proves_nothing(about: str | None, asked: str | None, stays: bool) -> None:  # noqa: FBT001 - a column
    """A limit that is known to be about one model."""
    for events in permutations((refused(soft(model=about)), served(900.0, model=asked))):
        assert whom(told(KNOWN, *events)) == ("a" if stays else "")


def test_of_each_model_the_newest_call_counts() -> None:
    """In whichever order they were told, and beside those of other models."""
    calls = (
        served(700.0, model="opus"),
        served(600.0, model="opus"),
        served(800.0, model="GLM"),
        served(650.0, model=None),
        served(640.0, model=None),
    )
    newest = ((None, 650.0), ("GLM", 800.0), ("opus", 700.0))
    for order in permutations(calls):
        assert told(KNOWN, *order).accounts[0].served == newest


@pytest.mark.parametrize("model", [None, "opus"])
@pytest.mark.parametrize(
    ("moments", "newest"), [((1.0,), 1.0), ((1.0, 2.0), 2.0), ((2.0, 1.0), 2.0), ((3.0, 1.0, 2.0), 3.0)]
)
def test_the_newest_of_calls_with_one_model(moments: tuple[float, ...], newest: float, model: str | None) -> None:
    """That of the call which began last."""
    after = told(KNOWN, *(served(moment, model=model) for moment in moments))
    assert after.accounts[0].served == ((model, newest),)
    assert after.accounts[1].served == ()


@pytest.mark.parametrize(
    ("name", "scope", "freed"),
    [
        ("a", "credential", "a"),
        ("a", "organization", "ab"),
        ("b", "provider", "ab"),
        ("c", "organization", "c"),
        ("d", "organization", "d"),
        ("d", "credential", "d"),
    ],
)
def test_a_success_disproves_a_shared_limit_everywhere(name: str, scope: str, freed: str) -> None:
    """In the whole quota domain; elsewhere, and what benches one bucket alone, it does not touch."""
    after = learn(believing(soft(scope=scope)), served(900.0, name=name))
    assert whom(after) == "".join(sorted(set("abcde") - set(freed)))


def test_an_old_success_of_another_bucket_disproves_a_shared_limit_that_is_told_late() -> None:
    """Of its domain; and not one that benches a bucket alone."""
    known = told(KNOWN, served(900.0, name="b"), served(900.0, name="c"), served(900.0, name="d"))
    assert whom(learn(known, refused(soft(scope="organization")))) == ""
    assert whom(learn(known, refused(soft(scope="credential")))) == "a"
    lonely = told(KNOWN, served(900.0, name="c"), served(900.0, name="d"))
    assert whom(learn(lonely, refused(soft(scope="organization")))) == "ab"


# What an open window disproves.


@pytest.mark.parametrize(
    ("limit", "fresh", "stays"),
    [
        (soft(), reading(500.001), False),
        (hard(), reading(500.001), False),
        (soft(), reading(499.999), True),
        (soft(), reading(None), False),
        (soft(observed_at=None), reading(1.0), False),
        (soft(source="operator"), reading(900.0), True),
        (soft(), reading(900.0, window="5h"), True),
        (soft(), reading(900.0, scope="organization"), True),
        (soft(model="opus"), reading(900.0), True),
        (soft(model="opus"), reading(900.0, model="opus"), False),
    ],
)
def test_an_open_window_disproves_what_was_observed_before(limit: Limit, fresh: WindowReading, stays: bool) -> None:  # noqa: FBT001 - a column
    """The provider's own word included, an operator's not; whether it is told before or after the limit."""
    events = (refused(limit), refused(readings=(fresh,)))
    held = (limit,) if stays else ()
    assert limits_of(told(KNOWN, *events))["a"] == held
    assert limits_of(told(KNOWN, *reversed(events)))["a"] == held


def test_a_limit_and_a_reading_of_one_answer_stand_beside_each_other() -> None:
    """The provider has said both at once; a later answer tells more."""
    both = learn(KNOWN, refused(hard(), readings=(reading(),)))
    assert limits_of(both)["a"] == (hard(),)
    assert limits_of(learn(both, refused(readings=(reading(500.001),))))["a"] == ()


def test_so_do_those_of_two_answers_of_one_moment() -> None:
    """In whichever order they are told."""
    events = (refused(hard()), refused(readings=(reading(),)))
    assert limits_of(told(KNOWN, *events))["a"] == (hard(),)
    assert limits_of(told(KNOWN, *reversed(events)))["a"] == (hard(),)


def test_readings_are_kept_by_the_bucket_that_was_answered() -> None:
    """The newest of each window."""
    day = reading(700.0, window="day")
    after = told(
        KNOWN, refused(readings=(reading(), day)), refused(readings=(reading(600.0), reading(650.0, window="day")))
    )
    assert after.profile.buckets[0].readings == (reading(600.0), day)
    assert [bucket.readings for bucket in after.profile.buckets[1:]] == [()] * 4


@pytest.mark.parametrize(
    ("name", "scope", "freed"),
    [
        ("a", "credential", "a"),
        ("a", "organization", "ab"),
        ("b", "provider", "ab"),
        ("c", "organization", "c"),
        ("d", "organization", "d"),
        ("d", "credential", "d"),
    ],
)
def test_a_shared_window_is_open_for_the_whole_domain(name: str, scope: str, freed: str) -> None:
    """A window of one bucket for that alone; one without a domain shares nothing."""
    after = learn(believing(hard(scope=scope)), refused(name=name, readings=(reading(900.0, scope=scope),)))
    assert whom(after) == "".join(sorted(set("abcde") - set(freed)))


def test_an_old_reading_of_another_bucket_disproves_a_shared_limit_that_is_told_late() -> None:
    """Of its domain; and not one that benches a bucket alone."""
    wide, own = reading(900.0, scope="organization"), reading(900.0)
    known = told(KNOWN, *(refused(name=name, readings=(wide, own)) for name in "bcd"))
    assert whom(learn(known, refused(hard(scope="organization")))) == ""
    assert whom(learn(known, refused(hard()))) == "a"
    lonely = told(KNOWN, *(refused(name=name, readings=(wide, own)) for name in "cd"))
    assert whom(learn(lonely, refused(hard(scope="organization")))) == "ab"


def test_a_bucket_of_which_nothing_is_said_stays_the_same_object() -> None:
    """So nothing that goes by identity has to look at it again."""
    after = learn(KNOWN, refused(hard()))
    assert [new is old for new, old in zip(after.profile.buckets, KNOWN.profile.buckets, strict=True)] == [
        False,
        True,
        True,
        True,
        True,
    ]
