"""A tiny simulated world for whole requests, and the loop that any shell writes around `decide_request`.

The world is a script: what the store holds for each bucket, what a refresh and a login bring, and what the calls are
answered, by name (`ANSWERS`). Its clock moves only when the machine asks for a wait. `Play` is one moment of a request;
each outcome leads to another `Play`, so that a test may follow one script (`play`) or branch.

Example:
    >>> world = {"a": Fate(stored=token("A"), answers=("429",)), "b": Fate(stored=token("B"))}
    >>> play(session_of("a", "b"), world).end
    ('served', 'b')
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final

from returns.methods import unwrap_or_failure

from bucket_failover_core import (
    AllBucketsExhausted,
    AnswerRead,
    BucketSnapshot,
    CallBucket,
    CallFailure,
    Cause,
    FailoverPolicy,
    FailoverSnapshot,
    GiveUp,
    KnownToken,
    ReadToken,
    Reauthenticate,
    Reauthenticated,
    ReauthFailed,
    RefreshFailed,
    RefreshToken,
    RequestDecision,
    RequestEnded,
    RequestEvent,
    RequestSnapshot,
    RetriesExhausted,
    RetryBudget,
    RetryPolicy,
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
from tests.support.worlds import NOW

LONG: Final = NOW + 1_000_000.0
"""No request lasts so long: a token that is live until then is live."""

ANSWERS: Final[Mapping[str, CallFailure]] = {
    "200": CallFailure(status=200),
    "429": CallFailure(status=429),
    "429 in 20": CallFailure(status=429, headers=(("retry-after", "20"),)),
    "429 in 60": CallFailure(status=429, headers=(("retry-after", "60"),)),
    "429 in 7200": CallFailure(status=429, headers=(("retry-after", "7200"),)),
    "401": CallFailure(status=401),
    "403": CallFailure(status=403),
    "500": CallFailure(status=500),
    "529": CallFailure(status=529),
    "400": CallFailure(status=400),
    "network": CallFailure(error_kind="network"),
    "302": CallFailure(status=302),
}
"""What a call may be answered."""


@dataclass(frozen=True)
class Meaning:
    """What an answer says, by the contract's *How an answer is read*.

    Args:
        cause: None: it says nothing that is known.
        wish: after how many seconds the provider wants a repetition; None: it says nothing of that.
        limit: how many seconds the bucket is benched; None: it is not.
        outright: the provider said so; else it is a guess.
    """

    cause: Cause | None
    wish: float | None = None
    limit: float | None = None
    outright: bool = False


MEANINGS: Final = {
    "429": Meaning(Cause.QUOTA, limit=60.0),
    "429 in 20": Meaning(Cause.THROTTLED, wish=20.0, limit=20.0, outright=True),
    "429 in 60": Meaning(Cause.THROTTLED, wish=60.0, limit=60.0, outright=True),
    "429 in 7200": Meaning(Cause.QUOTA, wish=7_200.0, limit=7_200.0, outright=True),
    "401": Meaning(Cause.UNAUTHENTICATED),
    "403": Meaning(Cause.FORBIDDEN),
    "500": Meaning(Cause.SERVER_ERROR),
    "529": Meaning(Cause.OVERLOADED),
    "400": Meaning(Cause.CLIENT_ERROR),
    "network": Meaning(Cause.NETWORK),
    "302": Meaning(None),
}
"""What each answer but the good one says."""

Deed = tuple[str, str, float, str]
"""What was asked of the shell: the kind, the bucket, the moment (of a wait its end), and the fingerprint of a call."""

End = tuple[str, *tuple[str, ...]]
"""How a request ended: the kind, and by whom or why."""

MOST_TURNS: Final = 200


@dataclass(frozen=True)
class Fate:
    """What lies ahead of one bucket.

    Args:
        stored: what the store holds at first.
        later: what it holds after the first failed call of the request; None: nothing has changed it.
        refresh: what a refresh brings; None: the issuer refuses.
        login: what a login brings; None: the user refuses.
        answers: what its calls are answered, by name; a call beyond them is served.
        api_key: the store says that it holds an API key.
    """

    stored: KnownToken = field(default_factory=TokenAbsent)
    later: KnownToken | None = None
    refresh: KnownToken | None = None
    login: KnownToken | None = None
    answers: tuple[str, ...] = ()
    api_key: bool = False


World = Mapping[str, Fate]


@dataclass(frozen=True)
class Call:
    """A call, as the transcript keeps it."""

    bucket: str
    at: float
    fingerprint: str
    attempt: int
    moves: bool
    is_retry: bool
    is_probe: bool
    answer: str


@dataclass(frozen=True)
class Play:
    """One moment of a request, and the transcript so far.

    Args:
        session: what all requests know.
        request: what this one knows.
        now: Unix seconds.
        deeds: what the machine has asked for, oldest first.
        calls: the calls among them.
        told: the events, oldest first.
        stored: what steps of this request have put into the store, by bucket.
        end: how it has ended; None: it goes on.
        reasons: why each bucket was ruled out, if it has ended exhausted.
    """

    session: SessionSnapshot
    request: RequestSnapshot
    now: float = NOW
    deeds: tuple[Deed, ...] = ()
    calls: tuple[Call, ...] = ()
    told: tuple[RequestEvent, ...] = ()
    stored: Mapping[str, KnownToken] = field(default_factory=dict)
    end: End | None = None

    def ask(self) -> RequestDecision | RequestEnded:
        """What the machine says now, without its wrapping."""
        return unwrap_or_failure(decide_request(self.session, self.request, now=self.now))

    def hear(self, *events: RequestEvent) -> "Play":
        """The session and the request are told of each event."""
        session, request = self.session, self.request
        for event in events:
            session, request = learn(session, event), advance_request(request, event)
        return replace(self, session=session, request=request, told=(*self.told, *events))

    def note(self, kind: str, bucket: str, at: float, fingerprint: str = "") -> "Play":
        """The transcript with one more line."""
        return replace(self, deeds=(*self.deeds, (kind, bucket, round(at, 6), fingerprint)))

    def put(self, bucket: str, held: KnownToken) -> "Play":
        """A refresh or a login has put a token into the store."""
        return replace(self, stored={**self.stored, bucket: held})

    @property
    def steps(self) -> tuple[tuple[str, str], ...]:
        """The refreshes and logins that were asked for."""
        return tuple((kind, bucket) for kind, bucket, _, _ in self.deeds if kind in {"refresh", "login"})

    @property
    def waits(self) -> tuple[tuple[str, float], ...]:
        """For whom the request has waited, and until when."""
        return tuple((bucket, at) for kind, bucket, at, _ in self.deeds if kind == "wait")

    @property
    def judged(self) -> tuple[Deed, ...]:
        """All deeds but the readings: how often a store is read is the machine's own affair."""
        return tuple(deed for deed in self.deeds if deed[0] != "read")


