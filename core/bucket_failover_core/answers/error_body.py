"""The error that a body holds: as JSON, as an event of a stream, or in plain words.

Rules: only the first 64 KiB are looked at. In an answer that failed, the whole body is the provider's error; in one
that succeeded, only an error event is, and the rest is the model's own words, which say nothing of limits. What is
cut off or broken spoils nothing that can still be read.

Road not taken: to search the text for telling words. A model that writes about rate limits would bench its own account.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from pydantic_core import from_json

BODY_BYTES_MAX: Final = 65_536
_BLANK: Final = "\ufeff \t\r\n"
_STREAM_FIELDS: Final = ("event:", "data:", "id:", "retry:", ":")
_SURROGATE_ESCAPE: Final = re.compile(r"(\\\\)|\\u[dD][89a-fA-F][0-9a-fA-F]{2}", re.ASCII)
_EXCEPTION: Final = re.compile(r"[A-Za-z]{1,60}(?:Exception|Error)", re.ASCII)
_EXCEPTION_EVENT: Final = re.compile(r"[a-z][A-Za-z]{0,59}Exception", re.ASCII)
_NAME_FIELDS: Final = ("type", "code", "status", "reason", "__type")
_MESSAGE_FIELDS: Final = ("message", "Message", "detail")
_DETAILS_MAX: Final = 20
_NO_FIELDS: Final[Mapping[str, object]] = {}


class ErrorSaid(NamedTuple):
    """What a body says of an error.

    Args:
        names: its type, code and status, as far as it has them.
        message: its words; empty if it has none.
        fields: the error's own object.
        document: the whole object that it stands in.
        is_event: it says of itself that it is an error, whatever the status.
        text: everything that was looked at.
    """

    names: tuple[str, ...] = ()
    message: str = ""
    fields: Mapping[str, object] = _NO_FIELDS
    document: Mapping[str, object] = _NO_FIELDS
    is_event: bool = False
    text: str = ""


NO_ERROR: Final = ErrorSaid()


def read_error(body: str | None, *, failed: bool) -> ErrorSaid:
    """The error in a body, or `NO_ERROR`.

    Example: of `{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}` the names are
    `("overloaded_error",)`, and it is an event.

    Args:
        body: the text of an answer, of a stream's beginning, or of one event.
        failed: the status says that the call has failed, so that the body is about an error.
    """
    if not body:
        return NO_ERROR
    text = bounded(body)
    start = text.lstrip(_BLANK)
    if start == "":
        return NO_ERROR
    document, said = None, None
    if start[0] in "{[":
        document = _document(start)
        said = _error_in(document, text, failed=failed) if document is not None else None
    elif start.startswith(_STREAM_FIELDS):
        said = _error_in_stream(start)
    if said is not None:
        return said
    if not failed:
        return NO_ERROR if document is None else NO_ERROR._replace(document=document)
    return ErrorSaid(message=text, text=text)


def bounded(body: str) -> str:
    """As much of a body as is looked at."""
    text = body[:BODY_BYTES_MAX]
    return text if text.isascii() else text.encode()[:BODY_BYTES_MAX].decode(errors="ignore")


def as_mapping(value: object) -> Mapping[str, object]:
    """A JSON object; empty if the value is none."""
    return value if isinstance(value, dict) else _NO_FIELDS


def as_name(value: object) -> str:
    """A JSON value that is a name: a text, or a whole number as a text; empty if it is neither."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def _document(text: str) -> Mapping[str, object] | None:
    """The JSON object in a text that may be cut off; of an array its first object; None: it holds none."""
    try:
        value = from_json(text, allow_partial="trailing-strings")
    except ValueError:
        try:
            value = from_json(_SURROGATE_ESCAPE.sub(_replace_surrogate, text), allow_partial="trailing-strings")
        except ValueError:
            return None
    if isinstance(value, list):
        value = next((item for item in value if isinstance(item, dict)), None)
    return value if isinstance(value, dict) else None


def _replace_surrogate(match: re.Match[str]) -> str:
    """An escaped backslash stays; an escaped half of a character becomes U+FFFD."""
    return match[1] or "\\ufffd"


def _error_in(document: Mapping[str, object], text: str, *, failed: bool) -> ErrorSaid | None:
    """The error that a JSON object is or has."""
    error = document.get("error")
    if isinstance(error, dict) and error:
        return _said(error, document, text, is_event=True)
    if isinstance(error, str) and error:
        return _said(_flat(error, document), document, text, is_event=True)
    kind = document.get("type")
    if kind == "response.failed":
        failure = as_mapping(as_mapping(document.get("response")).get("error"))
        return _said(failure, document, text, is_event=True)
    if kind == "error" or _is_exception(document.get("__type")):
        return _said(document, document, text, is_event=True)
    for name, value in document.items():
        if isinstance(value, dict) and _EXCEPTION_EVENT.fullmatch(name):
            return _said({"type": name[0].upper() + name[1:]} | value, document, text, is_event=True)
    return _said(document, document, text, is_event=False) if failed else None


def _flat(error: str, document: Mapping[str, object]) -> Mapping[str, object]:
    """An error that is a text; its code, and what is said of it at length, stand beside it."""
    longer = document.get("message")
    words = f"{error}: {longer}" if isinstance(longer, str) and longer else error
    return {"message": words, "type": error} | ({"code": document["code"]} if "code" in document else {})


def _is_exception(name: object) -> bool:
    return isinstance(name, str) and _EXCEPTION.fullmatch(bare_name(name)) is not None


def bare_name(name: str) -> str:
    """The name of an exception without its name space: "com.amazon#ThrottlingException:http://…" is the middle."""
    return name.partition(":")[0].rpartition("#")[2]


def _said(error: Mapping[str, object], document: Mapping[str, object], text: str, *, is_event: bool) -> ErrorSaid:
    names: list[str] = []
    for key in _NAME_FIELDS:
        name = error.get(key)
        if name is None or (key == "type" and name == "error"):
            continue
        known = as_name(name)
        if known:
            names.append(bare_name(known) if key == "__type" else known)
    details = error.get("details")
    if isinstance(details, list):
        names += (reason for item in details[:_DETAILS_MAX] if (reason := as_name(as_mapping(item).get("reason"))))
    message = ""
    for key in _MESSAGE_FIELDS:
        words = error.get(key)
        if isinstance(words, str):
            message = words
            break
    return ErrorSaid(tuple(names), message, error, document, is_event, text)


def _error_in_stream(text: str) -> ErrorSaid | None:
    """The first event of a stream that is an error; what a model has written is inside other events' data."""
    for name, data in _events(text):
        if name == "error" or '"error"' in data or "response.failed" in data or "xception" in data:
            document = _document(data)
            said = _error_in(document, data, failed=name == "error") if document is not None else None
            if said is not None:
                return said._replace(is_event=True)
            if name == "error":
                return ErrorSaid(message=data, is_event=True, text=data)
    return None


def _events(text: str) -> Iterator[tuple[str, str]]:
    """The events of a stream: name and data. The last one may be cut off.

    Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
    """
    name, data = "", list[str]()
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        if line == "":
            if name or data:
                yield name, "\n".join(data)
            name, data = "", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value.strip()
        elif field == "data":
            data.append(value)
    if name or data:
        yield name, "\n".join(data)
