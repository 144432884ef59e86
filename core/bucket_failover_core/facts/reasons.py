"""Why a bucket of the profile was not used: five reasons, no more (REQ-1598-CL05, REQ-1598-IC08)."""

from enum import StrEnum


class BucketFailureReason(StrEnum):
    """Why a bucket could not serve this request.

    Example: a profile whose first bucket has spent its week and whose second was never logged in reports
    `{"default": "quota-exhausted", "claudius": "no-token"}`.
    """

    QUOTA_EXHAUSTED = "quota-exhausted"
    """A limit of the provider's is in force, or it has just said so (REQ-1598-CL01)."""

    EXPIRED_REFRESH_FAILED = "expired-refresh-failed"
    """The token has expired or was refused, and no refresh healed it (REQ-1598-CL02)."""

    REAUTH_FAILED = "reauth-failed"
    """A login was asked for and brought no usable token (REQ-1598-FL09, REQ-1598-FL10)."""

    NO_TOKEN = "no-token"  # noqa: S105 - a reason, not a secret
    """The store holds no token, or cannot say (REQ-1598-CL03, REQ-1598-CL04)."""

    SKIPPED = "skipped"
    """Not to be used now, though nothing is known to be wrong with its credential or quota."""
