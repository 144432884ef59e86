"""Where requests go, and how one is built for a bucket: its credential, its address, its headers."""

import os
from typing import Any, Final

from pydantic import SecretStr

from bucket_failover import logs
from bucket_failover.handler import Bucket
from bucket_failover.orchestrator.request import ActiveBucket
from bucket_failover.profile import Profile
from bucket_failover_core import RetryPolicy
from bucket_failover_core.wire import CREDENTIAL_PARAMETERS, credential_place, provider_address

PLACEHOLDER: Final = "bucket-failover"
"""What a client is given as its API key; the transport puts a real one in its place."""


Credentials = list[tuple[str, bool]]
"""Headers of a request that hold credentials, in lower case, and whether it is our placeholder."""


_HOSTS_MAX: Final = 16
"""More than a program is wrong about."""

_ADDRESS_VARIABLES: Final = {
    "openai": "OPENAI_BASE_URL",
    "anthropic": "ANTHROPIC_BASE_URL",
    "google": "GOOGLE_GEMINI_BASE_URL",
}
"""By which the SDKs are told where the API is reached. Source: their READMEs, as of 2026."""


def api_address(provider: str, base_url: str | None) -> str | None:
    """Where a provider's API is reached: as the caller says, as the SDK's variable says, as its reference says.

    Args:
        provider: whose.
        base_url: what the caller says; None: nothing.

    Returns:
        The address; None: it is not known.
    """
    variable = _ADDRESS_VARIABLES.get(provider)
    told = os.environ.get(variable) if variable is not None else None
    return base_url or told or provider_address(provider)


_POLICIES_MAX: Final = 64
"""More than clients of one transport have time-outs."""


class UnsendableCredentialError(Exception):
    """A credential has characters that no header can carry. It never leaves the transport."""


class Target:
    """Where a transport sends what it sends, and with which credentials: the same for all its requests.

    Args:
        http: the client's family: the module `httpx2` or `httpx`.
        profile: whose buckets.
        base_url: where the API is reached; None: see `api_address`.
        patience_seconds: how long waits may take in one request; None: as long as the client waits for an answer.
        replay_bytes_max: bodies up to this size can be sent again.
        policy: how patient requests are, unless their clients are less so.

    Raises:
        ValueError: no address was given, and the provider's is not known; or it is none.
    """

    def __init__(  # noqa: PLR0917 - made in one place, by its two faces
        self,
        http: Any,  # noqa: ANN401 - a module
        profile: Profile,
        base_url: str | None,
        patience_seconds: float | None,
        replay_bytes_max: int,
        policy: RetryPolicy,
    ) -> None:
        address = api_address(profile.provider, base_url)
        if address is None:
            message = f"base_url: say where the API of {profile.provider!r} is reached; credentials go nowhere else"
            raise ValueError(message)
        self.http = http
        self.provider = profile.provider
        self.buckets: dict[str, Bucket] = {bucket.name: bucket for bucket in profile.buckets}
        self.base = http.URL(address)
        if self.base.scheme not in {"http", "https"} or not self.base.host:
            message = "base_url: it has to begin with https:// (or http://) and the name of a host"
            raise ValueError(message)
        self.patience_seconds = patience_seconds
        self.replay_bytes_max = replay_bytes_max
        self._policy = policy
        self._policies: dict[float, RetryPolicy] = {}
        self._origin = (self.base.scheme, self.base.netloc)
        self._warned: set[str] = set()

    def is_meant(self, request: Any) -> bool:  # noqa: ANN401 - any family's
        """Whether a request goes to the API: a redirect, or a file elsewhere, gets no credential."""
        return (request.url.scheme, request.url.netloc) == self._origin

    def policy_within(self, patience: float | None) -> RetryPolicy:
        """How patient a request is whose client waits so many seconds for an answer; None: for ever."""
        if patience is None:
            return self._policy
        known = self._policies.get(patience)
        if known is None:
            if len(self._policies) > _POLICIES_MAX:
                self._policies.clear()
            known = self._policies[patience] = self._policy.evolve({"patience_seconds": patience})
        return known

    def without_placeholder(self, request: Any) -> Any:  # noqa: ANN401 - any family's
        """A request to another place, as the client has made it, but for our placeholder; its host is told once."""
        headers = self.http.Headers(request.headers)
        for name, value in request.headers.raw:
            if PLACEHOLDER.encode() in value:
                del headers[name.decode()]
                if self._tells(request.url.host):
                    logs.sent_elsewhere(self.provider, request.url.host, self.base.host)
        return self.rebuilt(request, headers, request.url)

    def rebuilt(self, request: Any, headers: Any, url: Any) -> Any:  # noqa: ANN401 - any family's
        """The request with other headers, to another address."""
        built = object.__new__(self.http.Request)
        vars(built).update(vars(request), headers=headers, url=url)
        return built

    def warn_of_retries(self) -> None:
        """The client repeats its requests as well: told once."""
        if self._tells(""):
            logs.client_retries(self.provider)

    def _tells(self, host: str) -> bool:
        """Whether something about a host, or (empty) about the client, is told now: each once, and of few hosts."""
        is_new = host not in self._warned and len(self._warned) < _HOSTS_MAX
        if is_new:
            self._warned.add(host)
        return is_new

    def address(self, url: Any, bucket: Bucket) -> Any:  # noqa: ANN401 - any family's
        """Where a request is sent: a bucket may be another endpoint. Credentials in the address go no further."""
        if b"?" in url.raw_path and not CREDENTIAL_PARAMETERS.isdisjoint(url.params.keys()):
            kept = [(name, value) for name, value in url.params.multi_items() if name not in CREDENTIAL_PARAMETERS]
            url = url.copy_with(query=str(self.http.QueryParams(kept)).encode() or None)
        if not bucket.base_url:
            return url
        base, other = self.base.raw_path.rstrip(b"/"), self.http.URL(bucket.base_url)
        path: bytes = url.raw_path
        if path.startswith(base) and path[len(base) : len(base) + 1] in {b"", b"/", b"?"}:
            path = path[len(base) :]
        return other.copy_with(raw_path=other.raw_path.rstrip(b"/") + path)

    def put_credential(self, headers: Any, credentials: Credentials, active: ActiveBucket) -> None:  # noqa: ANN401
        """Put a bucket's credential into a request's headers, in the place of all others.

        Args:
            headers: of the request, as it will be sent.
            credentials: those that the client has put there.
            active: the bucket, and its token.

        Raises:
            UnsendableCredentialError: no header can carry it.
        """
        placeholder = next((name for name, is_ours in credentials if is_ours), None)
        place = credential_place(self.provider, is_api_key=active.token.is_api_key, placeholder=placeholder)
        for name, _ in credentials:
            if name != place.header:
                headers.pop(name, None)
        if not _can_be_sent(active.token.access_token):
            message = f"{active.name}: its credential has characters that no header can carry"
            raise UnsendableCredentialError(message)
        headers[place.header] = f"{place.prefix}{active.token.access_token.get_secret_value()}"
        for name, value in place.adds:
            had = headers.get(name, "")
            headers[name] = had if value in had else f"{had},{value}" if had else value


def _can_be_sent(credential: SecretStr) -> bool:
    """Whether a header can carry it. Source: RFC 9110, 5.5; other characters than ASCII's are read differently."""
    text = credential.get_secret_value()
    can = bool(text) and text.isascii() and text.isprintable() and text == text.strip()
    del text
    return can
