"""The real `openai` SDK reads what the provider sends: completions, responses, streams, transcriptions, and errors."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import openai
import pytest
from openai.types.responses import ResponseErrorEvent, ResponseFunctionToolCall

from bucket_failover.testing import HAIKU, EmbeddedProvider, Quota
from tests.shell.testing.shapes import SCHEMA


@contextmanager
def sdk(provider: EmbeddedProvider) -> Iterator[openai.OpenAI]:
    """A client with an API key of the account "a", which tries once."""
    with (
        provider.serve_in_thread() as base_url,
        httpx2.Client(trust_env=False) as http,
        openai.OpenAI(
            base_url=f"{base_url}/v1", api_key=provider.add_api_key("a"), max_retries=0, http_client=http
        ) as client,
    ):
        yield client


def built(quota: Quota | None = None) -> EmbeddedProvider:
    """With the account "a"."""
    provider = EmbeddedProvider(clock=lambda: 1_000.0)
    provider.add_account("a", quota=quota)
    return provider


def ask(client: openai.OpenAI) -> openai.types.chat.ChatCompletion:
    """One plain question."""
    return client.chat.completions.create(model="poet-1", messages=[{"role": "user", "content": "?"}])


def test_the_sdk_reads_a_completion() -> None:
    """Text, reason for the end, usage, request id."""
    with sdk(built()) as client:
        completion = ask(client)
    choice = completion.choices[0]
    assert (choice.message.content, choice.finish_reason, completion.model) == (HAIKU[0], "stop", "poet-1")
    assert completion.usage is not None
    assert (completion.usage.total_tokens, completion._request_id) == (22, "req_000001")


def test_the_sdk_reads_a_streamed_completion() -> None:
    """A word at a time, the usage in the end, and what the SDK makes of all of it."""
    with (
        sdk(built()) as client,
        client.chat.completions.stream(
            model="poet-1", messages=[{"role": "user", "content": "?"}], stream_options={"include_usage": True}
        ) as stream,
    ):
        words = [event.delta for event in stream if event.type == "content.delta"]
        final = stream.get_final_completion()
    assert ("".join(words), final.choices[0].message.content) == (HAIKU[0], HAIKU[0])
    assert final.usage is not None
    assert final.usage.completion_tokens == 14


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_the_sdk_reads_a_tool_call_of_a_completion(stream: bool) -> None:  # noqa: FBT001 - a table of one column
    """The first tool, with empty arguments."""
    with sdk(built()) as client:
        if stream:
            with client.chat.completions.stream(
                model="poet-1",
                messages=[{"role": "user", "content": "?"}],
                tools=[{"type": "function", "function": {"name": "moon", "parameters": SCHEMA}}],
            ) as streamed:
                choice = streamed.get_final_completion().choices[0]
            reason, calls = choice.finish_reason, choice.message.tool_calls
        else:
            plain = client.chat.completions.create(
                model="poet-1",
                messages=[{"role": "user", "content": "?"}],
                tools=[{"type": "function", "function": {"name": "moon", "parameters": SCHEMA}}],
            ).choices[0]
            reason, calls = plain.finish_reason, plain.message.tool_calls  # type: ignore[assignment] # the other's are of a narrower kind
    assert calls
    assert (reason, len(calls)) == ("tool_calls", 1)
    assert isinstance(calls[0], openai.types.chat.ChatCompletionMessageFunctionToolCall)
    assert (calls[0].function.name, calls[0].function.arguments) == ("moon", "{}")


def test_the_sdk_reads_a_response() -> None:
    """Text, status, usage."""
    with sdk(built()) as client:
        response = client.responses.create(model="poet-1", input="?")
    assert (response.output_text, response.status) == (HAIKU[0], "completed")
    assert response.usage is not None
    assert response.usage.total_tokens == 22


def test_the_sdk_reads_a_streamed_response() -> None:
    """Every event, numbered, and what the SDK makes of all of them."""
    with sdk(built()) as client, client.responses.stream(model="poet-1", input="?") as stream:
        events = list(stream)
        final = stream.get_final_response()
    kinds = [event.type.removeprefix("response.") for event in events]
    assert kinds[:4] == ["created", "in_progress", "output_item.added", "content_part.added"]
    assert kinds[4:-4] == ["output_text.delta"] * 14
    assert kinds[-4:] == ["output_text.done", "content_part.done", "output_item.done", "completed"]
    assert [event.sequence_number for event in events] == list(range(22))
    assert final.output_text == HAIKU[0]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_the_sdk_reads_a_tool_call_of_a_response(stream: bool) -> None:  # noqa: FBT001 - a table of one column
    """The first function, with empty arguments."""
    with sdk(built()) as client:
        if stream:
            with client.responses.stream(
                model="poet-1",
                input="?",
                tools=[{"type": "function", "name": "moon", "parameters": SCHEMA, "strict": False}],
            ) as streamed:
                item: object = streamed.get_final_response().output[0]
        else:
            item = client.responses.create(
                model="poet-1",
                input="?",
                tools=[{"type": "function", "name": "moon", "parameters": SCHEMA, "strict": False}],
            ).output[0]
    assert isinstance(item, ResponseFunctionToolCall)
    assert (item.name, item.arguments) == ("moon", "{}")


def test_the_sdk_uploads_audio() -> None:
    """Every byte arrives, line breaks and boundaries or not."""
    audio = b"\r\n--not the boundary\r\n\r\n\x00\xff--\r\n" * 1_000
    with sdk(built()) as client:
        heard = client.audio.transcriptions.create(model="ear-1", file=("poem.wav", audio))
        pieces = list(client.audio.transcriptions.create(model="ear-1", file=("poem.wav", audio), stream=True))
    assert heard.text == f"{len(audio)} bytes of audio."
    assert pieces[0].type == "transcript.text.delta"
    assert pieces[0].delta == f"{len(audio)} "
    assert pieces[-1].type == "transcript.text.done"
    assert pieces[-1].text == heard.text


def test_the_sdk_knows_every_error_for_what_it_is() -> None:
    """A spent rate limit, a revoked key, an overload: each is the SDK's own class, with its code and its wait."""
    provider = built(Quota(requests=0, window_seconds=60, window="minute"))
    with sdk(provider) as client:
        with pytest.raises(openai.RateLimitError) as spent:
            ask(client)
        provider.overload()
        with pytest.raises(openai.InternalServerError) as overloaded:
            ask(client)
        provider.revoke("a")
        with pytest.raises(openai.AuthenticationError) as revoked:
            ask(client)
    assert (spent.value.code, spent.value.type) == ("rate_limit_exceeded", "requests")
    assert (spent.value.response.headers["retry-after"], spent.value.request_id) == ("60", "req_000001")
    assert (overloaded.value.code, overloaded.value.status_code) == ("server_is_overloaded", 503)
    assert revoked.value.code == "invalid_api_key"


