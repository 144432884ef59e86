"""The loop of a transport around the request machine, with and without an event loop; what differs is `await`."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack, suppress
from contextvars import ContextVar
from typing import Any, ClassVar, Final

from bucket_failover.errors import AllBucketsExhaustedError, RetriesExhaustedError
from bucket_failover.handler import BucketFailoverHandlerImpl, SyncBucketFailoverHandlerImpl
from bucket_failover.oauth import StoredOAuthManager, SyncStoredOAuthManager
from bucket_failover.observe import Observer
from bucket_failover.orchestrator.request import ActiveBucket
from bucket_failover.orchestrator.retry_loops import RetryOrchestrator, SyncRetryOrchestrator
from bucket_failover.transport.exchange import (
    Exchange,
    Refused,
    WaitRefusedError,
    describe,
)
from bucket_failover.transport.family import Routes, ahead_stream
from bucket_failover.transport.keys import Keys, hidden_keys
from bucket_failover.transport.opening import ProfileSource, Store, open_credentials
from bucket_failover.transport.target import Target
from bucket_failover.wiring import LOGIN_COMMAND
from bucket_failover_core import CallFailure, RetryPolicy, Strategy

REPLAY_BYTES_MAX: Final = 8_388_608
"""A body of 8 MiB is kept for another attempt: longer than any conversation, shorter than an upload of a film."""

_ENDS: Final = (Refused, AllBucketsExhaustedError, RetriesExhaustedError, WaitRefusedError)

_current: ContextVar[Exchange] = ContextVar("bucket_failover_exchange")
"""The request that waits."""


def _described(_: object) -> CallFailure | None:
    """Status and headers of the answer that is passed on."""
    return _current.get().described


class SyncFailover:
    """The transport for clients without an event loop; `_http` is the module whose requests it takes.

    Args:
        profile: whose credentials: the name of a profile of the user's, a profile file, a `Profile`; None: the user's
            usual profile, unless there are `keys`.
        keys: API keys in order of preference, or buckets' names with their keys; with a `Profile`, of its.
        provider: whose they are; of a profile with several providers, the one that is meant. Of keys: "openai".
        base_url: where the API is reached; None: where the SDK's variable (OPENAI_BASE_URL, say) or the provider's
            reference says. Credentials go nowhere else.
        store: where tokens and limits are: a file, or a token store; None: the user's usual file. Keys are in memory.
        strategy: how the bucket of a new request is chosen; None: as the profile says, and of keys, "sticky".
        policy: how patient a request is.
        patience_seconds: how long the waits of one request may take; None: as long as the client waits for an answer.
        replay_bytes_max: bodies up to this size can be sent again; the first failure of a longer one is final.
        observe: told each decision and what came of it (`Observed`).
        inner: sends the requests; None: one that knows the environment's proxies, as the client's own does.
        clock: gives Unix seconds.
        sleep: waits for so many seconds.

    Raises:
        ValueError: both keys and a profile were given, or neither an address nor a provider whose address is known.
        ProfileError: the profile file cannot be used.
        UsageError: it has no such provider, or several and none was named.
        TokenStoreError: the store cannot be opened.
    """

    _http: ClassVar[Any]

    def __init__(
        self,
        profile: ProfileSource = None,
        *,
        keys: Keys | None = None,
        provider: str | None = None,
        base_url: str | None = None,
        store: Store = None,
        strategy: Strategy | None = None,
        policy: RetryPolicy = RetryPolicy(),  # noqa: B008 - an immutable value
        patience_seconds: float | None = None,
        replay_bytes_max: int = REPLAY_BYTES_MAX,
        observe: Observer | None = None,
        inner: Any = None,  # noqa: ANN401 - any transport of the family
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        keys = hidden_keys(keys)
        opened = open_credentials(profile, keys=keys, provider=provider, store=store, clock=clock)
        own = opened.profile
        with opened.closing:
            self._target = Target(self._http, own, base_url, patience_seconds, replay_bytes_max, policy)
            self._closing = opened.closing.pop_all()
        self._clock, self._sleep, self._inner = clock, sleep, inner
        self._routes = Routes(self._http, self._http.HTTPTransport)
        manager = SyncStoredOAuthManager(opened.tokens, refresh=opened.issuer, clock=clock, login_command=LOGIN_COMMAND)
        about: dict[str, Any] = {"policy": own.policy, "strategy": strategy or own.strategy, "limits": opened.limits}
        self.handler = SyncBucketFailoverHandlerImpl(own.buckets, own.provider, manager, clock=clock, **about)
        reads: dict[str, Any] = {"describe": describe, "describe_answer": _described}
        self._orchestrator = SyncRetryOrchestrator(
            self.handler, manager, policy=policy, clock=clock, sleep=self._wait, observe=observe, **reads
        )

    def handle_request(self, request: Any) -> Any:  # noqa: ANN401 - any family's
        """Send a request with the buckets that can serve it, and answer as the provider did.

        Raises:
            Exception: what the client's family raises where there is no answer.
        """
        target = self._target
        if not target.is_meant(request):
            return self._send(target.without_placeholder(request))
        exchange = Exchange(target, request, self._clock)
        if not exchange.holds_body():
            self._buffer(exchange, request)
        mark = _current.set(exchange)
        try:
            answer = self._orchestrator.call(lambda active: self._attempt(exchange, active), **exchange.ask())
            return exchange.served(answer)
        except _ENDS as error:
            return exchange.ended(error)
        finally:
            self._discard(exchange)
            _current.reset(mark)

    def close(self) -> None:
        """Give back connections and stores; what was learned of limits is in its store by then."""
        with ExitStack() as closing:
            closing.callback(self._closing.close)
            closing.callback(self.handler.flush_limits)
            for inner in (*self._routes.made, *([] if self._inner is None else [self._inner])):
                closing.callback(inner.close)

    def _send(self, request: Any) -> Any:  # noqa: ANN401 - any family's
        return (self._inner or self._routes.of(request.url)).handle_request(request)

    def _attempt(self, exchange: Exchange, active: ActiveBucket) -> object:
        """One call: its answer, which is read ahead as far as it has to be, or how it has failed."""
        self._discard(exchange)
        try:
            exchange.held = response = self._send(exchange.dressed(active))
            reading = exchange.reading(response)
            if reading is None:
                return response
            chunks, has_rest = iter(response.stream), False
            exchange.held = ahead = ahead_stream(self._http)(reading.chunks, chunks, response)
            try:
                has_rest = any(reading.take(chunk) for chunk in chunks)
            except Exception:
                if not exchange.is_told(response):
                    raise
            if not has_rest or reading.found == "error":
                self._discard(exchange)
            return exchange.judged(response, reading, ahead)
        except Exception as error:  # noqa: BLE001 - what it was is for `describe` to say
            self._discard(exchange)
            return exchange.failed(error)

    def _buffer(self, exchange: Exchange, request: Any) -> None:  # noqa: ANN401 - any family's
        chunks, parts = list[bytes](), iter(request.stream)
        is_longer = any(exchange.is_too_long(chunks, chunk) for chunk in parts)
        exchange.buffered(chunks, parts if is_longer else None)

    def _wait(self, seconds: float) -> None:
        exchange = _current.get()
        exchange.wait(seconds)
        self._discard(exchange)
        self._sleep(seconds)

    @staticmethod
    def _discard(exchange: Exchange) -> None:
        """Close the answer that is held; what goes wrong in that changes nothing of what the client is told."""
        held = exchange.let_go()
        if held is not None:
            with suppress(Exception):
                held.close()


class AsyncFailover:
    """The transport for clients with an event loop; see `SyncFailover`."""

    _http: ClassVar[Any]

    def __init__(
        self,
        profile: ProfileSource = None,
        *,
        keys: Keys | None = None,
        provider: str | None = None,
        base_url: str | None = None,
        store: Store = None,
        strategy: Strategy | None = None,
        policy: RetryPolicy = RetryPolicy(),  # noqa: B008 - an immutable value
        patience_seconds: float | None = None,
        replay_bytes_max: int = REPLAY_BYTES_MAX,
        observe: Observer | None = None,
        inner: Any = None,  # noqa: ANN401 - any transport of the family
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        keys = hidden_keys(keys)
        opened = open_credentials(profile, keys=keys, provider=provider, store=store, clock=clock)
        own = opened.profile
        with opened.closing:
            self._target = Target(self._http, own, base_url, patience_seconds, replay_bytes_max, policy)
            self._closing = opened.closing.pop_all()
        self._clock, self._sleep, self._inner = clock, sleep, inner
        self._routes = Routes(self._http, self._http.AsyncHTTPTransport)
        manager = StoredOAuthManager(
            opened.tokens,
            refresh=opened.issuer,
            clock=clock,
            in_thread=not opened.is_in_memory,
            login_command=LOGIN_COMMAND,
        )
        about: dict[str, Any] = {"policy": own.policy, "strategy": strategy or own.strategy, "limits": opened.limits}
        self.handler = BucketFailoverHandlerImpl(own.buckets, own.provider, manager, clock=clock, **about)
        reads: dict[str, Any] = {"describe": describe, "describe_answer": _described}
        self._orchestrator = RetryOrchestrator(
            self.handler, manager, policy=policy, clock=clock, sleep=self._wait, observe=observe, **reads
        )

    async def handle_async_request(self, request: Any) -> Any:  # noqa: ANN401 - any family's
        """See `SyncFailover.handle_request`.

        Raises:
            Exception: what the client's family raises where there is no answer.
        """
        target = self._target
        if not target.is_meant(request):
            return await self._send(target.without_placeholder(request))
        exchange = Exchange(target, request, self._clock)
        if not exchange.holds_body():
            await self._buffer(exchange, request)
        mark = _current.set(exchange)
        try:
            answer = await self._orchestrator.call(lambda active: self._attempt(exchange, active), **exchange.ask())
            return exchange.served(answer)
        except _ENDS as error:
            return exchange.ended(error)
        finally:
            await self._discard(exchange)
            _current.reset(mark)

    async def aclose(self) -> None:
        """Give back connections and stores; what was learned of limits is in its store by then."""
        async with AsyncExitStack() as closing:
            closing.callback(self._closing.close)
            closing.push_async_callback(asyncio.to_thread, self.handler.flush_limits)
            for inner in (*self._routes.made, *([] if self._inner is None else [self._inner])):
                closing.push_async_callback(inner.aclose)

    async def _send(self, request: Any) -> Any:  # noqa: ANN401 - any family's
        return await (self._inner or self._routes.of(request.url)).handle_async_request(request)

    async def _attempt(self, exchange: Exchange, active: ActiveBucket) -> object:
        """See `SyncFailover._attempt`."""
        await self._discard(exchange)
        try:
            exchange.held = response = await self._send(exchange.dressed(active))
            reading = exchange.reading(response)
            if reading is None:
                return response
            chunks, has_rest = aiter(response.stream), False
            exchange.held = ahead = ahead_stream(self._http)(reading.chunks, chunks, response)
            try:
                async for chunk in chunks:
                    if reading.take(chunk):
                        has_rest = True
                        break
            except Exception:
                if not exchange.is_told(response):
                    raise
            if not has_rest or reading.found == "error":
                await self._discard(exchange)
            return exchange.judged(response, reading, ahead)
        except Exception as error:  # noqa: BLE001 - what it was is for `describe` to say
            await self._discard(exchange)
            return exchange.failed(error)

    async def _buffer(self, exchange: Exchange, request: Any) -> None:  # noqa: ANN401 - any family's
        chunks, parts = list[bytes](), aiter(request.stream)
        async for chunk in parts:
            if exchange.is_too_long(chunks, chunk):
                exchange.buffered(chunks, parts)
                return
        exchange.buffered(chunks, None)

    async def _wait(self, seconds: float) -> None:
        exchange = _current.get()
        exchange.wait(seconds)
        await self._discard(exchange)
        await self._sleep(seconds)

    @staticmethod
    async def _discard(exchange: Exchange) -> None:
        """See `SyncFailover._discard`."""
        held = exchange.let_go()
        if held is not None:
            with suppress(Exception):
                await held.aclose()
