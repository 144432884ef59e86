"""The SDKs themselves, in front of a real provider on loopback: what goes wrong with one bucket, another one serves."""

import asyncio
import gc
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import anthropic
import openai
import pytest
from google.genai import errors as google_errors

from bucket_failover.clients import (
    anthropic_client,
    async_anthropic_client,
    async_openai_client,
    google_client,
    openai_client,
)
from bucket_failover.testing import HAIKU, EmbeddedProvider
from bucket_failover.transport import exhausted_error
from tests.support.callers import Waits

NOW = 1_786_553_400.0
TOKENS = {"max_tokens": 64}


class Face(NamedTuple):
    """One way to ask.

    Args:
        make: the client, from its options.
        path: what stands behind the server's address.
        ask: a whole answer's text.
        stream: the text of an answer that comes in pieces.
        limited: the SDK's exception for a 429.
    """

    make: Callable[..., Any]
    path: str
    ask: Callable[[Any], Any]
    stream: Callable[[Any], Any]
    limited: type[Exception]


MESSAGES: list[Any] = [{"role": "user", "content": "A haiku, please."}]


def _chat(client: Any) -> str:
    answer = client.chat.completions.create(model="m", messages=MESSAGES)
    return str(answer.choices[0].message.content)


def _chat_stream(client: Any) -> str:
    pieces = client.chat.completions.create(model="m", messages=MESSAGES, stream=True)
    return "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices)


async def _async_chat(client: Any) -> str:
    answer = await client.chat.completions.create(model="m", messages=MESSAGES)
    return str(answer.choices[0].message.content)


async def _async_chat_stream(client: Any) -> str:
    pieces = await client.chat.completions.create(model="m", messages=MESSAGES, stream=True)
    return "".join([piece.choices[0].delta.content or "" async for piece in pieces if piece.choices])


def _responses(client: Any) -> str:
    return str(client.responses.create(model="m", input="A haiku, please.").output_text)


def _responses_stream(client: Any) -> str:
    with client.responses.create(model="m", input="A haiku, please.", stream=True) as events:
        return "".join(event.delta for event in events if event.type == "response.output_text.delta")


def _messages(client: Any) -> str:
    return str(client.messages.create(model="m", messages=MESSAGES, **TOKENS).content[0].text)


def _messages_stream(client: Any) -> str:
    with client.messages.stream(model="m", messages=MESSAGES, **TOKENS) as stream:
        return "".join(stream.text_stream)


async def _async_messages(client: Any) -> str:
    return str((await client.messages.create(model="m", messages=MESSAGES, **TOKENS)).content[0].text)


async def _async_messages_stream(client: Any) -> str:
    async with client.messages.stream(model="m", messages=MESSAGES, **TOKENS) as stream:
        return "".join([piece async for piece in stream.text_stream])


def _gemini(client: Any) -> str:
    return str(client.models.generate_content(model="m", contents="A haiku, please.").text)


def _gemini_stream(client: Any) -> str:
    return "".join(piece.text or "" for piece in client.models.generate_content_stream(model="m", contents="A haiku."))


async def _async_gemini(client: Any) -> str:
    return str((await client.aio.models.generate_content(model="m", contents="A haiku, please.")).text)


async def _async_gemini_stream(client: Any) -> str:
    pieces = await client.aio.models.generate_content_stream(model="m", contents="A haiku.")
    return "".join([piece.text or "" async for piece in pieces])


FACES = {
    "chat": Face(openai_client, "/v1", _chat, _chat_stream, openai.RateLimitError),
    "chat-async": Face(async_openai_client, "/v1", _async_chat, _async_chat_stream, openai.RateLimitError),
    "responses": Face(openai_client, "/v1", _responses, _responses_stream, openai.RateLimitError),
    "messages": Face(anthropic_client, "", _messages, _messages_stream, anthropic.RateLimitError),
    "messages-async": Face(
        async_anthropic_client, "", _async_messages, _async_messages_stream, anthropic.RateLimitError
    ),
    "gemini": Face(google_client, "", _gemini, _gemini_stream, google_errors.ClientError),
    "gemini-async": Face(google_client, "", _async_gemini, _async_gemini_stream, google_errors.ClientError),
}

every_way = pytest.mark.parametrize("face", FACES)
plain_and_streaming = pytest.mark.parametrize("streams", [False, True], ids=["plain", "streaming"])


