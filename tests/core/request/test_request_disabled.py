"""Accounts that were disabled, and issuers that are busy: nothing is wasted on them, and the report says so."""

import pytest

from bucket_failover_core import (
    AllBucketsExhausted,
    BucketFailureReason,
    BucketSnapshot,
    GiveUp,
    RefreshFailed,
    TokenRead,
    Trigger,
    advance,
    decide_failover,
    learn,
)
from bucket_failover_core.facts.snapshots import FailoverSnapshot
from tests.support.request_driver import NOW, World, answer, ended, live, play, session_of, story

A, B = live("A"), live("B")
DISABLED = '{"error": {"type": "invalid_request_error", "message": "This organization has been disabled."}}'
SUSPENDED = '{"error": {"message": "Your account has been suspended."}}'


@pytest.mark.parametrize(("status", "body"), [(400, DISABLED), (403, DISABLED), (403, SUSPENDED)])
def test_a_disabled_account_is_left_at_once(status: int, body: str) -> None:
    """Neither a refresh nor a login is wasted on it; it may hold another token by now, so it is read again."""
    world = World({"a": A, "b": B}, refreshes={"a": live("A2")}, answers={"a": [answer(status, body=body)]})
    assert story(world, "a", "b") == ["read a", "call a", "read a", "read b", "call b", "served"]


def test_the_report_says_so() -> None:
    """And that only the provider can enable it again."""
    world = World({"a": A}, logins={"a": live("A3")}, answers={"a": [answer(403, body=SUSPENDED)]})
    told = play(world, "a", "b")
    end = told.run()
    assert isinstance(end, AllBucketsExhausted)
    assert end.reasons["a"] is BucketFailureReason.EXPIRED_REFRESH_FAILED
    assert end.needs_login == ("b",)
    assert "ask p to enable the account of a" in end.message
    assert "a: the provider has disabled its account" in end.message
    assert "login a" not in told.told


def test_the_next_requests_leave_it_alone_until_it_holds_another_token() -> None:
    """For ten minutes, as any refused token."""
    world = World({"a": A, "b": B}, answers={"a": [answer(403, body=SUSPENDED)]})
    first = play(world, "a", "b")
    first.run()
    session = first.session.evolve({"profile": first.session.profile.evolve({"current": "a"})})
    again = World({"a": A, "b": B})
    assert "call a" not in story(again, session=session, now=first.now + 599.0)
    replaced = learn(session, TokenRead(bucket="a", token=live("A9"), at=first.now + 1.0))
    assert "call a" in story(World({"a": live("A9"), "b": B}), session=replaced, now=first.now + 2.0)


def test_a_single_bucket_ends_with_the_callers_own_error() -> None:
    """There is nothing to fail over to, and nothing to heal."""
    told = play(World({"a": A}, refreshes={"a": live("A2")}, answers={"a": [answer(403, body=DISABLED)]}), "a")
    end = told.run()
    assert isinstance(end, GiveUp)
    assert (end.why, told.told) == ("final", ["read a", "call a", "read a", "give-up"])


def test_a_search_by_hand_knows_it_from_its_trigger() -> None:
    """Before and after the failed call is told."""
    buckets = (BucketSnapshot(name="a", token=A), BucketSnapshot(name="b", token=B))
    trigger = Trigger(status=403, account_disabled=True, detail="suspended")
    snapshot = FailoverSnapshot(provider="p", buckets=buckets, trigger=trigger)
    decision = decide_failover(snapshot, now=NOW).unwrap()
    assert (decision.kind, decision.bucket, decision.findings[0].fact) == ("use-bucket", "b", "account-disabled")


class TestBusyIssuer:
    """An expired token whose issuer has asked to wait."""

    def test_it_is_not_asked_again_before_the_moment(self) -> None:
        """By no request; from then on it is."""
        told = RefreshFailed(bucket="a", detail="busy", at=NOW, retry_at=NOW + 600.0)
        read = TokenRead(bucket="a", token=ended("A"), at=NOW)
        session = learn(learn(session_of("a", "b"), read), told)
        world = World({"a": ended("A"), "b": B}, refreshes={"a": live("A2")})
        assert "refresh a" not in story(world, session=session, now=NOW + 599.0)
        assert "refresh a" in story(world, session=session, now=NOW + 600.0)

    def test_the_report_names_the_moment_and_no_login(self) -> None:
        """Waiting heals it."""
        bucket = BucketSnapshot(name="a", token=ended("A"))
        snapshot = FailoverSnapshot(provider="p", buckets=(bucket,), trigger=Trigger(status=401))
        after = advance(snapshot, RefreshFailed(bucket="a", detail="busy", retry_at=NOW + 600.0))
        exhausted = decide_failover(after, now=NOW).failure()
        assert (exhausted.needs_login, exhausted.retry_at) == ((), NOW + 600.0)
        assert exhausted.message.startswith("Wait until 1970-01-01 00:26:40 UTC")

    def test_another_token_has_no_wait(self) -> None:
        """It was said of the login before."""
        told = RefreshFailed(bucket="a", detail="busy", at=NOW, retry_at=NOW + 600.0)
        session = learn(learn(session_of("a"), TokenRead(bucket="a", token=ended("A"), at=NOW)), told)
        after = learn(session, TokenRead(bucket="a", token=ended("A9"), at=NOW + 1.0))
        assert after.profile.buckets[0].issuer_busy_until is None

    def test_the_later_of_two_waits_counts_in_any_order(self) -> None:
        """Two requests have asked."""
        waits = [RefreshFailed(bucket="a", at=NOW, retry_at=NOW + seconds) for seconds in (60.0, 600.0)]
        one = learn(learn(session_of("a"), waits[0]), waits[1])
        two = learn(learn(session_of("a"), waits[1]), waits[0])
        assert one.profile.buckets[0].issuer_busy_until == two.profile.buckets[0].issuer_busy_until == NOW + 600.0
