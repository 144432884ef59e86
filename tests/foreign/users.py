"""How the users of the foreign servers are reached: a browser of the environment's choice, and a code to type."""

import threading
import webbrowser
from collections.abc import Callable
from typing import Final

import pytest

from bucket_failover import OAuthToken
from bucket_failover.oauth.http_issuer import OAuthIssuer
from bucket_failover.oauth.login_flows import log_in_with_browser
from bucket_failover_core.oauth import DeviceCode
from tests.foreign.person import command

PROVIDER: Final = "foreign"
BUCKET: Final = "default"


class Browser:
    """A window to the user, who sits before the browser that BROWSER names.

    Args:
        monkeypatch: sets the variable.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.on_the_way: Callable[[str], str] = lambda address: address
        self.code: DeviceCode | None = None

    def belongs_to(self, name: str, *, says_yes: bool = True, withholds: str = "") -> None:
        """Who sits there from now on, and what comes of it."""
        self._monkeypatch.setenv("BROWSER", command(name, says_yes=says_yes, withholds=withholds))

    def open_address(self, provider: str, bucket: str, address: str) -> None:
        """See `Window.open_address`."""
        assert webbrowser.open(self.on_the_way(address)), "the browser has met an error"

    def show_code(self, provider: str, bucket: str, code: DeviceCode) -> None:
        """See `Window.show_code`."""
        self.code = code


def log_in(issuer: OAuthIssuer, browser: Browser) -> OAuthToken:
    """A login in the browser."""
    return log_in_with_browser(issuer, PROVIDER, BUCKET, browser, threading.Event())
