"""Secrets are planted everywhere, and every exception that comes of it is walked: no frame of ours has one, no text.

The frames are those that a traceback with locals shows; what is in them is looked for in their `repr`.
"""

import copy
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import SecretStr, ValidationError

from bucket_failover import EncryptedVault, OAuthToken, SqliteTokenStore, load_profiles
from bucket_failover.cli.token_reading import read_key, read_token
from bucket_failover.store.vaults.interface import SecretVault
from tests.support.people import PROVIDER

SECRET: Final = "s3cret-planted"
OURS: Final = ("bucket_failover", "bucket_failover_core")

PROFILES: Final = {
    "no TOML": f'[a]\nbuckets = ["x"]\n[a.oauth]\nclient_secret = "{SECRET}"\n= broken',
    "an unknown field": f'[a]\nbuckets = ["x"]\n[a.oauth]\nclient_secret = "{SECRET}"\nnope = 1\n',
    "no UTF-8": f'[a]\nbuckets = ["x"]\n# \xe9\n[a.oauth]\nclient_secret = "{SECRET}"\n',
    "no table": f'a = "{SECRET}"',
    "a secret in the wrong place": f'[a]\nbuckets = ["x"]\nclient_secret = "{SECRET}"\n',
    "a secret for a strategy's neighbour": f'[a]\nbuckets = ["x"]\nsecret = "{SECRET}"\n',
    "a secret for an endpoint": f'[a]\nbuckets = ["x"]\noauth = {{ token_endpoint = "{SECRET}", client_id = "x" }}\n',
}

TEXTS: Final = {
    "a broken object": f'{{"access_token": "{SECRET}"',
    "a list": f'["{SECRET}"]',
    "a token with a newline": f'{{"access_token": "{SECRET}\\n"}}',
    "an end that is none": f'{{"access_token": "{SECRET}", "expires_in": "{SECRET}"}}',
    "two of them": f'{{"a": {{"access_token": "{SECRET}"}}, "b": {{"access_token": "{SECRET}"}}}}',
    "no token": f'{{"refresh_token": "{SECRET}"}}',
}


def chain(error: BaseException) -> Iterator[BaseException]:
    """An exception, and those behind it, told or not."""
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        yield found
        found = found.__cause__ or found.__context__


def leaks(error: BaseException) -> list[str]:
    """Where an exception shows the secret."""
    found: list[str] = []
    for each in chain(error):
        texts = {"text": str(each), "arguments": repr(each.args), "attributes": repr(vars(each))}
        if isinstance(each, ValidationError):
            texts["errors"] = repr(each.errors())
        for frame, _ in traceback.walk_tb(each.__traceback__):
            if frame.f_globals.get("__name__", "").partition(".")[0] in OURS:
                texts[frame.f_code.co_qualname if hasattr(frame.f_code, "co_qualname") else frame.f_code.co_name] = (
                    repr(frame.f_locals)
                )
        found += [f"{type(each).__name__}: {where}" for where, text in texts.items() if SECRET in text]
    return found


def assert_clean(call: Callable[[], object]) -> None:
    """The call raises, and shows nothing."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - whichever it is
        call()
    assert leaks(caught.value) == []


@pytest.mark.parametrize("kind", PROFILES)
def test_a_profile_file_that_cannot_be_used(tmp_path: Path, kind: str) -> None:
    """The client secret, in its place or in another one."""
    path = tmp_path / "profile.toml"
    path.write_bytes(PROFILES[kind].encode("latin-1"))
    assert_clean(lambda: load_profiles(path))


@pytest.mark.parametrize("kind", TEXTS)
def test_a_text_that_is_no_token(kind: str) -> None:
    """As it is imported."""
    assert_clean(lambda: read_token(SecretStr(TEXTS[kind]), key=None, at=1.0, bucket="b"))


def test_a_text_that_is_no_key() -> None:
    """From the keyboard, a file, or a program."""
    assert_clean(lambda: read_key(SecretStr(f"{{{SECRET}"), bucket="b"))
    assert_clean(lambda: OAuthToken.from_api_key(f"{SECRET}\n"))


@pytest.mark.parametrize(
    "fields",
    [
        {"access_token": SECRET, "nope": 1},
        {"access_token": SECRET, "expiry": "soon"},
        {"access_token": [SECRET]},
        {"access_token": "a", "refresh_token": {"x": SECRET}},
        {"access_token": "a", "extra": SECRET},
    ],
    ids=str,
)
def test_fields_that_are_no_token(fields: dict[str, Any]) -> None:
    """In whichever way they are checked."""
    assert_clean(lambda: OAuthToken.model_validate(fields))
    assert_clean(lambda: OAuthToken(**fields))


@pytest.mark.parametrize("vault", [None, EncryptedVault(SecretStr("k"))], ids=["plain", "sealed"])
@pytest.mark.parametrize("damage", ["record || 'x'", "substr(record, 3)", "'{}'", "replace(record, 'e', 'f')"])
def test_a_record_that_is_damaged(tmp_path: Path, vault: SecretVault | None, damage: str) -> None:
    """With its digest, and as if it were of a time before digests."""
    with SqliteTokenStore(tmp_path / "tokens.db", vault=vault) as store:
        for digest in ("digest", "''"):
            store.write(PROVIDER, "b", OAuthToken(access_token=SecretStr(SECRET), refresh_token=SecretStr(SECRET)))
            store._connection.execute(f"UPDATE token SET record = {damage}, digest = {digest}")  # noqa: S608 - ours
            assert_clean(lambda: store.read(PROVIDER, "b"))
        assert SECRET not in repr(vars(store))


def test_no_copy_of_what_an_issuer_sent_along_shows_more() -> None:
    """Copies, unions, dumps, and the attributes of the token."""
    token = OAuthToken.model_validate({"access_token": SECRET, "refresh_token": SECRET, "extra": {"id": SECRET}})
    shown = [token, vars(token), token.extra, token.extra.copy(), copy.copy(token.extra), copy.deepcopy(token.extra)]
    shown += [token.extra | {"a": 1}, {"a": 1} | token.extra, token.model_copy(), token.model_dump()]
    shown += [token.model_dump_json(), token.state, copy.copy(token), copy.deepcopy(token)]
    assert [each for each in shown if SECRET in repr(each)] == []
    assert (token.extra | {})["id"] == SECRET
