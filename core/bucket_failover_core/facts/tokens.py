"""What the store holds for a bucket: the only picture of a credential that the core ever sees.

A token state has no secret in it. Two tokens are told apart by their `fingerprint`, a short one-way hash made by the
shell; an empty fingerprint is unknown and matches nothing, itself included.

Intuition: "valid by the clock" is not "accepted by the server". `expiry` is what the issuer promised; whether a
provider has refused the very token is a fact of the request (`BucketSnapshot.rejected`), not of the token.
"""

from typing import Annotated, Final, Literal, final

from pydantic import Field

from bucket_failover_core.value import Value


@final
class TokenUnread(Value):
    """The store has not been asked yet in this request."""

    kind: Literal["unread"] = "unread"


@final
class TokenHeld(Value):
    """A token is there.

    Args:
        expiry: Unix seconds at which it ends; None: unknown, see `is_expired` (REQ-1598-CL08).
        fingerprint: short one-way hash of the access token; empty if unknown.
        refreshable: a refresh grant can be tried with it.
        issued_at: Unix seconds at which it was issued, None if unknown.
    """

    kind: Literal["held"] = "held"
    expiry: float | None
    fingerprint: str = ""
    refreshable: bool = True
    issued_at: float | None = None


@final
class TokenAbsent(Value):
    """The store holds none."""

    kind: Literal["absent"] = "absent"


@final
class TokenCorrupt(Value):
    """The store holds something that is no token; `detail` says what is wrong with it, without showing it."""

    kind: Literal["corrupt"] = "corrupt"
    detail: str = ""


@final
class TokenOutage(Value):
    """The store could not answer. Not the same as "none": a login could not be stored either."""

    kind: Literal["outage"] = "outage"
    detail: str = ""


KnownToken = Annotated[TokenHeld | TokenAbsent | TokenCorrupt | TokenOutage, Field(discriminator="kind")]
"""A token state that says something: what events report."""

TokenState = Annotated[
    TokenUnread | TokenHeld | TokenAbsent | TokenCorrupt | TokenOutage,
    Field(discriminator="kind"),
]
"""What is known of a bucket's token; `match` on the class or compare `kind`."""


UNUSABLE_KINDS: Final = frozenset({"absent", "corrupt", "outage"})
"""What a store says when there is no token to call with."""


def is_expired(expiry: float | None, *, now: float, api_key: bool = False, issued_at: float | None = None) -> bool:
    """Whether a token with this expiry is past its life at `now`.

    Example: with `expiry=1000.0`, it is live at 999.0 (one second left is accepted, REQ-1598-FL18) and expired at
    1000.0. Without an expiry it is expired (REQ-1598-CL08), unless it is known when it was issued: then its issuer has
    named no end, and it is usable until it is refused. An API key never expires.

    Source: RFC 6749, 5.1: `expires_in` is only recommended.
    """
    if api_key:
        return False
    if expiry is None:
        return issued_at is None
    return not expiry > now  # so said, an unknown `now` (NaN) finds nothing usable


TRUST_SECONDS: Final = 1.0
"""How long a token that was read counts as read: how late a logout in another process is noticed."""


def trusted_until(
    token: KnownToken, *, read_at: float, trust_seconds: float = TRUST_SECONDS, api_key: bool = False
) -> float:
    """Until when a token that was read need not be read again.

    Example: a token with `expiry=1000.0`, read at 900.0, until 901.0; read at 999.5, until 1000.0. One that has ended,
    or is none, not at all: `read_at`.

    Args:
        token: what was read.
        read_at: Unix seconds.
        trust_seconds: 0: each time is another one.
        api_key: the bucket holds an API key, which does not end.
    """
    if not isinstance(token, TokenHeld):
        return read_at
    if is_expired(token.expiry, now=read_at, api_key=api_key, issued_at=token.issued_at):
        return read_at
    until = read_at + max(trust_seconds, 0.0)
    return until if api_key or token.expiry is None else min(until, token.expiry)
