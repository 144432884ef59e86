"""A uvicorn server inside another program: a guest there, and it leaves as it came.

`uvicorn.Server.serve()` is the host of a process: it takes the signals, logs, and ticks ten times a second. Here only
its first step is used (`startup`, which opens the listener), and the last is done again below: no signal handler, no
task between requests, no logger configured, and a stop that takes as long as the requests in flight, not at least the
tenth of a second that `Server.shutdown` sleeps.
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from typing import cast

import anyio
import uvicorn
from anyio.from_thread import start_blocking_portal
from starlette.types import ASGIApp, Receive, Scope, Send
from typing_extensions import override
from uvicorn.protocols.http.h11_impl import H11Protocol

_GRACE_SECONDS = 0.25
"""How long a request in flight may take at shutdown. Answers need no time here: what takes longer is a client that
has stopped sending or reading."""

_TURNS_OF_AN_ACCEPT = 3
"""Turns of the event loop from a connection's arrival until uvicorn knows it: a task starts, makes the transport, and
that reports itself."""

_logger = logging.getLogger("bucket_failover.testing")
# Without a handler Python prints warnings to stderr; with this one they are shown only to programs that ask for logs.
_logger.addHandler(logging.NullHandler())


class _Connection(H11Protocol):
    """One connection, which logs to our logger instead of uvicorn's, and which a request may hang up."""

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # uvicorn's own narrowing
        super().connection_made(transport)
        self.logger = self.access_logger = _logger
        self.access_log = False
        answer = self.app

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            scope["state"]["hang_up"] = transport.close
            await cast("ASGIApp", answer)(scope, receive, send)

        self.app = app


async def hang_up(scope: Scope, receive: Receive) -> None:
    """Close the connection of a request whose body was read and that has not been answered yet."""
    scope["state"]["hang_up"]()
    # Returning before uvicorn has noticed would have it answer 500 in our place. The body has been read to its end, so
    # the next message is the disconnect.
    await receive()


@contextlib.asynccontextmanager
async def serve(app: ASGIApp) -> AsyncIterator[str]:
    """Serve an application on 127.0.0.1 in the running event loop, and yield its base URL.

    Raises:
        OSError: the loopback interface gives no port.
    """
    # Not through a logging configuration or `access_log=False`: both reach into the loggers of the whole process.
    config = uvicorn.Config(
        app, http=_Connection, ws="none", lifespan="off", log_config=None, date_header=False, server_header=False
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    # asyncio turns Nagle's algorithm off only where the protocol is given; otherwise each answer would take 40 ms more.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        await server.startup(sockets=[listener])
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            # Shielded, so that a test that was cancelled leaves no socket behind either; it takes a bounded time.
            with anyio.CancelScope(shield=True):
                await _stop(server, listener)


async def _stop(server: uvicorn.Server, listener: socket.socket) -> None:
    # A connection that arrives together with the end must either be refused or become known, and then be closed: when
    # a listener is closed between the two, asyncio (3.11 to 3.13) raises an AssertionError and leaks the connection.
    loop = asyncio.get_running_loop()
    if not isinstance(loop, getattr(asyncio, "ProactorEventLoop", ())):  # Windows' loop has no readers
        loop.remove_reader(listener)
    for _ in range(_TURNS_OF_AN_ACCEPT):
        await asyncio.sleep(0)
    for listening in server.servers:
        listening.close()
    state = server.server_state
    for connection in list(state.connections):
        connection.shutdown()  # idle ones close now, the others after their answer
    if state.tasks:
        await asyncio.wait(list(state.tasks), timeout=_GRACE_SECONDS)
    for connection in list(state.connections):
        connection.transport.abort()
    # An aborted connection ends its own request, in a turn or two of the loop.
    while state.connections or state.tasks:  # noqa: ASYNC110 - uvicorn's sets announce nothing that could be awaited
        await asyncio.sleep(0)


@contextlib.contextmanager
def serve_in_thread(app: ASGIApp) -> Iterator[str]:
    """Serve an application on 127.0.0.1 from a thread with its own event loop, and yield its base URL.

    Raises:
        OSError: the loopback interface gives no port.
    """
    with (
        start_blocking_portal(backend="asyncio") as portal,
        portal.wrap_async_context_manager(serve(app)) as base_url,
    ):
        yield base_url
