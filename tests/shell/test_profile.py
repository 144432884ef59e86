"""The profile file."""

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
        ("[anthropic]", "anthropic.buckets: Field required"),
        ("[anthropic]\nbuckets = []", "anthropic.buckets: Tuple should have at least 1 item"),
        ('[anthropic]\nbuckets = "default"', "anthropic.buckets: Input should be a valid tuple \\(it is 'default'\\)"),
        ('[anthropic]\nbuckets = ["a", "a"]', "anthropic.buckets: .*the name 'a' occurs twice"),
        ('[anthropic]\nbuckets = [""]', "anthropic.buckets: a name is empty$"),
        (
            '[anthropic]\nbuckets = ["a"]\nstrategy = "x"',
            "anthropic.strategy: Input should be 'sticky'.*\\(it is 'x'\\)",
        ),
        ('[anthropic]\nbuckets = ["a"]\nbukets = 1', "anthropic.bukets: Extra inputs are not permitted"),
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
