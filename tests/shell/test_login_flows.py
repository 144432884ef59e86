"""The two logins against a real issuer: in a browser, and with a code that is typed elsewhere."""

import asyncio
import socket
import threading
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from pydantic import SecretStr

from bucket_failover import LoginDeclinedError, LoginFailedError, MemoryTokenStore, OAuthToken, StoredOAuthManager
from bucket_failover.oauth.http_issuer import OAuthIssuer
from bucket_failover.oauth.login_flows import in_thread, log_in_with_browser, log_in_with_device
from bucket_failover_core.oauth import DeviceCode
from tests.support.issuer import OAuthServer, browser
from tests.support.people import PROVIDER

_REDIRECTS: Final = "bucket-failover-redirect"
_HTTP: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Person:
    """The user who sits before the window, and what is done when it opens."""

    def __init__(self, visit: Callable[[str], object] = webbrowser.open) -> None:
        self.visit = visit
        self.address = ""
        self.code: DeviceCode | None = None

    def open_address(self, provider: str, bucket: str, address: str) -> None:
        """See `Window.open_address`."""
        self.address = address
        self.visit(address)

    def show_code(self, provider: str, bucket: str, code: DeviceCode) -> None:
        """See `Window.show_code`."""
        self.code = code


class Patience(threading.Event):
    """An event and a clock: a caller that waits for the one moves the other."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_786_553_400.0
        self.waits: list[float] = []
        self.happenings: dict[int, Callable[[], object]] = {}
        """What happens in the wait of this number."""

    def clock(self) -> float:
        """Unix seconds."""
        return self.now

    def wait(self, timeout: float | None = None) -> bool:
        """Pass the time."""
        assert timeout is not None
        self.waits.append(round(timeout, 3))
        self.now += timeout
        self.happenings.get(len(self.waits), lambda: None)()
        return self.is_set()


def get(address: str) -> int:
    """What a browser is answered, redirects followed."""
    try:
        with _HTTP.open(address, timeout=10) as answer:
            answer.read()
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def parameter(address: str, name: str) -> str:
    """One parameter of an address."""
    return parse_qs(urlsplit(address).query)[name][0]


def come_back(address: str, **parameters: str) -> int:
    """A redirect to this machine that the issuer has not sent."""
    return get(f"{parameter(address, 'redirect_uri')}?{urlencode(parameters)}")


def is_free(address: str) -> bool:
    """Whether nothing listens any more where the browser was to come back to, and no thread is left."""
    port = urlsplit(parameter(address, "redirect_uri")).port
    with socket.socket() as probe:
        is_refused = probe.connect_ex(("127.0.0.1", port or 0)) != 0
    return is_refused and all(thread.name != _REDIRECTS for thread in threading.enumerate())


@pytest.fixture
def patience() -> Patience:
    """A clock that moves when a caller waits."""
    return Patience()


@pytest.fixture
def server(patience: Patience) -> Iterator[OAuthServer]:
    """An issuer that is not ours."""
    server = OAuthServer(clock=patience.clock)
    with server.serve():
        yield server


@pytest.fixture
def issuer(server: OAuthServer, patience: Patience) -> Iterator[OAuthIssuer]:
    """Our client of it."""
    issuer = OAuthIssuer(server.settings(), clock=patience.clock)
    yield issuer
    issuer.close()


@pytest.fixture
def person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Person:
    """A user with a browser of the environment's choice."""
    monkeypatch.setenv("BROWSER", browser(tmp_path))
    # Else whatever an earlier test has found out about browsers would count.
    monkeypatch.setattr(webbrowser, "_tryorder", None)
    monkeypatch.setattr(webbrowser, "_browsers", {})
    return Person()


def log_in(issuer: OAuthIssuer, person: Person, bucket: str = "default") -> OAuthToken:
    """The login in a browser, with all the patience in the world."""
    return log_in_with_browser(issuer, PROVIDER, bucket, person, threading.Event())


def secret_of(token: OAuthToken) -> str:
    """The access token as the issuer knows it."""
    return token.access_token.get_secret_value()


