"""One line in front of an SDK, or of a plain HTTP client: requests go out with the buckets that can serve them.

Example:
    import httpx2

    from bucket_failover.transport import FailoverTransport, keys_from_env

    transport = FailoverTransport(keys=keys_from_env("OPENAI_API_KEYS"), provider="openai")
    client = httpx2.Client(transport=transport, base_url="https://api.openai.com/v1")

For the SDKs there is `bucket_failover.clients`; for clients of httpx, `bucket_failover.transport.httpx`. Needs the
extra `http`.
"""

from bucket_failover.transport.exchange import EXTENSION
from bucket_failover.transport.exhausted import exhausted_error
from bucket_failover.transport.httpx2 import AsyncFailoverTransport, FailoverTransport
from bucket_failover.transport.keys import Keys, keys_from_env
from bucket_failover.transport.opening import ProfileSource
from bucket_failover.transport.target import PLACEHOLDER, api_address

__all__ = [
    "EXTENSION",
    "PLACEHOLDER",
    "AsyncFailoverTransport",
    "FailoverTransport",
    "Keys",
    "ProfileSource",
    "api_address",
    "exhausted_error",
    "keys_from_env",
]
