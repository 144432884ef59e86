"""An issuer over HTTP: what is sent to it, what its answers become, and that no secret comes out anywhere."""

import asyncio
import json
import logging
import socketserver
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any, Final
from urllib.parse import parse_qs

import pytest
from pydantic import SecretStr

from bucket_failover import (
    LoginFailedError,
    MemoryTokenStore,
    OAuthToken,
    RefreshFailedError,
    RefreshInterruptedError,
    RefreshUnheardError,
    StoredOAuthManager,
    TokenStoreError,
)
from bucket_failover.oauth.http_issuer import OAuthIssuer
from bucket_failover.oauth.issuer import Reply
from bucket_failover_core.oauth import IssuerSettings, NothingIssued
from tests.support.people import PROVIDER

SENT: Final = "s3cret-that-is-sent"
ECHOED: Final = "s3cret-that-is-echoed"
NOW: Final = 1_786_553_400.0


class Wire:
    """A server of bare bytes, for answers that no decent one would give.

    Args:
        answer: what is sent back, whatever was asked; None: the connection is dropped.
        reads: read the request first.
    """

    def __init__(self, answer: bytes | None, *, reads: bool = True) -> None:
        self.answer = answer
        self.reads = reads
        self.requests: list[bytes] = []
        self.url = ""

    @property
    def body(self) -> bytes:
        """What was last sent to it."""
        return self.requests[-1].partition(b"\r\n\r\n")[2]

    @contextmanager
    def serve(self) -> Iterator[None]:
        """Listen while the block lasts."""
        wire = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                if wire.reads:
                    wire.requests.append(_read_request(self.rfile))
                if wire.answer is not None:
                    self.wfile.write(wire.answer)

        with socketserver.TCPServer(("127.0.0.1", 0), Handler) as server:
            self.url = f"http://127.0.0.1:{server.server_address[1]}"
            thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
            thread.start()
            yield
            server.shutdown()
            thread.join()


def _read_request(file: Any) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = file.readline()
        if line == b"":
            return head
        head += line
    length = next(
        (line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")), 0
    )
    return head + bytes(file.read(int(length)))


def answer(status: str, body: str, *headers: str) -> bytes:
    """An HTTP answer."""
    content = body.encode()
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(content)}", "connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + content


def token(refresh_token: str = SENT, *, expiry: float = NOW - 1.0) -> OAuthToken:
    """One that has ended."""
    return OAuthToken(access_token=SecretStr(SENT), refresh_token=SecretStr(refresh_token), expiry=expiry)


def issuer_at(url: str, **fields: Any) -> OAuthIssuer:
    """Our client of whatever listens there."""
    known = {"token_endpoint": f"{url}/token", "client_id": "test", "has_client_secret": True}
    settings = IssuerSettings.model_validate(known | fields)
    return OAuthIssuer(settings, client_secret=SecretStr(SENT), clock=lambda: NOW)


def ask(issuer: OAuthIssuer, before_sending: Callable[[], None] = lambda: None) -> Reply:
    """A refresh."""
    with closing(issuer):
        return issuer.refresh(PROVIDER, "default", token(), before_sending=before_sending)


def shown(error: BaseException) -> str:
    """All that a debugger's report has of an exception: its texts, those behind it, and every local variable."""
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    # The last frames are ours; this test's own variables are no finding.
    for part in (told, told.__cause__, told.__context__):
        if part is not None:
            part.stack[:] = [frame for frame in part.stack if not frame.filename.endswith("test_http_issuer.py")]
    return "".join(told.format()) + repr(error)


def heard(caplog: pytest.LogCaptureFixture, *, but_for: str = "-") -> str:
    """All that was logged, but for one library, and whatever hangs on the records."""
    records = [record for record in caplog.records if not record.name.startswith(but_for)]
    return "".join(f"{record.getMessage()} {record.__dict__!r}" for record in records)


