"""Whole requests, as stories: what is asked for, in which order, and how it ends."""

from typing import Any

import pytest

from bucket_failover_core import (
    AllBucketsExhausted,
    BucketFailureReason,
    BucketSnapshot,
    CallBegun,
    Cause,
    FailoverPolicy,
    GiveUp,
    Limit,
    RetriesExhausted,
    RetryBudget,
    RetryPolicy,
    TokenAbsent,
    TokenCorrupt,
    TokenOutage,
    TokenRead,
    begin_session,
    learn,
    read_answer,
)
from tests.support.request_driver import NOW, World, answer, ended, live, play, session_of, story

A, B = live("A"), live("B")
BOTH = {"a": A, "b": B}


def limit(until: float, **fields: Any) -> Limit:
    """A week that the provider has called used up."""
    given = {"window": "week", "source": "header", "strength": "directive", "observed_at": NOW, **fields}
    return Limit.model_validate({"until": until, **given})


STORIES: dict[str, tuple[World, list[str]]] = {
    "served at once": (World(BOTH), ["read a", "call a", "served"]),
    "spent, and the next": (
        World(BOTH, answers={"a": [answer(429, after=7200)]}),
        ["read a", "call a", "read b", "call b", "served"],
    ),
    "a burst is waited for once": (
        World(BOTH, answers={"a": [answer(429, after=20), answer(429, after=20)]}),
        ["read a", "call a", "wait 20 for a", "call a", "read b", "call b", "served"],
    ),
    "two bare refusals, and patience": (
        World(BOTH, answers={"a": [answer(429)], "b": [answer(429)]}),
        ["read a", "call a", "read b", "call b", "wait 5 for a", "call a", "served"],
    ),
    "a refused token is read again, then refreshed": (
        World(BOTH, refreshes={"a": live("A2")}, answers={"a": [answer(401)]}),
        ["read a", "call a", "read a", "refresh a", "call a", "served"],
    ),
    "a refused token that no refresh heals": (
        World(BOTH, answers={"a": [answer(401)]}),
        ["read a", "call a", "read a", "refresh a", "read b", "call b", "served"],
    ),
    "an expired token is refreshed before the first call": (
        World({"a": ended("A")}, refreshes={"a": A}),
        ["read a", "refresh a", "call a", "served"],
    ),
    "no token, and the next": (World({"b": B}), ["read a", "read b", "call b", "served"]),
    "no token anywhere, and one login": (
        World(logins={"a": A}),
        ["read a", "read b", "reauthenticate a", "call a", "served"],
    ),
    "no token anywhere, and a no": (
        World(),
        ["read a", "read b", "reauthenticate a", "all-buckets-exhausted"],
    ),
    "an outage is no cause for a login": (
        World({"a": TokenOutage(), "b": TokenOutage()}),
        ["read a", "read b", "all-buckets-exhausted"],
    ),
    "a token that is none is": (
        World({"a": TokenCorrupt(), "b": TokenOutage()}, logins={"a": A}),
        ["read a", "read b", "reauthenticate a", "call a", "served"],
    ),
    "a client's own error": (World(BOTH, answers={"a": [answer(400)]}), ["read a", "call a", "give-up"]),
    "an answer that says nothing known": (World(BOTH, answers={"a": [answer(302)]}), ["read a", "call a", "give-up"]),
    "an overload waits after the switch": (
        World(BOTH, answers={"a": [answer(529), answer(529)]}),
        ["read a", "call a", "wait 5 for a", "call a", "read b", "wait 10 for b", "call b", "served"],
    ),
    "three calls, and no more": (
        World({"a": A}, answers={"a": [answer(500)] * 9}),
        [
            *("read a", "call a", "wait 5 for a", "call a", "read b", "wait 15 for a", "call a"),
            *("read b", "reauthenticate b", "all-buckets-exhausted"),
        ],
    ),
    "a short wait comes before a login, a login before a long one": (
        World({"a": A}, answers={"a": [answer(429, after=40)]}),
        ["read a", "call a", "read b", "reauthenticate b", "wait 40 for a", "call a", "served"],
    ),
    "what is spent for long is not waited for": (
        World(BOTH, answers={"a": [answer(429, after=301)], "b": [answer(429, after=301)]}),
        ["read a", "call a", "read b", "call b", "all-buckets-exhausted"],
    ),
    "an API key has no login": (
        World(BOTH, keys=("a", "b"), answers={"a": [answer(401)], "b": [answer(401)]}),
        ["read a", "call a", "read a", "read b", "call b", "read b", "all-buckets-exhausted"],
    ),
}


