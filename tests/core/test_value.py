"""Values: frozen, strict, the same after a trip through JSON, and cheap to evolve."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

import bucket_failover_core as core
from bucket_failover_core import (
    BucketFinding,
    BucketSnapshot,
    Cause,
    FailoverPolicy,
    FailoverSnapshot,
    Limit,
    RetryPolicy,
    RetrySnapshot,
    TokenHeld,
    Trigger,
    Verdict,
)
from bucket_failover_core.facts import Problem
from bucket_failover_core.facts.snapshots import current_bucket
from bucket_failover_core.value import Value, trusted

LIMIT = Limit(until=9_000.5, window="5h", source="header", scope="model", strength="directive", detail="d", model="m")
HELD = TokenHeld(expiry=2_000.0, fingerprint="f", refreshable=False, issued_at=1.0)
BUCKET = BucketSnapshot(
    name="default",
    token=HELD,
    rejected=("a",),
    renewed_by="refresh",
    limits=(LIMIT,),
    problems=(Problem(cause=Cause.QUOTA, detail="x"), Problem(cause=None)),
)
SNAPSHOT = FailoverSnapshot(
    provider="anthropic",
    buckets=(BUCKET, BucketSnapshot(name="claudius", token=core.TokenCorrupt(detail="?"))),
    current="claudius",
    trigger=Trigger(status=429, cause=Cause.QUOTA, fingerprint="f", limits=(LIMIT,)),
    policy=FailoverPolicy(reauths_per_request=2),
    reauths_spent=1,
    model="opus",
)
EXAMPLES: list[Value] = [
    SNAPSHOT,
    BucketFinding(bucket="default", fact="limit-in-force", until=1.5),
    Verdict(cause=Cause.THROTTLED, limits=(LIMIT,), retry_not_before=2.0),
    RetrySnapshot(bucket_count=3, attempts_made=1, failures_here=1),
    core.CallFailure(status=429, headers=(("a", "b"),), body="x"),
    core.decide_failover(SNAPSHOT, now=0.0).unwrap(),
    core.AllBucketsExhausted(provider="p", buckets=("a",), findings=(BucketFinding(bucket="a", fact="paused"),)),
    core.UseBucket(bucket="a", switched=True, via="reauth"),
    core.CallFailed(trigger=Trigger(status=500), bucket="default"),
    core.TokenRead(bucket="default", token=core.TokenOutage(detail="disk")),
    core.RenewalSnapshot(token=HELD, failures=1, failed_at=5.0),
    core.GiveUp(cause=Cause.CANCELLED, why="final"),
    core.BucketUnavailable(bucket="a", reason=core.BucketFailureReason.NO_TOKEN, detail="x"),
]


@pytest.mark.parametrize("value", EXAMPLES, ids=lambda value: type(value).__name__)
def test_a_trip_through_json_changes_nothing(value: Value) -> None:
    """Nor does a copy or a pickle."""
    assert type(value).model_validate_json(value.model_dump_json()) == value
    assert copy.deepcopy(value) == value
    assert pickle.loads(pickle.dumps(value)) == value


@pytest.mark.parametrize("value", EXAMPLES, ids=lambda value: type(value).__name__)
def test_nothing_can_be_changed_or_added(value: Value) -> None:
    """Frozen, and strict about names."""
    name = next(iter(type(value).model_fields))
    with pytest.raises(ValidationError, match="frozen"):
        setattr(value, name, None)
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        type(value).model_validate({**value.model_dump(), "surprise": 1})


def test_unions_are_told_apart_by_kind() -> None:
    """Decisions, events and token states are read back as what they were."""
    event = core.RefreshFailed(bucket="a", detail="x", permanent=True)
    adapter: TypeAdapter[core.FailoverEvent] = TypeAdapter(core.FailoverEvent)
    assert adapter.validate_json(event.model_dump_json()) == event
    decision = core.Reauthenticate(bucket="a", timeout_seconds=3.0)
    assert TypeAdapter(core.FailoverDecision).validate_json(decision.model_dump_json()) == decision


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize(
    ("model", "fields", "name"),
    [
        (Limit, {"window": "week", "source": "guess"}, "until"),
        (TokenHeld, {}, "expiry"),
        (FailoverPolicy, {}, "reauth_timeout_seconds"),
        (RetryPolicy, {}, "backoff_min_seconds"),
        (Verdict, {"cause": "quota"}, "retry_not_before"),
    ],
)
def test_numbers_that_are_none_do_not_validate(
    model: type[Value], fields: dict[str, Any], name: str, number: float
) -> None:
    """The error names the field."""
    with pytest.raises(ValidationError, match=name):
        model.model_validate({**fields, name: number})


@pytest.mark.parametrize(
    ("model", "fields", "said"),
    [
        (FailoverPolicy, {"reauths_per_request": -1}, "reauths_per_request"),
        (FailoverPolicy, {"reauth_timeout_seconds": 0}, "reauth_timeout_seconds"),
        (FailoverSnapshot, {"provider": "p", "reauths_spent": -1}, "reauths_spent"),
        (Trigger, {"status": 99}, "status"),
        (Trigger, {"status": 1000}, "status"),
        (BucketSnapshot, {"name": ""}, "name"),
        (BucketSnapshot, {"name": "a", "tokn": None}, "tokn"),
        (Limit, {"until": 1.0, "window": "century", "source": "header"}, "century"),
        (RetryPolicy, {"max_attempts": 0}, "max_attempts"),
        (RetryPolicy, {"backoff_min_seconds": -1}, "backoff_min_seconds"),
        (RetryPolicy, {"backoff_max_seconds": -1}, "backoff_max_seconds"),
        (RetryPolicy, {"backoff_min_seconds": 31}, r"backoff_min_seconds: 31.0 is over backoff_max_seconds=30.0"),
        (RetryPolicy, {"jitter": -0.1}, "jitter"),
        (RetryPolicy, {"jitter": 1.1}, "jitter"),
        (RetryPolicy, {"hint_max_seconds": -1}, "hint_max_seconds"),
        (RetrySnapshot, {"bucket_count": -1, "attempts_made": 1, "failures_here": 1}, "bucket_count"),
        (RetrySnapshot, {"bucket_count": 1, "attempts_made": 0, "failures_here": 1}, "attempts_made"),
        (RetrySnapshot, {"bucket_count": 1, "attempts_made": 1, "failures_here": 0}, "failures_here"),
        (core.RenewalSnapshot, {"token": HELD, "failures": -1}, "failures"),
        (core.TokenRead, {"bucket": "a", "token": core.TokenUnread()}, "token"),
        (core.TokenRead, {"bucket": "", "token": HELD}, "bucket"),
        (core.CallFailed, {"trigger": Trigger(), "bucket": ""}, "bucket"),
        (core.CallFailure, {"status": 99}, "status"),
    ],
)
def test_bad_input_is_named(model: type[Value], fields: dict[str, Any], said: str) -> None:
    """One error, with the field in it; it is a `ValueError`."""
    with pytest.raises(ValueError, match=said):
        model.model_validate(fields)


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (FailoverPolicy, {"reauths_per_request": 0, "reauth_timeout_seconds": 0.001}),
        (Trigger, {"status": 100}),
        (Trigger, {"status": 999}),
        (RetryPolicy, {"max_attempts": 1, "backoff_min_seconds": 0, "jitter": 0, "hint_max_seconds": 0}),
        (RetryPolicy, {"backoff_min_seconds": 30, "jitter": 1}),
        (RetryPolicy, {"backoff_min_seconds": 0, "backoff_max_seconds": 0}),
        (RetrySnapshot, {"bucket_count": 0, "attempts_made": 1, "failures_here": 1}),
    ],
)
def test_the_bounds_themselves_are_allowed(model: type[Value], fields: dict[str, Any]) -> None:
    """Exactly on each of them."""
    assert model.model_validate(fields) is not None


class TestProfiles:
    """Names in a snapshot."""

    def test_a_repeated_name_is_told(self) -> None:
        """The first that occurs twice."""
        buckets = [{"name": name} for name in ("a", "b", "c", "b", "a")]
        with pytest.raises(ValueError, match="buckets: the name 'b' occurs twice"):
            FailoverSnapshot.model_validate({"provider": "p", "buckets": buckets})

    def test_a_current_bucket_that_is_none_of_them_is_told(self) -> None:
        """With those that there are."""
        with pytest.raises(ValueError, match=r"current: 'x' is not a bucket of 'p', which has \['a'\]"):
            FailoverSnapshot.model_validate({"provider": "p", "buckets": [{"name": "a"}], "current": "x"})
        with pytest.raises(ValueError, match=r"current: 'x'"):
            FailoverSnapshot(provider="p", current="x")

    def test_every_name_has_its_place(self) -> None:
        """And what is remembered of the places is no part of the record."""
        assert [SNAPSHOT.place_of(name) for name in ("default", "claudius", "nobody")] == [0, 1, None]
        assert FailoverSnapshot.model_validate(dict(SNAPSHOT)) == SNAPSHOT
        assert "places" not in repr(SNAPSHOT) + SNAPSHOT.model_dump_json()

    def test_a_copy_with_other_buckets_is_searched_anew(self) -> None:
        """Pydantic's copies carry along what was remembered; it must not be believed."""
        assert SNAPSHOT.place_of("claudius") == 1
        default, claudius = SNAPSHOT.buckets
        turned = SNAPSHOT.model_copy(update={"buckets": (claudius, default)})
        assert [turned.place_of(name) for name in ("default", "claudius")] == [1, 0]
        assert (
            core.choose_bucket(turned, now=0.0).unwrap().bucket == core.choose_bucket(SNAPSHOT, now=0.0).unwrap().bucket
        )
        shorter = SNAPSHOT.model_copy(update={"buckets": (default,)})
        assert [shorter.place_of(name) for name in ("default", "claudius")] == [0, None]
        assert current_bucket(shorter) is None


