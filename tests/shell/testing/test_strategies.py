"""The strategies for users: what comes out is valid, fits, and drives a loop of their own to its end."""

from typing import Any, NamedTuple, get_args

import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from returns.methods import unwrap_or_failure

from bucket_failover.testing.strategies import (
    NAMES,
    NOW,
    answers,
    buckets,
    events,
    failover_events,
    failover_policies,
    limits,
    outcomes,
    retry_policies,
    sessions,
    snapshots,
    tokens,
    triggers,
)
from bucket_failover_core import (
    BucketSnapshot,
    CallBucket,
    CallFailure,
    Cause,
    FailoverEvent,
    FailoverPolicy,
    FailoverSnapshot,
    FailoverStep,
    KnownToken,
    Limit,
    ReadToken,
    Reauthenticate,
    RefreshToken,
    RequestDecision,
    RequestEnded,
    RequestEvent,
    RetryPolicy,
    SessionSnapshot,
    Trigger,
    UseBucket,
    WaitUntil,
    advance,
    advance_request,
    begin_request,
    decide_failover,
    decide_request,
    learn,
    read_answer,
)

FEW = settings(max_examples=20)
MADE: dict[str, tuple[st.SearchStrategy[Any], Any]] = {
    "tokens": (tokens(), KnownToken),
    "limits": (limits(), tuple[Limit, ...]),
    "triggers": (triggers(), Trigger),
    "fresh buckets": (buckets(), BucketSnapshot),
    "used buckets": (buckets(used=True), BucketSnapshot),
    "failover policies": (failover_policies(), FailoverPolicy),
    "retry policies": (retry_policies(), RetryPolicy),
    "fresh snapshots": (snapshots(), FailoverSnapshot),
    "used snapshots": (snapshots(used=True), FailoverSnapshot),
    "sessions": (sessions(min_size=0), SessionSnapshot),
    "events": (sessions(min_size=0).flatmap(events), RequestEvent),
    "failover events": (snapshots().flatmap(failover_events), FailoverEvent),
    "answers": (answers(), CallFailure),
}


@pytest.mark.parametrize("name", MADE)
@FEW
@given(data=st.data())
def test_what_comes_out_survives_a_round_trip(name: str, data: st.DataObject) -> None:
    """Through JSON, which validates it anew."""
    strategy, kind = MADE[name]
    record: TypeAdapter[Any] = TypeAdapter(kind)
    made = data.draw(strategy)
    assert record.validate_json(record.dump_json(made)) == made


@FEW
@given(st.data(), st.integers(0, 2), st.integers(0, 3))
def test_a_profile_has_as_many_buckets_as_asked_for(data: st.DataObject, least: int, more: int) -> None:
    """Both bounds belong to it, and names are unique."""
    for made in (
        data.draw(snapshots(min_size=least, max_size=least + more)).buckets,
        data.draw(sessions(min_size=least, max_size=least + more)).profile.buckets,
    ):
        assert least <= len({bucket.name for bucket in made} & {*NAMES}) == len(made) <= least + more


@FEW
@given(st.data(), snapshots(), sessions(min_size=0))
def test_events_fit(data: st.DataObject, snapshot: FailoverSnapshot, session: SessionSnapshot) -> None:
    """They are about a bucket that there is."""
    known = {bucket.name for bucket in snapshot.buckets}
    happened = data.draw(failover_events(snapshot))
    assert getattr(happened, "bucket", None) in {None, *known}
    known = {bucket.name for bucket in session.profile.buckets}
    told = data.draw(events(session))
    assert getattr(told, "bucket", None) in {None, *known}
    assert {*getattr(told, "reasons", ())} <= known


