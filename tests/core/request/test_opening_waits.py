"""A request begins where no bucket is simply usable: a login, a wait, a probe, a token that others were refused."""

from typing import Any

import pytest

from bucket_failover_core import (
    FailoverPolicy,
    FailoverSnapshot,
    Limit,
    RetryBudget,
    RetryPolicy,
    SessionSnapshot,
    TokenAbsent,
    TokenRead,
    begin_request,
    begin_session,
)
from tests.support.dialogue import (
    Dialogue,
    calls,
    live,
    ready,
    served,
    serves,
    session,
    stale,
    told,
    unread,
    waits,
)
from tests.support.happenings import begun, refused, soft
from tests.support.playbook import (
    Found,
    at,
    exhausted,
    login,
    login_brings,
    login_fails,
    read,
    refresh,
    refresh_brings,
    refresh_fails,
    store_holds,
)
from tests.support.worlds import NOW, bucket, limit

WEEK = limit(9_000.0, window="week")


# A login before any call.


def test_without_any_token_a_login_is_asked_for() -> None:
    """In profile order, whatever bucket is in use; what it brings is called with, and the session goes there."""
    played = (
        begun(unread("a", "b").evolve({"profile": unread("a", "b").profile.model_copy(update={"current": "b"})}))
        << read("b")
        >> store_holds("b", TokenAbsent())
        << read("a")
        >> store_holds("a", TokenAbsent())
        << login("a", a="token-absent", b="token-absent")
        >> login_brings("a", live("A"))
        << calls("a", "A", 1, "moves")
        >> serves()
        << served("a")
    ).play()
    assert played.session.current == "a"


@pytest.mark.parametrize(("until", "name"), [(NOW - 1, "a"), (NOW, "a"), (NOW + 0.001, "b")])
def test_a_bucket_whose_limit_has_ended_is_asked_for_a_login(until: float, name: str) -> None:
    """One whose limit is in force is not: it could not serve even with a fresh one."""
    known = session(bucket("a", limits=(limit(until),)), bucket("b"))
    scene = begun(known).play()
    for each in "ab":
        scene = scene.tell(TokenRead(bucket=each, token=TokenAbsent(), at=NOW), None)
    assert Dialogue(scene.session, scene.request) << login(name)


def test_one_login_is_all_that_a_request_asks_for() -> None:
    """Unless the policy allows more; the time for it is the policy's."""
    policy = FailoverPolicy(reauths_per_request=2, reauth_timeout_seconds=7.0)
    for reauths in (1, 2):
        allowed = policy.model_copy(update={"reauths_per_request": reauths})
        known = begin_session(
            FailoverSnapshot(provider="anthropic", buckets=(bucket("a"), bucket("b")), policy=allowed)
        )
        first = (
            begun(known)
            << read("a")
            >> store_holds("a", TokenAbsent())
            << read("b")
            >> store_holds("b", TokenAbsent())
            << login("a", 7.0)
            >> login_fails("a", "no")
        )
        if reauths == 1:
            assert first << exhausted(a=("login-failed", "login failed: no"), b="token-absent")
        else:
            assert first << login("b", 7.0)


def test_a_login_that_another_request_has_asked_for_counts() -> None:
    """A thousand requests ask once."""
    scene = (
        begun(unread("a", "b"))
        << read("a")
        >> store_holds("a", TokenAbsent())
        << read("b")
        >> store_holds("b", TokenAbsent())
        << login("a")
    ).play()
    later = told(scene.session, login_fails("a").model_copy(update={"at": NOW}))
    assert Dialogue(later, scene.request) << exhausted(a=("login-failed", "login failed"), b="token-absent")


# Limits on all of them.


def under(*limits: Limit | None, **facts: Any) -> SessionSnapshot:
    """Buckets that are ready, but for these limits."""
    return session(
        *(ready(name, limits=() if each is None else (each,)) for name, each in zip("abc", limits, strict=False)),
        **facts,
    )


