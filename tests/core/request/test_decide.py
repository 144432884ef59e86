"""A request, asked again after each thing that happens: calls, retries, and refused tokens."""

from typing import Any

import pytest

from bucket_failover_core import (
    Limit,
    RequestSnapshot,
    RetryBudget,
    RetryPolicy,
    SessionSnapshot,
    TokenAbsent,
    TokenRead,
    begin_request,
    decide_request,
)
from bucket_failover_core.request.session import reset_session
from tests.support.dialogue import (
    Dialogue,
    begins,
    calls,
    fails,
    gives_up,
    live,
    ready,
    served,
    serves,
    session,
    spent_calls,
    told,
    unread,
    waits,
)
from tests.support.playbook import (
    at,
    exhausted,
    login,
    login_brings,
    read,
    refresh,
    refresh_brings,
    refresh_fails,
    store_holds,
)
from tests.support.worlds import NOW, bucket, held, limit, profile

REFUSALS = ["unauthenticated", "forbidden"]
TROUBLES = ["overloaded", "server-error", "network", "timeout"]


def begun(known: SessionSnapshot, draw: float = 0.5, **facts: Any) -> Dialogue:
    """A request that begins now."""
    return Dialogue(known, begin_request(known, now=NOW, draw=draw, **facts))


def soft(until: float = 9_000.0, **facts: Any) -> Limit:
    """A belief, seen just now."""
    return limit(until, **{"strength": "advisory", "window": "week", "observed_at": NOW, **facts})


ALONE = begun(session("a")) << calls("a", "A")
PAIR = begun(session("a", "b")) << calls("a", "A")


# Being asked.


@pytest.mark.parametrize("now", [float("nan"), float("inf"), -float("inf")])
def test_a_moment_is_a_number(now: float) -> None:
    """As everywhere."""
    with pytest.raises(ValueError, match=r"^now: "):
        decide_request(session("a"), RequestSnapshot(begun_at=NOW), now=now)


def test_a_call_that_was_served_ends_the_request() -> None:
    """A shell that asks later is told the same, also after the bucket is gone; it is the same object."""
    scene = (PAIR >> serves() << served("a")).play()
    assert decide_request(scene.session, scene.request, now=NOW + 9) is decide_request(
        reset_session(scene.session, profile("c")), scene.request, now=NOW
    )


@pytest.mark.parametrize("flags", [("probe",), ("moves",), ("retry",), ()])
def test_a_shell_that_asks_while_a_call_is_made_is_told_of_the_same_call(flags: tuple[str, ...]) -> None:
    """Its number, its token, and what it is."""
    scene = PAIR.play()
    for attempt in (1, 2):
        call = calls("a", "A", attempt, *flags)
        scene = scene.tell(begins(), call)
        assert scene.ask() == call
        scene = scene.tell(fails("quota"), call)


def test_the_token_of_a_call_that_is_made_may_be_another_one_by_now() -> None:
    """The one that is held is told; none if there is none, or if a reset has removed the bucket."""
    scene = PAIR.play().tell(begins(), calls("a", "A"))
    for token, fingerprint in ((live("A2"), "A2"), (TokenAbsent(), "")):
        later = told(scene.session, TokenRead(bucket="a", token=token, at=NOW))
        assert scene._replace(session=later).ask() == calls("a", fingerprint)
    assert scene._replace(session=reset_session(scene.session, profile("b"))).ask() == calls("a", "")


# What nothing can be done about.


@pytest.mark.parametrize("names", ["a", "ab"])
def test_what_cannot_be_classified_is_given_up(names: str) -> None:
    """With why: unknown."""
    dialogue = begun(session(*names)) << calls("a", "A") >> fails(None)
    assert dialogue << gives_up(None, "unknown")


@pytest.mark.parametrize("cause", ["client-error", "cancelled"])
@pytest.mark.parametrize("names", ["a", "ab"])
def test_what_is_final_is_given_up(cause: str, names: str) -> None:
    """Another bucket would hear the same."""
    assert begun(session(*names)) << calls("a", "A") >> fails(cause) << gives_up(cause, "final")


@pytest.mark.parametrize("where", ["event", "answer"])
@pytest.mark.parametrize("cause", ["quota", "server-error", "unauthenticated"])
def test_after_output_has_started_nothing_is_repeated(cause: str, where: str) -> None:
    """Whether the caller says so or the answer does."""
    reply = fails(cause, output_started=True)
    if where == "answer":
        reply = fails(cause)
        reply = type(reply)(reply.answer.model_copy(update={"output_started": True}))
    assert PAIR >> reply << gives_up(cause, "output-started")


