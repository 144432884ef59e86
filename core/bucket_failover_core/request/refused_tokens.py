"""For how long is a token that a provider has refused believed to be refused, by every request and every process?

Rules: ten minutes from a 401, or from a 403 that says that the account is disabled, doubling with each further one up
to six hours; until its bucket holds another token, or it is served with. In a profile of one bucket no refusal counts.

Intuition: a key that was revoked is not put back by itself; a provider that was mistaken is found out without a storm.
"""

from collections.abc import Mapping
from typing import Final, final

from pydantic import Field

from bucket_failover_core.facts.causes import Cause
from bucket_failover_core.facts.snapshots import BucketSnapshot, FailoverSnapshot
from bucket_failover_core.facts.tokens import TokenHeld
from bucket_failover_core.request.events import CallAnswered
from bucket_failover_core.value import Value

REFUSED_SECONDS: Final = 600.0
"""A refused token is believed to be refused for this long, doubling with each refusal."""

REFUSED_SECONDS_MAX: Final = 6 * 3_600.0
"""The longest that a refusal is believed."""

REFUSED_KEPT_SECONDS: Final = 24 * 3_600.0
"""For how long a shared store keeps a refusal, so that the next one of the same token counts as a further one."""

_DOUBLINGS_MAX: Final = 6
"""More cannot matter: ten minutes, doubled six times, are over six hours."""


@final
class Refusal(Value):
    """The provider has refused an access token with a 401, or has disabled its account.

    Args:
        fingerprint: of the token.
        at: Unix seconds of the newest refusal.
        count: how often it was refused after it was known to be, 1 or more.
        is_account: it is the account that was disabled: neither a refresh nor a login heals it.
    """

    fingerprint: str
    at: float
    count: int = Field(default=1, ge=1)
    is_account: bool = False

    def until(self) -> float:
        """Unix seconds until which the token is believed to be refused.

        Example: a first refusal at 1000.0 until 1600.0, a second one at 2000.0 until 3200.0.
        """
        doubled = REFUSED_SECONDS * 2.0 ** min(self.count - 1, _DOUBLINGS_MAX)
        return self.at + min(doubled, REFUSED_SECONDS_MAX)

    def is_believed(self, *, now: float) -> bool:
        """Whether the token is believed to be refused at `now` (Unix seconds)."""
        return self.at <= now < self.until()


def refused_in(profile: FailoverSnapshot, held: Mapping[str, tuple[Refusal, ...]], *, now: float) -> FailoverSnapshot:
    """The profile as a request sees it that begins at `now`: with the tokens that a shared store says were refused.

    In a profile of one bucket none counts: there is nothing else to call with.

    Args:
        profile: the buckets, with their tokens.
        held: what was refused, by bucket; one that is not named has none.
        now: Unix seconds.
    """
    if len(profile.buckets) <= 1:
        return profile
    return profile.evolve(
        {"buckets": tuple(_seen(bucket, held.get(bucket.name, ()), now) for bucket in profile.buckets)}
    )


def _seen(bucket: BucketSnapshot, held: tuple[Refusal, ...], now: float) -> BucketSnapshot:
    token = bucket.token.fingerprint if isinstance(bucket.token, TokenHeld) else ""
    believed = [refusal for refusal in held if refusal.fingerprint == token and refusal.is_believed(now=now)]
    if not believed:
        return bucket
    disabled = any(refusal.is_account for refusal in believed)
    return bucket.evolve({"rejected": (token,), "account_disabled": disabled})


def refuses(event: CallAnswered) -> bool:
    """Whether the answer refuses the token or its account as such: any other 403 may be about this one call."""
    verdict = event.answer.verdict
    if verdict is None or event.fingerprint == "":
        return False
    return verdict.cause is Cause.UNAUTHENTICATED or verdict.account_disabled


def with_refusal(refusals: tuple[Refusal, ...], event: CallAnswered) -> tuple[Refusal, ...]:
    """One more refusal; calls that began before the first one was known count as one."""
    at, fingerprint = event.answer.at, event.fingerprint
    held = next((old for old in refusals if old.fingerprint == fingerprint), None)
    is_account = event.answer.verdict is not None and event.answer.verdict.account_disabled
    if held is None:
        return (*refusals, Refusal(fingerprint=fingerprint, at=at, is_account=is_account))
    further = 1 if event.begun_at >= held.at else 0
    newer = held.evolve(
        {"at": max(held.at, at), "count": held.count + further, "is_account": held.is_account or is_account}
    )
    return tuple(newer if old is held else old for old in refusals)
