"""Whose credentials a transport sends: a profile of the user's, one that a program has made, or a list of keys."""

import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

from bucket_failover.oauth.http_issuer import OAuthIssuer
from bucket_failover.places import profile_path, secrets_vault, store_path
from bucket_failover.profile import Profile, choose_profile, load_profiles
from bucket_failover.store import LimitStore, MemoryTokenStore, SqliteLimitStore, SqliteTokenStore, TokenStore
from bucket_failover.transport.keys import Keys, hidden_keys, profile_of_keys

ProfileSource = str | os.PathLike[str] | Profile | None
"""The name of a profile of the user's (`work`), a profile file, a `Profile`, or None: the user's usual one."""

Store = TokenStore | os.PathLike[str] | str | None
"""A file, a token store, or None: the user's usual file."""

_KEYS_PROVIDER: Final = "openai"
"""Whose API most others speak."""


class Opened(NamedTuple):
    """Credentials that are ready to be used.

    Args:
        profile: the buckets, and how they are chosen.
        tokens: where their tokens are.
        limits: where limits are kept; None: in this process.
        issuer: whom logins are refreshed by; None: there is none.
        closing: gives back what was opened for it.
        is_in_memory: reading a token does not block.
    """

    profile: Profile
    tokens: TokenStore
    limits: LimitStore | None
    issuer: OAuthIssuer | None
    closing: ExitStack
    is_in_memory: bool = False


def open_credentials(
    source: ProfileSource,
    *,
    keys: Keys | None = None,
    provider: str | None = None,
    store: Store = None,
    clock: Callable[[], float] = time.time,
) -> Opened:
    """The credentials that a program has named.

    Args:
        source: see `ProfileSource`.
        keys: API keys, instead of a profile; with a `Profile`, those of its buckets, by their names.
        provider: whose they are; of a profile file with several providers, the one that is meant.
        store: where tokens and limits are: a file, a store (limits are then kept in this process), or None: the
            user's usual file. Keys are kept in memory.
        clock: gives Unix seconds.

    Raises:
        ValueError: there are both keys and a profile file, the keys are none, or not those of the profile's buckets.
        ProfileError: the profile file cannot be used.
        UsageError: it has no such provider, or several and none was named.
        TokenStoreError: the store cannot be opened.
    """
    closing, keys = ExitStack(), hidden_keys(keys)
    if keys is not None:
        if source is not None and not isinstance(source, Profile):
            message = "keys: a profile file was named as well; its keys belong into the store (bucket-failover import)"
            raise ValueError(message)
        named = provider or (_KEYS_PROVIDER if source is None else source.provider)
        profile, held = profile_of_keys(named, keys)
        if source is not None:
            _check_names(source, profile)
            profile = source
        return Opened(profile, held, None, None, closing, is_in_memory=True)
    profile = source if isinstance(source, Profile) else _profile_in(profile_path(source), provider)
    with closing:
        tokens, limits = _open_store(store, closing)
        issuer = None
        if profile.oauth is not None:
            issuer = OAuthIssuer(profile.oauth, client_secret=profile.client_secret, clock=clock)
            closing.callback(issuer.close)
        is_in_memory = isinstance(tokens, MemoryTokenStore)
        return Opened(profile, tokens, limits, issuer, closing.pop_all(), is_in_memory)


def _check_names(profile: Profile, keyed: Profile) -> None:
    """Refuse keys of other buckets than those of the profile.

    Raises:
        ValueError: there are some.
    """
    known = {bucket.name for bucket in profile.buckets}
    others = [bucket.name for bucket in keyed.buckets if bucket.name not in known]
    if others:
        message = f"keys: {', '.join(others)}: the profile has {', '.join(sorted(known))}"
        raise ValueError(message)


def _open_store(store: Store, closing: ExitStack) -> tuple[TokenStore, LimitStore | None]:
    if store is not None and not isinstance(store, str | os.PathLike):
        return store, None
    path = Path(store) if store is not None else store_path()
    tokens = closing.enter_context(SqliteTokenStore(path, vault=secrets_vault()))
    return tokens, closing.enter_context(SqliteLimitStore(path))


def _profile_in(path: Path, provider: str | None) -> Profile:
    return choose_profile(load_profiles(path), provider, named_by="provider", where=str(path))
