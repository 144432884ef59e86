"""The fixture pack, and the runner that a user can point at a classifier of their own."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from typing import Any, get_args

import pytest

from bucket_failover import Dialect
from bucket_failover.conformance import Difference, all_cases, classify_case, compare, run
from bucket_failover.conformance.__main__ import main


def test_the_pack_is_large_and_every_case_has_its_source() -> None:
    """At least 80 cases, several of each dialect, names unique."""
    cases = all_cases()
    assert len(cases) >= 80
    by_dialect = Counter(case.dialect for case in cases)
    assert set(by_dialect) == set(get_args(Dialect))
    assert min(by_dialect.values()) >= 7
    assert len({case.name for case in cases}) == len(cases)
    assert all(case.story and case.source for case in cases)


def test_all_cases_come_out_as_expected() -> None:
    """Ours agrees with the whole pack."""
    assert run() == []


def test_a_classifier_that_knows_only_causes_is_compared_in_causes() -> None:
    """What it leaves out is not compared."""

    def by_status(failure: Mapping[str, Any], now: float) -> Mapping[str, Any]:
        return {"cause": "quota" if failure.get("status") == 429 else None}

    differences = run(by_status)
    assert differences
    assert {difference.field for difference in differences} == {"cause"}


def test_differences_name_case_field_and_both_values() -> None:
    """A second of tolerance is too much, a hundredth is not."""
    case = next(case for case in all_cases() if case.expected["retry_not_before"] is not None)
    found = classify_case(case.failure, case.now)
    moment = found["retry_not_before"]
    assert compare(case, found | {"retry_not_before": moment + 0.005}) == []
    assert compare(case, found | {"retry_not_before": moment + 1.0}) == [
        Difference(case.name, "retry_not_before", case.expected["retry_not_before"], moment + 1.0)
    ]
    fewer = compare(case, found | {"limits": []})
    assert [difference.field for difference in fewer] == ["limits"]


def test_a_classifier_that_raises_has_failed_the_case() -> None:
    """No input whatever may raise."""

    def broken(failure: Mapping[str, Any], now: float) -> Mapping[str, Any]:
        raise LookupError(failure["status"])

    case = next(case for case in all_cases() if "status" in case.failure)
    told = f"LookupError: {case.failure['status']}"
    assert run(broken, [case]) == [Difference(case.name, "raised", "an answer", told)]


def test_the_command_tells_how_many_differ(capsys: pytest.CaptureFixture[str]) -> None:
    """0 if none does."""
    assert main([]) == 0
    assert capsys.readouterr().out == f"{len(all_cases())} cases, 0 of them not as expected\n"
    assert main(["--only", "google", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["differences"] == []


def test_the_command_takes_a_users_classifier(tmp_path: Any) -> None:
    """In a process of its own, as a stranger would run it."""
    (tmp_path / "theirs.py").write_text("def classify(failure, now):\n    return {'cause': 'quota'}\n")
    ran = subprocess.run(
        [sys.executable, "-m", "bucket_failover.conformance", "theirs:classify", "--only", "bedrock"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    assert "found    quota" in ran.stdout
    assert ran.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--only", "klingon"], "--only: 'klingon' is none of anthropic, "),
        (["nowhere:classify"], "'nowhere:classify': No module named 'nowhere'"),
        (["json:nothing"], "'json:nothing': module 'json' has no attribute 'nothing'"),
        (["json"], "'json': say MODULE:FUNCTION"),
    ],
)
def test_what_cannot_be_run_is_told_in_one_line(
    arguments: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """No stack trace for a user's mistake."""
    assert main(arguments) == 64
    told = capsys.readouterr().err
    assert told.startswith(problem)
    assert told.count("\n") == 1