ANSWERS: Final[dict[str, tuple[bytes | None, type[RefreshFailedError] | None]]] = {
    "refused": (answer("400 Bad Request", json.dumps({"error": "invalid_grant", "error_description": ECHOED})), None),
    "named after a secret": (answer("400 Bad Request", json.dumps({"error": ECHOED})), RefreshFailedError),
    "not for us": (
        answer("401 Unauthorized", json.dumps({"error": "invalid_client", "x": ECHOED})),
        RefreshFailedError,
    ),
    "a nested error": (answer("400 Bad Request", json.dumps({"error": {"message": ECHOED}})), RefreshFailedError),
    "broken": (answer("500 Internal Server Error", json.dumps({"error": ECHOED, "sent": SENT})), RefreshFailedError),
    "an error in disguise": (answer("200 OK", json.dumps({"error": "x", "hint": ECHOED})), RefreshFailedError),
    "a gateway's page": (answer("502 Bad Gateway", f"<html>{ECHOED}</html>"), RefreshFailedError),
    "a gateway's timeout": (answer("504 Gateway Timeout", ECHOED), RefreshUnheardError),
    "elsewhere": (answer("302 Found", ECHOED, "location: /elsewhere"), RefreshFailedError),
    "elsewhere, with the body": (answer("307 Temporary Redirect", "", "location: /elsewhere"), RefreshFailedError),
    "a megabyte": (answer("200 OK", json.dumps({"access_token": ECHOED, "x": "x" * 2**20})), RefreshUnheardError),
    "no end": (answer("200 OK", json.dumps({"access_token": ECHOED}))[:-5], RefreshUnheardError),
    "cut off": (answer("200 OK", json.dumps({"access_token": ECHOED})[:-3]), RefreshUnheardError),
    "a list": (answer("200 OK", json.dumps([ECHOED])), RefreshUnheardError),
    "too deep": (answer("200 OK", "[" * 100_000 + ECHOED), RefreshUnheardError),
    "no text": (answer("200 OK", json.dumps({"access_token": {"value": ECHOED}})), RefreshUnheardError),
    "no compression": (answer("200 OK", ECHOED, "content-encoding: gzip"), RefreshUnheardError),
    "no number": (answer("200 OK", json.dumps({"access_token": "", "expires_in": ECHOED})), RefreshUnheardError),
    "no HTTP": (ECHOED.encode() + b"\r\n\r\n", RefreshUnheardError),
    "dropped": (None, RefreshUnheardError),
}


