"""From a profile to tokens: `open_accounts` against an issuer that is not ours, which wants a client secret."""

import asyncio
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from typing import Final, Literal

import pytest
from pydantic import SecretStr

from bucket_failover import Bucket, LoginFailedError, LoginUnavailableError, MemoryTokenStore, OAuthToken, Profile
from bucket_failover.oauth.http_issuer import OAuthIssuer
from bucket_failover.oauth.login_flows import log_in_with_browser, log_in_with_device
from bucket_failover.wiring import LOGIN_COMMAND, open_accounts
from bucket_failover_core.oauth import DeviceCode, GrantRefused, NothingIssued, TokensIssued
from tests.support.issuer import OAuthServer
from tests.support.people import PROVIDER, token

NOW: Final = 1_786_553_400.0
SECRET: Final = "s3cret-of-the-client"


class Window:
    """A user who says what the server was told."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def open_address(self, provider: str, bucket: str, address: str) -> None:
        """See `Window.open_address`."""
        self.shown.append("address")
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address, timeout=10).close()

    def show_code(self, provider: str, bucket: str, code: DeviceCode) -> None:
        """See `Window.show_code`."""
        self.shown.append("code")


class Ahead(threading.Event):
    """The caller does not have to wait for it; the clock is ahead by as much."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW

    def clock(self) -> float:
        """Unix seconds."""
        return self.now

    def wait(self, timeout: float | None = None) -> bool:
        """Go on at once."""
        self.now += timeout or 0.0
        return False


@pytest.fixture
def server() -> Iterator[OAuthServer]:
    """An issuer that knows its client."""
    server = OAuthServer(clock=lambda: NOW, client_secret=SECRET, device_seconds=(60, 1))
    with server.serve():
        yield server


def connected(server: OAuthServer, secret: str = SECRET) -> OAuthIssuer:
    """Our client of it."""
    return OAuthIssuer(server.settings(), client_secret=SecretStr(secret), clock=lambda: NOW)


def profile_of(server: OAuthServer, **fields: object) -> Profile:
    """A profile with this issuer."""
    settings = server.settings(**fields)
    buckets = (Bucket("default"), Bucket("claudius"))
    return Profile(provider=PROVIDER, buckets=buckets, oauth=settings, client_secret=SecretStr(SECRET))


def access(token: OAuthToken | None) -> str:
    """The access token as the issuer knows it."""
    return token.access_token.get_secret_value() if token is not None else ""


def logged_in(server: OAuthServer) -> tuple[MemoryTokenStore, OAuthToken]:
    """A store with a login that has ended."""
    with closing(connected(server)) as issuer:
        token = log_in_with_browser(issuer, PROVIDER, "default", Window(), threading.Event())
    store = MemoryTokenStore()
    store.write(PROVIDER, "default", token.model_copy(update={"expiry": NOW - 1.0}))
    return store, token


def test_a_client_secret_is_sent_with_everything(server: OAuthServer) -> None:
    """Code, refresh, device code and its questions, revocation."""
    ahead = Ahead()
    server.clock = ahead.clock
    with closing(connected(server)) as issuer:
        token = log_in_with_browser(issuer, PROVIDER, "default", Window(), threading.Event())
        reply = issuer.refresh(PROVIDER, "default", token, before_sending=lambda: None)
        elsewhere = log_in_with_device(issuer, PROVIDER, "default", Window(), ahead, clock=ahead.clock)
        assert server.owner(access(elsewhere)) == "default"
        assert issuer.revoke(elsewhere) == ""
    assert isinstance(reply.answer, TokensIssued)
    assert [form["client_secret"] for _, form in server.forms] == [SECRET] * 5
    assert [path for path, _ in server.forms] == ["token", "token", "device_authorization", "token", "revoke"]
    assert server.owner(access(elsewhere)) is None


def test_a_wrong_client_secret_is_told_without_it(server: OAuthServer) -> None:
    """And costs no login: nothing was refused but the client."""
    with closing(connected(server, "s3cret-that-is-wrong")) as issuer:
        reply = issuer.refresh(PROVIDER, "default", token("default"), before_sending=lambda: None)
        assert issuer.revoke(token("default")) == "the issuer answered 400 invalid_client"
    assert reply.answer == NothingIssued(is_known=True)
    assert reply.detail == "the issuer answered 400 invalid_client"


def test_an_issuer_that_does_not_know_us_begins_no_login(server: OAuthServer) -> None:
    """The user is not shown a code."""
    window = Window()
    issuer = OAuthIssuer(server.settings(client_id="nobody"), client_secret=SecretStr(SECRET))
    with closing(issuer), pytest.raises(LoginFailedError, match=r"^the issuer answered 400 invalid_client$"):
        log_in_with_device(issuer, PROVIDER, "default", window, Ahead())
    assert window.shown == []


def test_a_refresh_rotates(server: OAuthServer) -> None:
    """Eight that ask at once are served by one refresh; the next one presents what it has brought."""
    store, first = logged_in(server)

    async def main() -> tuple[set[str], OAuthToken | None]:
        with open_accounts(profile_of(server), store, clock=lambda: NOW) as accounts:
            manager = accounts.manager
            got = await asyncio.gather(*(manager.get_oauth_token(PROVIDER, "default") for _ in range(8)))
            return {access(each) for each in got}, await manager.refresh_oauth_token(PROVIDER, "default")

    eight, again = asyncio.run(main())
    assert len(eight) == 1
    assert len({access(first), access(again), *eight}) == 3
    assert [form["grant_type"] for _, form in server.forms] == ["authorization_code", "refresh_token", "refresh_token"]
    assert server.reuses == 0
    assert server.owner(access(again)) == "default"


