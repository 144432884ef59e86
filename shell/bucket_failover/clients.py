"""The clients of the well-known SDKs, with failover: one line instead of the SDK's own constructor.

Example:
    from bucket_failover.clients import anthropic_client, openai_client
    from bucket_failover.transport import keys_from_env

    client = openai_client(keys=keys_from_env("OPENAI_API_KEYS"))
    client = anthropic_client("work")  # a profile: logins and keys

What comes back is the SDK's own client, of its own class, with its own timeouts and redirects; only what carries its
requests is ours. Its own retries are off (`max_retries=0`): with both, a 429 with `retry-after: 7200` would be slept
through before another bucket is asked. Closing the client closes the transport.

Road not taken: classes of our own around the SDKs' (everything they can do would have to be done again), and patching
the SDKs (what a program imports would depend on what it imported before).
"""

import weakref
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import anthropic
    import openai
    from google import genai

    from bucket_failover.transport import Keys, ProfileSource

_OURS: Final = frozenset(
    {"store", "strategy", "policy", "patience_seconds", "replay_bytes_max", "observe", "inner", "clock", "sleep"}
)
"""Arguments that are the transport's; all others are the SDK's."""


def openai_client(
    profile: "ProfileSource" = None,
    *,
    keys: "Keys | None" = None,
    provider: str = "openai",
    base_url: str | None = None,
    **options: Any,  # noqa: ANN401 - the SDK's own
) -> "openai.OpenAI":
    """An `openai.OpenAI` whose requests go out with the buckets that can serve them.

    Example: `openai_client(keys=["sk-1", "sk-2"]).chat.completions.create(…)`.

    Args:
        profile: whose credentials: the name of a profile of the user's, a profile file, a `Profile`; None: the user's
            usual profile, unless there are `keys`.
        keys: API keys in order of preference, or buckets' names with their keys.
        provider: whose they are; another one that speaks OpenAI's API, `openrouter` say, has its own address.
        base_url: where the API is reached; None: OPENAI_BASE_URL, or where the provider's reference says.
        options: those of the transport (`bucket_failover.transport.loops.SyncFailover`), and those of the SDK.

    Raises:
        ImportError: the SDK is not installed.
        ValueError: see `FailoverTransport`; so are ProfileError, UsageError and TokenStoreError.
    """
    import openai  # noqa: PLC0415 - a user of another SDK need not have it

    keys = _hidden(keys)
    transport, told = _parts("FailoverTransport", profile, keys, provider, base_url, options)
    return openai.OpenAI(**told, http_client=openai.DefaultHttpxClient(transport=transport))


def async_openai_client(
    profile: "ProfileSource" = None,
    *,
    keys: "Keys | None" = None,
    provider: str = "openai",
    base_url: str | None = None,
    **options: Any,  # noqa: ANN401 - the SDK's own
) -> "openai.AsyncOpenAI":
    """An `openai.AsyncOpenAI` with failover; see `openai_client`.

    Raises:
        ImportError: the SDK is not installed.
        ValueError: see `openai_client`.
    """
    import openai  # noqa: PLC0415 - see above

    keys = _hidden(keys)
    transport, told = _parts("AsyncFailoverTransport", profile, keys, provider, base_url, options)
    return openai.AsyncOpenAI(**told, http_client=openai.DefaultAsyncHttpxClient(transport=transport))


def anthropic_client(
    profile: "ProfileSource" = None,
    *,
    keys: "Keys | None" = None,
    provider: str = "anthropic",
    base_url: str | None = None,
    **options: Any,  # noqa: ANN401 - the SDK's own
) -> "anthropic.Anthropic":
    """An `anthropic.Anthropic` whose requests go out with the buckets that can serve them; see `openai_client`.

    Example: `anthropic_client("work").messages.create(…)`.

    Raises:
        ImportError: the SDK is not installed.
        ValueError: see `openai_client`.
    """
    import anthropic  # noqa: PLC0415 - see above

    keys = _hidden(keys)
    transport, told = _parts("FailoverTransport", profile, keys, provider, base_url, options)
    return anthropic.Anthropic(**told, http_client=anthropic.DefaultHttpxClient(transport=transport))


