"""The dumb oracle: what a failover must come to, by the letter of the contract, in one straight line.

It knows the core's words (snapshots, tokens, causes) and none of its rules: it plays the whole request against a world,
pass by pass, with mutable cards, and is meant to be read beside the contract until it is obviously right. It is asked
only at the beginning of a failover, and answers with the end.
"""

from dataclasses import dataclass
from typing import Final, Literal

from bucket_failover_core import (
    BucketFailureReason,
    BucketSnapshot,
    Cause,
    FailoverSnapshot,
    Limit,
    TokenHeld,
    TokenOutage,
    TokenState,
    TokenUnread,
)
from tests.support.worlds import Mishap, Outcome, Question, StepKind, World

Why = BucketFailureReason
Via = Literal["token", "refresh", "reauth"]

CAUSE_OF_STATUS: Final = {
    401: Cause.UNAUTHENTICATED,
    403: Cause.FORBIDDEN,
    402: Cause.QUOTA,
    429: Cause.QUOTA,
}
"""Only the causes that this decision tells apart; everything else is "any other cause"."""

SPENT: Final = (Cause.QUOTA, Cause.THROTTLED)
REFUSALS: Final = (Cause.UNAUTHENTICATED, Cause.FORBIDDEN)


@dataclass(frozen=True)
class Prophecy:
    """How the failover ends, and which steps lead there."""

    questions: tuple[Question, ...]
    use: tuple[str, bool, Via] | None
    reasons: dict[str, Why] | None = None
    needs_login: tuple[str, ...] = ()
    retry_at: float | None = None


class Card:
    """One bucket, as pencilled notes."""

    def __init__(self, facts: BucketSnapshot) -> None:
        self.name = facts.name
        self.facts = facts
        self.token: TokenState = facts.token
        self.refresh_spent = facts.refresh_spent
        self.reauth_spent = facts.reauth_spent
        self.renewed_by = facts.renewed_by
        self.why: Why | None = None


