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


_CAUSE_BY_STATUS: Final = {
    401: Cause.UNAUTHENTICATED,
    402: Cause.QUOTA,
    403: Cause.FORBIDDEN,
    408: Cause.TIMEOUT,
    429: Cause.QUOTA,
    529: Cause.OVERLOADED,
}
"""Statuses that say more than their class does; `cause_of_status` names the sources."""
_SERVER_ERRORS: Final = range(500, 600)
_CLIENT_ERRORS: Final = range(400, 500)
"""What the two classes of failures hold. Source: RFC 9110, 15.5 and 15.6."""


def cause_of_status(status: int | None) -> Cause | None:
    """What a bare HTTP status says, when nothing else does; None: nothing.

    Example: `cause_of_status(429)` is `Cause.QUOTA`, and so is 402; `cause_of_status(200)` is None.

    Source: RFC 9110, 15.5 and 15.6; 529 is what some providers of language models send for "overloaded".
    """
    if status is None:
        return None
    named = _CAUSE_BY_STATUS.get(status)
    if named is not None:
        return named
    if status in _SERVER_ERRORS:
        return Cause.SERVER_ERROR
    return Cause.CLIENT_ERROR if status in _CLIENT_ERRORS else None


_SPENT: Final = (Cause.QUOTA, Cause.THROTTLED)
_REFUSALS: Final = (Cause.UNAUTHENTICATED, Cause.FORBIDDEN)


def is_spent(cause: Cause | None) -> bool:
    """Whether the provider refused because of an amount (`quota`, `throttled`): a token is no remedy."""
    return cause in _SPENT


def is_refusal(cause: Cause | None) -> bool:
    """Whether the provider refused the credential itself (`unauthenticated`, `forbidden`)."""
    return cause in _REFUSALS
