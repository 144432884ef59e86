"""What an answer can say: the few kinds of sentences into which every provider's way of speaking is translated."""

from typing import NamedTuple

from bucket_failover_core.facts.causes import Cause
from bucket_failover_core.facts.limits import LimitScope, LimitSource, Strength, Window


class UsedUp(NamedTuple):
    """An allowance is used up.

    Args:
        window: which one; `unknown` if the answer does not say.
        until: Unix seconds at which it is there again; None: not said, or not readable.
        source: where that was said.
        strength: `directive` if it was said outright, `advisory` if it follows from a count or a percentage.
        scope: whom it concerns.
        model: the model it is about.
        detail: a few words of our own.
        guess_seconds: how long it is guessed to last if nothing says until when; None: as windows of its kind do.
        yields: a wait beside it says better until when (the time of a full refill is not the time to wait).
        waiting_heals: False: a short wait beside it is a gateway's, which does not know.
    """

    window: Window
    until: float | None = None
    source: LimitSource = "header"
    strength: Strength = "advisory"
    scope: LimitScope = "credential"
    model: str | None = None
    detail: str = ""
    guess_seconds: float | None = None
    yields: bool = False
    waiting_heals: bool = True


class Open(NamedTuple):
    """An allowance is reported, and there is something left of it.

    Args:
        window: which one.
        used: the fraction that is used, None if not said.
        resets_at: Unix seconds, None if not said or not asked for.
        scope: whom it concerns.
        model: the model it is about.
    """

    window: Window
    used: float | None = None
    resets_at: float | None = None
    scope: LimitScope = "credential"
    model: str | None = None


class Noted(NamedTuple):
    """Something about limits was said and understood, and nothing follows from it."""


class Unreadable(NamedTuple):
    """Something about limits was said in this field, and it cannot be read."""

    field: str


class Wait(NamedTuple):
    """A field of the body asks for no repetition before this moment (Unix seconds)."""

    until: float


class Named(NamedTuple):
    """The error itself names its cause, more exactly than the status does.

    Args:
        cause: which one.
        detail: in words of our own.
        is_spoken: it says so of quota outright; a mere "rate limit exceeded" says no more than the status.
    """

    cause: Cause
    detail: str
    is_spoken: bool = True


class Reach(NamedTuple):
    """Whom everything in this answer concerns that says nothing more exact of itself."""

    scope: LimitScope
    model: str | None = None


class ThisRequestOnly(NamedTuple):
    """If nothing else is said, this request was refused, and not the account."""


Signal = UsedUp | Open | Noted | Unreadable | Wait | Named | Reach | ThisRequestOnly

NOTED = Noted()
THIS_REQUEST_ONLY = ThisRequestOnly()
