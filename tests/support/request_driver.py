"""A request played in the core alone, against a small world that says what each step and each call brings.

The clock moves only where the request waits. What happened is kept as a transcript: one word for each decision, with
its bucket, so that a test reads as a story.
"""

from dataclasses import dataclass, field
from typing import Any

from returns.methods import unwrap_or_failure

from bucket_failover_core import (
    AllBucketsExhausted,
    BucketSnapshot,
    BucketSwitched,
    CallBucket,
    CallFailure,
    FailoverSnapshot,
    FindBucket,
    GiveUp,
    KnownToken,
    ReadToken,
    Reauthenticate,
    Reauthenticated,
    ReauthFailed,
    RefreshFailed,
    RefreshToken,
    RequestDecision,
    RequestEvent,
    RequestSnapshot,
    RetriesExhausted,
    SearchFailed,
    Served,
    SessionSnapshot,
    TokenAbsent,
    TokenHeld,
    TokenRead,
    TokenRefreshed,
    WaitUntil,
    advance_request,
    begin_request,
    begin_session,
    decide_request,
    learn,
    read_answer,
)

NOW = 1_000.0
FAR = 9e9

Ended = Served | AllBucketsExhausted | RetriesExhausted | GiveUp


def live(name: str, *, refreshable: bool = True) -> TokenHeld:
    """A token that is usable by the clock."""
    return TokenHeld(expiry=FAR, fingerprint=name, refreshable=refreshable, issued_at=0.0)


def ended(name: str, *, refreshable: bool = True) -> TokenHeld:
    """A token that has ended."""
    return TokenHeld(expiry=1.0, fingerprint=name, refreshable=refreshable, issued_at=0.0)


def answer(status: int, *, after: float | None = None, body: str | None = None, **fields: Any) -> CallFailure:
    """What a call was answered; `after`: seconds of `retry-after`."""
    headers = () if after is None else (("retry-after", f"{after:g}"),)
    return CallFailure(status=status, headers=headers, body=body, **fields)


def session_of(*buckets: str | BucketSnapshot, **fields: Any) -> SessionSnapshot:
    """A session of these buckets, of which nothing is known."""
    known = tuple(each if isinstance(each, BucketSnapshot) else BucketSnapshot(name=each) for each in buckets)
    return begin_session(FailoverSnapshot(provider="p", buckets=known, **fields))


@dataclass
class World:
    """What steps and calls bring, by bucket; what is not named: no token, a refusal, a no, a 200."""

    tokens: dict[str, Any] = field(default_factory=dict)
    refreshes: dict[str, Any] = field(default_factory=dict)
    logins: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, list[CallFailure]] = field(default_factory=dict)
    keys: tuple[str, ...] = ()
    found: list[str | dict[str, Any]] = field(default_factory=list)
    """What a foreign handler finds: a bucket, or the reasons why none."""

    def copy(self) -> "World":
        """The same world, before anything has happened in it."""
        answers = {bucket: list(said) for bucket, said in self.answers.items()}
        return World(dict(self.tokens), dict(self.refreshes), dict(self.logins), answers, self.keys, list(self.found))


@dataclass
class Play:
    """A request in a world."""

    world: World
    session: SessionSnapshot
    request: RequestSnapshot
    now: float = NOW
    told: list[str] = field(default_factory=list)
    calls: list[CallBucket] = field(default_factory=list)

    def ask(self) -> RequestDecision | Ended:
        """What now? Asked twice, it is answered the same."""
        decision = unwrap_or_failure(decide_request(self.session, self.request, now=self.now))
        assert decision == unwrap_or_failure(decide_request(self.session, self.request, now=self.now))
        return decision

    def tell(self, event: RequestEvent) -> None:
        """Both are told."""
        self.session, self.request = learn(self.session, event), advance_request(self.request, event)

    def step(self) -> Ended | None:
        """Ask, do, tell; the end, if it has come."""
        decision = self.ask()
        bucket = getattr(decision, "bucket", "")
        match decision:
            case CallBucket():
                self.told.append(f"call {bucket}")
                self.calls.append(decision)
                begun = decision.begun(at=self.now)
                self.tell(begun)
                said = self.world.answers.get(bucket, [])
                read = read_answer(said.pop(0) if said else CallFailure(status=200), now=self.now)
                self.tell(begun.answered(read, fingerprint=decision.fingerprint))
            case WaitUntil(at=at):
                self.told.append(f"wait {at - NOW:g} for {bucket}")
                assert at > self.now
                self.now = at
            case ReadToken() | RefreshToken() | Reauthenticate():
                self.told.append(f"{decision.kind.split('-')[0]} {bucket}")
                self.tell(self.outcome(decision))
            case FindBucket():
                self.told.append(f"find {bucket}")
                self.tell(self.search())
            case _:
                return decision
        return None

    def outcome(self, step: ReadToken | RefreshToken | Reauthenticate) -> RequestEvent:
        """What a step about a token brings."""
        world, bucket, at = self.world, step.bucket, self.now
        if isinstance(step, ReadToken):
            token: KnownToken = world.tokens.get(bucket, TokenAbsent())
            return TokenRead(bucket=bucket, token=token, at=at, api_key=bucket in world.keys)
        brings = world.refreshes if isinstance(step, RefreshToken) else world.logins
        brought: KnownToken = brings.get(bucket, TokenAbsent())
        if isinstance(step, RefreshToken):
            if bucket not in brings:
                return RefreshFailed(bucket=bucket, detail="invalid_grant", permanent=True, at=at)
            world.tokens[bucket] = brought
            return TokenRefreshed(bucket=bucket, token=brought, at=at)
        if bucket not in brings:
            return ReauthFailed(bucket=bucket, detail="no", at=at)
        world.tokens[bucket] = brought
        return Reauthenticated(bucket=bucket, token=brought, at=at)

    def search(self) -> RequestEvent:
        """What a foreign handler finds."""
        found = self.world.found.pop(0)
        return BucketSwitched(bucket=found) if isinstance(found, str) else SearchFailed(reasons=found)

    def run(self, *, steps: int = 60) -> Ended:
        """To its end."""
        for _ in range(steps):
            end = self.step()
            if end is not None:
                self.told.append(end.kind)
                return end
        raise AssertionError(self.told)


def play(world: World, *buckets: str | BucketSnapshot, session: SessionSnapshot | None = None, **asked: Any) -> Play:
    """A request that begins in the world."""
    known = session_of(*buckets) if session is None else session
    request = begin_request(known, now=asked.pop("now", NOW), draw=asked.pop("draw", 0.5), **asked)
    return Play(world.copy(), known, request, now=request.begun_at)


def story(world: World, *buckets: str | BucketSnapshot, **asked: Any) -> list[str]:
    """The whole transcript of a request."""
    told = play(world, *buckets, **asked)
    told.run()
    return told.told
