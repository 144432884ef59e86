"""decide_renewal: a table per rule."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returns.methods import unwrap_or_failure

from bucket_failover_core import (
    NotRenewable,
    RenewalSnapshot,
    RenewAt,
    RenewNow,
    TokenAbsent,
    TokenCorrupt,
    TokenHeld,
    TokenOutage,
    TokenState,
    TokenUnread,
    decide_renewal,
)


def decide(token: TokenState, *, now: float, draw: float = 0.5, **fields: Any) -> RenewNow | RenewAt | NotRenewable:
    """The decision for a token."""
    snapshot = RenewalSnapshot.model_validate({"token": token} | fields)
    return unwrap_or_failure(decide_renewal(snapshot, now=now, draw=draw))


HOUR = TokenHeld(expiry=3_600.0, issued_at=0.0)


@pytest.mark.requirement("REQ-1598-PR01")
@pytest.mark.parametrize(
    ("now", "decision"),
    [
        (0.0, RenewAt(at=2_880.0)),
        (2_879.0, RenewAt(at=2_880.0)),
        (2_880.0, RenewNow()),
        (3_599.0, RenewNow()),
        (9_000.0, RenewNow()),
        (-500.0, RenewAt(at=2_880.0)),
    ],
)
def test_at_four_fifths_of_its_life(now: float, decision: RenewNow | RenewAt) -> None:
    """Both sides of the moment and exactly on it; an expired one at once."""
    assert decide(HOUR, now=now) == decision


@pytest.mark.requirement("REQ-1598-PR01")
@pytest.mark.parametrize(
    ("lifetime", "decision"),
    [(300.0, NotRenewable(why="short-lived")), (301.0, RenewAt(at=240.8)), (0.0, NotRenewable(why="short-lived"))],
)
def test_only_if_it_lives_over_five_minutes(lifetime: float, decision: object) -> None:
    """What lives shorter is refreshed when it is needed."""
    assert decide(TokenHeld(expiry=lifetime, issued_at=0.0), now=0.0) == decision


def test_without_the_moment_of_issue_the_remaining_time_counts() -> None:
    """Which recedes with each question, so the shell records when it first saw the token."""
    token = TokenHeld(expiry=5_000.0)
    assert decide(token, now=4_000.0) == RenewAt(at=4_800.0)
    assert decide(token, now=4_699.0) == RenewAt(at=4_699.0 + 0.8 * 301.0)
    assert decide(token, now=4_700.0) == NotRenewable(why="short-lived")
    assert decide(token, now=6_000.0) == NotRenewable(why="short-lived")


@pytest.mark.parametrize(
    ("token", "why"),
    [
        (TokenUnread(), "no-token"),
        (TokenAbsent(), "no-token"),
        (TokenCorrupt(), "no-token"),
        (TokenOutage(), "no-token"),
        (TokenHeld(expiry=3_600.0, refreshable=False, issued_at=0.0), "not-refreshable"),
        (TokenHeld(expiry=None, issued_at=0.0), "no-expiry"),
    ],
)
def test_what_cannot_be_renewed(token: TokenState, why: str) -> None:
    """And why not."""
    assert decide(token, now=0.0) == NotRenewable.model_validate({"why": why})


@pytest.mark.requirement("REQ-1598-PR05")
@pytest.mark.parametrize(
    ("failures", "decision"),
    [
        (0, RenewNow()),
        (1, RenewAt(at=3_030.0)),
        (2, RenewAt(at=3_060.0)),
        (3, NotRenewable(why="failing")),
        (4, NotRenewable(why="failing")),
    ],
)
def test_a_failure_is_waited_out_and_three_in_a_row_end_it(failures: int, decision: object) -> None:
    """30 s, then 60 s, from the failure; then never, until a refresh succeeds by other means."""
    assert decide(HOUR, now=3_000.0, failures=failures, failed_at=3_000.0) == decision


def test_the_wait_after_a_failure_is_spread_by_chance() -> None:
    """±30 %; the renewal itself is not."""
    assert decide(HOUR, now=3_000.0, failures=1, failed_at=3_000.0, draw=0.0) == RenewAt(at=3_021.0)
    assert decide(HOUR, now=0.0, draw=0.0) == RenewAt(at=2_880.0)
    assert decide(HOUR, now=3_030.0, failures=1, failed_at=3_000.0) == RenewNow()
    assert decide(HOUR, now=100.0, failures=1, failed_at=100.0) == RenewAt(at=2_880.0)


def test_without_a_draw_the_wait_is_the_nominal_one() -> None:
    """The default is the middle."""
    snapshot = RenewalSnapshot(token=HOUR, failures=1, failed_at=3_000.0)
    assert decide_renewal(snapshot, now=3_000.0).unwrap() == RenewAt(at=3_030.0)


def test_a_failure_at_an_unknown_moment_delays_nothing() -> None:
    """The count still ends it."""
    assert decide(HOUR, now=3_000.0, failures=2) == RenewNow()
    assert decide(HOUR, now=3_000.0, failed_at=3_000.0) == RenewNow()


def test_a_clock_that_was_set_back_delays_by_the_backoff_at_most() -> None:
    """A failure in the future is taken for one that has just happened."""
    assert decide(HOUR, now=2_900.0, failures=1, failed_at=9_999.0) == RenewAt(at=2_930.0)


TOKENS = st.builds(
    TokenHeld,
    expiry=st.none() | st.floats(0, 1e6),
    issued_at=st.none() | st.floats(0, 1e6),
    refreshable=st.booleans(),
)


@given(token=TOKENS, now=st.floats(0, 1e6), early=st.floats(0, 1e5))
def test_asking_early_is_harmless(token: TokenHeld, now: float, early: float) -> None:
    """With the moment of issue known, what is due at a moment was announced for it before."""
    if token.issued_at is None:
        return
    later = decide(token, now=now)
    sooner = decide(token, now=now - early)
    if isinstance(later, RenewAt):
        assert sooner == later
    if isinstance(later, RenewNow):
        assert isinstance(sooner, RenewNow) or (isinstance(sooner, RenewAt) and sooner.at <= now)


@given(token=TOKENS, now=st.floats(0, 1e6), draw=st.floats(0, 1, exclude_max=True), failures=st.integers(0, 4))
def test_a_moment_that_is_told_lies_ahead(token: TokenHeld, now: float, draw: float, failures: int) -> None:
    """Else it would be "now"."""
    decision = decide(token, now=now, draw=draw, failures=failures, failed_at=now)
    assert not isinstance(decision, RenewAt) or decision.at > now
