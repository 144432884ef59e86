"""What has happened in a request, beside the events of a search: calls begun and answered, and a foreign search.

All events of a request are told to both: to the request (`advance_request`) and to the session (`learn`).
"""

from typing import Annotated, Literal, final

from pydantic import Field

from bucket_failover_core.answers.read import AnswerRead
from bucket_failover_core.facts.reasons import BucketFailureReason
from bucket_failover_core.failover.events import (
    BucketSwitched,
    Reauthenticated,
    ReauthFailed,
    RefreshFailed,
    TokenRead,
    TokenRefreshed,
)
from bucket_failover_core.value import BucketName, Value, trusted


@final
class CallBegun(Value):
    """A call is about to be made; told before its first byte goes out.

    Args:
        bucket: the one that is called with.
        at: Unix seconds.
        is_probe: it tests whether a belief that may be wrong still holds; no other request does so meanwhile.
        moves: the session goes with it.
        is_retry: it repeats a failed call of its request with the same bucket, which the shared budget pays for.
        is_counted: the strategy goes by how many calls each bucket has had.
    """

    kind: Literal["call-begun"] = "call-begun"
    bucket: BucketName
    at: float
    is_probe: bool = False
    moves: bool = False
    is_retry: bool = False
    is_counted: bool = False

    def answered(self, answer: AnswerRead, *, fingerprint: str = "", output_started: bool = False) -> "CallAnswered":
        """The event that this call has come to its end; see `CallAnswered`."""
        return _answered(
            bucket=self.bucket,
            answer=answer,
            begun_at=self.at,
            fingerprint=fingerprint,
            output_started=output_started,
        )


@final
class CallAnswered(Value):
    """A call has come to its end, well or badly.

    Args:
        bucket: the one that was called with.
        answer: what `read_answer` made of the answer.
        begun_at: Unix seconds at which the call began.
        fingerprint: of the access token that it used; empty if unknown.
        output_started: something of an answer has reached the caller; that `answer` says so counts as well.
    """

    kind: Literal["call-answered"] = "call-answered"
    bucket: BucketName
    answer: AnswerRead
    begun_at: float
    fingerprint: str = ""
    output_started: bool = False


_answered = trusted(CallAnswered)


@final
class SearchFailed(Value):
    """A foreign handler has found no bucket.

    Args:
        reasons: why, by bucket, as far as it tells (REQ-1598-IC04); what it leaves out is completed by our findings.
    """

    kind: Literal["search-failed"] = "search-failed"
    reasons: dict[str, BucketFailureReason] = Field(default_factory=dict)


RequestEvent = Annotated[
    TokenRead
    | TokenRefreshed
    | RefreshFailed
    | Reauthenticated
    | ReauthFailed
    | CallBegun
    | CallAnswered
    | BucketSwitched
    | SearchFailed,
    Field(discriminator="kind"),
]
"""What `advance_request` and `learn` take."""