def test_a_person_says_yes_in_a_real_browser(server: OAuthServer, issuer: OAuthIssuer, person: Person) -> None:
    """The token is that of the bucket's own account, and the address on this machine is gone afterwards."""
    token = log_in(issuer, person, "claudius")
    assert server.owner(secret_of(token)) == "claudius"
    assert (token.expiry, token.issued_at) == (1_786_557_000.0, 1_786_553_400.0)
    assert token.is_refreshable
    assert (server.windows, is_free(person.address)) == (["claudius"], True)


def test_a_person_says_no_in_a_real_browser(server: OAuthServer, issuer: OAuthIssuer, person: Person) -> None:
    """That is an answer, and not a failure of anything."""
    server.answers["default"] = "no"
    with pytest.raises(LoginDeclinedError, match=r"^the user said no$"):
        log_in(issuer, person)
    assert (is_free(person.address), server.issued) == (True, [])


def test_what_the_browser_takes_along(server: OAuthServer, person: Person) -> None:
    """The challenge and never the verifier; scopes and extra parameters; the issuer's own query stays."""
    endpoint = f"{server.url}/authorize?tenant=a%26b"
    issuer = OAuthIssuer(server.settings(authorization_endpoint=endpoint, scopes=("chat", "mail")))
    with closing(issuer):
        token = log_in(issuer, person, "Käthe & Ko")
    asked = parse_qs(urlsplit(person.address).query)
    ((_, form),) = server.forms
    assert (asked["tenant"], asked["scope"], asked["login_hint"]) == (["a&b"], ["chat mail"], ["Käthe & Ko"])
    assert asked["code_challenge_method"] == ["S256"]
    assert form["code_verifier"] not in person.address
    assert form["redirect_uri"] == asked["redirect_uri"][0]
    assert token.scope == "chat mail"
    assert server.windows == ["Käthe & Ko"]


def test_a_visitor_that_is_not_from_this_login_is_sent_away(server: OAuthServer, issuer: OAuthIssuer) -> None:
    """Forged, doubled or empty: 400; a browser's icon: 404; and the login is still waited for."""
    answers: list[int] = []

    def visit(address: str) -> None:
        state, uri = parameter(address, "state"), parameter(address, "redirect_uri")
        answers.append(come_back(address, state="another", code="stolen"))
        answers.append(come_back(address, state="another", error="access_denied"))
        answers.append(come_back(address, code="stolen"))
        answers.append(get(f"{uri}?state={state}&state={state}&code=stolen"))
        answers.append(get(uri.replace("/callback", "/favicon.ico")))
        answers.append(get(f"{uri}/?state={state}&code=stolen"))
        answers.append(get(address))

    token = log_in(issuer, Person(visit))
    assert answers == [400, 400, 400, 400, 404, 404, 200]
    assert server.owner(secret_of(token)) == "default"


_SENT_BACK: Final = "the issuer has sent the browser back with"


@pytest.mark.parametrize(
    ("brought", "told"),
    [
        ({"error": "server_error", "error_description": "s3cret"}, f"{_SENT_BACK} server_error"),
        ({"error": "s3cret"}, f"{_SENT_BACK} an error"),
        ({}, f"{_SENT_BACK} no code"),
        ({"code": ""}, f"{_SENT_BACK} no code"),
        ({"code": "s3cret"}, "the issuer answered 400 invalid_grant"),
    ],
)
def test_a_login_that_came_to_nothing(issuer: OAuthIssuer, brought: dict[str, str], told: str) -> None:
    """What is told of it is a registered name, whatever the browser has brought."""
    person = Person(lambda address: come_back(address, state=parameter(address, "state"), **brought))
    with pytest.raises(LoginFailedError) as caught:
        log_in(issuer, person)
    assert (str(caught.value), caught.type, is_free(person.address)) == (told, LoginFailedError, True)


