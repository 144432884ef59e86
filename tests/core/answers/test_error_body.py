"""The error that a body holds: as JSON, as an event of a stream, or in plain words."""

import json

import pytest

from bucket_failover_core.answers.error_body import (
    BODY_BYTES_MAX,
    NO_ERROR,
    ErrorSaid,
    as_mapping,
    as_name,
    bare_name,
    bounded,
    read_error,
)

Document = dict[str, object]

OVERLOADED: Document = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


def in_json(document: object, *, failed: bool = True) -> ErrorSaid:
    """What a body of JSON says."""
    return read_error(json.dumps(document), failed=failed)


def in_stream(*lines: str, failed: bool = False) -> ErrorSaid:
    """What a stream of these lines says."""
    return read_error("\n".join(lines), failed=failed)


@pytest.mark.parametrize(
    ("document", "names", "message"),
    [
        (OVERLOADED, ("overloaded_error",), "Overloaded"),
        ({"error": {"type": "t", "code": "c", "message": "m"}}, ("t", "c"), "m"),
        ({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}}, ("429", "RESOURCE_EXHAUSTED"), ""),
        ({"error": {"reason": "r", "status": "s", "code": "c", "type": "t"}}, ("t", "c", "s", "r"), ""),
        ({"error": {"type": "error", "code": "error"}}, ("error",), ""),
        ({"error": {"code": True, "type": 1.5, "status": None, "reason": []}}, (), ""),
        ({"error": {"code": "", "message": 7}}, (), ""),
        ({"error": {"code": "a#b:c"}}, ("a#b:c",), ""),
        ({"error": {"Message": "M"}}, (), "M"),
        ({"error": {"detail": "d"}}, (), "d"),
        ({"error": {"detail": "d", "Message": "M", "message": "m"}}, (), "m"),
        ({"error": {"detail": "d", "Message": "M", "message": None}}, (), "M"),
        ({"error": {"message": ""}}, (), ""),
        ({"error": "invalid_grant"}, ("invalid_grant",), "invalid_grant"),
        ({"error": "e", "code": "c", "message": "m"}, ("e", "c"), "e: m"),
        ({"error": "e", "code": None, "message": ""}, ("e",), "e"),
        ({"error": "e", "message": 7}, ("e",), "e"),
        (
            {"error": {"code": 429, "details": [{"reason": "A"}, 7, {"reason": 8}, {"reason": ""}]}},
            ("429", "A", "8"),
            "",
        ),
        ({"error": {"details": [{}] * 19 + [{"reason": "A"}, {"reason": "B"}]}}, ("A",), ""),
        ({"error": {"details": {"reason": "A"}}}, (), ""),
        ({"type": "error", "code": "c", "message": "m"}, ("c",), "m"),
        ({"type": "error", "error": None, "message": "m"}, (), "m"),
        ({"type": "response.failed", "response": {"error": {"code": "c", "message": "m"}}}, ("c",), "m"),
        ({"type": "response.failed", "response": {"error": None}}, (), ""),
        ({"type": "response.failed"}, (), ""),
        ({"__type": "ThrottlingException", "message": "m"}, ("ThrottlingException",), "m"),
        ({"__type": "com.amazon#ThrottlingException"}, ("ThrottlingException",), ""),
        ({"__type": "InternalError", "code": "c"}, ("c", "InternalError"), ""),
        ({"throttlingException": {"message": "m"}}, ("ThrottlingException",), "m"),
        ({"x": 1, "modelException": {"message": "m"}}, ("ModelException",), "m"),
        ({"throttlingException": {"type": "t"}}, ("t",), ""),
    ],
)
def test_errors_that_say_so_themselves(document: Document, names: tuple[str, ...], message: str) -> None:
    """Its type, code, status and reason; on a failure and on a success, alone and in an array."""
    for failed in (True, False):
        for body in (document, [document], [1, "x", document, {"error": "other"}]):
            said = in_json(body, failed=failed)
            assert (said.names, said.message, said.is_event) == (names, message, True)
            assert said.document == document
            assert said.text == json.dumps(body)
    error = document.get("error")
    if isinstance(error, dict) and error:
        assert in_json(document).fields == error


