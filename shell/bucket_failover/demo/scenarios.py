"""The scenarios: what the world looks like when the request comes, and how it is to end."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from bucket_failover.store.interfaces import TokenStore
from bucket_failover.testing import EmbeddedProvider, IssuedToken, Quota
from bucket_failover.tokens import OAuthToken

PROVIDER: Final = "anthropic"
"""Whose API the embedded provider has the shape of."""

PROFILE: Final = ("default", "claudius", "vybestack")
_FIVE_HOURS: Final = 5 * 3600.0
"""Seconds; the length of the window `5h`."""
_WINDOW: Final = Quota(requests=20, window_seconds=_FIVE_HOURS, window="5h")


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a scenario is played: the provider, the token store, and the clock of both."""

    provider: EmbeddedProvider
    store: TokenStore
    now: float

    def log_in(self, bucket: str, *, expired: bool = False) -> None:
        """The bucket has a token."""
        self.store.write(PROVIDER, bucket, as_token(self.provider.issue(bucket, expired=expired), self.now))

    def spend(self, bucket: str, *, hours: float) -> None:
        """The account's five-hour window is used up for so long."""
        self.provider.spend(bucket, until=self.now + hours * 3600)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One story.

    Args:
        name: what it is called on the command line.
        title: what the world looks like, in one sentence.
        prepare: makes it look so.
        ends: how it is to end.
        served_by: the bucket that is to serve the haiku, if one is.
        buckets: the profile.
    """

    name: str
    title: str
    prepare: Callable[[Stage], None]
    ends: Literal["answered", "exhausted"] = "answered"
    served_by: str | None = None
    buckets: tuple[str, ...] = PROFILE


def as_token(issued: IssuedToken, now: float) -> OAuthToken:
    """A login of the embedded provider as a token of ours."""
    return OAuthToken.model_validate(
        {
            "access_token": issued.access_token,
            "refresh_token": issued.refresh_token,
            "expiry": issued.expires_at,
            "issued_at": min(now, issued.expires_at - 1),
        }
    )


def _quota(stage: Stage) -> None:
    for bucket in PROFILE:
        stage.log_in(bucket)
    stage.spend("default", hours=3)


def _refresh(stage: Stage) -> None:
    stage.log_in("default")
    stage.log_in("claudius", expired=True)
    stage.log_in("vybestack")
    stage.spend("default", hours=3)


def _revoked(stage: Stage) -> None:
    for bucket in PROFILE:
        stage.log_in(bucket)
    stage.provider.revoke("default")


def _reauth(stage: Stage) -> None:
    stage.provider.user("default", answer="yes")


def _overload(stage: Stage) -> None:
    for bucket in PROFILE:
        stage.log_in(bucket)
    stage.provider.overload(2)


def _exhausted(stage: Stage) -> None:
    stage.log_in("default")
    stage.log_in("claudius")
    stage.spend("default", hours=3)
    stage.spend("claudius", hours=1)
    stage.provider.user("vybestack", answer="no")


def _single(stage: Stage) -> None:
    stage.log_in("default")
    stage.provider.fail_next(status=429, retry_after=1)


SCENARIOS: Final = (
    Scenario(
        name="quota",
        title="The five-hour window of the first bucket is spent.",
        prepare=_quota,
        served_by="claudius",
    ),
    Scenario(
        name="refresh",
        title="The first bucket is spent, and the token of the second has expired.",
        prepare=_refresh,
        served_by="claudius",
    ),
    Scenario(
        name="revoked",
        title="The first bucket's login was revoked; its token has not expired, but is refused.",
        prepare=_revoked,
        served_by="claudius",
    ),
    Scenario(
        name="reauth",
        title="No bucket has a token; a user answers the one login that is asked for.",
        prepare=_reauth,
        served_by="default",
    ),
    Scenario(
        name="overload",
        title="The provider is down for a moment; no account is to blame.",
        prepare=_overload,
        served_by="claudius",
    ),
    Scenario(
        name="exhausted",
        title="Two buckets are spent, and the user refuses the login to the third.",
        prepare=_exhausted,
        ends="exhausted",
    ),
    Scenario(
        name="single",
        title="One bucket only, and a burst limit of a second: it waits, as without failover.",
        prepare=_single,
        served_by="default",
        buckets=("default",),
    ),
)


def accounts_of(provider: EmbeddedProvider) -> None:
    """The accounts of the profile, with their quotas."""
    for bucket in PROFILE:
        provider.add_account(bucket, quota=_WINDOW)
