"""What holds of every start: how often beliefs are tested, whose, and how many are believed at once."""

import random
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from returns.pipeline import is_successful
from returns.result import Success

from bucket_failover_core import (
    BucketSnapshot,
    FailoverPolicy,
    FailoverSnapshot,
    Limit,
    Strategy,
    choose_bucket,
    choose_start,
)
from bucket_failover_core.choice import STRATEGIES, begin_with
from bucket_failover_core.facts.limits import counts_for
from bucket_failover_core.facts.tokens import TokenAbsent
from bucket_failover_core.failover import learn_limits
from tests.support.quotas import DRAWS, INTERVAL, KEYS, hard, quota_profiles, soft
from tests.support.worlds import NOW, bucket, named, profile, rebuilt

EACH_STRATEGY = st.sampled_from(STRATEGIES)


# The start once more, so that a reader can see that it is right.


def in_force(each: BucketSnapshot, model: str | None) -> list[Limit]:
    """The limits that bench a request for the model now."""
    return [limit for limit in each.limits if limit.until > NOW and counts_for(limit, model)]


def is_order(limit: Limit, model: str | None) -> bool:
    """The provider's word, or an operator's; of a request whose model is unknown, only one about all models."""
    concerns_all = limit.model is None and limit.scope != "model"
    return limit.source == "operator" or (limit.strength == "directive" and (model is not None or concerns_all))


def obviously_doubted(snapshot: FailoverSnapshot) -> list[BucketSnapshot]:
    """The buckets that nothing rules out but advisory limits."""
    model = snapshot.model
    return [
        each
        for each in snapshot.buckets
        if in_force(each, model)
        and not any(is_order(limit, model) for limit in in_force(each, model))
        and not each.paused
        and not isinstance(each.token, TokenAbsent)
    ]


def end(each: BucketSnapshot, model: str | None) -> float:
    """When it is believed to be usable again."""
    return max(limit.until for limit in in_force(each, model))


def age(each: BucketSnapshot, model: str | None) -> float:
    """For how long no process has heard of its limits; one of unknown age counts as just heard of."""
    heard = [NOW if limit.observed_at is None else limit.observed_at for limit in in_force(each, model)]
    return NOW - max([*heard, each.probed_at] if each.probed_at is not None else heard)


