"""What stands beside sealed secrets, and who has vouched for it."""

import json
from pathlib import Path

import pytest
from pydantic import SecretStr

from bucket_failover import OAuthToken, SqliteTokenStore, TokenCorruptError
from bucket_failover.store.vaults.interface import SecretVault
from tests.shell.test_vaults import path as path  # noqa: PLC0414 - the fixtures are used here, too
from tests.shell.test_vaults import ring as ring  # noqa: PLC0414 - the same
from tests.shell.test_vaults import vault as vault  # noqa: PLC0414 - the same
from tests.support.people import token


@pytest.mark.parametrize(
    ("field", "value"), [("expiry", 9e9), ("scope", "all"), ("fingerprint", "f" * 16), ("refresh_fingerprint", "")]
)
def test_facts_that_were_changed_are_noticed(path: Path, vault: SecretVault, field: str, value: object) -> None:
    """A process that can write the file cannot give a token another end, or take its refresh token away."""
    with SqliteTokenStore(path, vault=vault) as store:
        store.write("p", "a", token("a"))
        change = store._connection.execute
        change(f"UPDATE token SET digest = '', record = json_set(record, '$.{field}', ?)", (value,))  # noqa: S608 - a name
        with pytest.raises(TokenCorruptError, match="'p' 'a' is no token"):
            store.read("p", "a")


def test_what_an_earlier_version_has_sealed_is_read(path: Path, vault: SecretVault) -> None:
    """It has sealed the secrets alone."""
    secrets: dict[str, object] = {"access_token": "old", "refresh_token": None, "extra": {}}
    sealed = vault.seal("p", "a", SecretStr(json.dumps(secrets)))
    with SqliteTokenStore(path, vault=vault) as store:
        store.write("p", "a", OAuthToken.model_validate({"access_token": "old", "expiry": 9e9}))
        change = store._connection.execute
        change("UPDATE token SET digest = '', record = json_set(record, '$.sealed', ?)", (sealed,))
        former = store.read("p", "a")
    assert former is not None
    assert (former.access_token.get_secret_value(), former.expiry) == ("old", 9e9)
