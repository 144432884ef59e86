"""API keys as people have them: in a list, or in a variable of the environment."""

import os
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import SecretStr

from bucket_failover.errors import UsageError
from bucket_failover.handler import Bucket
from bucket_failover.profile import Profile
from bucket_failover.store import MemoryTokenStore
from bucket_failover.tokens import OAuthToken

Keys = Iterable[str | SecretStr] | Mapping[str, str | SecretStr]
"""API keys in order of preference, or buckets' names with their keys."""


def keys_from_env(*variables: str) -> tuple[SecretStr, ...]:
    """The API keys that stand in variables of the environment, in this order, each once.

    Example: with `OPENAI_API_KEYS="sk-1, sk-2"`, `keys_from_env("OPENAI_API_KEYS", "OPENAI_API_KEY")` are two keys; one
    of the second variable comes after them.

    Args:
        variables: their names. Each holds one key, or several with commas, blanks or line ends between them.

    Raises:
        UsageError: none of them holds a key.
    """
    found: dict[str, None] = {}
    for variable in variables:
        found |= dict.fromkeys(os.environ.get(variable, "").replace(",", " ").split())
    if not found:
        names = " or ".join(variables) or "no variable was named"
        message = f"keys: {names}: no API key stands there; put one or more, with commas between them"
        raise UsageError(message)
    return tuple(SecretStr(key) for key in found)


def hidden_keys(keys: Any) -> Any:  # noqa: ANN401 - what a program has given; `profile_of_keys` says what is wrong
    """The same keys, none of which is shown: a traceback that shows local variables would show them."""
    if isinstance(keys, str):
        return SecretStr(keys)
    if isinstance(keys, Mapping):
        return {name: _hidden(key) for name, key in keys.items()}
    return keys if keys is None or isinstance(keys, SecretStr) else tuple(map(_hidden, keys))


def profile_of_keys(provider: str, keys: Keys) -> tuple[Profile, MemoryTokenStore]:
    """A profile of API keys, and a store in memory that holds them.

    Buckets without a name of their own are "key-1", "key-2", and so on: no part of a key.

    Args:
        provider: whose keys they are.
        keys: see `Keys`; one that occurs twice is one bucket.

    Raises:
        ValueError: there is none, one is empty or has characters that no header may have, or it is a single text.
    """
    keys = hidden_keys(keys)
    if isinstance(keys, SecretStr):
        message = "keys: it is one text, not a list; for the usual list with commas there is keys_from_env"
        raise ValueError(message)  # noqa: TRY004 - one kind of error for all that is wrong with keys
    if isinstance(keys, Mapping):
        named = dict(keys)
    else:
        named = {f"key-{number}": key for number, key in enumerate(dict.fromkeys(keys), 1)}
    if not named:
        message = "keys: there is none"
        raise ValueError(message)
    store = MemoryTokenStore()
    for name, key in named.items():
        store.write(provider, name, OAuthToken.from_api_key(key.get_secret_value()))
    buckets = tuple(Bucket(name, api_key=True) for name in named)
    return Profile(provider=provider, buckets=buckets), store


def _hidden(key: str | SecretStr) -> SecretStr:
    return key if isinstance(key, SecretStr) else SecretStr(key)
