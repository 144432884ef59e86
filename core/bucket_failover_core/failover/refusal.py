"""Which access token has the provider refused?

Rules: a failed call whose cause is `unauthenticated` or `forbidden` refuses one access token. It is the one that the
trigger names; if it names none, the one held then or read next. A token without a fingerprint cannot be told from
another, so in the bucket whose call was refused it counts as refused until a refresh or a login has replaced it, or
until the trigger is answered: beyond that, a token without a name cannot be remembered.

Intuition: believing the clock instead of the server is how a revoked but unexpired token is "recovered" for ever.
"""

from bucket_failover_core.facts.causes import is_refusal
from bucket_failover_core.facts.snapshots import BucketSnapshot, FailoverSnapshot, cause_of
from bucket_failover_core.facts.tokens import TokenHeld


def refused_fingerprint(snapshot: FailoverSnapshot, current: BucketSnapshot) -> str:
    """The fingerprint that the snapshot's trigger says was refused; empty if it refused none, or none is known yet.

    Example: after a 401 that names no token, it is the fingerprint of the token that `current` holds, unless that was
    brought by a refresh or a login since.

    Args:
        snapshot: whose trigger is meant.
        current: the bucket whose call it was.
    """
    if not is_refusal(cause_of(snapshot.trigger)):
        return ""
    if snapshot.trigger.fingerprint:
        return snapshot.trigger.fingerprint
    if type(current.token) is TokenHeld and current.renewed_by is None:
        return current.token.fingerprint
    return ""


def is_refused(bucket: BucketSnapshot, token: TokenHeld, refused: str) -> bool:
    """Whether the provider has refused `token` in this request.

    Args:
        bucket: the bucket that holds it.
        token: the token.
        refused: the fingerprint that the standing trigger refused, or empty.
    """
    fingerprint = token.fingerprint
    return fingerprint != "" and (fingerprint == refused or fingerprint in bucket.rejected)