def token(
    fingerprint: str = "", expiry: float | None = LONG, *, refreshable: bool = True, issued_at: float | None = None
) -> TokenHeld:
    """A token in few letters, live by default for longer than any request lasts."""
    return TokenHeld(expiry=expiry, fingerprint=fingerprint, refreshable=refreshable, issued_at=issued_at)


def session_of(
    *buckets: str | BucketSnapshot, current: str | None = None, reauths: int = 1, budget: RetryBudget | None = None
) -> SessionSnapshot:
    """A session in few letters: names stand for buckets that no request has looked at."""
    profile = FailoverSnapshot(
        provider="anthropic",
        buckets=tuple(BucketSnapshot(name=each) if isinstance(each, str) else each for each in buckets),
        current=current,
        policy=FailoverPolicy(reauths_per_request=reauths),
    )
    return begin_session(profile, budget=budget)


def begin(
    session: SessionSnapshot,
    *,
    now: float = NOW,
    begun_at: float | None = None,
    draw: float = 0.5,
    policy: RetryPolicy | None = None,
) -> Play:
    """A request that begins now, or has begun at `begun_at` (Unix seconds) and has not been asked about yet."""
    begun = now if begun_at is None else begun_at
    request = begin_request(session, now=begun, draw=draw, policy=policy or RetryPolicy())
    return Play(session=session, request=request, now=now)


def after_read(play: Play, bucket: str, held: KnownToken, *, api_key: bool = False) -> Play:
    """The store has answered."""
    event = TokenRead(bucket=bucket, token=held, at=play.now, api_key=api_key)
    return play.note("read", bucket, play.now).hear(event)


