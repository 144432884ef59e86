"""What an answer says of quota that belongs to no call of a request."""

from typing import Any

import pytest

from bucket_failover_core import BucketSnapshot, CallAnswered, Limit, SessionSnapshot, learn
from bucket_failover_core.facts import WindowReading
from bucket_failover_core.facts.windows import without_older
from bucket_failover_core.request.learn_quota import hear_quota
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


KNOWN = session(ready("a", quota_domain="org"), ready("b", quota_domain="org"), ready("c", quota_domain="other"), "d")
"""Two that share a domain, one of another domain, one without any."""


def believing(*limits: Limit, of: SessionSnapshot = KNOWN) -> SessionSnapshot:
    """All of them, each with these limits."""
    buckets = tuple(bucket.model_copy(update={"limits": limits}) for bucket in of.profile.buckets)
    return of.evolve({"profile": of.profile.model_copy(update={"buckets": buckets})})


def whom(known: SessionSnapshot) -> str:
    """Who is benched."""
    return "".join(name for name, limits in limits_of(known).items() if limits)


# An answer to no call of a request.


def test_what_is_heard_of_quota_is_no_call_of_a_request() -> None:
    """It is neither counted, nor does it say anything of the token or the budget."""
    known = KNOWN.evolve({"budget": None})
    after = hear_quota(known, "a", answer("unauthenticated", None, hard()), begun_at=1.0)
    assert limits_of(after)["a"] == (hard(),)
    assert after.accounts == known.accounts


@pytest.mark.parametrize(
    ("begun_at", "limit", "stays"),
    [
        (500.001, soft(), False),
        (500.0, soft(), True),
        (None, soft(), False),
        (None, soft(observed_at=NOW + 100), False),
        (None, hard(), True),
        (None, soft(model="opus"), True),
    ],
)
def test_a_success_that_is_heard_disproves_what_is_believed_so_far(
    begun_at: float | None,
    limit: Limit,
    stays: bool,  # noqa: FBT001 - a column of the table
) -> None:
    """Unless it is known when its call began: then what was observed before that."""
    after = hear_quota(learn(KNOWN, refused(limit)), "a", good(model="haiku"), begun_at=begun_at)
    assert limits_of(after)["a"] == ((limit,) if stays else ())


@pytest.mark.parametrize(("begun_at", "moment"), [(400.0, 400.0), (None, NOW)])
def test_a_success_that_is_heard_is_remembered(begun_at: float | None, moment: float) -> None:
    """From its call's beginning, else from its answer on; and a newer one stays."""
    after = hear_quota(KNOWN, "b", good(model="opus"), begun_at=begun_at)
    assert [account.served for account in after.accounts] == [(), (("opus", moment),), (), ()]
    newer = learn(KNOWN, served(2_000.0, name="b", model="opus"))
    assert hear_quota(newer, "b", good(model="opus"), begun_at=begun_at).accounts[1].served == (("opus", 2_000.0),)


def test_a_success_that_is_heard_frees_the_domain() -> None:
    """As any other one does; a limit of one bucket stays with the others."""
    known = believing(soft(scope="organization"), soft(window="5h"))
    after = hear_quota(known, "a", good(), begun_at=None)
    both = (soft(window="5h"), soft(scope="organization"))
    assert limits_of(after)["a"] == ()
    assert limits_of(after)["b"] == (soft(window="5h"),)
    assert set(limits_of(after)["c"]) == set(both)


@pytest.mark.parametrize(("begun_at", "stays"), [(None, False), (1.0, True)])
def test_a_window_that_is_heard_open_disproves_what_is_believed_so_far(begun_at: float | None, stays: bool) -> None:  # noqa: FBT001 - a column
    """Of the same moment as well, unless it is known when the call began."""
    known = learn(KNOWN, refused(hard()))
    after = hear_quota(known, "a", good(readings=(reading(),)), begun_at=begun_at)
    assert limits_of(after)["a"] == ((hard(),) if stays else ())
    assert after.profile.buckets[0].readings == (reading(),)


@pytest.mark.parametrize(
    ("limit", "stays"),
    [
        (soft(observed_at=499.0), False),
        (soft(), True),
        (soft(observed_at=501.0), True),
        (soft(observed_at=None), False),
        (soft(observed_at=499.0, window="day"), True),
        (soft(observed_at=499.0, source="operator"), True),
    ],
)
def test_which_limits_are_older_than_a_reading(limit: Limit, stays: bool) -> None:  # noqa: FBT001 - a column
    """Half-open: a limit and a reading of one moment stand beside each other; without a reading all stay."""
    day = soft(window="5h", observed_at=1.0)
    assert without_older((day, limit), (reading(),)) == ((day, limit) if stays else (day,))
    assert without_older((day, limit), ()) == (day, limit)


def test_a_limit_and_a_reading_of_no_known_moment() -> None:
    """A reading of an unknown age has just come in; of two unknown moments neither is known to be older."""
    assert without_older((soft(),), (reading(None),)) == ()
    assert without_older((soft(observed_at=None),), (reading(None),)) == (soft(observed_at=None),)


def test_what_is_heard_of_a_bucket_that_is_gone_changes_nothing() -> None:
    """A reset has removed it."""
    assert hear_quota(KNOWN, "gone", good(hard()), begun_at=None) is KNOWN


def test_a_served_call_is_remembered_though_nothing_is_believed() -> None:
    """A limit may be told later; the profile stays the same object."""
    after = learn(KNOWN, served(900.0))
    assert after.profile is KNOWN.profile
    assert after.accounts[0].served == ((None, 900.0),)


def test_one_bucket_alone() -> None:
    """No domain, no witnesses."""
    alone = session(BucketSnapshot(name="a"))
    assert whom(told(alone, refused(soft()), served(900.0))) == ""
