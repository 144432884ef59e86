"""decide_outcome: a table per rule."""

from math import inf, nan
from typing import Any

import pytest

from bucket_failover_core import KnownToken, TokenAbsent, TokenCorrupt, TokenHeld, TokenOutage
from bucket_failover_core.oauth import (
    AdoptInstead,
    IssuerAnswer,
    NothingIssued,
    NotRefreshed,
    RefreshMark,
    RefreshSnapshot,
    StoredLogin,
    StoreIssued,
    TokensIssued,
    decide_outcome,
    decide_refresh,
)
from tests.support.stored_logins import (
    ISSUED,
    LIVE,
    NOW,
    REFUSED,
    UNHEARD,
    UNISSUED,
    held,
    leased,
    marked,
    outcome,
)

BUSY = NothingIssued(is_known=True, retry_at=NOW + 600)


def noted(**facts: Any) -> RefreshMark:
    """What is left beside a refresh token that was presented now."""
    return RefreshMark.model_validate({"refresh_fingerprint": "r1", "at": NOW} | facts)


@pytest.mark.parametrize("token", [held().token, TokenCorrupt(), TokenOutage()])
def test_an_answer_that_no_process_has_heard_leaves_the_mark(token: KnownToken) -> None:
    """It is for the process that comes next."""
    stored = StoredLogin(token=token, refresh_fingerprint="r1")
    assert outcome(stored, UNHEARD) == NotRefreshed(why="unheard", clears_mark=False)


def test_an_answer_that_no_process_has_heard_does_not_matter_after_a_login_or_a_logout() -> None:
    """What is stored counts."""
    assert outcome(held("a3", "r3", expiry=LIVE), UNHEARD) == AdoptInstead()
    assert outcome(StoredLogin(token=TokenAbsent()), UNHEARD) == NotRefreshed(why="logged-out", clears_mark=True)


@pytest.mark.parametrize("answer", [ISSUED, REFUSED, UNISSUED])
def test_a_logout_in_the_middle_is_not_undone(answer: IssuerAnswer) -> None:
    """Whatever the issuer says, and even if a refresh token was left behind."""
    gone = NotRefreshed(why="logged-out", clears_mark=True)
    assert outcome(StoredLogin(token=TokenAbsent()), answer) == gone
    assert outcome(StoredLogin(token=TokenAbsent(), refresh_fingerprint="r1"), answer) == gone


@pytest.mark.parametrize("answer", [ISSUED, REFUSED, UNISSUED])
@pytest.mark.parametrize("refresh", ["r3", ""])
def test_a_login_in_the_middle_wins(answer: IssuerAnswer, refresh: str) -> None:
    """So does a token that another process has renewed: a refusal of the old one says nothing about it."""
    assert outcome(held("a3", refresh, expiry=LIVE), answer) == AdoptInstead()
    presented = held("", expiry=NOW)
    assert outcome(held("", refresh, expiry=LIVE), answer, presented) == AdoptInstead()
    unread = StoredLogin(token=TokenCorrupt(), refresh_fingerprint="r1")
    assert outcome(held("a3", refresh, expiry=LIVE), answer, unread) == AdoptInstead()


def test_a_live_token_where_there_was_none_is_adopted_in_place_of_a_refusal() -> None:
    """What was presented had no access token to be replaced, so any live one will do."""
    unread = StoredLogin(token=TokenCorrupt(), refresh_fingerprint="r1")
    assert outcome(held("", "r1", expiry=LIVE), REFUSED, unread) == AdoptInstead()


@pytest.mark.parametrize("expiry", [NOW, None])
def test_a_login_in_the_middle_is_not_overwritten_even_if_its_token_has_ended(expiry: float | None) -> None:
    """It is the user's last word, and its refresh token must survive; without `expires_in` the end is unknown."""
    assert not isinstance(outcome(held("b1", "s1", expiry=expiry), ISSUED), StoreIssued)


