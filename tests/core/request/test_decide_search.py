"""A failed call asks for another bucket: the search, patience where none is left, and the end."""

from typing import Any

import pytest

from bucket_failover_core import (
    FailoverPolicy,
    RetryBudget,
    RetryPolicy,
    SessionSnapshot,
    TokenAbsent,
    begin_request,
)
from tests.support.dialogue import (
    Dialogue,
    calls,
    fails,
    gives_up,
    live,
    ready,
    served,
    serves,
    session,
    spent_calls,
    stale,
    told,
    waits,
)
from tests.support.playbook import (
    at,
    exhausted,
    login,
    login_brings,
    login_fails,
    read,
    refresh,
    refresh_brings,
    store_holds,
)
from tests.support.worlds import NOW, bucket, limit


def begun(known: SessionSnapshot, draw: float = 0.5, **facts: Any) -> Dialogue:
    """A request that begins now."""
    return Dialogue(known, begin_request(known, now=NOW, draw=draw, **facts))


def without_logins(known: SessionSnapshot) -> SessionSnapshot:
    """A session whose user cannot be asked."""
    policy = FailoverPolicy(reauths_per_request=0)
    return known.evolve({"profile": known.profile.model_copy(update={"policy": policy})})


ALONE = begun(session("a")) << calls("a", "A")
PAIR = begun(session("a", "b")) << calls("a", "A")


# Failover.


def test_a_spent_quota_fails_over_at_once() -> None:
    """The session goes along; the findings are those of the search."""
    played = (
        PAIR
        >> fails("quota", detail="slow down")
        << calls("b", "B", 2, "moves", a=("call-refused-for-quota", "slow down"), b="usable")
        >> serves()
        << served("b")
    ).play()
    assert played.session.current == "b"


def test_the_steps_of_a_search_are_those_of_a_search() -> None:
    """Read, refresh, use."""
    assert (
        begun(session("a", bucket("b")))
        << calls("a", "A")
        >> fails("quota")
        << read("b", a="call-refused-for-quota", b="not-read")
        >> store_holds("b", stale("B"))
        << refresh("b", a="call-refused-for-quota", b="refreshable")
        >> refresh_brings("b", live("B2"))
        << calls("b", "B2", 2, "moves", a="call-refused-for-quota", b="usable")
    )


def test_an_overloaded_provider_is_not_hit_again_without_a_wait() -> None:
    """Another account meets the same one: the wait comes after the search, and is a backoff that starts over."""
    second = (
        PAIR
        >> fails("server-error")
        << waits(NOW + 5, "a")
        >> at(NOW + 5)
        << calls("a", "A", 2, "retry")
        >> fails("overloaded")
        << waits(NOW + 10, "b", a=("credential-sound", "overloaded"), b="usable")
    )
    assert second >> at(NOW + 9.999) << waits(NOW + 10, "b")
    assert second >> at(NOW + 10) << calls("b", "B", 3, "moves")


def test_nor_out_of_patience() -> None:
    """Where no bucket is left, the later of both moments counts."""
    known = session("a", ready("b", limits=(limit(NOW + 7),)))
    second = (
        begun(known)
        << calls("a", "A")
        >> fails("server-error")
        << waits(NOW + 5, "a")
        >> at(NOW + 5)
        << calls("a", "A", 2, "retry")
        >> fails("overloaded")
    )
    assert second << waits(NOW + 10, "b")
    later = session("a", ready("b", limits=(limit(NOW + 12),)))
    assert Dialogue(later, lines=second.lines) << waits(NOW + 12, "b")
    equal = session("a", ready("b", limits=(limit(NOW + 10),)))
    assert Dialogue(equal, lines=second.lines) << waits(NOW + 10, "b")


def test_nor_before_a_login() -> None:
    """The wait that comes before it is no shorter."""
    known = session("a", ready("b", limits=(limit(NOW + 7),)), bucket("c"))
    assert (
        begun(known)
        << calls("a", "A")
        >> fails("server-error")
        << waits(NOW + 5, "a")
        >> at(NOW + 5)
        << calls("a", "A", 2, "retry")
        >> fails("overloaded")
        << read("c")
        >> store_holds("c", TokenAbsent())
        << waits(NOW + 10, "b")
    )


@pytest.mark.parametrize("is_healable", [True, False])
def test_a_refusal_on_the_last_attempt_that_nothing_heals_is_a_search(is_healable: bool) -> None:  # noqa: FBT001 - a column
    """So that no bucket is left is told; what a refresh could heal has no call left to be healed for."""
    token = live("A", refreshable=is_healable)
    known = without_logins(session(bucket("a", token), ready("b", paused=True)))
    asked = begun(known, policy=RetryPolicy(max_attempts=1)) << calls("a", "A") >> fails("unauthenticated")
    if is_healable:
        assert asked << spent_calls(1, "unauthenticated")
    else:
        assert asked << read("a") >> store_holds("a", token) << exhausted(a="token-refused", b="paused")


