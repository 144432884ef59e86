"""A small client of the embedded provider: what an application would have. It streams, refreshes, and logs in."""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2

from bucket_failover.errors import BucketFailoverError
from bucket_failover.request import ActiveBucket
from bucket_failover.tokens import OAuthToken

_CLIENT_ID = "bucket-failover-demo"
_REDIRECT_URI = "http://127.0.0.1/callback"
_MODEL = "haiku"


class LoginRefusedError(BucketFailoverError):
    """The person said no."""

    def __init__(self) -> None:
        super().__init__("the person said no")


class ChatClient:
    """Talks to one provider over `http`, whose base URL is the provider's.

    Example:
        async with httpx2.AsyncClient(base_url=url) as http:
            client = ChatClient(http)
            manager = StoredOAuthManager(store, refresh=client.refresh, login=client.log_in)
            async for piece in orchestrator.stream(client.write_haiku): ...
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

    async def refresh(self, _provider: str, _bucket: str, held: OAuthToken) -> OAuthToken | None:
        """The refresh token grant (RFC 6749, 6); None: the issuer has refused it for good (`invalid_grant`).

        Raises:
            httpx2.HTTPError: the issuer gave no usable answer.
        """
        assert held.refresh_token is not None, "the manager refreshes no other"
        form = {"grant_type": "refresh_token", "refresh_token": held.refresh_token.get_secret_value()}
        answer = await self._http.post("/oauth/token", data=form)
        if answer.status_code == HTTPStatus.BAD_REQUEST and answer.json().get("error") == "invalid_grant":
            return None
        return _token(answer)

    async def log_in(self, _provider: str, bucket: str) -> OAuthToken:
        """The authorization code grant with PKCE (RFC 7636); the embedded provider's person answers for the browser's.

        Raises:
            LoginRefusedError: the person said no.
            httpx2.HTTPError: the issuer gave no usable answer.
        """
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": _CLIENT_ID,
            "redirect_uri": _REDIRECT_URI,
            "state": secrets.token_urlsafe(16),
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "login_hint": bucket,
        }
        answer = await self._http.get("/oauth/authorize", params=asked, follow_redirects=False)
        told = parse_qs(urlsplit(answer.headers.get("location", "")).query)
        if "code" not in told or told.get("state") != [asked["state"]]:
            raise LoginRefusedError
        form = {
            "grant_type": "authorization_code",
            "code": told["code"][0],
            "redirect_uri": _REDIRECT_URI,
            "client_id": _CLIENT_ID,
            "code_verifier": verifier,
        }
        return _token(await self._http.post("/oauth/token", data=form))


def _token(answer: httpx2.Response) -> OAuthToken:
    """The token in a token endpoint's answer (RFC 6749, 5.1)."""
    answer.raise_for_status()
    fields: dict[str, Any] = answer.json()
    now = time.time()
    return OAuthToken.model_validate(
        {
            "access_token": fields["access_token"],
            "refresh_token": fields.get("refresh_token"),
            "expiry": now + fields["expires_in"],
            "issued_at": now,
        }
    )
