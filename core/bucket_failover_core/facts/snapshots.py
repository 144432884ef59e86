"""What is known of a profile's buckets in one request, as an immutable value.

A snapshot only gains facts, through `advance`. Reasons are derived from the facts, never stored beside them; so they
cannot drift, and a snapshot that was recorded can be judged again with another clock or another policy.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal, Self, final

from pydantic import Field, model_validator

from bucket_failover_core.facts.causes import Cause
from bucket_failover_core.facts.failover_policy import FailoverPolicy
from bucket_failover_core.facts.limits import Limit
from bucket_failover_core.facts.status_codes import cause_of_status
from bucket_failover_core.facts.tokens import TokenState, TokenUnread
from bucket_failover_core.facts.windows import WindowReading
from bucket_failover_core.value import BucketName, HttpStatus, Value

Renewer = Literal["refresh", "reauth"]
"""What brought the token that is held now."""


@final
class Problem(Value):
    """Something that went wrong with a bucket in this request.

    Args:
        cause: what the failed call was; None if unknown, or if it was no call but a refresh or a login.
        detail: a few words, never a secret.
    """

    cause: Cause | None
    detail: str = ""


@final
class BucketSnapshot(Value):
    """What is known of one bucket in this request.

    Example: `BucketSnapshot(name="claudius")` is a bucket of which nothing is known yet.

    Args:
        name: unique in its profile.
        token: what the store holds for it.
        rejected: fingerprints that the provider has refused in this request.
        refresh_spent: a refresh has been tried in this request.
        reauth_spent: a login has been asked for in this request.
        renewed_by: what brought the token held now, if it came in this request; gone with the bucket's next failure.
        tried: a call with it has failed in this request.
        paused: an operator has taken it out of the search.
        limits: what is believed about its quota.
        problems: what went wrong so far, oldest first.
        quota_domain: buckets of the same non-empty domain share their organization's and provider's limits.
        api_key: it holds an API key, which does not expire, is never refreshed, and has no login.
        readings: what its provider reports of windows that are still open.
        calls: how many calls have been made with it, as far as it was told of them.
        probed_at: Unix seconds at which a request last tested one of its advisory limits; None: none has.
        calls_spent: it has had all the calls that one request may make with it: it is neither used, refreshed nor
            logged in to again in this request.
        issuer_busy_until: Unix seconds until which its issuer wants to issue nothing for it; None: it has not said so.
        account_disabled: the provider has disabled its account: no refresh and no login heals it.
    """

    name: BucketName
    token: TokenState = TokenUnread()
    rejected: tuple[str, ...] = ()
    refresh_spent: bool = False
    reauth_spent: bool = False
    renewed_by: Renewer | None = None
    tried: bool = False
    paused: bool = False
    limits: tuple[Limit, ...] = ()
    problems: tuple[Problem, ...] = ()
    quota_domain: str = ""
    api_key: bool = False
    readings: tuple[WindowReading, ...] = ()
    calls: int = Field(default=0, ge=0)
    probed_at: float | None = None
    calls_spent: bool = False
    issuer_busy_until: float | None = None
    account_disabled: bool = False


@final
class Trigger(Value):
    """The failed call that made us ask for failover; the default is "nothing known".

    Args:
        status: its HTTP status, if it had one (REQ-1598-IC07).
        cause: what it was, if the caller has classified it; it wins over `status`.
        fingerprint: of the access token that the call used; None or empty if unknown.
        limits: what its answer said about quota.
        detail: a few words, never a secret.
        account_disabled: the provider has disabled the account.
    """

    status: HttpStatus | None = None
    cause: Cause | None = None
    fingerprint: str | None = None
    limits: tuple[Limit, ...] = ()
    detail: str = ""
    account_disabled: bool = False


@final
class FailoverSnapshot(Value):
    """What is known of a profile in this request.

    Example: `FailoverSnapshot(provider="anthropic", buckets=(BucketSnapshot(name="default"),),
    trigger=Trigger(status=429))`.

    Args:
        provider: whose credentials they are.
        buckets: in the user's order of preference; names are unique.
        current: the bucket in use, and the one that `trigger` is about; None is the first bucket.
        trigger: the failed call that is being answered.
        policy: what the user allows.
        reauths_spent: logins asked for in this request, over all buckets.
        model: the model that the request is for, None if unknown.

    Raises:
        pydantic.ValidationError: a name is empty, two buckets have the same name, or `current` is none of them.
    """

    provider: str
    buckets: tuple[BucketSnapshot, ...] = ()
    current: str | None = None
    trigger: Trigger = Trigger()
    policy: FailoverPolicy = FailoverPolicy()
    reauths_spent: int = Field(default=0, ge=0)
    model: str | None = None

    def place_of(self, name: str) -> int | None:
        """Where the bucket stands in the profile, from 0; None: the profile has no such bucket.

        It takes the same time for every size of profile: no event adds, removes or moves a bucket, so the places are
        found once and carried over by `evolve`.
        """
        return self._places.get(name)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {bucket.name: place for place, bucket in enumerate(self.buckets)}

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Pydantic's copy, which forgets the places: it may be given other buckets."""
        copy = super().model_copy(update=update, deep=deep)
        copy.__dict__.pop("_places", None)
        return copy

    @model_validator(mode="after")
    def _names_are_unique_and_current_is_one_of_them(self) -> Self:
        names = [bucket.name for bucket in self.buckets]
        if len(set(names)) < len(names):
            twice = next(name for at, name in enumerate(names) if name in names[:at])
            message = f"buckets: the name {twice!r} occurs twice"
            raise ValueError(message)
        if self.current is not None and self.current not in names:
            message = f"current: {self.current!r} is not a bucket of {self.provider!r}, which has {names}"
            raise ValueError(message)
        return self


def cause_of(trigger: Trigger) -> Cause | None:
    """What the failed call was: its `cause`, else what its status says, else None."""
    cause = trigger.cause
    return cause if cause is not None else cause_of_status(trigger.status)


def has_limits(snapshot: FailoverSnapshot) -> bool:
    """Whether anything is believed of any bucket's quota."""
    for bucket in snapshot.buckets:  # noqa: SIM110 - asked of every request several times, and half as dear as `any`
        if bucket.limits:
            return True
    return False


def current_bucket(snapshot: FailoverSnapshot) -> BucketSnapshot | None:
    """The bucket in use: the one named `current`, else the first, else None for an empty profile (REQ-1598-FL15)."""
    if snapshot.current is None:
        return snapshot.buckets[0] if snapshot.buckets else None
    place = snapshot.place_of(snapshot.current)
    return snapshot.buckets[place] if place is not None else None