@pytest.mark.parametrize("cause", ["quota", "throttled"])
@pytest.mark.parametrize(("attempts", "is_left"), [(1, False), (2, True)])
def test_a_switch_needs_a_call_that_is_left(attempts: int, is_left: bool, cause: str) -> None:  # noqa: FBT001 - a column
    """`max_attempts`; the end names the last cause. A wish of 40 s is too long to be waited for."""
    asked = begun(session("a", "b"), policy=RetryPolicy(max_attempts=attempts)) << calls("a", "A")
    assert asked >> fails(cause, NOW + 40) << (calls("b", "B", 2, "moves") if is_left else spent_calls(1, cause))


def test_that_no_bucket_is_left_is_told_on_the_last_attempt_as_well() -> None:
    """Exhaustion comes before the spent calls."""
    known = session("a", ready("b", paused=True))
    asked = begun(known, policy=RetryPolicy(max_attempts=1)) << calls("a", "A")
    assert asked >> fails("quota") << exhausted(a="call-refused-for-quota", b="paused")


def test_a_profile_has_three_calls_for_each_bucket_and_each_is_reached() -> None:
    """And at least six."""
    calls_made = begun(session("a", "b"))
    now = NOW
    for attempt, name in enumerate("aab", start=1):
        flags = ["retry"] if attempt == 2 else ["moves"] if name == "b" else []
        calls_made = calls_made << calls(name, name.upper(), attempt, *flags) >> fails("network")
        if attempt in {1, 3}:
            now += 5
            calls_made = calls_made << waits(now, name) >> at(now)
    assert calls_made << calls("b", "B", 4, "retry")


# Patience.


def test_where_no_bucket_is_left_the_request_waits_for_the_earliest() -> None:
    """For the backoff of its own failures; it is a retry, which the budget pays, and the session goes to it."""
    played = (
        PAIR
        >> fails("quota")
        << calls("b", "B", 2, "moves")
        >> at(NOW + 1)
        >> fails("quota")
        << waits(NOW + 5, "a", a="call-refused-for-quota", b="call-refused-for-quota")
        >> at(NOW + 5)
        << calls("a", "A", 3, "moves", "retry", a="call-refused-for-quota", b="call-refused-for-quota")
        >> serves()
        << served("a")
    ).play()
    assert played.session.current == "a"
    assert played.session.budget == RetryBudget(left=99.1, at=NOW + 5)


BOTH_SPENT: dict[str, Any] = {"a": "call-refused-for-quota", "b": "call-refused-for-quota"}


@pytest.mark.parametrize(
    ("policy", "budget", "waits_for_it"),
    [
        (RetryPolicy(), RetryBudget(), True),
        (RetryPolicy(), None, True),
        (RetryPolicy(), RetryBudget(left=1.0, at=NOW), True),
        (RetryPolicy(), RetryBudget(left=0.9, at=NOW), False),
        (RetryPolicy(waits_for_profile=False), RetryBudget(), False),
        (RetryPolicy(max_attempts=3), RetryBudget(), True),
        (RetryPolicy(max_attempts=2), RetryBudget(), False),
    ],
)
def test_patience_needs_a_call_and_a_retry_that_are_left(
    policy: RetryPolicy,
    budget: RetryBudget | None,
    waits_for_it: bool,  # noqa: FBT001 - a column of the table
) -> None:
    """And a user who allows it."""
    known = session("a", "b").evolve({"budget": budget})
    spent = (
        begun(known, policy=policy)
        << calls("a", "A")
        >> fails("quota")
        << calls("b", "B", 2, "moves")
        >> fails("quota")
    )
    assert spent << (waits(NOW + 5, "a") if waits_for_it else exhausted(**BOTH_SPENT))


def test_the_very_bucket_that_has_failed_may_be_waited_for() -> None:
    """A bare 429 is waited for with one account; with another one that cannot help it is waited for as well."""
    known = session("a", ready("b", paused=True))
    spent = begun(known) << calls("a", "A") >> fails("quota") << waits(NOW + 5, "a") >> at(NOW + 5)
    assert spent << calls("a", "A", 2, "moves", "retry") >> serves() << served("a")


def test_a_bucket_that_was_waited_for_may_need_its_token_first() -> None:
    """It is read, refreshed, and then called with."""
    known = session("a", bucket("b", limits=(limit(NOW + 20),)))
    waited = begun(known) << calls("a", "A") >> fails("quota", NOW + 9_000) << waits(NOW + 20, "b") >> at(NOW + 20)
    assert waited << read("b") >> store_holds("b", live("B")) << calls("b", "B", 2, "moves")


