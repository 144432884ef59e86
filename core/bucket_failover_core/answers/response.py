"""One answer as the dialects see it: bounded, its header names in lower case, its error unpacked."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from bucket_failover_core.answers.error_body import NO_ERROR, ErrorSaid, bare_name, read_error
from bucket_failover_core.answers.error_message import NO_MESSAGE, Message, message_of
from bucket_failover_core.answers.error_names import status_of_names
from bucket_failover_core.answers.error_words import NO_WORDS, Words, read_words
from bucket_failover_core.answers.header_names import HEADER_CHARACTERS_MAX, Layout, layout_of
from bucket_failover_core.facts.calls import CallFailure

_SUCCESSES: Final = range(200, 300)
_FAILURES: Final = range(400, 1_000)
_SERVER_ERROR: Final = 500
_NO_VALUES: Final[Mapping[str, tuple[str, ...]]] = {}
_NO_HEADERS: Final[Mapping[str, str]] = {}
_NO_LAYOUT: Final = Layout(None, is_customary=False, places=(), tells_sizes=False, telling=0, characters=0)
_BLANK: Final = (("", ""),)


class Answer(NamedTuple):
    """One answer.

    Args:
        http_status: its HTTP status, None if there is none.
        status: the same; of a stream that failed after a success, the one that its error event means; None: there
            is none, and nothing in the body means one.
        headers: the last value of each header that speaks of limits and is not blank, by its name in lower case.
        repeated: all their values, if one of them came more than once; else empty.
        error: what its body says of an error; `NO_ERROR` if it succeeded.
        model: the model that was asked, None if unknown.
        layout: what follows from the names of its headers.
        reads_open: allowances that are not used up are to be read in full as well.
        succeeded: it is no failure at all.
        message: what the error says in words of its own; `NO_MESSAGE` if it succeeded.
        words: what it says of itself in codes and words; `NO_WORDS` if it succeeded.
        is_page: a web gateway's page or challenge, which never reached the provider.
    """

    http_status: int | None
    status: int | None
    headers: Mapping[str, str]
    repeated: Mapping[str, tuple[str, ...]] = _NO_VALUES
    error: ErrorSaid = NO_ERROR
    model: str | None = None
    layout: Layout = _NO_LAYOUT
    reads_open: bool = False
    succeeded: bool = False
    message: Message = NO_MESSAGE
    words: Words = NO_WORDS
    is_page: bool = False

    def values(self, name: str) -> tuple[str, ...]:
        """The values of a header that are not blank, in the order in which they came."""
        if self.repeated:
            return self.repeated.get(name, ())
        value = self.headers.get(name)
        return () if value is None else (value,)


def answer_of(failure: CallFailure, *, reads_open: bool = False) -> Answer:
    """What came over the wire, unpacked.

    Example: `CallFailure(status=200, body='data: {"error": {"type": "overloaded_error"}}')` is an answer of status 529.
    """
    http_status, body, pairs = failure.status, failure.body, failure.headers
    error = read_error(body, failed=http_status is None or http_status in _FAILURES) if body else NO_ERROR
    headers: Mapping[str, str] = _NO_HEADERS
    layout, repeated = _NO_LAYOUT, _NO_VALUES
    if pairs:
        names, values = zip(*pairs, strict=True)
        layout = layout_of(names)
        if layout.characters + len("".join(values)) > HEADER_CHARACTERS_MAX:
            names, values = zip(*(_without_excess(pairs) or _BLANK), strict=True)
            layout = layout_of(names)
        headers = {name: text for name, places in layout.places if (text := values[places[-1]].strip(" \t"))}
        if len(layout.places) != layout.telling:
            headers, repeated = _several(layout, values)
    if (kind := headers.get("x-amzn-errortype")) is not None:
        error = error._replace(names=(*error.names, bare_name(kind).strip()))
    status = http_status
    if error is not NO_ERROR:
        status = _meant(status, error)
        if not error.is_event and status in _SUCCESSES:
            error = NO_ERROR._replace(document=error.document)
    if status is not None and status in _SUCCESSES:
        return Answer(http_status, status, headers, repeated, error, failure.model, layout, reads_open, succeeded=True)
    message = message_of(error.message) if error.message else NO_MESSAGE
    words = NO_WORDS if error is NO_ERROR else read_words(error.names, message, status)
    is_page = layout.is_challenge or error.text.lstrip()[:1] == "<"
    return Answer(
        http_status,
        status,
        headers,
        repeated,
        error,
        failure.model,
        layout,
        reads_open,
        message=message,
        words=words,
        is_page=is_page,
    )


def _meant(status: int | None, error: ErrorSaid) -> int | None:
    """The status; of a stream that failed after a success, or of an answer without one, what its error means."""
    if status is not None and not (status in _SUCCESSES and error.is_event):
        return status
    named = status_of_names(error.names)
    return _SERVER_ERROR if named is None and error.is_event else named


def _several(layout: Layout, values: tuple[str, ...]) -> tuple[Mapping[str, str], Mapping[str, tuple[str, ...]]]:
    """The last value of each header, and all of them; blank ones do not count."""
    texts = {name: tuple(filter(None, (values[at].strip(" \t") for at in places))) for name, places in layout.places}
    return {name: found[-1] for name, found in texts.items() if found}, texts


def _without_excess(pairs: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """The headers that lie within the first 64 KiB, names and values counted."""
    left = HEADER_CHARACTERS_MAX
    return tuple((name, value) for name, value in pairs if (left := left - len(name) - len(value)) >= 0)
