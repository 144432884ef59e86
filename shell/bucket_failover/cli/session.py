"""What the command line knows: the profile, and what the store holds of its buckets."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bucket_failover.errors import TokenStoreError, UsageError
from bucket_failover.handler.dialogue import state_of_problem
from bucket_failover.places import profile_path, secrets_vault, store_path
from bucket_failover.profile import Profile, choose_profile, load_profiles
from bucket_failover.store import SqliteLimitStore, SqliteTokenStore
from bucket_failover_core import BucketSnapshot, FailoverSnapshot, TokenHeld
from bucket_failover_core.failover import hold_limits
from bucket_failover_core.oauth import token_worth
from bucket_failover_core.request import refused_in


@dataclass(frozen=True, slots=True)
class Session:
    """A profile and its stores.

    Args:
        profile: the one that is asked about.
        profile_file: where it stands.
        tokens: where tokens are.
        limits: where limits are.
    """

    profile: Profile
    profile_file: Path
    tokens: SqliteTokenStore
    limits: SqliteLimitStore

    def snapshot(self, *, at: float | None = None) -> FailoverSnapshot:
        """What is known: tokens as the store holds them, limits and refusals as they are believed.

        Args:
            at: Unix seconds of the moment that is asked about; None: now.

        Raises:
            TokenStoreError: the limits cannot be read.
        """
        provider = self.profile.provider
        bare = self.profile.snapshot
        buckets = tuple(self._with_token(bucket) for bucket in bare.buckets)
        current = self.tokens.read_session_bucket(provider)
        known = bare.evolve(
            {"buckets": buckets, "current": current if bare.place_of(current or "") is not None else None}
        )
        believed = hold_limits(known, self.limits.read_limits(provider))
        return refused_in(believed, self.limits.read_refusals(provider), now=now() if at is None else at)

    def check_bucket(self, name: str) -> str:
        """The name of a bucket of the profile.

        Raises:
            UsageError: it is none.
        """
        names = [bucket.name for bucket in self.profile.buckets]
        if name not in names:
            message = f"BUCKET: {name!r} is none of {self.profile.provider}'s: {', '.join(names)}"
            raise UsageError(message)
        return name

    def check_buckets(self, names: list[str]) -> list[str]:
        """The names of buckets of the profile, each once.

        Raises:
            UsageError: one is none.
        """
        return [self.check_bucket(name) for name in dict.fromkeys(names)]

    def _with_token(self, bucket: BucketSnapshot) -> BucketSnapshot:
        try:
            stored = self.tokens.read_stored(self.profile.provider, bucket.name)
        except TokenStoreError as error:
            return bucket.evolve({"token": state_of_problem(error)})
        oauth = self.profile.oauth
        worth = token_worth(stored.login, single_use=oauth is None or oauth.single_use_refresh_tokens)
        if oauth is None and isinstance(worth, TokenHeld):
            worth = worth.evolve({"refreshable": False})  # without an issuer in the profile, nothing here can
        is_api_key = bucket.api_key or (stored.token is not None and stored.token.is_api_key)
        return bucket.evolve({"token": worth, "api_key": is_api_key})


@contextmanager
def open_named_session(
    profile: Path | None, store: Path | None, provider: str | None, names: Sequence[str] | None
) -> Iterator[tuple[Session, list[str]]]:
    """The session that the options ask for, and the buckets that the arguments name.

    The first argument is the provider if the profile file has one of that name, and no option names another.

    Raises:
        ProfileError, UsageError, SecretsPlaceError, TokenStoreError: see `open_session`.
    """
    profiles = load_profiles(_file_of(profile))
    buckets = list(names or ())
    if provider is None and buckets and any(each.provider == buckets[0] for each in profiles):
        provider = buckets.pop(0)
    with _opened(choose_profile(profiles, provider, named_by="PROVIDER"), profile, store) as session:
        yield session, buckets


@contextmanager
def open_session(profile: Path | None, store: Path | None, provider: str | None) -> Iterator[Session]:
    """The session that the options ask for.

    Raises:
        ProfileError: the profile file cannot be used.
        UsageError: it has no such provider, or several and none was named.
        SecretsPlaceError: secrets cannot be kept where the user wants them.
        TokenStoreError: the store cannot be opened.
    """
    with _opened(
        choose_profile(load_profiles(_file_of(profile)), provider, named_by="--provider"), profile, store
    ) as session:
        yield session


@contextmanager
def _opened(chosen: Profile, profile: Path | None, store: Path | None) -> Iterator[Session]:
    path = store or store_path()
    with SqliteTokenStore(path, vault=secrets_vault()) as tokens, SqliteLimitStore(path) as limits:
        yield Session(chosen, _file_of(profile), tokens, limits)


def _file_of(profile: Path | None) -> Path:
    return profile_path(None if profile is None else str(profile))


def now() -> float:
    """Unix seconds."""
    return time.time()