def test_a_start_without_any_bucket_waits_for_the_earliest() -> None:
    """Where the provider's word ends within `hint_max_seconds`; the session goes to it, and it is no retry."""
    known = under(limit(NOW + 200), limit(NOW + 100))
    played = (
        begun(known)
        << waits(NOW + 100, "b", a=("limit-in-force", "5h", NOW + 200), b=("limit-in-force", "5h", NOW + 100))
        >> at(NOW + 99.999)
        << waits(NOW + 100, "b")
        >> at(NOW + 100)
        << calls("b", "B", 1, "moves")
        >> serves()
        << served("b")
    ).play()
    assert played.session.current == "b"
    assert played.session.budget == known.budget


@pytest.mark.parametrize(
    ("ends", "waits_for"), [((300.0, 400.0), 300.0), ((300.001, 400.0), None), ((9_000.0, 299.0), 299.0)]
)
def test_a_word_for_longer_ends_the_request_at_once(ends: tuple[float, float], waits_for: float | None) -> None:
    """Without a call, if it is so of all."""
    opening = begun(under(*(limit(NOW + end) for end in ends)))
    if waits_for is None:
        both: list[Found] = [("limit-in-force", "5h", NOW + end) for end in ends]
        assert opening << exhausted(a=both[0], b=both[1])
    else:
        assert opening << waits(NOW + waits_for, "a" if waits_for == ends[0] else "b")


def test_a_belief_is_put_to_the_test_at_once() -> None:
    """The one that ends first; no wait is needed for what the provider has not said outright."""
    assert begun(under(limit(NOW + 100), soft(NOW + 9_000))) << calls("b", "B")


def test_who_is_not_patient_is_told_at_once() -> None:
    """`waits_for_profile`."""
    known = under(limit(NOW + 20), limit(NOW + 40))
    both: dict[str, Any] = {
        "a": ("limit-in-force", "5h", NOW + 20),
        "b": ("limit-in-force", "5h", NOW + 40),
    }
    assert begun(known, policy=RetryPolicy(waits_for_profile=False)) << exhausted(**both)
    assert begun(known, policy=RetryPolicy(hint_max_seconds=19.0)) << exhausted(**both)
    assert begun(known, policy=RetryPolicy(hint_max_seconds=20.0)) << waits(NOW + 20, "a")


@pytest.mark.parametrize("left", [0.0, 0.5, 1.0])
def test_a_first_call_is_free(left: float) -> None:
    """However many retries others have made."""
    known = under(limit(NOW + 20), limit(NOW + 40)).evolve({"budget": RetryBudget(left=left, at=NOW)})
    assert begun(known) << waits(NOW + 20, "a") >> at(NOW + 20) << calls("a", "A")


@pytest.mark.parametrize(("seconds", "comes_first"), [(30.0, True), (30.001, False)])
def test_a_short_wait_comes_before_a_login(seconds: float, comes_first: bool) -> None:  # noqa: FBT001 - a column
    """At most 30 s; a login comes before a longer wait, and that before the end."""
    known = session(ready("a", limits=(limit(NOW + seconds),)), bucket("b"))
    asked = begun(known) << read("b") >> store_holds("b", TokenAbsent())
    if comes_first:
        assert asked << waits(NOW + seconds, "a")
    else:
        assert asked << login("b") >> login_fails("b") << waits(NOW + seconds, "a")


def test_a_bucket_under_a_limit_is_not_asked_for_a_login() -> None:
    """It could not serve even with a fresh one."""
    known = session(bucket("a", limits=(WEEK,)), bucket("b"))
    scene = begun(known).play()
    scene = scene.tell(TokenRead(bucket="a", token=TokenAbsent(), at=NOW), None)
    assert Dialogue(scene.session, scene.request) << read("b") >> store_holds("b", TokenAbsent()) << login("b")


# What was waited for becomes the session's.


@pytest.mark.parametrize(
    ("until", "now", "flags"),
    [
        (NOW + 20, NOW + 20, ("moves",)),
        (NOW + 20, NOW + 25, ("moves",)),
        (NOW, NOW + 20, ()),
        (NOW - 5, NOW + 20, ()),
    ],
)
def test_a_bucket_that_was_waited_for_becomes_the_sessions(until: float, now: float, flags: tuple[str, ...]) -> None:
    """If the provider's word kept the request from it when it began, and has ended since."""
    known = session(ready("a", limits=(WEEK,)), ready("b", limits=(limit(until),)))
    request = begin_request(known, now=NOW, draw=0.0)
    assert Dialogue(known, request, now) << calls("b", "B", 1, *flags)