def test_a_code_is_good_for_its_client(server: OAuthServer, issuer: OAuthIssuer, person: Person) -> None:
    """Not with another verifier, and not a second time."""
    log_in(issuer, person)
    ((_, form),) = server.forms
    code, verifier = SecretStr(form["code"]), SecretStr(form["code_verifier"])
    with pytest.raises(LoginFailedError, match="400 invalid_grant"):
        issuer.redeem("default", code=code, verifier=verifier, redirect_uri=form["redirect_uri"])

    another = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    thief = Person(lambda address: get(address.replace(parameter(address, "code_challenge"), another)))
    with pytest.raises(LoginFailedError, match="400 invalid_grant"):
        log_in(issuer, thief)


def test_a_port_that_is_taken_is_told(server: OAuthServer) -> None:
    """By name, before the user is asked anything."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        issuer = OAuthIssuer(server.settings(redirect_port=port))
        with pytest.raises(LoginFailedError, match=f"127.0.0.1:{port} is not to be had: Address already in use"):
            log_in(issuer, Person(pytest.fail))
        issuer.close()


def test_a_fixed_port_is_free_again_at_once(server: OAuthServer, person: Person) -> None:
    """Two logins, one after the other, at the same address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with closing(OAuthIssuer(server.settings(redirect_port=port))) as issuer:
        log_in(issuer, person)
        log_in(issuer, person)
    assert urlsplit(parameter(person.address, "redirect_uri")).port == port


def test_a_login_that_is_given_up_leaves_nothing(issuer: OAuthIssuer) -> None:
    """No thread, and no listener; a browser that comes late finds no server."""
    give_up = threading.Event()
    person = Person(lambda _: give_up.set())
    with pytest.raises(LoginFailedError, match=r"^the login was given up$"):
        log_in_with_browser(issuer, PROVIDER, "default", person, give_up)
    assert is_free(person.address)


def test_a_cancelled_login_is_given_up(issuer: OAuthIssuer) -> None:
    """The caller that cancels it gets the cancellation, when everything is gone."""
    opened = threading.Event()
    person = Person(lambda _: opened.set())

    def ask(give_up: threading.Event) -> OAuthToken:
        return log_in_with_browser(issuer, PROVIDER, "default", person, give_up)

    async def main() -> None:
        login = asyncio.create_task(in_thread(ask))
        await asyncio.to_thread(opened.wait)
        login.cancel()
        await login

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(main())
    assert is_free(person.address)


