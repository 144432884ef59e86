"""One vocabulary for everything that a handler, a request, a refresh or a login asks of the world.

A part of the package that has something done is a generator: it yields an effect, and is sent the outcome or thrown the
exception. What an outcome means is its own to say; with or without an event loop is the runner's.
"""

from collections.abc import Callable, Generator, Hashable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

Method = Literal[
    "read_token",
    "get_oauth_token",
    "refresh_oauth_token",
    "replace_token",
    "authenticate",
    "get_session_bucket",
    "set_session_bucket",
]
"""A method of the token manager."""


class Ask(NamedTuple):
    """Call `manager.<method>(*arguments)`; throw `LoginTimedOutError` if it takes longer than the time allowed."""

    method: Method
    arguments: tuple[str, ...]
    timeout_seconds: float | None = None


class Do(NamedTuple):
    """Make a call that may block and that cannot be stopped half way: its outcome is told, even if it comes late."""

    call: Callable[[], object]


class Wait(NamedTuple):
    """Time is to pass."""

    seconds: float


class Search(NamedTuple):
    """Let a foreign handler search: call its `try_failover` with this context."""

    context: object


class Attempt(NamedTuple):
    """Perform the caller's operation once, with this `ActiveBucket`."""

    active: Any


@dataclass(frozen=True, slots=True)
class Share:
    """Have something done once for all who want it at the same time, and be sent its outcome.

    Args:
        key: what it is; a request that asks for the same key meanwhile gets the same outcome.
        alone: only one of these is done at a time, whatever their keys; who asks for another is sent None at its end.
        work: does it.
        name: what it is, in words.
    """

    key: Hashable
    alone: bool
    work: Callable[[], Generator[Any, Any, Any]]
    name: str = "a step"


Effect = Ask | Do | Wait | Search | Attempt | Share
"""What a generator may yield to a runner of requests; protocols have steps of their own besides."""
