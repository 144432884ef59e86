"""Which secrets this provider has handed out, and which of them are still good.

A *grant* is one login of one account. It owns a chain of refresh tokens, of which only the newest may be used, and
every access token that came of them. Presenting a used refresh token means that two parties hold the chain, so the
whole grant ends: refresh tokens, access tokens and all.

Source: RFC 9700, 4.14.2 (rotation and reuse detection); RFC 7009, 2.1 (what a revocation takes along).
"""

import secrets
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from bucket_failover.testing.accounts import Account


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A login as a client would hold it. Its repr shows no secret."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: float
    """Unix seconds; the access token is good while now < expires_at."""
    expires_in: int
    """Whole seconds from the moment of issue, rounded down; 0 for a token that was born expired."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the token endpoint says no. Source: RFC 6749, 5.2."""

    error: str
    description: str


Problem = Literal["missing", "unknown key", "unknown token", "revoked key", "revoked token", "expired token"]
"""What is wrong with a credential. "unknown token": a bearer token that is neither a token nor a key."""


class Identity(NamedTuple):
    """Whom a credential belongs to (None: to no account), and what is wrong with it (None: nothing)."""

    account: Account | None
    problem: Problem | None


@dataclass(eq=False, slots=True)
class Grant:
    """One login of one account; `client_id` None: it was obtained out of band, any client may use it."""

    account: Account
    client_id: str | None
    revoked: bool = False


@dataclass(eq=False, slots=True)
class _AccessToken:
    grant: Grant
    expires_at: float
    revoked: bool = False


@dataclass(eq=False, slots=True)
class _RefreshToken:
    grant: Grant
    used: bool = False


@dataclass(eq=False, slots=True)
class _ApiKey:
    account: Account
    revoked: bool = False


class Credentials:
    """Grants, tokens and API keys."""

    def __init__(self) -> None:
        self.reuses = 0
        """How often a used refresh token was presented."""
        self._grants: list[Grant] = []
        self._access_tokens: dict[str, _AccessToken] = {}
        self._refresh_tokens: dict[str, _RefreshToken] = {}
        self._api_keys: dict[str, _ApiKey] = {}

    def open_grant(self, account: Account, *, client_id: str | None) -> Grant:
        """A login without tokens yet."""
        grant = Grant(account, client_id)
        self._grants.append(grant)
        return grant

    def issue(self, grant: Grant, *, expires_at: float, now: float) -> IssuedToken:
        """The next pair of tokens of a grant."""
        access, refresh = f"access-{secrets.token_urlsafe(24)}", f"refresh-{secrets.token_urlsafe(24)}"
        self._access_tokens[access] = _AccessToken(grant, expires_at)
        self._refresh_tokens[refresh] = _RefreshToken(grant)
        return IssuedToken(access, refresh, expires_at, max(0, int(expires_at - now)))

    def refresh(self, refresh_token: str, *, client_id: str | None, now: float) -> IssuedToken | Refusal:
        """Exchange a refresh token, once."""
        held = self._refresh_tokens.get(refresh_token)
        if held is None:
            return Refusal("invalid_grant", "refresh token is unknown")
        grant = held.grant
        if held.used:
            self.reuses += 1
            grant.revoked = True
            return Refusal("invalid_grant", "refresh token was already used")
        if grant.revoked:
            return Refusal("invalid_grant", "refresh token was revoked")
        if client_id is not None and grant.client_id is not None and client_id != grant.client_id:
            return Refusal("invalid_grant", "refresh token was issued to another client")
        held.used = True
        grant.account.refreshes += 1
        return self.issue(grant, expires_at=now + grant.account.token_lifetime_seconds, now=now)

    def owner_of_refresh_token(self, refresh_token: str) -> Account | None:
        """Whose it is or was; None: unknown."""
        held = self._refresh_tokens.get(refresh_token)
        return None if held is None else held.grant.account

    def add_api_key(self, account: Account) -> str:
        """A new API key of the account."""
        key = f"key-{secrets.token_urlsafe(24)}"
        self._api_keys[key] = _ApiKey(account)
        return key

    def identify(self, *, bearer: str | None, api_key: str | None, now: float) -> Identity:
        """Whose credential this is; the bearer token speaks where both are given.

        An API key may come as a bearer token too: that is how OpenAI's API wants it, and how the `anthropic` SDK (2.14)
        sends it.
        """
        if bearer is None and api_key is None:
            return Identity(None, "missing")
        key = self._api_keys.get(api_key or "" if bearer is None else bearer)
        if key is not None:
            return Identity(key.account, "revoked key" if key.revoked else None)
        if bearer is None:
            return Identity(None, "unknown key")
        token = self._access_tokens.get(bearer)
        if token is None:
            return Identity(None, "unknown token")
        if token.revoked or token.grant.revoked:
            return Identity(token.grant.account, "revoked token")
        return Identity(token.grant.account, "expired token" if now >= token.expires_at else None)

    def expire(self, account: Account, *, now: float) -> None:
        """End the life of the account's access tokens now; its refresh tokens stay good."""
        for token in self._access_tokens.values():
            if token.grant.account is account:
                token.expires_at = min(token.expires_at, now)

    def revoke(self, account: Account) -> None:
        """Withdraw every credential that the account has now: access tokens, refresh tokens, codes, API keys."""
        for grant in self._grants:
            if grant.account is account:
                grant.revoked = True
        for key in self._api_keys.values():
            if key.account is account:
                key.revoked = True

    def revoke_token(self, token: str) -> Account | None:
        """Withdraw one token: an access token alone, a refresh token with its grant. Whose it was; None: unknown."""
        refresh = self._refresh_tokens.get(token)
        if refresh is not None:
            refresh.grant.revoked = True
            return refresh.grant.account
        access = self._access_tokens.get(token)
        if access is not None:
            access.revoked = True
            return access.grant.account
        return None
