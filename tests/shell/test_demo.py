"""The main job, end to end: every scenario over real HTTP, and the command line around it."""

import json
import os
import pty
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bucket_failover import BucketFailureReason
from bucket_failover.cli import main
from bucket_failover.cli.app import run
from bucket_failover.demo.scenarios import SCENARIOS, Scenario
from bucket_failover.testing import HAIKU
from tests.support.people import as_a_person

R = BucketFailureReason
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
REASONS: dict[str, dict[str, str | None]] = {
    "quota": {"default": R.QUOTA_EXHAUSTED, "claudius": None, "vybestack": None},
    "refresh": {"default": R.QUOTA_EXHAUSTED, "claudius": None, "vybestack": None},
    "revoked": {"default": R.EXPIRED_REFRESH_FAILED, "claudius": None, "vybestack": None},
    "reauth": {"default": None, "claudius": R.NO_TOKEN, "vybestack": R.NO_TOKEN},
    "overload": {"default": R.SKIPPED, "claudius": None, "vybestack": None},
    "exhausted": {"default": R.QUOTA_EXHAUSTED, "claudius": R.QUOTA_EXHAUSTED, "vybestack": R.REAUTH_FAILED},
    "single": {"default": None},
}
CALLS = {
    "quota": {"default": 1, "claudius": 1, "vybestack": 0},
    "refresh": {"default": 1, "claudius": 1, "vybestack": 0},
    "revoked": {"default": 1, "claudius": 1, "vybestack": 0},
    "reauth": {"default": 1, "claudius": 0, "vybestack": 0},
    "overload": {"default": 2, "claudius": 1, "vybestack": 0},
    "exhausted": {"default": 1, "claudius": 1, "vybestack": 0},
    "single": {"default": 2},
}


def command(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """The installed command, in a process of its own."""
    program = str(Path(sys.executable).with_name("bucket-failover"))
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False, timeout=60, **options)


@pytest.mark.requirement("REQ-1598-TS02")
@pytest.mark.requirement("REQ-1598-FL04")
@pytest.mark.requirement("REQ-1598-FR01")
def test_every_scenario_ends_as_it_is_to(capsys: pytest.CaptureFixture[str]) -> None:
    """Haiku, reasons, and no call more than needed."""
    assert run(["demo", "--json"]) == 0
    reports = json.loads(capsys.readouterr().out)
    assert [report["scenario"] for report in reports] == list(BY_NAME)
    for report in reports:
        name = report["scenario"]
        buckets = {bucket["name"]: bucket for bucket in report["buckets"]}
        assert {key: bucket["reason"] for key, bucket in buckets.items()} == REASONS[name], name
        assert {key: bucket["calls"] for key, bucket in buckets.items()} == CALLS[name], name
        assert report["haiku"] == ("" if name == "exhausted" else HAIKU[0])
        assert report["as_planned"]


def test_what_happened_is_told_from_the_findings(capsys: pytest.CaptureFixture[str]) -> None:
    """In order, with the core's own finding in each classification."""
    run(["demo", "revoked", "--json"])
    steps = json.loads(capsys.readouterr().out)["steps"]
    told = [step["event"] for step in steps if not step["event"].startswith("step-")]
    assert told == ["call-failed", "refresh-wanted", "failover-started", "bucket-classified", "bucket-switched"]
    finding = next(step["finding"] for step in steps if step["event"] == "bucket-classified")
    assert (finding["bucket"], finding["fact"]) == ("default", "token-refused")


def test_pictures_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """Steps, the haiku or the error, and the table; no colours where there is no terminal."""
    assert run(["demo", "exhausted"]) == 0
    told = capsys.readouterr().out
    assert "vybestack: the login failed: the user said no" in told
    assert "Log in to vybestack, or wait until" in told
    assert "reauth-failed" in told
    assert told.count("default: the provider refused the call for its quota until") == 2
    assert "\x1b" not in told


def test_colours_only_on_terminals_and_not_if_plain() -> None:
    """In a real pseudo-terminal."""

    def on_a_terminal(*arguments: str) -> str:
        ours, theirs = pty.openpty()
        program = str(Path(sys.executable).with_name("bucket-failover"))
        environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"}
        environment.pop("NO_COLOR", None)
        with subprocess.Popen([program, "demo", "quota", *arguments], stdout=theirs, env=environment) as process:
            os.close(theirs)
            told = b""
            while True:
                try:
                    piece = os.read(ours, 65_536)
                except OSError:  # the other side has closed the terminal
                    break
                told += piece
        os.close(ours)
        assert process.returncode == 0
        return told.decode()

    assert "\x1b[31m" in on_a_terminal()
    assert "\x1b[3" not in on_a_terminal("--plain").replace("\x1b[3m", "")


@pytest.mark.parametrize(
    ("scenario", "changes", "status"),
    [
        ("quota", {"ends": "exhausted", "served_by": None}, 2),
        ("exhausted", {"ends": "answered"}, 3),
        ("quota", {"served_by": "vybestack"}, 3),
    ],
)
def test_a_scenario_that_ends_otherwise_is_told(
    scenario: str,
    changes: dict[str, Any],
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """By the exit status, and in the picture."""
    twisted: Scenario = replace(BY_NAME[scenario], **changes)
    monkeypatch.setattr("bucket_failover.cli.demo.SCENARIOS", (twisted,))
    assert run(["demo", scenario]) == status
    assert "This was to end otherwise" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["demo", "nonsense"], 64, "'nonsense' is none of all, quota, refresh"),
        (["demo", "--bogus"], 64, "--bogus"),
        (["bogus"], 64, "bogus"),
    ],
)
def test_a_wrong_command_line_is_told_in_one_line(
    arguments: list[str], status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """No stack trace for a user's mistake."""
    assert run(arguments) == status
    told = capsys.readouterr().err
    assert said in told
    assert len(told.splitlines()) == 1


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    """With examples and every exit status."""
    assert run([]) == 0
    assert "demo" in capsys.readouterr().out
    assert run(["demo", "--help"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    for part in ("Exit status", "64:", "130:", "141:", "Examples", "--json", "--plain"):
        assert part in told
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("bucket-failover 0.")


def test_the_installed_command_runs() -> None:
    """As a user calls it."""
    ran = command("demo", "single", "--json")
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["served_by"] == "default"
    assert ran.stderr == ""


def test_without_its_extras_it_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line, and the command that mends it."""
    monkeypatch.setattr("bucket_failover.cli._NEEDED", ("typer", "no_such_module"))
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 64
    told = capsys.readouterr().err
    assert told == "bucket-failover: the command line needs no_such_module: pip install 'bucket-failover[all]'\n"


def test_it_can_be_interrupted() -> None:
    """After the first of seven scenarios: no stack trace, and the status says so."""
    program = str(Path(sys.executable).with_name("bucket-failover"))
    with subprocess.Popen(
        as_a_person([sys.executable, program, "demo"]),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        told = process.stderr.read()
    assert process.returncode == 130, told
    assert "Traceback" not in told


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    """`bucket-failover demo | head -1`."""
    program = str(Path(sys.executable).with_name("bucket-failover"))
    with subprocess.Popen([program, "demo", "quota"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        told = process.stderr.read()
    assert told == b""
    assert process.returncode == 141
