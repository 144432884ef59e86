"""Two classifiers that are not ours, and the table of how they fare."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bucket_failover.conformance import Score, all_cases, run, scores_of
from bucket_failover.conformance.__main__ import main
from bucket_failover.conformance.examples import by_exception, by_status

PAGE = Path(__file__).parents[2] / "docs" / "providers.md"
NAME = "bucket_failover.conformance.examples"


@pytest.mark.parametrize(
    ("failure", "status", "exception"),
    [
        ({"status": 200}, None, None),
        ({"status": 204, "body": "usage limit reached"}, None, None),
        ({"status": 302}, None, "network"),
        ({"status": 400}, "client-error", "client-error"),
        ({"status": 401}, "unauthenticated", "unauthenticated"),
        ({"status": 402}, "quota", "network"),
        ({"status": 403}, "forbidden", "forbidden"),
        ({"status": 404}, "client-error", "client-error"),
        ({"status": 408}, "timeout", "timeout"),
        ({"status": 412}, "client-error", "network"),
        ({"status": 422}, "client-error", "client-error"),
        ({"status": 429}, "quota", "quota"),
        ({"status": 499}, "client-error", "network"),
        ({"status": 500}, "server-error", "server-error"),
        ({"status": 503}, "overloaded", "overloaded"),
        ({"status": 529}, "overloaded", "server-error"),
        ({"body": "event: error"}, None, "network"),
        ({"error_kind": "timeout"}, "timeout", "timeout"),
        ({"error_kind": "network", "status": 200}, "network", "network"),
    ],
)
def test_what_the_examples_say(failure: Mapping[str, Any], status: str | None, exception: str | None) -> None:
    """A cause, and nothing else."""
    assert by_status(failure, 0.0) == {"cause": status}
    assert by_exception(failure, 0.0) == {"cause": exception}


def test_scores_count_the_cases_without_a_difference() -> None:
    """Dialect by dialect, in the order of their names."""
    cases = [case for case in all_cases() if case.dialect in {"xai", "bedrock"}]
    none = scores_of(cases, [])
    assert [score.dialect for score in none] == ["bedrock", "xai"]
    assert all(score.cases == score.right for score in none)
    differences = run(lambda failure, now: {"cause": "nothing", "limits": None}, cases)
    assert scores_of(cases, differences) == [Score(each.dialect, each.cases, 0) for each in none]


def test_the_command_prints_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Of ours, of another one, and as JSON."""
    assert main(["--only", "xai", "--table"]) == 0
    count = sum(case.dialect == "xai" for case in all_cases())
    assert capsys.readouterr().out == f"{'xai':24}{count:4} of {count:4}\n{count} cases, 0 of them not as expected\n"
    assert main([f"{NAME}:by_status", "--only", "xai", "--json"]) == 1
    (score,) = json.loads(capsys.readouterr().out)["dialects"].values()
    assert score["dialect"] == "xai"
    assert 0 < score["right"] < score["cases"] == count


def test_the_page_says_how_they_fare() -> None:
    """The rows of docs/providers.md: a change of a case or a classifier changes them."""
    text = PAGE.read_text()
    scores = [scores_of(all_cases(), run(classify)) for classify in (None, by_status, by_exception)]
    for ours, status, exception in zip(*scores, strict=True):
        row = next(line for line in text.splitlines() if line.startswith(f"| `{ours.dialect}` |"))
        assert row.endswith(f"| {ours.cases} | {ours.right} | {status.right} | {exception.right} |"), row
    sums = [sum(score.right for score in each) for each in scores]
    assert f"| all | | | {len(all_cases())} | {sums[0]} | {sums[1]} | {sums[2]} |" in text
