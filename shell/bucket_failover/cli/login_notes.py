"""What a login has brought beside the token: scopes that were not granted, and an account that another bucket has."""

from collections.abc import Iterable, Iterator
from typing import Final

from bucket_failover.token_fields import claims_of
from bucket_failover.tokens import OAuthToken

_ACCOUNT_NAMES: Final = ("account_id", "user_id", "email")
"""What issuers call the account in their answers, beside the ID token."""

_WORKSPACE_CLAIMS: Final = "https://api.openai.com/auth"
"""Where OpenAI's ID tokens name the workspace: one subject has a quota in each (field: Codex's `auth.json`)."""


def notes_on(
    bucket: str, token: OAuthToken, *, wanted: Iterable[str], others: Iterable[tuple[str, OAuthToken]]
) -> Iterator[str]:
    """What the user should know, a sentence for each.

    Args:
        bucket: whose login it was.
        token: what it has brought.
        wanted: the scopes that were asked for.
        others: the other buckets and their tokens.
    """
    if token.scope is not None:
        granted = set(token.scope.split())
        missing = [scope for scope in wanted if scope not in granted]
        if missing:
            yield f"{bucket}: the issuer has not granted {', '.join(missing)}"
    if not token.is_refreshable:
        yield f"{bucket}: the issuer has sent no refresh token, so a login is needed when this one ends"
    same = [name for name, other in others if _is_same_account(token, other)]
    if same:
        yield (
            f"{bucket}: this is the account that {' and '.join(same)} has already: the browser was still logged in. "
            'Log out there, or let the issuer ask (authorization_parameters = { prompt = "select_account" })'
        )


def _is_same_account(one: OAuthToken, other: OAuthToken) -> bool:
    """Whether both are of one account: the very token, or the same name of an account."""
    if one.fingerprint == other.fingerprint:
        return True
    account = _account(one)
    return account is not None and account == _account(other)


def _account(token: OAuthToken) -> tuple[object, ...] | None:
    """Whose quota it is: what the answer calls the account, or the subject of the ID token.

    Source: OpenID Connect Core 1.0, 2: issuer and subject together name a user.
    """
    for name in _ACCOUNT_NAMES:
        value = token.extra.get(name)
        if isinstance(value, str) and value:
            return (name, value)
    claims = claims_of(token.extra.get("id_token"))
    workspace = claims.get(_WORKSPACE_CLAIMS)
    account = workspace.get("chatgpt_account_id") if isinstance(workspace, dict) else None
    subject = claims.get("sub")
    return ("sub", claims.get("iss"), subject, account) if isinstance(subject, str) else None
