"""Bedrock: exceptions by name, and no word on when to come again.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html (Errors)
"""

from typing import Final

from bucket_failover_core.answers.response import Answer
from bucket_failover_core.answers.signals import Named, Signal
from bucket_failover_core.facts.causes import Cause

_CAUSES: Final = {
    "ThrottlingException": Cause.THROTTLED,
    "ModelNotReadyException": Cause.SERVER_ERROR,
    "ServiceQuotaExceededException": Cause.QUOTA,
    "ExpiredTokenException": Cause.UNAUTHENTICATED,
    "UnrecognizedClientException": Cause.UNAUTHENTICATED,
}


def read_bedrock(answer: Answer, *, now: float) -> list[Signal]:  # noqa: ARG001 - no moment is ever told
    """What an answer of Bedrock's says."""
    return [Named(_CAUSES[name], name) for name in answer.error.names if name in _CAUSES]
