"""Token states: when a token is expired."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucket_failover_core import KnownToken, TokenAbsent, TokenCorrupt, TokenHeld, TokenOutage
from bucket_failover_core.facts import is_expired
from bucket_failover_core.facts.tokens import trusted_until

MOMENTS = st.floats(-1e12, 1e12)


@pytest.mark.requirement("REQ-1598-CL08")
@pytest.mark.requirement("REQ-1598-FL18")
@pytest.mark.parametrize(
    ("expiry", "now", "expired"),
    [
        (1_000.0, 999.0, False),
        (1_000.0, 970.0, False),
        (1_000.0, 999.999, False),
        (1_000.0, 1_000.0, True),
        (1_000.0, 1_000.001, True),
        (None, 0.0, True),
        (None, -1e12, True),
    ],
)
def test_a_token_is_expired_from_its_expiry_on(expiry: float | None, now: float, expired: bool) -> None:  # noqa: FBT001 - a column of the table
    """Half-open: usable while now < expiry; an unknown expiry counts as expired."""
    assert is_expired(expiry, now=now) is expired
    assert not is_expired(expiry, now=now, api_key=True)


@given(expiry=MOMENTS, now=MOMENTS, later=st.floats(0, 1e12))
def test_what_has_expired_stays_expired(expiry: float, now: float, later: float) -> None:
    """Time only goes on."""
    if is_expired(expiry, now=now):
        assert is_expired(expiry, now=now + later)


def test_a_held_token_needs_its_expiry_named() -> None:
    """Unknown is said with None, not by leaving it out."""
    assert TokenHeld(expiry=None) == TokenHeld(expiry=None, fingerprint="", refreshable=True, issued_at=None)


@pytest.mark.requirement("REQ-1598-CL08")
@pytest.mark.parametrize(
    ("expiry", "issued_at", "expired"),
    [(None, None, True), (None, 0.0, False), (None, 9e9, False), (1_000.0, 0.0, True), (1_000.1, 0.0, False)],
)
def test_a_token_whose_issuer_has_named_no_end_has_none(
    expiry: float | None,
    issued_at: float | None,
    expired: bool,  # noqa: FBT001 - a column of the table
) -> None:
    """It is known to have named none if it is known when it issued the token; where it has named one, that counts."""
    assert is_expired(expiry, now=1_000.0, issued_at=issued_at) is expired
    assert not is_expired(expiry, now=1_000.0, issued_at=issued_at, api_key=True)


@pytest.mark.parametrize(
    ("token", "until"),
    [
        (TokenHeld(expiry=1_000.0), 901.0),
        (TokenHeld(expiry=900.5), 900.5),
        (TokenHeld(expiry=900.0), 900.0),
        (TokenHeld(expiry=None), 900.0),
        (TokenHeld(expiry=None, issued_at=0.0), 901.0),
        (TokenAbsent(), 900.0),
        (TokenCorrupt(), 900.0),
        (TokenOutage(), 900.0),
    ],
)
def test_a_live_token_is_not_read_again_for_a_second(token: KnownToken, until: float) -> None:
    """Nor beyond its end; what is no token, or has ended, is read each time."""
    assert trusted_until(token, read_at=900.0) == until
    assert trusted_until(token, read_at=900.0, trust_seconds=0.0) == 900.0
    is_held = isinstance(token, TokenHeld)
    assert trusted_until(token, read_at=900.0, trust_seconds=2.0, api_key=True) == (902.0 if is_held else 900.0)
