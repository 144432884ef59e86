"""The moment before a form's first byte goes out, and the connection that it goes out on, which can be broken."""

import contextlib
import socket
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

from bucket_failover.errors import BucketFailoverError

_CONNECTED: Final = ("connect_tcp.complete", "start_tls.complete", "connect_unix_socket.complete")
_SENT_FIRST: Final = ".send_request_headers.started"


class NotSentError(Exception):
    """The listener that is told before the first byte has refused, or the exchange has been given up before."""


class Sending:
    """Hears from the transport when the first byte of a request is about to be sent.

    A proxy's CONNECT goes out before that, and says nothing of the form.

    Args:
        before_sending: told before the first byte; what it raises is `refused`, and nothing is sent.

    Source: httpcore's trace extension.
    """

    def __init__(self, before_sending: Callable[[], None]) -> None:
        self._before_sending = before_sending
        self._mutex = threading.Lock()
        self._connection: Any = None
        self._is_given_up = False
        self.has_begun = False
        self.refused: BucketFailoverError | None = None

    def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        """The transport's call.

        Raises:
            NotSentError: nothing is to be sent.
        """
        if event.endswith(_CONNECTED):
            self._keep(info.get("return_value"))
        if not event.endswith(_SENT_FIRST) or self.has_begun:
            return
        if getattr(info.get("request"), "method", b"") == b"CONNECT":
            return
        try:
            self._before_sending()
        except BucketFailoverError as error:
            self.refused = error
        with self._mutex:
            if self.refused is not None or self._is_given_up:
                raise NotSentError
            self.has_begun = True

    def give_up(self) -> None:
        """Send nothing from now on, and hear nothing: the connection is broken, which wakes the thread that waits."""
        with self._mutex:
            self._is_given_up = True
            _break(self._connection)

    def _keep(self, connection: object) -> None:
        with self._mutex:
            self._connection = connection
            if self._is_given_up:
                _break(connection)


def _break(connection: Any) -> None:  # noqa: ANN401 - the transport's own stream, if it has one
    extra = getattr(connection, "get_extra_info", None)
    sock = None if extra is None else extra("socket")
    if isinstance(sock, socket.socket):
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
