"""What do issuers call their errors? The registered names, and those that end a login.

Rules: of an error only its registered name is told on. Issuers echo secrets in whatever else they say of it.

Source: RFC 6749, 5.2; see each table.
"""

from collections.abc import Mapping
from typing import Final

REFUSALS: Final[frozenset[str]] = frozenset(
    {
        "invalid_grant",
        "invalid_token",
        "expired_token",
        # GitHub
        "bad_refresh_token",
        "bad_verification_code",
        "incorrect_device_code",
        "token_expired",
        # OpenAI
        "refresh_token_expired",
        "refresh_token_invalidated",
        "refresh_token_reused",
        "app_session_expired",
        "app_session_terminated",
        # Slack
        "invalid_refresh_token",
        # what only a login heals (OpenID Connect; Auth0; RFC 6749)
        "interaction_required",
        "login_required",
        "consent_required",
        "mfa_required",
        "unauthorized_client",
    }
)
"""Errors that say of a grant (an authorization code, a device code, a refresh token) that it will never be taken again.

Source: RFC 6749, 5.2; RFC 6750, 3.1; RFC 8628, 3.5; GitHub, "Troubleshooting OAuth app access token request errors" and
"Authorizing OAuth apps"; OpenAI: what ends a login of Codex (codex-rs/login/src/auth/manager.rs; openai/codex#27351);
OpenID Connect Core 1.0, 3.1.2.6; Auth0, "MFA API"; Slack, "oauth.v2.access".
"""

ERROR_NAMES: Final[frozenset[str]] = REFUSALS | {
    "invalid_client",
    "invalid_request",
    "invalid_scope",
    "unsupported_grant_type",
    # of the authorization endpoint
    "access_denied",
    "server_error",
    "temporarily_unavailable",
    "unsupported_response_type",
    # of a login elsewhere
    "authorization_pending",
    "authorization_declined",
    "slow_down",
    # of a revocation
    "unsupported_token_type",
    # of OpenID Connect
    "account_selection_required",
    "invalid_request_object",
    "invalid_request_uri",
    "registration_not_supported",
    "request_not_supported",
    "request_uri_not_supported",
}
"""All that may be told on.

Source: RFC 6749, 5.2 and 4.1.2.1; RFC 8628, 3.5; RFC 7009, 2.2.1; OpenID Connect Core 1.0, 3.1.2.6.
"""

Body = Mapping[str, object] | None
"""The JSON object of an answer, with a fingerprint in the place of each secret; None: there was none."""


def error_name(body: Body) -> str:
    """The error's name if it is a registered one or kin, else "": whatever else stands there may be a secret.

    Example: of `{"error": "invalid_grant"}` it is "invalid_grant", of `{"error": "no such token: s3cret"}` it is "",
    of `{"error": {"type": "invalid_request_error", "code": "refresh_token_reused"}}` it is "refresh_token_reused".

    Args:
        body: what was answered.

    Source: as of `ERROR_NAMES`; an object is how OpenAI says it.
    """
    error = None if body is None else body.get("error")
    told = (error.get("code"), error.get("type")) if isinstance(error, Mapping) else (error,)
    return next((name for name in told if isinstance(name, str) and name in ERROR_NAMES), "")
