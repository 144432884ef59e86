"""Calls as plain data: text that is no text, and statuses that are none."""

from typing import Any

import pytest
from pydantic import ValidationError

from bucket_failover_core import CallFailure

HALF = "\ud800"


@pytest.mark.parametrize(
    ("given", "kept"), [("", ""), ("plain", "plain"), ("ä", "ä"), (f"a{HALF}b", "a\ufffdb"), ("😀", "😀")]
)
def test_half_a_character_becomes_a_replacement(given: str, kept: str) -> None:
    """In the body, in header names and values, and in the model; everything else stays as it came."""
    failure = CallFailure(status=429, body=given, headers=((given, given), ("x", "y")), model=given)
    assert (failure.body, failure.headers, failure.model) == (kept, ((kept, kept), ("x", "y")), kept)


@pytest.mark.parametrize("status", [0, 99, 1_000, -1, 4.5])
def test_a_status_has_three_digits(status: Any) -> None:
    """RFC 9110, 15."""
    with pytest.raises(ValidationError, match="status"):
        CallFailure(status=status)


@pytest.mark.parametrize("status", [None, 100, 429, 999])
def test_a_status_may_be_unknown(status: int | None) -> None:
    """There was no answer."""
    assert CallFailure(status=status).status == status


@pytest.mark.parametrize("field", ["error_kind", "dialect"])
def test_a_name_that_is_not_known_is_refused(field: str) -> None:
    """The error names field and value."""
    with pytest.raises(ValidationError, match=f"(?s){field}.*nonsense"):
        CallFailure.model_validate({"status": 429, field: "nonsense"})
