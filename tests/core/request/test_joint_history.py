"""What a request and its session know together of what has happened: tried, spent, refused, renewed, and told."""

from typing import Any

import pytest

from bucket_failover_core import (
    CallAnswered,
    Cause,
    Reauthenticated,
    ReauthFailed,
    RefreshFailed,
    RequestEvent,
    TokenRefreshed,
    TokenUnread,
    Trigger,
)
from bucket_failover_core.facts import Problem
from bucket_failover_core.request.advance import note_refused
from tests.support.dialogue import Both, answer, good, live, ready, session, told, unread
from tests.support.worlds import NOW, bucket, held, limit

BEFORE, AFTER = NOW - 10, NOW + 10
"""Before and after the request begins."""


def failed(
    cause: str | None,
    at: float = NOW + 5,
    *,
    name: str = "a",
    token: str = "A",  # noqa: S107 - no secret
    detail: str = "",
) -> CallAnswered:
    """A call of this request has failed."""
    said = answer(cause, at=at, detail=detail)
    return CallAnswered(bucket=name, answer=said, begun_at=NOW + 1, fingerprint=token)


# What was tried and spent.


@pytest.mark.parametrize(("calls", "is_spent"), [(0, False), (1, False), (2, False), (3, True), (4, True)])
def test_a_bucket_of_several_has_three_calls(calls: int, is_spent: bool) -> None:  # noqa: FBT001 - a column
    """Then it is ruled out for this request; who does not count them asks without."""
    both = Both(session("a", "b")).own(*[failed("quota")] * calls)
    assert (both.bucket().tried, both.bucket().calls_spent) == (calls > 0, is_spent)
    assert not both.bucket(counts_calls=False).calls_spent
    assert (both.bucket("b").tried, both.bucket("b").calls_spent) == (False, False)


def test_the_only_bucket_has_as_many_calls_as_the_request() -> None:
    """Nothing is left if it is ruled out."""
    both = Both(session("a")).own(*[failed("quota")] * 4)
    assert (both.bucket().tried, both.bucket().calls_spent) == (True, False)


STEPS: dict[str, Any] = {
    "refreshed": TokenRefreshed(bucket="a", token=live("A2"), at=NOW),
    "refresh failed": RefreshFailed(bucket="a", at=NOW),
    "logged in": Reauthenticated(bucket="a", token=live("A2"), at=NOW),
    "login failed": ReauthFailed(bucket="a", at=NOW),
    "declined": ReauthFailed(bucket="a", at=NOW, declined=True),
}


@pytest.mark.parametrize(
    ("step", "at", "spent"),
    [
        ("refreshed", BEFORE, ""),
        ("refreshed", NOW, "refresh"),
        ("refreshed", AFTER, "refresh"),
        ("refresh failed", BEFORE, ""),
        ("refresh failed", NOW, "refresh"),
        ("logged in", NOW - 0.001, ""),
        ("logged in", NOW, "reauth"),
        ("login failed", BEFORE, ""),
        ("login failed", AFTER, "reauth"),
        ("declined", BEFORE, "reauth"),
        ("declined", AFTER, "reauth"),
    ],
)
@pytest.mark.parametrize("whose", ["own", "other"])
def test_a_step_that_has_ended_since_the_request_began_is_spent(step: str, at: float, spent: str, whose: str) -> None:
    """By whichever request it was asked for; a user's no is spent for all that come."""
    both = Both(session("a", "b"))
    getattr(both, whose)(STEPS[step].model_copy(update={"at": at}))
    assert both.bucket().refresh_spent is (spent == "refresh")
    assert both.bucket().reauth_spent is (spent == "reauth")
    assert both.ledger().reauths_spent == (1 if spent == "reauth" and at >= NOW else 0)
    assert (both.bucket("b").refresh_spent, both.bucket("b").reauth_spent) == (False, False)


def test_the_logins_of_all_buckets_count() -> None:
    """Those since the request began."""
    both = Both(unread("a", "b", "c"))
    both.other(*(ReauthFailed(bucket=name, at=at) for name, at in (("a", AFTER), ("b", NOW), ("c", BEFORE))))
    assert both.ledger().reauths_spent == 2


def test_a_step_that_had_ended_before_is_not_spent_though_the_clock_stands_still() -> None:
    """The request's own step at the same moment is."""
    both = Both(told(session("a", "b"), STEPS["refresh failed"], STEPS["login failed"]))
    assert (both.bucket().refresh_spent, both.bucket().reauth_spent, both.ledger().reauths_spent) == (False, False, 0)
    both.own(STEPS["refresh failed"])
    assert (both.bucket().refresh_spent, both.bucket().reauth_spent, both.ledger().reauths_spent) == (True, False, 0)
    both.own(STEPS["login failed"])
    assert (both.bucket().refresh_spent, both.bucket().reauth_spent, both.ledger().reauths_spent) == (True, True, 1)


