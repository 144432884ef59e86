"""What a session learns of people and calls: a no to a login, refused tokens, probes, the budget, the bucket in use."""

import pytest

from bucket_failover_core import (
    BucketSwitched,
    CallAnswered,
    CallBegun,
    RequestEvent,
    RetryBudget,
    TokenAbsent,
    TokenOutage,
    learn,
)
from bucket_failover_core.request.refused_tokens import Refusal
from tests.support.dialogue import answer, good, live, session, told
from tests.support.happenings import NEW, OLD, PAIR, at, declined, facts, logged_in, read, refreshed
from tests.support.playbook import login_fails, refresh_fails
from tests.support.worlds import NOW, held

# A user's no.


def test_a_no_to_a_login_is_remembered() -> None:
    """A login that failed otherwise is no such word."""
    assert facts(learn(PAIR, declined())).declined_at == NOW
    assert facts(learn(PAIR, at(login_fails("a")))).declined_at is None
    assert facts(learn(PAIR, declined(name="b")), 1).declined_at == NOW


@pytest.mark.parametrize(("moments", "newest"), [((1.0, 2.0), 2.0), ((2.0, 1.0), 2.0), ((2.0, 2.0), 2.0)])
def test_the_newest_no_counts(moments: tuple[float, float], newest: float) -> None:
    """In whichever order they are told."""
    assert facts(told(PAIR, *map(declined, moments))).declined_at == newest


@pytest.mark.parametrize(
    ("event", "stays"),
    [
        (read(NEW, 5.0), False),
        (read(NEW, 5.001), False),
        (read(NEW, 4.999), True),
        (refreshed(NEW, 6.0), False),
        (logged_in(NEW, 6.0), False),
        (read(OLD, 6.0), True),
        (read(TokenAbsent(), 6.0), True),
        (read(TokenOutage(), 6.0), True),
        (read(live("A2", expiry=6.0), 6.0), True),
        (read(live("A2", expiry=6.001), 6.0), False),
        (read(live("A2", expiry=None), 6.0), True),
        (read(live("A2", expiry=None, issued_at=1.0), 6.0), False),
    ],
)
def test_a_no_counts_until_the_token_is_another_one(event: RequestEvent, stays: bool) -> None:  # noqa: FBT001 - a column
    """One that can be called with, and that is not known to be older than the no."""
    after = told(PAIR, read(OLD, 1.0), declined(5.0), event)
    assert facts(after).declined_at == (5.0 if stays else None)


@pytest.mark.parametrize(
    ("before", "moment", "counts"),
    [
        (read(NEW, 6.0), 5.0, False),
        (read(NEW, 5.001), 5.0, False),
        (read(NEW, 5.0), 5.0, False),
        (read(NEW, 4.0), 5.0, True),
        (read(TokenAbsent(), 6.0), 5.0, True),
        (read(live("A2", expiry=6.001), 6.0), 5.0, False),
        (read(live("A2", expiry=6.0), 6.0), 5.0, True),
    ],
)
def test_a_no_that_is_told_late_does_not_count(before: RequestEvent, moment: float, counts: bool) -> None:  # noqa: FBT001 - a column
    """If the bucket has held a token that can be called with since: the same as if it had been told in time."""
    after = told(PAIR, before, declined(moment))
    assert facts(after).declined_at == (moment if counts else None)
    assert facts(after).login_at == moment


def test_a_no_counts_against_a_token_that_the_profile_came_with() -> None:
    """Since when it is held, the session does not know."""
    assert facts(learn(session("a"), declined())).declined_at == NOW


# Refused tokens.


def refused(moment: float, begun_at: float = 0.0, cause: str = "unauthenticated", token: str = "A") -> CallAnswered:  # noqa: S107 - no secret
    """A call with the token was refused."""
    return CallAnswered(bucket="a", answer=answer(cause, at=moment), begun_at=begun_at, fingerprint=token)


