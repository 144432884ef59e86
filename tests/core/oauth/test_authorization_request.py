"""What the browser takes along to the issuer, and the PKCE challenge in it."""

from base64 import urlsafe_b64decode
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucket_failover_core.oauth import (
    authorization_parameters,
    pkce_challenge,
)
from tests.core.oauth.forms import FULL, PLAIN, REDIRECT, VERIFIER


def test_the_challenge_is_that_of_the_standard() -> None:
    """RFC 7636, appendix B."""
    assert pkce_challenge(VERIFIER) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@pytest.mark.parametrize("verifier", ["a" * 43, "Z" * 128, "09-._~" * 8])
def test_a_verifier_has_43_to_128_unreserved_characters(verifier: str) -> None:
    """On both ends."""
    assert len(pkce_challenge(verifier)) == 43


@pytest.mark.parametrize(
    "verifier",
    ["", "a" * 42, "a" * 129, "a" * 42 + "+", "a" * 42 + "=", "a" * 42 + "é", "a" * 43 + "\n", " " + "a" * 43],
)
def test_what_is_no_verifier_is_refused_and_not_shown(verifier: str) -> None:
    """It is a secret all the same."""
    with pytest.raises(ValueError, match="a PKCE verifier has 43 to 128 characters") as refused:
        pkce_challenge(verifier)
    assert verifier == "" or verifier not in str(refused.value)


@given(verifier=st.text("ABCXYZabcxyz0189-._~", min_size=43, max_size=128))
def test_a_challenge_is_the_hash_in_base64url_without_padding(verifier: str) -> None:
    """Decoded again, it is the SHA-256 of the verifier."""
    assert urlsafe_b64decode(pkce_challenge(verifier) + "=") == sha256(verifier.encode()).digest()


def test_what_the_browser_takes_along() -> None:
    """Scopes only if there are some; extra parameters at the end, with the bucket's name in them."""
    taken = authorization_parameters(PLAIN, bucket="work", redirect_uri=REDIRECT, state="s", challenge="c")
    assert taken == (
        ("response_type", "code"),
        ("client_id", "cli"),
        ("redirect_uri", REDIRECT),
        ("state", "s"),
        ("code_challenge", "c"),
        ("code_challenge_method", "S256"),
    )
    full = authorization_parameters(FULL, bucket="work", redirect_uri=REDIRECT, state="s", challenge="c")
    assert full == (
        *taken[:3],
        ("scope", "openid user:read"),
        *taken[3:],
        ("audience", "api"),
        ("login_hint", "work@{x}work"),
    )
