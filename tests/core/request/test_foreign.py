"""A foreign handler searches: when is it asked, and what follows from what it has found?"""

from typing import Any

import pytest

from bucket_failover_core import (
    AnswerRead,
    BucketFailureReason,
    Cause,
    RetryPolicy,
    SearchFailed,
    SessionSnapshot,
    TokenAbsent,
    begin_request,
)
from bucket_failover_core.request.session import reset_session
from tests.support.dialogue import (
    Dialogue,
    answer,
    calls,
    fails,
    finds,
    live,
    ready,
    served,
    serves,
    session,
    spent_calls,
    stale,
    unread,
    waits,
)
from tests.support.playbook import Found, at, exhausted, read, refresh, refresh_fails, store_holds, switched
from tests.support.worlds import NOW, bucket, limit, profile

WEEK = limit(9_000.0, window="week")


def begun(known: SessionSnapshot, **facts: Any) -> Dialogue:
    """A request whose search is another's."""
    return Dialogue(known, begin_request(known, now=NOW, draw=0.5, searches=False, **facts))


def quota(at: float = NOW) -> AnswerRead:
    """What the failed call was answered."""
    return answer("quota", at=at)


# The first call.


def test_a_request_begins_with_the_bucket_in_use() -> None:
    """Whatever is believed of its quota: to choose is the handler's."""
    known = session("a", ready("b", limits=(WEEK,), paused=True), current="b")
    assert begun(known) << calls("b", "B", b="usable") >> serves() << served("b")
    assert begun(session("a", "b")) << calls("a", "A")


def test_its_token_is_read_and_refreshed_if_need_be() -> None:
    """As anywhere."""
    assert begun(unread("a", "b")) << read("a") >> store_holds("a", stale("A")) << refresh("a")


@pytest.mark.parametrize("token", [TokenAbsent(), stale("A", refreshable=False)])
def test_without_a_token_the_handler_is_asked(token: Any) -> None:
    """No call has failed; what it finds is called with, and the session goes there."""
    played = (
        begun(unread("a", "b"))
        << read("a")
        >> store_holds("a", token)
        << finds("a")
        >> switched("b")
        << read("b")
        >> store_holds("b", live("B"))
        << calls("b", "B")
        >> serves()
        << served("b")
    ).play()
    assert played.session.current == "b"


@pytest.mark.requirement("REQ-1598-FL16")
def test_one_bucket_without_a_token_has_nothing_to_search_in() -> None:
    """It ends with its own reason."""
    assert begun(unread("a")) << read("a") >> store_holds("a", TokenAbsent()) << exhausted(a="token-absent")


def test_a_bucket_that_is_found_without_a_token_is_no_end() -> None:
    """The handler is asked again, about that one; but no bucket is found twice without a token."""
    found_b = (
        begun(unread("a", "b", "c"))
        << read("a")
        >> store_holds("a", TokenAbsent())
        << finds("a")
        >> switched("b")
        << read("b")
        >> store_holds("b", TokenAbsent())
        << finds("b")
    )
    assert found_b >> switched("c") << read("c") >> store_holds("c", live("C")) << calls("c", "C")
    absent: dict[str, Found] = {"a": "token-absent", "b": "token-absent"}
    again_b = found_b >> switched("b") << read("b") >> store_holds("b", TokenAbsent())
    assert again_b << exhausted(**absent, c=("already-tried", ""))
    back_to_a = found_b >> switched("a") << read("a") >> store_holds("a", TokenAbsent())
    assert back_to_a << exhausted(**absent, c=("already-tried", ""))


def test_a_bucket_that_the_handler_has_healed_is_called_with() -> None:
    """Found again, its token is read again: also the one that the search began with."""
    assert (
        begun(unread("a", "b"))
        << read("a")
        >> store_holds("a", TokenAbsent())
        << finds("a")
        >> switched("a")
        << read("a")
        >> store_holds("a", live("A"))
        << calls("a", "A")
    )


# After a failed call.


