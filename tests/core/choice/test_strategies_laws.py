"""What holds of every strategy, and of every choice that it leads to."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from returns.pipeline import is_successful
from returns.result import Success

from bucket_failover_core import BucketSnapshot, FailoverSnapshot, Strategy, choose_bucket, classify_bucket
from bucket_failover_core.choice import STRATEGIES
from bucket_failover_core.choice.strategies import in_order, is_settling
from bucket_failover_core.facts.limits import counts_for
from bucket_failover_core.facts.snapshots import current_bucket
from tests.support.quotas import DRAWS, KEYS, SPREAD, quota_profiles, soft
from tests.support.worlds import NAMES, NOW, bucket, named, profile, rebuilt

EACH_STRATEGY = st.sampled_from(STRATEGIES)


# The strategies once more, so that a reader can see that they are right.


def obvious_order(snapshot: FailoverSnapshot, strategy: Strategy) -> list[str]:
    """Names, by the sentence that describes the strategy."""
    names = [each.name for each in snapshot.buckets]
    session = snapshot.current or names[0]
    if strategy == "sticky":
        return [session, *(each for each in names if each != session)]
    if strategy == "round-robin":
        doubled = [*names, *names]
        start = names.index(session) + 1
        return doubled[start : start + len(names)]
    ranks: dict[Strategy, Callable[[str], tuple[float, ...]]] = {
        "priority": lambda _: (),
        "soonest-reset": lambda each: (obvious_reset(named(snapshot, each), snapshot.model),),
        "least-used": lambda each: (obvious_use(named(snapshot, each)), named(snapshot, each).calls),
    }
    rank = ranks[strategy]
    return [each for _, _, each in sorted((rank(each), place, each) for place, each in enumerate(names))]


def obvious_reset(each: BucketSnapshot, model: str | None) -> float:
    """The next moment at which anything of it begins anew, as far as this request may ask."""
    moments = [reading.resets_at for reading in each.readings if reading.resets_at is not None]
    moments += [limit.until for limit in each.limits if not counts_for(limit, model)]
    return min((moment for moment in moments if moment > NOW), default=float("inf"))


def obvious_use(each: BucketSnapshot) -> float:
    """How full its fullest window is; one that has begun anew since is empty."""
    return max([0.0, *(reading.used or 0.0 for reading in each.readings if (reading.resets_at or 9e9) > NOW)])


def obviously_open(snapshot: FailoverSnapshot) -> list[str]:
    """The names of the buckets that nothing known rules out."""
    return [
        each.name for each in snapshot.buckets if is_successful(classify_bucket(each, now=NOW, model=snapshot.model))
    ]


def obviously_left_alone(snapshot: FailoverSnapshot, name: str, strategy: Strategy, draw: float) -> bool:
    """Its limit has ended less than `draw` times half a minute ago; or it has to settle, by priority."""
    session = snapshot.current or snapshot.buckets[0].name
    for limit in named(snapshot, name).limits:
        if limit.until > NOW or not counts_for(limit, snapshot.model):
            continue
        if NOW - limit.until < draw * SPREAD:
            return True
        young = limit.observed_at is not None and NOW - limit.observed_at < 300
        if strategy == "priority" and name != session and young and limit.window in {"minute", "unknown"}:
            return True
    return False


def obvious_choice(snapshot: FailoverSnapshot, strategy: Strategy, draw: float) -> str | None:
    """The first open bucket of the order that is not left alone, else the first open one, those that settle last."""
    is_open = [each for each in obvious_order(snapshot, strategy) if each in obviously_open(snapshot)]
    ready = [each for each in is_open if not obviously_left_alone(snapshot, each, strategy, draw)]
    by_name = {bucket.name: bucket for bucket in snapshot.buckets}
    calm = [
        each
        for each in is_open
        if strategy != "priority" or not is_settling(by_name[each], now=NOW, model=snapshot.model)
    ]
    return next(iter([*ready, *calm, *is_open]), None)


def names_in_order(snapshot: FailoverSnapshot, strategy: Strategy, key: str | None = None) -> list[str]:
    """The order itself."""
    current = current_bucket(snapshot)
    assert current is not None
    return [each.name for each in in_order(snapshot, current, now=NOW, strategy=strategy, session_key=key)]


# The laws.


@settings(max_examples=150)
@given(snapshot=quota_profiles(), strategy=EACH_STRATEGY)
def test_the_order_is_the_obvious_one(snapshot: FailoverSnapshot, strategy: Strategy) -> None:
    """By a second account of each strategy."""
    assert names_in_order(snapshot, strategy) == obvious_order(snapshot, strategy)


@given(snapshot=quota_profiles(), strategy=EACH_STRATEGY, key=KEYS)
def test_the_order_has_each_bucket_once(snapshot: FailoverSnapshot, strategy: Strategy, key: str | None) -> None:
    """No bucket is forgotten, whatever the strategy and the conversation."""
    assert sorted(names_in_order(snapshot, strategy, key)) == sorted(each.name for each in snapshot.buckets)


@settings(max_examples=250)
@given(snapshot=quota_profiles(), strategy=EACH_STRATEGY, draw=DRAWS)
def test_the_choice_is_the_obvious_one(snapshot: FailoverSnapshot, strategy: Strategy, draw: float) -> None:
    """By a second account of the choice."""
    result = choose_bucket(snapshot, now=NOW, strategy=strategy, draw=draw)
    chosen = result.unwrap().bucket if isinstance(result, Success) else None
    assert chosen == obvious_choice(snapshot, strategy, draw)


@settings(max_examples=150)
@given(snapshot=quota_profiles(), strategy=EACH_STRATEGY, key=KEYS, draw=DRAWS)
def test_there_is_an_answer_if_a_bucket_is_open_and_it_is_open(
    snapshot: FailoverSnapshot, strategy: Strategy, key: str | None, draw: float
) -> None:
    """Never one that is ruled out; and the session's is no switch."""
    result = choose_bucket(snapshot, now=NOW, strategy=strategy, session_key=key, draw=draw)
    usable = obviously_open(snapshot)
    assert is_successful(result) == bool(usable)
    if isinstance(result, Success):
        answer = result.unwrap()
        assert answer.bucket in usable
        assert answer.switched == (answer.bucket != (snapshot.current or snapshot.buckets[0].name))


