"""The address on this machine that the browser comes back to after a login.

It hears one path, answers with a page that a user can read, and knows nothing of what it is told: the core says
whether it was for us (`read_redirect`).

Source: RFC 8252, 7.3 (loopback redirects) and 8.3 (no other host than the loopback interface's address).
"""

import html
import os
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET, AF_INET6
from typing import Final, NamedTuple
from urllib.parse import parse_qs, urlsplit

from bucket_failover.errors import LoginFailedError
from bucket_failover.tokens import MaskedDict
from bucket_failover_core.oauth import CodeGiven, IssuerSettings, RedirectRefused

Hearing = Callable[[MaskedDict], CodeGiven | RedirectRefused]
"""What a redirect's parameters are: names to the values that came."""

_FIELDS_MAX: Final = 50
"""A redirect has a few parameters (RFC 6749, 4.1.2); a request with more is nothing of ours."""

_PATIENCE_SECONDS: Final = 5.0
"""How long a browser may take to send the line that it came to send."""


class Redirect(NamedTuple):
    """The browser has come back, and it was for us.

    Args:
        parameters: what it brought, masked.
        meaning: what that is.
    """

    parameters: MaskedDict
    meaning: CodeGiven | RedirectRefused


class Loopback:
    """The listening address.

    Args:
        uri: what the issuer is to send the browser back to.
        redirects: those that were for us.
    """

    def __init__(self, uri: str, redirects: "queue.SimpleQueue[Redirect]") -> None:
        self.uri = uri
        self.redirects = redirects


@contextmanager
def listening(settings: IssuerSettings, hear: Hearing) -> Iterator[Loopback]:
    """Listen on the loopback interface until the end of the block.

    Raises:
        LoginFailedError: the port is taken.
    """
    redirects: queue.SimpleQueue[Redirect] = queue.SimpleQueue()
    host = settings.redirect_host.strip("[]")
    try:
        server = _server(host, settings.redirect_port, _handler(settings.redirect_path, hear, redirects))
    except OSError as error:
        message = f"the login's address {settings.redirect_host}:{settings.redirect_port} is not to be had: "
        raise LoginFailedError(message + (error.strerror or "")) from None
    uri = f"http://{settings.redirect_host}:{server.server_address[1]}{settings.redirect_path}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="bucket-failover-redirect", daemon=True)
    thread.start()
    try:
        yield Loopback(uri, redirects)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _server(host: str, port: int, handler: type[BaseHTTPRequestHandler]) -> ThreadingHTTPServer:
    class Server(ThreadingHTTPServer):
        address_family = AF_INET6 if ":" in host else AF_INET
        daemon_threads = True
        # Else a fixed port is not to be had for a minute after each login; on Windows it would be shared with others.
        allow_reuse_address = os.name == "posix"

        def handle_error(self, *_: object) -> None:
            """Nothing: a browser that goes away is no news, and a traceback would show the request line."""

    # "localhost" may be either; the browser tries both, and the number is the one that every issuer knows.
    return Server(("127.0.0.1" if host == "localhost" else host, port), handler)


def _parameters(query: str) -> MaskedDict:
    """What a redirect brings; too much of it is nothing of ours."""
    try:
        return MaskedDict(parse_qs(query, keep_blank_values=True, max_num_fields=_FIELDS_MAX))
    except ValueError:
        return MaskedDict()


def _handler(path: str, hear: Hearing, redirects: "queue.SimpleQueue[Redirect]") -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        server_version = "bucket-failover"
        sys_version = ""
        timeout = _PATIENCE_SECONDS

        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            if asked.path != path:
                self._answer(HTTPStatus.NOT_FOUND, "Nothing is here.")
                return
            parameters = _parameters(asked.query)
            meaning = hear(parameters)
            if isinstance(meaning, RedirectRefused) and meaning.why == "foreign":
                self._answer(HTTPStatus.BAD_REQUEST, "This is not the login that is waited for.")
                return
            redirects.put(Redirect(parameters, meaning))  # first: a browser that has gone does not take the code along
            if isinstance(meaning, CodeGiven):
                self._answer(HTTPStatus.OK, "You can close this window and go back to the program.")
            else:
                self._answer(HTTPStatus.OK, "There was no login. You can close this window.")

        def _answer(self, status: HTTPStatus, text: str) -> None:
            page = f"<!doctype html><title>bucket-failover</title><p>{html.escape(text)}</p>".encode()
            self.send_response(status)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.send_header("content-length", str(len(page)))
            self.send_header("cache-control", "no-store")
            self.send_header("referrer-policy", "no-referrer")  # the code is in this page's address
            self.send_header("content-security-policy", "default-src 'none'")
            self.send_header("connection", "close")
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
            """Nothing: the request line has the code in it."""

    return Handler
