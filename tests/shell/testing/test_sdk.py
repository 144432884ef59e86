"""The real `anthropic` SDK reads what the provider sends: messages, streams, and errors."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anthropic
import httpx2
import pytest

from bucket_failover.testing import HAIKU, EmbeddedProvider, Quota


@pytest.fixture(autouse=True)
def _no_headers_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK adds headers that it finds in the environment of the user who runs the tests."""
    monkeypatch.delenv("ANTHROPIC_CUSTOM_HEADERS", raising=False)


@asynccontextmanager
async def sdk(provider: EmbeddedProvider) -> AsyncIterator[anthropic.AsyncAnthropic]:
    """A client with a login of the account "a", which tries once."""
    token = provider.issue("a").access_token
    # A client of our own, which reads no proxy from the environment of the user who runs the tests.
    async with (
        provider.serve() as base_url,
        httpx2.AsyncClient(trust_env=False) as http,
        anthropic.AsyncAnthropic(base_url=base_url, auth_token=token, max_retries=0, http_client=http) as client,
    ):
        yield client


def built(quota: Quota | None = None) -> EmbeddedProvider:
    """With the account "a"."""
    provider = EmbeddedProvider(clock=lambda: 1_000.0)
    provider.add_account("a", quota=quota)
    return provider


async def ask(client: anthropic.AsyncAnthropic) -> anthropic.types.Message:
    """One plain question."""
    return await client.messages.create(model="poet-1", max_tokens=64, messages=[{"role": "user", "content": "?"}])


async def ask_for_a_stream(client: anthropic.AsyncAnthropic) -> tuple[list[str], anthropic.types.Message]:
    """One question whose answer comes in pieces; the pieces, and the message that the SDK makes of them."""
    pieces: list[str] = []
    async with client.messages.stream(
        model="poet-1", max_tokens=64, messages=[{"role": "user", "content": "?"}]
    ) as stream:
        async for text in stream.text_stream:
            pieces.append(text)  # noqa: PERF401 - what came before an error must not be lost with a comprehension
        return pieces, await stream.get_final_message()


def test_the_sdk_reads_a_message() -> None:
    """Text, stop reason, usage, request id."""

    async def main() -> anthropic.types.Message:
        async with sdk(built()) as client:
            return await ask(client)

    message = asyncio.run(main())
    block = message.content[0]
    assert isinstance(block, anthropic.types.TextBlock)
    assert (block.text, message.stop_reason, message.model) == (HAIKU[0], "end_turn", "poet-1")
    assert (message.usage.output_tokens, message._request_id) == (14, "req_000001")


def test_the_sdk_reads_a_stream() -> None:
    """A word at a time, and the whole in the end."""

    async def main() -> tuple[list[str], anthropic.types.Message]:
        async with sdk(built()) as client:
            return await ask_for_a_stream(client)

    pieces, message = asyncio.run(main())
    assert (len(pieces), "".join(pieces)) == (14, HAIKU[0])
    assert (message.stop_reason, message.usage.output_tokens) == ("end_turn", 14)


def test_the_sdk_reads_raw_events_too() -> None:
    """`create(stream=True)`, which some programs use instead."""

    async def main() -> list[str]:
        async with sdk(built()) as client:
            events = await client.messages.create(
                model="poet-1", max_tokens=64, messages=[{"role": "user", "content": "?"}], stream=True
            )
            return [event.type async for event in events]

    kinds = asyncio.run(main())
    assert (kinds[0], kinds[-1], kinds.count("content_block_delta")) == ("message_start", "message_stop", 14)


def test_the_sdk_knows_every_error_for_what_it_is() -> None:
    """A spent quota, an expired token, an overload: each is the SDK's own class, with status and headers."""

    async def main() -> list[anthropic.APIStatusError]:
        provider = built(Quota(requests=0, window_seconds=18_000))
        seen: list[anthropic.APIStatusError] = []
        async with sdk(provider) as client:
            causes: list[Callable[[], None]] = [lambda: None, lambda: provider.expire("a"), provider.overload]
            for cause in causes:
                cause()
                with pytest.raises(anthropic.APIStatusError) as caught:
                    await ask(client)
                seen.append(caught.value)
        return seen

    spent, expired, overloaded = asyncio.run(main())
    assert isinstance(spent, anthropic.RateLimitError)
    assert spent.response.headers["retry-after"] == "18000"
    assert spent.request_id == "req_000001"
    assert isinstance(expired, anthropic.AuthenticationError)
    assert "OAuth token has expired" in str(expired)
    assert overloaded.status_code == 529


def test_the_sdk_sees_a_stream_break() -> None:
    """An error event within a 200 becomes an exception."""

    async def main() -> anthropic.APIStatusError:
        provider = built()
        async with sdk(provider) as client:
            provider.break_stream_next(after_pieces=3)
            with pytest.raises(anthropic.APIStatusError) as caught:
                await ask_for_a_stream(client)
        return caught.value

    assert "overloaded_error" in str(asyncio.run(main()))


def test_the_sdk_sees_a_connection_close() -> None:
    """No answer is a connection error."""

    async def main() -> None:
        provider = built()
        async with sdk(provider) as client:
            provider.disconnect_next()
            with pytest.raises(anthropic.APIConnectionError):
                await ask(client)

    asyncio.run(main())


def test_the_synchronous_sdk_works_with_the_server_in_a_thread() -> None:
    """The other way to serve, with an API key."""
    provider = built()
    with (
        provider.serve_in_thread() as base_url,
        httpx2.Client(trust_env=False) as http,
        anthropic.Anthropic(
            base_url=base_url, api_key=provider.add_api_key("a"), max_retries=0, http_client=http
        ) as client,
    ):
        message = client.messages.create(model="poet-1", max_tokens=64, messages=[{"role": "user", "content": "?"}])
    assert message.usage.input_tokens == 8
    assert [request.account for request in provider.requests] == ["a"]
