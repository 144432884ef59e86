"""Who issues the tokens, and how is it spoken to?

The settings stand in the user's profile, so a mistake in them is told at once, by the name of what is wrong, and
without the value: what was written into the wrong line may be a secret.

Rules:

* An endpoint is an absolute https URL; http is for this machine alone. It has no user, no password and no fragment.
* Extra parameters add to what the protocol says, and never say it otherwise.
* A secret has no place here. Whether there is a client secret is a setting; what it is, is not.

Road not taken: discovery (RFC 8414). It saves three lines of a profile, and lets one more answer from the network
decide where a refresh token is sent.

Source: RFC 6749, 3.1, 3.1.2 and 3.2; RFC 8252, 7.3 and 8.3; RFC 8628, 3.1; RFC 7009, 2; RFC 3986, 2 and 3.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal, final

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from bucket_failover_core.value import Value

LoginFlow = Literal["code", "device"]
"""How a user logs in: `code`: in a browser here (RFC 8252); `device`: in any browser, with a code (RFC 8628)."""

PROTOCOL_PARAMETERS: Final[frozenset[str]] = frozenset(
    {
        "client_id",
        "client_secret",
        "code",
        "code_challenge",
        "code_challenge_method",
        "code_verifier",
        "device_code",
        "grant_type",
        "redirect_uri",
        "refresh_token",
        "response_type",
        "scope",
        "state",
        "token",
        "token_type_hint",
    }
)
"""What only the protocol itself says (RFC 6749, 4.1; RFC 7636, 4.3; RFC 8628, 3.4; RFC 7009, 2.1)."""

_NO_URL_CHARACTER: Final = re.compile(r"[^A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]")
_URL: Final = re.compile(r"(?P<scheme>[a-z]+)://(?P<authority>[^/?#]*)[^#]*(?P<fragment>#.*)?", re.IGNORECASE)
_HOST_AND_PORT: Final = re.compile(r"(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?")
_HERE: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})
_PORT_MAX: Final = 65_535
"""A port has 16 bits (RFC 9293, 3.1)."""

_PATH: Final = re.compile(r"/[!-~]*")


def _endpoint(url: str) -> str:
    """The URL as it is, if requests with secrets in them may go there."""
    if url == "":
        return url
    trouble = _trouble_of(url)
    if trouble:
        raise ValueError(trouble)
    return url


def _trouble_of(url: str) -> str:
    """What is wrong with an endpoint, without showing it; empty: nothing."""
    if _NO_URL_CHARACTER.search(url):
        return "an endpoint has no whitespace, control characters, or others that must be percent-encoded"
    parts = _URL.fullmatch(url)
    if parts is None or parts["scheme"].lower() not in {"https", "http"}:
        return "an endpoint is an absolute https URL"
    if parts["fragment"] is not None:
        return "an endpoint has no fragment (#)"
    if "@" in parts["authority"]:
        return "an endpoint has no user and no password (@)"
    place = _HOST_AND_PORT.fullmatch(parts["authority"])
    if place is None or int(place["port"] or 0) > _PORT_MAX:
        return "an endpoint has a host, and a port up to 65535 if any"
    if parts["scheme"].lower() == "http" and place["host"].lower() not in _HERE:
        return "an endpoint is https; http is only for 127.0.0.1, localhost and [::1]"
    return ""


def _path(path: str) -> str:
    if _PATH.fullmatch(path) is None or "?" in path or "#" in path:
        message = "a redirect path begins with /, and has no ?, no #, no whitespace and no control characters"
        raise ValueError(message)
    return path


def _as_pairs(parameters: object) -> object:
    """A table as its pairs, in the order in which it was written; anything else as it is."""
    return tuple(parameters.items()) if isinstance(parameters, Mapping) else parameters


def _extra(parameters: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    for name, _ in parameters:
        if name in PROTOCOL_PARAMETERS:
            message = f"{name} is said by the protocol itself, and is no extra parameter"
            raise ValueError(message)
    return parameters


Endpoint = Annotated[str, AfterValidator(_endpoint)]
"""An absolute https URL, or http on this machine; or empty: there is none."""

Scope = Annotated[str, Field(pattern=r"^[\x21\x23-\x5B\x5D-\x7E]+$")]
"""One scope (RFC 6749, 3.3), so no spaces."""

ExtraParameters = Annotated[
    tuple[tuple[Annotated[str, Field(min_length=1)], str], ...], BeforeValidator(_as_pairs), AfterValidator(_extra)
]
"""Names and values, given as a table or as pairs. In a value the text `{bucket}` stands for the bucket's name."""


@final
class IssuerSettings(Value):
    """An OAuth issuer, and who we are to it.

    Example: `IssuerSettings(token_endpoint="https://issuer.example/token", client_id="cli")` can refresh; with an
    `authorization_endpoint` as well, `flows` is `("code",)`: people can log in, too.

    Args:
        token_endpoint: where tokens come from.
        client_id: who we are.
        authorization_endpoint: where a browser is sent; empty: the issuer has no such login.
        device_authorization_endpoint: where device codes come from; empty: it has no such login.
        revocation_endpoint: where tokens are given back; empty: nowhere.
        scopes: what is asked for; none: what the issuer thinks fit.
        authorization_parameters: extra parameters of a login, such as an audience.
        token_parameters: extra parameters of what is sent to the token endpoint.
        body: how forms are sent there: `form`, as the standard has it, or `json`, as some issuers want it.
        redirect_host: which name of this machine the browser comes back to.
        redirect_port: 0 to 65535; 0: any free one.
        redirect_path: begins with "/".
        single_use_refresh_tokens: the issuer takes each refresh token once.
        has_client_secret: the shell holds a client secret, which is sent along.
        client_authentication: how: in the `body`, or in a `basic` header (RFC 6749, 2.3.1).

    Source: RFC 6749, 2.2, 3 and 3.3; RFC 8252, 7.3 (loopback redirect); RFC 9700, 4.14.2 (single use).
    """

    # What does not fit may be a secret in the wrong place: errors name the field, and do not show it.
    model_config = ConfigDict(hide_input_in_errors=True)

    token_endpoint: Endpoint = Field(min_length=1)
    client_id: str = Field(min_length=1)
    authorization_endpoint: Endpoint = ""
    device_authorization_endpoint: Endpoint = ""
    revocation_endpoint: Endpoint = ""
    scopes: tuple[Scope, ...] = ()
    authorization_parameters: ExtraParameters = ()
    token_parameters: ExtraParameters = ()
    body: Literal["form", "json"] = "form"
    redirect_host: Literal["127.0.0.1", "localhost", "[::1]"] = "127.0.0.1"
    redirect_port: int = Field(default=0, ge=0, le=_PORT_MAX)
    redirect_path: Annotated[str, AfterValidator(_path)] = "/callback"
    single_use_refresh_tokens: bool = True
    has_client_secret: bool = False
    client_authentication: Literal["body", "basic"] = "body"

    @property
    def flows(self) -> tuple[LoginFlow, ...]:
        """Which logins the issuer offers, the one with a browser here first."""
        code: tuple[LoginFlow, ...] = ("code",) if self.authorization_endpoint else ()
        device: tuple[LoginFlow, ...] = ("device",) if self.device_authorization_endpoint else ()
        return code + device