def test_a_search_begins_where_the_core_would_begin_one() -> None:
    """With the bucket that has failed, and what its call was answered."""
    assert (
        begun(session("a", "b"))
        << calls("a", "A")
        >> fails("quota")
        << finds("a", quota())
        >> switched("b")
        << read("b")
        >> store_holds("b", live("B"))
        << calls("b", "B", 2)
        >> serves()
        << served("b")
    )


def test_a_retry_and_a_heal_ask_no_handler() -> None:
    """They stay with the bucket."""
    assert begun(session("a", "b")) << calls("a", "A") >> fails("server-error") << waits(NOW + 5, "a")
    assert begun(session("a", "b")) << calls("a", "A") >> fails("unauthenticated") << read("a")


def test_after_a_failed_call_the_same_bucket_may_be_found() -> None:
    """The handler has healed it; without a token it is asked again, and then no more."""
    failed = begun(session("a", "b")) << calls("a", "A") >> fails("quota") << finds("a", quota()) >> switched("a")
    assert failed << read("a") >> store_holds("a", live("A2")) << calls("a", "A2", 2)
    empty = failed << read("a") >> store_holds("a", TokenAbsent()) << finds("a")
    assert empty >> switched("b") << read("b") >> store_holds("b", live("B")) << calls("b", "B", 2)
    again = empty >> switched("a") << read("a") >> store_holds("a", TokenAbsent())
    assert again << exhausted(a="call-refused-for-quota", b="already-tried")


def test_what_is_found_can_be_refreshed() -> None:
    """Once; without success the handler is asked again."""
    assert (
        begun(session("a", "b"))
        << calls("a", "A")
        >> fails("quota")
        << finds("a", quota())
        >> switched("b")
        << read("b")
        >> store_holds("b", stale("B"))
        << refresh("b")
        >> refresh_fails("b")
        << finds("b")
    )


def test_each_failed_call_begins_a_search_of_its_own() -> None:
    """What was found before is forgotten."""
    assert (
        begun(session("a", "b"))
        << calls("a", "A")
        >> fails("quota")
        << finds("a", quota())
        >> switched("b")
        << read("b")
        >> store_holds("b", live("B"))
        << calls("b", "B", 2)
        >> fails("quota")
        << finds("b", quota())
    )


def test_an_overloaded_provider_is_not_hit_again_without_a_wait() -> None:
    """It comes after the search, and exactly at its end the call is made."""
    failed = (
        begun(session("a", "b"))
        << calls("a", "A")
        >> fails("server-error")
        << waits(NOW + 5, "a")
        >> at(NOW + 5)
        << calls("a", "A", 2, "retry")
        >> fails("overloaded")
        << finds("a", answer("overloaded", at=NOW + 5))
        >> switched("b")
        << waits(NOW + 10, "b")
    )
    assert failed >> at(NOW + 9.999) << waits(NOW + 10, "b")
    assert failed >> at(NOW + 10) << read("b") >> store_holds("b", live("B")) << calls("b", "B", 3)


@pytest.mark.parametrize(("attempts", "is_left"), [(1, False), (2, True)])
def test_what_is_found_is_called_with_while_a_call_is_left(attempts: int, is_left: bool) -> None:  # noqa: FBT001 - a column
    """The handler is asked all the same: it may know that none is left."""
    found_b = (
        begun(session("a", "b"), policy=RetryPolicy(max_attempts=attempts))
        << calls("a", "A")
        >> fails("quota")
        << finds("a", quota())
        >> switched("b")
    )
    assert found_b << (read("b") if is_left else spent_calls(1, "quota"))


def test_a_bucket_that_has_had_its_three_calls_is_not_refreshed() -> None:
    """Though the handler finds it again."""
    dialogue = begun(session("a", "b")) << calls("a", "A")
    for attempt in (1, 2, 3):
        dialogue = dialogue >> fails("quota") << finds("a", quota()) >> switched("a") << read("a")
        if attempt < 3:
            dialogue = dialogue >> store_holds("a", live("A")) << calls("a", "A", attempt + 1)
    assert dialogue >> store_holds("a", stale("A")) << finds("a")


