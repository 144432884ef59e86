"""A real provider to test your own code with: HTTP on loopback, OAuth, quotas, and faults on request.

It speaks in the shapes of well-known APIs (Anthropic's, OpenAI's and Gemini's, JSON and streaming), so that an SDK can
be pointed at it, and it answers with haiku. Nothing in it is mocked but time: quotas run out, tokens expire, refresh
tokens rotate and are good once. Needs the extra: `pip install "bucket-failover[testing]"`.

Example: two accounts; the first is out of requests for five hours, the second answers.

    import asyncio

    import httpx2

    from bucket_failover.testing import EmbeddedProvider, Quota

    now = 1_000.0
    provider = EmbeddedProvider(clock=lambda: now)
    provider.add_account("work", quota=Quota(requests=0, window_seconds=18_000, window="5h"))
    provider.add_account("private")
    ask = {"model": "any", "max_tokens": 64, "messages": [{"role": "user", "content": "A haiku, please."}]}

    async def main() -> None:
        async with provider.serve() as base_url, httpx2.AsyncClient(base_url=base_url) as client:
            for account in ("work", "private"):
                token = provider.issue(account)
                headers = {"authorization": f"Bearer {token.access_token}"}
                answer = await client.post("/v1/messages", headers=headers, json=ask)
                print(account, answer.status_code, answer.headers.get("retry-after"))

    asyncio.run(main())
    print([(request.account, request.status) for request in provider.requests])

prints

    work 429 18000
    private 200 None
    [('work', 429), ('private', 200)]

Without an event loop: `with provider.serve_in_thread() as base_url:` and any synchronous client.

The endpoints that generate answers are `POST /v1/messages`, `/v1/chat/completions`, `/v1/responses`,
`/v1/audio/transcriptions`, and `/v1beta/models/{model}:generateContent` and `:streamGenerateContent?alt=sse` (also
under `/v1`); the others `GET /oauth/authorize` (PKCE, S256), `POST /oauth/token` (authorization code and refresh,
form-encoded) and `POST /oauth/revoke`. Everything is in memory and ends with the object.
"""

from bucket_failover.testing.accounts import UserAnswer
from bucket_failover.testing.credentials import IssuedToken
from bucket_failover.testing.failing import JumpingClock, dripping_server, failing
from bucket_failover.testing.faults import FaultPlace
from bucket_failover.testing.haiku import HAIKU
from bucket_failover.testing.provider import EmbeddedProvider
from bucket_failover.testing.quota import Quota, Window
from bucket_failover.testing.received import Endpoint, ReceivedRequest

__all__ = [
    "HAIKU",
    "EmbeddedProvider",
    "Endpoint",
    "FaultPlace",
    "IssuedToken",
    "JumpingClock",
    "Quota",
    "ReceivedRequest",
    "UserAnswer",
    "Window",
    "dripping_server",
    "failing",
]
