"""The server as a guest in a user's program: it comes and goes without a trace."""

import asyncio
import contextlib
import io
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from urllib.parse import urlsplit

import anyio
import httpx2
import pytest
from freezegun import freeze_time

from bucket_failover import testing
from bucket_failover.testing import EmbeddedProvider
from tests.shell.testing.stage import ASK, stage


def provider() -> EmbeddedProvider:
    """With the account "a"."""
    built = EmbeddedProvider()
    built.add_account("a")
    return built


def address(base_url: str) -> tuple[str, int]:
    """Where to connect to."""
    parts = urlsplit(base_url)
    assert parts.hostname == "127.0.0.1"
    assert parts.port
    return parts.hostname, parts.port


def test_serving_leaves_no_task_no_signal_handler_and_no_listener() -> None:
    """What was there before is there during and after; afterwards no server listens."""

    async def main() -> str:
        at_work = provider()
        tasks = asyncio.all_tasks()
        handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
        async with at_work.serve() as base_url, httpx2.AsyncClient(base_url=base_url, trust_env=False) as client:
            assert asyncio.all_tasks() == tasks
            assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers
            headers = {"authorization": f"Bearer {at_work.issue('a').access_token}"}
            assert (await client.post("/v1/messages", headers=headers, json=ASK)).status_code == 200
        assert asyncio.all_tasks() == tasks
        return base_url

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address(asyncio.run(main())))


def test_serving_in_a_thread_leaves_no_thread() -> None:
    """Its own, that is, with the event loop in it."""
    threads = threading.active_count()
    with provider().serve_in_thread() as base_url:
        assert threading.active_count() == threads + 1
        socket.create_connection(address(base_url)).close()
    assert threading.active_count() == threads
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address(base_url))


RUDE_CLIENTS = """
import socket, urllib.parse, urllib.request
from bucket_failover.testing import EmbeddedProvider

with EmbeddedProvider().serve_in_thread() as base_url:
    parts = urllib.parse.urlsplit(base_url)
    for rudeness in (
        b"nonsense\\r\\n\\r\\n",
        b"GET / HTTP/1.1\\r\\nhost: x\\r\\nconnection: upgrade\\r\\nupgrade: websocket\\r\\n\\r\\n",
    ):
        with socket.create_connection((parts.hostname, parts.port)) as raw:
            raw.sendall(rudeness)
            assert raw.recv(64).startswith(b"HTTP/1.1 4")
    half = socket.create_connection((parts.hostname, parts.port))
    half.sendall(b"POST /v1/messages HTTP/1.1\\r\\nhost: x\\r\\ncontent-length: 99\\r\\n\\r\\nhalf")
half.close()
"""


def test_nothing_is_printed_and_nothing_leaks_whatever_clients_do() -> None:
    """In a program of its own, because pytest's log handlers would hide what Python prints when there are none.

    Development mode shows every unclosed socket and loop, and warnings are errors.
    """
    ran = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", RUDE_CLIENTS],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_the_loggers_of_uvicorn_stay_as_the_program_has_set_them(caplog: pytest.LogCaptureFixture) -> None:
    """They belong to the whole process; and what the server has to say is said by our own logger."""

    def settings() -> list[tuple[int, bool, list[logging.Handler]]]:
        loggers = [logging.getLogger(name) for name in ("uvicorn", "uvicorn.error", "uvicorn.access")]
        return [(logger.level, logger.propagate, logger.handlers[:]) for logger in loggers]

    before = settings()
    with caplog.at_level(logging.DEBUG), stage() as at:
        at.client.get("/", headers={"connection": "upgrade", "upgrade": "websocket"})
        at.provider.disconnect_next()
        with pytest.raises(httpx2.RemoteProtocolError):
            at.ask("whoever")
        assert settings() == before
    assert settings() == before
    ours = [record for record in caplog.records if record.name.startswith(("uvicorn", "bucket_failover"))]
    # No access log, whose lines would hold the query of a login, and no error where a hang-up was asked for.
    assert {(record.name, record.levelname) for record in ours} == {("bucket_failover.testing", "WARNING")}


def test_a_request_that_never_ends_does_not_hold_the_server_up() -> None:
    """A client that promises a body and sends half of it is cut off at shutdown."""
    with contextlib.ExitStack() as still_open:
        with stage() as at:
            raw = still_open.enter_context(socket.create_connection(address(at.base_url), timeout=10))
            raw.sendall(b"POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\nhalf")
            at.client.get("/")  # the server has read the half request by the time that it has answered this one
        # Linux says "end", others may say "reset"; either way the client is not left waiting.
        with contextlib.suppress(ConnectionResetError):
            assert raw.recv(64) == b""
    assert at.statuses() == [404]


