"""The three OAuth endpoints: authorize, token and revoke, as questions over plain parameters.

Clients are public and unregistered, as command line programs are: any `client_id` may ask, and what binds an
authorization code to the client that asked for it is PKCE.

Source: RFC 6749 (4.1 authorization code, 6 refresh), RFC 7636 (PKCE, S256 alone), RFC 7009 (revocation).
"""

from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

from bucket_failover.testing.accounts import Account, Accounts
from bucket_failover.testing.answers import Answer, HangUp, Reply, json_answer, token_error
from bucket_failover.testing.codes import Codes
from bucket_failover.testing.credentials import Credentials, IssuedToken, Refusal
from bucket_failover.testing.faults import Fail, Faults, refused

Parameters = Mapping[str, str]
"""Decoded parameters of a query or a form; none of them repeated."""

_NO_STORE = {"cache-control": "no-store"}


class OAuthEndpoints:
    """Each method answers one endpoint: whose request it was (None: no account's), and what goes back."""

    def __init__(self, accounts: Accounts, credentials: Credentials, faults: Faults) -> None:
        self._accounts = accounts
        self._credentials = credentials
        self._faults = faults
        self._codes = Codes()

    def authorize(self, query: Parameters, *, now: float) -> tuple[Account | None, Reply]:
        """`GET /oauth/authorize`: ask the user, and send the browser back with an authorization code or an error."""
        account = self._accounts.find(query.get("login_hint", ""))
        client_id, redirect_uri = query.get("client_id", ""), query.get("redirect_uri", "")
        # With no client and nowhere to go back to, the user is told, not the client (RFC 6749, 4.1.2.1).
        if not client_id:
            return account, token_error(400, "client_id is required")
        if not _is_redirect_uri(redirect_uri):
            return account, token_error(400, "redirect_uri must be an absolute URI without a fragment")
        return account, _redirect(redirect_uri, self._consent(account, query, now=now), state=query.get("state"))

    def _consent(self, account: Account | None, query: Parameters, *, now: float) -> Parameters:
        if query.get("response_type") != "code":
            return {"error": "unsupported_response_type"}
        challenge = query.get("code_challenge", "")
        if not challenge or query.get("code_challenge_method") != "S256":
            return _invalid("code_challenge with code_challenge_method=S256 is required")
        if account is None:
            return _invalid("login_hint must be the name of an account")
        if account.user == "no":
            return {"error": "access_denied"}
        grant = self._credentials.open_grant(account, client_id=query["client_id"])
        return {"code": self._codes.issue(grant, redirect_uri=query["redirect_uri"], challenge=challenge, now=now)}

    def token(self, form: Parameters | None, *, now: float) -> tuple[Account | None, Reply]:
        """`POST /oauth/token`; None: the body was not a form."""
        asked = form or {}
        account = self._credentials.owner_of_refresh_token(asked.get("refresh_token", ""))
        if asked.get("grant_type") == "authorization_code":
            account = self._codes.owner(asked.get("code", ""))
        fault = self._faults.next("token", account, happens=(Fail, HangUp))
        if fault is not None and isinstance(fault.mishap, Fail | HangUp):
            self._faults.use_up(fault)
            return account, refused(fault.mishap, lambda status: token_error(status, "fault on request"))
        outcome = self._exchange(form, now=now)
        if isinstance(outcome, Refusal):
            return account, token_error(400, outcome.description, error=outcome.error)
        body = {
            "token_type": "Bearer",
            "access_token": outcome.access_token,
            "refresh_token": outcome.refresh_token,
            "expires_in": outcome.expires_in,
        }
        return account, json_answer(200, body, _NO_STORE)

    def _exchange(self, form: Parameters | None, *, now: float) -> IssuedToken | Refusal:
        if form is None:
            return Refusal("invalid_request", "the body must be a form, and no parameter may be repeated")
        match form.get("grant_type"):
            case "refresh_token":
                return self._refresh(form, now=now)
            case "authorization_code":
                return self._redeem(form, now=now)
            case None:
                return Refusal("invalid_request", "grant_type is required")
            case _:
                return Refusal("unsupported_grant_type", "only refresh_token and authorization_code are supported")

    def _refresh(self, form: Parameters, *, now: float) -> IssuedToken | Refusal:
        if not form.get("refresh_token"):
            return Refusal("invalid_request", "refresh_token is required")
        return self._credentials.refresh(form["refresh_token"], client_id=form.get("client_id"), now=now)

    def _redeem(self, form: Parameters, *, now: float) -> IssuedToken | Refusal:
        for name in ("code", "client_id", "redirect_uri", "code_verifier"):
            if not form.get(name):
                return Refusal("invalid_request", f"{name} is required")
        grant = self._codes.redeem(
            form["code"],
            client_id=form["client_id"],
            redirect_uri=form["redirect_uri"],
            verifier=form["code_verifier"],
            now=now,
        )
        if isinstance(grant, Refusal):
            return grant
        return self._credentials.issue(grant, expires_at=now + grant.account.token_lifetime_seconds, now=now)

    def revoke(self, form: Parameters | None) -> tuple[Account | None, Reply]:
        """`POST /oauth/revoke`: a token that is unknown is as good as revoked (RFC 7009, 2.2)."""
        if form is None or not form.get("token"):
            return None, token_error(400, "a form with one token is required")
        return self._credentials.revoke_token(form["token"]), json_answer(200, {}, _NO_STORE)


def _invalid(description: str) -> Parameters:
    return {"error": "invalid_request", "error_description": description}


def _is_redirect_uri(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
    except ValueError:  # an address in brackets that is none
        return False
    return bool(parts.scheme and (parts.netloc or parts.path)) and "#" not in uri


def _redirect(uri: str, outcome: Parameters, *, state: str | None) -> Answer:
    query = urlencode(dict(outcome) | ({} if state is None else {"state": state}))
    return Answer(302, "", {"location": f"{uri}{'&' if '?' in uri else '?'}{query}"} | _NO_STORE)