# What was refused.


@pytest.mark.parametrize(
    ("now", "is_believed"),
    [(NOW - 11, False), (NOW - 10, True), (NOW, True), (NOW + 589.999, True), (NOW + 590, False)],
)
def test_what_another_request_was_refused_is_believed_for_a_while(now: float, is_believed: bool) -> None:  # noqa: FBT001 - a column
    """From its moment on, for ten minutes, in the bucket that holds the token."""
    both = Both(session("a", "b")).other(failed("unauthenticated", at=BEFORE))
    assert both.bucket(now=now).rejected == (("A",) if is_believed else ())
    assert both.bucket(now=now, believes_refusals=False).rejected == ()
    assert both.bucket("b", now=now).rejected == ()


def test_the_only_bucket_is_always_called() -> None:
    """What other requests were refused is not believed there."""
    assert Both(session("a")).other(failed("unauthenticated", at=BEFORE)).bucket().rejected == ()


def test_what_the_request_was_refused_it_knows_of_every_bucket() -> None:
    """Once each, its own first; also of the only bucket, and in the last resort."""
    both = Both(session("a", "b")).own(failed("forbidden", token="Z"), failed("unauthenticated"))
    both.other(failed("unauthenticated", token="Y"))
    assert (both.bucket().rejected, both.bucket("b").rejected) == (("Z", "A", "Y"), ("Z", "A"))
    assert both.bucket(believes_refusals=False).rejected == ("Z", "A")
    assert Both(session("a")).own(failed("unauthenticated")).bucket().rejected == ("A",)


def test_what_the_caller_knows_to_be_refused_counts_from_the_beginning() -> None:
    """Before any call."""
    both = Both(session("a", "b"))
    both.request = note_refused(both.request, ("A",))
    assert (both.bucket().rejected, both.bucket().token) == (("A",), TokenUnread())


# What has renewed a bucket.


@pytest.mark.parametrize(
    ("events", "renewed_by"),
    [
        ((), None),
        (("refreshed",), "refresh"),
        (("logged in",), "reauth"),
        (("refresh failed",), None),
    ],
)
@pytest.mark.parametrize("whose", ["own", "other"])
def test_a_renewal_in_this_request_is_known(events: tuple[str, ...], renewed_by: str | None, whose: str) -> None:
    """Also one that another request has asked for."""
    both = Both(session("a", "b"))
    getattr(both, whose)(*(STEPS[event] for event in events))
    assert both.bucket().renewed_by == renewed_by
    assert both.bucket("b").renewed_by is None


@pytest.mark.parametrize("at", [BEFORE, NOW])
@pytest.mark.parametrize("step", ["refreshed", "logged in"])
def test_a_renewal_before_this_request_is_none(step: str, at: float) -> None:
    """The token is what it is; it was not brought here, though the clock may have stood still since."""
    known = told(session("a", "b"), STEPS[step].model_copy(update={"at": at}))
    assert Both(known).own(failed("quota", name="b")).bucket().renewed_by is None


def renewal(at: float, token: str = "A2") -> TokenRefreshed:  # noqa: S107 - no secret
    """A refresh has brought a token."""
    return TokenRefreshed(bucket="a", token=live(token) if token else held(90_000.0), at=at)


@pytest.mark.parametrize(
    ("events", "renewed_by"),
    [
        ((failed("unauthenticated"), renewal(NOW + 6)), "refresh"),
        ((failed("unauthenticated"), renewal(NOW + 4)), None),
        ((failed("unauthenticated"), renewal(NOW + 5)), "refresh"),
        ((renewal(NOW + 5), failed("unauthenticated")), "refresh"),
        ((renewal(NOW + 5), failed("unauthenticated", token="A2")), None),
        ((failed("unauthenticated", token=""), renewal(NOW + 5)), "refresh"),
        ((renewal(NOW + 5), failed("unauthenticated", token="")), None),
        ((failed("unauthenticated"), renewal(NOW + 5, "")), "refresh"),
        ((renewal(NOW + 5, ""), failed("unauthenticated")), None),
        ((failed("unauthenticated"), renewal(NOW + 6), failed("quota", NOW + 7, token="A2")), None),
        ((failed("unauthenticated"), renewal(NOW + 6), failed("quota", NOW + 7, name="b")), "refresh"),
        ((failed("quota", NOW + 7), failed("quota", NOW + 5), renewal(NOW + 6)), "refresh"),
    ],
)
def test_a_renewal_counts_until_the_buckets_next_failure(
    events: tuple[RequestEvent, ...], renewed_by: str | None
) -> None:
    """At one moment what the failed call has used tells which came first, and else the order in which it was told."""
    assert Both(session("a", "b")).own(*events).bucket().renewed_by == renewed_by