def test_a_login_in_the_middle_of_an_unknown_fingerprint_is_not_overwritten() -> None:
    """Its refresh token is another one, which is enough to know that a user has logged in."""
    assert not isinstance(outcome(held("", "s1", expiry=LIVE), ISSUED), StoreIssued)


@pytest.mark.parametrize("expiry", [NOW, None])
def test_a_refusal_of_a_token_that_is_no_longer_stored_needs_no_login(expiry: float | None) -> None:
    """A refusal counts only if what is stored is still what was presented."""
    answer = outcome(held("b1", "s1", expiry=expiry), REFUSED)
    assert not isinstance(answer, NotRefreshed) or not answer.needs_login


@pytest.mark.parametrize(
    ("answer", "decision"),
    [
        (ISSUED, StoreIssued(keeps_refresh_token=False, is_progress=True)),
        (REFUSED, NotRefreshed(why="refused", clears_mark=True, leaves=noted(is_refused=True))),
        (UNISSUED, NotRefreshed(why="not-issued", clears_mark=True)),
        (BUSY, NotRefreshed(why="not-issued", clears_mark=True, leaves=noted(busy_until=NOW + 600))),
        (NothingIssued(is_known=True, retry_at=NOW), NotRefreshed(why="not-issued", clears_mark=True)),
    ],
)
@pytest.mark.parametrize(
    "stored",
    [
        held(mark=marked(is_sent=True)),
        held("a1", expiry=LIVE),
        held("a3", "r1", expiry=NOW),
        StoredLogin(token=TokenCorrupt(), refresh_fingerprint="r1"),
        StoredLogin(token=TokenOutage(), refresh_fingerprint="r1"),
    ],
)
def test_the_answer_counts_if_the_refresh_token_is_still_the_same(
    stored: StoredLogin, answer: IssuerAnswer, decision: object
) -> None:
    """What was issued is stored, a refusal is told, and either way the mark is cleared; so too if the store ails."""
    assert outcome(stored, answer) == decision


@pytest.mark.parametrize(
    ("answer", "decision"),
    [
        (ISSUED, StoreIssued(keeps_refresh_token=False, is_progress=True)),
        (REFUSED, AdoptInstead()),
        (UNISSUED, AdoptInstead()),
    ],
)
def test_a_renewed_token_beside_the_same_refresh_token_is_adopted(answer: IssuerAnswer, decision: object) -> None:
    """Unless something newer was issued to us: an issuer that does not rotate renews it so."""
    assert outcome(held("a3", "r1", expiry=LIVE), answer) == decision
    assert outcome(held("a3", "r1", expiry=NOW), answer) != AdoptInstead()


@pytest.mark.parametrize(("refresh", "keeps"), [("r2", False), ("r1", False), ("", True)])
def test_an_answer_without_a_refresh_token_keeps_the_old_one(refresh: str, *, keeps: bool) -> None:
    """RFC 6749, 6."""
    answer = ISSUED.model_copy(update={"refresh_fingerprint": refresh})
    assert outcome(held(), answer) == StoreIssued(keeps_refresh_token=keeps, is_progress=True)


