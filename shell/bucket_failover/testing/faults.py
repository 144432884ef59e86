"""Faults on request: what goes wrong next, where, and for whom.

A fault waits in a queue until a request comes that fits it, and is then used up. A request takes the first that fits,
so the faults of one account happen in the order in which they were asked for.
"""

import json
from dataclasses import dataclass
from typing import Literal

from bucket_failover.testing.accounts import Account
from bucket_failover.testing.answers import Answer, HangUp, JsonObject, Reply, messages_error, token_error
from bucket_failover.testing.checks import count, number

FaultPlace = Literal["messages", "token"]
"""The endpoint that fails."""

_BODILESS = (204, 205, 304)
"""Statuses whose answers carry no body. Source: RFC 9110, 15.3.5, 15.3.6 and 15.4.5."""


@dataclass(frozen=True, slots=True)
class Fail:
    """Answer with an error. A body of None: in the endpoint's own shape; text: as it is."""

    status: int
    retry_after: str | None
    body: str | None
    media_type: str


@dataclass(frozen=True, slots=True)
class BreakStream:
    """Let the answer begin, and end it with an error event after that many pieces of text."""

    after_pieces: int


Mishap = Fail | HangUp | BreakStream


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong, where, and for whom; `account` None: for every client, known or not."""

    mishap: Mishap
    at: FaultPlace
    account: str | None


def failure(status: int, *, retry_after: float | str | None, body: JsonObject | str | None) -> Fail:
    """A failure as `EmbeddedProvider.fail_next` takes it, with its body already written, so that it stays as it was.

    Raises:
        ValueError: a status or a number of seconds that makes no sense.
        TypeError: the body holds something that JSON cannot.
    """
    count("status", status, at_least=200)
    if status > 599 or status in _BODILESS:  # noqa: PLR2004 - where the five classes of RFC 9110, 15 end
        msg = f"status must be at most 599 and allow a body, not {status!r}"
        raise ValueError(msg)
    if isinstance(retry_after, float | int):
        retry_after = str(number("retry_after", retry_after, at_least=0))
    if body is None or isinstance(body, str):
        return Fail(status, retry_after, body, "text/plain")
    return Fail(status, retry_after, json.dumps(body, allow_nan=False), "application/json")


class Faults:
    """The queue."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, fault: Fault, *, times: int) -> None:
        """Let it happen that many times."""
        self._waiting.extend([fault] * times)

    def next(self, at: FaultPlace, account: Account | None, *, streams: bool = False) -> Fault | None:
        """The first fault that fits a request; it stays in the queue. Only what `streams` can break."""
        name = None if account is None else account.name
        for fault in self._waiting:
            fits = fault.at == at and fault.account in {None, name}
            if fits and (streams or not isinstance(fault.mishap, BreakStream)):
                return fault
        return None

    def use_up(self, fault: Fault) -> None:
        """Take the first such fault out of the queue."""
        self._waiting.remove(fault)


def messages_failure(mishap: Fail | HangUp, *, request_id: str) -> Reply:
    """What the messages endpoint does when it fails."""
    if isinstance(mishap, HangUp):
        return mishap
    if mishap.body is None:
        return messages_error(mishap.status, "Fault on request", request_id=request_id, headers=_headers(mishap))
    return _own_words(mishap, mishap.body)


def token_failure(mishap: Fail | HangUp) -> Reply:
    """What the token endpoint does when it fails."""
    if isinstance(mishap, HangUp):
        return mishap
    if mishap.body is None:
        return token_error(mishap.status, "fault on request", headers=_headers(mishap))
    return _own_words(mishap, mishap.body)


def _own_words(fail: Fail, body: str) -> Answer:
    return Answer(fail.status, body, {"content-type": fail.media_type} | _headers(fail))


def _headers(fail: Fail) -> dict[str, str]:
    return {} if fail.retry_after is None else {"retry-after": fail.retry_after}
