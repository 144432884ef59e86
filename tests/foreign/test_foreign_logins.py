"""Logins at authorization servers that other people wrote: in a browser, and with a code that is typed elsewhere."""

import time
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from bucket_failover import LoginDeclinedError, LoginFailedError
from bucket_failover.oauth.http_issuer import OAuthIssuer
from bucket_failover.oauth.login_flows import log_in_with_device
from tests.foreign.person import Person
from tests.foreign.servers import CLIENTS, LIFETIME_SECONDS, SECRET, ForeignServer
from tests.foreign.users import BUCKET, PROVIDER, Browser, log_in
from tests.shell.test_login_flows import Patience

pytestmark = pytest.mark.slow


@pytest.fixture
def elsewhere(server: ForeignServer, patience: Patience) -> Iterator[OAuthIssuer]:
    """Our client on a device without a browser."""
    issuer = OAuthIssuer(server.settings(client_id=server.device_client), clock=patience.clock)
    yield issuer
    issuer.close()


def test_the_user_logs_in_and_says_yes(server: ForeignServer, issuer: OAuthIssuer, browser: Browser) -> None:
    """On the server's own pages; the token is hers, for all that was asked for, and as long as the server says."""
    browser.belongs_to("bob")
    began = time.time()
    token = log_in(issuer, browser)
    assert server.owner(token) == "bob"
    assert token.scope is not None
    assert set(token.scope.split()) == set(server.scopes)
    assert token.is_refreshable
    assert token.expiry is not None
    assert began <= token.expiry - LIFETIME_SECONDS <= time.time()


def test_the_user_logs_in_and_says_no(issuer: OAuthIssuer, browser: Browser) -> None:
    """That is an answer, and not a failure of anything."""
    browser.belongs_to("ada", says_yes=False)
    with pytest.raises(LoginDeclinedError, match=r"^the user said no$"):
        log_in(issuer, browser)


def test_a_thief_of_the_code_has_not_the_verifier(issuer: OAuthIssuer, browser: Browser) -> None:
    """The server compares the verifier with the challenge that the browser has brought (RFC 7636, 4.6)."""
    another = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

    def exchange(address: str) -> str:
        (challenge,) = parse_qs(urlsplit(address).query)["code_challenge"]
        return address.replace(challenge, another)

    browser.on_the_way = exchange
    with pytest.raises(LoginFailedError, match=r"^the issuer answered 400 invalid_grant$"):
        log_in(issuer, browser)


def test_the_browser_comes_back_with_an_error(server: ForeignServer, browser: Browser) -> None:
    """The program has asked for what the server does not do, and tells the user by its registered name."""
    asks, name = server.mistake
    with (
        closing(OAuthIssuer(server.settings(**asks))) as issuer,
        pytest.raises(LoginFailedError, match=f"^the issuer has sent the browser back with {name}$"),
    ):
        log_in(issuer, browser)


def test_the_program_has_a_secret(server: ForeignServer, browser: Browser) -> None:
    """In a Basic header, where the server decodes what we have encoded (RFC 6749, 2.3.1): login, refresh, logout."""
    settings = server.settings(client_id=CLIENTS["confidential"], has_client_secret=True, client_authentication="basic")
    with closing(OAuthIssuer(settings, client_secret=SecretStr(SECRET))) as issuer:
        token = log_in(issuer, browser)
        assert server.owner(token) == "ada"
        reply = issuer.refresh(PROVIDER, BUCKET, token, before_sending=lambda: None)
        assert reply.token is not None, reply.detail
        assert server.owner(reply.token) == "ada"
        assert issuer.revoke(reply.token) == ""
        assert server.owner(reply.token) is None


def test_the_program_has_the_wrong_secret(server: ForeignServer, browser: Browser) -> None:
    """The issuer does not know it."""
    settings = server.settings(client_id=CLIENTS["confidential"], has_client_secret=True, client_authentication="basic")
    with (
        closing(OAuthIssuer(settings, client_secret=SecretStr("wrong"))) as issuer,
        pytest.raises(LoginFailedError, match=r"^the issuer answered 401 invalid_client$"),
    ):
        log_in(issuer, browser)


def test_the_user_types_the_code_elsewhere(
    server: ForeignServer, elsewhere: OAuthIssuer, browser: Browser, patience: Patience
) -> None:
    """After two questions that came too early; the issuer sets the pace."""

    def approve() -> None:
        assert browser.code is not None
        Person("bob").visit(browser.code.verification_uri_complete)

    patience.happenings = {3: approve}
    token = log_in_with_device(elsewhere, PROVIDER, BUCKET, browser, patience, clock=patience.clock)
    assert server.owner(token) == "bob"
    assert patience.waits == [server.device_interval] * 3
    assert token.is_refreshable
    reply = elsewhere.refresh(PROVIDER, BUCKET, token, before_sending=lambda: None)
    assert reply.token is not None, reply.detail
    assert server.owner(reply.token) == "bob"


def test_the_user_says_no_elsewhere(
    server: ForeignServer, elsewhere: OAuthIssuer, browser: Browser, patience: Patience
) -> None:
    """After one question that came too early."""

    def decline() -> None:
        assert browser.code is not None
        Person("bob", says_yes=False).visit(browser.code.verification_uri_complete)

    patience.happenings = {2: decline}
    with pytest.raises(LoginDeclinedError, match=r"^the user said no$"):
        log_in_with_device(elsewhere, PROVIDER, BUCKET, browser, patience, clock=patience.clock)
    assert patience.waits == [server.device_interval] * 2


def test_the_issuer_knows_no_such_program(server: ForeignServer, browser: Browser, patience: Patience) -> None:
    """The user is shown no code."""
    with (
        closing(OAuthIssuer(server.settings(client_id="unknown"))) as issuer,
        pytest.raises(LoginFailedError, match=r"^the issuer answered 40[01] invalid_(client|request)$"),
    ):
        log_in_with_device(issuer, PROVIDER, BUCKET, browser, patience, clock=patience.clock)
    assert browser.code is None
