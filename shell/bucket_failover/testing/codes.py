"""Authorization codes: a promise of a grant, good once, for a minute, to the client that can prove that it asked.

Source: RFC 6749, 4.1.2 (single use, short life, and what a second use takes along); RFC 7636, 4.6 (PKCE, S256).
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass

from bucket_failover.testing.accounts import Account
from bucket_failover.testing.credentials import Grant, Refusal

_LIFETIME_SECONDS = 60.0
"""RFC 6749, 4.1.2 allows ten minutes at most; a browser needs a second."""


def s256(verifier: str) -> str:
    """The PKCE challenge of a verifier. Source: RFC 7636, 4.2, where the example of appendix B is computed."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass(eq=False, slots=True)
class _Code:
    grant: Grant
    redirect_uri: str
    challenge: str
    expires_at: float
    presented: bool = False


class Codes:
    """The codes that were handed out."""

    def __init__(self) -> None:
        self._codes: dict[str, _Code] = {}

    def issue(self, grant: Grant, *, redirect_uri: str, challenge: str, now: float) -> str:
        """A code for a grant that has no tokens yet."""
        code = f"code-{secrets.token_urlsafe(24)}"
        self._codes[code] = _Code(grant, redirect_uri, challenge, now + _LIFETIME_SECONDS)
        return code

    def owner(self, code: str) -> Account | None:
        """For whom the code was; None: unknown."""
        held = self._codes.get(code)
        return None if held is None else held.grant.account

    def redeem(self, code: str, *, client_id: str, redirect_uri: str, verifier: str, now: float) -> Grant | Refusal:
        """The grant that the code promised. The code is spent by the attempt, whether it succeeds or not."""
        held = self._codes.get(code)
        if held is None:
            return Refusal("invalid_grant", "code is unknown")
        if held.presented:
            held.grant.revoked = True
            return Refusal("invalid_grant", "code was already used")
        held.presented = True
        if held.grant.revoked:
            return Refusal("invalid_grant", "code was revoked")
        if now >= held.expires_at:
            return Refusal("invalid_grant", "code has expired")
        if client_id != held.grant.client_id:
            return Refusal("invalid_grant", "code was issued to another client")
        if redirect_uri != held.redirect_uri:
            return Refusal("invalid_grant", "redirect_uri is not the one that the code was sent to")
        # Bytes, because compare_digest() takes no text beyond ASCII and the challenge is the client's.
        if not hmac.compare_digest(s256(verifier).encode(), held.challenge.encode()):
            return Refusal("invalid_grant", "code_verifier does not match the code_challenge")
        return held.grant