# The end.


def test_that_nothing_is_found_is_the_end() -> None:
    """At once, whatever patience would say."""
    known = session(ready("a", limits=(limit(NOW + 20),)), "b")
    failed = begun(known) << calls("a", "A") >> fails("quota") << finds("a", quota()) >> SearchFailed()
    assert failed << exhausted(a=("call-refused-for-quota", "5h", NOW + 20), b="already-tried")


def test_before_any_call_as_well() -> None:
    """A start without a token is such a search."""
    assert (
        begun(unread("a", "b"))
        << read("a")
        >> store_holds("a", TokenAbsent())
        << finds("a")
        >> SearchFailed(reasons={"b": BucketFailureReason.REAUTH_FAILED})
        << exhausted(a="token-absent", b="login-failed")
    )


@pytest.mark.requirement("REQ-1598-IC04")
@pytest.mark.parametrize(
    ("reason", "fact"),
    [
        ("quota-exhausted", ("limit-in-force", "week", 9_000.0)),
        ("expired-refresh-failed", "token-expired"),
        ("reauth-failed", "login-failed"),
        ("no-token", "token-absent"),
        ("skipped", "already-tried"),
    ],
)
def test_the_handlers_reasons_are_told(reason: str, fact: Found) -> None:
    """Where our own finding agrees, that one, because it says more; what is left out is completed by ours."""
    known = session("a", ready("b", limits=(WEEK,)), "c")
    failed = (
        begun(known) << calls("a", "A") >> fails("quota", detail="slow") << finds("a", answer("quota", detail="slow"))
    )
    told = failed >> SearchFailed(reasons={"b": BucketFailureReason(reason), "gone": BucketFailureReason.NO_TOKEN})
    assert told << exhausted(a=("call-refused-for-quota", "slow"), b=fact, c="already-tried")


@pytest.mark.parametrize(
    ("reason", "fact"),
    [
        ("quota-exhausted", "call-refused-for-quota"),
        ("expired-refresh-failed", "token-expired"),
        ("skipped", "already-tried"),
    ],
)
def test_a_reason_that_we_know_nothing_of_has_a_fact_as_well(reason: str, fact: Found) -> None:
    """A bucket that we know to be sound is told as the handler has it."""
    failed = begun(session("a", "b")) << calls("a", "A") >> fails("quota") << finds("a", quota())
    told = failed >> SearchFailed(reasons={"b": BucketFailureReason(reason)})
    assert told << exhausted(a="call-refused-for-quota", b=fact)


@pytest.mark.parametrize(("model", "fact"), [("opus", ("limit-in-force", "week", 9_000.0)), ("haiku", "already-tried")])
def test_our_findings_are_those_of_the_requests_model(model: str, fact: Found) -> None:
    """A limit of another one is none."""
    known = session("a", ready("b", limits=(limit(9_000.0, window="week", model="opus"),)))
    failed = begun(known, model=model) << calls("a", "A") >> fails("quota") << finds("a", quota()) >> SearchFailed()
    assert failed << exhausted(a="call-refused-for-quota", b=fact)


def test_a_bucket_that_the_profile_does_not_have_is_the_end() -> None:
    """A handler that knows others cannot be followed."""
    failed = begun(session("a", "b")) << calls("a", "A") >> fails("quota") << finds("a", quota()) >> switched("gone")
    assert failed << exhausted(a="call-refused-for-quota", b="already-tried")


def test_a_bucket_that_a_reset_has_removed_is_none_that_has_failed() -> None:
    """The request begins anew, with the bucket in use."""
    scene = (begun(session("gone", "b")) << calls("gone", "GONE") >> fails("quota") << finds("gone", quota())).play()
    later = reset_session(scene.session, profile(ready("b"), bucket("c")))
    assert Dialogue(later, scene.request) << calls("b", "B", 2)
    assert scene.request.failures[0].cause is Cause.QUOTA
