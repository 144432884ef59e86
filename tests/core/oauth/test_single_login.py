"""`decide_login`: whether a user is asked, now that it is our turn."""

import pytest
from returns.methods import unwrap_or_failure

from bucket_failover_core import KnownToken, TokenAbsent, TokenCorrupt, TokenHeld, TokenOutage
from bucket_failover_core.oauth import (
    AdoptLogin,
    AskUser,
    LoginAnswer,
    LoginEnded,
    LoginSnapshot,
    decide_login,
)

NOW = 130.0


def held(fingerprint: str, expiry: float | None = 1_000.0) -> TokenHeld:
    """A token that is live unless it says otherwise."""
    return TokenHeld(expiry=expiry, fingerprint=fingerprint)


def decide(stored: KnownToken, *, unwanted: str = "", **answers: LoginAnswer | None) -> object:
    """The decision."""
    snapshot = LoginSnapshot(unwanted=unwanted, stored=stored, known=answers.get("known"), answer=answers.get("answer"))
    return unwrap_or_failure(decide_login(snapshot, now=NOW))


@pytest.mark.parametrize(
    ("stored", "unwanted", "decision"),
    [
        (TokenAbsent(), "", AskUser()),
        (TokenCorrupt(), "", AskUser()),
        (TokenOutage(), "", AskUser()),
        (held("a1"), "a1", AskUser()),
        (held("a2"), "a1", AdoptLogin()),
        (held("a2"), "", AdoptLogin()),
        (held(""), "a1", AskUser()),
        (held("a2", NOW), "a1", AskUser()),
        (held("a2", NOW + 1), "a1", AdoptLogin()),
        (held("a2", None), "a1", AskUser()),
    ],
)
def test_a_login_that_another_process_has_brought_is_adopted(
    stored: KnownToken, unwanted: str, decision: object
) -> None:
    """A live token that was not there when we asked; one that cannot be told apart is none."""
    assert decide(stored, unwanted=unwanted) == decision


@pytest.mark.parametrize("known", [None, LoginAnswer(at=NOW, serial="1")])
@pytest.mark.parametrize("declined", [True, False])
def test_an_answer_since_we_asked_is_ours_too(known: LoginAnswer | None, *, declined: bool) -> None:
    """No user is asked the same thing twice (lesson 19), in whatever moment it was answered."""
    answer = LoginAnswer(at=NOW, declined=declined, detail="no", serial="2")
    assert decide(TokenAbsent(), known=known, answer=answer) == LoginEnded(answer=answer)
    assert decide(held("a2"), known=known, answer=answer) == AdoptLogin()


def test_an_answer_to_an_earlier_question_is_not() -> None:
    """It was there when we asked; or it has gone, with a login that is gone as well."""
    answer = LoginAnswer(at=NOW, serial="1")
    assert decide(TokenAbsent(), known=answer, answer=answer) == AskUser()
    assert decide(TokenAbsent(), known=answer) == AskUser()


def test_a_moment_is_a_moment() -> None:
    """No NaN."""
    with pytest.raises(ValueError, match="now"):
        decide_login(LoginSnapshot(stored=TokenAbsent()), now=float("nan"))
