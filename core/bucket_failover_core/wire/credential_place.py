"""Where a credential stands in a request, for whichever client has made it.

Rules:

* An API key stands where the client put its placeholder: SDKs know their provider, and newer ones have moved it.
  Without a placeholder it stands where the provider's reference says.
* A login's access token is a bearer token (RFC 6750), with the headers that the provider wants beside it.
* Whatever else in a request could be a credential goes no further: a request carries one, and it is ours.

Source: the API references of Anthropic (`x-api-key`; `anthropic-beta: oauth-2025-04-20` beside a login's token, as
Claude Code sends it), Google (`x-goog-api-key`, the parameter `key`), Azure (`api-key`), as of 2026.
"""

from typing import Final, NamedTuple

CREDENTIAL_HEADERS: Final = frozenset({"authorization", "x-api-key", "x-goog-api-key", "api-key"})
"""Headers of a request that may hold a credential, in lower case."""

CREDENTIAL_PARAMETERS: Final = frozenset({"key", "api_key", "access_token"})
"""Parameters of a request's address that may hold one."""

_BEARER: Final = "authorization"


class CredentialPlace(NamedTuple):
    """Where a credential stands.

    Args:
        header: its name, in lower case.
        prefix: what stands before the credential in it.
        adds: (name, value) of headers that go with it; a value joins what a header of that name has already, after a
            comma.
    """

    header: str
    prefix: str = ""
    adds: tuple[tuple[str, str], ...] = ()


class _Provider(NamedTuple):
    """What is known of a provider.

    Args:
        key_header: where its API keys stand; "authorization": as a bearer token.
        address: where its API is reached.
        login_adds: what goes with a login's token.
    """

    key_header: str
    address: str
    login_adds: tuple[tuple[str, str], ...] = ()


_PROVIDERS: Final = {
    "anthropic": _Provider("x-api-key", "https://api.anthropic.com", (("anthropic-beta", "oauth-2025-04-20"),)),
    "openai": _Provider(_BEARER, "https://api.openai.com/v1"),
    "google": _Provider("x-goog-api-key", "https://generativelanguage.googleapis.com"),
    "groq": _Provider(_BEARER, "https://api.groq.com/openai/v1"),
    "openrouter": _Provider(_BEARER, "https://openrouter.ai/api/v1"),
    "mistral": _Provider(_BEARER, "https://api.mistral.ai/v1"),
    "xai": _Provider(_BEARER, "https://api.x.ai/v1"),
    "deepseek": _Provider(_BEARER, "https://api.deepseek.com"),
    "moonshot": _Provider(_BEARER, "https://api.moonshot.ai/v1"),
    "cerebras": _Provider(_BEARER, "https://api.cerebras.ai/v1"),
    "together": _Provider(_BEARER, "https://api.together.xyz/v1"),
    "fireworks": _Provider(_BEARER, "https://api.fireworks.ai/inference/v1"),
}


def credential_place(provider: str, *, is_api_key: bool, placeholder: str | None = None) -> CredentialPlace:
    """Where a credential stands.

    Example: Anthropic's API key in `x-api-key`; its login's token as `authorization: Bearer …`, with `anthropic-beta`.

    Args:
        provider: whose it is; of one that is not known, a credential is a bearer token.
        is_api_key: it is no login's.
        placeholder: the header in which the client has put its placeholder, in lower case; None: in none.
    """
    known = _PROVIDERS.get(provider)
    if not is_api_key:
        return CredentialPlace(_BEARER, "Bearer ", () if known is None else known.login_adds)
    header = placeholder or (_BEARER if known is None else known.key_header)
    return CredentialPlace(header, "Bearer " if header == _BEARER else "")


def provider_address(provider: str) -> str | None:
    """The base URL of a provider's API; None: it is not known.

    Example: of "openai", "https://api.openai.com/v1".
    """
    known = _PROVIDERS.get(provider)
    return None if known is None else known.address