def after_refresh(play: Play, bucket: str, brought: KnownToken | None) -> Play:
    """A refresh has ended; None: the issuer has refused."""
    noted = play.note("refresh", bucket, play.now)
    if brought is None:
        return noted.hear(RefreshFailed(bucket=bucket, detail="refused", permanent=True, at=play.now))
    return noted.put(bucket, brought).hear(TokenRefreshed(bucket=bucket, token=brought, at=play.now))


def after_login(play: Play, bucket: str, brought: KnownToken | None) -> Play:
    """A login has ended; None: the user has refused."""
    noted = play.note("login", bucket, play.now)
    if brought is None:
        return noted.hear(ReauthFailed(bucket=bucket, detail="closed the window", at=play.now))
    return noted.put(bucket, brought).hear(Reauthenticated(bucket=bucket, token=brought, at=play.now))


def after_call(play: Play, call: CallBucket, answer: str) -> Play:
    """The call was made, and answered at the same moment."""
    begun = call.begun(at=play.now)
    read = _read(answer, play.now)
    line = Call(
        bucket=call.bucket,
        at=play.now,
        fingerprint=call.fingerprint,
        attempt=call.attempt,
        moves=call.moves,
        is_retry=call.is_retry,
        is_probe=call.is_probe,
        answer=answer,
    )
    noted = replace(play.note("call", call.bucket, play.now, call.fingerprint), calls=(*play.calls, line))
    return noted.hear(begun, begun.answered(read, fingerprint=call.fingerprint))


@lru_cache(maxsize=4096)
def _read(answer: str, now: float) -> AnswerRead:
    """What the answer says at this moment; many plays hear the same one."""
    return read_answer(ANSWERS[answer], now=now)


def after_wait(play: Play, wait: WaitUntil) -> Play:
    """The clock stands at the moment that was waited for."""
    assert wait.at > play.now, ("a wait that ends at once", wait, play.now)
    return replace(play.note("wait", "", wait.at), now=wait.at)


def end_of(answer: RequestDecision | RequestEnded) -> End | None:
    """How the request has ended; None: it goes on."""
    match answer:
        case Served(bucket=bucket):
            return ("served", bucket)
        case AllBucketsExhausted():
            return ("exhausted", *(f"{name}: {reason}" for name, reason in answer.reasons.items()))
        case RetriesExhausted(attempts=attempts, cause=cause):
            return ("retries-exhausted", str(attempts), cause)
        case GiveUp(cause=cause, why=why):
            return ("give-up", cause or "", why)
        case _:
            return None


def turn(play: Play, world: World) -> Play:
    """Ask once, and do what is asked."""
    answer = play.ask()
    end = end_of(answer)
    if end is not None:
        return replace(play, end=end)
    match answer:
        case WaitUntil():
            return after_wait(play, answer)
        case ReadToken(bucket=bucket):
            fate = world[bucket]
            return after_read(play, bucket, held_by_store(play, bucket, fate), api_key=fate.api_key)
        case RefreshToken(bucket=bucket):
            return after_refresh(play, bucket, world[bucket].refresh)
        case Reauthenticate(bucket=bucket):
            return after_login(play, bucket, world[bucket].login)
        case CallBucket(bucket=bucket):
            made = sum(call.bucket == bucket for call in play.calls)
            answers = world[bucket].answers
            return after_call(play, answer, answers[made] if made < len(answers) else "200")
        case _:
            message = f"the core searches here: {answer!r}"
            raise AssertionError(message)


def held_by_store(play: Play, bucket: str, fate: Fate) -> KnownToken:
    """What a reading brings now."""
    if bucket in play.stored:
        return play.stored[bucket]
    return fate.later if fate.later is not None and play.request.failures else fate.stored


def run(play: Play, world: World) -> Play:
    """Ask, do, tell, ask again, until the request has ended."""
    for _ in range(MOST_TURNS):
        play = turn(play, world)
        if play.end is not None:
            return play
    message = f"no end in {MOST_TURNS} turns: {play.deeds}"
    raise AssertionError(message)


def play(
    session: SessionSnapshot, world: World, *, now: float = NOW, draw: float = 0.5, policy: RetryPolicy | None = None
) -> Play:
    """A whole request, from its beginning to its end."""
    return run(begin(session, now=now, draw=draw, policy=policy), world)