@pytest.mark.parametrize(
    ("document", "names", "message"),
    [
        ({"message": "Too many"}, (), "Too many"),
        ({"type": "t", "code": "c", "message": "m"}, ("t", "c"), "m"),
        ({"error": {}, "detail": "d"}, (), "d"),
        ({"error": "", "detail": "d"}, (), "d"),
        ({"error": None, "code": 7}, ("7",), ""),
        ({"error": [], "code": 7}, ("7",), ""),
        ({"__type": "Throttling", "message": "m"}, ("Throttling",), "m"),
        ({"__type": 7, "message": "m"}, ("7",), "m"),
        ({"throttlingException": "m"}, (), ""),
        ({"throttling": {"message": "m"}}, (), ""),
        ({"modelError": {"message": "m"}}, (), ""),
        ({"ValueError": {"a": 1}}, (), ""),
        ({"KeyException": {"a": 1}}, (), ""),
        ({"a.Exception": {"message": "m"}}, (), ""),
        ({"x" * 61 + "Exception": {"message": "m"}}, (), ""),
        ({}, (), ""),
    ],
)
def test_what_an_error_is_only_because_the_call_has_failed(
    document: Document, names: tuple[str, ...], message: str
) -> None:
    """Then the whole body is about it; on a success it is no error of the provider, and the document remains."""
    said = in_json(document)
    assert (said.names, said.message, said.is_event) == (names, message, False)
    assert (said.document, said.fields, said.text) == (document, document, json.dumps(document))
    assert in_json(document, failed=False) == NO_ERROR._replace(document=document)


def test_an_exception_has_a_name_of_sixty_letters_at_most() -> None:
    """And one at least."""
    assert in_json({"x" * 60 + "Exception": {}}, failed=False).names == ("X" + "x" * 59 + "Exception",)
    assert in_json({"Exception": {}}, failed=False) == NO_ERROR._replace(document={"Exception": {}})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("Too many requests", "Too many requests"),
        ("<html>429</html>", "<html>429</html>"),
        ("429", "429"),
        ('"error"', '"error"'),
        ("null", "null"),
        ("{broken", "{broken"),
        ("[1, 2", "[1, 2"),
        ("[]", "[]"),
        ('["error"]', '["error"]'),
        ("\ufeff \r\n\tsoon", "\ufeff \r\n\tsoon"),
        ("databases are slow", "databases are slow"),
    ],
)
def test_a_body_in_plain_words(body: str, message: str) -> None:
    """It is a failure's message, and a success's nothing."""
    assert read_error(body, failed=True) == ErrorSaid(message=message, text=body)
    assert read_error(body, failed=False) is NO_ERROR


@pytest.mark.parametrize("body", [None, "", " ", "\ufeff", "\ufeff \t\r\n"])
def test_no_body_says_nothing(body: str | None) -> None:
    """Whether the call has failed or not."""
    assert read_error(body, failed=True) is NO_ERROR
    assert read_error(body, failed=False) is NO_ERROR


@pytest.mark.parametrize(
    ("body", "names", "message"),
    [
        ('{"error": {"type": "rate_limit_error", "message": "try ag', ("rate_limit_error",), "try ag"),
        ('{"error": {"type": "rate_limit_error", "mess', ("rate_limit_error",), ""),
        ('{"error": {"type": "rate_limit_error"', ("rate_limit_error",), ""),
        ('\ufeff\r\n {"error": {"message": "m"}}', (), "m"),
        (r'{"error": {"message": "a\ud83db"}}', (), "a\ufffdb"),
        (r'{"error": {"message": "a\uDC00"}}', (), "a\ufffd"),
        (r'{"error": {"type": "t", "message": "a\ud83d try ag', ("t",), "a\ufffd try ag"),
        (r'{"error": {"message": "a\ud83d\ude00b"}}', (), "a\U0001f600b"),
        (r'{"error": {"message": "a\\ud83db\ud83d"}}', (), "a\\ud83db\ufffd"),
        ('{"error": {"message": "m", "n": ' + "9" * 50 + "}}", (), "m"),
        ('{"error": {"message": "m", "n": NaN}}', (), "m"),
        ('{"error": {"message": "a", "message": "b"}}', (), "b"),
        ('{"error": {"message": "m"}} trailing', (), "m"),
    ],
)
def test_what_is_cut_off_or_broken_spoils_nothing_else(body: str, names: tuple[str, ...], message: str) -> None:
    """Lone surrogates become U+FFFD."""
    said = read_error(body, failed=True)
    assert (said.names, said.message, said.is_event) == (names, message, True)


