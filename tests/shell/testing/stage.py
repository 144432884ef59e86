"""An embedded provider in a thread, a clock that tests move, and a synchronous client in front of it."""

import base64
import hashlib
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import parse_qsl, urlsplit

import httpx2

from bucket_failover.testing import EmbeddedProvider, Quota

START = 1_000.0
"""The moment at which every stage begins, Unix seconds."""

ASK: Mapping[str, object] = {
    "model": "poet-1",
    "max_tokens": 64,
    "messages": [{"role": "user", "content": "A haiku, please."}],
}

REDIRECT_URI = "http://127.0.0.1:9/callback"
_TLS = ssl.create_default_context()
"""Not needed on loopback, but every client wants one, and building it takes longer than most tests here."""

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"


class Stage:
    """A running provider with the account "a", and ways to ask it."""

    def __init__(self, quota: Quota | None = None) -> None:
        self.now = START
        self.provider = EmbeddedProvider(clock=lambda: self.now)
        self.provider.add_account("a", quota=quota)
        self.base_url = ""
        self._client: httpx2.Client | None = None

    @property
    def client(self) -> httpx2.Client:
        """Speaks to the provider."""
        assert self._client is not None
        return self._client

    @contextmanager
    def served(self) -> Iterator[None]:
        """Serve while the block lasts."""
        with (
            self.provider.serve_in_thread() as self.base_url,
            httpx2.Client(base_url=self.base_url, trust_env=False, verify=_TLS) as self._client,
        ):
            yield

    def ask(self, access_token: str, **changes: object) -> httpx2.Response:
        """POST /v1/messages with a bearer token."""
        headers = {"authorization": f"Bearer {access_token}"}
        return self.client.post("/v1/messages", headers=headers, json={**ASK, **changes})

    def token(self, **form: str) -> httpx2.Response:
        """POST /oauth/token."""
        return self.client.post("/oauth/token", data=form)

    def refresh(self, refresh_token: str) -> httpx2.Response:
        """Exchange a refresh token."""
        return self.token(grant_type="refresh_token", refresh_token=refresh_token)

    def authorize(self, **changes: str | None) -> httpx2.Response:
        """GET /oauth/authorize for "a"; a change to None leaves the parameter out."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
        query: dict[str, str | None] = {
            "response_type": "code",
            "client_id": "cli",
            "redirect_uri": REDIRECT_URI,
            "state": "s",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "login_hint": "a",
        }
        given = {name: value for name, value in (query | changes).items() if value is not None}
        return self.client.get("/oauth/authorize", params=given)

    def code(self) -> str:
        """A fresh authorization code."""
        return landing(self.authorize())["code"]

    def redeem(self, code: str, **changes: str) -> httpx2.Response:
        """Exchange an authorization code."""
        form = {"code": code, "client_id": "cli", "redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER}
        return self.token(grant_type="authorization_code", **(form | changes))

    def statuses(self) -> list[int | None]:
        """What became of every request so far."""
        return [request.status for request in self.provider.requests]


@contextmanager
def stage(quota: Quota | None = None) -> Iterator[Stage]:
    """Serve while the block lasts."""
    built = Stage(quota)
    with built.served():
        yield built


def landing(response: httpx2.Response) -> dict[str, str]:
    """The parameters with which a browser comes back to the client."""
    assert response.status_code == 302
    return dict(parse_qsl(urlsplit(response.headers["location"]).query))


def error(response: httpx2.Response) -> tuple[int, str, str]:
    """Status, type and message of an error of the messages endpoint."""
    body = response.json()
    assert body["type"] == "error"
    assert body["request_id"] == response.headers["request-id"]
    return response.status_code, body["error"]["type"], body["error"]["message"]


def refusal(response: httpx2.Response) -> tuple[int, str, str]:
    """Status, error and description of an error of the OAuth endpoints."""
    body = response.json()
    return response.status_code, body["error"], body["error_description"]
