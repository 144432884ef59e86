"""An OAuth issuer over HTTP: what a refresh, a login and a logout ask of it.

What is sent, and what an answer means, is the core's (`grants`, `issuer_answers`), which sees fingerprints in place of
secrets. An answer's body is never logged, raised or kept: issuers echo secrets in their errors.

Source: RFC 6749 (grants), RFC 7636 (PKCE), RFC 8628 (device grant), RFC 7009 (revocation).
"""

import time
from collections.abc import Callable, Mapping
from typing import Final

import httpx2
from pydantic import SecretStr, ValidationError
from returns.methods import unwrap_or_failure

from bucket_failover.errors import LoginFailedError
from bucket_failover.oauth.form_post import TIMEOUT_SECONDS, Poster, Silence, text_of
from bucket_failover.oauth.issuer import Reply
from bucket_failover.token_fields import is_storable
from bucket_failover.tokens import API_KEY_TYPE, MaskedDict, OAuthToken
from bucket_failover_core.oauth import (
    DeviceCode,
    DeviceDeclined,
    DeviceFailed,
    DevicePending,
    DeviceRefused,
    FormField,
    IssuerSettings,
    NothingIssued,
    SecretName,
    TokensIssued,
    code_form,
    describe_issuer_answer,
    device_form,
    device_token_form,
    read_device_answer,
    read_device_poll,
    read_issuer_answer,
    refresh_form,
    revocation_form,
)

_HANDLED: Final = frozenset({"access_token", "refresh_token", "expires_in", "scope", "token_type", "device_code"})