STEPS: tuple[FailoverStep, ...] = (
    ReadToken(bucket="work"),
    RefreshToken(bucket="work"),
    Reauthenticate(bucket="work", timeout_seconds=300.0),
)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.kind)
@FEW
@given(data=st.data())
def test_outcomes_are_of_the_step(step: FailoverStep, data: st.DataObject) -> None:
    """Of its kind, of its bucket, at its moment."""
    kinds = {
        "read-token": {"token-read"},
        "refresh-token": {"token-refreshed", "refresh-failed"},
        "reauthenticate": {"reauthenticated", "reauth-failed"},
    }
    event = data.draw(outcomes(step, now=1_000.0))
    assert event.kind in kinds[step.kind]
    assert (event.bucket, event.at) == ("work", 1_000.0)


@FEW
@given(answers(served=True), answers(served=False))
def test_answers_say_what_they_are(good: CallFailure, bad: CallFailure) -> None:
    """To the core: one is served, the other has a verdict."""
    assert read_answer(good, now=NOW).served
    read = read_answer(bad, now=NOW)
    assert not read.served
    assert read.verdict is not None


QUICKLY = settings(max_examples=20_000, derandomize=True, database=None)


@pytest.mark.parametrize("cause", [cause for cause in Cause if cause is not Cause.CANCELLED])
def test_there_is_an_answer_of_every_cause(cause: Cause) -> None:
    """Only a caller can cancel."""

    def is_of_it(answer: CallFailure) -> bool:
        verdict = read_answer(answer, now=NOW).verdict
        return verdict is not None and verdict.cause is cause

    find(answers(served=False), is_of_it, settings=QUICKLY)


@pytest.mark.parametrize("now", [1_000.0, NOW])
@pytest.mark.parametrize("seconds", [1, 20, 60, 7_200])
def test_hints_are_for_as_long_as_promised(now: float, seconds: int) -> None:
    """From the moment that the caller names."""

    def asks_for_it(answer: CallFailure) -> bool:
        return any(limit.until == now + seconds for limit in read_answer(answer, now=now).limits)

    find(answers(now=now, served=False), asks_for_it, settings=QUICKLY)


class End(NamedTuple):
    """Where a loop came to, and in how many steps."""

    outcome: RequestDecision | RequestEnded
    steps: int


def request(data: st.DataObject, session: SessionSnapshot, policy: RetryPolicy) -> End:
    """The loop of docs/embedding.md; its store, issuer, user and provider are the strategies."""
    now = NOW
    work = begin_request(session, now=now, draw=0.5, policy=policy)
    for step in range(200):
        decision = unwrap_or_failure(decide_request(session, work, now=now))
        event: RequestEvent
        match decision:
            case CallBucket():
                begun = decision.begun(at=now)
                session, work = learn(session, begun), advance_request(work, begun)
                answer = read_answer(data.draw(answers(now=now)), now=now)
                event = begun.answered(answer, fingerprint=decision.fingerprint)
            case WaitUntil(at=at):
                assert at > now
                now = at
                continue
            case ReadToken() | RefreshToken() | Reauthenticate():
                event = data.draw(outcomes(decision, now=now))
            case end:
                return End(end, step)
        session, work = learn(session, event), advance_request(work, event)
    message = "the loop does not end"
    raise AssertionError(message)


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data(), sessions(), retry_policies())
def test_a_users_loop_ends(data: st.DataObject, session: SessionSnapshot, policy: RetryPolicy) -> None:
    """In any world, with any past, under any policy."""
    end = request(data, session, policy)
    assert end.outcome.kind in {"served", "all-buckets-exhausted", "retries-exhausted", "give-up"}


@FEW
@given(st.data(), snapshots(used=True))
def test_a_search_ends(data: st.DataObject, snapshot: FailoverSnapshot) -> None:
    """Within three steps per bucket."""
    for _ in range(3 * len(snapshot.buckets) + 1):
        answer = unwrap_or_failure(decide_failover(snapshot, now=NOW))
        if isinstance(answer, get_args(FailoverStep)):
            snapshot = advance(snapshot, data.draw(outcomes(answer)))
            continue
        assert isinstance(answer, UseBucket) or answer.kind == "all-buckets-exhausted"
        return
    message = "the search does not end"
    raise AssertionError(message)
