"""The profile file."""

import traceback
from pathlib import Path

import pytest

from bucket_failover import Bucket, Profile, ProfileError, load_profiles


def test_names_and_tables(tmp_path: Path) -> None:
    """A name stands for a bucket; providers come in the order of the file."""
    path = tmp_path / "profile.toml"
    path.write_text(
        '[anthropic]\nbuckets = ["default", { name = "team", quota_domain = "acme", api_key = true }]\n'
        'strategy = "priority"\n[anthropic.policy]\nprobe_interval_seconds = 60\n[openai]\nbuckets = ["a"]\n'
    )
    anthropic, openai = load_profiles(path)
    assert anthropic.buckets == (Bucket("default"), Bucket("team", quota_domain="acme", api_key=True))
    assert (anthropic.strategy, anthropic.policy.probe_interval_seconds) == ("priority", 60.0)
    assert anthropic.snapshot.buckets[1].quota_domain == "acme"
    assert openai == Profile(provider="openai", buckets=(Bucket("a"),))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "the profile file names no provider"),
        ("anthropic = 1", "anthropic: 1 is no table; write \\[anthropic\\]"),
        ("[anthropic", "the profile file is no TOML"),
        ("[anthropic]", "anthropic.buckets: it is missing"),
        ("[anthropic]\nbuckets = []", "anthropic.buckets: it is empty; name at least one bucket"),
        ('[anthropic]\nbuckets = "default"', "anthropic.buckets: it is no list; write .* \\(it is 'default'\\)"),
        ('[anthropic]\nbuckets = ["a", "a"]', "anthropic.buckets: .*the name 'a' occurs twice"),
        ('[anthropic]\nbuckets = [""]', "anthropic.buckets: a name is empty$"),
        (
            '[anthropic]\nbuckets = ["a"]\nstrategy = "x"',
            "anthropic.strategy: it is none of sticky, .*least-used \\(it is 'x'\\)",
        ),
        (
            '[anthropic]\nbuckets = ["a"]\nbukets = 1',
            "anthropic.bukets: there is no such field; did you mean buckets\\?",
        ),
        ('[anthropic]\nbuckets = [{ nme = "a" }]', "anthropic.buckets.0.name: "),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, text: str, problem: str) -> None:
    """File, field and value, in one line."""
    path = tmp_path / "profile.toml"
    path.write_text(text)
    with pytest.raises(ProfileError, match=problem) as caught:
        load_profiles(path)
    assert str(caught.value).startswith(str(path))


def test_a_file_that_is_not_there_or_cannot_be_read(tmp_path: Path) -> None:
    """The first says what to write."""
    with pytest.raises(ProfileError, match="there is no profile file; write one, for example"):
        load_profiles(tmp_path / "nothing.toml")
    with pytest.raises(ProfileError, match="the profile file cannot be read: Is a directory"):
        load_profiles(tmp_path)


_ISSUER = 'buckets = ["a"]\n[anthropic.oauth]\ntoken_endpoint = "https://issuer.example/token"\nclient_id = "cli"\n'


def test_an_issuer(tmp_path: Path) -> None:
    """Its settings are the core's; its secret is not, and no text shows it."""
    path = tmp_path / "profile.toml"
    path.write_text(
        f'[anthropic]\n{_ISSUER}authorization_endpoint = "http://127.0.0.1:8000/authorize"\nscopes = ["chat"]\n'
        'client_secret = "s3cret"\nauthorization_parameters = { audience = "x", login_hint = "{bucket}" }\n'
    )
    (profile,) = load_profiles(path)
    oauth = profile.oauth
    assert oauth is not None
    assert (oauth.flows, oauth.scopes, oauth.has_client_secret) == (("code",), ("chat",), True)
    assert oauth.authorization_parameters == (("audience", "x"), ("login_hint", "{bucket}"))
    assert profile.client_secret is not None
    assert profile.client_secret.get_secret_value() == "s3cret"
    assert "s3cret" not in repr(profile) + str(profile) + profile.model_dump_json()


