"""What a session keeps: refusals, the budget, what a reset leaves, and what a caller finds out by itself."""

from typing import Any

import pytest
from returns.methods import unwrap_or_failure

from bucket_failover_core import (
    BucketSnapshot,
    CallBegun,
    Cause,
    RetryBudget,
    SessionSnapshot,
    TokenRead,
    begin_request,
    begin_session,
    decide_request,
    learn,
)
from bucket_failover_core.request.advance import note_refreshed, note_refused
from bucket_failover_core.request.opening import begin_where
from bucket_failover_core.request.refused_tokens import Refusal
from bucket_failover_core.request.session import reset_session, with_phase
from tests.support.request_driver import NOW, World, answer, ended, play, session_of, story
from tests.support.session_events import A, B, limit, refused, served, token_of, told


class TestRefusals:
    """A refused token is believed to be refused for ten minutes, doubling to six hours."""

    @pytest.mark.parametrize(
        ("count", "seconds"), [(1, 600.0), (2, 1_200.0), (6, 19_200.0), (7, 21_600.0), (99, 21_600.0)]
    )
    def test_how_long(self, count: int, seconds: float) -> None:
        """From the newest refusal."""
        assert Refusal(fingerprint="A", at=NOW, count=count).until() == NOW + seconds

    def test_only_what_began_after_it_was_known_is_a_further_one(self) -> None:
        """A burst of refusals is one."""
        burst = told(*(refused(at=5.0, cause=Cause.UNAUTHENTICATED) for _ in range(3)))
        assert [each.count for each in burst.accounts[0].refusals] == [1]
        later = learn(burst, refused(at=6.0, cause=Cause.UNAUTHENTICATED))
        assert [(each.count, each.at) for each in later.accounts[0].refusals] == [(2, 6.0)]

    def test_it_ends_with_the_token_and_with_a_success(self) -> None:
        """And a 403 may be about this one call."""
        session = told(TokenRead(bucket="a", token=A, at=1.0), refused(at=5.0, cause=Cause.UNAUTHENTICATED))
        assert learn(session, TokenRead(bucket="a", token=A, at=6.0)).accounts[0].refusals != ()
        assert learn(session, TokenRead(bucket="a", token=B, at=6.0)).accounts[0].refusals == ()
        assert learn(session, served()).accounts[0].refusals == ()
        assert told(refused(cause=Cause.FORBIDDEN)).accounts[0].refusals == ()


class TestBudget:
    """A retry takes one when its call begins; a success gives back."""

    def test_it_is_paid_and_refunded(self) -> None:
        """An attempt that is no retry is free."""
        session = begin_session(session_of("a").profile, budget=RetryBudget(capacity=2.0, refill_per_second=0.0))
        assert learn(session, CallBegun(bucket="a", at=NOW)).budget == session.budget
        paid = learn(session, CallBegun(bucket="a", at=NOW, is_retry=True))
        assert paid.budget is not None
        assert paid.budget.left == 1.0
        refunded = learn(paid, served())
        assert refunded.budget is not None
        assert refunded.budget.left == 1.1
        spent = begin_session(
            session.profile, budget=RetryBudget(capacity=1.0, left=0.0, at=NOW, refill_per_second=0.0)
        )
        assert learn(spent, CallBegun(bucket="a", at=NOW, is_retry=True)).budget == spent.budget

    def test_none_is_not_counted(self) -> None:
        """`budget=None`."""
        session = begin_session(session_of("a").profile, budget=None)
        assert learn(session, CallBegun(bucket="a", at=NOW, is_retry=True)).budget is None
        world = World({"a": A}, answers={"a": [answer(500)]})
        assert story(world, session=session)[-1] == "served"


class TestSession:
    """What a session begins with, and what a reset keeps."""

    def test_what_a_request_had_tried_is_left_out(self) -> None:
        """The facts of the account stay."""
        used = BucketSnapshot(name="a", tried=True, rejected=("A",), refresh_spent=True, limits=(limit(),), calls=3)
        (bucket,) = session_of(used).profile.buckets
        assert bucket == BucketSnapshot(name="a", limits=(limit(),), calls=3)

    def test_a_reset_goes_back_to_the_first_and_keeps_what_is_known(self) -> None:
        """Of the buckets that stay; a new one is unknown."""
        session = told(TokenRead(bucket="b", token=B, at=1.0, api_key=True), CallBegun(bucket="b", at=1.0, moves=True))
        assert session.current == "b"
        after = reset_session(session, session_of("c", "b").profile)
        assert after.current == "c"
        assert token_of(after, 1) == B
        assert after.profile.buckets[1].api_key
        assert after.accounts[1] == session.accounts[1]

    def test_an_empty_one_has_no_bucket_in_use(self) -> None:
        """`current` is None."""
        assert session_of().current is None

    def test_there_is_one_account_for_each_bucket(self) -> None:
        """Else it does not validate."""
        with pytest.raises(ValueError, match="accounts: 0 of them for 1 buckets"):
            SessionSnapshot(profile=session_of("a").profile)

    def test_a_process_has_one_chance(self) -> None:
        """The first one; so its requests do not go back and forth."""
        session = with_phase(session_of("a"), 0.25)
        assert session.phase == 0.25
        assert with_phase(session, 0.75) is session

    @pytest.mark.parametrize(
        ("asked", "message"),
        [
            ({"now": float("nan"), "draw": 0.5}, "now: nan is no moment"),
            ({"now": NOW, "draw": 1.0}, "draw: 1.0 is not in"),
            ({"now": NOW, "draw": 0.5, "strategy": "best"}, "strategy: 'best' is none of sticky"),
        ],
    )
    def test_a_request_says_what_is_wrong_with_it(self, asked: dict[str, Any], message: str) -> None:
        """Field and value."""
        with pytest.raises(ValueError, match=message):
            begin_request(session_of("a"), **asked)

    def test_it_survives_being_written_down(self) -> None:
        """In the middle, with everything in it."""
        world = World({"a": A}, answers={"a": [answer(429, after=20), answer(401)]})
        played = play(world, "a", "b")
        for _ in range(12):
            session = SessionSnapshot.model_validate_json(played.session.model_dump_json())
            request = type(played.request).model_validate_json(played.request.model_dump_json())
            assert (session, request) == (played.session, played.request)
            assert unwrap_or_failure(decide_request(session, request, now=played.now)) == played.ask()
            if played.step() is not None:
                break


class TestCallersOwn:
    """A caller that does its own calls and retries tells what it has found out by itself."""

    def test_a_refresh_of_its_own_is_spent_and_its_token_read_again(self) -> None:
        """What was read before is out of date."""
        played = play(World({"a": ended("A")}), "a", "b")
        played.step()
        played.request = note_refreshed(played.request, "a")
        played.run()
        assert played.told[:3] == ["read a", "read a", "read b"]
        assert "refresh a" not in played.told

    def test_a_token_that_it_saw_refused_is_not_used(self) -> None:
        """An empty name is unknown, and one that is known is not told twice."""
        played = play(World({"a": A, "b": B}), "a", "b")
        played.request = note_refused(played.request, ("A", "", "A"))
        again = note_refused(played.request, ("A",))
        assert again is played.request
        played.run()
        assert [call.bucket for call in played.calls] == ["b"]

    def test_where_it_would_begin_is_asked_without_a_call(self) -> None:
        """`choose_start`, of what session and request know."""
        session = told(TokenRead(bucket="a", token=A, at=1.0))
        request = begin_request(session, now=NOW, draw=0.5, model="m")
        assert begin_where(session, request, now=NOW).unwrap().bucket == "a"
