"""`plan_renewals` and what a watch remembers: one timer for all tokens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returns.methods import unwrap_or_failure

from bucket_failover_core import (
    KnownToken,
    RenewalSnapshot,
    RenewAt,
    RenewNow,
    TokenAbsent,
    TokenHeld,
    TokenOutage,
    decide_renewal,
)
from bucket_failover_core.renewal import RenewalPlan, RenewalWatch, plan_renewals, unwatch, watch_outcome, watch_token
from bucket_failover_core.renewal.plan import RenewalOutcome, renewal_outcome

HOUR = 3_600.0


def hour(name: str, issued_at: float | None = 0.0, *, ends: float = HOUR) -> TokenHeld:
    """A token of an hour."""
    return TokenHeld(expiry=ends, fingerprint=name, issued_at=issued_at)


def watching(*tokens: tuple[str, KnownToken], now: float = 0.0) -> RenewalWatch:
    """A watch over these buckets."""
    watch = RenewalWatch()
    for bucket, token in tokens:
        watch = watch_token(watch, bucket, token, now=now)
    return watch


@pytest.mark.requirement("REQ-1598-PR03")
def test_the_earliest_moment_is_the_plans() -> None:
    """Two tokens of an hour, ten minutes apart."""
    watch = watching(("a", hour("a1")), ("b", hour("b1", 600.0, ends=HOUR + 600.0)))
    assert plan_renewals(watch, now=0.0) == RenewalPlan(wake_at=2_880.0)
    assert plan_renewals(watch, now=2_879.0) == RenewalPlan(wake_at=2_880.0)
    assert plan_renewals(watch, now=2_880.0) == RenewalPlan(due=("a",), wake_at=3_480.0)
    assert plan_renewals(watch, now=9_000.0) == RenewalPlan(due=("a", "b"))


def test_a_bucket_is_watched_beside_the_others() -> None:
    """What is seen of one changes nothing of another; without fingerprints, the ends tell tokens apart."""
    watch = watching(("a", hour("")), ("b", hour("b1")))
    watch = watch_outcome(watch, "a", None, now=10.0)
    after = watch_token(watch, "b", hour("b2"), now=20.0)
    assert (after.find("a"), after.buckets[1].token) == (watch.find("a"), hour("b2"))
    again = watch_token(after, "a", hour("", 5.0), now=20.0).find("a")
    later = watch_token(after, "a", hour("", ends=HOUR + 1), now=20.0).find("a")
    assert again is not None
    assert later is not None
    assert (again.failures, later.failures) == (1, 0)


def test_the_draw_spreads_the_wait_after_a_failure() -> None:
    """By three tenths, either way."""
    watch = watch_outcome(watching(("a", hour("a1"))), "a", None, now=2_880.0)
    moments = [plan_renewals(watch, now=2_880.0, draw=draw).wake_at for draw in (0.0, 0.5)]
    assert moments == [pytest.approx(2_901.0), 2_910.0]
    assert plan_renewals(watch, now=2_880.0).wake_at == 2_910.0


def test_a_clock_that_was_set_back_delays_a_failure_by_its_backoff_once() -> None:
    """It does not recede with each look."""
    watch = watch_outcome(watching(("a", hour("a1")), ("b", hour("b1"))), "a", None, now=3_500.0)
    for now in (2_900.0, 2_910.0, 2_920.0):
        watch = watch_token(watch, "a", hour("a1"), now=now)
        assert plan_renewals(watch, now=now).wake_at == 2_930.0
    assert plan_renewals(watch, now=2_930.0).due == ("a", "b")


def test_nothing_is_in_sight_of_nothing() -> None:
    """An empty watch, and tokens that cannot be renewed."""
    assert plan_renewals(RenewalWatch(), now=0.0) == RenewalPlan()
    watch = watching(("a", TokenAbsent()), ("b", TokenOutage()), ("c", TokenHeld(expiry=None)))
    assert plan_renewals(watch, now=0.0) == RenewalPlan()


def test_a_token_whose_issue_is_unknown_was_issued_when_it_was_first_seen() -> None:
    """Else its renewal would recede with each question."""
    watch = watching(("a", hour("a1", None)))
    for now in (600.0, 1_200.0):
        watch = watch_token(watch, "a", hour("a1", None), now=now)
    assert plan_renewals(watch, now=1_200.0).wake_at == 2_880.0
    watch = watch_token(watch, "a", hour("a2", None, ends=2 * HOUR), now=1_200.0)
    assert plan_renewals(watch, now=1_200.0).wake_at == pytest.approx(1_200.0 + 0.8 * 6_000.0)


@pytest.mark.requirement("REQ-1598-PR05")
def test_the_same_token_read_again_keeps_its_failures() -> None:
    """Reading does not re-arm what has stopped; another token does."""
    watch = watching(("a", hour("a1")))
    for now in (2_880.0, 2_950.0, 3_050.0):
        watch = watch_outcome(watch, "a", None, now=now)
    assert plan_renewals(watch, now=3_100.0) == RenewalPlan()
    assert watch_token(watch, "a", hour("a1"), now=3_100.0) == watch
    dated = watch_token(watch, "a", hour("a1", 1.0), now=3_100.0)
    assert plan_renewals(dated, now=3_100.0) == RenewalPlan()
    seen = dated.find("a")
    assert seen is not None
    assert (seen.token, seen.failures) == (hour("a1", 1.0), 3)
    renewed = watch_token(watch, "a", hour("a2", 3_100.0, ends=2 * HOUR), now=3_100.0)
    assert plan_renewals(renewed, now=3_100.0).wake_at == pytest.approx(3_100.0 + 0.8 * 4_100.0)
    gone = watch_token(watch, "a", TokenAbsent(), now=3_100.0)
    assert watch_token(gone, "a", TokenAbsent(), now=3_200.0) == gone


@pytest.mark.requirement("REQ-1598-PR04")
def test_a_failure_is_waited_out_and_told() -> None:
    """The next try is half a minute later; the other bucket is not touched."""
    watch = watching(("a", hour("a1")), ("b", hour("b1")))
    failed = watch_outcome(watch, "a", None, now=2_880.0)
    assert plan_renewals(failed, now=2_880.0) == RenewalPlan(due=("b",), wake_at=2_910.0)
    watched = failed.find("a")
    assert watched is not None
    assert (watched.failures, watched.failed_at) == (1, 2_880.0)
    assert failed.find("b") == watch.find("b")
    assert plan_renewals(failed.only("a"), now=2_880.0) == RenewalPlan(wake_at=2_910.0)
    assert failed.only("c") == RenewalWatch()


def test_a_renewal_that_brings_no_progress_has_failed() -> None:
    """The same token, one that has ended, or one that would be due at once does not spin (lesson 17)."""
    watch = watching(("a", hour("a1")))
    for token in (hour("a1"), hour("a2", 0.0), TokenHeld(expiry=3_000.0, fingerprint="a2", issued_at=-9_000.0)):
        after = watch_outcome(watch, "a", token, now=2_900.0).find("a")
        assert after is not None
        assert after.failures == 1
    after = watch_outcome(watch, "a", hour("a2", 2_900.0, ends=6_500.0), now=2_900.0).find("a")
    assert after is not None
    assert after.failures == 0


def test_a_refusal_ends_it() -> None:
    """The issuer has said so; asking again is no use."""
    refused = watch_outcome(watching(("a", hour("a1")), ("b", hour("b1"))), "a", None, now=2_880.0, refused=True)
    assert plan_renewals(refused, now=9_000.0) == RenewalPlan(due=("b",))
    assert refused.find("a") == watching(("a", hour("a1"))).buckets[0].model_copy(
        update={"failures": 1, "failed_at": 2_880.0, "refused": True}
    )
    again = watch_token(refused, "a", hour("a2", 2_900.0, ends=2 * HOUR), now=2_900.0)
    assert plan_renewals(again, now=2_900.0).wake_at is not None


@pytest.mark.requirement("REQ-1598-PR06")
def test_who_has_logged_out_is_not_renewed() -> None:
    """Not even if a renewal that was under way comes back."""
    watch = unwatch(watching(("a", hour("a1")), ("b", hour("b1"))), "a")
    assert plan_renewals(watch, now=9_000.0).due == ("b",)
    assert watch_outcome(watch, "a", hour("a2", 0.0, ends=9e9), now=2_880.0) == watch
    assert unwatch(watch, "a") == watch


@given(
    st.lists(st.tuples(st.floats(0, 1e6), st.floats(1, 1e6)), max_size=5),
    st.floats(0, 2e6),
    st.floats(0, 1, exclude_max=True),
)
def test_a_plan_is_each_buckets_own_decision(lives: list[tuple[float, float]], now: float, draw: float) -> None:
    """The plan adds nothing to `decide_renewal` but the earliest moment."""
    tokens = [TokenHeld(expiry=at + life, fingerprint=str(at), issued_at=at) for at, life in lives]
    watch = watching(*((str(place), token) for place, token in enumerate(tokens)))
    plan = plan_renewals(watch, now=now, draw=draw)
    decisions = [
        unwrap_or_failure(decide_renewal(RenewalSnapshot(token=token), now=now, draw=draw)) for token in tokens
    ]
    assert plan.due == tuple(str(place) for place, decision in enumerate(decisions) if isinstance(decision, RenewNow))
    moments = [decision.at for decision in decisions if isinstance(decision, RenewAt)]
    assert plan.wake_at == min(moments, default=None)


def test_a_store_that_cannot_answer_says_nothing_of_a_token_that_is_watched() -> None:
    """Its failures and its moment stay; a bucket that was never read is watched as an outage."""
    watch = watch_outcome(watching(("a", hour("a1"))), "a", None, now=2_880.0)
    assert watch_token(watch, "a", TokenOutage(), now=2_900.0) == watch
    unseen = watch_token(watch, "b", TokenOutage(), now=2_900.0).find("b")
    assert unseen is not None
    assert unseen.token == TokenOutage()


class TestOutcome:
    """What a renewal was, in numbers and a word."""

    BEFORE = watching(("a", hour("a1")))

    def told(self, came: KnownToken | None, *, detail: str = "", refused: bool = False) -> RenewalOutcome:
        """How a renewal at the moment that it was due has ended."""
        before = self.BEFORE.find("a")
        assert before is not None
        watch = watch_outcome(self.BEFORE, "a", came, now=2_880.0, refused=refused)
        return renewal_outcome(before, watch, now=2_880.0, detail=detail)

    def test_a_token_that_is_not_due_at_once(self) -> None:
        """It is renewed."""
        assert self.told(hour("a2", 2_880.0, ends=6_480.0)) == RenewalOutcome(bucket="a", is_renewed=True)

    @pytest.mark.parametrize(
        ("came", "detail", "refused", "text", "retries"),
        [
            (None, "the issuer answered 503", False, "the issuer answered 503", True),
            (None, "", True, "the issuer has refused; a login is needed", False),
            (None, "interrupted", True, "interrupted", False),
            (hour("a1"), "", False, "the issuer has brought no later end", True),
            (TokenAbsent(), "", True, "the user has logged out", False),
        ],
    )
    def test_a_failure(
        self,
        came: KnownToken | None,
        detail: str,
        refused: bool,  # noqa: FBT001 - a column of the table
        text: str,
        retries: bool,  # noqa: FBT001 - a column of the table
    ) -> None:
        """Why, how often in a row, and whether there is a next time."""
        told = self.told(came, detail=detail, refused=refused)
        assert (told.is_renewed, told.failures, told.detail) == (False, 1, text)
        assert (told.retry_at is not None) is retries

    def test_a_bucket_that_has_left_the_profile(self) -> None:
        """Its renewal is told all the same."""
        before = self.BEFORE.find("a")
        assert before is not None
        told = renewal_outcome(before, unwatch(self.BEFORE, "a"), now=2_880.0, detail="late")
        assert told == RenewalOutcome(bucket="a", is_renewed=False, failures=1, detail="late")


class TestBusy:
    """An issuer that has asked to wait is not asked before, and that is no failure."""

    WATCH = watch_outcome(watching(("a", hour("a1"))), "a", None, now=2_880.0, busy_until=3_000.0)

    @pytest.mark.parametrize(("now", "due"), [(2_999.0, ()), (3_000.0, ("a",)), (3_100.0, ("a",))])
    def test_it_is_due_again_at_the_moment_that_was_named(self, now: float, due: tuple[str, ...]) -> None:
        """Not before."""
        plan = plan_renewals(self.WATCH, now=now)
        assert plan.due == due
        assert plan.wake_at == (None if due else 3_000.0)

    def test_it_is_not_counted(self) -> None:
        """Three waits would else end the renewals of a login that is sound."""
        before, after = watching(("a", hour("a1"))).find("a"), self.WATCH.find("a")
        assert before is not None
        assert after is not None
        assert after.failures == 0
        told = renewal_outcome(before, self.WATCH, now=2_880.0, detail="busy")
        assert told == RenewalOutcome(bucket="a", is_renewed=False, retry_at=3_000.0, detail="busy")

    def test_a_moment_that_has_passed_is_a_failure_like_any_other(self) -> None:
        """The issuer's clock may be behind ours."""
        watch = watch_outcome(watching(("a", hour("a1"))), "a", None, now=2_880.0, busy_until=2_880.0).find("a")
        assert watch is not None
        assert watch.failures == 1

    def test_another_token_has_no_wait(self) -> None:
        """It was said of the one before."""
        watch = watch_token(self.WATCH, "a", hour("a2", 2_900.0, ends=6_500.0), now=2_900.0).find("a")
        assert watch is not None
        assert watch.busy_until is None


