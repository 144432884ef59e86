"""A call to an issuer has one deadline for everything: connection, request, answer, however it drips."""

import threading
import time
from collections.abc import Iterator
from typing import Final

import pytest

from bucket_failover_core.oauth import NothingIssued
from tests.shell.test_refresh_stories import OLD, PATIENCE_SECONDS, issuer_behind, talking
from tests.support.people import PROVIDER
from tests.support.refresher import wait_until
from tests.support.token_endpoint import BUCKET

SHORT_SECONDS: Final = 0.05
"""The deadline."""


def no_thread_is_left() -> bool:
    """Whether what was given up has come to its end."""
    return all(thread.name != "bucket-failover-issuer" for thread in threading.enumerate())


@pytest.mark.parametrize(
    "begin",
    [b"", b"HTTP/1.1 200 OK\r\nx-long: ", b"HTTP/1.1 200 OK\r\ncontent-length: 20000\r\n\r\n"],
    ids=["before the status", "in a header", "in the body"],
)
@pytest.mark.parametrize("drop", [b" ", b"HTTP/1.1 103 Early Hints\r\n\r\n"], ids=["bytes", "early hints"])
def test_an_issuer_that_drips_is_given_up(begin: bytes, drop: bytes) -> None:
    """However soon the next byte always comes. Whether a token was issued is not known then, and no thread is left."""
    until = time.monotonic() + PATIENCE_SECONDS

    def drips() -> Iterator[bytes]:
        yield begin
        while time.monotonic() < until:
            yield drop
            time.sleep(0.005)

    with (
        talking(drips) as (port, _),
        issuer_behind(f"http://127.0.0.1:{port}/token", timeout_seconds=SHORT_SECONDS) as issuer,
    ):
        begun = time.monotonic()
        reply = issuer.refresh(PROVIDER, BUCKET, OLD, before_sending=lambda: None)
        assert time.monotonic() < begun + PATIENCE_SECONDS / 2
        wait_until(no_thread_is_left)
    assert reply.answer == NothingIssued(is_known=False)


def test_an_issuer_that_takes_no_connection_has_seen_nothing() -> None:
    """What is given up before the first byte is not sent later either: the next process may present the token."""
    asked, proceed = threading.Event(), threading.Event()

    def slow() -> None:
        asked.set()
        assert proceed.wait(PATIENCE_SECONDS)

    with (
        talking(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}") as (port, heard),
        issuer_behind(f"http://127.0.0.1:{port}/token", timeout_seconds=SHORT_SECONDS) as issuer,
    ):
        reply = issuer.refresh(PROVIDER, BUCKET, OLD, before_sending=slow)
        assert asked.is_set()
        proceed.set()
        wait_until(no_thread_is_left)
    assert reply.answer == NothingIssued(is_known=True)
    assert [request for request in heard if request] == []
