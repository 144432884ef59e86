"""read_stream_head: laws."""

import json
from itertools import accumulate

from hypothesis import example, given
from hypothesis import strategies as st

from bucket_failover_core import CallFailure, read_answer
from bucket_failover_core.wire.stream_head import StreamHead, read_stream_head

Lines = tuple[str, ...]

ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])
SILENT: list[Lines] = [
    (": comment", ""),
    (": error", ""),
    ("", ""),
    ("id: 7", "retry: 3", ""),
    ("event: ping", "data: {}", ""),
    ("event: message_start", 'data: {"type": "message_start", "error": null}', ""),
    ('data: {"type":"response.created","response":{"error":null}}', ""),
    ("data: {", 'data: "type": "ping"', "data: }", ""),
]
ERRORS: list[Lines] = [
    ("event: error", 'data: {"type": "error", "error": {"type": "overloaded_error"}}', ""),
    ("event: error", "data: out of order", ""),
    (": comment", 'data: {"error": {"code": 429}}', ""),
    ("event: ping", 'data: {"type": "error", "error": {"type": "rate_limit_error"}}', ""),
    ('data: {"type": "response.failed", "response": {"error": {"code": "c"}}}', ""),
    ("id: 7", 'data: {"throttlingException": {"message": "m"}}', ""),
]
OUTPUTS: list[Lines] = [
    ("data: hello", ""),
    ("data", ""),
    ("data: [DONE]", ""),
    ("event: content_block_delta", 'data: {"delta": {"text": "{\\"error\\": 1}"}}', ""),
    ('data: {"choices": [{"delta": {"content": "event: error"}}], "error": null}', ""),
    ("event: unheard_of", 'data: {"type": "ping"}', ""),
]
FOUND: dict[Lines, StreamHead] = {**dict.fromkeys(ERRORS, "error"), **dict.fromkeys(OUTPUTS, "output")}
EVENTS = st.lists(st.sampled_from([*SILENT, *ERRORS, *OUTPUTS]), max_size=6)
MARKS = [
    b"\n",
    b"\r",
    b"\r\n",
    b"\xef\xbb\xbf",
    b"event:",
    b"data:",
    b"data",
    b":",
    b" ",
    b"ping",
    b"error",
    b"{",
    b"\xff",
]
WHOLES = [b'{"error":{"code":1}}', b'{"type":"ping"}', b"event: error", b"event: ping", b"data: x"]
PIECES = st.sampled_from([*MARKS, *WHOLES])
STREAMS = st.binary() | st.lists(PIECES, max_size=30).map(b"".join)


def written(events: list[Lines], end: bytes) -> bytes:
    """A stream of events, as it comes over the wire."""
    return b"".join(line.encode() + end for lines in events for line in lines)


def first_found(heads: list[bytes]) -> StreamHead:
    """What a reader is told that asks with each chunk, until it is told something."""
    return next((found for head in heads if (found := read_stream_head(head)) != "open"), "open")


@given(head=STREAMS)
@example(head=b'data: {"error":' + b"[" * 60_000 + b"\n\n")
@example(head=b'event: error\ndata: {"n": ' + b"9" * 60_000 + b"}\n\n")
@example(head=b'data: {"error": "\\ud800"}\n\n')
def test_any_bytes_are_read(head: bytes) -> None:
    """A provider may send anything: nothing raises."""
    assert read_stream_head(head) in {"open", "output", "error"}


@given(stream=STREAMS, rest=STREAMS)
@example(stream=b"data: x\r", rest=b"\nevent: error\n\n")
@example(stream=b"data: x\r\n\r", rest=b"\n")
def test_what_was_told_stays_true(stream: bytes, rest: bytes) -> None:
    """A client that was told that an answer has begun, or has failed, is told nothing else when more has come."""
    found = read_stream_head(stream)
    assert found in {"open", read_stream_head(stream + rest)}