def test_evolving_is_copying_with_changes() -> None:
    """The same as pydantic's own copy: equal, hashable, serialized with what was set; the original stays."""
    evolved = BUCKET.evolve({"tried": True})
    copied = BUCKET.model_copy(update={"tried": True})
    assert evolved == copied
    assert evolved.model_fields_set >= copied.model_fields_set
    assert hash(evolved) == hash(copied)
    assert evolved.model_dump_json() == copied.model_dump_json()
    assert repr(evolved) == repr(copied)
    assert pickle.loads(pickle.dumps(evolved)) == copied
    assert copy.copy(evolved) == copied
    assert not BUCKET.tried


@pytest.mark.parametrize("value", EXAMPLES, ids=lambda value: type(value).__name__)
def test_a_trusted_record_is_the_validated_one(value: Value) -> None:
    """Made of the same facts without validation: equal, written alike, and the same after a trip through JSON."""
    facts = {name: getattr(value, name) for name in type(value).model_fields}
    told = {name: fact for name, fact in facts.items() if name in value.model_fields_set}
    for made in (trusted(type(value))(**facts), trusted(type(value))(**told)):
        assert made == value
        assert hash(made) == hash(value)
        assert repr(made) == repr(value)
        assert made.model_dump_json() == value.model_dump_json()
        assert type(value).model_validate_json(made.model_dump_json()) == value
        assert pickle.loads(pickle.dumps(made)) == value
        assert made.evolve({}) == value


