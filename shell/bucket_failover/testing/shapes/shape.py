"""What a shape is: the part of an endpoint that differs from API to API."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

from bucket_failover.testing.answers import Answer, JsonObject
from bucket_failover.testing.credentials import Problem
from bucket_failover.testing.haiku import pieces
from bucket_failover.testing.quota import Reading
from bucket_failover.testing.received import Endpoint


@dataclass(frozen=True, slots=True)
class Call:
    """What a client sent. Its repr shows nothing, because any of it may hold a secret."""

    headers: Mapping[str, str] = field(repr=False)
    """By name in lower case."""
    query: Mapping[str, str] = field(repr=False)
    path: Mapping[str, str] = field(repr=False)
    """The parts of the path that are the client's, such as "model"."""
    body: bytes = field(repr=False)


class Presented(NamedTuple):
    """The credentials that came along; None: there was none of that kind."""

    bearer: str | None
    api_key: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What a well-formed request wants.

    Args:
        model: its name.
        stream: the answer is to come in pieces.
        tool: the tool that the answer is to call; None: it is to be text.
        text: what the answer is to say; None: the next haiku.
        tells_usage: the stream is to end with the number of tokens, where that has to be asked for.
    """

    model: str
    stream: bool
    tool: str | None = None
    text: str | None = None
    tells_usage: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """What the answer says, before a shape puts it into words.

    Args:
        asked: what was asked for; its `tool` decides whether this is a tool call or text.
        text: all of it; for a tool call, its arguments.
        number: tells answers apart, from 1.
        at: Unix seconds.
    """

    asked: Asked
    text: str
    number: int
    at: float

    @property
    def pieces(self) -> tuple[str, ...]:
        """What a stream sends one by one, and what counts as a token each: the words; a tool call is one piece."""
        return pieces(self.text) if self.asked.tool is None else (self.text,)


class Parts(NamedTuple):
    """A stream of server-sent events: what comes before the pieces, the pieces, and what comes after them."""

    opening: str
    pieces: tuple[str, ...]
    closing: str


class Shape(ABC):
    """One API's way to be asked and to answer. It holds no state."""

    endpoint: ClassVar[Endpoint]
    """What the record calls it."""
    overload_status: ClassVar[int]
    """The HTTP status with which this API says that it is overloaded."""
    overload_message: ClassVar[str]
    """The words with which it does."""

    @abstractmethod
    def presented(self, call: Call) -> Presented:
        """The credentials of a request."""

    @abstractmethod
    def read(self, call: Call) -> Asked | str:
        """What a request asks for, or what is wrong with it."""

    @abstractmethod
    def whole(self, said: Said) -> JsonObject:
        """The answer as one object."""

    @abstractmethod
    def streamed(self, said: Said) -> Parts:
        """The answer as server-sent events."""

    @abstractmethod
    def broken(self, said: Said, *, after_pieces: int) -> str:
        """The event with which a stream ends after so many pieces because of an overload."""

    @abstractmethod
    def headers(self, reading: Reading | None, *, request_id: str, now: float) -> dict[str, str]:
        """The headers of an answer: its id, and the state of the quota (None: there is none)."""

    @abstractmethod
    def error(self, status: int, message: str, *, request_id: str) -> Answer:
        """An error by the name that the API has for the status."""

    @abstractmethod
    def unauthenticated(self, problem: Problem, *, request_id: str) -> Answer:
        """The refusal of a credential."""

    @abstractmethod
    def spent(self, reading: Reading, *, request_id: str, now: float) -> Answer:
        """The refusal of a request for which the quota is spent."""


def bearer(call: Call) -> str | None:
    """The bearer token of a request; None: there is none."""
    scheme, _, token = call.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else None


def json_object(body: bytes) -> dict[str, object] | str:
    """The object that a body is, or what is wrong with it."""
    try:
        read = json.loads(body)
    except ValueError:  # JSONDecodeError and UnicodeDecodeError both are
        return "The request body is not valid JSON"
    return read if isinstance(read, dict) else "The request body must be a JSON object"


def objects(value: object) -> list[dict[str, object]]:
    """The objects in a list; what is no list has none."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def first_name(tools: list[dict[str, object]]) -> str | None:
    """The name of the first tool that has one; None: none has."""
    return next((name for tool in tools if isinstance(name := tool.get("name"), str) and name), None)


def sse(data: object, *, event: str | None = None) -> str:
    """One server-sent event of JSON, with a name or without.

    Example: `sse({"n": 1}, event="error")` is `event: error`, `data: {"n": 1}` and an empty line.
    """
    return (f"event: {event}\n" if event else "") + f"data: {json.dumps(data)}\n\n"
