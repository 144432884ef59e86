"""The foreign servers, one of each for all tests of a process, and our client of them."""

import webbrowser
from collections.abc import Iterator

import pytest

from bucket_failover.oauth.http_issuer import OAuthIssuer
from tests.foreign.npm import NpmUnavailableError
from tests.foreign.servers import DjangoOAuthToolkit, ForeignServer, OidcProvider, serving
from tests.foreign.users import Browser
from tests.shell.test_login_flows import Patience

SERVERS = (OidcProvider, DjangoOAuthToolkit)


@pytest.fixture(scope="session", params=SERVERS, ids=lambda kind: kind.__name__)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForeignServer]:
    """An authorization server that other people wrote."""
    kind: type[ForeignServer] = request.param
    try:
        with serving(kind, tmp_path_factory.mktemp("foreign") / "log.txt") as started:
            yield started
    except NpmUnavailableError as error:
        pytest.skip(str(error))


@pytest.fixture
def patience() -> Patience:
    """A clock that moves when a login waits."""
    return Patience()


@pytest.fixture
def issuer(server: ForeignServer) -> Iterator[OAuthIssuer]:
    """Our client of the server."""
    issuer = OAuthIssuer(server.settings())
    yield issuer
    issuer.close()


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Browser:
    """The browser that the environment names; ada sits before it, and says yes."""
    # Else whatever an earlier test has found out about browsers would count.
    monkeypatch.setattr(webbrowser, "_tryorder", None)
    monkeypatch.setattr(webbrowser, "_browsers", {})
    browser = Browser(monkeypatch)
    browser.belongs_to("ada")
    return browser