@pytest.mark.parametrize(
    ("event", "is_remembered"),
    [
        (refused(NOW), True),
        (refused(NOW, cause="forbidden"), False),
        (refused(NOW, cause="quota"), False),
        (refused(NOW, token=""), False),
        (CallAnswered(bucket="a", answer=answer(None), begun_at=0.0, fingerprint="A"), False),
    ],
)
def test_a_refused_token_is_remembered(event: RequestEvent, is_remembered: bool) -> None:  # noqa: FBT001 - a column
    """By its fingerprint, after a 401; one without a fingerprint matches nothing."""
    after = learn(PAIR, event)
    assert facts(after).refusals == ((Refusal(fingerprint="A", at=NOW),) if is_remembered else ())
    assert facts(after, 1).refusals == ()


@pytest.mark.parametrize(
    ("second", "at_", "count"),
    [
        (refused(6.0, begun_at=5.0), 6.0, 2),
        (refused(6.0, begun_at=5.001), 6.0, 2),
        (refused(6.0, begun_at=4.999), 6.0, 1),
        (refused(4.0, begun_at=3.0), 5.0, 1),
    ],
)
def test_calls_that_began_before_the_refusal_was_known_count_as_one(
    second: RequestEvent, at_: float, count: int
) -> None:
    """A burst of a thousand calls with one token is one refusal; its newest moment counts."""
    after = told(PAIR, refused(5.0), second)
    assert facts(after).refusals == (Refusal(fingerprint="A", at=at_, count=count),)


def test_each_token_has_its_own_refusals() -> None:
    """In the order in which they came."""
    after = told(PAIR, refused(5.0), refused(6.0, token="B"), refused(8.0, begun_at=7.0))
    assert facts(after).refusals == (Refusal(fingerprint="A", at=8.0, count=2), Refusal(fingerprint="B", at=6.0))


def served(token: str, moment: float = 6.0) -> CallAnswered:
    """A call with the token was served."""
    return CallAnswered(bucket="a", answer=good(at=moment), begun_at=5.5, fingerprint=token)


@pytest.mark.parametrize(
    ("event", "left"),
    [
        (served("A"), "B"),
        (served("B"), "A"),
        (served("C"), "AB"),
        (served(""), "AB"),
        (read(live("A")), "A"),
        (read(live("C")), ""),
        (read(held(90_000.0)), ""),
        (read(TokenAbsent()), "AB"),
        (read(TokenOutage()), "AB"),
        (refreshed(live("C")), ""),
        (at(refresh_fails("a")), "AB"),
        (CallAnswered(bucket="a", answer=answer("quota"), begun_at=6.0, fingerprint="A"), "AB"),
    ],
)
def test_a_refusal_is_believed_until_its_token_serves_or_is_replaced(event: RequestEvent, left: str) -> None:
    """By another one; that the store holds none, or cannot answer, replaces nothing."""
    after = told(PAIR, refused(5.0), refused(5.0, token="B"), event)
    assert "".join(refusal.fingerprint for refusal in facts(after).refusals) == left


def test_an_older_word_on_the_token_replaces_nothing() -> None:
    """It is not what the bucket holds."""
    after = told(PAIR, read(live("A"), 6.0), refused(7.0), read(live("C"), 5.0))
    assert facts(after).refusals == (Refusal(fingerprint="A", at=7.0),)


@pytest.mark.parametrize(
    ("token", "moment", "is_remembered"),
    [("A", 7.0, False), ("A", 6.0, False), ("A", 5.999, True), ("B", 7.0, True), ("", 7.0, True)],
)
def test_a_refusal_that_is_told_late_is_none_if_its_token_has_served_since(
    token: str,
    moment: float,
    is_remembered: bool,  # noqa: FBT001 - a column of the table
) -> None:
    """At that moment or later; the same as if it had been told in time."""
    events = (refused(6.0), served(token, moment))
    for order in (events, events[::-1]):
        refusals = facts(told(PAIR, *order)).refusals
        assert refusals == ((Refusal(fingerprint="A", at=6.0),) if is_remembered else ())


def test_of_several_services_the_newest_counts() -> None:
    """Those with one token, in whichever order they are told."""
    for moments in ((7.0, 5.0), (5.0, 7.0)):
        after = told(PAIR, *(served("A", moment) for moment in moments), refused(6.0))
        assert facts(after).refusals == ()
        assert facts(after).served_token == ("A", 7.0)
    unnamed = told(PAIR, served("A", 7.0), served("", 8.0), refused(6.0))
    assert facts(unnamed).refusals == ()