class World:
    """A provider with two accounts, and an SDK's client with a key of each."""

    def __init__(self, face: Face) -> None:
        self.face = face
        self.waits = Waits(NOW)
        self.provider = EmbeddedProvider(clock=self.waits.clock)
        self.keys: dict[str, str] = {}
        for account in ("first", "second"):
            self.provider.add_account(account)
            self.keys[account] = self.provider.add_api_key(account)
        self._runner = asyncio.Runner()
        self._client: Any = None

    @contextmanager
    def opened(self, **options: Any) -> Iterator["World"]:
        """The server runs, and the client is there."""
        is_async = asyncio.iscoroutinefunction(self.face.ask)
        with self.provider.serve_in_thread() as url, self._runner:
            two_loops = self.face.make is google_client
            sleep = self.waits.sleep_async if is_async else self.waits.sleep
            self._client = self.face.make(
                keys=self.keys,
                base_url=url + self.face.path,
                clock=self.waits.clock,
                sleep=self._either if two_loops else sleep,
                **options,
            )
            yield self
            if two_loops:
                self._runner.run(self._client._api_client._async_httpx_client.aclose())
                self._client = None
                gc.collect()
            elif is_async:
                self._runner.run(self._client.close())
            else:
                self._client.close()

    def _either(self, seconds: float) -> Any:
        """A wait for both halves of a client: it has passed when it is asked for, and can be awaited."""
        self.waits.sleep(seconds)
        return asyncio.sleep(0)

    def ask(self, *, streams: bool) -> str:
        """The text of an answer."""
        asked = (self.face.stream if streams else self.face.ask)(self._client)
        return str(self._runner.run(asked)) if asyncio.iscoroutine(asked) else str(asked)

    @property
    def calls(self) -> list[tuple[str | None, int | None]]:
        """Who was called, and with which status."""
        return [(request.account, request.status) for request in self.provider.requests]


@pytest.fixture
def world(face: str) -> Iterator[World]:
    """A client in front of a provider."""
    with warnings.catch_warnings():
        # A wait of the synchronous half that is not awaited.
        warnings.filterwarnings("ignore", "coroutine 'sleep' was never awaited", RuntimeWarning)
        with World(FACES[face]).opened() as opened:
            yield opened


@every_way
@plain_and_streaming
class TestWhatGoesWrong:
    """With one bucket, and what the caller notices of it: nothing."""

    def test_nothing(self, world: World, *, streams: bool) -> None:
        """One call, with the first bucket."""
        assert world.ask(streams=streams) in HAIKU
        assert world.calls == [("first", 200)]

    def test_a_spent_window(self, world: World, *, streams: bool) -> None:
        """One call more, and no wait; the next request begins with the second bucket."""
        world.provider.spend("first", until=NOW + 7_200.0)
        assert world.ask(streams=streams) in HAIKU
        assert world.ask(streams=streams) in HAIKU
        assert world.calls == [("first", 429), ("second", 200), ("second", 200)]
        assert world.waits == []

    def test_a_revoked_key(self, world: World, *, streams: bool) -> None:
        """It is not tried again, by no request."""
        world.provider.revoke("first")
        assert world.ask(streams=streams) in HAIKU
        assert world.ask(streams=streams) in HAIKU
        statuses = [status for _, status in world.calls]
        assert statuses[1:] == [200, 200]
        assert statuses[0] in {400, 401, 403}

    @pytest.mark.parametrize("status", [529, 500, 503])
    def test_a_provider_in_trouble(self, world: World, *, streams: bool, status: int) -> None:
        """It is blamed on no bucket: the request is made again, after a wait if with the same one."""
        world.provider.fail_next(status)
        assert world.ask(streams=streams) in HAIKU
        assert [status for _, status in world.calls] == [status, 200]

    def test_a_connection_that_breaks_before_the_answer(self, world: World, *, streams: bool) -> None:
        """It is made again."""
        world.provider.disconnect_next()
        assert world.ask(streams=streams) in HAIKU
        assert [status for _, status in world.calls] == [None, 200]


@every_way
def test_an_error_event_before_the_first_output(world: World) -> None:
    """The stream that the caller reads begins with the answer."""
    world.provider.break_stream_next(after_pieces=0)
    assert world.ask(streams=True) in HAIKU
    assert [status for _, status in world.calls] == [200, 200]


@every_way
@plain_and_streaming
def test_exhausted(world: World, *, streams: bool) -> None:
    """The SDK raises its usual exception at once, which says what to do; the reasons are reachable from it."""
    for account in ("first", "second"):
        world.provider.spend(account, until=NOW + 7_200.0)
    with pytest.raises(world.face.limited) as caught:
        world.ask(streams=streams)
    assert "Wait until 2026-08-12 " in str(caught.value)
    told = exhausted_error(caught.value)
    assert told is not None
    assert set(told.bucket_failure_reasons) == {"first", "second"}
    assert len(world.calls) == 2
    assert world.waits == []