class Oracle:
    """Plays one failover to its end."""

    def __init__(self, snapshot: FailoverSnapshot, world: World, now: float) -> None:
        self.snapshot = snapshot
        self.world = world
        self.now = now
        self.questions: list[Question] = []
        self.cards = [Card(facts) for facts in snapshot.buckets]
        self.current = next((card for card in self.cards if card.name == snapshot.current), None) or (
            self.cards[0] if self.cards else None
        )
        trigger = snapshot.trigger
        self.cause = trigger.cause or CAUSE_OF_STATUS.get(trigger.status or 0)
        self.spent = self.cause in SPENT
        self.refusal = self.cause in REFUSALS
        self.refused = (trigger.fingerprint or "") if self.refusal else ""
        self.logins = snapshot.reauths_spent

    def foresee(self) -> Prophecy:
        """The three passes, one after the other."""
        if self.current is None:
            return Prophecy((), None, {})
        used = self.pass_1(self.current)
        if used is None:
            used = self.pass_2(self.current)
        while used is None:
            card = self.login_candidate(self.current)
            if card is None:
                return self.exhausted()
            used = self.pass_3(card, self.current)
        return Prophecy(tuple(self.questions), used)

    def pass_1(self, card: Card) -> tuple[str, bool, Via] | None:
        """The triggering bucket."""
        self.hold_refused(card)
        if self.login_failed(card):
            card.why = Why.REAUTH_FAILED
            return None
        if self.spent:
            card.why = Why.QUOTA_EXHAUSTED
            return None
        self.heal(card)
        if self.usable(card):
            if self.refusal or card.renewed_by:
                return (card.name, False, card.renewed_by or "token")
            spent_before = any(problem.cause in SPENT for problem in card.facts.problems)
            card.why = Why.QUOTA_EXHAUSTED if spent_before else Why.SKIPPED
            return None
        card.why = self.token_reason(card)
        return None

    def pass_2(self, current: Card) -> tuple[str, bool, Via] | None:
        """The others, in profile order."""
        for card in self.cards:
            if card is current:
                continue
            if self.login_failed(card):
                card.why = Why.REAUTH_FAILED
            elif card.facts.tried and not card.renewed_by:
                card.why = self.tried_reason(card)
            elif card.facts.paused:
                card.why = Why.SKIPPED
            elif self.limits_in_force(card):
                card.why = Why.QUOTA_EXHAUSTED
            else:
                self.heal(card)
                if self.usable(card):
                    return (card.name, True, card.renewed_by or "token")
                card.why = self.token_reason(card)
        return None

    def login_candidate(self, current: Card) -> Card | None:
        """Whom pass 3 asks: the untried ones first, then the tried ones, the triggering one among them."""
        if self.logins >= self.snapshot.policy.reauths_per_request:
            return None
        tried = [card for card in self.cards if card is current or card.facts.tried]
        untried = [card for card in self.cards if card not in tried]
        for card in untried + tried:
            if card.why not in {Why.EXPIRED_REFRESH_FAILED, Why.NO_TOKEN}:
                continue
            if isinstance(card.token, TokenOutage) or card.facts.paused or card.facts.api_key or card.reauth_spent:
                continue
            if card is not current and self.limits_in_force(card):
                continue  # the project's choice: a login would not end the limit
            return card
        return None

    def pass_3(self, card: Card, current: Card) -> tuple[str, bool, Via] | None:
        """Foreground reauth of one bucket."""
        outcome = self.ask("reauthenticate", card)
        self.logins += 1
        card.reauth_spent = True
        if not isinstance(outcome, Mishap):
            card.token = outcome
            card.renewed_by = "reauth"
        if self.usable(card):
            return (card.name, card is not current, "reauth")
        card.why = Why.REAUTH_FAILED
        return None

    def heal(self, card: Card) -> None:
        """Read it if need be; refresh it, once, if that may help."""
        if isinstance(card.token, TokenUnread):
            token = self.ask("read-token", card)
            assert not isinstance(token, Mishap)
            card.token = token
            if card is self.current:
                self.hold_refused(card)
        if not isinstance(card.token, TokenHeld) or self.usable(card):
            return
        if card.facts.api_key or card.reauth_spent or card.refresh_spent or not card.token.refreshable:
            return
        outcome = self.ask("refresh-token", card)
        card.refresh_spent = True
        if not isinstance(outcome, Mishap):
            card.token = outcome
            card.renewed_by = "refresh"

    def hold_refused(self, card: Card) -> None:
        """A refusal that names no token means the one held then, or read next."""
        if self.refusal and not self.refused and isinstance(card.token, TokenHeld) and not card.renewed_by:
            self.refused = card.token.fingerprint

    def usable(self, card: Card) -> bool:
        token = card.token
        if not isinstance(token, TokenHeld):
            return False
        if not card.facts.api_key and (token.expiry is None or token.expiry <= self.now):
            return False
        if token.fingerprint:
            return token.fingerprint != self.refused and token.fingerprint not in card.facts.rejected
        # The project's choice: without a name it cannot be remembered beyond the trigger's bucket.
        return not (self.refusal and card is self.current and not card.renewed_by)

    def login_failed(self, card: Card) -> bool:
        known = not isinstance(card.token, TokenUnread)
        return card.reauth_spent and not card.facts.api_key and known and not self.usable(card)

    def token_reason(self, card: Card) -> Why:
        if card.reauth_spent and not card.facts.api_key:
            return Why.REAUTH_FAILED
        return Why.EXPIRED_REFRESH_FAILED if isinstance(card.token, TokenHeld) else Why.NO_TOKEN

    def tried_reason(self, card: Card) -> Why:
        unusable = not isinstance(card.token, TokenUnread) and not self.usable(card)
        for problem in reversed(card.facts.problems):
            if problem.cause in SPENT:
                return Why.QUOTA_EXHAUSTED
            if problem.cause in REFUSALS and unusable:
                return self.token_reason(card)
        if self.limits_in_force(card):
            return Why.QUOTA_EXHAUSTED
        return self.token_reason(card) if unusable else Why.SKIPPED

    def limits_in_force(self, card: Card) -> list[Limit]:
        """Its own; the trigger's too, where it is the triggering bucket's or they are its whole domain's."""
        assert self.current is not None
        limits = list(card.facts.limits)
        domain = card.facts.quota_domain
        for limit in self.snapshot.trigger.limits:
            shared = limit.scope in {"organization", "provider"} and domain == self.current.facts.quota_domain != ""
            if card is self.current or shared:
                limits.append(limit)
        model = self.snapshot.model
        return [
            limit
            for limit in limits
            if self.now < limit.until
            and limit.scope != "request"
            and (limit.model is None or model is None or limit.model == model)
        ]

    def ask(self, kind: StepKind, card: Card) -> Outcome:
        self.questions.append((kind, card.name))
        return self.world.outcome(kind, card.name)

    def exhausted(self) -> Prophecy:
        """No bucket is left: each reason, whom a login would heal, and when waiting would help."""
        reasons = {card.name: card.why for card in self.cards if card.why is not None}
        login: list[str] = []
        moments: list[float] = []
        for card in self.cards:
            outage = isinstance(card.token, TokenOutage)
            if not card.facts.api_key and (
                card.why in {Why.EXPIRED_REFRESH_FAILED, Why.REAUTH_FAILED} or (card.why is Why.NO_TOKEN and not outage)
            ):
                login.append(card.name)
            limits = self.limits_in_force(card)
            if card.why is Why.QUOTA_EXHAUSTED and limits and not card.facts.paused and self.within_reach(card):
                moments.append(max(limit.until for limit in limits))
        return Prophecy(tuple(self.questions), None, reasons, tuple(login), min(moments, default=None))

    def within_reach(self, card: Card) -> bool:
        """Whether its token is usable, unknown, or one refresh away from usable."""
        if isinstance(card.token, TokenUnread) or self.usable(card):
            return True
        if card.facts.api_key or card.reauth_spent or card.refresh_spent:
            return False
        return isinstance(card.token, TokenHeld) and card.token.refreshable


def foresee(snapshot: FailoverSnapshot, world: World, *, now: float) -> Prophecy:
    """What the failover must come to."""
    return Oracle(snapshot, world, now).foresee()