# Calls that begin.


@pytest.mark.parametrize(("moves", "current"), [(False, "a"), (True, "b")])
def test_a_call_may_take_the_session_along(moves: bool, current: str) -> None:  # noqa: FBT001 - a column
    """Else it stays where it is; the buckets are the same."""
    after = learn(PAIR, CallBegun(bucket="b", at=NOW, moves=moves))
    assert after.current == current
    assert after.profile.buckets == PAIR.profile.buckets
    assert after.budget == PAIR.budget


def test_an_ordinary_call_changes_nothing() -> None:
    """It is the same object."""
    assert learn(PAIR, CallBegun(bucket="b", at=NOW)) is PAIR


def test_a_switch_takes_the_session_along() -> None:
    """A foreign handler has found this bucket."""
    assert learn(PAIR, BucketSwitched(bucket="b")).current == "b"


def test_calls_are_counted_where_the_strategy_goes_by_them() -> None:
    """One each."""
    call = CallBegun(bucket="b", at=NOW, is_counted=True)
    after = told(PAIR, call, call)
    assert [bucket.calls for bucket in after.profile.buckets] == [0, 2]
    assert [bucket.probed_at for bucket in after.profile.buckets] == [None, None]


@pytest.mark.parametrize(("moments", "newest"), [((1.0,), 1.0), ((1.0, 2.0), 2.0), ((2.0, 1.0), 2.0)])
def test_a_probe_is_claimed_when_it_begins(moments: tuple[float, ...], newest: float) -> None:
    """The newest moment counts, in whichever order they are told; it is no counted call."""
    after = told(PAIR, *(CallBegun(bucket="b", at=moment, is_probe=True) for moment in moments))
    assert [bucket.probed_at for bucket in after.profile.buckets] == [None, newest]
    assert [bucket.calls for bucket in after.profile.buckets] == [0, 0]


@pytest.mark.parametrize(
    ("budget", "after"),
    [
        (RetryBudget(), RetryBudget(left=99.0, at=NOW)),
        (RetryBudget(left=1.0, at=NOW), RetryBudget(left=0.0, at=NOW)),
        (RetryBudget(left=0.5, at=NOW), RetryBudget(left=0.5, at=NOW)),
        (RetryBudget(left=0.5, at=NOW - 5), RetryBudget(left=0.0, at=NOW)),
        (None, None),
    ],
)
def test_a_retry_takes_from_the_budget(budget: RetryBudget | None, after: RetryBudget | None) -> None:
    """When its call begins; of nothing, nothing is taken, and without a budget nothing is counted."""
    known = PAIR.evolve({"budget": budget})
    assert learn(known, CallBegun(bucket="a", at=NOW, is_retry=True)).budget == after
    assert learn(known, CallBegun(bucket="a", at=NOW)).budget == budget


@pytest.mark.parametrize(
    ("budget", "after"),
    [
        (RetryBudget(), RetryBudget()),
        (RetryBudget(left=5.0, at=NOW), RetryBudget(left=5.1, at=NOW)),
        (RetryBudget(left=5.0, at=NOW - 10), RetryBudget(left=6.1, at=NOW)),
        (RetryBudget(left=0.0, at=NOW), RetryBudget(left=0.1, at=NOW)),
        (RetryBudget(left=100.0, at=NOW - 10), RetryBudget(left=100.0, at=NOW - 10)),
        (None, None),
    ],
)
def test_a_success_gives_back_to_the_budget(budget: RetryBudget | None, after: RetryBudget | None) -> None:
    """At the moment of its answer; a failure does not, and a full budget stays as it is."""
    known = PAIR.evolve({"budget": budget})
    assert learn(known, CallAnswered(bucket="a", answer=good(at=NOW), begun_at=1.0)).budget == after
    assert learn(known, CallAnswered(bucket="a", answer=answer("quota"), begun_at=1.0)).budget == budget


@pytest.mark.parametrize("cause", ["quota", "server-error", None])
def test_a_failure_without_a_word_on_quota_changes_nothing(cause: str | None) -> None:
    """What was tried is the request's."""
    assert learn(PAIR, CallAnswered(bucket="a", answer=answer(cause), begun_at=1.0)) is PAIR
