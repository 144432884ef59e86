"""The OAuth endpoints over real HTTP: logins, rotation, reuse, revocation, and every way to be refused."""

import pytest

from bucket_failover.testing import EmbeddedProvider, ReceivedRequest
from tests.shell.testing.stage import REDIRECT_URI, START, landing, refusal, stage

REUSED = (400, "invalid_grant", "refresh token was already used")


def test_a_refresh_brings_a_new_pair() -> None:
    """The new access token lives as long as the account's tokens do; the old one lives on until its own end."""
    with stage() as at:
        old = at.provider.issue("a", lifetime_seconds=60)
        response = at.refresh(old.refresh_token)
        pair = response.json()
        assert pair == {
            "token_type": "Bearer",
            "access_token": pair["access_token"],
            "refresh_token": pair["refresh_token"],
            "expires_in": 3600,
        }
        assert len({old.access_token, old.refresh_token, pair["access_token"], pair["refresh_token"]}) == 4
        assert response.headers["cache-control"] == "no-store"
        assert at.ask(old.access_token).status_code == 200
        at.now += 3599
        assert at.ask(pair["access_token"]).status_code == 200
        assert at.provider.refreshes("a") == 1
        assert at.provider.requests[0] == ReceivedRequest("token", "a", 200, START)


def test_a_refresh_token_that_comes_twice_ends_the_whole_grant() -> None:
    """Reuse detection (RFC 9700): the newest pair dies with the old one; another login of the account does not."""
    with stage() as at:
        old, other = at.provider.issue("a"), at.provider.issue("a")
        new = at.refresh(old.refresh_token).json()
        assert at.provider.reuses == 0
        assert refusal(at.refresh(old.refresh_token)) == REUSED
        assert at.provider.reuses == 1
        assert at.ask(new["access_token"]).status_code == 401
        assert refusal(at.refresh(new["refresh_token"])) == (400, "invalid_grant", "refresh token was revoked")
        assert refusal(at.refresh(old.refresh_token)) == REUSED
        assert at.provider.reuses == 2
        assert at.ask(other.access_token).status_code == 200
        assert at.refresh(other.refresh_token).status_code == 200
        assert at.provider.refreshes("a") == 2


def test_a_revoked_account_can_not_refresh() -> None:
    """`revoke` takes refresh tokens and codes along."""
    with stage() as at:
        token, code = at.provider.issue("a"), at.code()
        at.provider.revoke("a")
        assert refusal(at.refresh(token.refresh_token)) == (400, "invalid_grant", "refresh token was revoked")
        assert refusal(at.redeem(code)) == (400, "invalid_grant", "code was revoked")
        assert at.provider.refreshes("a") == 0
        assert at.provider.reuses == 0


def test_a_person_who_says_yes_sends_a_code_that_is_a_login() -> None:
    """The whole authorization code flow with PKCE, to the first answer and the first refresh."""
    with stage() as at:
        back = landing(at.authorize())
        assert back.keys() == {"code", "state"}
        assert back["state"] == "s"
        pair = at.redeem(back["code"]).json()
        assert pair["expires_in"] == 3600
        assert at.ask(pair["access_token"]).status_code == 200
        wrong = at.token(grant_type="refresh_token", refresh_token=pair["refresh_token"], client_id="other")
        assert refusal(wrong) == (400, "invalid_grant", "refresh token was issued to another client")
        right = at.token(grant_type="refresh_token", refresh_token=pair["refresh_token"], client_id="cli")
        assert right.status_code == 200
        assert [(request.endpoint, request.account, request.status) for request in at.provider.requests] == [
            ("authorize", "a", 302),
            ("token", "a", 200),
            ("messages", "a", 200),
            ("token", "a", 400),
            ("token", "a", 200),
        ]


def test_a_person_who_says_no_sends_an_error() -> None:
    """And may change their mind."""
    with stage() as at:
        at.provider.user("a", answer="no")
        assert landing(at.authorize()) == {"error": "access_denied", "state": "s"}
        at.provider.user("a", answer="yes")
        assert "code" in landing(at.authorize(state=None))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"login_hint": "nobody"}, "invalid_request"),
        ({"login_hint": None}, "invalid_request"),
    ],
)
def test_a_flawed_authorization_request_goes_back_to_the_client(changes: dict[str, str | None], expected: str) -> None:
    """By redirect, with the state (RFC 6749, 4.1.2.1)."""
    with stage() as at:
        back = landing(at.authorize(**changes))
    assert (back["error"], back["state"]) == (expected, "s")


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": None},
        {"redirect_uri": None},
        {"redirect_uri": "/callback"},
        {"redirect_uri": "http://127.0.0.1/#fragment"},
        {"redirect_uri": "http://[nowhere"},
    ],
)
def test_without_a_client_or_a_way_back_the_user_is_not_redirected(changes: dict[str, str | None]) -> None:
    """400 to the user's browser."""
    with stage() as at:
        assert refusal(at.authorize(**changes))[:2] == (400, "invalid_request")


