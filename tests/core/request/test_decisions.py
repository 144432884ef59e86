"""Decisions and events of a request: each call carries over what was decided to what is told."""

from typing import get_args

import pytest
from pydantic import TypeAdapter

from bucket_failover_core import (
    AnswerRead,
    CallAnswered,
    CallBegun,
    CallBucket,
    FindBucket,
    RequestDecision,
    RequestEvent,
    Served,
    WaitUntil,
)

DECISIONS: TypeAdapter[RequestDecision] = TypeAdapter(RequestDecision)
SERVED = AnswerRead(at=7.0, served=True)


@pytest.mark.parametrize("flag", ["is_probe", "moves", "is_retry", "is_counted"])
@pytest.mark.parametrize("value", [True, False])
def test_a_call_that_is_begun_is_the_one_that_was_decided(flag: str, *, value: bool) -> None:
    """Each flag of its own."""
    call = CallBucket.model_validate({"bucket": "a", "fingerprint": "f", "attempt": 2, flag: value})
    begun = call.begun(at=5.0)
    assert begun == CallBegun.model_validate({"bucket": "a", "at": 5.0, flag: value})
    assert CallBegun.model_validate_json(begun.model_dump_json()) == begun


@pytest.mark.parametrize("started", [True, False])
def test_an_answer_belongs_to_the_call_that_was_begun(*, started: bool) -> None:
    """Its moment is the call's beginning, whenever the answer came."""
    begun = CallBegun(bucket="a", at=5.0)
    answered = begun.answered(SERVED, fingerprint="f", output_started=started)
    assert answered == CallAnswered(bucket="a", answer=SERVED, begun_at=5.0, fingerprint="f", output_started=started)
    assert CallAnswered.model_validate_json(answered.model_dump_json()) == answered


@pytest.mark.parametrize("union", [RequestDecision, RequestEvent])
def test_no_two_have_the_same_kind(union: object) -> None:
    """JSON is read back by it."""
    kinds = [member.model_fields["kind"].default for member in get_args(get_args(union)[0])]
    assert len(kinds) == len(set(kinds))


@pytest.mark.parametrize(
    "decision",
    [CallBucket(bucket="a"), WaitUntil(at=5.0, bucket="a"), Served(bucket="a"), FindBucket(bucket="a", answer=SERVED)],
)
def test_a_decision_is_read_back_by_its_kind(decision: RequestDecision) -> None:
    """As what it was."""
    assert DECISIONS.validate_json(decision.model_dump_json()) == decision
