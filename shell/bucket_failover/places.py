"""Where a user's profile, tokens and secrets are, unless the user says otherwise.

Variables of the environment: BUCKET_FAILOVER_PROFILE, BUCKET_FAILOVER_STORE, BUCKET_FAILOVER_SECRETS (`auto`,
`keyring`, `encrypted`, `file`), BUCKET_FAILOVER_KEY.
"""

import os
from pathlib import Path
from typing import Final

import platformdirs
from pydantic import SecretStr

from bucket_failover.errors import UsageError
from bucket_failover.store import SecretVault
from bucket_failover.store.vaults.choosing import PLACES, choose_vault

_APPLICATION: Final = "bucket-failover"
_SEPARATORS: Final = {os.sep, os.altsep or os.sep}
PROFILE_VARIABLE: Final = "BUCKET_FAILOVER_PROFILE"
STORE_VARIABLE: Final = "BUCKET_FAILOVER_STORE"
SECRETS_VARIABLE: Final = "BUCKET_FAILOVER_SECRETS"
KEY_VARIABLE: Final = "BUCKET_FAILOVER_KEY"


def profile_path(name: str | os.PathLike[str] | None = None) -> Path:
    """Where a profile file is.

    Example: on Linux, `profile_path()` is `~/.config/bucket-failover/profile.toml`, and `profile_path("work")` is
    `work.toml` beside it; `profile_path("./team.toml")` is that file.

    Args:
        name: a name, or the path of a file: it has a separator or ends with `.toml`; None: the user's usual one, which
            BUCKET_FAILOVER_PROFILE may name.
    """
    if name is None:
        named = os.environ.get(PROFILE_VARIABLE)
        return Path(named) if named else platformdirs.user_config_path(_APPLICATION) / "profile.toml"
    text = os.fspath(name)
    is_file = isinstance(name, os.PathLike) or text.endswith(".toml") or any(sep in text for sep in _SEPARATORS)
    return Path(text).expanduser() if is_file else platformdirs.user_config_path(_APPLICATION) / f"{text}.toml"


def own_folder() -> Path:
    """The folder that is this program's alone: on Linux, `~/.local/share/bucket-failover`."""
    return platformdirs.user_data_path(_APPLICATION)


def store_path() -> Path:
    """Where tokens and limits are: `buckets.db` in `own_folder()`, unless BUCKET_FAILOVER_STORE says otherwise."""
    named = os.environ.get(STORE_VARIABLE)
    return Path(named) if named else own_folder() / "buckets.db"


def secrets_vault() -> SecretVault | None:
    """Where secrets are kept: `auto`, unless the environment says otherwise; None: in the store's file.

    A key never stands on the command line.

    Raises:
        UsageError: the environment names no such place.
        SecretsPlaceError: it is not to be had here.
    """
    named = os.environ.get(SECRETS_VARIABLE) or "auto"
    place = next((place for place in PLACES if place == named), None)
    if place is None:
        message = f"{SECRETS_VARIABLE}: {named!r} is none of {', '.join(PLACES)}"
        raise UsageError(message)
    key = SecretStr(os.environ.get(KEY_VARIABLE, ""))
    return choose_vault(place, key if key.get_secret_value() else None)