@pytest.mark.parametrize(
    ("before", "issued", "is_progress"),
    [
        (held("a1", expiry=NOW).token, TokenHeld(expiry=NOW, fingerprint="a1"), False),
        (held("a1", expiry=NOW).token, TokenHeld(expiry=NOW + 0.5, fingerprint="a1"), True),
        (held("a1", expiry=NOW).token, TokenHeld(expiry=NOW - 1, fingerprint="a1"), False),
        (held("a1", expiry=NOW).token, TokenHeld(expiry=None, fingerprint="a1"), False),
        (held("a1", expiry=None).token, TokenHeld(expiry=LIVE, fingerprint="a1"), True),
        (held("a1", expiry=LIVE).token, TokenHeld(expiry=LIVE, fingerprint="a1"), False),
        (held("a1", expiry=LIVE).token, TokenHeld(expiry=LIVE + 1, fingerprint="a1"), True),
        (held("a1", expiry=LIVE).token, TokenHeld(expiry=LIVE, fingerprint="a2"), True),
        (held("a1", expiry=LIVE).token, TokenHeld(expiry=LIVE, fingerprint=""), True),
        (held("", expiry=LIVE).token, TokenHeld(expiry=LIVE, fingerprint="a2"), True),
        (held("", expiry=NOW).token, TokenHeld(expiry=LIVE, fingerprint=""), True),
        (held("", expiry=LIVE).token, TokenHeld(expiry=LIVE, fingerprint=""), True),
        (TokenCorrupt(), TokenHeld(expiry=LIVE, fingerprint="a1"), True),
    ],
)
def test_progress_is_another_token_or_a_later_end(before: KnownToken, issued: TokenHeld, *, is_progress: bool) -> None:
    """If there is none, no process asks again at once."""
    presented = StoredLogin(token=before, refresh_fingerprint="r1")
    answer = TokensIssued(token=issued, refresh_fingerprint="r2")
    assert outcome(presented, answer, presented) == StoreIssued(keeps_refresh_token=False, is_progress=is_progress)


def test_an_unknown_end_that_stays_unknown_is_no_progress() -> None:
    """Without an expiry a token counts as expired, so the same one again would be refreshed for ever."""
    same = TokensIssued(token=TokenHeld(expiry=None, fingerprint="a1"), refresh_fingerprint="r2")
    assert outcome(held(expiry=None), same, held(expiry=None)) == StoreIssued(
        keeps_refresh_token=False, is_progress=False
    )


@pytest.mark.parametrize("fingerprint", ["a2", ""])
def test_another_token_that_has_ended_just_as_the_old_one_is_no_progress(fingerprint: str) -> None:
    """A token whose expiry does not move does not spin, whatever it is called."""
    ended = TokensIssued(token=TokenHeld(expiry=NOW, fingerprint=fingerprint), refresh_fingerprint="r2")
    assert outcome(held(expiry=NOW), ended) == StoreIssued(keeps_refresh_token=False, is_progress=False)


@pytest.mark.parametrize("now", [nan, inf, -inf])
@pytest.mark.parametrize("answer", [ISSUED, UNHEARD])
def test_now_is_a_moment(now: float, answer: IssuerAnswer) -> None:
    """An unknown one is refused, even where no rule would look at it."""
    absent = StoredLogin(token=TokenAbsent())
    with pytest.raises(ValueError, match="is no moment"):
        decide_refresh(RefreshSnapshot(stored=absent), now=now)
    with pytest.raises(ValueError, match="is no moment"):
        decide_outcome(absent, absent, answer, now=now)


@pytest.mark.parametrize("answer", [REFUSED, UNISSUED])
@pytest.mark.parametrize(("stored", "clears"), [(None, True), (2, True), (3, True), (4, False)])
def test_only_a_mark_that_is_not_of_a_later_lease_is_cleared(
    answer: IssuerAnswer, stored: int | None, *, clears: bool
) -> None:
    """Its holder may have sent its refresh token meanwhile."""
    mark = None if stored is None else leased(stored)
    came = outcome(held(mark=mark), answer, held(mark=leased(3, is_sent=True)))
    assert isinstance(came, NotRefreshed)
    assert came.clears_mark is clears


@pytest.mark.parametrize("answer", [REFUSED, BUSY])
def test_a_refresh_token_without_a_name_leaves_no_mark(answer: IssuerAnswer) -> None:
    """It could not be told from the next one, which would be taken for refused."""
    unnamed = StoredLogin(token=TokenHeld(expiry=NOW, fingerprint="a1"))
    decided = decide_outcome(unnamed, unnamed, answer, now=NOW)
    assert decided.failure().leaves is None
