"""The pack of fixtures: what the core says of each case is what the case expects."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from returns.result import Success

from bucket_failover_core import CallFailure, Limit, classify_failure, read_limits

CASES = Path(__file__).parents[3] / "shell" / "bucket_failover" / "conformance" / "cases"
PACK: list[dict[str, Any]] = [
    record for file in sorted(CASES.glob("*.json")) for record in json.loads(file.read_text(encoding="utf-8"))
]
FIELDS = ("window", "source", "scope", "strength", "model", "until")


def told(limits: tuple[Limit, ...]) -> list[dict[str, Any]]:
    """What a case says of limits, of these."""
    return in_order([{field: getattr(limit, field) for field in FIELDS} for limit in limits])


def in_order(limits: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Limits in an order of their own, so that two lists can be compared."""
    return sorted(limits, key=lambda limit: [str(limit.get(field)) for field in FIELDS[:-1]])


def same(found: list[dict[str, Any]], expected: list[Mapping[str, Any]]) -> bool:
    """Whether they are the same, ends to a hundredth of a second."""
    wanted = in_order([{field: limit.get(field) for field in FIELDS} for limit in expected])
    return len(found) == len(wanted) and all(
        {**one, "until": None} == {**other, "until": None} and abs(one["until"] - other["until"]) <= 0.01
        for one, other in zip(found, wanted, strict=True)
    )


def test_the_pack_is_there() -> None:
    """With every dialect, and unique names."""
    assert len({case["name"] for case in PACK}) == len(PACK) > 100


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in PACK])
def test_every_case(case: dict[str, Any]) -> None:
    """Cause, wish and limits, and the limits that are read."""
    call, now, expected = CallFailure.model_validate(case["failure"]), case["now"], case["expected"]
    classified = classify_failure(call, now=now)
    limits: tuple[Limit, ...] = ()
    cause = wish = None
    if isinstance(classified, Success):
        found = classified.unwrap()
        cause, wish, limits = found.cause, found.retry_not_before, found.limits
    assert cause == expected["cause"]
    assert wish == (
        None if expected["retry_not_before"] is None else pytest.approx(expected["retry_not_before"], abs=0.01)
    )
    assert same(told(limits), expected["limits"])
    read = read_limits(call, now=now)
    wanted = expected["limits"] if expected["read_limits"] == "same" else expected["read_limits"]
    if isinstance(read, Success):
        assert same(told(read.unwrap()), wanted)
    else:
        assert wanted == "unreadable"
