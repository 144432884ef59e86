"""Who has a login here: the accounts, each with its quota and the user behind it, who says yes or no."""

from dataclasses import dataclass, field
from typing import Literal

from bucket_failover.testing.checks import number
from bucket_failover.testing.quota import Meter, Quota

UserAnswer = Literal["yes", "no"]
"""What the user says when asked whether a client may act for them."""


@dataclass(eq=False, slots=True)
class Account:
    """One account. Two of them are never equal: it is state, not a value."""

    name: str
    token_lifetime_seconds: float
    meter: Meter = field(repr=False)
    user: UserAnswer = "yes"
    refreshes: int = 0
    """How often a refresh token of this account was exchanged with success."""


class Accounts:
    """The accounts by name."""

    def __init__(self) -> None:
        self._by_name: dict[str, Account] = {}

    def add(self, name: str, *, quota: Quota | None, token_lifetime_seconds: float) -> None:
        """Open an account.

        Raises:
            ValueError: the name is empty or taken, or the lifetime is not above 0.
        """
        if not name:
            msg = f"account must have a name, not {name!r}"
            raise ValueError(msg)
        if name in self._by_name:
            msg = f"account {name!r} exists already"
            raise ValueError(msg)
        lifetime = number("token_lifetime_seconds", token_lifetime_seconds, above=0)
        self._by_name[name] = Account(name, lifetime, Meter(quota))

    def get(self, name: str) -> Account:
        """The account of that name.

        Raises:
            ValueError: there is none.
        """
        account = self.find(name)
        if account is None:
            msg = f"account {name!r} is unknown; add_account() opens one"
            raise ValueError(msg)
        return account

    def find(self, name: str) -> Account | None:
        """The account of that name; None: there is none."""
        return self._by_name.get(name)
