"""Faults on request: what goes wrong next, where, and for whom.

A fault waits in a queue until a request comes that fits it, and is then used up. A request takes the first that fits,
so the faults of one account happen in the order in which they were asked for.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from bucket_failover.testing.accounts import Account
from bucket_failover.testing.answers import Answer, HangUp, JsonObject, Pace, Reply
from bucket_failover.testing.checks import count, number

FaultPlace = Literal["messages", "token"]
"""Where it fails. "messages": whichever endpoint generates answers, in any API's shape; "token": OAuth's."""

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
class Overload:
    """Answer with the status and the error that the API has for an overload."""


@dataclass(frozen=True, slots=True)
class BreakStream:
    """Let the answer begin, and end it with an error event after that many pieces."""

    after_pieces: int


@dataclass(frozen=True, slots=True)
class ResetStream:
    """Let the answer begin, and close the connection after that many pieces."""

    after_pieces: int


@dataclass(frozen=True, slots=True)
class Slow:
    """Answer, but slowly."""

    pace: Pace


Refusal = Fail | Overload | HangUp
"""There is no answer at all: this comes before anything of the request is looked at."""

Spoiling = BreakStream | ResetStream | Slow
"""There is an answer, and something is wrong with it: this waits for a request that is let in."""

Mishap = Refusal | Spoiling


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

    def next(self, at: FaultPlace, account: Account | None, *, happens: tuple[type[Mishap], ...]) -> Fault | None:
        """The first fault that fits a request and can happen to it; it stays in the queue. None: there is none."""
        name = None if account is None else account.name
        for fault in self._waiting:
            if fault.at == at and fault.account in {None, name} and isinstance(fault.mishap, happens):
                return fault
        return None

    def use_up(self, fault: Fault) -> None:
        """Take the first such fault out of the queue."""
        self._waiting.remove(fault)


def refused(mishap: Fail | HangUp, in_own_shape: Callable[[int], Answer]) -> Reply:
    """What an endpoint does when it fails, given the error that it has for a status."""
    if isinstance(mishap, HangUp):
        return mishap
    wait = {} if mishap.retry_after is None else {"retry-after": mishap.retry_after}
    if mishap.body is not None:
        return Answer(mishap.status, mishap.body, {"content-type": mishap.media_type} | wait)
    error = in_own_shape(mishap.status)
    return replace(error, headers={**error.headers, **wait})
