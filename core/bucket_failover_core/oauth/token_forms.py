"""What is sent to an issuer? Each grant as a form, with a slot where the shell puts a secret.

Rules:

* The core writes the form and never sees what goes into its slots: no code, no token, no client secret.
* What the protocol says comes first, then the issuer's extra parameters; there `{bucket}` stands for the bucket's name.
* A refresh asks for no scope, which means: for the same as before.

Intuition: a form with slots can be printed, compared and recorded; a filled one must not even be logged.

Road not taken: a dict with secrets in it, and a list of the names to be masked. It masks what its author thought of.

Source: RFC 6749, 4.1 and 6; RFC 7636, 4; RFC 8628, 3; RFC 7009, 2.1.
"""

from typing import Final, Literal, final

from pydantic import Field

from bucket_failover_core.oauth.issuer_settings import IssuerSettings
from bucket_failover_core.value import Value

SecretName = Literal["refresh_token", "code", "code_verifier", "device_code", "client_secret", "token"]
"""Which secret belongs into a slot."""

DEVICE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
"""RFC 8628, 3.4."""

_BUCKET: Final = "{bucket}"


@final
class FormField(Value):
    """One field of a form.

    Args:
        name: its name.
        value: its value; empty if it is a slot.
        secret: the shell puts this secret in; None: it is no slot.
    """

    name: str = Field(min_length=1)
    value: str = ""
    secret: SecretName | None = None


def code_form(settings: IssuerSettings, *, redirect_uri: str, bucket: str) -> tuple[FormField, ...]:
    """What is sent to the token endpoint for an authorization code.

    Example: for the client "cli" they are `grant_type=authorization_code`, the slot `code`, `redirect_uri=...`,
    `client_id=cli`, the slot `code_verifier`.

    Args:
        settings: the issuer.
        redirect_uri: the same that the browser took along.
        bucket: the bucket's name, for `{bucket}`.

    Source: RFC 6749, 4.1.3; RFC 7636, 4.5.
    """
    return (
        FormField(name="grant_type", value="authorization_code"),
        _slot("code"),
        FormField(name="redirect_uri", value=redirect_uri),
        _client(settings),
        _slot("code_verifier"),
        *_client_secret(settings),
        *_fields(for_bucket(settings.token_parameters, bucket)),
    )


def refresh_form(settings: IssuerSettings, *, bucket: str) -> tuple[FormField, ...]:
    """What is sent to the token endpoint to refresh. It names no scope: the new token is for the same as the old one.

    Example: for the client "cli" they are `grant_type=refresh_token`, the slot `refresh_token`, `client_id=cli`.

    Args:
        settings: the issuer.
        bucket: the bucket's name, for `{bucket}`.

    Source: RFC 6749, 6.
    """
    return (
        FormField(name="grant_type", value="refresh_token"),
        _slot("refresh_token"),
        _client(settings),
        *_client_secret(settings),
        *_fields(for_bucket(settings.token_parameters, bucket)),
    )


def device_form(settings: IssuerSettings, *, bucket: str) -> tuple[FormField, ...]:
    """What is sent to the device authorization endpoint, to begin a login there.

    Example: for the client "cli" with the scopes "a" and "b" they are `client_id=cli` and `scope=a b`.

    Args:
        settings: the issuer; its `authorization_parameters` (an audience and the like) belong here as well.
        bucket: the bucket's name, for `{bucket}`.

    Source: RFC 8628, 3.1.
    """
    return (
        _client(settings),
        *_fields(scope_of(settings)),
        *_client_secret(settings),
        *_fields(for_bucket(settings.authorization_parameters, bucket)),
    )


def device_token_form(settings: IssuerSettings, *, bucket: str) -> tuple[FormField, ...]:
    """What is sent to the token endpoint to ask whether the user has logged in elsewhere.

    Example: for the client "cli" they are `grant_type=urn:ietf:params:oauth:grant-type:device_code`, the slot
    `device_code`, `client_id=cli`.

    Args:
        settings: the issuer.
        bucket: the bucket's name, for `{bucket}`.

    Source: RFC 8628, 3.4.
    """
    return (
        FormField(name="grant_type", value=DEVICE_GRANT),
        _slot("device_code"),
        _client(settings),
        *_client_secret(settings),
        *_fields(for_bucket(settings.token_parameters, bucket)),
    )


def revocation_form(
    settings: IssuerSettings, *, hint: Literal["refresh_token", "access_token"]
) -> tuple[FormField, ...]:
    """What is sent to the revocation endpoint, to give a token back.

    Example: for the client "cli" they are the slot `token`, `token_type_hint=refresh_token`, `client_id=cli`.

    Args:
        settings: the issuer.
        hint: which kind of token it is.

    Source: RFC 7009, 2.1.
    """
    return (
        _slot("token"),
        FormField(name="token_type_hint", value=hint),
        _client(settings),
        *_client_secret(settings),
    )


def _slot(secret: SecretName) -> FormField:
    return FormField(name=secret, secret=secret)


def _client(settings: IssuerSettings) -> FormField:
    return FormField(name="client_id", value=settings.client_id)


def _client_secret(settings: IssuerSettings) -> tuple[FormField, ...]:
    """The secret's place in the form; with HTTP Basic it has none there."""
    is_in_body = settings.has_client_secret and settings.client_authentication == "body"
    return (_slot("client_secret"),) if is_in_body else ()


def scope_of(settings: IssuerSettings) -> tuple[tuple[str, str], ...]:
    """The scopes that are asked for, as a parameter; none: what the issuer thinks fit."""
    return (("scope", " ".join(settings.scopes)),) if settings.scopes else ()


def for_bucket(parameters: tuple[tuple[str, str], ...], bucket: str) -> tuple[tuple[str, str], ...]:
    """The extra parameters of this bucket. A plain replacement: in a format string, other braces would mean things."""
    return tuple((name, value.replace(_BUCKET, bucket)) for name, value in parameters)


def _fields(parameters: tuple[tuple[str, str], ...]) -> tuple[FormField, ...]:
    return tuple(FormField(name=name, value=value) for name, value in parameters)