NO_MOMENTS = [float("nan"), float("inf"), float("-inf")]


@pytest.mark.parametrize("now", NO_MOMENTS)
def test_a_clock_that_tells_no_moment_is_refused(now: float) -> None:
    """By every decision, in one error that names the value."""
    asked: list[Callable[[], object]] = [
        lambda: core.decide_failover(SNAPSHOT, now=now),
        lambda: core.choose_bucket(SNAPSHOT, now=now),
        lambda: core.choose_start(SNAPSHOT, now=now),
        lambda: core.classify_bucket(BUCKET, now=now),
        lambda: core.classify_failure(core.CallFailure(status=500), now=now),
        lambda: core.read_limits(core.CallFailure(status=500), now=now),
        lambda: core.decide_retry(STANDING, Verdict(cause=Cause.TIMEOUT), now=now, draw=0.5),
        lambda: core.decide_renewal(core.RenewalSnapshot(token=HELD), now=now),
    ]
    for ask in asked:
        with pytest.raises(ValueError, match=rf"^now: {now!r} is no moment in Unix seconds$"):
            ask()


STANDING = RetrySnapshot(bucket_count=3, attempts_made=1, failures_here=1)


@pytest.mark.parametrize(
    ("draw", "refused"), [(-0.1, True), (0.0, False), (0.99, False), (1.0, True), (float("nan"), True)]
)
def test_a_chance_lies_between_nothing_and_less_than_one(draw: float, refused: bool) -> None:  # noqa: FBT001 - a column of the table
    """In one error that names the value."""
    asked: list[Callable[[], object]] = [
        lambda: core.decide_retry(STANDING, Verdict(cause=Cause.TIMEOUT), now=0.0, draw=draw),
        lambda: core.decide_renewal(core.RenewalSnapshot(token=HELD), now=0.0, draw=draw),
    ]
    for ask in asked:
        if refused:
            with pytest.raises(ValueError, match=rf"^draw: {draw!r} is not in \[0, 1\)$"):
                ask()
        else:
            ask()
