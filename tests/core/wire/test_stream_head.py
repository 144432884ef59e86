"""read_stream_head: a table per rule."""

import json

import pytest

from bucket_failover_core.wire.stream_head import StreamHead, read_stream_head

ENDS = ["\n", "\r\n", "\r"]
ERROR = json.dumps({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})


def event(data: str, name: str = "", end: str = "\n") -> bytes:
    """A whole event of a stream."""
    lines = ([f"event: {name}"] if name else []) + [f"data: {data}", "", ""]
    return end.join(lines).encode()


def typed(kind: str, **fields: object) -> str:
    """The data of an event that says itself what it is."""
    return json.dumps({"type": kind, **fields})


ANNOUNCING = [
    "content_block_start",
    "keepalive",
    "message_start",
    "ping",
    "response.content_part.added",
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.queued",
]


def chunk(*deltas: object) -> str:
    """The data of a chunk of chat completions."""
    return json.dumps({"object": "chat.completion.chunk", "choices": [{"delta": delta} for delta in deltas]})


@pytest.mark.parametrize(
    ("data", "head"),
    [
        (chunk({"role": "assistant", "content": ""}), "open"),
        (chunk({"role": "assistant", "content": None, "tool_calls": []}, {"role": "assistant"}), "open"),
        (chunk({"role": "assistant", "content": "Once"}), "output"),
        (chunk({"role": "assistant"}, {"reasoning_content": "Hm"}), "output"),
        (chunk({"role": "assistant", "tool_calls": [{"index": 0}]}), "output"),
        (chunk(), "output"),
        ('{"delta": {"role": "assistant"}}', "output"),
        ('{"choices": {"delta": 1}}', "output"),
        ('["delta"]', "output"),
        ('{"delta": ', "output"),
    ],
)
def test_a_chunk_of_chat_completions_that_has_only_a_role(data: str, head: StreamHead) -> None:
    """Nothing was said yet; what is not such a chunk counts as output."""
    assert read_stream_head(event(data)) == head
    assert read_stream_head(event(data) + event('{"error": {"message": "busy", "code": "server_is_overloaded"}}')) == (
        "error" if head == "open" else "output"
    )


PING = event(typed("ping"), "ping")
FAILED = event(ERROR, "error")


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("kind", ANNOUNCING)
def test_what_only_announces_is_waited_out(kind: str, end: str) -> None:
    """The provider names such an event in its name, in its data, or in both."""
    assert read_stream_head(event(typed(kind, error=None), kind, end)) == "open"
    assert read_stream_head(event(typed(kind), "", end)) == "open"
    assert read_stream_head(event("{}", kind, end) * 3) == "open"
    assert read_stream_head(event(typed("message_start"), kind, end) + event("{}", "", end)) == "output"


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("content_block_delta", typed("content_block_delta", delta={"text": "hello"})),
        ("response.output_text.delta", typed("response.output_text.delta", delta="hello")),
        ("message_stop", "{}"),
        ("", typed("response.completed", response={"error": None})),
        ("", json.dumps({"object": "chat.completion.chunk", "choices": [{"delta": {"content": ""}}]})),
        ("", json.dumps({"candidates": [{"content": {"parts": [{"text": "hello"}]}}]})),
        ("", "[DONE]"),
        ("", "hello"),
        ("", ""),
        ("", '{"type": 7}'),
        ("unheard_of", typed("ping")),
        ("Ping", "{}"),
    ],
)
def test_every_other_event_is_output(name: str, data: str, end: str) -> None:
    """What a provider may send one day is not waited out."""
    assert read_stream_head(event(data, name, end)) == "output"
    assert read_stream_head(event("{}", "ping", end) + event(data, name, end) + event(ERROR, "error", end)) == "output"


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("error", ERROR),
        ("", ERROR),
        ("error", "{}"),
        ("error", "out of order"),
        ("ping", ERROR),
        ("response.failed", typed("response.failed", response={"error": {"code": "rate_limit_exceeded"}})),
        ("", typed("response.failed", response={"error": {"code": "rate_limit_exceeded"}})),
        ("", typed("response.failed", response={})),
        ("", typed("error", code="rate_limit_exceeded", message="m")),
        ("", json.dumps({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}})),
        ("", json.dumps({"error": "overloaded"})),
        ("", json.dumps({"throttlingException": {"message": "m"}})),
    ],
)
def test_an_error_before_any_output(name: str, data: str, end: str) -> None:
    """A subscription reports a spent window so, behind events that announce an answer."""
    failed = event(data, name, end)
    assert read_stream_head(failed) == "error"
    assert read_stream_head(event("{}", "ping", end) * 2 + failed) == "error"
    assert read_stream_head(event(typed("x"), "", end) + failed) == "output"
    assert read_stream_head(failed + event("hello", "", end)) == "error"


