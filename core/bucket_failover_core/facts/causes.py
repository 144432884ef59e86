"""What kind of failure was it? One taxonomy for the whole package.

A cause says what went wrong with a *call*; a `BucketFailureReason` says why a *bucket* is not used. The first is the
provider's doing and is read off its answer; the second is ours and follows from the snapshot.
"""

from enum import StrEnum
from typing import Final


class Cause(StrEnum):
    """What a failed call was.

    Example: a 529 is `overloaded`: the provider's trouble, not the account's, so no account is blamed for it.
    """

    THROTTLED = "throttled"
    """A burst limit: it passes within minutes."""
    QUOTA = "quota"
    """A window or a balance is used up."""
    UNAUTHENTICATED = "unauthenticated"
    """The credential was not accepted."""
    FORBIDDEN = "forbidden"
    """The credential was accepted and may not do this."""
    OVERLOADED = "overloaded"
    SERVER_ERROR = "server-error"
    NETWORK = "network"
    TIMEOUT = "timeout"
    CLIENT_ERROR = "client-error"
    """The request itself is wrong, with any credential."""
    CANCELLED = "cancelled"


_SPENT: Final = (Cause.QUOTA, Cause.THROTTLED)
_REFUSALS: Final = (Cause.UNAUTHENTICATED, Cause.FORBIDDEN)


def is_spent(cause: Cause | None) -> bool:
    """Whether the provider refused because of an amount (`quota`, `throttled`): a token is no remedy."""
    return cause in _SPENT


def is_refusal(cause: Cause | None) -> bool:
    """Whether the provider refused the credential itself (`unauthenticated`, `forbidden`)."""
    return cause in _REFUSALS
