"""What an exception was: the real clients' exceptions, over real HTTP on the loopback interface."""

import asyncio
import errno
import http.client
import http.server
import json
import socket
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any, ClassVar

import anthropic
import httpx2
import openai
import pytest

from bucket_failover import CallFailure, Cause, classify_failure, describe_exception


class _Refusing(http.server.BaseHTTPRequestHandler):
    """Answers everything with what the path says: a status, after so many seconds."""

    def do_POST(self) -> None:
        """One answer."""
        status = int(self.path.strip("/").split("/")[0])
        if status == 0:
            self.connection.close()
            return
        body = json.dumps({"error": {"type": "rate_limit_error", "message": "slow down"}}).encode()
        self.send_response(status)
        self.send_header("retry-after", "20")
        self.send_header("x-twice", "a")
        self.send_header("x-twice", "b")
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST  # noqa: N815 - the name is the standard library's

    def log_message(self, *_: Any) -> None:
        """Be quiet."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server that refuses."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Refusing) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def caught(action: Any) -> Exception:
    """The exception that the action raises."""
    try:
        action()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the subject
        return error
    raise AssertionError


def ask_anthropic(url: str) -> None:
    """The Anthropic SDK, without its own retries."""
    with anthropic.Anthropic(base_url=url, api_key="k", max_retries=0, timeout=5) as client:
        client.messages.create(model="m", max_tokens=1, messages=[{"role": "user", "content": "x"}])


def ask_openai(url: str) -> None:
    """The OpenAI SDK, without its own retries."""
    with openai.OpenAI(base_url=url, api_key="k", max_retries=0, timeout=5) as client:
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}])


def ask_httpx2(url: str) -> None:
    """The plain HTTP client."""
    httpx2.post(url).raise_for_status()


def ask_urllib(url: str) -> None:
    """The standard library."""
    urllib.request.urlopen(url, timeout=5)  # noqa: S310 - our own server


CLIENTS = [ask_anthropic, ask_openai, ask_httpx2, ask_urllib]


@pytest.mark.parametrize("ask", CLIENTS)
@pytest.mark.parametrize("status", [401, 429, 500, 529])
def test_a_refusal_is_read_with_status_headers_and_body(url: str, ask: Any, status: int) -> None:
    """Repeated headers stay repeated; the body is there where the client has read it."""
    error = caught(lambda: ask(f"{url}/{status}"))
    failure = describe_exception(error)
    if isinstance(error, urllib.error.HTTPError):
        error.close()
    assert failure is not None
    assert failure.status == status
    headers = [(name.lower(), value) for name, value in failure.headers]
    assert ("retry-after", "20") in headers
    if ask is not ask_urllib:
        assert [value for name, value in headers if name == "x-twice"] == ["a", "b"]
        assert failure.body is not None
        assert "rate_limit_error" in failure.body


@pytest.mark.parametrize("ask", CLIENTS)
def test_a_broken_connection_is_the_networks(url: str, ask: Any) -> None:
    """The server hangs up; and a port where no server listens."""
    for address in (f"{url}/0", "http://127.0.0.1:9"):
        assert describe_exception(caught(lambda where=address: ask(where))) == CallFailure(error_kind="network")


def test_timeouts_are_timeouts() -> None:
    """The SDKs' own, the HTTP client's, and Python's."""
    request = httpx2.Request("GET", "http://127.0.0.1")
    errors = [
        anthropic.APITimeoutError(request=request),
        openai.APITimeoutError(request=request),
        httpx2.ReadTimeout("slow", request=request),
        TimeoutError(),
    ]
    assert [describe_exception(error) for error in errors] == [CallFailure(error_kind="timeout")] * 4


def test_what_is_no_failed_call_is_left_alone() -> None:
    """Bugs, and statuses that are none."""

    class OddError(Exception):
        status_code: Any = True

    odd = OddError()
    assert describe_exception(odd) is None
    odd.status_code = -5
    assert describe_exception(odd) is None
    assert describe_exception(ValueError("x")) is None
    assert describe_exception(asyncio.CancelledError()) == CallFailure(error_kind="cancelled")
    assert describe_exception(ConnectionResetError()) == CallFailure(error_kind="network")