@given(filler=st.sampled_from([b":", b": x\n", b": x\r\n\r\n"]), events=EVENTS, end=ENDS, before=st.integers(0, 400))
def test_what_was_told_stays_true_at_64_kib_too(filler: bytes, events: list[Lines], end: bytes, before: int) -> None:
    """A client is told the same whether the provider's events come in one chunk or the head ends between them."""
    length = 65_536 - before
    padding = (filler * length)[: length - 2] + b"\n\n"
    stream = padding + written(events, end)
    cuts = [*range(length, min(len(stream), 65_600), 9), 65_536, len(stream)]
    found = first_found([stream[:cut] for cut in sorted(cuts)])
    assert found == read_stream_head(stream)


@given(events=EVENTS, end=ENDS, sizes=st.lists(st.integers(1, 40), min_size=1))
def test_the_first_event_that_is_not_silent_decides_whatever_the_chunks_and_line_ends(
    events: list[Lines], end: bytes, sizes: list[int]
) -> None:
    """A client that reads byte by byte, in chunks, or all at once finds an error before output, and none behind it."""
    stream = written(events, end)
    expected = next((FOUND[lines] for lines in events if lines in FOUND), "open")
    assert first_found([stream[:cut] for cut in range(len(stream) + 1)]) == expected
    assert first_found([stream[:cut] for cut in [*accumulate(sizes), len(stream)]]) == expected
    assert read_stream_head(stream) == expected


@given(events=EVENTS, end=ENDS)
def test_an_event_decides_when_it_is_whole_and_not_before(events: list[Lines], end: bytes) -> None:
    """A client learns nothing from its lines, but from the empty one behind them."""
    for at, lines in enumerate(events):
        if lines in FOUND:
            before = written([*events[:at], lines[:-1]], end)
            assert read_stream_head(before) == "open"
            assert read_stream_head(before + end) == FOUND[lines]
            return


@given(stream=STREAMS)
def test_line_ends_mean_nothing(stream: bytes) -> None:
    """A provider may mix them: a stream is what it is with every line ended by a line feed."""
    lines = stream.splitlines(keepends=True)
    plain = b"".join(line.rstrip(b"\r\n") + (b"\n" if line[-1:] in {b"\r", b"\n"} else b"") for line in lines)
    assert read_stream_head(stream) == read_stream_head(plain)


@given(
    words=st.lists(
        st.sampled_from(["error", '{"error": {"code": 429}}', "\n\n", "event: error\n", "data: ", "response.failed"])
        | st.sampled_from(["throttlingException", '"type": "error"', "\r\n", "\\", '"'])
        | st.text()
    ).map("".join),
    name=st.sampled_from(["", "content_block_delta", "message"]),
    is_ascii=st.booleans(),
    end=ENDS,
)
def test_the_models_own_words_are_output(
    words: str,
    name: str,
    is_ascii: bool,  # noqa: FBT001 - hypothesis draws it
    end: bytes,
) -> None:
    """A user may let it write anything: no account is blamed for what it says of errors."""
    for document in (
        {"type": "content_block_delta", "delta": {"type": "text_delta", "text": words}},
        {"id": "c1", "choices": [{"delta": {"content": words}}], "error": None},
        {"candidates": [{"content": {"parts": [{"text": words}]}}]},
        words,
    ):
        data = json.dumps(document, ensure_ascii=is_ascii).encode()
        named = b"event: " + name.encode() + end if name else b""
        assert read_stream_head(named + b"data: " + data + end + end) == "output"


@given(events=EVENTS, end=ENDS)
def test_what_is_told_to_be_an_error_is_read_as_one(events: list[Lines], end: bytes) -> None:
    """The client's request goes on only if the whole head is a failure for the reader of answers as well."""
    head = written(events, end)
    if read_stream_head(head) == "error":
        read = read_answer(CallFailure(status=200, body=head.decode()), now=0.0)
        assert not read.served
        assert read.verdict is not None