@pytest.mark.parametrize(
    "words",
    [
        '{"error": {"type": "overloaded_error"}}',
        ERROR,
        "event: error",
        "\n\nevent: error\ndata: {}\n\n",
        'data: {"error": 1}\r\n\r\n',
        "response.failed",
        "ThrottlingException",
        '"type": "ping"',
    ],
)
def test_what_the_model_writes_about_errors_is_output(words: str) -> None:
    """A user may ask it to explain a rate limit."""
    for data in (
        typed("content_block_delta", delta={"type": "text_delta", "text": words}),
        json.dumps({"choices": [{"delta": {"content": words}}], "error": None}),
        json.dumps({"text": words}),
        json.dumps(words),
    ):
        assert read_stream_head(event(data)) == "output"
        assert read_stream_head(event(data, "message")) == "output"


@pytest.mark.parametrize("end", ENDS)
def test_an_event_that_is_not_whole_says_nothing_yet(end: str) -> None:
    """The provider has sent its lines, and not yet the empty one."""
    for data, name in ((ERROR, "error"), ("hello", "message")):
        lines = event(data, name, end).removesuffix(end.encode())
        assert all(read_stream_head(lines[:cut]) == "open" for cut in range(len(lines) + 1))
        assert read_stream_head(lines + end.encode()) != "open"


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (b"data: x\r\n", "open"),
        (b"event: error\r\n", "open"),
        (b"event: ping\r\ndata: {}\r\n\r\n", "open"),
        (b"event: ping\r\ndata: {}\r\n\r\nevent: error\r\n", "open"),
        (b"event: message_start\r\ndata: {}\r\n\r\ndata: x\r\n", "open"),
        (b"data: x\r", "open"),
        (b"data: x\r\n\r", "output"),
        (b"data: x\r\n\r\n", "output"),
        (b"data: x\n\r", "output"),
        (b"data: x\n\r\n", "output"),
        (b"data: x\r\r", "output"),
        (b"data: x\r\n\n", "output"),
        (b"data: x\r\r\n", "output"),
    ],
)
def test_a_carriage_return_and_a_line_feed_are_one_end(head: bytes, found: StreamHead) -> None:
    """A provider that ends its lines so has ended a line, not an event: once, every line was taken for an event."""
    assert read_stream_head(head) == found


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (b"", "open"),
        (b"\n\n\n\n", "open"),
        (b": comment\n\n", "open"),
        (b": error\n\n", "open"),
        (b"id: 7\nretry: 3\n\n", "open"),
        (b"event: content_block_delta\n\n", "open"),
        (b"event: content_block_delta\nid: 7\n\n", "open"),
        (b"database: x\n\n", "open"),
        (b": comment\nid: 7\ndata: x\n\n", "output"),
        (b"\n\n\ndata: x\n\n", "output"),
        (b"data\n\n", "output"),
        (b"data:x\n\n", "output"),
        (b"event:ping\ndata:x\n\n", "open"),
        (b"event:  ping \ndata:x\n\n", "open"),
        (b"event:\ndata: x\n\n", "output"),
        (b'event:\ndata: {"type":"ping"}\n\n', "open"),
        (b"data: x\nevent: ping\n\n", "open"),
        (b"\n\n\nevent: error\ndata: x\n\n", "error"),
        (b"data: out of order\nevent: error\n\n", "error"),
        (b": comment\n\nid: 7\nevent:error\ndata:x\n\n", "error"),
        (b"event: error\n\n", "error"),
        (b"data: \xff\xfe\n\n", "output"),
        (b'data: {"error": {"message": "\xff"}}\n\n', "error"),
        (b'{"error": {"message": "m"}}\n\n', "error"),
    ],
)
def test_lines_as_the_standard_has_them(head: bytes, found: StreamHead) -> None:
    """A provider may leave out blanks, order its fields as it likes, and send comments; without data nothing begins."""
    assert read_stream_head(head) == found


@pytest.mark.parametrize(
    ("stream", "found"),
    [(event("{}", "ping"), "open"), (event("hello"), "output"), (FAILED, "error"), (event(ERROR), "error")],
)
@pytest.mark.parametrize("end", ENDS)
def test_a_byte_order_mark_is_no_part_of_the_first_line(stream: bytes, found: StreamHead, end: str) -> None:
    """A provider may send one, and the client that reads on skips it too."""
    assert read_stream_head(b"\xef\xbb\xbf" + stream.replace(b"\n", end.encode())) == found


LIMIT = 65_536


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (b":" * (LIMIT - 1), "open"),
        (b":" * LIMIT, "output"),
        (b":" * (LIMIT + 1), "output"),
        (PING * (LIMIT // len(PING)), "open"),
        (PING * (LIMIT // len(PING) + 1), "output"),
        ((b":" * LIMIT)[len(FAILED) + 1 :] + b"\n" + FAILED, "error"),
        ((b":" * LIMIT)[len(FAILED) :] + b"\n" + FAILED, "output"),
        (b":" * LIMIT + b"\n\n" + FAILED, "output"),
    ],
    ids=["below", "on it", "above", "announced below", "announced above", "error on it", "error above", "error beyond"],
)
def test_after_64_kib_a_head_is_output(head: bytes, found: StreamHead) -> None:
    """The client waits no longer; an error beyond is not looked for, however large the chunk is that brings it."""
    assert read_stream_head(head) == found
