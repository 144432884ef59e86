"""A simulated provider that keeps honest accounts, and answers as Codex does: headers of two windows, 429, 503.

It knows nothing of the core but the shape of an answer (`CallFailure`), so that it cannot share its mistakes. Its clock
is an argument, and nothing in it is left to chance.

Example:
    >>> provider = SimulatedProvider({"default": Account(hours_max=1)}, midnight=0.0)
    >>> [provider.answer("default", now=now).status for now in (0.0, 60.0, 18_000.0)]
    [200, 429, 200]
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from bucket_failover_core import CallFailure

MINUTE: Final = 60.0
HOUR: Final = 3_600.0
DAY: Final = 24 * HOUR


@dataclass
class AccountWindow:
    """An allowance that begins anew. Its moments are whole seconds, as the headers are."""

    seconds: float
    most: int
    used: int = 0
    ends_at: float | None = None

    def renew(self, now: float) -> None:
        """Forget what was used in a window that is over; the next one begins with the next call."""
        if self.ends_at is not None and self.ends_at <= now:
            self.used, self.ends_at = 0, None

    def charge(self, now: float) -> None:
        """One call."""
        if self.ends_at is None:
            self.ends_at = float(int(now)) + self.seconds
        self.used += 1

    @property
    def is_spent(self) -> bool:
        """Nothing is left of it."""
        return self.used >= self.most

    def headers(self, name: str) -> tuple[tuple[str, str], ...]:
        """What an answer says of it; before its first call there is nothing to say."""
        if self.ends_at is None:
            return ()
        return (
            (f"x-codex-{name}-used-percent", str(100 * self.used // self.most)),
            (f"x-codex-{name}-window-minutes", str(int(self.seconds / MINUTE))),
            (f"x-codex-{name}-reset-at", str(int(self.ends_at))),
        )


@dataclass
class Account:
    """What one bucket's account may do, and how it says no.

    Args:
        hours_max: calls in five hours.
        week_max: calls in a week.
        week_left: of those, the calls that are left of the week that has begun; None: all of them.
        week_ends_in: seconds from midnight to that week's end.
        is_outspoken: a refusal says `resets_at`, so it is the provider's word; else only the headers speak, of 100 %.
    """

    hours_max: int
    week_max: int = 10_000
    week_left: int | None = None
    week_ends_in: float = 3 * DAY
    is_outspoken: bool = True


@dataclass
class _Books:
    """One account's windows."""

    hours: AccountWindow
    week: AccountWindow
    is_outspoken: bool


@dataclass
class SimulatedProvider:
    """All accounts, and the times at which no caller is served."""

    accounts: Mapping[str, Account]
    midnight: float
    overload: tuple[float, float] = (0.0, 0.0)
    books: dict[str, _Books] = field(init=False)

    def __post_init__(self) -> None:
        """The books are opened."""
        self.books = {
            name: _Books(
                AccountWindow(5 * HOUR, account.hours_max),
                AccountWindow(
                    7 * DAY,
                    account.week_max,
                    0 if account.week_left is None else account.week_max - account.week_left,
                    self.midnight + account.week_ends_in,
                ),
                account.is_outspoken,
            )
            for name, account in self.accounts.items()
        }

    def answer(self, bucket: str, *, now: float) -> CallFailure:
        """A call with the bucket, and what comes back: the windows as they were when it came."""
        books = self._books_of(bucket, now)
        if self.is_overloaded(now):
            error = {"type": "server_error", "code": "server_is_overloaded", "message": "Our servers are overloaded."}
            return CallFailure(status=503, body=json.dumps({"error": error}), dialect="codex")
        if books.hours.is_spent or books.week.is_spent:
            return CallFailure(status=429, headers=_headers(books), body=_refusal(books), dialect="codex")
        headers = _headers(books)
        books.hours.charge(now)
        books.week.charge(now)
        return CallFailure(status=200, headers=headers, dialect="codex")

    def usable(self, *, now: float) -> list[str]:
        """The buckets that would be served: the truth, which only the provider knows."""
        if self.is_overloaded(now):
            return []
        books = {name: self._books_of(name, now) for name in self.books}
        return [name for name, each in books.items() if not (each.hours.is_spent or each.week.is_spent)]

    def is_overloaded(self, now: float) -> bool:
        """Whether no caller is served, whatever is left."""
        begins, ends = self.overload
        return begins <= now < ends

    def reset_week(self, bucket: str, *, now: float) -> None:
        """The provider begins the bucket's week anew before its time, as they do now and then."""
        week = self.books[bucket].week
        week.used, week.ends_at = 0, float(int(now)) + week.seconds

    def _books_of(self, bucket: str, now: float) -> _Books:
        books = self.books[bucket]
        books.hours.renew(now)
        books.week.renew(now)
        return books


def _headers(books: _Books) -> tuple[tuple[str, str], ...]:
    return (*books.hours.headers("primary"), *books.week.headers("secondary"))


def _refusal(books: _Books) -> str:
    """The body of a 429: with the moment, if the account is outspoken."""
    error: dict[str, object] = {"type": "usage_limit_reached", "message": "The usage limit has been reached"}
    if books.is_outspoken:
        ends = [each.ends_at for each in (books.hours, books.week) if each.is_spent and each.ends_at is not None]
        error["resets_at"] = int(max(ends))
    return json.dumps({"error": error})