@settings(max_examples=150)
@given(snapshot=quota_profiles(), strategy=EACH_STRATEGY, key=KEYS, draw=DRAWS)
def test_the_findings_are_those_of_the_search(
    snapshot: FailoverSnapshot, strategy: Strategy, key: str | None, draw: float
) -> None:
    """Each bucket that was looked at once, in the order of the search; the last one is about the one chosen."""
    result = choose_bucket(snapshot, now=NOW, strategy=strategy, session_key=key, draw=draw)
    if not isinstance(result, Success):
        assert [found.bucket for found in result.failure().findings] == [each.name for each in snapshot.buckets]
        return
    answer = result.unwrap()
    looked_at = [found.bucket for found in answer.findings]
    names = names_in_order(snapshot, strategy, key)
    before = names[: names.index(answer.bucket)]
    others = [each for each in names if each != answer.bucket]
    assert looked_at in ([*before, answer.bucket], [*others, answer.bucket])
    usable = obviously_open(snapshot)
    assert all((found.reason is None) == (found.bucket in usable) for found in answer.findings)


@given(snapshot=quota_profiles(), strategy=EACH_STRATEGY, key=KEYS, draw=DRAWS, place=st.integers(0, 4))
def test_the_only_open_bucket_is_the_answer(
    snapshot: FailoverSnapshot, strategy: Strategy, key: str | None, draw: float, place: int
) -> None:
    """Whatever the strategy, the conversation and the draw: no request waits while a bucket is usable."""
    last = snapshot.buckets[place % len(snapshot.buckets)].name
    only = tuple(each if each.name == last else each.model_copy(update={"paused": True}) for each in snapshot.buckets)
    result = choose_bucket(rebuilt(snapshot, buckets=only), now=NOW, strategy=strategy, session_key=key, draw=draw)
    if last in obviously_open(snapshot):
        assert result.unwrap().bucket == last
    else:
        assert not is_successful(result)


@settings(max_examples=150)
@given(snapshot=quota_profiles(), strategy=EACH_STRATEGY, key=KEYS, draws=st.tuples(DRAWS, DRAWS))
def test_chance_matters_only_just_after_a_limits_end(
    snapshot: FailoverSnapshot, strategy: Strategy, key: str | None, draws: tuple[float, float]
) -> None:
    """Less than the policy's `spread_seconds` ago; else every draw gives the same answer."""
    ends = [limit.until for each in snapshot.buckets for limit in each.limits]
    if not any(NOW - SPREAD < until <= NOW for until in ends):
        one, two = (choose_bucket(snapshot, now=NOW, strategy=strategy, session_key=key, draw=draw) for draw in draws)
        assert one == two


