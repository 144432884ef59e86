"""What does a bare HTTP status mean, when nothing else is said?"""

from typing import Final

from bucket_failover_core.facts.causes import Cause

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
