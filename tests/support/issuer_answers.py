"""What an issuer has said, and what is read of it."""

from bucket_failover_core import TokenHeld
from bucket_failover_core.oauth import GrantRefused, NothingIssued, TokensIssued

NOW = 1_000.0
REFUSED = GrantRefused()
UNHEARD = NothingIssued(is_known=False)
UNISSUED = NothingIssued(is_known=True)
ACCESS: dict[str, object] = {"access_token": "a1"}


def issued(expiry: float | None = None, *, refresh: str = "") -> TokensIssued:
    """The token `a1`, issued now."""
    token = TokenHeld(expiry=expiry, fingerprint="a1", refreshable=refresh != "", issued_at=NOW)
    return TokensIssued(token=token, refresh_fingerprint=refresh)