@settings(max_examples=150)
@given(snapshot=quota_profiles(), draw=DRAWS)
def test_sticky_asked_again_after_the_switch_answers_the_same(snapshot: FailoverSnapshot, draw: float) -> None:
    """The session stays where it has come to."""
    result = choose_bucket(snapshot, now=NOW, draw=draw)
    if isinstance(result, Success):
        moved = rebuilt(snapshot, current=result.unwrap().bucket)
        again = choose_bucket(moved, now=NOW, draw=draw).unwrap()
        assert (again.bucket, again.switched) == (result.unwrap().bucket, False)


@given(snapshot=quota_profiles())
def test_round_robin_comes_around(snapshot: FailoverSnapshot) -> None:
    """As many requests as there are open buckets, and each has had one."""
    usable = obviously_open(snapshot)
    served = []
    for _ in usable:
        answer = choose_bucket(snapshot, now=NOW, strategy="round-robin").unwrap()
        served.append(answer.bucket)
        snapshot = rebuilt(snapshot, current=answer.bucket)
    assert sorted(served) == sorted(usable)


@settings(max_examples=150)
@given(
    ended=st.floats(1_000.0, 1_299.0),
    now=st.floats(1_000.0, 2_000.0),
    draw=DRAWS,
    window=st.sampled_from(("minute", "concurrency", "unknown")),
)
def test_priority_does_not_ping_pong(ended: float, now: float, draw: float, window: str) -> None:
    """After a burst limit it stays with the session's bucket for 300 s, and then goes back, at the latest by draw."""
    burst = soft(ended, window=window, observed_at=1_000.0)
    trio = profile(bucket("a", limits=(burst,)), "b", "c", current="b")
    chosen = choose_bucket(trio, now=now, strategy="priority", draw=draw).unwrap().bucket
    assert chosen == ("b" if now < max(1_300.0, ended + draw * SPREAD) else "a")


@settings(max_examples=150)
@given(snapshot=quota_profiles(), strategies=st.tuples(EACH_STRATEGY, EACH_STRATEGY), data=st.data(), draw=DRAWS)
def test_a_conversation_finds_its_bucket_from_everywhere(
    snapshot: FailoverSnapshot, strategies: tuple[Strategy, Strategy], data: st.DataObject, draw: float
) -> None:
    """Whatever the session's bucket is, and whatever the strategy would have said."""
    currents = st.sampled_from([None, *(each.name for each in snapshot.buckets)])
    answers = [
        choose_bucket(
            rebuilt(snapshot, current=data.draw(currents)), now=NOW, strategy=each, session_key="it", draw=draw
        )
        for each in strategies
    ]
    one, two = (answer.unwrap().bucket if isinstance(answer, Success) else None for answer in answers)
    assert one == two


@given(keys=st.lists(st.text(), max_size=30), names=st.permutations(NAMES), gone=st.sampled_from(NAMES))
def test_a_bucket_that_goes_takes_only_its_own_conversations_with_it(
    keys: list[str], names: list[str], gone: str
) -> None:
    """And whatever the order of the profile is."""
    whole, rest = profile(*names), profile(*(name for name in NAMES if name != gone))
    for key in keys:
        before = choose_bucket(whole, now=NOW, session_key=key).unwrap().bucket
        after = choose_bucket(rest, now=NOW, session_key=key).unwrap().bucket
        assert before in {after, gone}


@pytest.mark.parametrize("form", ["{}", "conversation {}", "00000000-0000-4000-8000-{:012}"])
def test_conversations_are_spread_evenly(form: str) -> None:
    """A thousand keys over four buckets: each has between 200 and 300."""
    four = profile("default", "claudius", "vybestack", "spare")
    counts = dict.fromkeys((each.name for each in four.buckets), 0)
    for number in range(1_000):
        counts[choose_bucket(four, now=NOW, session_key=form.format(number)).unwrap().bucket] += 1
    assert all(200 <= count <= 300 for count in counts.values()), counts
