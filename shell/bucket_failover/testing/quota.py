"""How much an account may ask: so many requests in a window that opens with the first of them.

The window is anchored at its first request, as the subscription windows of chat APIs are, not at the wall clock's
hours. It is half-open: at the very moment of its end a new one opens.
"""

import math
from dataclasses import dataclass
from typing import Literal, get_args

from bucket_failover.testing.checks import count, number, one_of

Window = Literal["5h", "7d", "minute"]
"""What a window is called in the headers: "5h" and "7d" are a subscription's, "minute" a plain rate limit."""


@dataclass(frozen=True, slots=True)
class Quota:
    """So many requests per window.

    Example: `Quota(requests=2, window_seconds=18_000, window="5h")`: asked at 1000, 1010 and 1020, the account answers
    twice and then says that it resets at 19000.

    Args:
        requests: how many are answered in a window; 0: none ever.
        window_seconds: how long a window lasts, above 0.
        window: its name in the headers. It does not have to match the length, so that a test may shorten it.

    Raises:
        ValueError: a negative or fractional count, a length that is not above 0, NaN, an unknown window.
    """

    requests: int
    window_seconds: float
    window: Window = "5h"

    def __post_init__(self) -> None:
        count("requests", self.requests, at_least=0)
        number("window_seconds", self.window_seconds, above=0)
        one_of("window", self.window, get_args(Window))


@dataclass(frozen=True, slots=True)
class Reading:
    """What the meter showed when a request came: whether it is let in, and the state of the window after it."""

    admitted: bool
    window: Window
    utilization: float
    """The spent part of the window, 0 to 1."""
    resets_at: float
    """Unix seconds."""
    limit: int | None = None
    """How many requests a window has; None: the account has no quota, and its window was spent outright."""
    remaining: int = 0
    """How many of them are left."""


class Meter:
    """Counts one account's requests against its quota; None: unlimited, until `spend` is called."""

    def __init__(self, quota: Quota | None) -> None:
        self._quota = quota
        self._used = 0
        self._spent_outright = False
        self._resets_at = -math.inf

    def spend(self, *, until: float) -> None:
        """Let nothing in before `until` (Unix seconds); the first request from then on opens a fresh window."""
        self._spent_outright = True
        self._resets_at = until

    def admit(self, *, now: float) -> Reading | None:
        """Count one request, or refuse it; None: let in, and there is nothing to measure."""
        if now >= self._resets_at:
            self._spent_outright = False
            self._used = 0
            if self._quota is not None:
                self._resets_at = now + self._quota.window_seconds
        quota = self._quota
        if self._spent_outright:
            if quota is None:
                return Reading(admitted=False, window="5h", utilization=1.0, resets_at=self._resets_at)
            return Reading(False, quota.window, 1.0, self._resets_at, quota.requests)  # noqa: FBT003 - as they stand
        if quota is None:
            return None
        admitted = self._used < quota.requests
        self._used += admitted
        utilization = self._used / quota.requests if admitted else 1.0
        remaining = quota.requests - self._used
        return Reading(admitted, quota.window, utilization, self._resets_at, quota.requests, remaining)