@pytest.mark.parametrize("turns", range(6))
def test_a_connection_that_arrives_together_with_the_end_is_closed(
    turns: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Once such a connection had no owner: asyncio logged an AssertionError, or Python 3.12 waited without end."""

    async def main() -> None:
        async with provider().serve() as base_url:
            raw = socket.create_connection(address(base_url), timeout=10)
            for _ in range(turns):
                await asyncio.sleep(0)
        with raw, contextlib.suppress(ConnectionResetError):
            assert raw.recv(64) == b""

    asyncio.run(main())
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_an_exception_in_the_block_passes_through_and_stops_the_server() -> None:
    """The server is not what went wrong."""
    base_urls: list[str] = []

    async def main() -> None:
        async with provider().serve() as base_url:
            base_urls.append(base_url)
            raise LookupError

    def in_a_thread() -> None:
        with provider().serve_in_thread() as base_url:
            base_urls.append(base_url)
            raise LookupError

    with pytest.raises(LookupError):
        asyncio.run(main())
    with pytest.raises(LookupError):
        in_a_thread()
    for base_url in base_urls:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address(base_url))


def test_a_cancelled_block_stops_the_server_all_the_same() -> None:
    """A cancelled scope of anyio cancels every wait inside; the shutdown is shielded from it."""

    async def main() -> None:
        with anyio.CancelScope() as scope:
            async with provider().serve() as base_url:
                reader, writer = await asyncio.open_connection(*address(base_url))
                writer.write(b"POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\nhalf")
                async with httpx2.AsyncClient(base_url=base_url, trust_env=False) as client:
                    await client.get("/")  # the server has read the half request when it has answered this one
                scope.cancel()
                await asyncio.sleep(60)
        assert scope.cancelled_caught
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.wait_for(reader.read(), timeout=10) == b""
        writer.close()
        await writer.wait_closed()

    asyncio.run(main())


def test_one_provider_may_be_served_again_and_twice_at_once() -> None:
    """Its state belongs to the object, not to the server."""
    at_work = provider()
    headers = {"x-api-key": at_work.add_api_key("a")}
    with at_work.serve_in_thread() as first, at_work.serve_in_thread() as second:
        assert first != second
        for base_url in (first, second):
            httpx2.post(f"{base_url}/v1/messages", headers=headers, json=ASK, trust_env=False)
    with at_work.serve_in_thread() as third:
        httpx2.post(f"{third}/v1/messages", headers=headers, json=ASK, trust_env=False)
    assert [(request.account, request.status) for request in at_work.requests] == [("a", 200)] * 3


def test_many_may_ask_at_once_and_every_request_is_counted() -> None:
    """Fifty at a time, each recorded once."""

    async def main() -> list[int]:
        at_work = provider()
        headers = {"x-api-key": at_work.add_api_key("a")}
        async with at_work.serve() as base_url, httpx2.AsyncClient(base_url=base_url, trust_env=False) as client:
            asked = [client.post("/v1/messages", headers=headers, json={**ASK, "stream": True}) for _ in range(50)]
            answers = await asyncio.gather(*asked)
        assert len(at_work.requests) == 50
        return [answer.status_code for answer in answers]

    assert asyncio.run(main()) == [200] * 50


def test_without_a_clock_of_its_own_the_provider_goes_by_the_wall() -> None:
    """And a frozen wall clock is a wall clock."""
    with freeze_time("2026-01-01T00:00:00Z", real_asyncio=True):
        assert provider().issue("a").expires_at == 1_767_225_600.0 + 3_600


def test_the_example_of_the_package_does_what_it_says() -> None:
    """The documented program is run, and prints what the documentation prints."""
    documentation = testing.__doc__
    assert documentation
    blocks: list[list[str]] = [[]]
    for line in documentation.splitlines():
        if line.startswith("    ") or not line:
            blocks[-1].append(line.removeprefix("    "))
        elif blocks[-1]:
            blocks.append([])
    program, output = ["\n".join(block).strip() for block in blocks if any(block)]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(program, {})  # noqa: S102 - our own documentation
    assert printed.getvalue().strip() == output