@pytest.mark.parametrize("name", STORIES)
def test_a_profile_of_two(name: str) -> None:
    """Each decision in its order (contract, *One whole request* and *Retry rules*)."""
    world, told = STORIES[name]
    assert story(world, "a", "b") == told


ALONE: dict[str, tuple[World, list[str]]] = {
    "served": (World({"a": A}), ["read a", "call a", "served"]),
    "no token": (World(), ["read a", "all-buckets-exhausted"]),
    "an end that no refresh moves": (World({"a": ended("A")}), ["read a", "refresh a", "all-buckets-exhausted"]),
    "a refusal that a refresh heals": (
        World({"a": A}, refreshes={"a": live("A2")}, answers={"a": [answer(401)]}),
        ["read a", "call a", "read a", "refresh a", "call a", "served"],
    ),
    "a refusal that none heals": (
        World({"a": A}, answers={"a": [answer(401)]}),
        ["read a", "call a", "read a", "refresh a", "give-up"],
    ),
    "a bare refusal": (
        World({"a": A}, answers={"a": [answer(429)]}),
        ["read a", "call a", "wait 5 for a", "call a", "served"],
    ),
    "spent for long": (World({"a": A}, answers={"a": [answer(429, after=301)]}), ["read a", "call a", "give-up"]),
    "out of attempts": (
        World({"a": A}, answers={"a": [answer(500)] * 9}),
        [
            *("read a", "call a", "wait 5 for a", "call a", "wait 15 for a", "call a", "wait 35 for a", "call a"),
            *("wait 65 for a", "call a", "wait 95 for a", "call a", "retries-exhausted"),
        ],
    ),
}


@pytest.mark.requirement("REQ-1598-FL16")
@pytest.mark.parametrize("name", ALONE)
def test_a_profile_of_one(name: str) -> None:
    """No search, no login; always called, if there is a token."""
    world, told = ALONE[name]
    assert story(world, "a") == told


def test_an_empty_profile_is_exhausted() -> None:
    """With no reasons (REQ-1598-FL15)."""
    end = play(World()).run()
    assert isinstance(end, AllBucketsExhausted)
    assert end.reasons == {}


def test_a_single_bucket_ends_with_its_own_reason() -> None:
    """Whatever it is; once, a refused refresh was told as "no token"."""
    end = play(World({"a": ended("A")}), "a").run()
    assert isinstance(end, AllBucketsExhausted)
    assert end.reasons == {"a": BucketFailureReason.EXPIRED_REFRESH_FAILED}


def test_a_token_that_ends_during_a_wait_is_refreshed_before_the_next_call() -> None:
    """The wait is over at 1005.0; the token has ended at 1003.0."""
    world = World({"a": live("A").model_copy(update={"expiry": NOW + 3})}, answers={"a": [answer(500)]})
    world.refreshes = {"a": live("A2")}
    assert story(world, "a", "b") == ["read a", "call a", "wait 5 for a", "read a", "refresh a", "call a", "served"]


def test_a_token_that_ends_and_cannot_be_refreshed_is_searched_for_elsewhere() -> None:
    """The retry would have been with `a`."""
    world = World({"a": live("A").model_copy(update={"expiry": NOW + 3}), "b": B}, answers={"a": [answer(500)]})
    told = ["read a", "call a", "wait 5 for a", "read a", "refresh a", "read b", "call b", "served"]
    assert story(world, "a", "b") == told
    alone = World({"a": live("A").model_copy(update={"expiry": NOW + 3})}, answers={"a": [answer(500)]})
    assert story(alone, "a")[-2:] == ["refresh a", "all-buckets-exhausted"]


def test_after_output_has_started_nothing_is_repeated() -> None:
    """Told in the event or in the answer; either counts."""
    told_in: tuple[dict[str, Any], ...] = ({"output_started": True}, {})
    for fields in told_in:
        world = World(BOTH, answers={"a": [answer(500, **fields)]})
        told = play(world, "a", "b")
        told.step()
        if fields:
            end = told.run()
        else:
            call = told.ask()
            begun = CallBegun(bucket="a", at=NOW)
            told.tell(begun)
            told.tell(begun.answered(read_answer(answer(500), now=NOW), fingerprint="A", output_started=True))
            assert call is not None
            end = told.run()
        assert isinstance(end, GiveUp)
        assert end.why == "output-started"


