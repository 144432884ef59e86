"""decide_refresh and decide_outcome: a table per rule."""

from math import inf, nan
from typing import Any

import pytest
from pydantic import ValidationError
from returns.methods import unwrap_or_failure

from bucket_failover_core import (
    AdoptInstead,
    AdoptStored,
    GrantRefused,
    IssuerAnswer,
    KnownToken,
    NothingIssued,
    NotRefreshed,
    PresentRefreshToken,
    RefreshImpossible,
    RefreshMark,
    RefreshSnapshot,
    StoredLogin,
    StoreIssued,
    TokenAbsent,
    TokenCorrupt,
    TokenHeld,
    TokenOutage,
    TokensIssued,
    decide_outcome,
    decide_refresh,
    token_worth,
)
from bucket_failover_core.value import Value

NOW = 1_000.0
LIVE = NOW + 1
REFUSED = GrantRefused()
UNHEARD = NothingIssued(is_known=False)
UNISSUED = NothingIssued(is_known=True)
ISSUED = TokensIssued(token=TokenHeld(expiry=LIVE, fingerprint="a2"), refresh_fingerprint="r2")
UNREADABLE: list[KnownToken] = [TokenAbsent(), TokenCorrupt(detail="half"), TokenOutage(detail="disk")]


def held(access: str = "a1", refresh: str = "r1", *, expiry: float | None = NOW, **fields: Any) -> StoredLogin:
    """A login in the store; expired unless said otherwise."""
    token = TokenHeld(expiry=expiry, fingerprint=access)
    return StoredLogin.model_validate({"token": token, "refresh_fingerprint": refresh} | fields)


def marked(refresh: str = "r1", *, is_sent: bool) -> RefreshMark:
    """A mark that somebody has left earlier."""
    return RefreshMark(refresh_fingerprint=refresh, at=NOW - 60, is_sent=is_sent)


def decide(stored: StoredLogin, **fields: Any) -> AdoptStored | PresentRefreshToken | RefreshImpossible:
    """What to do with what is stored."""
    snapshot = RefreshSnapshot.model_validate({"unwanted": "a1", "stored": stored} | fields)
    return unwrap_or_failure(decide_refresh(snapshot, now=NOW))


def outcome(
    stored: StoredLogin, answer: IssuerAnswer, presented: StoredLogin | None = None
) -> StoreIssued | AdoptInstead | NotRefreshed:
    """What becomes of an answer; `a1` and `r1` were presented unless said otherwise."""
    return unwrap_or_failure(decide_outcome(presented or held(), stored, answer, now=NOW))


def presenting(refresh: str = "r1", *, recovers: bool = False) -> PresentRefreshToken:
    """The mark is of now, and nothing is sent yet."""
    return PresentRefreshToken(mark=RefreshMark(refresh_fingerprint=refresh, at=NOW, is_sent=False), recovers=recovers)


@pytest.mark.parametrize("single_use", [True, False])
@pytest.mark.parametrize(("token", "why"), list(zip(UNREADABLE, ["no-token", "corrupt", "outage"], strict=True)))
def test_what_is_no_token_cannot_be_refreshed(token: KnownToken, why: str, *, single_use: bool) -> None:
    """And why not, even if a refresh token and a mark are left."""
    stored = StoredLogin(token=token, refresh_fingerprint="r1", mark=marked(is_sent=True))
    assert decide(stored, single_use=single_use) == RefreshImpossible.model_validate({"why": why})


@pytest.mark.parametrize(
    ("stored", "unwanted", "decision"),
    [
        (held("a2", "r2", expiry=LIVE), "a1", AdoptStored()),
        (held("a2", "r2", expiry=NOW), "a1", presenting("r2")),
        (held("a2", "r2", expiry=NOW - 1), "a1", presenting("r2")),
        (held("a2", "r2", expiry=None), "a1", presenting("r2")),
        (held("a1", "r1", expiry=LIVE), "a1", presenting()),
        (held("a1", "r2", expiry=LIVE), "a1", presenting("r2")),
        (held("", "r1", expiry=LIVE), "a1", presenting()),
        (held("a1", "r1", expiry=LIVE), "", AdoptStored()),
        (held("", "r1", expiry=LIVE), "", AdoptStored()),
        (held("a1", "r1", expiry=NOW), "", presenting()),
        (held("", "r1", expiry=NOW), "", presenting()),
        (held("a2", "", expiry=LIVE), "a1", AdoptStored()),
        (held("a2", "", expiry=NOW), "a1", RefreshImpossible(why="not-refreshable")),
        (held("a1", "", expiry=LIVE), "a1", RefreshImpossible(why="not-refreshable")),
    ],
)
def test_a_live_token_that_is_not_the_unwanted_one_is_adopted(
    stored: StoredLogin, unwanted: str, decision: object
) -> None:
    """On both sides of the expiry; an unknown fingerprint may be the unwanted one, so it is not adopted for another."""
    assert decide(stored, unwanted=unwanted) == decision