def test_a_redirect_uri_keeps_its_own_query_and_may_have_its_own_scheme() -> None:
    """The parameters are added to what is there."""
    with stage() as at:
        location = at.authorize(redirect_uri="my-app:/back?tab=1").headers["location"]
    assert location.startswith("my-app:/back?tab=1&code=")


@pytest.mark.parametrize(
    ("changes", "description"),
    [
        ({"code": "code-unknown"}, "code is unknown"),
        ({"client_id": "other"}, "code was issued to another client"),
        ({"redirect_uri": REDIRECT_URI + "2"}, "redirect_uri is not the one that the code was sent to"),
        ({"code_verifier": "guessed-ü"}, "code_verifier does not match the code_challenge"),
    ],
)
def test_a_code_is_for_the_client_that_asked_for_it(changes: dict[str, str], description: str) -> None:
    """Each binding is checked; an attempt that fails spends the code."""
    with stage() as at:
        code = at.code()
        assert refusal(at.redeem(**({"code": code} | changes))) == (400, "invalid_grant", description)
        assert at.redeem(code).status_code == (200 if "code" in changes else 400)


def test_a_code_that_comes_twice_takes_its_login_along() -> None:
    """RFC 6749, 4.1.2: the tokens issued for the code are revoked."""
    with stage() as at:
        code = at.code()
        pair = at.redeem(code).json()
        assert refusal(at.redeem(code)) == (400, "invalid_grant", "code was already used")
        assert at.ask(pair["access_token"]).status_code == 401
        assert at.provider.reuses == 0


@pytest.mark.parametrize(("age", "status"), [(59.999, 200), (60.0, 400)])
def test_a_code_is_good_for_a_minute(age: float, status: int) -> None:
    """Half-open, like every interval."""
    with stage() as at:
        code = at.code()
        at.now += age
        assert at.redeem(code).status_code == status


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({}, "invalid_request"),
        ({"refresh_token": "x"}, "invalid_request"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "unknown"}, "invalid_grant"),
        ({"grant_type": "authorization_code", "code": "c"}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
def test_a_flawed_token_request_says_why(form: dict[str, str], expected: str) -> None:
    """The codes of RFC 6749, 5.2."""
    with stage() as at:
        assert refusal(at.token(**form))[:2] == (400, expected)
        assert at.provider.requests == (ReceivedRequest("token", None, 400, START),)


def test_a_parameter_that_is_repeated_is_no_request() -> None:
    """RFC 6749, 3.2; which of the two would be meant?"""
    with stage() as at:
        twice = at.client.post("/oauth/token", content=b"grant_type=refresh_token&grant_type=refresh_token")
    assert refusal(twice)[1] == "invalid_request"


def test_revocation_withdraws_an_access_token_alone_and_a_refresh_token_with_its_grant() -> None:
    """RFC 7009; a token that the provider does not know is as good as revoked."""
    with stage() as at:
        token = at.provider.issue("a")
        assert at.client.post("/oauth/revoke", data={"token": token.access_token}).status_code == 200
        assert at.ask(token.access_token).status_code == 401
        pair = at.refresh(token.refresh_token).json()
        assert at.client.post("/oauth/revoke", data={"token": pair["refresh_token"]}).status_code == 200
        assert at.ask(pair["access_token"]).status_code == 401
        assert at.refresh(pair["refresh_token"]).status_code == 400
        assert at.client.post("/oauth/revoke", data={"token": "unknown"}).status_code == 200
        assert refusal(at.client.post("/oauth/revoke", data={"other": "x"}))[:2] == (400, "invalid_request")
        assert at.client.post("/oauth/revoke").status_code == 400
        revocations = [request for request in at.provider.requests if request.endpoint == "revoke"]
    assert [(request.account, request.status) for request in revocations] == [
        ("a", 200),
        ("a", 200),
        (None, 200),
        (None, 400),
        (None, 400),
    ]


def test_an_issued_token_says_when_it_ends_and_shows_no_secret() -> None:
    """The account's lifetime, one of its own, or over already; `expires_in` never claims more than there is."""
    provider = EmbeddedProvider(clock=lambda: START)
    provider.add_account("a", token_lifetime_seconds=100.5)
    usual, own, over = (
        provider.issue("a"),
        provider.issue("a", lifetime_seconds=7),
        provider.issue("a", expired=True),
    )
    assert [(token.expires_at, token.expires_in) for token in (usual, own, over)] == [
        (1_100.5, 100),
        (1_007.0, 7),
        (999.0, 0),
    ]
    assert repr(usual) == "IssuedToken(expires_at=1100.5, expires_in=100)"