def test_the_end_of_the_calls_is_told_after_the_search() -> None:
    """A bucket is left: the retries are exhausted. None is left: that is told first."""
    world = World(BOTH, answers={"a": [answer(402)]})
    end = play(world, "a", "b", policy=RetryPolicy(max_attempts=1)).run()
    assert end == RetriesExhausted(attempts=1, cause=Cause.QUOTA)
    alone = World({"a": A}, answers={"a": [answer(402)]})
    session = session_of("a", "b", policy=FailoverPolicy(reauths_per_request=0))
    assert isinstance(play(alone, session=session, policy=RetryPolicy(max_attempts=1)).run(), AllBucketsExhausted)


def test_a_spent_budget_is_told_as_it_is() -> None:
    """No retry is left for any request; a search costs none."""
    session = begin_session(session_of("a", "b").profile, budget=RetryBudget(left=0.0, at=NOW))
    world = World(BOTH, answers={"a": [answer(500)]})
    assert play(world, session=session).run() == RetriesExhausted(attempts=1, cause=Cause.SERVER_ERROR)
    world = World(BOTH, answers={"a": [answer(429)], "b": [answer(429)]})
    assert isinstance(play(world, session=session).run(), AllBucketsExhausted)


def test_without_patience_exhaustion_is_told_at_once() -> None:
    """`RetryPolicy.waits_for_profile=False`."""
    world = World(BOTH, answers={"a": [answer(429)], "b": [answer(429)]})
    told = story(world, "a", "b", policy=RetryPolicy(waits_for_profile=False))
    assert told == ["read a", "call a", "read b", "call b", "all-buckets-exhausted"]


def test_a_refusal_on_the_last_attempt_is_final_where_no_refresh_can_heal_it() -> None:
    """Of several whys `final` comes before `budget`; with another bucket the search is still made."""
    once = RetryPolicy(max_attempts=1)
    alone = play(World({"a": A}, keys=("a",), answers={"a": [answer(401)]}), "a", policy=once).run()
    assert alone == GiveUp(cause=Cause.UNAUTHENTICATED, why="final")
    healable = play(World({"a": A}, answers={"a": [answer(401)]}), "a", policy=once).run()
    assert healable == RetriesExhausted(attempts=1, cause=Cause.UNAUTHENTICATED)
    pair = World({"a": A, "b": TokenOutage()}, keys=("a",), answers={"a": [answer(401)]})
    assert isinstance(play(pair, "a", "b", policy=once).run(), AllBucketsExhausted)


def test_a_third_call_that_is_refused_is_told_as_what_it_was() -> None:
    """A login would heal the bucket, though this request makes no more calls with it."""
    world = World({"a": live("A", refreshable=False), "b": TokenOutage()})
    world.answers = {"a": [answer(500), answer(429, after=60), answer(401)]}
    end = play(world, "a", "b").run()
    assert isinstance(end, AllBucketsExhausted)
    assert end.reasons["a"] == BucketFailureReason.EXPIRED_REFRESH_FAILED
    assert end.needs_login == ("a",)


def test_a_token_that_was_renewed_elsewhere_serves_after_a_failure() -> None:
    """What a refresh of this request had brought was called with, and failed: it is no renewal any more."""
    world = World({"a": ended("A"), "b": B}, refreshes={"a": live("A2")}, answers={"a": [answer(500), answer(500)]})
    told = ["read a", "refresh a", "call a", "wait 5 for a", "call a", "read b", "call b", "served"]
    assert story(world, "a", "b") == told


def test_an_overloaded_provider_is_not_hit_again_without_a_wait() -> None:
    """By patience either: `b` is merely doubted, and would be called with at once."""
    doubted = BucketSnapshot(name="b", limits=(limit(NOW + 900, strength="advisory", observed_at=NOW + 5),))
    world = World(BOTH, answers={"a": [answer(529), answer(529)]})
    told = ["read a", "call a", "wait 5 for a", "call a", "wait 10 for b", "read b", "call b", "served"]
    assert story(world, "a", doubted, draw=0.5) == told


def test_a_doubted_bucket_does_not_keep_the_usual_one_from_being_called() -> None:
    """The long way comes to the same call."""
    doubted = BucketSnapshot(name="b", limits=(limit(NOW + 900, strength="advisory", observed_at=NOW),))
    session = learn(session_of("a", doubted), TokenRead(bucket="a", token=A, at=NOW - 1))
    plain = learn(session_of("a", "b"), TokenRead(bucket="a", token=A, at=NOW - 1))
    long_way, usual = play(World(BOTH), session=session).ask(), play(World(BOTH), session=plain).ask()
    assert long_way == usual


