"""A client secret in a Basic header, for issuers that want it there (RFC 6749, 2.3.1)."""

import base64
import logging
from contextlib import closing

import pytest
from pydantic import SecretStr

from bucket_failover import SyncStoredOAuthManager
from bucket_failover.oauth.http_issuer import OAuthIssuer
from bucket_failover.store import MemoryTokenStore
from bucket_failover_core.oauth import IssuerSettings
from tests.shell.test_http_issuer import NOW, Wire, answer
from tests.support.people import PROVIDER, token

SECRET = "hunter 2:ä"


def test_it_is_sent_in_the_header_and_not_in_the_form(caplog: pytest.LogCaptureFixture) -> None:
    """Form-encoded first, since it may hold a colon; and no log shows it."""
    caplog.set_level(logging.DEBUG)
    wire = Wire(answer("200 OK", '{"access_token": "new", "expires_in": 60}'))
    store = MemoryTokenStore()
    store.write(PROVIDER, "default", token("old", expiry=1.0))
    with wire.serve():
        settings = IssuerSettings(
            token_endpoint=f"{wire.url}/token",
            client_id="id:1",
            has_client_secret=True,
            client_authentication="basic",
        )
        with closing(OAuthIssuer(settings, client_secret=SecretStr(SECRET), clock=lambda: NOW)) as issuer:
            brought = SyncStoredOAuthManager(store, refresh=issuer, clock=lambda: NOW).refresh_oauth_token(
                PROVIDER, "default"
            )
    assert brought is not None
    head = wire.requests[0].partition(b"\r\n\r\n")[0].decode()
    pair = base64.b64encode(b"id%3A1:hunter+2%3A%C3%A4").decode()
    assert f"basic {pair}".lower() in head.lower()
    assert pair in head
    assert b"client_secret" not in wire.body
    assert b"client_id=id%3A1" in wire.body
    assert pair not in caplog.text
    assert "hunter" not in caplog.text
