"""credential_place and provider_address: a table per rule."""

import pytest

from bucket_failover_core.wire import CREDENTIAL_HEADERS, CredentialPlace, credential_place, provider_address

BEARER = CredentialPlace("authorization", "Bearer ")
ADDRESSES = {
    "anthropic": "https://api.anthropic.com",
    "openai": "https://api.openai.com/v1",
    "google": "https://generativelanguage.googleapis.com",
    "groq": "https://api.groq.com/openai/v1",
    "openrouter": "https://openrouter.ai/api/v1",
    "mistral": "https://api.mistral.ai/v1",
    "xai": "https://api.x.ai/v1",
    "deepseek": "https://api.deepseek.com",
    "moonshot": "https://api.moonshot.ai/v1",
    "cerebras": "https://api.cerebras.ai/v1",
    "together": "https://api.together.xyz/v1",
    "fireworks": "https://api.fireworks.ai/inference/v1",
}
OWN_HEADERS = {"anthropic": CredentialPlace("x-api-key"), "google": CredentialPlace("x-goog-api-key")}


@pytest.mark.parametrize("provider", [*ADDRESSES, "unknown", ""])
def test_an_api_key_without_a_placeholder_stands_where_the_reference_says(provider: str) -> None:
    """Anthropic and Google have a header of their own; every other provider wants a bearer token."""
    assert credential_place(provider, is_api_key=True) == OWN_HEADERS.get(provider, BEARER)


@pytest.mark.parametrize("provider", ["anthropic", "openai", "google", "unknown"])
@pytest.mark.parametrize(
    ("placeholder", "place"),
    [
        ("authorization", BEARER),
        ("x-api-key", CredentialPlace("x-api-key")),
        ("x-goog-api-key", CredentialPlace("x-goog-api-key")),
        ("api-key", CredentialPlace("api-key")),
    ],
)
def test_an_api_key_stands_where_the_client_put_its_placeholder(
    provider: str, placeholder: str, place: CredentialPlace
) -> None:
    """The client knows better than our table, of any provider."""
    assert credential_place(provider, is_api_key=True, placeholder=placeholder) == place


@pytest.mark.parametrize("placeholder", [None, *sorted(CREDENTIAL_HEADERS)])
@pytest.mark.parametrize(
    ("provider", "adds"),
    [
        ("anthropic", (("anthropic-beta", "oauth-2025-04-20"),)),
        ("openai", ()),
        ("google", ()),
        ("unknown", ()),
    ],
)
def test_a_logins_token_is_a_bearer_token(
    provider: str, adds: tuple[tuple[str, str], ...], placeholder: str | None
) -> None:
    """The client's placeholder is an API key's, so it says nothing of a login's; Anthropic wants a header beside it."""
    place = credential_place(provider, is_api_key=False, placeholder=placeholder)
    assert place == CredentialPlace("authorization", "Bearer ", adds)


@pytest.mark.parametrize("provider", [*ADDRESSES, "unknown"])
@pytest.mark.parametrize("is_api_key", [True, False])
def test_a_credential_stands_where_a_clients_would_be_taken_away(provider: str, *, is_api_key: bool) -> None:
    """What the client has put there is replaced, so the provider is sent one credential, and it is ours."""
    place = credential_place(provider, is_api_key=is_api_key)
    assert place.header in CREDENTIAL_HEADERS
    assert place.header == place.header.lower()


@pytest.mark.parametrize(("provider", "address"), [*ADDRESSES.items(), ("unknown", None), ("", None), ("OpenAI", None)])
def test_the_address_of_a_provider(provider: str, address: str | None) -> None:
    """It is what the provider's own SDK begins with; of an unknown provider there is none."""
    assert provider_address(provider) == address