def test_a_renewal_that_another_request_has_made_in_the_same_moment() -> None:
    """It counts if the failed call is known to have used another token."""
    named = Both(session("a", "b")).own(failed("unauthenticated")).other(renewal(NOW + 5))
    assert named.bucket().renewed_by == "refresh"
    unnamed = Both(session("a", "b")).own(failed("unauthenticated", token="")).other(renewal(NOW + 5))
    assert unnamed.bucket().renewed_by is None


# What went wrong.


@pytest.mark.parametrize(
    ("events", "problems"),
    [
        ((), ()),
        ((failed("quota", detail="slow"),), (Problem(cause=Cause.QUOTA, detail="slow"),)),
        ((failed(None),), ()),
        ((failed("quota", name="b"),), ()),
        (
            (failed("quota"), failed("timeout", NOW + 6)),
            (Problem(cause=Cause.QUOTA), Problem(cause=Cause.TIMEOUT)),
        ),
        (
            (failed("timeout", NOW + 6), failed("quota")),
            (Problem(cause=Cause.QUOTA), Problem(cause=Cause.TIMEOUT)),
        ),
        ((RefreshFailed(bucket="a", at=AFTER),), (Problem(cause=None, detail="refresh failed"),)),
        ((RefreshFailed(bucket="a", at=BEFORE),), ()),
        ((RefreshFailed(bucket="a", at=BEFORE), failed("quota")), (Problem(cause=Cause.QUOTA),)),
        ((ReauthFailed(bucket="a", at=BEFORE), failed("quota")), (Problem(cause=Cause.QUOTA),)),
        ((ReauthFailed(bucket="a", at=AFTER),), (Problem(cause=None, detail="login failed"),)),
        ((ReauthFailed(bucket="a", at=BEFORE),), ()),
        ((renewal(AFTER),), ()),
        (
            (ReauthFailed(bucket="a", at=NOW + 5), RefreshFailed(bucket="a", at=NOW + 5), failed("quota")),
            (
                Problem(cause=Cause.QUOTA),
                Problem(cause=None, detail="refresh failed"),
                Problem(cause=None, detail="login failed"),
            ),
        ),
        (
            (failed("quota"), RefreshFailed(bucket="a", at=NOW + 4), ReauthFailed(bucket="a", at=NOW + 3)),
            (
                Problem(cause=None, detail="login failed"),
                Problem(cause=None, detail="refresh failed"),
                Problem(cause=Cause.QUOTA),
            ),
        ),
    ],
)
def test_what_went_wrong_with_a_bucket_oldest_first(
    events: tuple[RequestEvent, ...], problems: tuple[Problem, ...]
) -> None:
    """In this request; at one moment the call before the refresh, and that before the login."""
    assert Both(session("a", "b")).own(*events).bucket().problems == problems


# The newest call.


@pytest.mark.parametrize(
    ("events", "current", "trigger"),
    [
        ((), None, Trigger()),
        (
            (failed("quota", name="b", token="B", detail="d"),),
            "b",
            Trigger(cause=Cause.QUOTA, fingerprint="B", detail="d"),
        ),
        ((failed("quota", token=""),), "a", Trigger(cause=Cause.QUOTA)),
        ((failed(None),), "a", Trigger()),
        ((failed("quota"), failed("timeout", name="b", token="")), "b", Trigger(cause=Cause.TIMEOUT)),
        ((failed("quota", name="gone"),), None, Trigger()),
    ],
)
def test_the_newest_failed_call_is_what_is_searched_for(
    events: tuple[RequestEvent, ...], current: str | None, trigger: Trigger
) -> None:
    """Its bucket is the triggering one; a bucket that a reset has removed is none."""
    ledger = Both(session("a", "b")).own(*events).ledger()
    assert (ledger.current, ledger.trigger) == (current, trigger)


def test_what_is_believed_of_quota_stands_in_the_session() -> None:
    """It is told once, for all requests; the trigger does not repeat it."""
    week = limit(until=9_000.0, window="week")
    event = CallAnswered(bucket="a", answer=answer("quota", None, week), begun_at=NOW, fingerprint="A")
    ledger = Both(session("a", "b"), model="opus").own(event).ledger()
    assert (ledger.buckets[0].limits, ledger.trigger.limits, ledger.model) == ((week,), (), "opus")


def test_a_served_call_leaves_no_trigger() -> None:
    """Nothing has failed."""
    ledger = Both(session("a", "b")).own(CallAnswered(bucket="b", answer=good(), begun_at=NOW)).ledger()
    assert (ledger.current, ledger.trigger) == ("b", Trigger())
    assert ledger.buckets == session("a", "b").profile.buckets


def test_a_bucket_that_was_paused_stays_so() -> None:
    """What an operator says is no fact of a request."""
    both = Both(session(ready("a", paused=True, calls=2), bucket("b"))).own(failed("quota"))
    assert (both.bucket().paused, both.bucket().calls) == (True, 2)
