"""What the two families of HTTP clients, httpx2 and httpx, have in common, made from the module of either.

A transport must be of its client's family: the one does not take the other's requests.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from functools import cache
from typing import Any, Final
from urllib.request import getproxies, proxy_bypass

Http = Any
"""The module `httpx2` or `httpx`; requests, answers and streams are of its types."""

_CONNECTIONS: Final = {"max_connections": 1_000, "max_keepalive_connections": 100}
"""As the SDKs of OpenAI and Anthropic have it, so that a transport holds back no more requests than they do."""


class _Ahead:
    """What was read, then the rest. After it is closed, there is no rest.

    Args:
        chunks: what was read.
        rest: the iterator it was read from; None: there is no more.
        owner: is closed with it; None: it is closed already.
    """

    def __init__(self, chunks: list[bytes], rest: Any = None, owner: Any = None) -> None:  # noqa: ANN401
        self._chunks, self._rest, self._owner = chunks, rest, owner

    def __iter__(self) -> Iterator[bytes]:
        yield from self._chunks
        yield from self._rest or ()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            yield chunk
        if self._rest is not None:
            async for chunk in self._rest:
                yield chunk

    def close(self) -> None:
        owner, self._owner, self._rest = self._owner, None, None
        if owner is not None:
            owner.close()

    async def aclose(self) -> None:
        owner, self._owner, self._rest = self._owner, None, None
        if owner is not None:
            await owner.aclose()


@cache
def ahead_stream(http: Http) -> Any:  # noqa: ANN401 - a class of that family
    """The class of a stream of which some was read already, with and without an event loop: see `_Ahead`."""
    return type("Ahead", (_Ahead, http.SyncByteStream, http.AsyncByteStream), {})


class Routes:
    """Transports of our own, made when they are first needed: through the proxies of the environment, as clients do.

    A client that is given a transport leaves proxies to it. A connection belongs to the process and to the event loop
    that have opened it: after a fork, and in another loop, there are new ones.

    Args:
        http: the family.
        kind: its class of transports, with or without an event loop.
    """

    def __init__(self, http: Http, kind: Any) -> None:  # noqa: ANN401 - a class of that family
        self._http, self._kind, self._is_bound = http, kind, hasattr(kind, "aclose")
        self._proxies = getproxies()
        self._made: dict[_Route, Any] = {}

    def of(self, url: Any) -> Any:  # noqa: ANN401 - any family's
        """The transport for an address."""
        proxy = self._proxies.get(url.scheme) or self._proxies.get("all") if self._proxies else None
        if proxy is not None and proxy_bypass(url.host):
            proxy = None
        route = (proxy, *self._home())
        found = self._made.get(route)
        return self._new(route) if found is None else found

    def _new(self, route: "_Route") -> Any:  # noqa: ANN401 - any family's
        """Make one. Of two threads that make the same one, the first has made it."""
        for other in tuple(self._made):
            if other[2] is not None and other[2].is_closed():
                self._made.pop(other, None)  # its connections have ended with its event loop
        mine = self._kind(proxy=route[0], limits=self._http.Limits(**_CONNECTIONS))
        made = self._made.setdefault(route, mine)
        if made is not mine and hasattr(mine, "close"):
            mine.close()
        return made

    @property
    def made(self) -> tuple[Any, ...]:
        """Those that were needed, and can be closed here: by this process, and in this event loop."""
        home = self._home()
        return tuple(transport for route, transport in tuple(self._made.items()) if route[1:] == home)

    def _home(self) -> tuple[int, asyncio.AbstractEventLoop | None]:
        """This process, and the event loop that runs here, if connections belong to one."""
        return os.getpid(), asyncio.get_running_loop() if self._is_bound else None


_Route = tuple[str | None, int, asyncio.AbstractEventLoop | None]
"""A proxy, a process, an event loop."""