def test_a_profile_needs_no_issuer_and_no_secret(tmp_path: Path) -> None:
    """Who has none sends none."""
    path = tmp_path / "profile.toml"
    path.write_text(f'[anthropic]\n{_ISSUER}[openai]\nbuckets = ["a"]\n')
    anthropic, openai = load_profiles(path)
    assert anthropic.oauth is not None
    assert (anthropic.oauth.has_client_secret, anthropic.client_secret) == (False, None)
    assert anthropic.oauth.flows == ()
    assert (openai.oauth, openai.client_secret) == (None, None)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("client_secret = 53021598", "anthropic.oauth.client_secret: it is no text$"),
        ('client_secret = ["53021598"]', "anthropic.oauth.client_secret: it is no text$"),
        ('client_secert = "53021598"', "oauth.client_secert: there is no such field; did you mean client_secret\\?$"),
        ('authorization_endpoint = "53021598"', "oauth.authorization_endpoint: an endpoint is an absolute https URL$"),
        ('revocation_endpoint = "http://e.com/53021598"', "oauth.revocation_endpoint: an endpoint is https; "),
        ('token_parameters = { client_secret = "53021598" }', "oauth.token_parameters: client_secret is said by the"),
        ('redirect_port = "53021598s"', "oauth.redirect_port: it is no whole number"),
        ('body = "53021598"', "oauth.body: it is none of form, json$"),
        ('redirect_host = "53021598"', "oauth.redirect_host: it is none of 127.0.0.1, localhost, "),
    ],
)
def test_what_does_not_fit_an_issuer_is_named_and_not_shown(tmp_path: Path, line: str, problem: str) -> None:
    """It may be a secret in the wrong place."""
    path = tmp_path / "profile.toml"
    path.write_text(f"[anthropic]\n{_ISSUER}{line}\n")
    with pytest.raises(ProfileError, match=problem) as caught:
        load_profiles(path)
    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=False).format())
    assert "53021598" not in shown
    assert str(caught.value).startswith(str(path))


def test_a_secret_in_the_wrong_table_is_refused(tmp_path: Path) -> None:
    """Else the user wonders why the issuer does not know us."""
    path = tmp_path / "profile.toml"
    path.write_text(f'[anthropic]\nclient_secret = "53021598"\n{_ISSUER}')
    with pytest.raises(ProfileError, match="client_secret") as caught:
        load_profiles(path)
    assert "53021598" not in str(caught.value)


class TestEndpoints:
    """Buckets that are another endpoint of their provider."""

    def test_in_a_file(self, tmp_path: Path) -> None:
        """An address and headers of a bucket's own."""
        path = tmp_path / "profile.toml"
        path.write_text(
            '[openai]\nbuckets = [{ name = "eu", api_key = true, base_url = "https://eu.example/openai/v1",'
            ' headers = { OpenAI-Project = "p" } }]\n'
        )
        (profile,) = load_profiles(path)
        (bucket,) = profile.buckets
        assert (bucket.base_url, dict(bucket.headers)) == ("https://eu.example/openai/v1", {"OpenAI-Project": "p"})

    @pytest.mark.parametrize(
        ("fields", "told"),
        [
            ('base_url = "ftp://eu.example"', "'ftp://eu.example' is no address such as https://eu.example/v1"),
            ('base_url = "https://user:pw@eu.example"', "is no address such as https://eu.example/v1"),
            ('base_url = "https://eu.example/?key=1"', "is no address such as https://eu.example/v1"),
            ('headers = { Authorization = "x" }', "Authorization is for a credential, which belongs into the store"),
            ('headers = { "a b" = "x" }', "'a b' is no header"),
            ('headers = { a = "x\\ny" }', "'a' is no header, or its value has characters that none may have"),
        ],
    )
    def test_what_is_none(self, tmp_path: Path, fields: str, told: str) -> None:
        """The error names file and field."""
        path = tmp_path / "profile.toml"
        path.write_text(f'[openai]\nbuckets = [{{ name = "eu", {fields} }}]\n')
        with pytest.raises(ProfileError) as caught:
            load_profiles(path)
        assert told in str(caught.value)
        assert str(path) in str(caught.value)