class TestMoving:
    """Which calls the session goes with."""

    @pytest.mark.parametrize(
        ("world", "current"),
        [
            (World(BOTH), "a"),
            (World(BOTH, answers={"a": [answer(402)]}), "b"),
            (World({"b": B}), "b"),
            (World(BOTH, refreshes={"a": live("A2")}, answers={"a": [answer(401)]}), "a"),
        ],
    )
    def test_a_search_and_a_missing_token_move_it(self, world: World, current: str) -> None:
        """A heal and a first call do not."""
        told = play(world, "a", "b")
        told.run()
        assert told.session.current == current

    def test_a_limit_is_a_detour(self) -> None:
        """The session stays with its bucket, whose caches are warm."""
        told = play(World(BOTH), BucketSnapshot(name="a", limits=(limit(NOW + 500),)), "b")
        told.run()
        assert told.told == ["read b", "call b", "served"]
        assert (told.session.current, told.calls[0].moves) == ("a", False)

    def test_a_bucket_that_was_waited_for_becomes_the_sessions(self) -> None:
        """All are limited; `b` ends first."""
        buckets = (
            BucketSnapshot(name="a", limits=(limit(NOW + 90),)),
            BucketSnapshot(name="b", limits=(limit(NOW + 25),)),
        )
        told = play(World(BOTH), *buckets)
        told.run()
        assert told.told == ["wait 25 for b", "read b", "call b", "served"]
        assert told.session.current == "b"

    def test_limits_of_all_that_last_for_long_end_a_request_without_a_call(self) -> None:
        """Over `hint_max_seconds`, by the provider's word."""
        buckets = tuple(BucketSnapshot(name=name, limits=(limit(NOW + 301),)) for name in "ab")
        assert story(World(BOTH), *buckets) == ["all-buckets-exhausted"]

    def test_round_robin_moves_it_on(self) -> None:
        """With each request."""
        session = session_of("a", "b")
        for name in ("b", "a", "b"):
            told = play(World(BOTH), session=session, strategy="round-robin")
            told.run()
            session = told.session
            assert session.current == name

    def test_a_probe_does_not(self) -> None:
        """It tests an advisory limit; if it is refused, the request goes on, and the session stays where it is."""
        doubted = limit(NOW + 5_000, strength="advisory", observed_at=NOW - 700)
        world = World(BOTH, answers={"b": [answer(429)]})
        told = play(world, "a", BucketSnapshot(name="b", limits=(doubted,)), draw=0.0)
        told.run()
        assert told.told == ["read b", "call b", "read a", "call a", "served"]
        assert [call.is_probe for call in told.calls] == [True, False]
        assert told.session.current == "a"
        assert told.session.profile.buckets[1].probed_at == NOW

    def test_least_used_counts(self) -> None:
        """And only that strategy does."""
        for strategy, calls in (("least-used", 1), ("sticky", 0)):
            told = play(World(BOTH), "a", "b", strategy=strategy)
            told.run()
            assert told.session.profile.buckets[0].calls == calls


def test_a_login_that_has_ended_since_is_spent_for_every_request_in_flight() -> None:
    """A thousand requests ask once."""
    session = session_of("a", "b")
    world = World()
    first, second = play(world, session=session), play(world, session=session)
    first.run()
    second.session = first.session
    second.run()
    assert "reauthenticate a" in first.told
    assert not any(step.startswith("reauthenticate") for step in second.told)
    third = play(world, session=first.session)
    third.run()
    assert "reauthenticate a" in third.told, "a new request may ask again, though the clock stands still"


def test_what_another_requests_login_brings_serves_this_one() -> None:
    """Once, a second search failed with "wait until tomorrow", although a token had just been brought."""
    session = session_of("a", "b")
    world = World(logins={"a": A})
    first, second = play(world, session=session), play(world, session=session)
    first.run()
    second.session = first.session
    second.run()
    assert second.told == ["call a", "served"]


def test_a_missing_bucket_is_told_with_what_the_store_said() -> None:
    """The findings are those of the newest choice."""
    end = play(World({"a": TokenOutage(detail="locked"), "b": TokenAbsent()}), "a", "b").run()
    assert isinstance(end, AllBucketsExhausted)
    assert "locked" in end.message
    assert end.needs_login == ("b",)