def test_bodies_in_any_form_are_cut() -> None:
    """Text, something like JSON, or an unread stream."""

    class BodiedError(Exception):
        status_code = 500
        headers = 5
        body: Any = None
        response: Any = None

    error = BodiedError()
    assert describe_exception(error) == CallFailure(status=500)
    error.body = "x" * 100_000
    assert describe_exception(error) == CallFailure(status=500, body="x" * 65_536)
    error.body = {"error": {1, 2}}
    failure = describe_exception(error)
    assert failure is not None
    assert failure.body == '{"error": "{1, 2}"}'
    error.body = None

    class Unread:
        @property
        def text(self) -> str:
            """The client has not read it."""
            raise httpx2.ResponseNotRead

    error.response = Unread()
    assert describe_exception(error) == CallFailure(status=500)


def test_an_exception_that_raises_when_it_is_looked_at_is_left_alone() -> None:
    """A property that fails, headers and bodies that cannot be read: nothing of it reaches the caller."""

    class HostileError(Exception):
        status_code = 500

        @property
        def response(self) -> Any:
            """Not today."""
            raise RuntimeError

    assert describe_exception(HostileError()) == CallFailure(status=500)

    class BodiedError(Exception):
        status_code = 500
        headers: Any = None
        body: Any = None

    error = BodiedError()
    error.headers = type("Headers", (), {"items": lambda _self: [1, 2]})()
    error.body = {(1, 2): 3}
    assert describe_exception(error) == CallFailure(status=500)
    error.body = []
    error.body.append(error.body)
    assert describe_exception(error) == CallFailure(status=500)


@pytest.mark.parametrize(
    "error",
    [
        socket.gaierror(-2, "Name or service not known"),
        ssl.SSLError("handshake"),
        http.client.IncompleteRead(b""),
        OSError(errno.EHOSTUNREACH, "No route to host"),
    ],
)
def test_the_networks_own_words(error: Exception) -> None:
    """Names that are not found, handshakes and answers that break off, hosts that are not reached."""
    assert describe_exception(error) == CallFailure(error_kind="network")


def test_an_error_event_in_a_stream_as_an_sdk_raises_it() -> None:
    """It has a body and neither status nor response; the event is what failed."""
    request = httpx2.Request("POST", "http://127.0.0.1/")
    error = openai.APIError("x", request, body={"code": "server_is_overloaded", "message": "busy"})
    failure = describe_exception(error)
    assert failure == CallFailure(body='{"code": "server_is_overloaded", "message": "busy"}')
    assert classify_failure(failure, now=0.0).unwrap().cause is Cause.OVERLOADED
    assert describe_exception(openai.APIError("x", request, body={"message": "?"})) is None


class BotoError(Exception):
    """In the shape of botocore's `ClientError`."""

    def __init__(self, response: object) -> None:
        super().__init__("An error occurred")
        self.response = response


def test_an_error_of_boto() -> None:
    """Its response is a dictionary."""
    response = {
        "Error": {"Code": "ThrottlingException", "Message": "Too many requests"},
        "ResponseMetadata": {"HTTPStatusCode": 429, "HTTPHeaders": {"x-amzn-requestid": "x"}},
    }
    failure = describe_exception(BotoError(response))
    assert failure is not None
    assert (failure.status, failure.headers) == (429, (("x-amzn-requestid", "x"),))
    verdict = classify_failure(failure, now=0.0).unwrap()
    assert (verdict.cause, verdict.detail) == (Cause.THROTTLED, "HTTP 429, ThrottlingException")
    odd = describe_exception(BotoError({"Error": {}, "ResponseMetadata": {"HTTPStatusCode": "?"}}))
    assert odd is not None
    assert (odd.status, odd.headers) == (None, ())
    assert describe_exception(BotoError({"Error": {}})) is None


def test_what_an_sdk_has_read_of_an_answer_that_was_streamed() -> None:
    """The text cannot be had any more; the details can."""

    class Streamed:
        headers: tuple[()] = ()

        @property
        def text(self) -> str:
            raise RuntimeError

    class GoogleError(Exception):
        code = 429
        response = Streamed()
        details: object = {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}}

    failure = describe_exception(GoogleError())
    assert failure is not None
    assert failure.body == '{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}}'


def test_a_body_that_cannot_say_what_it_is_replaces_nothing() -> None:
    """Nor do headers: the failure is described without them."""

    class Mute:
        def __str__(self) -> str:
            raise ZeroDivisionError

    class MuteError(Exception):
        status_code = 429
        body: ClassVar = {"error": Mute()}
        headers: ClassVar = {"retry-after": Mute()}

    assert describe_exception(MuteError()) == CallFailure(status=429)
