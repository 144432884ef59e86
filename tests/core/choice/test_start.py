"""choose_start: which bucket to call with first, also if nothing is believed to be usable."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returns.pipeline import is_successful
from returns.result import Success

from bucket_failover_core import (
    BucketSnapshot,
    FailoverSnapshot,
    Limit,
    TokenAbsent,
    choose_bucket,
    choose_start,
)
from tests.support.playbook import use
from tests.support.worlds import bucket, limit, profile

NOW = 1_000.0


def soft(until: float, **fields: object) -> Limit:
    """A belief."""
    return limit(until=until, window="week", strength="advisory", **fields)


def hard(until: float, **fields: object) -> Limit:
    """The provider's word."""
    return limit(until=until, window="week", strength="directive", **fields)


def start(*buckets: BucketSnapshot, current: str | None = None, model: str | None = None) -> str | None:
    """The name of the bucket; None: no call is worth making."""
    snapshot = FailoverSnapshot(provider="anthropic", buckets=buckets, current=current, model=model)
    answer = choose_start(snapshot, now=NOW)
    return answer.unwrap().bucket if isinstance(answer, Success) else None


def test_it_is_the_choice_where_there_is_one() -> None:
    """The very same answer."""
    snapshot = profile(bucket("a", limits=(hard(9_000.0),)), "b")
    assert choose_start(snapshot, now=NOW) == choose_bucket(snapshot, now=NOW)
    assert start(bucket("a"), bucket("b"), current="b") == "b"


@pytest.mark.parametrize(
    ("limits", "name"),
    [
        (((soft(9_000.0),), (soft(5_000.0),)), "b"),
        (((soft(5_000.0),), (soft(9_000.0),)), "a"),
        (((soft(5_000.0),), (soft(5_000.0),)), "a"),
        (((soft(2_000.0), soft(9_000.0)), (soft(5_000.0),)), "b"),
        (((hard(2_000.0),), (soft(5_000.0),)), "b"),
        (((hard(2_000.0),), (hard(5_000.0),)), None),
        (((soft(9_000.0), hard(2_000.0)), (hard(5_000.0),)), None),
        (((soft(9_000.0), hard(1_000.0)), (hard(5_000.0),)), "a"),
        (((soft(9_000.0), hard(2_000.0, model="opus")), (hard(5_000.0),)), "a"),
    ],
)
def test_else_the_advisory_limits_that_end_first_are_put_to_the_test(
    limits: tuple[tuple[Limit, ...], tuple[Limit, ...]], name: str | None
) -> None:
    """Of two that end together the first; what the provider has said outright is believed."""
    assert start(bucket("a", limits=limits[0]), bucket("b", limits=limits[1]), model="haiku") == name


def test_what_is_no_limit_is_not_put_to_the_test() -> None:
    """A paused bucket stays paused, and one without a token has nothing to call with."""
    assert start(bucket("a", paused=True), bucket("b", TokenAbsent())) is None
    assert start(bucket("a", paused=True, limits=(soft(9_000.0),)), bucket("b", TokenAbsent())) is None


@pytest.mark.requirement("REQ-1598-BWC01")
def test_with_a_single_bucket_the_call_is_always_made() -> None:
    """As without failover; what speaks against it is told."""
    alone = profile(bucket("a", limits=(hard(9_000.0),)))
    answer = choose_start(alone, now=NOW).unwrap()
    assert answer == use("a", switched=False, a=("last-resort", "week", 9_000.0))


def test_a_detour_says_so() -> None:
    """`switched`, with the findings of all; an empty profile has nothing to start with."""
    pair = profile(bucket("a", limits=(soft(9_000.0),)), bucket("b", limits=(soft(5_000.0),), renewed_by="refresh"))
    assert choose_start(pair, now=NOW).unwrap() == use(
        "b", "refresh", a=("limit-in-force", "week", 9_000.0), b=("last-resort", "week", 5_000.0)
    )
    here = pair.model_copy(update={"current": "b"})
    assert not choose_start(here, now=NOW).unwrap().switched
    assert start() is None


LIMITS = st.lists(
    st.builds(soft, st.integers(900, 1_100).map(float)) | st.builds(hard, st.integers(900, 1_100).map(float)),
    max_size=3,
).map(tuple)


@given(limits=st.lists(LIMITS, min_size=1, max_size=4))
def test_a_request_ends_without_a_call_only_on_the_providers_word(limits: list[tuple[Limit, ...]]) -> None:
    """Every bucket of several has a directive limit in force then; and never a bucket with one is called first."""
    buckets = tuple(bucket(f"b{place}", limits=each) for place, each in enumerate(limits))
    snapshot = profile(*buckets)
    answer = choose_start(snapshot, now=NOW)
    told = [any(limit.strength == "directive" and limit.until > NOW for limit in each) for each in limits]
    assert is_successful(answer) == (len(buckets) == 1 or not all(told))
    if is_successful(answer) and len(buckets) > 1:
        assert not told[snapshot.place_of(answer.unwrap().bucket) or 0]


@pytest.mark.parametrize(
    ("fields", "model", "name"),
    [
        ({"model": "opus"}, None, "a"),
        ({"scope": "model"}, None, "a"),
        ({"model": "opus"}, "opus", None),
        ({"scope": "model"}, "haiku", None),
        ({}, None, None),
    ],
)
def test_a_limit_of_some_model_ends_no_request_whose_model_is_unknown(
    fields: dict[str, str], model: str | None, name: str | None
) -> None:
    """It may be for another one."""
    told = hard(9_000.0, **fields)
    assert start(bucket("a", limits=(told,)), bucket("b", limits=(told,)), model=model) == name
