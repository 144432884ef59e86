"""The profile file: which buckets of which providers, in which order. TOML, one table for each provider.

[anthropic]
buckets = ["default", "claudius", { name = "team", quota_domain = "acme", api_key = true }]
strategy = "sticky"

[anthropic.oauth]
authorization_endpoint = "https://login.example/authorize"
token_endpoint = "https://login.example/token"
client_id = "…"
scopes = ["chat"]
"""

import dataclasses
import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator

from bucket_failover.errors import BucketFailoverError, UsageError
from bucket_failover.handler import Bucket
from bucket_failover.profile_problems import problems_of
from bucket_failover_core import FailoverPolicy, FailoverSnapshot, Strategy
from bucket_failover_core.oauth import IssuerSettings

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
        oauth: whom the buckets' logins come from; None: no bucket can be logged in to or refreshed here.
        client_secret: what the issuer knows us by, if it wants that: `client_secret` in the table `oauth`.

    Raises:
        pydantic.ValidationError: a `ValueError` that names the field.
    """

    # What does not fit may be a secret in the wrong place: errors name the field, and do not show it.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    provider: str = Field(min_length=1)
    buckets: tuple[Bucket, ...] = Field(min_length=1)
    strategy: Strategy = "sticky"
    policy: FailoverPolicy = FailoverPolicy()
    oauth: IssuerSettings | None = None
    client_secret: SecretStr | None = Field(default=None, min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _secret_stands_apart(cls, fields: object) -> object:
        """The core has no secrets: the issuer's settings say that there is one, and this profile holds it."""
        table = fields.get("oauth") if isinstance(fields, Mapping) else None
        if not isinstance(fields, Mapping) or not isinstance(table, Mapping) or "client_secret" not in table:
            return fields
        rest = {name: value for name, value in table.items() if name != "client_secret"}
        return {**fields, "oauth": {**rest, "has_client_secret": True}, "client_secret": table["client_secret"]}

    @model_validator(mode="after")
    def _secret_has_its_issuer(self) -> Self:
        if (self.client_secret is not None) != (self.oauth is not None and self.oauth.has_client_secret):
            message = "client_secret stands in the table oauth, and has_client_secret not in the file"
            raise ValueError(message)
        return self

    @field_validator("oauth", mode="before")
    @classmethod
    def _is_a_table(cls, oauth: object) -> object:
        if oauth is None or isinstance(oauth, Mapping | IssuerSettings):
            return oauth
        message = "it is no table; write its fields below a heading of its own"
        raise ValueError(message)

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

    def bucket(self, name: str) -> Bucket | None:
        """The bucket of this name; None: there is none."""
        return next((bucket for bucket in self.buckets if bucket.name == name), None)

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
    profiles = _profiles_in(Path(path))
    if isinstance(profiles, str):
        # Out here, what the file holds is in no frame that a traceback could show, and in no exception behind this one.
        raise ProfileError(profiles)
    return profiles


def choose_profile(profiles: tuple[Profile, ...], provider: str | None, *, named_by: str, where: str = "") -> Profile:
    """The profile of a provider; with one profile, no provider has to be named.

    Args:
        profiles: those of a file, at least one.
        provider: the one that is meant; None: the user has named none.
        named_by: by what the user names it, for the error.
        where: where they stand, for the error; empty: the user knows.

    Raises:
        UsageError: it is none of them, or there are several and none was named.
    """
    names = ", ".join(profile.provider for profile in profiles)
    there = f", which {where} has" if where else ""
    if provider is None and len(profiles) > 1:
        message = f"{named_by}: name one of {names}{there}"
        raise UsageError(message)
    found = next((profile for profile in profiles if provider in {None, profile.provider}), None)
    if found is None:
        message = f"{named_by}: {provider!r} is none of {names}{there}"
        raise UsageError(message)
    return found


def _profiles_in(path: Path) -> "tuple[Profile, ...] | str":
    """The profiles in a file, or what is wrong with it."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return f"{path}: there is no profile file; write one, for example:\n{_EXAMPLE}"
    except OSError as error:
        return f"{path}: the profile file cannot be read: {error.strerror}"
    except UnicodeDecodeError as error:
        return f"{path}: the profile file is no UTF-8 text (byte {error.start})"
    except ValueError as error:
        return f"{path}: the profile file is no TOML: {error}"
    if not tables:
        return f"{path}: the profile file names no provider; write one, for example:\n{_EXAMPLE}"
    profiles: list[Profile] = []
    for provider, table in tables.items():
        profile = _profile(provider, table)
        if isinstance(profile, str):
            return f"{path}: {profile}"
        profiles.append(profile)
    return tuple(profiles)


def _profile(provider: str, table: object) -> "Profile | str":
    if not isinstance(table, Mapping):
        what = f"{table!r}" if isinstance(table, int | float) else "what stands there"  # perhaps a secret
        return f"{provider}: {what} is no table; write [{provider}] and its buckets below"
    fields: dict[str, Any] = {"provider": provider, **table}
    try:
        return Profile.model_validate(fields)
    except ValidationError as error:
        return problems_of(provider, error.errors(include_url=False), _names_at)


def _names_at(place: tuple[Any, ...]) -> Iterable[str]:
    """The fields that a table has."""
    match place:
        case ():
            return set(Profile.model_fields) - {"provider", "client_secret"}
        case ("oauth", *_):
            return {*IssuerSettings.model_fields, "client_secret"} - {"has_client_secret"}
        case ("policy", *_):
            return FailoverPolicy.model_fields
        case _:
            return (field.name for field in dataclasses.fields(Bucket))
