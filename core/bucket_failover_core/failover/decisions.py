"""What to do next, as data: one step for the shell to perform, or the end of the search.

The sibling of `events`: a decision is an imperative, an event says what came of it.

What must happen before what: the shell performs exactly the one step, reports its outcome with `advance`, and asks
again. It never performs two steps of the same snapshot, and never keeps a decision for later.
"""

from typing import Annotated, Literal, final

from pydantic import Field
from returns.result import Result

from bucket_failover_core.failover.exhaustion import AllBucketsExhausted
from bucket_failover_core.failover.findings import BucketFinding
from bucket_failover_core.value import Value

Via = Literal["token", "refresh", "reauth"]
"""What made the bucket usable: the token that the store held, a refresh, or a login."""


@final
class ReadToken(Value):
    """Read the bucket's token from the store (no refresh, no prompt); report `TokenRead`.

    Args:
        bucket: whose token.
        findings: what was found so far, in the order of the search; the last one is about `bucket`.
    """

    kind: Literal["read-token"] = "read-token"
    bucket: str
    findings: tuple[BucketFinding, ...] = ()


@final
class RefreshToken(Value):
    """Refresh the bucket's token, once; report `TokenRefreshed` or `RefreshFailed`.

    The new token must be stored before it is reported: its refresh token may be the only one that still works.
    """

    kind: Literal["refresh-token"] = "refresh-token"
    bucket: str
    findings: tuple[BucketFinding, ...] = ()


@final
class Reauthenticate(Value):
    """Ask the user for a login to this very bucket (REQ-1598-FR01); report `Reauthenticated` or `ReauthFailed`.

    Args:
        bucket: the one to log in to.
        timeout_seconds: give up after this, and report `ReauthFailed(timed_out=True)`.
        findings: what was found so far.
    """

    kind: Literal["reauthenticate"] = "reauthenticate"
    bucket: str
    timeout_seconds: float
    findings: tuple[BucketFinding, ...] = ()


@final
class UseBucket(Value):
    """The search is over: call with this bucket. If `switched`, report `BucketSwitched`.

    Args:
        bucket: the one to use.
        switched: it is another one than the current one.
        via: what made it usable.
        findings: one for each bucket that was looked at; the last one is about `bucket`.
    """

    kind: Literal["use-bucket"] = "use-bucket"
    bucket: str
    switched: bool
    via: Via
    findings: tuple[BucketFinding, ...] = ()

    @property
    def is_probe(self) -> bool:
        """Whether the request is a probe, which tests an advisory limit of the bucket."""
        return self.findings != () and self.findings[-1].fact == "probe-due"


FailoverStep = ReadToken | RefreshToken | Reauthenticate
"""A decision that asks the shell for something."""

FailoverDecision = Annotated[ReadToken | RefreshToken | Reauthenticate | UseBucket, Field(discriminator="kind")]
"""What `decide_failover` succeeds with."""

FailoverResult = Result[FailoverDecision, AllBucketsExhausted]
"""What `decide_failover` answers."""

ChoiceResult = Result[UseBucket, AllBucketsExhausted]
"""What ends a search, and what `choose_bucket` answers."""