@pytest.mark.requirement("REQ-1598-FR05")
def test_a_late_success_is_kept(issuer: OAuthIssuer, patience: Patience, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time is over just when the user has said yes: the token is stored for the next request."""
    store = MemoryTokenStore()
    redeem = issuer.redeem
    redeeming, out_of_time = threading.Event(), threading.Event()

    def slow(*arguments: Any, **named: Any) -> OAuthToken:
        redeeming.set()
        out_of_time.wait()
        return redeem(*arguments, **named)

    monkeypatch.setattr(issuer, "redeem", slow)

    async def login(provider: str, bucket: str) -> OAuthToken:
        return await in_thread(lambda give_up: log_in_with_browser(issuer, provider, bucket, Person(get), give_up))

    async def main() -> None:
        task = asyncio.create_task(manager.authenticate(PROVIDER, "default"))
        await asyncio.to_thread(redeeming.wait)
        task.cancel()
        asyncio.get_running_loop().call_later(0.01, out_of_time.set)
        with pytest.raises(asyncio.CancelledError):
            await task

    manager = StoredOAuthManager(store, login=login, clock=patience.clock)
    asyncio.run(main())
    assert (token := store.read(PROVIDER, "default")) is not None
    assert token.is_live(now=patience.now)


def test_a_code_is_typed_elsewhere(server: OAuthServer, issuer: OAuthIssuer, patience: Patience) -> None:
    """The issuer sets the pace, and the user takes a quarter of an hour."""
    person = Person()
    server.answers["default"] = "away"
    patience.happenings = {180: lambda: server.answers.update({"default": "yes"})}
    token = log_in_with_device(issuer, PROVIDER, "default", person, patience, clock=patience.clock)
    assert server.owner(secret_of(token)) == "default"
    assert patience.waits == [5.0] * 180
    assert person.code is not None
    assert person.code.verification_uri == f"{server.url}/device"
    assert person.code.verification_uri_complete.endswith(person.code.user_code)
    assert person.code.expires_at == 1_786_553_400.0 + 1_800.0


def test_a_login_elsewhere_is_declined(server: OAuthServer, issuer: OAuthIssuer, patience: Patience) -> None:
    """After a while."""
    server.answers["default"] = "away"
    patience.happenings = {3: lambda: server.answers.update({"default": "no"})}
    with pytest.raises(LoginDeclinedError):
        log_in_with_device(issuer, PROVIDER, "default", Person(), patience, clock=patience.clock)
    assert patience.waits == [5.0, 5.0, 5.0]


def test_an_issuer_that_wants_a_slower_pace_gets_it(
    server: OAuthServer, issuer: OAuthIssuer, patience: Patience
) -> None:
    """For good: the server would complain of any question that came early again."""
    server.answers["default"] = "away"
    server.slow_downs = 2
    patience.happenings = {5: lambda: server.answers.update({"default": "yes"})}
    log_in_with_device(issuer, PROVIDER, "default", Person(), patience, clock=patience.clock)
    assert patience.waits == [5.0, 10.0, 15.0, 15.0, 15.0]


def test_a_code_that_no_user_types_runs_out(server: OAuthServer, issuer: OAuthIssuer, patience: Patience) -> None:
    """By our clock the client does not ask after its end; by the issuer's the answer is the same."""
    server.answers["default"] = "away"
    server.device_seconds = (60, 5)
    with pytest.raises(LoginFailedError, match=r"^the code has expired$"):
        log_in_with_device(issuer, PROVIDER, "default", Person(), patience, clock=patience.clock)
    assert patience.now == 1_786_553_460.0

    def skip() -> None:
        next(reversed(server.devices.values())).expires_at = 0.0

    patience.happenings = {len(patience.waits) + 1: skip}
    with pytest.raises(LoginFailedError, match=r"^the issuer has ended the login: expired$"):
        log_in_with_device(issuer, PROVIDER, "default", Person(), patience, clock=patience.clock)


def test_a_login_elsewhere_is_given_up(server: OAuthServer, issuer: OAuthIssuer, patience: Patience) -> None:
    """In the middle of a wait."""
    server.answers["default"] = "away"
    patience.happenings = {2: patience.set}
    with pytest.raises(LoginFailedError, match=r"^the login was given up$"):
        log_in_with_device(issuer, PROVIDER, "default", Person(), patience, clock=patience.clock)


def test_a_device_login_survives_an_issuer_that_is_away(
    server: OAuthServer, issuer: OAuthIssuer, patience: Patience, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It asks again, at a slower pace; the user is still at it."""
    poll = issuer.poll_device
    monkeypatch.setattr(issuer, "poll_device", lambda *_: (None, None))
    patience.happenings = {2: lambda: monkeypatch.setattr(issuer, "poll_device", poll)}
    log_in_with_device(issuer, PROVIDER, "default", Person(), patience, clock=patience.clock)
    assert patience.waits == [5.0, 10.0]


def test_a_browser_that_hangs_does_not_hold_up_a_login_that_is_given_up(issuer: OAuthIssuer) -> None:
    """A text browser is open for as long as the user reads."""
    give_up, closed = threading.Event(), threading.Event()

    def read(_: str) -> None:
        give_up.set()
        closed.wait(10.0)

    with pytest.raises(LoginFailedError, match=r"^the login was given up$"):
        log_in_with_browser(issuer, PROVIDER, "default", Person(read), give_up)
    assert not closed.is_set()
    closed.set()


def test_a_browser_that_cannot_be_opened_ends_the_login(issuer: OAuthIssuer) -> None:
    """Whatever the window has raised is raised where the login waits."""

    def fail(_: str) -> None:
        raise FileNotFoundError

    with pytest.raises(FileNotFoundError):
        log_in(issuer, Person(fail))
