"""What an application would have: a client of the provider that streams, and the settings of its issuer."""

import json
from collections.abc import AsyncIterator

import httpx2

from bucket_failover.oauth.http_issuer import OAuthIssuer
from bucket_failover.orchestrator.request import ActiveBucket
from bucket_failover_core.oauth import DeviceCode, IssuerSettings

_MODEL = "haiku"


class ChatClient:
    """Talks to one provider over `http`, whose base URL is the provider's.

    Example:
        async with httpx2.AsyncClient(base_url=url) as http:
            async for piece in orchestrator.stream(ChatClient(http).write_haiku): ...
    """

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self._http = http

    async def write_haiku(self, bucket: ActiveBucket) -> AsyncIterator[str]:
        """One attempt at a haiku, piece by piece.

        Raises:
            httpx2.HTTPStatusError: the provider refused.
            httpx2.TransportError: there was no answer.
        """
        question = {
            "model": _MODEL,
            "max_tokens": 64,
            "stream": True,
            "messages": [{"role": "user", "content": "A haiku about buckets, please."}],
        }
        headers = {"authorization": f"Bearer {bucket.token.access_token.get_secret_value()}"}
        async with self._http.stream("POST", "/v1/messages", json=question, headers=headers) as answer:
            if answer.is_error:
                await answer.aread()
            answer.raise_for_status()
            async for line in answer.aiter_lines():
                if line.startswith("data:"):
                    text = json.loads(line.removeprefix("data:")).get("delta", {}).get("text")
                    if text:
                        yield text


class PersonAtBrowser:
    """The user whom the embedded provider knows, at a browser: goes where a login sends it, and comes back."""

    def __init__(self, http: httpx2.Client) -> None:
        self._http = http

    def open_address(self, _provider: str, _bucket: str, address: str) -> None:
        """See `Window.open_address`."""
        self._http.get(address, follow_redirects=True)

    def show_code(self, _provider: str, _bucket: str, code: DeviceCode) -> None:
        """See `Window.show_code`; the embedded provider has no such login."""


def issuer_at(url: str, http: httpx2.Client) -> OAuthIssuer:
    """The embedded provider as the issuer of its accounts' tokens."""
    settings = IssuerSettings(
        authorization_endpoint=f"{url}/oauth/authorize",
        token_endpoint=f"{url}/oauth/token",
        revocation_endpoint=f"{url}/oauth/revoke",
        client_id="bucket-failover-demo",
        authorization_parameters=(("login_hint", "{bucket}"),),
    )
    return OAuthIssuer(settings, http=http)
