"""With which bucket does a request begin, what does its token need first, and does the session go with it?"""

from typing import Any

import pytest

from bucket_failover_core import (
    BucketSnapshot,
    FailoverSnapshot,
    RequestSnapshot,
    RetryPolicy,
    SessionSnapshot,
    Strategy,
    TokenAbsent,
    TokenOutage,
    TokenRead,
    begin_request,
    choose_start,
)
from bucket_failover_core.request.advance import note_refreshed, note_refused
from bucket_failover_core.request.opening import begin_where
from bucket_failover_core.request.session import reset_session, with_phase
from tests.support.dialogue import (
    Dialogue,
    Scene,
    calls,
    fails,
    live,
    ready,
    served,
    serves,
    session,
    spent_calls,
    stale,
    told,
    unread,
)
from tests.support.happenings import begun, refused, soft
from tests.support.playbook import (
    exhausted,
    read,
    refresh,
    refresh_brings,
    refresh_fails,
    store_holds,
)
from tests.support.worlds import NOW, bucket, limit

WEEK = limit(9_000.0, window="week")


# What the token needs.


def test_a_token_that_is_known_and_live_is_called_with() -> None:
    """That of the session's bucket; the answer is the same object each time."""
    known = session("a", "b", current="b")
    assert begun(known) << calls("b", "B", b="usable") >> serves() << served("b")
    scene = begun(known).play()
    assert scene.ask() is scene.ask()


def test_the_first_bucket_if_none_is_in_use() -> None:
    """And without a name if its token has none."""
    assert begun(session("a", "b")) << calls("a", "A", a="usable")
    assert begun(session(bucket("a", live("")))) << calls("a", "", a="usable")


def test_a_token_that_is_unread_is_read_first() -> None:
    """The bucket that serves is called with what the store holds."""
    assert (
        begun(unread("a", "b"))
        << read("a", a="not-read")
        >> store_holds("a", live("A"))
        << calls("a", "A", a="usable")
        >> serves()
        << served("a")
    )


@pytest.mark.requirement("REQ-1598-FL18")
@pytest.mark.parametrize(("expiry", "is_live"), [(NOW + 1, True), (NOW + 0.001, True), (NOW, False), (NOW - 1, False)])
def test_a_token_is_called_with_until_it_expires(expiry: float, is_live: bool) -> None:  # noqa: FBT001 - a column
    """Half-open. An expired one may have been renewed since it was read: it is read again, and then refreshed."""
    token = live("A", expiry=expiry)
    known = told(unread("a", "b"), TokenRead(bucket="a", token=token, at=NOW - 10))
    if is_live:
        assert begun(known) << calls("a", "A")
        return
    assert (
        begun(known)
        << read("a")
        >> store_holds("a", token)
        << refresh("a", a="refreshable")
        >> refresh_brings("a", live("A2"))
        << calls("a", "A2", a="usable")
    )


# What the quick way must not miss: each of these differs from the session's bucket, called with at once.


@pytest.mark.parametrize(
    ("known", "facts", "expected"),
    [
        (session("a", "b"), {"strategy": "round-robin"}, calls("b", "B", 1, "moves")),
        (session("a", "b"), {"strategy": "least-used"}, calls("a", "A", 1, "counted")),
        (session("a", "b", current="b"), {"strategy": "priority"}, calls("a", "A")),
        (session("a", "b"), {"session_key": "k2"}, calls("b", "B")),
        (session("a", "b"), {"session_key": "k1"}, calls("a", "A")),
        (session("a", "b"), {"reads_again": True}, read("a")),
        (session(ready("a", paused=True), "b"), {}, calls("b", "B")),
        (session(ready("a", limits=(WEEK,)), "b"), {}, calls("b", "B")),
        (refused(session("a", "b")), {}, read("a")),
        (session(bucket("a", stale("A"), api_key=True)), {}, calls("a", "A")),
        (session(bucket("a", live("A", expiry=None, issued_at=1.0))), {}, calls("a", "A")),
        (session(), {}, exhausted()),
    ],
)
def test_what_else_decides_where_a_request_begins(known: SessionSnapshot, facts: dict[str, Any], expected: Any) -> None:
    """Strategy, conversation, operator, limits, refusals, and how the token is."""
    assert begun(known, **facts) << expected