def test_a_busy_issuer_is_asked_again_when_it_says_so() -> None:
    """That is no failure, and the other buckets' tokens are renewed as ever."""
    before = watching(("a", hour("a1")), ("b", hour("b1")), ("c", hour("c1", 600.0, ends=HOUR + 600.0)))
    watch = watch_outcome(before, "a", None, now=2_900.0, busy_until=3_000.0)
    seen = watch.find("a")
    assert seen is not None
    assert (seen.busy_until, seen.failures, seen.token) == (3_000.0, 0, hour("a1"))
    assert (watch.find("b"), watch.find("c")) == (before.find("b"), before.find("c"))
    assert plan_renewals(watch, now=2_999.9) == RenewalPlan(due=("b",), wake_at=3_000.0)
    assert plan_renewals(watch, now=3_000.0) == RenewalPlan(due=("a", "b"), wake_at=3_480.0)


def test_a_busy_issuer_is_told_as_such_while_it_is_busy() -> None:
    """With the moment it has named, and the failures before it."""
    before = watch_outcome(watching(("a", hour("a1"))), "a", None, now=2_880.0)
    was = before.find("a")
    assert was is not None
    after = watch_outcome(before, "a", None, now=2_910.0, busy_until=3_000.0)
    busy = RenewalOutcome(bucket="a", is_renewed=False, failures=1, retry_at=3_000.0, detail="busy")
    assert renewal_outcome(was, after, now=2_910.0, detail="busy") == busy
    assert renewal_outcome(was, after, now=3_000.0, detail="busy").retry_at != 3_000.0


def test_a_wait_that_is_over_already_is_a_failure() -> None:
    """By a clock that has been set forward."""
    watch = watch_outcome(watching(("a", hour("a1"))), "a", None, now=2_900.0, busy_until=2_900.0)
    seen = watch.find("a")
    assert seen is not None
    assert (seen.busy_until, seen.failures) == (None, 1)


def test_what_is_no_token_is_the_same_by_its_kind() -> None:
    """A logout that is read twice is one logout; a token where there was none begins anew."""
    watch = watch_outcome(watching(("a", hour("a1"))), "a", None, now=2_900.0)
    gone = watch_token(watch, "a", TokenAbsent(), now=2_901.0)
    assert watch_token(gone, "a", TokenAbsent(), now=2_902.0) == gone
    back = watch_token(gone, "a", hour("a1"), now=2_903.0).find("a")
    assert back is not None
    assert back.failures == 0
