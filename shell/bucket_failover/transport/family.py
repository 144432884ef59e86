"""What the two families of HTTP clients, httpx2 and httpx, have in common, made from the module of either.

A transport must be of its client's family: the one does not take the other's requests.
"""

from collections.abc import AsyncIterator, Iterator
from functools import cache
from typing import Any, Final
from urllib.request import getproxies, proxy_bypass

Http = Any
"""The module `httpx2` or `httpx`; requests, answers and streams are of its types."""

_CONNECTIONS: Final = {"max_connections": 1_000, "max_keepalive_connections": 100}
"""As the SDKs of OpenAI and Anthropic have it, so that a transport holds back no more requests than they do."""


@cache
def ahead_stream(http: Http) -> Any:  # noqa: ANN401 - a class of that family
    """The class of a stream of which some was read already."""

    class Ahead(http.SyncByteStream):  # type: ignore[misc]
        """What was read, then the rest.

        Args:
            chunks: what was read.
            rest: the iterator it was read from.
            owner: is closed with it.
        """

        def __init__(self, chunks: list[bytes], rest: Iterator[bytes], owner: Any) -> None:  # noqa: ANN401
            self._chunks, self._rest, self._owner = chunks, rest, owner

        def __iter__(self) -> Iterator[bytes]:
            yield from self._chunks
            yield from self._rest

        def close(self) -> None:
            if hasattr(self._owner, "close"):
                self._owner.close()

    return Ahead


@cache
def async_ahead_stream(http: Http) -> Any:  # noqa: ANN401 - a class of that family
    """The twin of `ahead_stream`."""

    class AsyncAhead(http.AsyncByteStream):  # type: ignore[misc]
        """See `Ahead`."""

        def __init__(self, chunks: list[bytes], rest: AsyncIterator[bytes], owner: Any) -> None:  # noqa: ANN401
            self._chunks, self._rest, self._owner = chunks, rest, owner

        async def __aiter__(self) -> AsyncIterator[bytes]:
            for chunk in self._chunks:
                yield chunk
            async for chunk in self._rest:
                yield chunk

        async def aclose(self) -> None:
            if hasattr(self._owner, "aclose"):
                await self._owner.aclose()

    return AsyncAhead


class Routes:
    """Transports of our own, made when they are first needed: through the proxies of the environment, as clients do.

    A client that is given a transport leaves proxies to it.

    Args:
        http: the family.
        kind: its class of transports, with or without an event loop.
    """

    def __init__(self, http: Http, kind: Any) -> None:  # noqa: ANN401 - a class of that family
        self._http, self._kind = http, kind
        self._proxies = getproxies()
        self._made: dict[str | None, Any] = {}

    def of(self, url: Any) -> Any:  # noqa: ANN401 - any family's
        """The transport for an address."""
        proxy = self._proxies.get(url.scheme) or self._proxies.get("all") if self._proxies else None
        if proxy is not None and proxy_bypass(url.host):
            proxy = None
        made = self._made.get(proxy)
        if made is None:
            limits = self._http.Limits(**_CONNECTIONS)
            made = self._made[proxy] = self._kind(proxy=proxy, limits=limits)
        return made

    @property
    def made(self) -> tuple[Any, ...]:
        """Those that were needed."""
        return tuple(self._made.values())
