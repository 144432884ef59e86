"""The endpoints that generate answers: who asks, may they, and with what answer; in whichever shape it is asked.

The order is that of a real gateway: a fault of the provider comes before everything, then the credential, then the
request itself, then the quota; only what is well-formed counts against it. A fault that spoils an answer needs an
answer, and one that breaks a stream needs a stream, so it waits for a request that gets that far.
"""

import json
from itertools import cycle

from bucket_failover.testing.accounts import Account
from bucket_failover.testing.answers import AT_ONCE, Answer, HangUp, Reply
from bucket_failover.testing.credentials import Credentials
from bucket_failover.testing.faults import (
    BreakStream,
    Fail,
    Faults,
    Mishap,
    Overload,
    Refusal,
    ResetStream,
    Slow,
    refused,
)
from bucket_failover.testing.haiku import HAIKU
from bucket_failover.testing.shapes.shape import Asked, Call, Said, Shape

_WORDS_OF_A_FAULT = "Fault on request"
_EMPTY_ARGUMENTS = "{}"


class Generating:
    """Answers with a haiku or with a call of the first tool, or says why not."""

    def __init__(self, credentials: Credentials, faults: Faults) -> None:
        self._credentials = credentials
        self._faults = faults
        self._asked = 0
        self._answered = 0
        self._haiku = cycle(HAIKU)

    def answer(self, shape: Shape, call: Call, *, now: float) -> tuple[Account | None, Reply]:
        """Whose credential it was (None: no account's), and what goes back."""
        self._asked += 1
        request_id = f"req_{self._asked:06}"
        presented = shape.presented(call)
        account, problem = self._credentials.identify(bearer=presented.bearer, api_key=presented.api_key, now=now)
        asked = shape.read(call)
        fault = self._faults.next("messages", account, happens=_mishaps(asked))
        if fault is not None and isinstance(fault.mishap, Refusal):
            self._faults.use_up(fault)
            return account, _fails(shape, fault.mishap, request_id=request_id)
        if problem is not None:
            return account, shape.unauthenticated(problem, request_id=request_id)
        assert account is not None, "a credential without a problem is an account's"  # noqa: S101 - for the type checker
        if isinstance(asked, str):
            return account, shape.error(400, asked, request_id=request_id)
        reading = account.meter.admit(now=now)
        if reading is not None and not reading.admitted:
            return account, shape.spent(reading, request_id=request_id, now=now)
        if fault is not None:
            self._faults.use_up(fault)
        headers = shape.headers(reading, request_id=request_id, now=now)
        return account, _answer(shape, self._say(asked, now=now), headers, fault.mishap if fault else None)

    def _say(self, asked: Asked, *, now: float) -> Said:
        self._answered += 1
        if asked.tool is not None:
            return Said(asked, _EMPTY_ARGUMENTS, self._answered, now)
        return Said(asked, next(self._haiku) if asked.text is None else asked.text, self._answered, now)


def _mishaps(asked: Asked | str) -> tuple[type[Mishap], ...]:
    """What can happen to a request: nothing spoils the answer of one that is malformed."""
    if isinstance(asked, str):
        return (Fail, Overload, HangUp)
    if not asked.stream:
        return (Fail, Overload, HangUp, Slow)
    return (Fail, Overload, HangUp, Slow, BreakStream, ResetStream)


def _fails(shape: Shape, mishap: Refusal, *, request_id: str) -> Reply:
    if isinstance(mishap, Overload):
        return shape.error(shape.overload_status, shape.overload_message, request_id=request_id)
    return refused(mishap, lambda status: shape.error(status, _WORDS_OF_A_FAULT, request_id=request_id))


def _answer(shape: Shape, said: Said, headers: dict[str, str], mishap: Mishap | None) -> Answer:
    pace = mishap.pace if isinstance(mishap, Slow) else AT_ONCE
    if not said.asked.stream:
        return Answer(200, json.dumps(shape.whole(said)), {"content-type": "application/json"} | headers, pace)
    events = _events(shape, said, mishap)
    headers = {"content-type": "text/event-stream", "cache-control": "no-cache"} | headers
    return Answer(200, events, headers, pace, is_cut=isinstance(mishap, ResetStream))


def _events(shape: Shape, said: Said, mishap: Mishap | None) -> tuple[str, ...]:
    opening, pieces, closing = shape.streamed(said)
    match mishap:
        case BreakStream(after_pieces=after):
            kept = pieces[:after]
            events = (opening, *kept, shape.broken(said, after_pieces=len(kept)))
        case ResetStream(after_pieces=after):
            events = (opening, *pieces[:after])
        case _:
            events = (opening, *pieces, closing)
    return tuple(event for event in events if event)