def obvious_start(snapshot: FailoverSnapshot, strategy: Strategy, draw: float) -> tuple[str | None, bool]:
    """The bucket, and whether the request is a canary."""
    plain = choose_bucket(snapshot, now=NOW, strategy=strategy, draw=draw)
    names = [each.name for each in snapshot.buckets]
    doubted = obviously_doubted(snapshot)
    by_end = sorted(doubted, key=lambda each: (end(each, snapshot.model), names.index(each.name)))
    if len(names) == 1:
        return names[0], False
    if not isinstance(plain, Success):
        return (by_end[0].name if by_end else None), False
    pause = INTERVAL + 0.2 * draw * INTERVAL
    rested = all(each.probed_at is None or NOW - each.probed_at >= pause for each in snapshot.buckets)
    by_age = sorted(doubted, key=lambda each: (-age(each, snapshot.model), names.index(each.name)))
    if rested and by_age and age(by_age[0], snapshot.model) >= pause:
        return by_age[0].name, True
    over = [each.name for each in by_end[: max(0, len(doubted) - len(names) // 2)]]
    eased = [each.model_copy(update={"limits": ()}) if each.name in over else each for each in snapshot.buckets]
    return (
        choose_bucket(rebuilt(snapshot, buckets=tuple(eased)), now=NOW, strategy=strategy, draw=draw).unwrap().bucket,
        False,
    )


# The laws.


@settings(max_examples=250)
@given(snapshot=quota_profiles(min_size=2), strategy=EACH_STRATEGY, draw=DRAWS)
def test_the_start_is_the_obvious_one(snapshot: FailoverSnapshot, strategy: Strategy, draw: float) -> None:
    """By a second account of it."""
    result = choose_start(snapshot, now=NOW, strategy=strategy, draw=draw)
    told = (result.unwrap().bucket, result.unwrap().is_probe) if isinstance(result, Success) else (None, False)
    assert told == obvious_start(snapshot, strategy, draw)


@settings(max_examples=150)
@given(snapshot=quota_profiles(min_size=2), strategy=EACH_STRATEGY, key=KEYS, draw=DRAWS)
def test_at_most_half_is_benched_on_beliefs(
    snapshot: FailoverSnapshot, strategy: Strategy, key: str | None, draw: float
) -> None:
    """Of what a request passes over, unless it has nothing sound to begin with, or is a canary."""
    result = choose_start(snapshot, now=NOW, strategy=strategy, session_key=key, draw=draw)
    if isinstance(result, Success) and not result.unwrap().is_probe:
        if not is_successful(choose_bucket(snapshot, now=NOW, strategy=strategy)):
            return
        doubted = {each.name for each in obviously_doubted(snapshot)}
        passed_over = [
            found.bucket
            for found in result.unwrap().findings
            if found.fact == "limit-in-force" and found.bucket in doubted
        ]
        assert len(passed_over) <= len(snapshot.buckets) // 2


@settings(max_examples=150)
@given(snapshot=quota_profiles(), strategy=EACH_STRATEGY, key=KEYS, draw=DRAWS)
def test_without_doubts_it_is_the_choice(
    snapshot: FailoverSnapshot, strategy: Strategy, key: str | None, draw: float
) -> None:
    """The very same answer, or refusal, of several buckets."""
    if len(snapshot.buckets) > 1 and not obviously_doubted(snapshot):
        facts: dict[str, Any] = {"now": NOW, "strategy": strategy, "session_key": key, "draw": draw}
        assert choose_start(snapshot, **facts) == choose_bucket(snapshot, **facts)


@settings(max_examples=150)
@given(snapshot=quota_profiles(), strategy=EACH_STRATEGY, key=KEYS, draw=DRAWS)
def test_begin_with_changes_nothing_but_for_a_reason(
    snapshot: FailoverSnapshot, strategy: Strategy, key: str | None, draw: float
) -> None:
    """Without a canary three strategies leave the very same session; a canary changes its bucket's `probed_at` only."""
    result = choose_start(snapshot, now=NOW, strategy=strategy, session_key=key, draw=draw)
    if not isinstance(result, Success):
        return
    answer = result.unwrap()
    after = begin_with(snapshot, answer, at=NOW, strategy=strategy)
    if answer.is_probe:
        tested = named(snapshot, answer.bucket).model_copy(update={"probed_at": NOW})
        buckets = tuple(tested if each.name == answer.bucket else each for each in snapshot.buckets)
        assert after == rebuilt(snapshot, buckets=buckets)
    elif strategy in {"sticky", "priority", "soonest-reset"}:
        assert after is snapshot


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    strategy=EACH_STRATEGY,
    pace=st.sampled_from((1.0, 17.0, 60.0, 599.0)),
    interval=st.sampled_from((60.0, 600.0)),
)
def test_a_canary_is_sent_at_most_once_per_interval(
    seed: int, strategy: Strategy, pace: float, interval: float
) -> None:
    """Over the whole profile, whatever the draws; each canary finds its limit in force, and reports it afresh."""
    chance = random.Random(seed)  # noqa: S311 - a draw, not a secret
    doubted = (bucket(name, limits=(soft(9e9, observed_at=NOW),)) for name in "ab")
    told = bucket("c", limits=(hard(9e9, observed_at=NOW),))
    word = bucket("d", limits=(hard(9e9, source="operator", observed_at=NOW),))
    paused = bucket("e", limits=(soft(9e9, observed_at=NOW),), paused=True)
    session = rebuilt(
        profile(*doubted, told, word, paused, "f", "g", "h", current="f"),
        policy=FailoverPolicy(probe_interval_seconds=interval),
    )
    canaries: list[tuple[float, str]] = []
    now = NOW
    for _ in range(100):
        now += chance.random() * 2 * pace
        answer = choose_start(session, now=now, strategy=strategy, draw=chance.random()).unwrap()
        session = begin_with(session, answer, at=now, strategy=strategy)
        if answer.is_probe:
            canaries.append((now, answer.bucket))
            if chance.random() < 0.5:  # else its answer said nothing of quota: the provider was overloaded
                session = learn_limits(session, answer.bucket, (soft(9e9, observed_at=now),))
        else:
            assert answer.bucket in "fgh"
    assert all(later - earlier >= interval for (earlier, _), (later, _) in pairwise(canaries))
    assert all(name in "ab" for _, name in canaries)
    assert len(canaries) >= (now - NOW) / (1.2 * interval + 2 * pace) - 1
    if len(canaries) > 1:
        assert {name for _, name in canaries} == {"a", "b"}
