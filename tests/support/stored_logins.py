"""Logins as a store holds them, and what the core decides of them, for the tests of the refresh protocol."""

from typing import Any

from returns.methods import unwrap_or_failure

from bucket_failover_core import KnownToken, TokenAbsent, TokenCorrupt, TokenHeld, TokenOutage
from bucket_failover_core.oauth import (
    AdoptInstead,
    AdoptStored,
    GrantRefused,
    IssuerAnswer,
    NothingIssued,
    NotRefreshed,
    PresentRefreshToken,
    RefreshImpossible,
    RefreshMark,
    RefreshSnapshot,
    StoredLogin,
    StoreIssued,
    TokensIssued,
    decide_outcome,
    decide_refresh,
)

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
    """A mark that a process has left earlier."""
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


def leased(number: int, *, is_sent: bool = False) -> RefreshMark:
    """A mark that was left under a numbered lease."""
    return RefreshMark(refresh_fingerprint="r1", at=NOW - 1, is_sent=is_sent, lease=number)
