"""The real `google-genai` SDK reads what the provider sends: answers, streams, function calls, and errors."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx2
import pytest
from google import genai
from google.genai import errors, types

from bucket_failover.testing import HAIKU, EmbeddedProvider, Quota


@pytest.fixture(autouse=True)
def _nothing_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK takes keys and a project from the environment of the user who runs the tests."""
    for name in ("GOOGLE_API_KEY", "GEMINI_API_KEY", "GOOGLE_GENAI_USE_VERTEXAI", "GOOGLE_CLOUD_PROJECT"):
        monkeypatch.delenv(name, raising=False)


@contextmanager
def sdk(provider: EmbeddedProvider) -> Iterator[genai.Client]:
    """A client with an API key of the account "a", which tries once."""
    with provider.serve_in_thread() as base_url, httpx2.Client(trust_env=False) as http:
        options = types.HttpOptions(base_url=base_url, httpx_client=http)
        yield genai.Client(api_key=provider.add_api_key("a"), http_options=options)


def built(quota: Quota | None = None) -> EmbeddedProvider:
    """With the account "a"."""
    provider = EmbeddedProvider(clock=lambda: 1_000.0)
    provider.add_account("a", quota=quota)
    return provider


def test_the_sdk_reads_an_answer() -> None:
    """Text, reason for the end, usage, and the model."""
    with sdk(built()) as client:
        answer = client.models.generate_content(model="poet-1", contents="?")
    assert (answer.text, answer.model_version) == (HAIKU[0], "poet-1")
    assert answer.candidates
    assert answer.usage_metadata
    assert answer.candidates[0].finish_reason == types.FinishReason.STOP
    assert answer.usage_metadata.total_token_count == 22


def test_the_sdk_reads_a_stream() -> None:
    """A word at a time, and the reason for the end at last."""
    with sdk(built()) as client:
        answers = list(client.models.generate_content_stream(model="poet-1", contents="?"))
    assert "".join(answer.text or "" for answer in answers) == HAIKU[0]
    assert len(answers) == 15
    assert answers[-1].candidates
    assert answers[-1].candidates[0].finish_reason == types.FinishReason.STOP


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_the_sdk_reads_a_function_call(stream: bool) -> None:  # noqa: FBT001 - a table of one column
    """The first function, with empty arguments."""
    tools = types.Tool(function_declarations=[types.FunctionDeclaration(name="moon")])
    config = types.GenerateContentConfig(tools=[tools])
    with sdk(built()) as client:
        if stream:
            answers = list(client.models.generate_content_stream(model="poet-1", contents="?", config=config))
        else:
            answers = [client.models.generate_content(model="poet-1", contents="?", config=config)]
    calls = answers[0].function_calls
    assert calls
    assert [(call.name, call.args) for call in calls] == [("moon", {})]


def test_the_sdk_knows_every_error_for_what_it_is() -> None:
    """A spent rate limit, an overload, a revoked key: with their names and their details."""
    provider = built(Quota(requests=0, window_seconds=60, window="minute"))
    caught: list[errors.APIError] = []
    with sdk(provider) as client:
        causes: list[Callable[[], None]] = [lambda: None, provider.overload, lambda: provider.revoke("a")]
        for cause in causes:
            cause()
            with pytest.raises(errors.APIError) as error:
                client.models.generate_content(model="poet-1", contents="?")
            caught.append(error.value)
    assert [(error.code, error.status) for error in caught] == [
        (429, "RESOURCE_EXHAUSTED"),
        (503, "UNAVAILABLE"),
        (400, "INVALID_ARGUMENT"),
    ]
    assert "'retryDelay': '60s'" in str(caught[0].details)
    assert "API_KEY_INVALID" in str(caught[2].details)


def test_the_sdk_sees_a_stream_break() -> None:
    """An error within a 200, and a connection that is closed in the middle."""
    provider = built()
    with sdk(provider) as client:
        provider.break_stream_next(after_pieces=3)
        with pytest.raises(errors.ServerError, match="overloaded"):
            list(client.models.generate_content_stream(model="poet-1", contents="?"))
        provider.reset_stream_next(after_pieces=3)
        with pytest.raises(httpx2.RemoteProtocolError):
            list(client.models.generate_content_stream(model="poet-1", contents="?"))