# A retry.


@pytest.mark.parametrize("cause", [*TROUBLES, "throttled"])
def test_what_passes_is_tried_again_once(cause: str) -> None:
    """After a backoff from the failure on, judged at its own moment, whenever it is asked about; then it fails over."""
    waited = PAIR >> fails(cause) << waits(NOW + 5, "a", a="usable") >> at(NOW + 4.999) << waits(NOW + 5, "a")
    again = waited >> at(NOW + 5) << calls("a", "A", 2, "retry", a="usable")
    assert again >> serves() << served("a")
    assert waited >> at(NOW + 500) << calls("a", "A", 2, "retry")
    second = again >> fails("server-error") << calls("b", "B", 3, "moves")
    assert second >> serves() << served("b")
    assert second.play().session.budget == RetryBudget(left=99.0, at=NOW + 5)


@pytest.mark.parametrize(("draw", "seconds"), [(0.0, 3.5), (0.5, 5.0), (0.75, 5.75)])
def test_the_chance_of_a_request_spreads_its_waits(draw: float, seconds: float) -> None:
    """By three tenths; the policy's numbers are used."""
    assert begun(session("a", "b"), draw) << calls("a", "A") >> fails("network") << waits(NOW + seconds, "a")
    patient = RetryPolicy(backoff_min_seconds=8.0, jitter=0.0)
    assert begun(session("a", "b"), draw, policy=patient) << calls("a", "A") >> fails("network") << waits(NOW + 8, "a")


@pytest.mark.parametrize(("seconds", "is_short"), [(20.0, True), (30.0, True), (30.5, False)])
def test_a_short_wish_is_waited_for(seconds: float, is_short: bool) -> None:  # noqa: FBT001 - a column
    """At most 30 s, where another bucket is; else it fails over."""
    expected = waits(NOW + seconds, "a") if is_short else calls("b", "B", 2, "moves")
    assert PAIR >> fails("throttled", NOW + seconds) << expected


def test_a_probe_that_is_throttled_has_its_answer() -> None:
    """It fails over at once, and the session stays where it was."""
    known = session(ready("a", limits=(soft(observed_at=NOW - 1_000),)), "b", current="b")
    played = (
        begun(known)
        << calls("a", "A", 1, "probe")
        >> fails("throttled")
        << calls("b", "B", 2)
        >> serves()
        << served("b")
    ).play()
    assert played.session.current == "b"


def test_a_bucket_whose_token_has_gone_while_it_was_waited_for_is_searched_past() -> None:
    """It can be refreshed, or else another one serves."""
    known = session(bucket("a", live("A", expiry=NOW + 3)), "b")
    waited = begun(known) << calls("a", "A") >> fails("network") << waits(NOW + 5, "a") >> at(NOW + 5)
    assert waited << read("a") >> store_holds("a", live("A2")) << calls("a", "A2", 2, "retry")
    expired = waited << read("a") >> store_holds("a", live("A", expiry=NOW + 3)) << refresh("a")
    assert expired >> refresh_brings("a", live("A3")) << calls("a", "A3", 2, "retry")
    assert expired >> refresh_fails("a") << calls("b", "B", 2, "moves")


@pytest.mark.parametrize(("left", "is_paid"), [(0.0, False), (0.9, False), (1.0, True)])
def test_a_retry_is_made_while_the_shared_budget_has_one_left(left: float, is_paid: bool) -> None:  # noqa: FBT001 - a column
    """A burst then fails over at once; the provider's own trouble is told as it is."""
    known = session("a", "b").evolve({"budget": RetryBudget(left=left, at=NOW)})
    asked = begun(known) << calls("a", "A")
    assert asked >> fails("throttled") << (waits(NOW + 5, "a") if is_paid else calls("b", "B", 2, "moves"))
    assert asked >> fails("network") << (waits(NOW + 5, "a") if is_paid else spent_calls(1, "network"))


def test_without_a_budget_retries_are_not_counted() -> None:
    """None."""
    assert (
        begun(session("a", "b").evolve({"budget": None})) << calls("a", "A") >> fails("network") << waits(NOW + 5, "a")
    )


def test_the_budget_is_that_of_the_failure() -> None:
    """What comes back later pays no retry that was refused then."""
    known = session("a").evolve({"budget": RetryBudget(left=0.5, at=NOW)})
    assert begun(known) << calls("a", "A") >> fails("network") >> at(NOW + 100) << spent_calls(1, "network")


# A refusal.


