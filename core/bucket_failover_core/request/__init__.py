"""One whole request as a machine of facts: ask `decide_request`, do, tell `advance_request` and `learn`, ask again."""

from bucket_failover_core.request.advance import advance_request, note_refreshed, note_refused
from bucket_failover_core.request.decide import decide_request
from bucket_failover_core.request.decisions import (
    CallBucket,
    FindBucket,
    RequestDecision,
    RequestEnded,
    RequestResult,
    RequestStep,
    RetriesExhausted,
    Served,
    WaitUntil,
)
from bucket_failover_core.request.events import CallAnswered, CallBegun, RequestEvent, SearchFailed
from bucket_failover_core.request.joint import join
from bucket_failover_core.request.learn import learn
from bucket_failover_core.request.learn_quota import hear_quota
from bucket_failover_core.request.opening import begin_where
from bucket_failover_core.request.refused_tokens import Refusal, refused_in
from bucket_failover_core.request.session import (
    SessionSnapshot,
    begin_session,
    limits_of,
    refusals_of,
    reset_session,
    with_limits,
    with_phase,
    with_refusals,
)
from bucket_failover_core.request.state import RequestSnapshot, begin_request

__all__ = [
    "CallAnswered",
    "CallBegun",
    "CallBucket",
    "FindBucket",
    "Refusal",
    "RequestDecision",
    "RequestEnded",
    "RequestEvent",
    "RequestResult",
    "RequestSnapshot",
    "RequestStep",
    "RetriesExhausted",
    "SearchFailed",
    "Served",
    "SessionSnapshot",
    "WaitUntil",
    "advance_request",
    "begin_request",
    "begin_session",
    "begin_where",
    "decide_request",
    "hear_quota",
    "join",
    "learn",
    "limits_of",
    "note_refreshed",
    "note_refused",
    "refusals_of",
    "refused_in",
    "reset_session",
    "with_limits",
    "with_phase",
    "with_refusals",
]
