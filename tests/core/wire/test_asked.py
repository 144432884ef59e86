"""read_asked: the model, and the conversation."""

import json
from itertools import pairwise

import pytest

from bucket_failover_core.wire import SESSION_HEADER, SESSION_HEADERS, Asked, read_asked


def asked(fields: dict[str, object], *, path: str = "/v1/messages", **headers: str) -> Asked:
    """What a request asks for whose body is an object of these fields."""
    return read_asked(path, headers, json.dumps(fields).encode())


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/v1beta/models/gemini-2.5-pro:generateContent", "gemini-2.5-pro"),
        ("/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse", "gemini-2.5-pro"),
        ("/v1/projects/p/locations/l/publishers/anthropic/models/opus@20260101:rawPredict", "opus@20260101"),
        ("/openai/deployments/my%20gpt/chat/completions?api-version=2026-01-01", "my gpt"),
        ("/model/opus/invoke", "opus"),
        ("/model/us.anthropic.opus-v1:0/invoke", "us.anthropic.opus-v1:0"),
        ("/model/us.anthropic.opus-v1%3A0/invoke-with-response-stream", "us.anthropic.opus-v1:0"),
        ("/model/arn:aws:bedrock:us-east-1:1:profile%2Fopus/converse", "arn:aws:bedrock:us-east-1:1:profile/opus"),
        ("/v1/models/gpt-5", "gpt-5"),
        ("/v1/models/m%C3%BCller", "müller"),
        ("/v1/models/100%25", "100%"),
        ("/v1/models/100%", "100%"),
        ("/v1/models/a%FFb", "a\ufffdb"),
        ("/v1/models", None),
        ("/v1/models?pageSize=5", None),
        ("/v1/models/", None),
        ("/v1/models/:x", None),
        ("/v1/chat/completions?next=/models/other", None),
        ("/v1/submodels/gpt-5", None),
        ("", None),
    ],
)
def test_the_model_in_the_path(path: str, model: str | None) -> None:
    """A provider that names the model in its addresses escapes it there, and a query names none."""
    assert read_asked(path, {}, None) == Asked(model)


def test_the_model_in_the_body_counts_first() -> None:
    """The client may call a deployment otherwise than the provider calls its model."""
    path = "/openai/deployments/ours/chat/completions"
    assert asked({"model": "gpt-5"}, path=path) == Asked("gpt-5")
    assert asked({}, path=path) == Asked("ours")


@pytest.mark.parametrize("model", [None, "", 7, True, ["opus"], {"name": "opus"}, "x" * 257])
def test_what_is_no_name_names_no_model(model: object) -> None:
    """The path counts then, and if it has none either, the model is unknown to the provider as well."""
    assert asked({"model": model}) == Asked()
    assert asked({"model": model}, path="/model/opus/invoke") == Asked("opus")


@pytest.mark.parametrize(("length", "is_name"), [(1, True), (256, True), (257, False)])
def test_names_have_256_characters_at_most(length: int, *, is_name: bool) -> None:
    """A caller's longer text is no name, wherever it stands."""
    name = "x" * length
    found = name if is_name else None
    assert asked({"model": name, "prompt_cache_key": name}) == Asked(found, found)
    assert read_asked(f"/models/{name}", {SESSION_HEADER: name}, None) == Asked(found, found)


@pytest.mark.parametrize("header", SESSION_HEADERS)
def test_a_conversation_in_a_header(header: str) -> None:
    """The caller's header counts before whatever the body says for the provider's cache."""
    assert asked({"prompt_cache_key": "c", "metadata": {"user_id": "u"}}, **{header: "s1"}) == Asked(None, "s1")


@pytest.mark.parametrize(("first", "second"), list(pairwise(SESSION_HEADERS)))
def test_the_first_header_counts(first: str, second: str) -> None:
    """The caller's own comes before those of its tools, and an empty one is none."""
    assert asked({}, **{second: "s2", first: "s1"}).session_key == "s1"
    assert asked({}, **{second: "s2", first: ""}).session_key == "s2"
    assert asked({}, **{second: "s2", first: "x" * 257}).session_key == "s2"


@pytest.mark.parametrize(
    ("fields", "session_key"),
    [
        ({"prompt_cache_key": "c"}, "c"),
        ({"metadata": {"user_id": "u"}}, "u"),
        ({"prompt_cache_key": "c", "metadata": {"user_id": "u"}}, "c"),
        ({"prompt_cache_key": "", "metadata": {"user_id": "u"}}, "u"),
        ({"prompt_cache_key": 7}, None),
        ({"metadata": {"user_id": None}}, None),
        ({"metadata": {}}, None),
        ({"metadata": None}, None),
        ({"metadata": "u"}, None),
        ({"metadata": [{"user_id": "u"}]}, None),
        ({"user_id": "u"}, None),
        ({}, None),
    ],
)
def test_a_conversation_in_the_body(fields: dict[str, object], session_key: str | None) -> None:
    """The client's cache key counts before the user whom it names for abuse checks."""
    assert asked(fields).session_key == session_key
    assert asked(fields, **{"user-agent": "sdk"}).session_key == session_key


@pytest.mark.parametrize("before", ["", " ", "\n", "\t", "\r\n"])
def test_blanks_before_a_body(before: str) -> None:
    """A client may indent what it sends."""
    assert read_asked("/", {}, f'{before}{{"model": "opus"}}'.encode()) == Asked("opus")


@pytest.mark.parametrize(
    "body",
    [
        None,
        b"",
        b" ",
        b" 7",
        b"null",
        b'"model"',
        b'[{"model": "opus"}]',
        b'{"model": "opus"',
        b'{"model": "opus"} more',
        b'{"model": "opus", "text": "\xff"}',
        b"{'model': 'opus'}",
        b'\xef\xbb\xbf{"model": "opus"}',
        b'{"model": "opus", "n": ' + b"9" * 5_000 + b"}",
        b'{"model": "opus", "deep": ' + b"[" * 100_000,
        b"model=opus&prompt_cache_key=c",
        b'--boundary\r\ncontent-disposition: form-data; name="model"\r\n\r\nopus\r\n',
        b"\x1f\x8b\x08\x00",
    ],
    ids=lambda body: repr(body)[:40],
)
def test_a_body_that_cannot_be_read_asks_for_nothing(body: bytes | None) -> None:
    """The provider says what is wrong with it; the path and the headers still count."""
    assert read_asked("/v1/messages", {}, body) == Asked()
    assert read_asked("/model/opus/invoke", {"session_id": "s1"}, body) == Asked("opus", "s1")


def test_a_model_behind_a_megabyte_of_messages() -> None:
    """A client may write its fields in any order."""
    messages = [{"role": "user", "content": 'the "model": "other" ' * 50} for _ in range(1_000)]
    found = asked({"messages": messages, "model": "opus", "metadata": {"user_id": "u"}})
    assert found == Asked("opus", "u")
    assert len(json.dumps(messages)) > 1_000_000


def test_what_stands_deeper_names_nothing() -> None:
    """A model that the user writes about is not the one that the request asks for."""
    assert asked({"messages": [{"model": "other"}], "input": {"model": "other", "prompt_cache_key": "c"}}) == Asked()
