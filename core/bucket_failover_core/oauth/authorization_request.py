"""What does the browser take along to the issuer? The authorization request, with its PKCE challenge.

Rules: what the protocol says comes first, then the issuer's extra parameters. The challenge goes, the verifier stays
with the shell until the code is redeemed.

Source: RFC 6749, 4.1.1; RFC 7636, 4.
"""

import re
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Final

from bucket_failover_core.oauth.issuer_settings import IssuerSettings
from bucket_failover_core.oauth.token_forms import for_bucket, scope_of

_VERIFIER: Final = re.compile(r"[A-Za-z0-9\-._~]{43,128}")


def pkce_challenge(verifier: str) -> str:
    """The challenge that goes with a PKCE verifier, by the method S256.

    Example: of `dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk` it is `E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM`.

    Args:
        verifier: 43 to 128 characters of A-Z, a-z, 0-9, "-", ".", "_" and "~".

    Raises:
        ValueError: it is none; it is not shown.

    Source: RFC 7636, 4.1, 4.2 and appendix B.
    """
    if _VERIFIER.fullmatch(verifier) is None:
        message = "a PKCE verifier has 43 to 128 characters of A-Z, a-z, 0-9, -, ., _ and ~"
        raise ValueError(message)
    return urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")


def authorization_parameters(
    settings: IssuerSettings, *, bucket: str, redirect_uri: str, state: str, challenge: str
) -> tuple[tuple[str, str], ...]:
    """What the browser takes along to the authorization endpoint.

    Example: for the client "cli" without scopes they are `response_type=code`, `client_id=cli`, `redirect_uri=...`,
    `state=...`, `code_challenge=...`, `code_challenge_method=S256`.

    Args:
        settings: the issuer.
        bucket: the bucket's name, for `{bucket}`.
        redirect_uri: where the browser comes back to.
        state: a value that is used once.
        challenge: what `pkce_challenge` says.

    Source: RFC 6749, 4.1.1; RFC 7636, 4.3.
    """
    return (
        ("response_type", "code"),
        ("client_id", settings.client_id),
        ("redirect_uri", redirect_uri),
        *scope_of(settings),
        ("state", state),
        ("code_challenge", challenge),
        ("code_challenge_method", "S256"),
        *for_bucket(settings.authorization_parameters, bucket),
    )
