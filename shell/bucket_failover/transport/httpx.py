"""Transports for clients of httpx; see `bucket_failover.transport.loops.SyncFailover` for what they take."""

from typing import Any, ClassVar

import httpx

from bucket_failover.transport.loops import AsyncFailover, SyncFailover


class FailoverTransport(SyncFailover, httpx.BaseTransport):
    """For `httpx.Client(transport=…)`; see `SyncFailover`."""

    _http: ClassVar[Any] = httpx


class AsyncFailoverTransport(AsyncFailover, httpx.AsyncBaseTransport):
    """For `httpx.AsyncClient(transport=…)`; see `SyncFailover`."""

    _http: ClassVar[Any] = httpx
