"""What was that exception? Read off the exceptions of the well-known clients, by attribute, without importing any.

An exception that says nothing known is no failed call: it is the caller's own, and goes back to the caller.

Rules for what stands behind an exception:

* A group is its only failure, if there is nothing beside it but cancellations. Of two failures none is the group's.
* An exception with nothing of its own is what it was raised *from* (`__cause__`): so its author says that the two are
  one. What was merely being handled when it was raised (`__context__`) gives it nothing: a `ValueError` out of the code
  that handles an `APIError` is a mistake in that code, and a retry would hide it.
* An exception with a status of its own may lack headers or the body, as those of pydantic-ai and LangChain do. They are
  taken from what it was raised from, or was being handled, if that has the same status: then it is the same answer,
  told twice. The nearest exception that says something else ends the search.
* Neither gives a status to an exception that tells a timeout or a broken connection.
* At most sixteen links are followed, so a cycle ends too.

Source: the exception classes of anthropic 2, openai 3, httpx2 and httpx, requests, aiohttp and urllib, as installed or
documented in 2026: a status in `status_code`, `status` or `code`, on the exception or its `response`; headers and text
on the `response`; timeouts and broken connections told by the class or a base class.
"""

import asyncio
import errno
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from bucket_failover_core import CallFailure
from bucket_failover_core.facts import ErrorKind

_TIMEOUT_NAMES: Final = frozenset({"TimeoutException", "APITimeoutError", "Timeout", "ServerTimeoutError"})
_NETWORK_NAMES: Final = frozenset(
    {
        "APIConnectionError",
        "BadStatusLine",
        "ClientConnectionError",
        "ClientPayloadError",
        "ConnectionError",
        "IncompleteRead",
        "SSLError",
        "TransportError",
        "URLError",
        "gaierror",
    }
)
_UNHEARD_STATUSES: Final = frozenset({408, 504})
"""Timeouts: a server that was in the middle of it. Source: RFC 9110, 15.5.9 and 15.6.5."""

_UNSENT_NAMES: Final = frozenset(
    {
        "ClientConnectorError",
        "ConnectError",
        "ConnectTimeout",
        "ConnectTimeoutError",
        "ConnectionRefusedError",
        "ConnectionTimeoutError",
        "NewConnectionError",
        "PoolTimeout",
        "gaierror",
    }
)
"""There was no connection to send anything on."""
_NETWORK_ERRNOS: Final = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.ENOTCONN})
_TELLING: Final = frozenset({"type", "code", "error"})
"""What a body has that is about an error."""

_STATUSES: Final = range(100, 1000)
_PLAIN: Final = (str, bytes, int, float, dict, list, tuple, type(None))
_BODY_CHARACTERS_MAX: Final = 65_536
_LINKS_MAX: Final = 16
_GROUP_MAX: Final = 256


def describe_exception(error: BaseException) -> CallFailure | None:
    """What is left of a failed call, as plain data; None: it says nothing known, and is not ours to handle.

    Example: an `anthropic.RateLimitError` is `CallFailure(status=429, headers=(("retry-after", "20"), ...), body="…")`;
    a `ConnectionResetError` is `CallFailure(error_kind="network")`; a `ValueError` is None, unless it was raised `from`
    one of these, or is a group with one of them alone.
    """
    told = _told(error)
    return None if told is None else _completed(*told)


def is_harmless(error: BaseException) -> bool:
    """Whether a request that has raised this was certainly not carried out: no connection was made, or it was refused.

    Example: an `httpx2.ConnectError`, a `ConnectionRefusedError` and what tells a 503 are harmless; an
    `httpx2.ReadTimeout`, a 504 and a `KeyError` are not, for they may come after the answer.
    """
    told = _told(error)
    if told is None:
        return False
    if told.failure.status is not None:
        return told.failure.status not in _UNHEARD_STATUSES
    return not _UNSENT_NAMES.isdisjoint(kind.__name__ for kind in type(told.error).__mro__)


def describe_answer(result: object) -> CallFailure | None:
    """Status and headers of an answer, as far as it has them; None: it has no headers, and says nothing of quota.

    Example: an `httpx2.Response`, or the raw answer of an SDK, is `CallFailure(status=200, headers=(...))`.
    """
    if isinstance(result, _PLAIN):
        return None
    response = result if _get(result, "headers") is not None else _get(result, "response")
    if response is None or _get(response, "headers") is None:
        return None
    status = _status_of(response, response)
    return None if status is None else CallFailure(status=status, headers=_headers_of(response, response))


class _Told(NamedTuple):
    """An exception that tells a failure, and what it says of it itself."""

    error: BaseException
    failure: CallFailure


def _told(error: BaseException) -> _Told | None:
    """Which exception tells what failed: this one, the only failure of a group, or what it was raised from."""
    following: BaseException | None = error
    for _ in range(_LINKS_MAX):
        if following is None:
            return None
        failure = _own(following)
        if failure is not None:
            return _Told(following, failure)
        following = _only_failure(following) if isinstance(following, BaseExceptionGroup) else following.__cause__
    return None


