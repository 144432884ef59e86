"""What a caller tells a handler: the profile, and the failed call."""

from collections.abc import Hashable
from dataclasses import dataclass

from bucket_failover_core import AnswerRead, BucketSnapshot, Trigger, Verdict
from bucket_failover_core.facts import cause_of
from bucket_failover_core.value import trusted

_verdict = trusted(Verdict)


@dataclass(frozen=True, slots=True)
class Bucket:
    """One bucket of a profile.

    Args:
        name: unique in its profile, not empty.
        quota_domain: buckets of the same non-empty domain share their organization's and provider's limits.
        api_key: it holds an API key, which does not expire, is never refreshed, and has no login.
    """

    name: str
    quota_domain: str = ""
    api_key: bool = False

    @property
    def snapshot(self) -> BucketSnapshot:
        """The bucket before anything is known of it."""
        return BucketSnapshot(name=self.name, quota_domain=self.quota_domain, api_key=self.api_key)


@dataclass(frozen=True, slots=True)
class FailoverContext:
    """What is known of the failed call (REQ-1598-IC09, REQ-1598-IC10).

    Args:
        triggering_status: its HTTP status (REQ-1598-IC07).
        verdict: what `classify_failure` said of it; its cause wins over the status.
        fingerprint: of the access token that the call used (`OAuthToken.fingerprint`).
        request: names the request that is meant; None: the handler's own.
        bucket: the one whose call failed; None: the current one.
        model: the model that was asked, None if unknown.
        refresh_spent: the caller has already refreshed the bucket's token in this request.
        was_probe: the failed call was a probe's, which the session does not follow.
        rejected: fingerprints that the provider has refused in this request, as far as the handler has not been told.
    """

    triggering_status: int | None = None
    verdict: Verdict | None = None
    fingerprint: str | None = None
    request: Hashable | None = None
    bucket: str | None = None
    model: str | None = None
    refresh_spent: bool = False
    was_probe: bool = False
    rejected: tuple[str, ...] = ()

    @property
    def trigger(self) -> Trigger:
        """The failed call as the core sees it.

        Raises:
            ValueError: the status is no number of three digits.
        """
        if self.verdict is None:
            return Trigger(status=self.triggering_status, fingerprint=self.fingerprint)
        return Trigger(
            status=self.triggering_status,
            cause=self.verdict.cause,
            fingerprint=self.fingerprint,
            limits=self.verdict.limits,
            detail=self.verdict.detail,
            account_disabled=self.verdict.account_disabled,
        )

    def answer(self, trigger: Trigger, *, now: float) -> AnswerRead:
        """The failed call as a request sees it, told at `now` (Unix seconds).

        Args:
            trigger: see `trigger`, which is made anew each time.
            now: Unix seconds.

        Raises:
            ValueError: the model is no text.
        """
        cause = cause_of(trigger)
        verdict = self.verdict if self.verdict is not None or cause is None else _verdict(cause=cause)
        limits = () if verdict is None else verdict.limits
        return AnswerRead(at=now, served=False, verdict=verdict, limits=limits, model=self.model)