def test_what_the_caller_knows_of_its_tokens_decides_as_well() -> None:
    """A token that it knows to be refused, or has refreshed by itself, is read again."""
    known = session("a", "b")
    request = begin_request(known, now=NOW, draw=0.5)
    assert Dialogue(known, note_refused(request, ("A",))) << read("a")
    assert Dialogue(known, note_refused(request, ("B",))) << calls("a", "A")
    assert Dialogue(known, note_refreshed(request, "a")) << read("a")
    assert Dialogue(known, note_refreshed(request, "b")) << calls("a", "A")


@pytest.mark.parametrize(("draw", "name"), [(0.0, "a"), (0.5, "b"), (0.999, "b")])
def test_the_return_to_a_bucket_is_spread_by_the_requests_chance(draw: float, name: str) -> None:
    """Its limit has ended ten seconds ago; thirty seconds are spread over all."""
    known = session(ready("a", limits=(limit(NOW - 10),)), "b")
    assert begun(known, draw) << calls(name, name.upper())


def test_a_process_has_one_chance_for_all_its_requests() -> None:
    """So it does not go back and forth."""
    known = session(ready("a", limits=(limit(NOW - 10),)), "b")
    assert begun(with_phase(known, 0.0), 0.999) << calls("a", "A")
    assert begun(with_phase(known, 0.999), 0.0) << calls("b", "B")


@pytest.mark.parametrize(
    ("strategy", "key"),
    [("sticky", None), ("priority", None), ("round-robin", None), ("sticky", "k1"), ("sticky", "k2")],
)
def test_where_a_request_would_begin(strategy: Strategy, key: str | None) -> None:
    """What `choose_start` says of both, from what is already known."""
    known = session(ready("a", limits=(soft(),)), "b", "c", current="b")
    request = begin_request(known, now=NOW, draw=0.25, strategy=strategy, session_key=key)
    expected = choose_start(known.profile, now=NOW, strategy=strategy, session_key=key, draw=0.25)
    assert begin_where(known, request, now=NOW) == expected
    later = with_phase(known, 0.75)
    assert begin_where(later, request, now=NOW) == choose_start(
        known.profile, now=NOW, strategy=strategy, session_key=key, draw=0.75
    )


# A bucket without a token.


@pytest.mark.parametrize("token", [TokenAbsent(), TokenOutage(), stale("A", refreshable=False)])
def test_a_missing_token_moves_the_session_to_the_bucket_that_serves_instead(token: Any) -> None:
    """`choose_start` is asked again after each token that was read."""
    played = (
        begun(unread("a", "b"))
        << read("a")
        >> store_holds("a", token)
        << read("b")
        >> store_holds("b", live("B"))
        << calls("b", "B", 1, "moves")
        >> serves()
        << served("b")
    ).play()
    assert played.session.current == "b"


def test_so_does_one_that_no_refresh_has_healed() -> None:
    """Once in a request."""
    assert (
        begun(unread("a", "b"))
        << read("a")
        >> store_holds("a", stale("A"))
        << refresh("a")
        >> refresh_fails("a", "no route")
        << read("b")
        >> store_holds("b", live("B"))
        << calls("b", "B", 1, "moves")
    )


def test_a_limit_is_a_detour() -> None:
    """The session stays; the finding says why."""
    known = session(ready("a", limits=(WEEK,)), "b")
    played = (
        begun(known) << calls("b", "B", a=("limit-in-force", "week", 9_000.0), b="usable") >> serves() << served("b")
    ).play()
    assert played.session.current == "a"


