"""What a caller tells a handler: the profile, and the failed call."""

import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Final

from bucket_failover_core import AnswerRead, BucketSnapshot, Trigger, Verdict
from bucket_failover_core.facts import cause_of
from bucket_failover_core.formats import printable
from bucket_failover_core.value import trusted
from bucket_failover_core.wire import CREDENTIAL_HEADERS

_verdict = trusted(Verdict)

_HTTP_ADDRESS: Final = re.compile(r"https?://[^\s/?#@]+(?:/[^\s?#]*)?", re.ASCII)
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
"""Source: RFC 9110, 5.6.2 (token)."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """One bucket of a profile.

    Args:
        name: unique in its profile, not empty.
        quota_domain: buckets of the same non-empty domain share their organization's and provider's limits.
        api_key: it holds an API key, which does not expire, is never refreshed, and has no login.
        base_url: where its API is reached, if that is elsewhere than for the others: a deployment in another region,
            say. Transports go by it.
        headers: what its requests carry besides, an organization or a project, say. Transports add them. They are no
            secrets: a credential belongs into the store.

    Raises:
        ValueError: the address is no HTTP address, or a header is one for credentials, or no header at all.
    """

    name: str
    quota_domain: str = ""
    api_key: bool = False
    base_url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if self.base_url and not _HTTP_ADDRESS.fullmatch(self.base_url):
            message = f"base_url: {printable(self.base_url)!r} is no address such as https://eu.example/v1"
            raise ValueError(message)
        for name, value in self.headers.items():
            if name.lower() in CREDENTIAL_HEADERS:
                message = f"headers: {name} is for a credential, which belongs into the store"
                raise ValueError(message)
            if not _HEADER_NAME.fullmatch(name) or not (value.isascii() and value.isprintable()):
                message = f"headers: {printable(name)!r} is no header, or its value has characters that none may have"
                raise ValueError(message)

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
