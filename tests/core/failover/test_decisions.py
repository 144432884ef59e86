"""Decisions and events of a search: what tells them apart, and what they refuse."""

from typing import get_args

import pytest
from pydantic import TypeAdapter, ValidationError

from bucket_failover_core import FailoverDecision, FailoverEvent, Reauthenticate, TokenRead, UseBucket

DECISIONS: TypeAdapter[FailoverDecision] = TypeAdapter(FailoverDecision)
EVENTS: TypeAdapter[FailoverEvent] = TypeAdapter(FailoverEvent)


def kinds_of(union: object) -> list[str]:
    """The discriminators of a union's members."""
    return [member.model_fields["kind"].default for member in get_args(get_args(union)[0])]


@pytest.mark.parametrize("union", [FailoverDecision, FailoverEvent])
def test_no_two_have_the_same_kind(union: object) -> None:
    """JSON is read back by it."""
    kinds = kinds_of(union)
    assert len(kinds) == len(set(kinds))
    assert all(kind == kind.lower() for kind in kinds)


@pytest.mark.parametrize(
    "decision", [UseBucket(bucket="a", switched=True, via="refresh"), Reauthenticate(bucket="a", timeout_seconds=1.5)]
)
def test_a_decision_is_read_back_by_its_kind(decision: FailoverDecision) -> None:
    """As what it was."""
    assert DECISIONS.validate_json(decision.model_dump_json()) == decision


@pytest.mark.parametrize("told", [{"kind": "unread"}, {"kind": "nonsense"}, None])
def test_an_event_about_a_token_says_something(told: object) -> None:
    """That it is unread is no news."""
    with pytest.raises(ValidationError, match="token"):
        TokenRead.model_validate({"bucket": "a", "token": told})


def test_an_event_names_a_bucket() -> None:
    """The empty name is none."""
    with pytest.raises(ValidationError, match="bucket"):
        EVENTS.validate_python({"kind": "bucket-switched", "bucket": ""})