@pytest.mark.parametrize(("seconds", "comes_first"), [(30.0, True), (30.001, False)])
def test_a_short_wait_comes_before_a_login(seconds: float, comes_first: bool) -> None:  # noqa: FBT001 - a column
    """At most 30 s; a login comes before a longer wait, and that before the end."""
    known = session(ready("a", limits=(limit(NOW + seconds),)), ready("c"), bucket("b"), current="c")
    asked = (
        begun(known) << calls("c", "C") >> fails("quota", NOW + 9_000) << read("b") >> store_holds("b", TokenAbsent())
    )
    a: Any = ("limit-in-force", "5h", NOW + seconds)
    found: dict[str, Any] = {"c": "call-refused-for-quota", "a": a, "b": "token-absent"}
    if comes_first:
        assert asked << waits(NOW + seconds, "a", **found)
    else:
        asked = asked << login("b", 300.0, **found)
        assert asked >> login_brings("b", live("B")) << calls("b", "B", 2, "moves")
        assert asked >> login_fails("b") << waits(NOW + seconds, "a")


# The end.


def test_a_token_that_only_others_were_refused_is_the_last_resort() -> None:
    """Called with before nothing is called at all, if a call is left; the session stays."""
    known = without_logins(
        session(bucket("a", live("A", refreshable=False)), bucket("b", live("B", refreshable=False)))
    )
    refused = fails("unauthenticated", fingerprint="B").answer
    call = calls("b", "B").begun(at=NOW - 2)
    known = told(known, call.answered(refused.model_copy(update={"at": NOW - 1}), fingerprint="B"))
    for attempts in (1, 2):
        asked = (
            begun(known, policy=RetryPolicy(max_attempts=attempts)) << calls("a", "A") >> fails("quota", NOW + 9_000)
        )
        asked = asked << read("b") >> store_holds("b", live("B", refreshable=False))
        if attempts == 1:
            assert asked << exhausted(a="call-refused-for-quota", b="token-refused")
        else:
            assert asked << calls("b", "B", 2, b="last-resort") >> serves() << served("b")


def test_a_limit_of_another_model_does_not_speak_against_it() -> None:
    """One of the request's own does."""
    token = live("B", refreshable=False)
    known = without_logins(session("a", bucket("b", token, limits=(limit(9_000.0, window="week", model="opus"),))))
    refused = fails("unauthenticated").answer.model_copy(update={"at": NOW - 1})
    known = told(known, calls("b", "B").begun(at=NOW - 2).answered(refused, fingerprint="B"))
    for model in ("haiku", "opus"):
        asked = begun(known, model=model) << calls("a", "A") >> fails("quota", NOW + 9_000)
        if model == "opus":
            assert asked << exhausted(a="call-refused-for-quota", b=("limit-in-force", "week", 9_000.0))
        else:
            assert asked << read("b") >> store_holds("b", token) << calls("b", "B", 2, b="last-resort")


def test_without_such_a_token_nothing_is_called() -> None:
    """What the request itself was refused is none."""
    known = without_logins(session(bucket("a", live("A", refreshable=False)), ready("b", paused=True)))
    asked = begun(known) << calls("a", "A") >> fails("unauthenticated") << read("a")
    assert asked >> store_holds("a", live("A", refreshable=False)) << exhausted(a="token-refused", b="paused")


@pytest.mark.requirement("REQ-1598-BWC01")
@pytest.mark.parametrize(("seconds", "is_final"), [(40.0, False), (300.0, False), (300.5, True)])
def test_one_bucket_never_fails_over(seconds: float, is_final: bool) -> None:  # noqa: FBT001 - a column
    """It retries within its calls; a quota whose end is over `hint_max_seconds` away is the caller's own error."""
    assert (
        ALONE
        >> fails("quota", NOW + seconds)
        << (gives_up("quota", "final") if is_final else waits(NOW + seconds, "a"))
    )


def test_one_bucket_has_six_calls() -> None:
    """Then the retries are exhausted, with how many there were and what the last one was."""
    dialogue, now = begun(session("a")), NOW
    for attempt in range(1, 7):
        dialogue = dialogue << calls("a", "A", attempt, *(["retry"] if attempt > 1 else [])) >> fails("network")
        if attempt < 6:
            now += min(5.0 * 2 ** (attempt - 1), 30.0)
            dialogue = dialogue << waits(now, "a") >> at(now)
    assert dialogue << spent_calls(6, "network")


@pytest.mark.requirement("REQ-1598-FL16")
def test_one_bucket_whose_token_has_gone_while_it_was_waited_for_ends_with_its_own_reason() -> None:
    """No other one is there, and no login is asked for."""
    token = live("A", expiry=NOW + 3, refreshable=False)
    waited = (
        begun(session(bucket("a", token))) << calls("a", "A") >> fails("network") << waits(NOW + 5, "a") >> at(NOW + 5)
    )
    assert waited << read("a") >> store_holds("a", token) << exhausted(a="token-expired")
