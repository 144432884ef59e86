"""What has happened, as data: the outcome of each step, and of each call.

The sibling of `decisions`. Events are past participles; `advance` turns them into facts.
"""

from typing import Annotated, Literal, final

from pydantic import Field

from bucket_failover_core.facts.snapshots import Trigger
from bucket_failover_core.facts.tokens import KnownToken
from bucket_failover_core.value import BucketName, Value


@final
class TokenRead(Value):
    """The store was asked for the bucket's token.

    Args:
        bucket: whose token.
        token: what the store answered, an outage included.
        at: Unix seconds at which it was asked; a search alone (`advance`) does not need it, a session (`learn`) does.
        api_key: what it holds is an API key.
    """

    kind: Literal["token-read"] = "token-read"
    bucket: BucketName
    token: KnownToken
    at: float | None = None
    api_key: bool = False


@final
class TokenRefreshed(Value):
    """A refresh grant succeeded at `at` (Unix seconds; see `TokenRead`), and the store now holds `token`."""

    kind: Literal["token-refreshed"] = "token-refreshed"
    bucket: BucketName
    token: KnownToken
    at: float | None = None


@final
class RefreshFailed(Value):
    """A refresh brought nothing.

    Args:
        bucket: whose refresh.
        detail: why, in a few words, never a secret.
        permanent: the issuer has refused the refresh token for good; else it may work another time.
        at: Unix seconds at which it ended; see `TokenRead`.
        retry_at: Unix seconds until which the issuer is busy; None: it has not said so.
    """

    kind: Literal["refresh-failed"] = "refresh-failed"
    bucket: BucketName
    detail: str = ""
    permanent: bool = False
    at: float | None = None
    retry_at: float | None = None


@final
class Reauthenticated(Value):
    """A login came to its end at `at` (Unix seconds; see `TokenRead`).

    `token` is what the store held afterwards, usable or not (REQ-1598-FL08).
    """

    kind: Literal["reauthenticated"] = "reauthenticated"
    bucket: BucketName
    token: KnownToken
    at: float | None = None


@final
class ReauthFailed(Value):
    """A login was refused, broke, or took too long (REQ-1598-FR04).

    Args:
        bucket: whose login.
        detail: why, in a few words, never a secret.
        timed_out: the user did not answer within the time allowed.
        declined: the user said no; requests to come do not ask again.
        at: Unix seconds at which it ended; see `TokenRead`.
    """

    kind: Literal["reauth-failed"] = "reauth-failed"
    bucket: BucketName
    detail: str = ""
    timed_out: bool = False
    declined: bool = False
    at: float | None = None


@final
class BucketSwitched(Value):
    """The bucket is the one in use from now on; the trigger is answered."""

    kind: Literal["bucket-switched"] = "bucket-switched"
    bucket: BucketName


@final
class CallFailed(Value):
    """A call has failed.

    Args:
        trigger: what is known of it.
        bucket: the one whose call it was; None: the current one.
    """

    kind: Literal["call-failed"] = "call-failed"
    trigger: Trigger
    bucket: BucketName | None = None


@final
class CallSucceeded(Value):
    """A call with the current bucket has succeeded."""

    kind: Literal["call-succeeded"] = "call-succeeded"


FailoverEvent = Annotated[
    TokenRead
    | TokenRefreshed
    | RefreshFailed
    | Reauthenticated
    | ReauthFailed
    | BucketSwitched
    | CallFailed
    | CallSucceeded,
    Field(discriminator="kind"),
]
"""What `advance` takes."""