@pytest.mark.parametrize(
    ("mark", "single_use", "decision"),
    [
        (None, True, presenting()),
        (None, False, presenting()),
        (marked(is_sent=False), True, presenting()),
        (marked(is_sent=False), False, presenting()),
        (marked(is_sent=True), True, RefreshImpossible(why="interrupted")),
        (
            marked(is_sent=True),
            False,
            PresentRefreshToken(mark=RefreshMark(refresh_fingerprint="r1", at=NOW, is_sent=True), recovers=True),
        ),
        (marked("r0", is_sent=True), True, presenting()),
        (marked("r0", is_sent=True), False, presenting()),
    ],
)
def test_only_a_mark_of_this_very_token_that_was_sent_counts(
    mark: RefreshMark | None, decision: object, *, single_use: bool
) -> None:
    """A token of single use is then not presented again; another one is, and its mark stays one that was sent."""
    assert decide(held(mark=mark), single_use=single_use) == decision


@pytest.mark.parametrize(
    ("stored", "decision"),
    [
        (held("a2", expiry=LIVE), AdoptStored()),
        (held("a2", expiry=NOW), RefreshImpossible(why="interrupted")),
        (held("a2", "", expiry=NOW), RefreshImpossible(why="not-refreshable")),
    ],
)
def test_a_mark_does_not_keep_anybody_from_a_live_token(stored: StoredLogin, decision: object) -> None:
    """It forbids to present, not to adopt."""
    assert decide(stored.model_copy(update={"mark": marked(is_sent=True)})) == decision


def test_the_defaults_are_the_careful_ones() -> None:
    """Single use, no mark, nothing unwanted, no refresh token, nothing sent."""
    stored = StoredLogin(token=TokenHeld(expiry=NOW))
    snapshot = RefreshSnapshot(stored=stored)
    assert (stored.refresh_fingerprint, stored.mark) == ("", None)
    assert (snapshot.unwanted, snapshot.single_use) == ("", True)
    assert not RefreshMark(refresh_fingerprint="r1", at=NOW).is_sent
    assert not PresentRefreshToken(mark=marked(is_sent=False)).recovers
    assert TokensIssued(token=TokenHeld(expiry=NOW)).refresh_fingerprint == ""
    with pytest.raises(ValidationError, match="refresh_fingerprint"):
        RefreshMark(refresh_fingerprint="", at=NOW)


@pytest.mark.parametrize("token", [held().token, TokenCorrupt(), TokenOutage()])
def test_an_answer_that_nobody_has_heard_leaves_the_mark(token: KnownToken) -> None:
    """It is for whoever comes next."""
    stored = StoredLogin(token=token, refresh_fingerprint="r1")
    assert outcome(stored, UNHEARD) == NotRefreshed(why="unheard", clears_mark=False)


def test_an_answer_that_nobody_has_heard_does_not_matter_after_a_login_or_a_logout() -> None:
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
    """So does a token that somebody else has renewed: a refusal of the old one says nothing about it."""
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
    """It is the person's last word, and its refresh token must survive; without `expires_in` the end is unknown."""
    assert not isinstance(outcome(held("b1", "s1", expiry=expiry), ISSUED), StoreIssued)


def test_a_login_in_the_middle_of_an_unknown_fingerprint_is_not_overwritten() -> None:
    """Its refresh token is another one, which is enough to know that somebody has logged in."""
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
        (REFUSED, NotRefreshed(why="refused", clears_mark=True)),
        (UNISSUED, NotRefreshed(why="not-issued", clears_mark=True)),
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
    """If there is none, nobody asks again at once."""
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


@pytest.mark.parametrize(
    ("why", "needs_login"),
    [("no-token", True), ("corrupt", True), ("outage", False), ("not-refreshable", True), ("interrupted", True)],
)
def test_what_cannot_be_refreshed_needs_a_login_unless_the_store_is_out(why: str, *, needs_login: bool) -> None:
    """A login could not be stored either."""
    assert RefreshImpossible.model_validate({"why": why}).needs_login is needs_login