@pytest.mark.parametrize("cause", REFUSALS)
@pytest.mark.parametrize("names", ["a", "ab"])
def test_a_refused_token_is_read_again_and_then_refreshed(cause: str, names: str) -> None:
    """Another process may have renewed it; what a refresh brings is called with at once, and is no retry."""
    refused = begun(session(*names)) << calls("a", "A") >> fails(cause) << read("a", a="not-read")
    assert refused >> store_holds("a", live("A2")) << calls("a", "A2", 2, a="usable")
    healed = refused >> store_holds("a", live("A")) << refresh("a", a="refreshable") >> refresh_brings("a", live("A2"))
    assert healed << calls("a", "A2", 2) >> serves() << served("a")


@pytest.mark.parametrize("cause", REFUSALS)
def test_once_and_then_it_fails_over(cause: str) -> None:
    """A token that a refresh has brought is not refreshed again in the same request."""
    healed = (
        PAIR
        >> fails(cause)
        << read("a")
        >> store_holds("a", live("A"))
        << refresh("a")
        >> refresh_brings("a", live("A2"))
    )
    again = healed << calls("a", "A2", 2) >> fails(cause) << read("a") >> store_holds("a", live("A2"))
    assert again << calls("b", "B", 3, "moves")


@pytest.mark.parametrize("cause", REFUSALS)
def test_a_refresh_that_brings_nothing_fails_over(cause: str) -> None:
    """Alone, it is the caller's own error."""
    for asked, expected in ((PAIR, calls("b", "B", 2, "moves")), (ALONE, gives_up(cause, "final"))):
        refused = asked >> fails(cause) << read("a") >> store_holds("a", live("A")) << refresh("a")
        assert refused >> refresh_fails("a") << expected


def test_a_token_that_cannot_be_refreshed_counts_as_refreshed() -> None:
    """So does a key: nothing heals it here."""
    for facts, token in (({}, live("A", refreshable=False)), ({"api_key": True}, live("A"))):
        known = session(bucket("a", token, **facts), "b")
        refused = begun(known) << calls("a", "A") >> fails("unauthenticated") << read("a") >> store_holds("a", token)
        assert refused << calls("b", "B", 2, "moves")
        alone = session(bucket("a", token, **facts))
        assert (
            begun(alone)
            << calls("a", "A")
            >> fails("unauthenticated")
            << read("a")
            >> store_holds("a", token)
            << gives_up("unauthenticated", "final")
        )


def test_what_a_login_has_brought_is_not_refreshed_in_the_same_request() -> None:
    """A refused token of it fails over."""
    known = unread("a", "b")
    logged_in = (
        begun(known)
        << read("a")
        >> store_holds("a", TokenAbsent())
        << read("b")
        >> store_holds("b", TokenAbsent())
        << login("a")
        >> login_brings("a", live("A"))
        << calls("a", "A", 1)
        >> fails("unauthenticated")
        << read("a")
        >> store_holds("a", live("A"))
        << read("b")
    )
    assert logged_in >> store_holds("b", live("B")) << calls("b", "B", 2, "moves")
    assert logged_in >> store_holds("b", TokenAbsent()) << exhausted(a="login-failed", b="token-absent")


def test_one_that_was_not_refused_is_none() -> None:
    """After another failure, or after a refusal of another bucket's token."""
    unnamed = session(bucket("a", held(90_000.0)), bucket("b", held(90_000.0)))
    failed = begun(unnamed) << calls("a") >> fails("network") << waits(NOW + 5, "a") >> at(NOW + 5)
    assert failed << calls("a", "", 2, "retry")
    refused = begun(unnamed) << calls("a") >> fails("unauthenticated") << read("a") >> store_holds("a", held(90_000.0))
    assert refused << refresh("a") >> refresh_fails("a") << calls("b", "", 2, "moves")


def test_a_token_without_a_fingerprint_that_was_refused_is_the_one_that_is_held() -> None:
    """Read again, it is refused still, until a refresh brings another one."""
    known = session(bucket("a", held(90_000.0)), "b")
    refused = begun(known) << calls("a") >> fails("unauthenticated") << read("a") >> store_holds("a", held(90_000.0))
    assert refused << refresh("a") >> refresh_brings("a", held(95_000.0)) << calls("a", "", 2)


def test_a_refusal_on_the_last_attempt_is_still_a_search() -> None:
    """Nothing is read again for a call that cannot be made; a bucket that could serve is out of reach."""
    short = begun(session("a", "b"), policy=RetryPolicy(max_attempts=1)) << calls("a", "A")
    assert short >> fails("unauthenticated") << spent_calls(1, "unauthenticated")
