"""Requests whose world turns: tokens that change, refusals that outlive a request, foreign searches, resets."""

from typing import Any

import pytest

from bucket_failover_core import (
    AllBucketsExhausted,
    BucketFailureReason,
    CallBegun,
    Cause,
    Limit,
    RetriesExhausted,
    RetryPolicy,
    TokenRead,
    learn,
)
from bucket_failover_core.request.session import reset_session
from tests.support.request_driver import NOW, World, answer, ended, live, play, session_of, story

A, B = live("A"), live("B")
BOTH = {"a": A, "b": B}


def limit(until: float, **fields: Any) -> Limit:
    """A week that the provider has called used up."""
    given = {"window": "week", "source": "header", "strength": "directive", "observed_at": NOW, **fields}
    return Limit.model_validate({"until": until, **given})


class TestReadingAgain:
    """What was heard too long ago is asked for again."""

    def test_a_login_made_elsewhere_during_a_long_request_is_found(self) -> None:
        """What was missing is unread again after each failed call."""
        told = play(World({"a": A}, answers={"a": [answer(500)] * 2}), "b", "a")
        while told.now == NOW:
            told.step()
        told.world.tokens["b"] = B
        told.run()
        assert told.told == ["read b", "read a", "call a", "wait 5 for a", "call a", "read b", "call b", "served"]

    def test_each_request_asks_again_for_what_was_missing(self) -> None:
        """And trusts a live token, however long ago it was read."""
        first = play(World({"b": B}), "a", "b")
        first.run()
        later = play(World({"a": A, "b": B}), session=first.session, now=NOW + 500)
        later.run()
        assert later.told == ["call b", "served"]
        gone = play(World({"a": A}, answers={"b": [answer(402)]}), session=first.session, now=NOW + 500)
        gone.run()
        assert gone.told == ["call b", "read a", "call a", "served"]

    def test_a_token_that_has_ended_since_is_read_before_it_is_refreshed(self) -> None:
        """Another process may have renewed it."""
        session = learn(session_of("a"), TokenRead(bucket="a", token=ended("A"), at=NOW - 50))
        assert story(World({"a": A}), session=session) == ["read a", "call a", "served"]

    def test_a_caller_that_wants_it_reads_every_token_again(self) -> None:
        """`reads_again`: also one that could be called with."""
        session = learn(session_of("a"), TokenRead(bucket="a", token=A, at=NOW - 50))
        assert story(World({"a": A}), session=session) == ["call a", "served"]
        assert story(World({"a": A}), session=session, reads_again=True) == ["read a", "call a", "served"]


class TestRefusals:
    """A refused token is not called with again, in this request or the next."""

    def test_a_key_that_was_refused_is_not_the_first_choice_of_the_next_request(self) -> None:
        """For ten minutes, until the bucket holds another one, or nothing else is left."""
        first = play(World(BOTH, keys=("a", "b"), answers={"a": [answer(401)]}), "a", "b")
        first.run()
        session = first.session.evolve({"profile": first.session.profile.evolve({"current": "a"})})
        at = first.now
        assert story(World(BOTH, keys=("a", "b")), session=session, now=at + 599.0) == ["read a", "call b", "served"]
        assert story(World(BOTH, keys=("a", "b")), session=session, now=at + 600.0) == ["call a", "served"]
        other = World({"a": live("A9"), "b": B}, keys=("a", "b"))
        assert story(other, session=session, now=at + 1.0) == ["read a", "call a", "served"]

    def test_it_gives_way_as_the_last_resort(self) -> None:
        """Before nothing is called at all."""
        first = play(World({"a": A}, keys=("a",), answers={"a": [answer(401)]}), "a", "b")
        first.run()
        later = play(World({"a": A}, keys=("a",)), session=first.session, now=NOW + 5)
        later.run()
        assert later.told[-2:] == ["call a", "served"]
        assert later.session.accounts[0].refusals == ()

    def test_a_single_bucket_is_always_called(self) -> None:
        """It has nothing to give way to."""
        first = play(World({"a": A}, keys=("a",), answers={"a": [answer(401)]}), "a")
        first.run()
        assert story(World({"a": A}, keys=("a",)), session=first.session, now=NOW + 5) == ["call a", "served"]

    def test_the_same_token_in_another_bucket_is_refused_as_well(self) -> None:
        """Two buckets may hold the same one."""
        world = World(
            {"a": live("S", refreshable=False), "b": live("S", refreshable=False)}, answers={"a": [answer(401)]}
        )
        told = play(world, "a", "b")
        told.run()
        assert [call.bucket for call in told.calls] == ["a"]


