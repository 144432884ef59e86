"""decide_refresh and decide_sending: a table per rule."""

from math import inf, nan
from typing import Any

import pytest
from pydantic import ValidationError
from returns.methods import unwrap_or_failure

from bucket_failover_core import KnownToken, TokenAbsent, TokenHeld, TokenOutage
from bucket_failover_core.oauth import (
    AdoptInstead,
    AdoptStored,
    NotRefreshed,
    PresentRefreshToken,
    RefreshImpossible,
    RefreshMark,
    RefreshSnapshot,
    StoredLogin,
    StoreIssued,
    TokensIssued,
    token_worth,
)
from bucket_failover_core.oauth.refresh import SendNothing, SendNow, decide_sending
from bucket_failover_core.value import Value
from tests.support.stored_logins import (
    ISSUED,
    LIVE,
    NOW,
    REFUSED,
    UNHEARD,
    UNREADABLE,
    decide,
    held,
    leased,
    marked,
    presenting,
)


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
def test_a_mark_does_not_keep_a_caller_from_a_live_token(stored: StoredLogin, decision: object) -> None:
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
    """The next attempt says more about an answer that no process has heard."""
    assert NotRefreshed.model_validate({"why": why, "clears_mark": True}).needs_login is needs_login


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
    """A caller that only looks sees that a login is needed."""
    token = stored.token
    assert isinstance(token, TokenHeld)
    assert token_worth(stored, single_use=single_use) == token.model_copy(update={"refreshable": refreshable})


def test_what_is_no_token_is_worth_what_it_is() -> None:
    """A mark changes nothing of it."""
    stored = StoredLogin(token=TokenAbsent(), refresh_fingerprint="r1", mark=marked(is_sent=True))
    assert token_worth(stored) == TokenAbsent()
    assert token_worth(held(mark=marked(is_sent=True))) == TokenHeld(expiry=NOW, fingerprint="a1", refreshable=False)


class TestLeases:
    """A holder whose lease has passed to another one, without its knowing, presents nothing."""

    @pytest.mark.parametrize("is_sent", [True, False])
    @pytest.mark.parametrize(("lease", "is_ours"), [(1, False), (2, True), (3, True)])
    def test_a_mark_of_a_later_lease_is_left_to_its_holder(self, lease: int, *, is_ours: bool, is_sent: bool) -> None:
        """Numbers grow, so a greater one says that another holder has begun since."""
        decision = decide(held(mark=leased(2, is_sent=is_sent)), lease=lease, single_use=False)
        if is_ours:
            assert isinstance(decision, PresentRefreshToken)
            assert decision.mark == RefreshMark(refresh_fingerprint="r1", at=NOW, is_sent=is_sent, lease=lease)
        else:
            assert decision == RefreshImpossible(why="superseded")
            assert not decision.needs_login

    def test_a_live_token_is_adopted_whichever_process_refreshes(self) -> None:
        """The mark of a later lease concerns a refresh, and none is needed."""
        assert decide(held("a2", expiry=LIVE, mark=leased(9)), lease=1) == AdoptStored()

    @pytest.mark.parametrize(
        "stored",
        [
            held(),
            held(mark=leased(4)),
            held(mark=leased(3, is_sent=True)),
            held("a2", "r2", mark=leased(3)),
            StoredLogin(token=TokenAbsent()),
        ],
    )
    def test_what_has_changed_since_the_mark_was_left_stops_the_sending(self, stored: StoredLogin) -> None:
        """Another mark or none, another login or none."""
        assert unwrap_or_failure(decide_sending(leased(3), stored, now=NOW)) == SendNothing(why="superseded")

    @pytest.mark.parametrize(("ends_at", "sends"), [(None, True), (NOW, False), (LIVE, True), (NOW - 1, False)])
    def test_nothing_is_sent_from_the_end_of_the_lease_on(self, ends_at: float | None, *, sends: bool) -> None:
        """Another holder may begin at that very moment."""
        decision = unwrap_or_failure(decide_sending(leased(3), held(mark=leased(3)), now=NOW, lease_ends_at=ends_at))
        assert decision == (SendNow(mark=leased(3, is_sent=True)) if sends else SendNothing(why="lease-ended"))

    @pytest.mark.parametrize("now", [nan, inf, -inf])
    def test_now_is_a_moment(self, now: float) -> None:
        """As everywhere."""
        with pytest.raises(ValueError, match="now"):
            decide_sending(leased(3), held(mark=leased(3)), now=now)


class TestNotes:
    """What the issuer has said of a refresh token holds for every process that shares the store."""

    @pytest.mark.parametrize("single_use", [True, False])
    def test_a_refused_one_is_not_presented_again(self, *, single_use: bool) -> None:
        """Only a login brings a token now."""
        stored = held(mark=RefreshMark(refresh_fingerprint="r1", at=NOW - 9e6, is_refused=True))
        decision = decide(stored, single_use=single_use)
        assert decision == RefreshImpossible(why="refused")
        assert decision.needs_login
        worth = token_worth(stored, single_use=single_use)
        assert isinstance(worth, TokenHeld)
        assert not worth.refreshable

    @pytest.mark.parametrize(("until", "waits"), [(NOW + 1, True), (NOW, False), (NOW - 1, False)])
    def test_a_busy_issuer_is_not_asked_before_the_moment_that_it_named(self, until: float, *, waits: bool) -> None:
        """And a login is no advice."""
        decision = decide(held(mark=RefreshMark(refresh_fingerprint="r1", at=NOW - 1, busy_until=until)))
        if waits:
            assert decision == RefreshImpossible(why="busy", until=until)
            assert not decision.needs_login
        else:
            assert decision == presenting()

    @pytest.mark.parametrize("facts", [{"is_refused": True}, {"busy_until": NOW + 9}])
    def test_what_was_said_of_another_refresh_token_does_not_count(self, facts: dict[str, Any]) -> None:
        """There was a login since."""
        mark = RefreshMark.model_validate({"refresh_fingerprint": "r0", "at": NOW - 1} | facts)
        assert decide(held(mark=mark)) == presenting()

    @pytest.mark.parametrize("facts", [{"is_refused": True}, {"busy_until": NOW + 9}])
    def test_a_live_token_is_used_all_the_same(self, facts: dict[str, Any]) -> None:
        """It needs no refresh."""
        mark = RefreshMark.model_validate({"refresh_fingerprint": "r1", "at": NOW - 1} | facts)
        assert decide(held("a2", expiry=LIVE, mark=mark)) == AdoptStored()