def test_the_sdk_sees_a_stream_break() -> None:
    """An error within the chunks of a 200 is an exception; within the events of a response it is an event."""
    provider = built()
    with sdk(provider) as client:
        provider.break_stream_next(after_pieces=3, times=2)
        chunks = client.chat.completions.create(
            model="poet-1", messages=[{"role": "user", "content": "?"}], stream=True
        )
        with pytest.raises(openai.APIError, match="overloaded"):
            list(chunks)
        *_, last = client.responses.create(model="poet-1", input="?", stream=True)
    assert isinstance(last, ResponseErrorEvent)
    assert (last.code, last.sequence_number) == ("server_is_overloaded", 7)


def test_the_sdk_sees_a_connection_close() -> None:
    """Before an answer, and in the middle of a stream."""
    provider = built()
    with sdk(provider) as client:
        provider.disconnect_next()
        with pytest.raises(openai.APIConnectionError):
            ask(client)
        provider.reset_stream_next(after_pieces=3)
        events = client.responses.create(model="poet-1", input="?", stream=True)
        with pytest.raises(openai.APIConnectionError):
            list(events)


def test_the_sdk_loses_its_patience() -> None:
    """Its own timeout, against a slow first byte and against a slow trickle."""
    provider = built()
    with sdk(provider) as client:
        provider.slow_next(first_byte_seconds=5)
        with pytest.raises(openai.APITimeoutError):
            ask(client.with_options(timeout=0.05))
        provider.slow_next(piece_seconds=5)
        chunks = client.with_options(timeout=0.5).chat.completions.create(
            model="poet-1", messages=[{"role": "user", "content": "?"}], stream=True
        )
        with pytest.raises(openai.APITimeoutError):
            list(chunks)
