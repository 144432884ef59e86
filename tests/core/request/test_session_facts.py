"""What a session learns: each fact once, whatever the order in which it is told."""

from itertools import permutations

import pytest

from bucket_failover_core import (
    AnswerRead,
    BucketSnapshot,
    BucketSwitched,
    CallBegun,
    Cause,
    Reauthenticated,
    ReauthFailed,
    RefreshFailed,
    RequestEvent,
    SearchFailed,
    TokenAbsent,
    TokenRead,
    TokenRefreshed,
    begin_request,
    learn,
)
from bucket_failover_core.facts import WindowReading
from bucket_failover_core.request.learn_quota import hear_quota
from bucket_failover_core.request.session import limits_of, reset_session, with_limits
from tests.support.request_driver import NOW, World, ended, play, session_of, story
from tests.support.session_events import A, B, limit, refused, served, token_of, told

ANY_ORDER: dict[str, tuple[RequestEvent, ...]] = {
    "reads": (TokenRead(bucket="a", token=A, at=1.0), TokenRead(bucket="a", token=TokenAbsent(), at=2.0)),
    "the same token twice": (TokenRead(bucket="a", token=A, at=1.0), TokenRead(bucket="a", token=A, at=2.0)),
    "a refresh, and a later read of it": (
        TokenRefreshed(bucket="a", token=A, at=1.0),
        TokenRead(bucket="a", token=A, at=2.0),
    ),
    "a read and a refresh of one moment": (
        TokenRead(bucket="a", token=B, at=1.0),
        TokenRefreshed(bucket="a", token=A, at=1.0),
    ),
    "refreshes that fail": (
        RefreshFailed(bucket="a", detail="x", at=1.0),
        RefreshFailed(bucket="a", detail="y", at=2.0),
        RefreshFailed(bucket="a", detail="z", at=2.0),
    ),
    "a no and a login": (
        ReauthFailed(bucket="a", declined=True, at=1.0),
        Reauthenticated(bucket="a", token=A, at=2.0),
    ),
    "a login and a later no": (
        Reauthenticated(bucket="a", token=A, at=1.0),
        ReauthFailed(bucket="a", declined=True, at=2.0),
    ),
    "a limit and a success that began later": (refused(limit()), served(begun_at=NOW + 5)),
    "a limit and a success that began before": (refused(limit()), served(begun_at=NOW)),
    "a limit of a model, and another model's success": (
        refused(limit(model="m")),
        served(begun_at=NOW + 5, model="n"),
        served(begun_at=NOW + 6),
        served(begun_at=NOW + 4, model="n"),
    ),
    "two limits of one moment": (refused(limit(until=NOW + 60)), refused(limit(until=NOW + 90))),
    "limits of two windows": (refused(limit(window="day")), refused(limit(window="5h"))),
    "a limit, and a reading of its window that is newer": (
        refused(limit(window="5h", strength="directive")),
        served(readings=(WindowReading(window="5h", used=0.1, observed_at=NOW + 9),)),
    ),
    "buckets": (TokenRead(bucket="a", token=A, at=1.0), TokenRead(bucket="b", token=B, at=1.0)),
    "probes": (
        CallBegun(bucket="a", at=1.0, is_probe=True, is_counted=True),
        CallBegun(bucket="a", at=2.0, is_probe=True, is_counted=True),
    ),
    "refusals that began before the first was known": (
        refused(at=5.0, cause=Cause.UNAUTHENTICATED),
        refused(at=5.5, cause=Cause.UNAUTHENTICATED),
    ),
}


@pytest.mark.parametrize("name", ANY_ORDER)
def test_the_order_does_not_matter(name: str) -> None:
    """Contract, *One whole request*: the bucket in use aside."""
    sessions = [told(*events) for events in permutations(ANY_ORDER[name])]
    assert all(session == sessions[0] for session in sessions)


