"""Keys in a list or in the environment, profiles by their names: what a transport is opened with."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from bucket_failover import MemoryTokenStore, OAuthToken, Profile, ProfileError, SqliteTokenStore
from bucket_failover.errors import UsageError
from bucket_failover.transport import keys_from_env
from bucket_failover.transport.keys import profile_of_keys
from bucket_failover.transport.opening import open_credentials


def secrets(keys: tuple[SecretStr, ...]) -> list[str]:
    """What they hide."""
    return [key.get_secret_value() for key in keys]


def test_keys_as_people_have_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """With commas, blanks or line ends between them; each once; variables in the caller's order."""
    monkeypatch.setenv("MANY", " sk-1,sk-2 ,\nsk-1\n")
    monkeypatch.setenv("ONE", "sk-3")
    monkeypatch.setenv("NONE", "")
    keys = keys_from_env("MANY", "NONE", "MISSING", "ONE")
    assert secrets(keys) == ["sk-1", "sk-2", "sk-3"]
    assert "sk-" not in repr(keys)


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        (("A_KEY", "B_KEYS"), "keys: A_KEY or B_KEYS: no API key stands there"),
        ((), "keys: no variable was named"),
    ],
)
def test_no_key_there(variables: tuple[str, ...], told: str) -> None:
    """The error names the variables."""
    with pytest.raises(UsageError, match=told):
        keys_from_env(*variables)


def test_buckets_of_keys() -> None:
    """Their names have no part of a key, unless the caller gives them."""
    profile, store = profile_of_keys("openai", ["sk-1", SecretStr("sk-2"), "sk-1"])
    assert [(bucket.name, bucket.api_key) for bucket in profile.buckets] == [("key-1", True), ("key-2", True)]
    token = store.read("openai", "key-2")
    assert token is not None
    assert token.access_token.get_secret_value() == "sk-2"
    named, _ = profile_of_keys("openai", {"free": "sk-1", "paid": "sk-2"})
    assert [bucket.name for bucket in named.buckets] == ["free", "paid"]


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("sk-1,sk-2", "keys: it is one text, not a list; for the usual list with commas there is keys_from_env"),
        ([], "keys: there is none"),
        (["sk-1\n"], "key: it has a control character in it"),
    ],
)
def test_what_is_no_list_of_keys(keys: list[str], told: str) -> None:
    """Said without the key."""
    with pytest.raises(ValueError, match=told) as caught:
        profile_of_keys("openai", keys)
    assert "sk-1" not in str(caught.value)


class TestOpening:
    """Profiles and stores."""

    def write(self, folder: Path, text: str) -> Path:
        """A profile file."""
        path = folder / "profile.toml"
        path.write_text(text)
        return path

    def test_a_file_with_one_provider(self, tmp_path: Path) -> None:
        """It is that one's; tokens and limits are in the named file."""
        path = self.write(tmp_path, '[openai]\nbuckets = ["a"]\n')
        opened = open_credentials(path, store=tmp_path / "b.db")
        with opened.closing:
            assert opened.profile.provider == "openai"
            assert isinstance(opened.tokens, SqliteTokenStore)
            assert (opened.limits is not None, opened.is_in_memory) == (True, False)

    def test_the_users_own_store(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where no other one is named."""
        monkeypatch.setenv("BUCKET_FAILOVER_STORE", str(tmp_path / "mine.db"))
        with open_credentials(self.write(tmp_path, '[openai]\nbuckets = ["a"]\n')).closing:
            assert (tmp_path / "mine.db").exists()

    def test_a_store_of_the_programs_own(self) -> None:
        """Limits are then kept in this process."""
        store = MemoryTokenStore()
        store.write("openai", "a", OAuthToken.from_api_key("k"))
        opened = open_credentials(Profile.model_validate({"provider": "openai", "buckets": ["a"]}), store=store)
        assert (opened.tokens is store, opened.limits, opened.is_in_memory) == (True, None, True)

    @pytest.mark.parametrize(
        ("provider", "told"),
        [
            (None, "provider: name one of openai, anthropic, which .* has"),
            ("google", "provider: 'google' is none of openai, anthropic, which .* has"),
        ],
    )
    def test_a_file_with_several(self, tmp_path: Path, provider: str | None, told: str) -> None:
        """The caller says which one."""
        path = self.write(tmp_path, '[openai]\nbuckets = ["a"]\n[anthropic]\nbuckets = ["b"]\n')
        with pytest.raises(UsageError, match=told):
            open_credentials(path, provider=provider)
        with open_credentials(path, provider="anthropic", store=tmp_path / "b.db").closing as closing:
            assert closing is not None

    def test_keys_and_a_profile(self) -> None:
        """One or the other."""
        with pytest.raises(ValueError, match="keys: a profile file was named as well"):
            open_credentials("work", keys=["sk-1"])

    def test_keys_of_a_profiles_buckets(self) -> None:
        """What a program says of them, with keys from its environment; a bucket without one has no token."""
        profile = Profile.model_validate(
            {"provider": "mistral", "buckets": ["a", {"name": "b", "quota_domain": "acme"}, "c"]}
        )
        opened = open_credentials(profile, keys={"a": "sk-1", "b": "sk-2"})
        assert (opened.profile, opened.is_in_memory) == (profile, True)
        assert [opened.tokens.read("mistral", name) is not None for name in ("a", "b", "c")] == [True, True, False]

    def test_keys_of_other_buckets(self) -> None:
        """Both are named."""
        profile = Profile.model_validate({"provider": "openai", "buckets": ["a", "b"]})
        with pytest.raises(ValueError, match="keys: key-1: the profile has a, b"):
            open_credentials(profile, keys=["sk-1"])

    def test_no_such_file(self, tmp_path: Path) -> None:
        """Named, with an example of one."""
        with pytest.raises(ProfileError, match="there is no profile file"):
            open_credentials(tmp_path / "none.toml")