def test_a_refresh_token_that_is_presented_twice_is_refused(server: OAuthServer) -> None:
    """By a process that has an old copy of the store: only a login helps, and the login is gone for all."""
    store, first = logged_in(server)
    copy = MemoryTokenStore()
    copy.write(PROVIDER, "default", first)
    got = []
    for each in (store, copy):
        with open_accounts(profile_of(server), each, clock=lambda: NOW) as accounts:
            got.append(asyncio.run(accounts.manager.refresh_oauth_token(PROVIDER, "default")))
    assert got[0] is not None
    assert got[1] is None
    assert server.reuses == 1
    assert server.owner(access(got[0])) is None


def test_a_logout_is_revoked(server: OAuthServer) -> None:
    """The refresh token is given back, and with it everything that came of the login; a stranger's is no failure."""
    store, first = logged_in(server)
    with open_accounts(profile_of(server), store, clock=lambda: NOW) as accounts:
        former = asyncio.run(accounts.manager.log_out(PROVIDER, "default"))
        assert former is not None
        assert accounts.issuer is not None
        assert accounts.issuer.revoke(former) == ""
        reply = accounts.issuer.refresh(PROVIDER, "default", first, before_sending=lambda: None)
        assert accounts.issuer.revoke(token("unknown", refreshable=False)) == ""
    assert reply.answer == GrantRefused()
    assert server.owner(access(first)) is None
    hints = [form["token_type_hint"] for path, form in server.forms if path == "revoke"]
    assert hints == ["refresh_token", "access_token"]


def test_an_issuer_without_revocation_is_not_asked(server: OAuthServer) -> None:
    """That is no failure."""
    with closing(OAuthIssuer(server.settings(revocation_endpoint=""), client_secret=SecretStr(SECRET))) as issuer:
        assert issuer.revoke(token("default")) == ""
    assert server.forms == []


@pytest.mark.parametrize(
    ("flow", "lacks", "shown"),
    [
        (None, {}, ["address"]),
        ("code", {}, ["address"]),
        ("device", {}, ["code"]),
        (None, {"authorization_endpoint": ""}, ["code"]),
        (None, {"device_authorization_endpoint": ""}, ["address"]),
    ],
)
@pytest.mark.requirement("REQ-1598-FR01")
def test_the_login_that_the_issuer_offers(
    server: OAuthServer, flow: Literal["code", "device"] | None, lacks: dict[str, str], shown: list[str]
) -> None:
    """The first one, unless another is wanted; its token is stored under the bucket's own name."""
    store, window, ahead = MemoryTokenStore(), Window(), Ahead()
    server.device_seconds = (60, 0)
    ticks = iter(range(1_000))

    def clock() -> float:
        return NOW + next(ticks)

    server.clock = ahead.clock
    with open_accounts(profile_of(server, **lacks), store, window=window, flow=flow, clock=clock) as accounts:
        assert accounts.manager.offers_login
        asyncio.run(accounts.manager.authenticate(PROVIDER, "claudius"))
    assert window.shown == shown
    assert server.owner(access(store.read(PROVIDER, "claudius"))) == "claudius"
    assert store.read(PROVIDER, "default") is None


@pytest.mark.parametrize(
    ("flow", "lacks"),
    [
        ("device", {"device_authorization_endpoint": ""}),
        ("code", {"authorization_endpoint": ""}),
        (None, {"authorization_endpoint": "", "device_authorization_endpoint": ""}),
    ],
)
def test_a_login_that_the_issuer_does_not_offer(
    server: OAuthServer, flow: Literal["code", "device"] | None, lacks: dict[str, str]
) -> None:
    """The user cannot be asked, and a report says what to run."""
    store = MemoryTokenStore()
    with open_accounts(profile_of(server, **lacks), store, window=Window(), flow=flow) as accounts:
        assert not accounts.manager.offers_login
        assert accounts.manager.login_command == LOGIN_COMMAND
        with pytest.raises(LoginUnavailableError):
            asyncio.run(accounts.manager.authenticate(PROVIDER, "default"))


def test_an_applications_own_login_comes_first(server: OAuthServer) -> None:
    """The issuer's window stays closed."""
    store, window = MemoryTokenStore(), Window()

    async def login(_provider: str, bucket: str) -> OAuthToken:
        return token(bucket)

    with open_accounts(profile_of(server), store, login=login, window=window) as accounts:
        asyncio.run(accounts.manager.authenticate(PROVIDER, "default"))
    assert store.read(PROVIDER, "default") == token("default")
    assert (window.shown, server.windows) == ([], [])


def test_a_profile_without_an_issuer() -> None:
    """Keys and tokens are read; nothing is refreshed, and the user is not asked."""
    store = MemoryTokenStore()
    store.write(PROVIDER, "default", token("default", expiry=NOW - 1.0))
    profile = Profile(provider=PROVIDER, buckets=(Bucket("default"),))
    with open_accounts(profile, store, window=Window(), clock=lambda: NOW) as accounts:
        assert accounts.issuer is None
        assert not accounts.manager.offers_login
        assert asyncio.run(accounts.manager.get_oauth_token(PROVIDER, "default")) is None