def async_anthropic_client(
    profile: "ProfileSource" = None,
    *,
    keys: "Keys | None" = None,
    provider: str = "anthropic",
    base_url: str | None = None,
    **options: Any,  # noqa: ANN401 - the SDK's own
) -> "anthropic.AsyncAnthropic":
    """An `anthropic.AsyncAnthropic` with failover; see `anthropic_client`.

    Raises:
        ImportError: the SDK is not installed.
        ValueError: see `openai_client`.
    """
    import anthropic  # noqa: PLC0415 - see above

    keys = _hidden(keys)
    transport, told = _parts("AsyncFailoverTransport", profile, keys, provider, base_url, options)
    return anthropic.AsyncAnthropic(**told, http_client=anthropic.DefaultAsyncHttpxClient(transport=transport))


def google_client(
    profile: "ProfileSource" = None,
    *,
    keys: "Keys | None" = None,
    provider: str = "google",
    base_url: str | None = None,
    **options: Any,  # noqa: ANN401 - the SDK's own
) -> "genai.Client":
    """A `google.genai.Client`, synchronous and (`.aio`) asynchronous, with failover; see `openai_client`.

    Example: `google_client(keys=keys_from_env("GEMINI_API_KEYS")).models.generate_content(…)`.

    Its connections are given back when it is collected: the SDK closes no HTTP client that it was given.

    Args:
        profile: see `openai_client`.
        keys: see `openai_client`. Keys of the two halves are counted apart: what one learns of a limit, the other finds
            out by itself.
        provider: whose they are.
        base_url: where the API is reached; None: where the provider's reference says.
        options: those of the transport, and those of the SDK but `http_options`.

    Raises:
        ImportError: the SDK is not installed.
        ValueError: see `openai_client`.
    """
    import httpx2  # noqa: PLC0415 - see above
    from google import genai  # noqa: PLC0415 - see above

    keys = _hidden(keys)
    transport, told = _parts("FailoverTransport", profile, keys, provider, base_url, options)
    async_transport, _ = _parts("AsyncFailoverTransport", profile, keys, provider, base_url, options)
    address, _ = told.pop("base_url"), told.pop("max_retries")
    timeout = httpx2.Timeout(None)  # as the SDK's own: it sets one for each request
    blocking = httpx2.Client(transport=transport, timeout=timeout, follow_redirects=True)
    waiting = httpx2.AsyncClient(transport=async_transport, timeout=timeout, follow_redirects=True)
    http = genai.types.HttpOptions(base_url=address, httpx_client=blocking, httpx_async_client=waiting)
    client = genai.Client(**told, http_options=http)
    weakref.finalize(client, blocking.close)
    return client


def _hidden(keys: "Keys | None") -> Any:  # noqa: ANN401 - see `hidden_keys`
    """The same keys, none of which a traceback shows."""
    from bucket_failover.transport.keys import hidden_keys  # noqa: PLC0415 - it needs an extra

    return hidden_keys(keys)


def _parts(  # noqa: PLR0917 - as the clients take them
    kind: str,
    profile: "ProfileSource",
    keys: Any,  # noqa: ANN401 - hidden
    provider: str,
    base_url: str | None,
    options: dict[str, Any],
) -> tuple[Any, dict[str, Any]]:
    """A transport of a kind, and what the SDK's client is made with besides."""
    from bucket_failover import transport as transports  # noqa: PLC0415 - it needs an extra

    address = transports.api_address(provider, base_url)
    ours = {name: value for name, value in options.items() if name in _OURS}
    theirs = {name: value for name, value in options.items() if name not in _OURS}
    made = getattr(transports, kind)(profile, keys=keys, provider=provider, base_url=address, **ours)
    return made, {"max_retries": 0, **theirs, "api_key": transports.PLACEHOLDER, "base_url": address}