@pytest.mark.parametrize("body", ["[" * 60_000, '{"a":' * 10_000, "{'a': 1}", '{"a" 1}'])
def test_what_is_no_json_is_plain_words(body: str) -> None:
    """However deep, and however close."""
    assert read_error(body, failed=True) == ErrorSaid(message=body[:BODY_BYTES_MAX], text=body[:BODY_BYTES_MAX])


DATA = json.dumps(OVERLOADED)


@pytest.mark.parametrize(
    "lines",
    [
        ("event: error", f"data: {DATA}", ""),
        ("event: error", f"data: {DATA}"),
        ("event:error", f"data:{DATA}"),
        (f"data: {DATA}",),
        (f"data: {DATA}", "event: error"),
        (": comment", "id: 7", "retry: 3", "event: error ", f"data: {DATA}", ""),
        ("event: message_start", 'data: {"type": "message_start"}', "", "event: error", f"data: {DATA}", ""),
        ("data: [DONE]", "", f"data: {DATA}"),
        ("event: error", *(f"data: {line}" for line in json.dumps(OVERLOADED, indent=1).splitlines())),
        (*(f"data: {line}" for line in json.dumps(OVERLOADED, indent=1).splitlines()), "", "data: x"),
        ("id: 1", "", "", f"data: {DATA}", "", 'data: {"error": {"type": "later"}}'),
        ("retry: 1", f"data: {DATA}"),
    ],
)
def test_a_stream_that_fails(lines: tuple[str, ...]) -> None:
    """The first event that is an error, whatever the line ends and the status are."""
    for end in ("\n", "\r\n", "\r"):
        for failed in (True, False):
            said = read_error("\ufeff" + end.join(lines), failed=failed)
            assert (said.names, said.message, said.is_event) == (("overloaded_error",), "Overloaded", True)
            assert said.document == OVERLOADED


@pytest.mark.parametrize(
    ("lines", "names", "message"),
    [
        (("event: error", "data: out of order"), (), "out of order"),
        (("event: error", "data: a", "data: b"), (), "a\nb"),
        (("event: error", "data:  a"), (), " a"),
        (("event: error",), (), ""),
        (("event: error", 'data: {"code": "c", "message": "m"}'), ("c",), "m"),
        (("event: error", 'data: {"error": {"message": "cut'), (), "cut"),
        (("event: error", "data: a", "data: b", "", ":"), (), "a\nb"),
        (('data: {"type": "response.failed", "response": {}}',), (), ""),
        (('data: {"type": "response.failed", "response": {"error": {"code": "c"}}}',), ("c",), ""),
        (('data: {"throttlingException": {"message": "m"}}',), ("ThrottlingException",), "m"),
        (('data: {"error": {"message": "m"}}', "data: x"), (), "m"),
    ],
)
def test_what_an_event_says(lines: tuple[str, ...], names: tuple[str, ...], message: str) -> None:
    """An event called error is one, whatever its data; its text is its data alone."""
    said = in_stream(*lines)
    assert (said.names, said.message, said.is_event) == (names, message, True)
    assert said.text == "\n".join(line[5:].removeprefix(" ") for line in lines if line.startswith("data:"))


@pytest.mark.parametrize(
    "lines",
    [
        ("event: message", 'data: {"text": "{\\"error\\": {\\"type\\": \\"overloaded_error\\"}}"}'),
        ('data: {"choices": [{"delta": {"content": "\\"error\\""}}], "error": null}',),
        ('data: {"delta": "response.failed and an Exception"}',),
        ('data: ["error"]',),
        ('data: "error"',),
        ("event: errors", "data: x"),
        ("events: error", "data: x"),
        (f"datum: {DATA}",),
        (f" : {DATA}",),
        ("data",),
        (":",),
    ],
)
def test_what_a_model_writes_is_no_error_of_the_provider(lines: tuple[str, ...]) -> None:
    """On a success nothing is said; on a failure it is plain words."""
    assert in_stream(*lines) is NO_ERROR
    text = "\n".join(lines)
    assert in_stream(*lines, failed=True) == ErrorSaid(message=text, text=text)


