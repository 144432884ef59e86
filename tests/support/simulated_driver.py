"""A shell in the pure core alone: a loop around `decide_request`, and a diary of what it was told to do.

A driver performs requests against a `SimulatedProvider`, one after the other, on a clock that moves only when a request
waits. The diary says what was believed of a bucket at each call, and whom the provider would have served.
"""

import random
from dataclasses import dataclass, field

from returns.methods import unwrap_or_failure

from bucket_failover_core import (
    CallAnswered,
    CallBucket,
    CallFailure,
    FailoverSnapshot,
    ReadToken,
    RequestEvent,
    Served,
    SessionSnapshot,
    Strategy,
    TokenHeld,
    TokenRead,
    WaitUntil,
    advance_request,
    begin_request,
    begin_session,
    decide_request,
    learn,
    read_answer,
)
from tests.support.simulated_provider import DAY, SimulatedProvider
from tests.support.worlds import named


@dataclass(frozen=True)
class Call:
    """One call, and what was believed at that moment."""

    at: float
    bucket: str
    is_canary: bool
    was_told_spent: bool
    """A directive limit of the bucket was in force."""
    was_doubted: bool
    """An advisory one was."""
    others_open: bool
    """Another bucket had no limit at all."""
    status: int | None


@dataclass(frozen=True)
class End:
    """How a request has ended: served, or not, though the provider would have served `usable`."""

    at: float
    is_served: bool
    usable: list[str]


@dataclass(frozen=True)
class Wait:
    """A request has waited, though the provider would have served `usable` when it began to."""

    begun_at: float
    until: float
    usable: list[str]


@dataclass
class Driver:
    """What a shell does: ask, do, tell both, ask again; and a diary."""

    provider: SimulatedProvider
    strategy: Strategy
    chance: random.Random
    now: float
    known: SessionSnapshot
    calls: list[Call] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)
    ends: list[End] = field(default_factory=list)
    probes: list[float] = field(default_factory=list)
    """When a canary set out."""

    @property
    def session(self) -> FailoverSnapshot:
        """What is believed of the profile's buckets."""
        return self.known.profile

    def request(self) -> None:
        """One piece of work, from its first attempt to its end."""
        request = begin_request(self.known, now=self.now, draw=self.chance.random(), strategy=self.strategy)
        while True:
            decision = unwrap_or_failure(decide_request(self.known, request, now=self.now))
            event: RequestEvent
            match decision:
                case CallBucket():
                    begun = decision.begun(at=self.now)
                    self.known, request = learn(self.known, begun), advance_request(request, begun)
                    event = self.call(decision)
                case ReadToken(bucket=bucket):
                    token = TokenHeld(expiry=self.now + 30 * DAY, fingerprint=bucket)
                    event = TokenRead(bucket=bucket, token=token, at=self.now)
                case WaitUntil(at=at):
                    self.waits.append(Wait(self.now, at, self.provider.usable(now=self.now)))
                    self.now = max(self.now, at)
                    continue
                case _:
                    is_served = isinstance(decision, Served)
                    self.ends.append(End(self.now, is_served, self.provider.usable(now=self.now)))
                    return
            self.known, request = learn(self.known, event), advance_request(request, event)

    def call(self, call: CallBucket) -> CallAnswered:
        """One attempt, and what it was answered."""
        if call.is_probe:
            self.probes.append(self.now)
        limits = [limit for limit in named(self.session, call.bucket).limits if limit.until > self.now]
        answer: CallFailure = self.provider.answer(call.bucket, now=self.now)
        self.calls.append(
            Call(
                at=self.now,
                bucket=call.bucket,
                is_canary=call.is_probe,
                was_told_spent=any(limit.strength == "directive" for limit in limits),
                was_doubted=bool(limits),
                others_open=any(
                    all(limit.until <= self.now for limit in each.limits)
                    for each in self.session.buckets
                    if each.name != call.bucket
                ),
                status=answer.status,
            )
        )
        read = read_answer(answer, now=self.now)
        return call.begun(at=self.now).answered(read, fingerprint=call.fingerprint)


def driver_of(
    provider: SimulatedProvider, strategy: Strategy, chance: random.Random, *, now: float, profile: FailoverSnapshot
) -> Driver:
    """A driver that begins with this profile; its process is alone, and so no herd."""
    return Driver(provider, strategy, chance, now, begin_session(profile, phase=0.0))
