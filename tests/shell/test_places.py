"""Where a user's files are, unless the user says otherwise."""

from pathlib import Path

import platformdirs
import pytest

from bucket_failover.cli.app import run
from bucket_failover.errors import UsageError
from bucket_failover.places import own_folder, profile_path, secrets_vault, store_path


def test_the_usual_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the folders that the system gives to programs."""
    for variable in ("BUCKET_FAILOVER_PROFILE", "BUCKET_FAILOVER_STORE"):
        monkeypatch.delenv(variable, raising=False)
    assert profile_path() == Path(platformdirs.user_config_path("bucket-failover")) / "profile.toml"
    assert store_path() == own_folder() / "buckets.db"


def test_the_environment_names_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are paths, whatever they look like."""
    monkeypatch.setenv("BUCKET_FAILOVER_PROFILE", "here")
    monkeypatch.setenv("BUCKET_FAILOVER_STORE", "there.db")
    assert (profile_path(), store_path()) == (Path("here"), Path("there.db"))


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("work", Path(platformdirs.user_config_path("bucket-failover")) / "work.toml"),
        ("team.toml", Path("team.toml")),
        ("./work", Path("work")),
        ("~/team.toml", Path.home() / "team.toml"),
        (Path("work"), Path("work")),
    ],
)
def test_a_profile_by_its_name_or_its_path(name: str | Path, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has a separator or ends with `.toml` is a path; so is a `Path`. The environment is not asked."""
    monkeypatch.setenv("BUCKET_FAILOVER_PROFILE", "/elsewhere")
    assert profile_path(name) == path


def test_the_commands_know_a_profile_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the clients do."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    folder = Path(platformdirs.user_config_path("bucket-failover"))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "work.toml").write_text('[openai]\nbuckets = ["mine"]\n')
    assert run(["status", "--profile", "work", "--store", str(tmp_path / "b.db")]) == 0
    assert "mine" in capsys.readouterr().out


def test_a_place_for_secrets_that_there_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable and its value are named."""
    monkeypatch.setenv("BUCKET_FAILOVER_SECRETS", "safe")
    with pytest.raises(UsageError, match="BUCKET_FAILOVER_SECRETS: 'safe' is none of auto, keyring, encrypted, file"):
        secrets_vault()


def test_secrets_in_the_stores_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """No vault is in between."""
    monkeypatch.setenv("BUCKET_FAILOVER_SECRETS", "file")
    assert secrets_vault() is None