def test_a_stream_without_an_event_ends_with_its_names() -> None:
    """An event needs a name or data; blank lines and comments are none."""
    assert in_stream(":", "", "id: 3", "", "") is NO_ERROR
    assert in_stream(":", "", "event: error").is_event
    assert in_stream(":", "event: error", "", "data: x").message == ""


@pytest.mark.parametrize(
    ("body", "length"),
    [("", 0), ("x" * 65_536, 65_536), ("x" * 65_537, 65_536), ("é" * 32_768, 32_768), ("é" * 32_769, 32_768)],
)
def test_only_64_kib_are_looked_at(body: str, length: int) -> None:
    """In UTF-8; a character that does not fit is left out as a whole."""
    assert bounded(body) == body[:length]
    assert bounded("x" * 65_535 + "é") == "x" * 65_535
    assert bounded("x" * 65_533 + "☃☃") == "x" * 65_533 + "☃"


@pytest.mark.parametrize("filler", ["x", "é", "☃", "\U0001f600"])
def test_what_lies_beyond_64_kib_changes_nothing(filler: str) -> None:
    """It is not even read: whatever stands there, the answer is the same."""
    head = '{"error": {"type": "rate_limit_error", "message": "'
    body = head + filler * 65_536
    cut = read_error(body, failed=True)
    assert cut.names == ("rate_limit_error",)
    assert len(cut.message.encode()) == (BODY_BYTES_MAX - len(head)) // len(filler.encode()) * len(filler.encode())
    for tail in ('"}}', '"}, "error": {"type": "overloaded_error"}}', "\ud800", "\x00" * 100_000):
        assert read_error(body + tail, failed=True) == cut


@pytest.mark.parametrize(
    "piece", ["data:\n", "data: {\n\n", ":\n", "\r", "\n\n", 'data: "error"\n\n', "event: error\n", '{"error":', "["]
)
@pytest.mark.parametrize("failed", [True, False])
def test_long_repeats_end(piece: str, *, failed: bool) -> None:
    """Twice 64 KiB of any repeat, of which the second half changes nothing."""
    text = "data: x\n" + piece * (65_536 // len(piece))
    assert read_error(text[:65_536], failed=failed) == read_error(text + piece * 65_536, failed=failed)
    read_error(piece * 65_536, failed=failed)


@pytest.mark.parametrize(
    ("value", "text"),
    [("x", "x"), ("", ""), (429, "429"), (0, "0"), (-1, "-1"), (True, ""), (1.5, ""), (None, ""), ([], ""), ({}, "")],
)
def test_names_are_texts_or_whole_numbers(value: object, text: str) -> None:
    """Nothing else has a name."""
    assert as_name(value) == text


@pytest.mark.parametrize("value", [None, 1, "x", [{}], True])
def test_what_is_no_object_is_an_empty_one(value: object) -> None:
    """And an object is itself."""
    assert as_mapping(value) == {}
    assert as_mapping({"a": 1}) == {"a": 1}


@pytest.mark.parametrize(
    ("name", "bare"),
    [
        ("ThrottlingException", "ThrottlingException"),
        ("com.amazon#ThrottlingException", "ThrottlingException"),
        ("ThrottlingException:http://internal.amazon.com/coral/", "ThrottlingException"),
        ("com.amazon#ThrottlingException:http://internal.amazon.com/coral/", "ThrottlingException"),
        ("ThrottlingException:http://internal.amazon.com/coral/#fragment", "ThrottlingException"),
        ("", ""),
        ("#", ""),
        (":", ""),
    ],
)
def test_exceptions_without_their_name_space(name: str, bare: str) -> None:
    """What follows a colon goes first, then what precedes a `#`.

    Source: https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html#operation-error-serialization
    """
    assert bare_name(name) == bare