@pytest.mark.parametrize(
    ("own", "flags"),
    [
        (limit(NOW + 20), ("moves",)),
        (soft(NOW + 20, source="operator"), ("moves",)),
        (soft(NOW + 20), ()),
        (limit(NOW + 20, model="opus"), ()),
        (limit(NOW + 20, model="haiku"), ("moves",)),
        (limit(NOW + 20, scope="request"), ()),
    ],
)
def test_a_belief_or_another_models_limit_is_not_waited_for(own: Limit, flags: tuple[str, ...]) -> None:
    """So its end moves no session."""
    known = session(ready("a", limits=(WEEK,)), ready("b", limits=(own,)))
    request = begin_request(known, now=NOW, draw=0.0, model="haiku")
    assert Dialogue(known, request, NOW + 20) << calls("b", "B", 1, *flags)


# A probe.


def probing(**facts: Any) -> SessionSnapshot:
    """A belief of long ago about `a`, which no request has tested."""
    return session(ready("a", limits=(soft(observed_at=NOW - 1_000),), **facts), "b", current="b")


def test_a_belief_is_tested_from_time_to_time() -> None:
    """A probe is a detour: the session stays, and the probe is claimed when it begins."""
    known = probing()
    played = (begun(known) << calls("a", "A", 1, "probe", b="usable", a="probe-due") >> serves() << served("a")).play()
    assert played.session.current == "b"
    assert played.session.profile.buckets[0].probed_at == NOW
    assert played.session.profile.buckets[0].limits == ()


def test_a_probe_moves_no_session_by_any_strategy() -> None:
    """Nor is one due of a conversation, or soon after another one."""
    assert begun(probing(), strategy="round-robin") << calls("a", "A", 1, "probe")
    assert begun(probing(probed_at=NOW - 500)) << calls("b", "B")
    assert begun(probing(), session_key="k2") << calls("b", "B")


def test_a_probe_whose_token_is_unread_is_read_first() -> None:
    """Then it is a probe."""
    known = session(bucket("a", limits=(soft(observed_at=NOW - 1_000),)), "b", current="b")
    assert begun(known) << read("a") >> store_holds("a", live("A")) << calls("a", "A", 1, "probe")


# Refused tokens of other requests.


def test_a_token_that_another_request_was_refused_is_not_called_with() -> None:
    """It is read again, refreshed, and else the session goes elsewhere."""
    known = refused(session("a", "b"))
    read_again = begun(known) << read("a") >> store_holds("a", live("A")) << refresh("a")
    assert read_again >> refresh_brings("a", live("A2")) << calls("a", "A2")
    assert read_again >> refresh_fails("a") << calls("b", "B", 1, "moves")
    assert begun(known) << read("a") >> store_holds("a", live("A3")) << calls("a", "A3")


@pytest.mark.parametrize(
    ("buckets", "name"),
    [
        ((live("A", refreshable=False), live("B", refreshable=False)), "a"),
        ((stale("A", refreshable=False), live("B", refreshable=False)), "b"),
    ],
)
def test_as_the_last_resort_it_is(buckets: tuple[Any, Any], name: str) -> None:
    """Before nothing is called at all: after the login, the first whose token can be called with."""
    known = session(*(bucket(each, token) for each, token in zip("ab", buckets, strict=True)))
    known = refused(refused(known), "b", "B")
    opening = (
        begun(known)
        << read("a")
        >> store_holds("a", buckets[0])
        << read("b")
        >> store_holds("b", buckets[1])
        << login("a")
        >> login_fails("a")
    )
    findings: dict[str, Any] = {name: "last-resort"}
    expected = calls(name, name.upper(), **findings)
    assert opening << expected
    without = known.evolve(
        {"profile": known.profile.model_copy(update={"policy": FailoverPolicy(reauths_per_request=0)})}
    )
    assert (
        begun(without)
        << read("a")
        >> store_holds("a", buckets[0])
        << read("b")
        >> store_holds("b", buckets[1])
        << expected
    )
