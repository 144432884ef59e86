"""The notes that the dumb oracle of a request keeps: a card for each bucket, and what is written on it.

It is the half that asks no question of its own: whether a token can be called with or refreshed, and which reason a
bucket that is ruled out has, by the letter of the contract (*Token states*, *decide_failover*).
"""

from typing import Final

from bucket_failover_core import (
    BucketFailureReason,
    Cause,
    KnownToken,
    TokenHeld,
)
from tests.support.request_worlds import Deed, Fate, Meaning

Why = BucketFailureReason

SPENT: Final = (Cause.QUOTA, Cause.THROTTLED)
REFUSALS: Final = (Cause.UNAUTHENTICATED, Cause.FORBIDDEN)
CALLS_PER_BUCKET: Final = 3


class Card:
    """One bucket, as pencilled notes."""

    def __init__(self, name: str, fate: Fate, limits: list[tuple[float, bool]]) -> None:
        self.name = name
        self.fate = fate
        self.store: KnownToken = fate.stored
        self.token: KnownToken | None = None
        """What is known of it; None: it has not been read."""
        self.refused: KnownToken | None = None
        """The token of its newest refused call."""
        self.limits = limits
        """Until when, and whether the provider said so outright."""
        self.refresh_spent = False
        self.reauth_spent = False
        self.renewed = False
        self.brought = False
        """A refresh or a login of this request has put a token into the store."""
        self.failures: list[tuple[float, Meaning]] = []
        self.calls = 0
        self.why: Why | None = None

    @property
    def out_of_calls(self) -> bool:
        return len(self.failures) >= CALLS_PER_BUCKET


class Table:
    """The cards on it, the clock above it, and what the provider has refused in this request."""

    def __init__(self, now: float) -> None:
        self.now = now
        self.refused: set[str] = set()
        self.unnamed: Card | None = None
        """The bucket whose newest call was refused with a token without a fingerprint."""
        self.deeds: list[Deed] = []

    def read(self, card: Card) -> None:
        if card.token is None:
            card.token = card.store

    def heal(self, card: Card) -> None:
        """Read it if need be; refresh it, once, if that may help."""
        self.read(card)
        if self.usable(card) or not self.refreshable(card):
            return
        self.deeds.append(("refresh", card.name, round(self.now, 6), ""))
        card.refresh_spent = True
        if card.fate.refresh is not None:
            self.bring(card, card.fate.refresh)

    def bring(self, card: Card, brought: KnownToken) -> None:
        """The same token once more renews nothing."""
        card.renewed = card.renewed or not isinstance(brought, TokenHeld) or brought != card.token
        card.store = card.token = brought
        card.brought = True

    def usable(self, card: Card) -> bool:
        token = card.token
        if not isinstance(token, TokenHeld) or token.fingerprint in self.refused:
            return False
        if token.fingerprint == "" and card is self.unnamed and not card.renewed:
            return False
        return card.fate.api_key or (token.expiry is not None and token.expiry > self.now)

    def refreshable(self, card: Card) -> bool:
        if card.fate.api_key or card.refresh_spent or card.reauth_spent:
            return False
        return isinstance(card.token, TokenHeld) and card.token.refreshable

    def login_failed(self, card: Card) -> bool:
        return card.reauth_spent and card.token is not None and not self.usable(card)

    def limits_in_force(self, card: Card) -> list[tuple[float, bool]]:
        return [(until, outright) for until, outright in card.limits if self.now < until]

    def token_reason(self, card: Card) -> Why:
        if card.reauth_spent:
            return Why.REAUTH_FAILED
        return Why.EXPIRED_REFRESH_FAILED if isinstance(card.token, TokenHeld) else Why.NO_TOKEN

    def tried_reason(self, card: Card) -> Why:
        unusable = card.token is not None and not self.usable(card)
        for _, meaning in reversed(card.failures):
            if meaning.cause in SPENT:
                return Why.QUOTA_EXHAUSTED
            if meaning.cause in REFUSALS and unusable:
                return self.token_reason(card)
        if self.limits_in_force(card):
            return Why.QUOTA_EXHAUSTED
        return self.token_reason(card) if unusable else Why.SKIPPED
