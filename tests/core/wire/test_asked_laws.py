"""read_asked: laws."""

import json
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from bucket_failover_core.wire import SESSION_HEADERS, Asked, read_asked

NAMES = st.text(min_size=1, max_size=256)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
THINGS = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)
FIELDS = st.dictionaries(st.text() | st.sampled_from(["model", "metadata", "prompt_cache_key", "messages"]), THINGS)
PIECES = st.sampled_from(
    [b"{", b"}", b"[", b'"', b":", b",", b" ", b"\n", b"\\u", b"\xff", b"9", b'"model"', b'"metadata"', b'"user_id"']
)
BODIES = (
    st.none() | st.binary() | st.lists(PIECES).map(b"".join) | FIELDS.map(lambda fields: json.dumps(fields).encode())
)
PATHS = st.text() | st.lists(st.sampled_from(["/", "model", "models", "deployments", "a", ":", "?", "%"])).map("".join)
HEADERS = st.dictionaries(st.sampled_from(SESSION_HEADERS), st.text(max_size=300))


@given(path=PATHS, headers=HEADERS, body=BODIES)
def test_any_request_is_read_and_what_is_found_is_a_name(
    path: str, headers: dict[str, str], body: bytes | None
) -> None:
    """A client may send anything: nothing raises, and no name is empty or longer than 256 characters."""
    assert all(found is None or 0 < len(found) <= 256 for found in read_asked(path, headers, body))


@given(body=st.binary() | st.lists(PIECES).map(b"".join))
def test_garbage_asks_for_nothing(body: bytes) -> None:
    """A body of which a reader of JSON makes no object names neither a model nor a conversation."""
    try:
        is_object = isinstance(json.loads(body), dict)
    except ValueError:
        is_object = False
    assert is_object or read_asked("/v1/messages", {}, body) == Asked()


@given(
    before=FIELDS,
    after=FIELDS,
    asked=st.builds(Asked, NAMES, NAMES),
    is_ascii=st.booleans(),
    indent=st.none() | st.integers(0, 2),
)
def test_the_fields_are_found_wherever_they_stand(
    before: dict[str, object],
    after: dict[str, object],
    asked: Asked,
    is_ascii: bool,  # noqa: FBT001 - hypothesis draws it
    indent: int | None,
) -> None:
    """A client may write other fields before and after them, escaped or not, on one line or many."""
    told: dict[str, object] = {"model": asked.model, "prompt_cache_key": asked.session_key}
    rest = {name: value for name, value in after.items() if name not in told}
    body = json.dumps({**before, **told, **rest}, ensure_ascii=is_ascii, indent=indent).encode()
    assert read_asked("/v1/messages", {}, body) == asked


@given(name=NAMES)
def test_a_name_in_the_path_is_the_one_that_the_client_escaped(name: str) -> None:
    """Google, Azure and Bedrock are sent the name in one part of the path; Bedrock's SDKs let colons stand."""
    assert read_asked(f"/v1beta/models/{quote(name, safe='')}:generateContent", {}, None) == Asked(name)
    assert read_asked(f"/openai/deployments/{quote(name, safe='')}/chat/completions?v=1", {}, None) == Asked(name)
    for safe in ("", ":;"):
        assert read_asked(f"/model/{quote(name, safe=safe)}/invoke", {}, None) == Asked(name)


@given(headers=HEADERS, fields=FIELDS)
def test_a_header_beats_the_body(headers: dict[str, str], fields: dict[str, object]) -> None:
    """What the caller says of the conversation counts, whatever the body says; the model is the body's all the same."""
    body = json.dumps(fields).encode()
    told = [headers[name] for name in SESSION_HEADERS if 0 < len(headers.get(name, "")) <= 256]
    alone, found = read_asked("/", {}, body), read_asked("/", headers, body)
    assert found == (Asked(alone.model, told[0]) if told else alone)
