"""Limits: laws."""

from hypothesis import given
from hypothesis import strategies as st

from bucket_failover_core import Limit
from bucket_failover_core.facts.limits import counts_for, limit_in_force, merge_limits

MOMENTS = st.integers(0, 20).map(float)
LIMITS = st.builds(
    Limit,
    until=MOMENTS,
    window=st.sampled_from(["5h", "week"]),
    source=st.just("header"),
    scope=st.sampled_from(["request", "model", "credential", "organization"]),
    strength=st.sampled_from(["directive", "advisory"]),
    model=st.sampled_from([None, "opus", "haiku"]),
    observed_at=st.none() | MOMENTS,
)
SEVERAL = st.lists(LIMITS, max_size=6).map(tuple)
MODELS = st.sampled_from([None, "opus", "haiku"])


@given(limits=SEVERAL, now=MOMENTS, model=MODELS)
def test_the_limit_told_is_the_latest_of_those_in_force(
    limits: tuple[Limit, ...], now: float, model: str | None
) -> None:
    """By the dumb way: filter, then take the maximum."""
    in_force = [limit for limit in limits if now < limit.until and counts_for(limit, model)]
    told = limit_in_force(limits, now=now, model=model)
    assert (told is None) == (not in_force)
    if told is not None:
        assert told.until == max(limit.until for limit in in_force)
        assert told is next(limit for limit in in_force if limit.until == told.until)


@given(held=SEVERAL, fresh=SEVERAL)
def test_merging_again_changes_nothing(held: tuple[Limit, ...], fresh: tuple[Limit, ...]) -> None:
    """What was learned once is not learned twice."""
    merged = merge_limits(merge_limits((), held), fresh)
    assert set(merge_limits(merged, merged[-1:])) == set(merged)


@given(held=SEVERAL, fresh=SEVERAL)
def test_nothing_is_invented_and_the_number_is_bounded(held: tuple[Limit, ...], fresh: tuple[Limit, ...]) -> None:
    """Every limit came from somewhere; each thing has at most one limit of each strength."""
    merged = merge_limits(merge_limits((), held), fresh)
    assert set(merged) <= {*held, *fresh}
    subjects = [(limit.window, limit.scope, limit.model, limit.strength) for limit in merged]
    assert len(subjects) == len(set(subjects))


@given(held=SEVERAL, fresh=LIMITS)
def test_soft_evidence_never_replaces_hard_evidence(held: tuple[Limit, ...], fresh: Limit) -> None:
    """Whenever it was observed (lesson 8)."""
    before = merge_limits((), held)
    after = merge_limits(before, (fresh,))
    if fresh.strength == "advisory":
        assert {limit for limit in before if limit.strength == "directive"} <= set(after)


@given(held=SEVERAL, fresh=SEVERAL, until=MOMENTS, observed_at=st.none() | MOMENTS)
def test_no_answer_lifts_an_operators_word(
    held: tuple[Limit, ...], fresh: tuple[Limit, ...], until: float, observed_at: float | None
) -> None:
    """And what the answers say is the same with it and without it."""
    word = Limit(until=until, window="5h", source="operator", strength="directive", observed_at=observed_at)
    merged = merge_limits(merge_limits(merge_limits((), held), (word,)), fresh)
    assert word in merged
    assert tuple(limit for limit in merged if limit != word) == merge_limits(merge_limits((), held), fresh)