def _completed(error: BaseException, failure: CallFailure) -> CallFailure:
    """The failure, with what its exception lacks and an earlier one has of the same answer."""
    by_cause, earlier = True, error
    for _ in range(_LINKS_MAX):
        if failure.error_kind is not None or (failure.status and failure.headers and failure.body is not None):
            return failure
        by_cause = by_cause and (isinstance(earlier, BaseExceptionGroup) or earlier.__cause__ is not None)
        before = _before(earlier)
        if before is None:
            return failure
        earlier, other = before, _own(before)
        if other is None:
            continue
        if other.status is None or (other.status != failure.status and (failure.status is not None or not by_cause)):
            return failure
        body = other.body if failure.body is None else failure.body
        failure = failure.evolve({"status": other.status, "headers": failure.headers or other.headers, "body": body})
    return failure


def _before(error: BaseException) -> BaseException | None:
    if isinstance(error, BaseExceptionGroup):
        return _only_failure(error)
    return error.__cause__ or error.__context__


def _only_failure(group: BaseExceptionGroup[BaseException]) -> BaseException | None:
    """The one failure of a group, at any depth; a cancellation, if there is nothing else; None: there are several."""
    failures: dict[int, BaseException] = {}
    cancellation: BaseException | None = None
    waiting: list[BaseException] = [group]
    for _ in range(_GROUP_MAX):
        if not waiting:
            return next(iter(failures.values()), cancellation)
        error = waiting.pop()
        if isinstance(error, BaseExceptionGroup) and (error is group or _own(error) is None):
            waiting.extend(error.exceptions)
        elif _is_cancellation(error):
            cancellation = error
        else:
            failures[id(error)] = error
        if len(failures) > 1:
            return None
    return None


def _is_cancellation(error: BaseException) -> bool:
    kind = type(error)
    return isinstance(error, asyncio.CancelledError) or (kind.__name__, kind.__module__) == ("Cancelled", "trio")


def _own(error: BaseException) -> CallFailure | None:
    """What an exception says itself."""
    if _is_cancellation(error):
        return CallFailure(error_kind="cancelled")
    response = _get(error, "response")
    status = _status_of(error, response)
    if status is not None:
        return CallFailure(status=status, headers=_headers_of(error, response), body=_body_of(error, response))
    if isinstance(response, Mapping):
        return _of_botocore(response)
    kind = _kind_of(error)
    if kind is not None:
        return CallFailure(error_kind=kind)
    body = _get(error, "body")
    if isinstance(body, Mapping) and not _TELLING.isdisjoint(body):
        return CallFailure(body=_as_json(body))  # an error event in a stream whose status was decided before
    return None


def _status_of(error: object, response: object) -> int | None:
    for holder in (error, response):
        for name in ("status_code", "status", "code"):
            value = _get(holder, name)
            if isinstance(value, int) and not isinstance(value, bool) and value in _STATUSES:
                return int(value)
    return None


def _headers_of(error: object, response: object) -> tuple[tuple[str, str], ...]:
    headers = _get(response, "headers")
    if headers is None:
        headers = _get(error, "headers")
    # `multi_items` keeps what was repeated; the standard library's messages do so in `items`.
    pairs = _get(headers, "multi_items") or _get(headers, "items")
    return _pairs_of(pairs) if callable(pairs) else ()


def _pairs_of(pairs: Callable[[], Iterable[tuple[object, object]]]) -> tuple[tuple[str, str], ...]:
    try:
        return tuple((str(name), str(value)) for name, value in pairs())
    except Exception:  # noqa: BLE001 - headers that cannot be read are none
        return ()


def _body_of(error: BaseException, response: object) -> str | None:
    body = _get(error, "body")
    text = _get(response, "text") if body is None else body
    if isinstance(text, str):
        return text[:_BODY_CHARACTERS_MAX]
    if body is None:
        body = _get(error, "details")  # where one keeps what it has read of an answer
    return None if body is None else _as_json(body)


def _as_json(body: object) -> str | None:
    try:
        return json.dumps(body, default=str)[:_BODY_CHARACTERS_MAX]
    except Exception:  # noqa: BLE001 - it is no JSON, or something in it cannot say what it is
        return None


def _of_botocore(response: Mapping[str, Any]) -> CallFailure | None:
    """What an error of boto's says, whose response is a dictionary; None: it is none of boto's."""
    metadata, error = response.get("ResponseMetadata"), response.get("Error")
    if not isinstance(metadata, Mapping) or not isinstance(error, Mapping):
        return None
    status, headers = metadata.get("HTTPStatusCode"), metadata.get("HTTPHeaders")
    return CallFailure(
        status=status if isinstance(status, int) and status in _STATUSES else None,
        headers=_pairs_of(headers.items) if isinstance(headers, dict) else (),
        body=_as_json({"__type": error.get("Code"), "message": error.get("Message")}),
    )


def _get(holder: object, name: str) -> Any:  # noqa: ANN401 - whatever the client has put there
    """An attribute of a client's object; None if it is not there, or raises when it is asked for."""
    try:
        return getattr(holder, name, None)
    except Exception:  # noqa: BLE001 - a property may raise what it likes; a streamed answer that was not read does
        return None


def _kind_of(error: BaseException) -> ErrorKind | None:
    names = {base.__name__ for base in type(error).__mro__}
    if isinstance(error, TimeoutError) or names & _TIMEOUT_NAMES:
        return "timeout"
    if isinstance(error, ConnectionError | asyncio.IncompleteReadError) or names & _NETWORK_NAMES:
        return "network"
    if isinstance(error, OSError) and error.errno in _NETWORK_ERRNOS:
        return "network"
    return None
