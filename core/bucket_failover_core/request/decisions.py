"""What a request is to do next, as data, and how it may end; the sibling of `events`.

What must happen before what: the shell performs exactly the one decision, tells the session and the request what came
of it, and asks again. `CallBegun` is told before the call is made. A `WaitUntil` has no event: the shell asks again at
its moment, or when the session has changed; asking early is harmless.
"""

from typing import Annotated, Literal, final

from pydantic import Field
from returns.result import Result

from bucket_failover_core.answers.read import AnswerRead
from bucket_failover_core.facts.causes import Cause
from bucket_failover_core.failover.decisions import ReadToken, Reauthenticate, RefreshToken
from bucket_failover_core.failover.exhaustion import AllBucketsExhausted
from bucket_failover_core.failover.findings import BucketFinding
from bucket_failover_core.request.events import CallBegun
from bucket_failover_core.retry.decide import GiveUp
from bucket_failover_core.value import Value, trusted


@final
class CallBucket(Value):
    """Tell `CallBegun`, make the call with this bucket, tell `CallAnswered`.

    Args:
        bucket: the one to call with.
        fingerprint: of the token to call with; a shell that does not have that token reads again (`TokenRead`).
        attempt: which call of the request it is, from 1.
        is_probe: it tests whether a belief that may be wrong still holds.
        moves: the session goes with it.
        is_retry: it repeats a failed call with the same bucket.
        is_counted: the strategy goes by how many calls each bucket has had.
        findings: of the newest choice or search.
    """

    kind: Literal["call-bucket"] = "call-bucket"
    bucket: str
    fingerprint: str = ""
    attempt: int = Field(default=1, ge=1)
    is_probe: bool = False
    moves: bool = False
    is_retry: bool = False
    is_counted: bool = False
    findings: tuple[BucketFinding, ...] = ()

    def begun(self, *, at: float) -> CallBegun:
        """The event that the call begins at `at` (Unix seconds)."""
        return _begun(
            bucket=self.bucket,
            at=at,
            is_probe=self.is_probe,
            moves=self.moves,
            is_retry=self.is_retry,
            is_counted=self.is_counted,
        )


_begun = trusted(CallBegun)


@final
class WaitUntil(Value):
    """Ask again at `at` (Unix seconds), or when the session has changed: then `bucket` is likely to be called."""

    kind: Literal["wait-until"] = "wait-until"
    at: float
    bucket: str
    findings: tuple[BucketFinding, ...] = ()


@final
class Served(Value):
    """The request is over: `bucket` has served it."""

    kind: Literal["served"] = "served"
    bucket: str
    findings: tuple[BucketFinding, ...] = ()


@final
class FindBucket(Value):
    """Let the foreign handler search; tell `BucketSwitched` or `SearchFailed`.

    Args:
        bucket: the one that has failed, or has no token to call with.
        answer: what its call was answered; None: it was not called.
        findings: of the newest choice.
    """

    kind: Literal["find-bucket"] = "find-bucket"
    bucket: str
    answer: AnswerRead | None = None
    findings: tuple[BucketFinding, ...] = ()


@final
class RetriesExhausted(Value):
    """The calls that the request may make are used up, or the retries that all requests share.

    Args:
        attempts: how many calls were made.
        cause: what the last of them was.
    """

    kind: Literal["retries-exhausted"] = "retries-exhausted"
    attempts: int
    cause: Cause


RequestStep = ReadToken | RefreshToken | Reauthenticate
"""A decision about a token: the shell performs it once for all requests that ask for it."""

RequestDecision = Annotated[
    ReadToken | RefreshToken | Reauthenticate | CallBucket | WaitUntil | Served | FindBucket,
    Field(discriminator="kind"),
]
"""What `decide_request` succeeds with."""

RequestEnded = Annotated[AllBucketsExhausted | RetriesExhausted | GiveUp, Field(discriminator="kind")]
"""How a request ends that was not served."""

RequestResult = Result[RequestDecision, RequestEnded]
"""What `decide_request` answers."""
