"""Transports for clients of httpx2; see `bucket_failover.transport.loops.SyncFailover` for what they take."""

from typing import Any, ClassVar

import httpx2

from bucket_failover.transport.loops import AsyncFailover, SyncFailover


class FailoverTransport(SyncFailover, httpx2.BaseTransport):
    """For `httpx2.Client(transport=…)`; see `SyncFailover`."""

    _http: ClassVar[Any] = httpx2


class AsyncFailoverTransport(AsyncFailover, httpx2.AsyncBaseTransport):
    """For `httpx2.AsyncClient(transport=…)`; see `SyncFailover`."""

    _http: ClassVar[Any] = httpx2
