"""A notation for failovers that reads as a dialogue: what happened goes in (`>>`), what is to be done comes out (`<<`).

After mitmproxy's playbooks. A script is written down whole, and played when it is asserted:

    assert (
        Playbook(profile("default", "claudius"))
        >> fails(429, detail="slow down")
        << read("claudius", default=("call-refused-for-quota", "slow down"), claudius="not-read")
        >> store_holds("claudius", held())
        << use("claudius", default=("call-refused-for-quota", "slow down"), claudius="usable")
        >> switched("claudius")
    )

An answer names every finding, in the order of the search: a fact, or (fact, detail), or (fact, detail, until).
`at(moment)` moves the clock. The first line that does not come out as written fails the test, with the dialogue so far.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self, final

from bucket_failover_core import (
    AllBucketsExhausted,
    BucketFinding,
    BucketSwitched,
    CallFailed,
    CallSucceeded,
    FailoverDecision,
    FailoverEvent,
    FailoverSnapshot,
    KnownToken,
    ReadToken,
    Reauthenticate,
    Reauthenticated,
    ReauthFailed,
    RefreshFailed,
    RefreshToken,
    TokenRead,
    TokenRefreshed,
    Trigger,
    UseBucket,
    advance,
)
from bucket_failover_core.failover import Fact, Via
from tests.support.worlds import NOW, answer_of

Found = Fact | tuple[Fact, str] | tuple[Fact, str, float | None]
"""A finding, in few letters."""

Answer = FailoverDecision | AllBucketsExhausted


@final
class At(NamedTuple):
    """The clock now says this."""

    moment: float


Line = tuple[str, At | FailoverEvent | Answer]


@dataclass(frozen=True)
class Playbook:
    """A failover, written down line by line; true if it goes as written."""

    snapshot: FailoverSnapshot
    now: float = NOW
    lines: tuple[Line, ...] = field(default=())

    def __rshift__(self, happened: FailoverEvent | At) -> Self:
        """Something happens."""
        return type(self)(self.snapshot, self.now, (*self.lines, (">>", happened)))

    def __lshift__(self, expected: Answer) -> Self:
        """The core is asked, and this is its answer."""
        return type(self)(self.snapshot, self.now, (*self.lines, ("<<", expected)))

    def __bool__(self) -> bool:
        """Play it."""
        snapshot, now = self.snapshot, self.now
        for place, (_, line) in enumerate(self.lines):
            match line:
                case At(moment):
                    now = moment
                case ReadToken() | RefreshToken() | Reauthenticate() | UseBucket() | AllBucketsExhausted():
                    answer = answer_of(snapshot, now=now)
                    assert answer == line, self._story(place, answer)
                case event:
                    snapshot = advance(snapshot, event)
        return True

    def _story(self, place: int, answer: Answer) -> str:
        lines = [f"{arrow} {line!r}" for arrow, line in self.lines[: place + 1]]
        return "\n".join(("not as written:", *lines, f"but {answer!r}"))


def found(name: str, told: Found) -> BucketFinding:
    """A finding, written out."""
    if isinstance(told, str):
        return BucketFinding(bucket=name, fact=told)
    facts: dict[str, Any] = dict(zip(("fact", "detail", "until"), told, strict=False))
    return BucketFinding(bucket=name, **facts)


def _findings(told: dict[str, Found]) -> tuple[BucketFinding, ...]:
    return tuple(found(name, each) for name, each in told.items())


# What comes out.


def read(bucket: str, /, **told: Found) -> ReadToken:
    """The store is to be asked for the bucket's token."""
    return ReadToken(bucket=bucket, findings=_findings(told))


def refresh(bucket: str, /, **told: Found) -> RefreshToken:
    """The bucket's token is to be refreshed."""
    return RefreshToken(bucket=bucket, findings=_findings(told))


def login(bucket: str, timeout_seconds: float = 300.0, /, **told: Found) -> Reauthenticate:
    """The user is to be asked for a login, for so many seconds."""
    return Reauthenticate(bucket=bucket, timeout_seconds=timeout_seconds, findings=_findings(told))


def use(bucket: str, via: Via = "token", /, *, switched: bool = True, **told: Found) -> UseBucket:
    """The end: this bucket."""
    return UseBucket(bucket=bucket, switched=switched, via=via, findings=_findings(told))


def stay(bucket: str, via: Via = "token", /, **told: Found) -> UseBucket:
    """The end: the same bucket again."""
    return use(bucket, via, switched=False, **told)


def exhausted(**told: Found) -> AllBucketsExhausted:
    """The end: no bucket is left. The findings are in profile order."""
    return AllBucketsExhausted(provider="anthropic", buckets=tuple(told), findings=_findings(told))


# What goes in.


def at(moment: float) -> At:
    """The clock moves."""
    return At(moment)


def fails(status: int | None = None, *, bucket: str | None = None, **facts: Any) -> CallFailed:
    """A call has failed, with the current bucket unless another is named."""
    return CallFailed(trigger=Trigger(status=status, **facts), bucket=bucket)


def succeeds() -> CallSucceeded:
    """A call with the current bucket has succeeded."""
    return CallSucceeded()


def switched(bucket: str) -> BucketSwitched:
    """The bucket is the one in use."""
    return BucketSwitched(bucket=bucket)


def store_holds(bucket: str, token: KnownToken) -> TokenRead:
    """The store has answered."""
    return TokenRead(bucket=bucket, token=token)


def refresh_brings(bucket: str, token: KnownToken) -> TokenRefreshed:
    """The refresh has succeeded."""
    return TokenRefreshed(bucket=bucket, token=token)


def refresh_fails(bucket: str, detail: str = "", *, permanent: bool = False) -> RefreshFailed:
    """The refresh has brought nothing."""
    return RefreshFailed(bucket=bucket, detail=detail, permanent=permanent)


def login_brings(bucket: str, token: KnownToken) -> Reauthenticated:
    """The login has come to its end."""
    return Reauthenticated(bucket=bucket, token=token)


def login_fails(bucket: str, detail: str = "", *, timed_out: bool = False) -> ReauthFailed:
    """The login has brought nothing."""
    return ReauthFailed(bucket=bucket, detail=detail, timed_out=timed_out)