class TestTokens:
    """Of two words about one token the later counts; at one moment what was brought."""

    def test_the_later_word_counts(self) -> None:
        """An older one changes nothing."""
        assert token_of(told(*ANY_ORDER["reads"])) == TokenAbsent()
        assert token_of(told(*ANY_ORDER["a read and a refresh of one moment"])) == A

    def test_of_two_reads_of_one_moment_the_one_told_last_counts(self) -> None:
        """A clock that stands still tells no order."""
        assert token_of(told(TokenRead(bucket="a", token=A, at=1.0), TokenRead(bucket="a", token=B, at=1.0))) == B

    def test_what_brought_it_is_remembered(self) -> None:
        """Until another token is held."""
        session = told(*ANY_ORDER["a refresh, and a later read of it"])
        account = session.accounts[0]
        assert (account.renewed_by, account.renewed_at, account.read_at) == ("refresh", 1.0, 2.0)
        after = learn(session, TokenRead(bucket="a", token=B, at=3.0))
        assert (after.accounts[0].renewed_by, after.accounts[0].renewed_at) == (None, None)

    def test_of_two_refreshes_that_bring_one_token_the_later_counts(self) -> None:
        """The issuer has moved its end, and moved it back."""
        moved = A.model_copy(update={"expiry": 9.5e9})
        events = (
            TokenRefreshed(bucket="a", token=A, at=3.0),
            TokenRead(bucket="a", token=moved, at=1.0),
            TokenRefreshed(bucket="a", token=A, at=2.0),
        )
        assert told(*events).accounts[0].renewed_at == 3.0

    def test_a_refresh_that_brings_the_very_token_renews_nothing(self) -> None:
        """Its expiry unmoved."""
        session = told(TokenRead(bucket="a", token=A, at=1.0), TokenRefreshed(bucket="a", token=A, at=2.0))
        assert session.accounts[0].renewed_by is None
        moved = learn(session, TokenRefreshed(bucket="a", token=A.model_copy(update={"expiry": 9.5e9}), at=3.0))
        assert moved.accounts[0].renewed_by == "refresh"

    def test_a_token_that_the_session_began_with_is_confirmed(self) -> None:
        """Since when it has been what it is, stays unknown."""
        session = told(TokenRead(bucket="a", token=A, at=1.0), session=session_of(BucketSnapshot(name="a", token=A)))
        assert (session.accounts[0].read_at, session.accounts[0].changed_at) == (1.0, None)

    def test_a_moment_is_needed(self) -> None:
        """A session cannot order what has none."""
        with pytest.raises(ValueError, match="at: a session needs to know when"):
            told(TokenRead(bucket="a", token=A))

    def test_what_the_store_holds_makes_a_bucket_an_api_keys(self) -> None:
        """And it stays one."""
        session = told(TokenRead(bucket="a", token=A, at=1.0, api_key=True), TokenRead(bucket="a", token=B, at=2.0))
        assert session.profile.buckets[0].api_key

    @pytest.mark.parametrize(
        "event",
        [
            TokenRead(bucket="zed", token=A, at=1.0),
            RefreshFailed(bucket="zed", at=1.0),
            TokenRefreshed(bucket="zed", token=A, at=1.0),
            ReauthFailed(bucket="zed", declined=True, at=1.0),
            CallBegun(bucket="zed", at=1.0, moves=True),
            served("zed"),
            BucketSwitched(bucket="zed"),
            SearchFailed(reasons={}),
        ],
    )
    def test_a_bucket_that_a_reset_has_removed_is_passed_over(self, event: RequestEvent) -> None:
        """Its request may still tell of it."""
        session = session_of("a", "b")
        assert learn(session, event) == session
        assert hear_quota(session, "zed", AnswerRead(at=1.0, served=True), begun_at=1.0) is session


class TestSteps:
    """How a refresh or a login has ended."""

    def test_the_newest_counts_and_of_one_moment_the_one_without_a_problem(self) -> None:
        """Told in any order."""
        failed, done = RefreshFailed(bucket="a", detail="x", at=2.0), TokenRefreshed(bucket="a", token=A, at=2.0)
        for session in (told(failed, done), told(done, failed)):
            account = session.accounts[0]
            assert (account.refreshed_at, account.refresh_problem) == (2.0, "")
        older = learn(told(failed), RefreshFailed(bucket="a", detail="older", at=1.0))
        assert older.accounts[0].refresh_problem == "refresh failed: x"
        assert older.newest_step_at == 2.0

    def test_an_older_step_of_another_bucket_moves_no_moment_back(self) -> None:
        """`newest_step_at` is the newest of all."""
        session = told(RefreshFailed(bucket="a", at=2.0), RefreshFailed(bucket="b", at=1.0))
        assert session.newest_step_at == 2.0
        older = learn(session, RefreshFailed(bucket="a", at=0.5))
        assert older == session

    def test_a_no_counts_until_the_bucket_gets_another_token(self) -> None:
        """Whichever way it comes; a reset makes it be forgotten as well."""
        no = told(ReauthFailed(bucket="a", declined=True, at=5.0))
        assert no.accounts[0].declined_at == 5.0
        assert learn(no, TokenRead(bucket="a", token=ended("A"), at=6.0)).accounts[0].declined_at == 5.0
        assert learn(no, TokenRead(bucket="a", token=A, at=4.0)).accounts[0].declined_at == 5.0
        assert learn(no, TokenRead(bucket="a", token=A, at=6.0)).accounts[0].declined_at is None
        assert reset_session(no, no.profile).accounts[0].declined_at is None
        assert told(ReauthFailed(bucket="a", at=5.0)).accounts[0].declined_at is None

    def test_a_no_asks_no_request_again(self) -> None:
        """Reported as `reauth-failed`, without a window."""
        session = told(ReauthFailed(bucket="a", declined=True, at=NOW - 50))
        assert story(World(), session=session) == ["read a", "read b", "reauthenticate b", "all-buckets-exhausted"]

    def test_a_step_of_the_very_moment_in_which_a_request_begins_was_before_it(self) -> None:
        """Unless it is the request's own."""
        session = told(
            TokenRead(bucket="a", token=ended("A"), at=NOW),
            RefreshFailed(bucket="a", at=NOW),
            ReauthFailed(bucket="a", at=NOW),
        )
        told_of = play(World({"a": ended("A")}), session=session)
        assert [step.by for step in told_of.request.ended_before] == ["refresh", "reauth"]
        told_of.run()
        assert told_of.told.count("refresh a") == 1
        assert told_of.told.count("reauthenticate a") == 1

    def test_a_clock_that_was_set_back_spends_nothing(self) -> None:
        """A step "after" the beginning that was before it."""
        session = told(RefreshFailed(bucket="a", at=NOW + 500), ReauthFailed(bucket="b", at=NOW - 500))
        request = begin_request(session, now=NOW, draw=0.5)
        assert not request.has_refreshed(session, "a")
        assert not request.has_refreshed(session, "zed")
        later = learn(session, RefreshFailed(bucket="a", at=NOW + 501))
        assert request.has_refreshed(later, "a")


