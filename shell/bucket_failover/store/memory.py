"""A store that ends with the process: for tests, examples, and programs that get their tokens at start."""

from bucket_failover.tokens import OAuthToken


class MemoryTokenStore:
    """Tokens in a dictionary. Example: `store.write("anthropic", "default", token)`."""

    def __init__(self) -> None:
        self._tokens: dict[tuple[str, str], OAuthToken] = {}
        self._session_buckets: dict[str, str] = {}

    def read(self, provider: str, bucket: str) -> OAuthToken | None:
        """See `TokenStore.read`. Raises nothing."""
        return self._tokens.get((provider, bucket))

    def write(self, provider: str, bucket: str, token: OAuthToken) -> None:
        """See `TokenStore.write`. Raises nothing."""
        self._tokens[provider, bucket] = token

    def delete(self, provider: str, bucket: str) -> None:
        """See `TokenStore.delete`. Raises nothing."""
        self._tokens.pop((provider, bucket), None)

    def read_session_bucket(self, provider: str) -> str | None:
        """See `TokenStore.read_session_bucket`. Raises nothing."""
        return self._session_buckets.get(provider)

    def write_session_bucket(self, provider: str, bucket: str) -> None:
        """See `TokenStore.write_session_bucket`. Raises nothing."""
        self._session_buckets[provider] = bucket