@pytest.mark.requirement("REQ-1598-SE01")
@pytest.mark.parametrize("name", ANSWERS)
def test_no_answer_brings_a_secret_to_light(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """In no exception, no local variable, no log, not even the transport's own at DEBUG; and what it means is told."""
    caplog.set_level(logging.DEBUG)
    bytes_sent, expected = ANSWERS[name]
    wire = Wire(bytes_sent)
    store = MemoryTokenStore()
    store.write(PROVIDER, "default", token())
    with wire.serve(), closing(issuer_at(wire.url)) as issuer:
        manager = StoredOAuthManager(store, refresh=issuer, clock=lambda: NOW)
        if expected is None:
            told = repr(asyncio.run(manager.get_oauth_token(PROVIDER, "default")))
        else:
            with pytest.raises(expected, match=r"^default: the issuer ") as caught:
                asyncio.run(manager.get_oauth_token(PROVIDER, "default"))
            assert caught.type is expected
            told = shown(caught.value)
    assert len(wire.requests) == 1, "a redirect is not followed, and nothing is sent twice"
    assert SENT.encode() in wire.body
    assert SENT not in told + heard(caplog)
    assert ECHOED not in told + heard(caplog, but_for="httpcore2")
    stored = store.read_stored(PROVIDER, "default")
    assert stored.token == token()
    assert (stored.mark is not None and stored.mark.is_sent) == (expected is RefreshUnheardError)
    assert (stored.mark is not None and stored.mark.is_refused) == (expected is None)


@pytest.mark.requirement("REQ-1598-SE01")
@pytest.mark.parametrize("name", ANSWERS)
def test_no_answer_to_a_login_brings_a_secret_to_light(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """Code, verifier and device code are secrets, too."""
    caplog.set_level(logging.DEBUG)
    wire = Wire(ANSWERS[name][0])
    with wire.serve():
        endpoints = {"device_authorization_endpoint": f"{wire.url}/d", "revocation_endpoint": f"{wire.url}/r"}
        with closing(issuer_at(wire.url, **endpoints)) as issuer:
            with pytest.raises(LoginFailedError) as redeemed:
                issuer.redeem("default", code=SecretStr(SENT), verifier=SecretStr(SENT), redirect_uri="http://x")
            with pytest.raises(LoginFailedError) as begun:
                issuer.start_device("default")
            polled = issuer.poll_device("default", SecretStr(SENT))
            revoked = issuer.revoke(token())
    told = shown(redeemed.value) + shown(begun.value) + repr(polled) + revoked
    assert SENT not in told + heard(caplog)
    assert ECHOED not in told + heard(caplog, but_for="httpcore2")
    assert str(redeemed.value).startswith("the issuer ")


@pytest.mark.parametrize(
    "bytes_sent",
    [
        answer("302 Found", "", f"location: /login?token={ECHOED}", f"set-cookie: session={ECHOED}"),
        ANSWERS["no HTTP"][0],
    ],
)
def test_nothing_that_is_sent_is_in_any_log(bytes_sent: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """The head of an answer is in the transport's own, at DEBUG (docs/logging.md), and nowhere else."""
    caplog.set_level(logging.DEBUG)
    wire = Wire(bytes_sent)
    with wire.serve():
        ask(issuer_at(wire.url))
    assert SENT not in heard(caplog)
    assert ECHOED not in heard(caplog, but_for="httpcore2")


def test_one_buckets_cookies_are_not_sent_for_another() -> None:
    """A session that the issuer has begun with one account is no business of the next one's."""
    wire = Wire(answer("200 OK", json.dumps({"access_token": "a"}), "set-cookie: session=of-default; Path=/"))
    with wire.serve(), closing(issuer_at(wire.url)) as issuer:
        for bucket in ("default", "claudius"):
            issuer.refresh(PROVIDER, bucket, token(), before_sending=lambda: None)
    assert b"session=of-default" not in wire.requests[1]


def test_a_connection_that_is_dropped_before_it_is_read() -> None:
    """Something was sent: the refresh token counts as perhaps used."""
    wire = Wire(None, reads=False)
    with wire.serve():
        reply = ask(issuer_at(wire.url))
    assert reply.answer == NothingIssued(is_known=False)
    assert reply.detail.startswith("the issuer has not answered (")


def test_an_issuer_that_cannot_be_reached_has_seen_nothing() -> None:
    """So nothing is lost, and the callback for the first byte is not called."""
    wire = Wire(None)
    with wire.serve():
        pass
    reply = ask(issuer_at(wire.url), lambda: pytest.fail("nothing is sent"))
    assert reply.answer == NothingIssued(is_known=True)
    assert reply.detail == "the issuer could not be reached (ConnectError)"


def test_nothing_is_sent_if_the_mark_cannot_be_left() -> None:
    """The callback that is told first may forbid it; what it raises is what the caller gets."""
    wire = Wire(answer("200 OK", "{}"))

    def forbid() -> None:
        message = "the disk is full"
        raise TokenStoreError(message)

    with wire.serve(), pytest.raises(TokenStoreError, match="the disk is full") as caught:
        ask(issuer_at(wire.url), forbid)
    assert wire.requests in ([], [b""])
    assert SENT not in shown(caught.value)


def test_an_unforeseen_exception_shows_no_secret_either() -> None:
    """It goes through the transport's frames."""
    wire = Wire(answer("200 OK", "{}"))

    def break_down() -> None:
        message = "a mistake of ours"
        raise ZeroDivisionError(message)

    with wire.serve(), pytest.raises(ZeroDivisionError) as caught:
        ask(issuer_at(wire.url), break_down)
    assert SENT not in shown(caught.value)


@pytest.mark.parametrize(
    ("body", "content_type"), [("form", b"application/x-www-form-urlencoded"), ("json", b"application/json")]
)
def test_what_is_sent(body: str, content_type: bytes) -> None:
    """As a form or as JSON: the same fields, extra ones and the client's secret included, none in the address."""
    fields = {"access_token": "a", "refresh_token": "r", "expires_in": 60, "scope": ["x", "y"], "account": {"id": 7}}
    wire = Wire(answer("200 OK", json.dumps(fields)))
    with wire.serve():
        reply = ask(issuer_at(wire.url, body=body, token_parameters={"audience": "{bucket}"}))
    head = wire.requests[0].partition(b"\r\n\r\n")[0].lower()
    assert head.startswith(b"post /token http/1.1")
    assert b"content-type: " + content_type in head
    assert b"accept: application/json" in head
    assert SENT.encode() not in head
    got = (
        json.loads(wire.body)
        if body == "json"
        else {name: value for name, (value,) in parse_qs(wire.body.decode()).items()}
    )
    assert got == {
        "grant_type": "refresh_token",
        "refresh_token": SENT,
        "client_id": "test",
        "client_secret": SENT,
        "audience": "default",
    }
    assert reply.token is not None
    assert (reply.token.expiry, reply.token.issued_at, reply.token.scope) == (NOW + 60.0, NOW, "x y")
    assert reply.token.extra == {"account": {"id": 7}}


def test_a_refresh_whose_answer_no_process_has_heard_is_not_repeated() -> None:
    """The mark says so, and the next one who asks is told to log in, without a word to the issuer."""
    wire = Wire(None)
    store = MemoryTokenStore()
    store.write(PROVIDER, "default", token())
    with wire.serve(), closing(issuer_at(wire.url)) as issuer:
        manager = StoredOAuthManager(store, refresh=issuer, clock=lambda: NOW)
        with pytest.raises(RefreshUnheardError):
            asyncio.run(manager.get_oauth_token(PROVIDER, "default"))
        with pytest.raises(RefreshInterruptedError, match="log in again"):
            asyncio.run(manager.get_oauth_token(PROVIDER, "default"))
    assert len(wire.requests) == 1


def test_an_issuer_on_this_machine_is_spoken_to_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy of the environment's sees the refresh token."""
    proxy, wire = Wire(None), Wire(answer("200 OK", '{"access_token": "new", "expires_in": 60}'))
    with proxy.serve(), wire.serve():
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        with closing(OAuthIssuer(IssuerSettings(token_endpoint=wire.url, client_id="test"))) as issuer:
            reply = issuer.refresh(PROVIDER, "default", token(), before_sending=lambda: None)
    assert reply.token is not None
    assert (len(wire.requests), proxy.requests) == (1, [])