@pytest.mark.parametrize(
    ("why", "needs_login"), [("refused", True), ("logged-out", True), ("unheard", False), ("not-issued", False)]
)
def test_what_was_not_refreshed_needs_a_login_if_nothing_else_helps(why: str, *, needs_login: bool) -> None:
    """The next attempt says more about an answer that nobody has heard."""
    assert NotRefreshed.model_validate({"why": why, "clears_mark": True}).needs_login is needs_login


@pytest.mark.parametrize("now", [nan, inf, -inf])
@pytest.mark.parametrize("answer", [ISSUED, UNHEARD])
def test_now_is_a_moment(now: float, answer: IssuerAnswer) -> None:
    """An unknown one is refused, even where no rule would look at it."""
    absent = StoredLogin(token=TokenAbsent())
    with pytest.raises(ValueError, match="is no moment"):
        decide_refresh(RefreshSnapshot(stored=absent), now=now)
    with pytest.raises(ValueError, match="is no moment"):
        decide_outcome(absent, absent, answer, now=now)


EXAMPLES: list[Value] = [
    marked(is_sent=True),
    held(mark=marked(is_sent=False)),
    RefreshSnapshot(unwanted="a1", stored=StoredLogin(token=TokenOutage(detail="x")), single_use=False),
    AdoptStored(),
    presenting(recovers=True),
    RefreshImpossible(why="interrupted"),
    ISSUED,
    REFUSED,
    UNHEARD,
    StoreIssued(keeps_refresh_token=True, is_progress=False),
    AdoptInstead(),
    NotRefreshed(why="unheard", clears_mark=False),
]


@pytest.mark.parametrize("value", EXAMPLES, ids=lambda value: type(value).__name__)
def test_a_trip_through_json_changes_nothing(value: Value) -> None:
    """Snapshots, answers and decisions cross processes; each is frozen and strict about names."""
    assert type(value).model_validate_json(value.model_dump_json()) == value
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        type(value).model_validate({**value.model_dump(), "surprise": 1})


@pytest.mark.parametrize(
    ("stalled_at", "decision"),
    [
        (None, presenting()),
        (NOW, RefreshImpossible(why="stalled")),
        (NOW - 59, RefreshImpossible(why="stalled")),
        (NOW - 60, presenting()),
        (NOW + 1, presenting()),
    ],
)
def test_a_refresh_that_has_brought_no_progress_is_not_repeated_at_once(
    stalled_at: float | None, decision: object
) -> None:
    """For a minute (lesson 17); a moment to come is one of a clock that has stepped back."""
    assert decide(held(), stalled_at=stalled_at) == decision
    assert decide(held(expiry=LIVE), unwanted="", stalled_at=stalled_at) == AdoptStored()


@pytest.mark.parametrize("why", ["no-token", "corrupt", "outage", "not-refreshable", "interrupted", "stalled"])
def test_what_only_a_login_heals(why: str) -> None:
    """Not an outage, nor a pause."""
    assert RefreshImpossible.model_validate({"why": why}).needs_login == (why not in {"outage", "stalled"})


@pytest.mark.parametrize(
    ("stored", "single_use", "refreshable"),
    [
        (held(), True, True),
        (held(mark=marked(is_sent=False)), True, True),
        (held(mark=marked(is_sent=True)), True, False),
        (held(mark=marked(is_sent=True)), False, True),
        (held(mark=marked("r0", is_sent=True)), True, True),
    ],
)
def test_a_token_whose_refresh_was_interrupted_cannot_be_refreshed(
    stored: StoredLogin, *, single_use: bool, refreshable: bool
) -> None:
    """Whoever only looks sees that a login is needed."""
    token = stored.token
    assert isinstance(token, TokenHeld)
    assert token_worth(stored, single_use=single_use) == token.model_copy(update={"refreshable": refreshable})


def test_what_is_no_token_is_worth_what_it_is() -> None:
    """A mark changes nothing of it."""
    stored = StoredLogin(token=TokenAbsent(), refresh_fingerprint="r1", mark=marked(is_sent=True))
    assert token_worth(stored) == TokenAbsent()
    assert token_worth(held(mark=marked(is_sent=True))) == TokenHeld(expiry=NOW, fingerprint="a1", refreshable=False)