@pytest.mark.parametrize(
    ("facts", "flags"),
    [
        ({}, ("moves",)),
        ({"limits": (WEEK,)}, ()),
        ({"limits": (limit(9_000.0, model="opus"),)}, ("moves",)),
        ({"limits": (limit(9_000.0, model="haiku"),)}, ()),
        ({"limits": (limit(NOW),)}, ("moves",)),
        ({"paused": True}, ()),
    ],
)
def test_it_is_the_token_that_moves_the_session_and_nothing_else(facts: dict[str, Any], flags: tuple[str, ...]) -> None:
    """Where a limit or an operator rules the bucket out as well, the session stays."""
    known = session(bucket("a", **facts), "b")
    scene = begun(known, model="haiku").play()
    scene = scene.tell(TokenRead(bucket="a", token=TokenAbsent(), at=NOW), None)
    assert Dialogue(scene.session, scene.request) << calls("b", "B", 1, *flags)


def test_the_first_bucket_of_an_order_moves_no_session() -> None:
    """It is a detour from a bucket that could serve as well."""
    assert begun(session("a", "b", current="b"), strategy="priority") << calls("a", "A")
    assert begun(session("a", "b", current="a"), strategy="priority") << calls("a", "A")


def test_with_one_bucket_round_robin_goes_round() -> None:
    """The session goes with each request, also from a bucket to itself."""
    assert begun(session("a"), strategy="round-robin") << calls("a", "A", 1, "moves")


@pytest.mark.requirement("REQ-1598-FL16")
@pytest.mark.parametrize(
    ("token", "fact"),
    [
        (TokenAbsent(), "token-absent"),
        (TokenOutage(), "store-outage"),
        (stale("A", refreshable=False), "token-expired"),
    ],
)
def test_one_bucket_without_a_token_ends_with_its_own_reason(token: Any, fact: Any) -> None:
    """And asks for no login."""
    assert begun(unread("a")) << read("a") >> store_holds("a", token) << exhausted(a=fact)


def test_one_bucket_is_refreshed_once() -> None:
    """And ends with why that brought nothing."""
    assert (
        begun(unread("a"))
        << read("a")
        >> store_holds("a", stale("A"))
        << refresh("a")
        >> refresh_fails("a", "gone")
        << exhausted(a=("token-expired", "refresh failed: gone"))
    )


@pytest.mark.requirement("REQ-1598-BWC01")
def test_one_bucket_is_always_called() -> None:
    """Whatever is believed of its quota, and whatever other requests were refused."""
    assert begun(session(ready("a", limits=(WEEK,)))) << calls("a", "A", a=("last-resort", "week", 9_000.0))
    assert begun(refused(session("a"))) << calls("a", "A")


# A bucket that a reset has removed.


def after_reset(attempts: int, *buckets: BucketSnapshot, **facts: Any) -> tuple[Dialogue, RequestSnapshot]:
    """A request whose calls with `gone` have failed, and that goes on after a reset."""
    known = session("gone", "b")
    scene = Scene(known, begin_request(known, now=NOW, draw=0.5, **facts))
    for place in range(attempts):
        scene = scene.tell(fails("server-error"), calls("gone", "GONE", place + 1))
    later = reset_session(scene.session, FailoverSnapshot(provider="anthropic", buckets=buckets))
    return Dialogue(later, scene.request), scene.request


def test_a_request_whose_bucket_is_gone_begins_anew() -> None:
    """Its calls count."""
    dialogue, _ = after_reset(1, ready("b"), ready("c"))
    assert dialogue << calls("b", "B", 2) >> serves() << served("b")


@pytest.mark.parametrize(("attempts", "is_left"), [(5, True), (6, False), (7, False)])
def test_if_a_call_is_left(attempts: int, is_left: bool) -> None:  # noqa: FBT001 - a column of the table
    """Six of two buckets."""
    dialogue, _ = after_reset(attempts, ready("b"), ready("c"))
    assert dialogue << (calls("b", "B", attempts + 1) if is_left else spent_calls(attempts, "server-error"))


def test_or_as_many_as_the_policy_says() -> None:
    """One is enough."""
    for attempts in (1, 2):
        dialogue, _ = after_reset(1, ready("b"), policy=RetryPolicy(max_attempts=attempts))
        assert dialogue << (spent_calls(1, "server-error") if attempts == 1 else calls("b", "B", 2))


def test_an_empty_profile_is_exhausted() -> None:
    """From the beginning, and after a reset; with no reasons."""
    assert begun(session()) << exhausted()
    dialogue, _ = after_reset(1)
    assert dialogue << exhausted()