class OAuthIssuer:
    """A `TokenIssuer` over HTTP, and what a login needs of it. Its calls block; threads may share it.

    Example: `StoredOAuthManager(store, refresh=OAuthIssuer(settings))`.

    Args:
        settings: its endpoints, and who we are to it.
        client_secret: if it wants one.
        http: the client to use; None: one of its own, which takes proxies from the environment.
        clock: gives Unix seconds.
        timeout_seconds: of a whole call to the issuer: connection, request and answer, however it drips.

    Raises:
        ValueError: the settings say that there is a client secret, and none was given.
    """

    def __init__(
        self,
        settings: IssuerSettings,
        *,
        client_secret: SecretStr | None = None,
        http: httpx2.Client | None = None,
        clock: Callable[[], float] = time.time,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        if settings.has_client_secret and client_secret is None:
            message = "client_secret: the settings say that there is one, and none was given"
            raise ValueError(message)
        self.settings = settings.evolve({"has_client_secret": client_secret is not None})
        basic_id = settings.client_id if settings.client_authentication == "basic" else ""
        self._poster = Poster(
            client_secret,
            as_json=settings.body == "json",
            http=http,
            basic_id=basic_id,
            timeout_seconds=timeout_seconds,
        )
        self._clock = clock

    def close(self) -> None:
        """Close the connections."""
        self._poster.close()

    @property
    def single_use_refresh_tokens(self) -> bool:
        """See `TokenIssuer.single_use_refresh_tokens`."""
        return self.settings.single_use_refresh_tokens

    def refresh(self, _provider: str, bucket: str, held: OAuthToken, /, *, before_sending: Callable[[], None]) -> Reply:
        """See `TokenIssuer.refresh`.

        Raises:
            TokenStoreError: from `before_sending`.
        """
        form = refresh_form(self.settings, bucket=bucket)
        secret = held.refresh_token or SecretStr("")
        lived = None if held.expiry is None or held.issued_at is None else held.expiry - held.issued_at
        return self._present(form, {"refresh_token": secret}, before_sending, last_lifetime=lived)

    def redeem(self, bucket: str, *, code: SecretStr, verifier: SecretStr, redirect_uri: str) -> OAuthToken:
        """The token that an authorization code stands for.

        Raises:
            LoginFailedError: the issuer has not given one.
        """
        form = code_form(self.settings, redirect_uri=redirect_uri, bucket=bucket)
        reply = self._present(form, {"code": code, "code_verifier": verifier})
        if reply.token is None:
            raise LoginFailedError(reply.detail)
        return reply.token

    def start_device(self, bucket: str) -> tuple[DeviceCode, SecretStr]:
        """What the user is to type, and the code that we ask with.

        Raises:
            LoginFailedError: the issuer has not given one.
        """
        form = device_form(self.settings, bucket=bucket)
        heard = self._poster.post(self.settings.device_authorization_endpoint, form, {})
        if isinstance(heard, Silence):
            raise LoginFailedError(heard.detail)
        told = unwrap_or_failure(read_device_answer(heard.status, heard.public, now=self._clock()))
        if isinstance(told, DeviceRefused):
            raise LoginFailedError(told.detail)
        return told, SecretStr(str((heard.body or MaskedDict())["device_code"]))

    def poll_device(
        self, bucket: str, device_code: SecretStr
    ) -> tuple[DevicePending | DeviceDeclined | DeviceFailed | None, OAuthToken | None]:
        """The token, once the user has logged in; else the answer, or None: the issuer could not be reached."""
        form = device_token_form(self.settings, bucket=bucket)
        heard = self._poster.post(self.settings.token_endpoint, form, {"device_code": device_code})
        if isinstance(heard, Silence):
            return None, None
        answer = read_device_poll(heard.status, heard.public, now=self._clock())
        if not isinstance(answer, TokensIssued):
            return answer, None
        token = self._token(answer, heard.body)
        return (None if token is not None else DeviceFailed(detail="its answer had no token in it")), token

    def revoke(self, token: OAuthToken) -> str:
        """Ask the issuer to forget a login; what came of it, for people. Empty: it has, or has no such endpoint."""
        endpoint = self.settings.revocation_endpoint
        if endpoint == "":
            return ""
        of_refresh = token.refresh_token is not None
        form = revocation_form(self.settings, hint="refresh_token" if of_refresh else "access_token")
        secret = token.refresh_token if token.refresh_token is not None else token.access_token
        heard = self._poster.post(endpoint, form, {"token": secret})
        if isinstance(heard, Silence):
            return heard.detail
        # RFC 7009, 2.2: 200 for a token that is unknown, too.
        return "" if httpx2.codes.is_success(heard.status) else describe_issuer_answer(heard.status, heard.public)

    def _present(
        self,
        form: tuple[FormField, ...],
        secrets: Mapping[SecretName, SecretStr],
        before_sending: Callable[[], None] = lambda: None,
        *,
        last_lifetime: float | None = None,
    ) -> Reply:
        """Present a grant to the token endpoint."""
        heard = self._poster.post(self.settings.token_endpoint, form, secrets, before_sending)
        if isinstance(heard, Silence):
            return Reply(NothingIssued(is_known=heard.is_known), detail=heard.detail)
        answer = read_issuer_answer(
            heard.status,
            heard.public,
            now=self._clock(),
            retry_after=heard.retry_after,
            last_lifetime=last_lifetime,
        )
        token = self._token(answer, heard.body) if isinstance(answer, TokensIssued) else None
        if isinstance(answer, TokensIssued) and token is None:
            answer = NothingIssued(is_known=False)
        return Reply(answer, token, describe_issuer_answer(heard.status, heard.public))

    def _token(self, issued: TokensIssued, body: MaskedDict | None) -> OAuthToken | None:
        """The token in an answer that the core has found to be one; None: its secrets are no texts."""
        fields = body or MaskedDict()
        scope, kind = fields.get("scope"), fields.get("token_type")
        try:
            return OAuthToken(
                access_token=fields["access_token"],
                refresh_token=fields.get("refresh_token") or None,
                expiry=issued.token.expiry,
                issued_at=issued.token.issued_at,
                scope=" ".join(map(str, scope)) if isinstance(scope, list) else text_of(scope),
                token_type=kind if isinstance(kind, str) and kind not in {"", API_KEY_TYPE} else "Bearer",
                extra=MaskedDict(
                    {
                        name: value
                        for name, value in fields.items()
                        if name not in _HANDLED and is_storable(name) and is_storable(value)
                    }
                ),
            )
        except (ValidationError, KeyError):
            return None
