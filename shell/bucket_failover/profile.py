"""The profile file: which buckets of which providers, in which order. TOML, one table for each provider.

[anthropic]
buckets = ["default", "claudius", { name = "team", quota_domain = "acme", api_key = true }]
strategy = "sticky"
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from bucket_failover.errors import BucketFailoverError
from bucket_failover.handler import Bucket
from bucket_failover_core import FailoverPolicy, FailoverSnapshot, Strategy

_EXAMPLE: Final = '[anthropic]\nbuckets = ["default", "claudius"]'


class ProfileError(BucketFailoverError):
    """The profile file cannot be used; the text names the file, the field and the value."""


class Profile(BaseModel):
    """A provider's buckets, in the user's order of preference.

    Example: `Profile(provider="anthropic", buckets=("default", "claudius"))`.

    Args:
        provider: whose credentials they are.
        buckets: names or `Bucket`s; names are unique.
        strategy: how the bucket of a new request is chosen (`choose_bucket`).
        policy: what the user allows.

    Raises:
        pydantic.ValidationError: a `ValueError` that names the field.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: str = Field(min_length=1)
    buckets: tuple[Bucket, ...] = Field(min_length=1)
    strategy: Strategy = "sticky"
    policy: FailoverPolicy = FailoverPolicy()

    @field_validator("buckets", mode="before")
    @classmethod
    def _names_stand_for_buckets(cls, buckets: object) -> object:
        if not isinstance(buckets, list | tuple):
            return buckets
        return [{"name": bucket} if isinstance(bucket, str) else bucket for bucket in buckets]

    @field_validator("buckets")
    @classmethod
    def _names_are_unique(cls, buckets: tuple[Bucket, ...]) -> tuple[Bucket, ...]:
        names = [bucket.name for bucket in buckets]
        if "" in names:
            message = "a name is empty"
            raise ValueError(message)
        twice = next((name for at, name in enumerate(names) if name in names[:at]), None)
        if twice is not None:
            message = f"the name {twice!r} occurs twice"
            raise ValueError(message)
        return buckets

    @property
    def snapshot(self) -> FailoverSnapshot:
        """The profile before anything is known of its buckets."""
        buckets = tuple(bucket.snapshot for bucket in self.buckets)
        return FailoverSnapshot(provider=self.provider, buckets=buckets, policy=self.policy)


def load_profiles(path: str | os.PathLike[str]) -> tuple[Profile, ...]:
    """The profiles in a file, in its order.

    Raises:
        ProfileError: there is no such file, it is no TOML, or a field does not fit.
    """
    path = Path(path)
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        message = f"{path}: there is no profile file; write one, for example:\n{_EXAMPLE}"
        raise ProfileError(message) from None
    except OSError as error:
        message = f"{path}: the profile file cannot be read: {error.strerror}"
        raise ProfileError(message) from error
    except ValueError as error:
        message = f"{path}: the profile file is no TOML: {error}"
        raise ProfileError(message) from error
    if not tables:
        message = f"{path}: the profile file names no provider; write one, for example:\n{_EXAMPLE}"
        raise ProfileError(message)
    return tuple(_profile(path, provider, table) for provider, table in tables.items())


def _profile(path: Path, provider: str, table: object) -> Profile:
    if not isinstance(table, Mapping):
        message = f"{path}: {provider}: {table!r} is no table; write [{provider}] and its buckets below"
        raise ProfileError(message)
    fields: dict[str, Any] = {"provider": provider, **table}
    try:
        return Profile.model_validate(fields)
    except ValidationError as error:
        problems = "; ".join(_problem(provider, part) for part in error.errors(include_url=False))
        message = f"{path}: {problems}"
        raise ProfileError(message) from None


def _problem(provider: str, part: Mapping[str, Any]) -> str:
    field = ".".join(str(place) for place in (provider, *part["loc"]))
    reason = part["msg"].removeprefix("Value error, ")
    is_told = part["type"] in {"missing", "value_error"}
    return f"{field}: {reason}" if is_told else f"{field}: {reason} (it is {part['input']!r})"