class TestForeignSearch:
    """A foreign handler searches by itself (`searches=False`)."""

    @pytest.mark.parametrize(
        ("world", "told"),
        [
            (World(BOTH), ["read a", "call a", "served"]),
            (World({"b": B}, found=["b"]), ["read a", "find a", "read b", "call b", "served"]),
            (World(found=[{"a": "no-token"}]), ["read a", "find a", "all-buckets-exhausted"]),
            (World(found=["a"]), ["read a", "find a", "read a", "all-buckets-exhausted"]),
            (World(found=["b", "b"]), ["read a", "find a", "read b", "find b", "read b", "all-buckets-exhausted"]),
            (World(found=["zed"]), ["read a", "find a", "all-buckets-exhausted"]),
            (
                World(BOTH, answers={"a": [answer(402)]}, found=["b"]),
                ["read a", "call a", "find a", "read b", "call b", "served"],
            ),
            (
                World(BOTH, answers={"a": [answer(529), answer(529)]}, found=["b"]),
                ["read a", "call a", "wait 5 for a", "call a", "find a", "wait 10 for b", "read b", "call b", "served"],
            ),
        ],
    )
    def test_it_is_asked_where_a_search_would_begin(self, world: World, told: list[str]) -> None:
        """A start without a token included; no bucket is found twice without one."""
        assert story(world, "a", "b", searches=False) == told

    def test_its_reasons_are_completed_by_our_findings(self) -> None:
        """Where it names none, ours is told."""
        world = World(BOTH, answers={"a": [answer(402)]}, found=[{"b": "reauth-failed"}])
        end = play(world, "a", "b", searches=False).run()
        assert isinstance(end, AllBucketsExhausted)
        assert end.reasons == {
            "a": BucketFailureReason.QUOTA_EXHAUSTED,
            "b": BucketFailureReason.REAUTH_FAILED,
        }

    def test_the_end_of_the_calls_is_told_after_its_search(self) -> None:
        """As with a search of ours."""
        world = World(BOTH, answers={"a": [answer(402)]}, found=["b"])
        end = play(world, "a", "b", searches=False, policy=RetryPolicy(max_attempts=1)).run()
        assert end == RetriesExhausted(attempts=1, cause=Cause.QUOTA)

    def test_with_one_bucket_it_is_not_asked(self) -> None:
        """The bucket's own reason is told."""
        assert story(World(), "a", searches=False) == ["read a", "all-buckets-exhausted"]


class TestInFlight:
    """A shell may ask while it makes the call; a reset may come in between."""

    def test_the_call_that_is_made_is_told_again(self) -> None:
        """Asking early is harmless."""
        told = play(World(BOTH), "a", "b")
        told.step()
        call = told.ask()
        told.tell(CallBegun(bucket="a", at=NOW, moves=True, is_probe=True, is_retry=True))
        again = told.ask()
        assert (again.kind, getattr(again, "bucket", ""), getattr(again, "fingerprint", "")) == (
            "call-bucket",
            "a",
            "A",
        )
        assert getattr(again, "attempt", 0) == getattr(call, "attempt", 1) == 1

    def test_a_bucket_that_a_reset_has_removed_is_ruled_out(self) -> None:
        """The request goes on with what the profile has now."""
        told = play(World({"a": A, "c": live("C")}, answers={"a": [answer(500)]}), "a", "b")
        told.step()
        told.step()
        told.session = reset_session(told.session, session_of("c", "b").profile)
        told.run()
        assert told.told == ["read a", "call a", "read c", "call c", "served"]
        begun = CallBegun(bucket="a", at=NOW, moves=True)
        assert learn(told.session, begun) == told.session
        told.tell(begun)
        assert told.ask().kind == "call-bucket"

    def test_it_makes_no_more_calls_than_it_may(self) -> None:
        """With the removed bucket as well."""
        told = play(World({"a": A}, answers={"a": [answer(500)]}), "a", "b", policy=RetryPolicy(max_attempts=1))
        told.step()
        told.step()
        told.session = reset_session(told.session, session_of("b").profile)
        assert told.run() == RetriesExhausted(attempts=1, cause=Cause.SERVER_ERROR)
