"""The dumb oracle of a whole request: what it must come to, by the letter of the contract, in one straight line.

It knows the core's words and none of its rules: it plays a request against a scripted world with mutable cards, and is
meant to be read beside the contract (*Retry rules*, *One whole request*, the three passes) until it is obviously right.
Its worlds are small: one request, the default strategy, limits at the start only such as the provider said outright,
no quota domain, no paused bucket, a retry budget that is not counted.
"""

from dataclasses import dataclass
from typing import Final

from bucket_failover_core import (
    Cause,
    FailoverSnapshot,
    RetryPolicy,
    TokenHeld,
    TokenOutage,
)
from tests.support.request_cards import REFUSALS, SPENT, Card, Table, Why
from tests.support.request_worlds import MEANINGS, Deed, End, Meaning, World
from tests.support.worlds import NOW

SHORT_WAIT: Final = 30.0


@dataclass(frozen=True)
class Prophecy:
    """All that is asked of the shell but readings, in order, how the request ends, and where it leaves the session."""

    deeds: tuple[Deed, ...]
    end: End
    current: str | None


NO_CARD: Final[Card | None] = None
"""No bucket is called any more: the request has ended."""


class Oracle(Table):
    """Plays one request to its end."""

    def __init__(self, profile: FailoverSnapshot, world: World, policy: RetryPolicy, now: float, draw: float) -> None:
        super().__init__(now)
        self.policy, self.draw = policy, draw
        self.cards = [
            Card(each.name, world[each.name], [(limit.until, limit.strength == "directive") for limit in each.limits])
            for each in profile.buckets
        ]
        first = self.cards[0] if self.cards else None
        self.session = next((card for card in self.cards if card.name == profile.current), first)
        self.logins_left = profile.policy.reauths_per_request
        self.allowed = policy.max_attempts or max(6, 3 * len(self.cards))
        self.attempts = 0
        self.end: End | None = None

    def foresee(self) -> Prophecy:
        """Begin, call, hear, go on, until there is an end."""
        card = self.start()
        while card is not None:
            card = self.call(card)
        assert self.end is not None
        return Prophecy(tuple(self.deeds), self.end, None if self.session is None else self.session.name)

    # Where it begins.

    def start(self) -> Card | None:
        """The session's bucket if it can be used, else the first of the profile that can."""
        first = self.session
        if first is None:
            return self.ended("exhausted")
        if len(self.cards) == 1:
            return self.only(first)
        order = [first, *(card for card in self.cards if card is not first)]
        benched = [card for card in self.cards if self.limits_in_force(card)]
        while True:
            found = next((card for card in order if self.try_other(card)), None)
            if found is not None:
                lacks_a_token = not self.limits_in_force(first) and not self.usable(first)
                if lacks_a_token or found in benched:
                    self.session = found  # else a limit is a detour
                return found
            called, goes_on = self.nothing_left(None, None)
            if not goes_on:
                return called

    def only(self, card: Card) -> Card | None:
        """A single bucket is always called if it has a token; it is asked no login (REQ-1598-FL16)."""
        self.heal(card)
        if self.usable(card):
            return card
        card.why = self.token_reason(card)
        return self.exhausted()

    # A call and its answer.

    def call(self, card: Card) -> Card | None:
        """One call; the bucket that is called next, or None at the end."""
        assert isinstance(card.token, TokenHeld)
        used = card.token.fingerprint
        self.deeds.append(("call", card.name, round(self.now, 6), used))
        self.attempts += 1
        answers = card.fate.answers
        answer = answers[card.calls] if card.calls < len(answers) else "200"
        card.calls += 1
        if answer == "200":
            return self.ended("served", card.name)
        meaning = MEANINGS[answer]
        self.note_failure(card, meaning, used)
        if meaning.cause is None:
            return self.ended("give-up", "", "unknown")
        if meaning.cause is Cause.CLIENT_ERROR:
            return self.ended("give-up", meaning.cause, "final")
        return self.alone(card, meaning) if len(self.cards) == 1 else self.among_several(card, meaning)

    def note_failure(self, card: Card, meaning: Meaning, used: str) -> None:
        card.failures.append((self.now, meaning))
        card.renewed = False
        if meaning.limit is not None:
            # Harder evidence replaces softer; of one kind the latest end counts.
            card.limits = [] if meaning.outright else [held for held in card.limits if held[1]]
            card.limits.append((self.now + meaning.limit, meaning.outright))
        self.unnamed = None
        if meaning.cause in REFUSALS:
            if used:
                self.refused.add(used)
            else:
                self.unnamed = card
            card.refused, card.token = card.token, None  # what is known of it is older than the call
        for each in self.cards:
            if each.fate.later is not None and self.attempts == 1 and not each.brought:
                each.store = each.fate.later  # another program has renewed it, or its user has logged in
            missing = each.token is not None and not isinstance(each.token, TokenHeld)
            if missing and not each.failures and not each.reauth_spent:
                each.token = None

    def alone(self, card: Card, meaning: Meaning) -> Card | None:
        """One bucket: never fail over, just retry within the budget, with two exceptions."""
        assert meaning.cause is not None
        if meaning.cause in REFUSALS:
            healed = self.refresh_then_retry(card)
            if healed is not None or self.end is not None:
                return healed
            return self.ended("give-up", meaning.cause, "final")
        if meaning.cause is Cause.QUOTA and meaning.wish is not None and meaning.wish > self.policy.hint_max_seconds:
            return self.ended("give-up", meaning.cause, "final")
        return self.retry(card, meaning)

    def among_several(self, card: Card, meaning: Meaning) -> Card | None:
        """Cause by cause, counted per bucket over all kinds of failure."""
        first = len(card.failures) == 1
        if meaning.cause in REFUSALS:
            if not card.out_of_calls:
                healed = self.refresh_then_retry(card)
                if healed is not None or self.end is not None:
                    return healed
            return self.search(card, meaning)
        if meaning.cause is Cause.QUOTA:
            return self.search(card, meaning)
        if meaning.cause is Cause.THROTTLED:
            is_short = meaning.wish is None or meaning.wish <= SHORT_WAIT
            return self.retry(card, meaning) if first and is_short else self.search(card, meaning)
        if first:
            return self.retry(card, meaning)
        if meaning.cause is Cause.OVERLOADED:
            return self.search(card, meaning, not_before=self.given_until(meaning, failures=1, at=self.now))
        return self.search(card, meaning)

    def refresh_then_retry(self, card: Card) -> Card | None:
        """Its token is read again; another usable one is used, else one refresh may bring one."""
        if self.attempts >= self.allowed:
            card.token = card.refused  # what would be retried gives up, whatever the store holds by now
            would_retry = self.refreshable(card)
            card.token = None
            return self.retries_exhausted(card) if would_retry else None
        self.heal(card)
        return card if self.usable(card) else None

    def retry(self, card: Card, meaning: Meaning) -> Card | None:
        """The same bucket again, when the provider asks for it, else after a backoff."""
        if self.attempts >= self.allowed:
            return self.retries_exhausted(card)
        self.wait(self.given_until(meaning, failures=len(card.failures), at=self.now))
        self.heal(card)  # it may have expired meanwhile
        if self.usable(card):
            return card
        return self.only(card) if len(self.cards) == 1 else self.search(card, meaning)

    def given_until(self, meaning: Meaning, *, failures: int, at: float) -> float:
        policy = self.policy
        if meaning.wish is not None:
            return at + min(meaning.wish, policy.hint_max_seconds)
        seconds = min(policy.backoff_min_seconds * 2.0 ** (failures - 1), policy.backoff_max_seconds)
        return at + seconds * (1 + policy.jitter * (2 * self.draw - 1))

    # The search.

    def search(self, failed: Card, meaning: Meaning, not_before: float | None = None) -> Card | None:
        """Three passes, and patience."""
        while True:
            found = self.pass_1(failed, meaning) or self.pass_2(failed)
            if found is not None:
                if self.attempts >= self.allowed:
                    return self.retries_exhausted(failed)
                if not_before is None or self.now >= not_before:
                    self.session = found if found is not failed else self.session
                    return found
                self.wait(not_before)
                continue
            called, goes_on = self.nothing_left(failed, not_before)
            if not goes_on:
                return called

    def pass_1(self, card: Card, meaning: Meaning) -> Card | None:
        """The triggering bucket."""
        if self.login_failed(card):
            card.why = Why.REAUTH_FAILED
            return None
        if meaning.cause in SPENT:
            card.why = Why.QUOTA_EXHAUSTED
            return None
        if card.out_of_calls:
            self.read(card)
        else:
            self.heal(card)
            if self.usable(card) and (meaning.cause in REFUSALS or card.renewed):
                return card
        if self.usable(card):
            was_spent = any(earlier.cause in SPENT for _, earlier in card.failures)
            card.why = Why.QUOTA_EXHAUSTED if was_spent else Why.SKIPPED
        else:
            card.why = self.token_reason(card)
        return None

    def pass_2(self, failed: Card) -> Card | None:
        """The others, in profile order from its beginning."""
        return next((card for card in self.cards if card is not failed and self.try_other(card)), None)

    def try_other(self, card: Card) -> bool:
        """Whether the bucket is usable; else why not."""
        if self.login_failed(card):
            card.why = Why.REAUTH_FAILED
        elif card.failures and (not card.renewed or card.out_of_calls):
            card.why = self.tried_reason(card)
        elif self.limits_in_force(card):
            card.why = Why.QUOTA_EXHAUSTED
        else:
            self.heal(card)
            if self.usable(card):
                return True
            card.why = self.token_reason(card)
        return False

    def nothing_left(self, failed: Card | None, not_before: float | None) -> tuple[Card | None, bool]:
        """A short wait, a login, a longer wait, or the end; the bucket to call, and whether to search once more.

        An overloaded provider is not hit again without a wait (`not_before`), whichever bucket is waited for.
        """
        patience = self.patience()
        login = self.login_candidate(failed)
        until, card = patience if patience is not None else (self.now, None)
        until = max(until, not_before or 0)
        if card is not None and (login is None or until - self.now <= SHORT_WAIT):
            if until > self.now:
                self.wait(until)
                return None, True
            self.heal(card)
            if not self.usable(card):
                return None, True
            self.session = card
            return card, False
        if login is not None:
            self.log_in(login)
            return None, True
        return self.exhausted(), False

    def patience(self) -> tuple[float, Card] | None:
        """The earliest bucket that would be tried again were it the only one."""
        if not self.policy.waits_for_profile or self.attempts >= self.allowed:
            return None
        latest = self.now + self.policy.hint_max_seconds
        found: list[tuple[float, Card]] = []
        for card in self.cards:
            token_can_be_had = card.token is None or self.usable(card) or self.refreshable(card)
            outright = [until for until, outright in self.limits_in_force(card) if outright]
            if card.out_of_calls or not token_can_be_had or max(outright, default=0) > latest:
                continue
            if outright:
                found.append((max(outright), card))
            elif card.failures:
                at, meaning = card.failures[-1]
                found.append((self.given_until(meaning, failures=len(card.failures), at=at), card))
        return min(found, key=lambda each: each[0], default=None)

    def login_candidate(self, failed: Card | None) -> Card | None:
        """Whom pass 3 asks: the untried ones first, then the tried ones."""
        if self.logins_left == 0:
            return None
        for card in sorted(self.cards, key=lambda card: bool(card.failures)):
            if card.why not in {Why.EXPIRED_REFRESH_FAILED, Why.NO_TOKEN} or isinstance(card.token, TokenOutage):
                continue
            if card.fate.api_key or card.reauth_spent or card.out_of_calls:
                continue
            if card is not failed and self.limits_in_force(card):
                continue  # the project's choice: a login would not end the limit
            return card
        return None

    def log_in(self, card: Card) -> None:
        self.deeds.append(("login", card.name, round(self.now, 6), ""))
        self.logins_left -= 1
        card.reauth_spent = True
        if card.fate.login is not None:
            self.bring(card, card.fate.login)

    # Waits and ends.

    def wait(self, until: float) -> None:
        if until > self.now:
            self.deeds.append(("wait", "", round(until, 6), ""))
            self.now = until

    def ended(self, kind: str, *details: str) -> Card | None:
        self.end = (kind, *details)
        return NO_CARD

    def exhausted(self) -> Card | None:
        return self.ended("exhausted", *(f"{card.name}: {card.why}" for card in self.cards))

    def retries_exhausted(self, failed: Card) -> Card | None:
        cause = failed.failures[-1][1].cause
        assert cause is not None
        return self.ended("retries-exhausted", str(self.attempts), cause)


def foresee(
    profile: FailoverSnapshot, world: World, *, policy: RetryPolicy | None = None, now: float = NOW, draw: float = 0.5
) -> Prophecy:
    """What the request must come to."""
    return Oracle(profile, world, policy or RetryPolicy(), now, draw).foresee()
