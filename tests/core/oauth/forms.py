"""A plain and a full issuer, and how a form is written down, for the tests of what is sent."""

from collections.abc import Iterable
from typing import Any

from bucket_failover_core.oauth import FormField, IssuerSettings

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
REDIRECT = "http://127.0.0.1:1455/callback"
EXTRAS = {
    "scopes": ("openid", "user:read"),
    "authorization_parameters": {"audience": "api", "login_hint": "{bucket}@{x}{bucket}"},
    "token_parameters": {"account": "of {bucket}", "format": "{0} %s {"},
    "has_client_secret": True,
}


def settings(**fields: Any) -> IssuerSettings:
    """A public client without scopes or extra parameters, unless said otherwise."""
    return IssuerSettings.model_validate(
        {"token_endpoint": "https://issuer.example/token", "client_id": "cli"} | fields
    )


PLAIN = settings()
FULL = settings(**EXTRAS)


def written(form: Iterable[FormField]) -> list[str]:
    """The form as it would be printed, `<...>` for a slot."""
    for field in form:
        assert field.secret is None or field.value == ""
    return [f"{field.name}=<{field.secret}>" if field.secret else f"{field.name}={field.value}" for field in form]