class TestQuota:
    """Limits, and what disproves them."""

    def test_a_success_disproves_what_was_observed_before_its_call_began(self) -> None:
        """And nothing else: not a directive limit, not another model's."""
        assert told(refused(limit()), served(begun_at=NOW + 1)).profile.buckets[0].limits == ()
        for kept in (limit(observed_at=NOW + 2), limit(strength="directive"), limit(model="m")):
            session = told(refused(kept), served(begun_at=NOW + 1, model="n"))
            assert session.profile.buckets[0].limits == (kept,)
        undated = limit(observed_at=None)
        assert told(refused(undated), served(begun_at=NOW + 1)).profile.buckets[0].limits == ()

    def test_what_an_organization_shares_is_disproved_in_its_whole_domain(self) -> None:
        """And benches it as a whole."""
        buckets = (
            BucketSnapshot(name="a", quota_domain="org"),
            BucketSnapshot(name="b", quota_domain="org"),
            BucketSnapshot(name="c", quota_domain="other"),
            BucketSnapshot(name="d"),
        )
        shared = limit(scope="organization")
        session = told(refused(shared), session=session_of(*buckets))
        assert [bucket.limits for bucket in session.profile.buckets] == [(shared,), (shared,), (), ()]
        assert all(not bucket.limits for bucket in learn(session, served("b", begun_at=NOW + 1)).profile.buckets)
        late = told(served("b", begun_at=NOW + 1), refused(shared), session=session_of(*buckets))
        assert all(not bucket.limits for bucket in late.profile.buckets)

    def test_a_reading_of_an_organizations_window_counts_in_its_domain(self) -> None:
        """Also where the limit is told later."""
        buckets = tuple(BucketSnapshot(name=name, quota_domain="org") for name in "ab")
        shared = limit(scope="organization", window="5h", strength="directive")
        reading = WindowReading(window="5h", used=0.1, scope="organization", observed_at=NOW + 9)
        for events in permutations((refused(shared), served("b", readings=(reading,)))):
            session = told(*events, session=session_of(*buckets))
            assert all(not bucket.limits for bucket in session.profile.buckets)

    def test_without_a_domain_a_shared_limit_benches_its_earner(self) -> None:
        """There is no other bucket to share it with."""
        session = told(refused(limit(scope="organization")))
        assert [len(bucket.limits) for bucket in session.profile.buckets] == [1, 0]

    def test_an_answer_that_is_no_requests_own_is_heard(self) -> None:
        """A success disproves all that is believed so far, or what was observed before its call."""
        session = told(refused(limit()))
        ok = AnswerRead(at=NOW, served=True)
        assert hear_quota(session, "a", ok, begun_at=NOW).profile.buckets[0].limits != ()
        assert hear_quota(session, "a", ok, begun_at=None).profile.buckets[0].limits == ()
        fresh = AnswerRead(at=NOW, served=True, limits=(limit(window="day"),))
        assert [each.window for each in hear_quota(session, "a", fresh, begun_at=None).profile.buckets[0].limits] == [
            "day"
        ]
        no = AnswerRead(at=NOW, served=False, limits=(limit(window="day"),))
        assert len(hear_quota(session, "a", no, begun_at=NOW).profile.buckets[0].limits) == 2

    def test_a_memory_that_others_write_to_replaces_what_is_believed(self) -> None:
        """`with_limits` and `limits_of` are two halves."""
        session = told(refused(limit()))
        assert with_limits(session, limits_of(session)) == session
        assert limits_of(with_limits(session, {"b": (limit(),)})) == {"a": (), "b": (limit(),)}
