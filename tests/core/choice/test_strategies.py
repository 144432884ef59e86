"""The order in which buckets are considered: a table per strategy, and the stories that each is for."""

from typing import Any

import pytest

from bucket_failover_core import (
    BucketSnapshot,
    FailoverPolicy,
    FailoverSnapshot,
    Limit,
    Strategy,
    choose_bucket,
)
from bucket_failover_core.choice import STRATEGIES
from bucket_failover_core.choice.strategies import in_order, is_settling
from bucket_failover_core.facts import WindowReading
from bucket_failover_core.facts.snapshots import current_bucket
from tests.support.quotas import hard, soft
from tests.support.worlds import NOW, bucket, profile, rebuilt


def order(snapshot: FailoverSnapshot, strategy: Strategy, *, key: str | None = None, now: float = NOW) -> str:
    """The names, in the order in which they are considered."""
    current = current_bucket(snapshot)
    assert current is not None
    found = in_order(snapshot, current, now=now, strategy=strategy, session_key=key)
    return " ".join(each.name for each in found)


def name(snapshot: FailoverSnapshot, strategy: Strategy, *, now: float = NOW, **facts: Any) -> str:
    """The bucket chosen."""
    return choose_bucket(snapshot, now=now, strategy=strategy, **facts).unwrap().bucket


def week(resets_at: float | None = None, used: float | None = None, **fields: Any) -> WindowReading:
    """A reading of the week."""
    return WindowReading.model_validate({"window": "week", "used": used, "resets_at": resets_at} | fields)


def five_hours(resets_at: float | None = None, used: float | None = None) -> WindowReading:
    """A reading of the five hours."""
    return week(resets_at, used, window="5h")


@pytest.mark.parametrize(
    ("strategy", "current", "names"),
    [
        ("sticky", None, "a b c"),
        ("sticky", "a", "a b c"),
        ("sticky", "b", "b a c"),
        ("sticky", "c", "c a b"),
        ("priority", None, "a b c"),
        ("priority", "c", "a b c"),
        ("round-robin", None, "b c a"),
        ("round-robin", "a", "b c a"),
        ("round-robin", "b", "c a b"),
        ("round-robin", "c", "a b c"),
        ("soonest-reset", "c", "a b c"),
        ("least-used", "c", "a b c"),
    ],
)
def test_where_each_begins(strategy: Strategy, current: str | None, names: str) -> None:
    """With the session's bucket, the first, the next; where nothing is known, in profile order."""
    assert order(profile("a", "b", "c", current=current), strategy) == names


def test_sticky_is_the_default() -> None:
    """Prompt caches stay warm."""
    pair = profile("a", "b", current="b")
    assert choose_bucket(pair, now=NOW) == choose_bucket(pair, now=NOW, strategy="sticky")
    assert STRATEGIES == ("sticky", "priority", "round-robin", "soonest-reset", "least-used")


@pytest.mark.parametrize("strategy", ["", "random", "Sticky"])
def test_there_is_no_other_strategy(strategy: Any) -> None:
    """The message names the field, the value, and what there is."""
    with pytest.raises(ValueError, match=f"^strategy: '{strategy}' is none of sticky, priority, .*, least-used$"):
        choose_bucket(profile("a"), now=NOW, strategy=strategy)


@pytest.mark.parametrize("draw", [-0.1, 1.0, float("nan")])
def test_a_draw_is_in_its_bounds(draw: float) -> None:
    """From 0, and below 1."""
    with pytest.raises(ValueError, match=r"^draw: .* is not in \[0, 1\)$"):
        choose_bucket(profile("a"), now=NOW, draw=draw)


class TestSoonestReset:
    """Use up what expires first."""

    @pytest.mark.parametrize(
        ("one", "two", "names"),
        [
            ((week(3_000.0),), (week(2_000.0),), "b a c"),
            ((week(2_000.0),), (week(3_000.0),), "a b c"),
            ((week(2_000.0),), (week(2_000.0),), "a b c"),
            ((), (week(9e9),), "b a c"),
            ((week(None),), (week(9e9),), "b a c"),
            ((week(NOW - 1),), (week(9e9),), "b a c"),
            ((week(NOW),), (week(9e9),), "b a c"),
            ((week(NOW + 0.5),), (week(NOW + 1),), "a b c"),
            ((week(5_000.0), five_hours(1_500.0)), (week(2_000.0), five_hours(1_600.0)), "a b c"),
            ((week(5_000.0), five_hours(NOW)), (week(2_000.0),), "b a c"),
        ],
    )
    def test_the_window_that_begins_anew_first(
        self, one: tuple[WindowReading, ...], two: tuple[WindowReading, ...], names: str
    ) -> None:
        """The earliest of a bucket's windows counts, if it is still to come; an unknown one comes last."""
        trio = profile(bucket("a", readings=one), bucket("b", readings=two), "c", current="c")
        assert order(trio, "soonest-reset") == names

    @pytest.mark.parametrize(
        ("limit", "names"),
        [
            (soft(1_500.0, model="opus"), "b a"),
            (soft(2_500.0, model="opus"), "a b"),
            (soft(NOW, model="opus"), "a b"),
            (soft(NOW + 1, model="opus"), "b a"),
            (soft(1_500.0, scope="request"), "b a"),
            (soft(1_500.0), "a b"),
            (soft(1_500.0, model="haiku"), "a b"),
        ],
    )
    def test_a_limit_of_another_model_tells_when_its_window_begins_anew(self, limit: Limit, names: str) -> None:
        """One that benches this very request tells nothing of a bucket that is chosen."""
        pair = profile(bucket("a", readings=(week(2_000.0),)), bucket("b", limits=(limit,)), model="haiku")
        assert order(pair, "soonest-reset") == names


class TestLeastUsed:
    """The emptiest, and then the one with the fewest calls."""

    @pytest.mark.parametrize(
        ("one", "two", "names"),
        [
            ((week(used=0.5),), (week(used=0.4),), "c b a"),
            ((week(used=0.4),), (week(used=0.5),), "c a b"),
            ((week(used=0.5), five_hours(used=0.1)), (week(used=0.2), five_hours(used=0.4)), "c b a"),
            ((week(used=0.0),), (week(used=None),), "a b c"),
            ((week(NOW, used=0.9),), (week(NOW + 1, used=0.9),), "a c b"),
            ((week(NOW - 1, used=0.9),), (week(None, used=0.9),), "a c b"),
        ],
    )
    def test_the_fullest_window_counts(
        self, one: tuple[WindowReading, ...], two: tuple[WindowReading, ...], names: str
    ) -> None:
        """One that has begun anew since does not, and one that the provider says nothing of is empty."""
        trio = profile(bucket("a", readings=one), bucket("b", readings=two), "c", current="b")
        assert order(trio, "least-used") == names

    @pytest.mark.parametrize(("calls", "names"), [((2, 1, 0), "c b a"), ((1, 1, 1), "a b c"), ((1, 0, 1), "b a c")])
    def test_then_the_calls(self, calls: tuple[int, ...], names: str) -> None:
        """And then the profile's order."""
        trio = profile(*(bucket(each, calls=count) for each, count in zip("abc", calls, strict=True)), current="c")
        assert order(trio, "least-used") == names

    def test_readings_come_before_calls(self) -> None:
        """What the provider counts is better than what we do."""
        pair = profile(bucket("a", calls=0, readings=(week(used=0.1),)), bucket("b", calls=9))
        assert order(pair, "least-used") == "b a"


class TestPriority:
    """Back to the first as soon as it is usable, without ping-pong."""

    BURST = soft(1_060.0, window="minute", observed_at=1_000.0)

    @pytest.mark.parametrize(
        ("now", "chosen"),
        [(1_000.0, "b"), (1_059.0, "b"), (1_060.0, "b"), (1_299.9, "b"), (1_300.0, "a"), (9_000.0, "a")],
    )
    def test_a_burst_settles_for_five_minutes(self, now: float, chosen: str) -> None:
        """From when it was observed; the session's bucket serves meanwhile."""
        pair = profile(bucket("a", limits=(self.BURST,)), "b", current="b")
        assert name(pair, "priority", now=now) == chosen
        assert name(pair, "priority", now=now, draw=0.9) == chosen

    @pytest.mark.parametrize(
        ("limit", "settles"),
        [
            (BURST, True),
            (soft(1_060.0, window="concurrency", observed_at=1_000.0), True),
            (soft(1_060.0, window="unknown", observed_at=1_000.0), True),
            (hard(1_060.0, window="minute", observed_at=1_000.0), True),
            (soft(1_060.0, window="5h", observed_at=1_000.0), False),
            (soft(1_060.0, window="minute", observed_at=None), False),
            (soft(1_060.0, window="minute", observed_at=760.0), False),
            (soft(1_060.0, window="minute", observed_at=760.5), True),
            (soft(1_060.1, window="minute", observed_at=1_000.0), False),
            (soft(1_060.0, window="minute", observed_at=1_000.0, model="haiku"), True),
            (soft(1_060.0, window="minute", observed_at=1_000.0, model="opus"), False),
        ],
    )
    def test_what_settles(self, limit: Limit, settles: bool) -> None:  # noqa: FBT001 - a column of the table
        """A burst limit that has ended, was observed less than 300 s ago, and counts for the request."""
        assert is_settling(bucket("a", limits=(limit,)), now=1_060.0, model="haiku") is settles
        assert is_settling(bucket("a", limits=(soft(0.0), limit)), now=1_060.0, model="haiku") is settles

    @pytest.mark.parametrize(("model", "chosen"), [("opus", "b"), (None, "b"), ("haiku", "a")])
    def test_a_burst_of_another_models_requests_is_theirs(self, model: str | None, chosen: str) -> None:
        """It is nothing that this one would have to wait for."""
        burst = soft(NOW - 40, window="minute", model="opus", observed_at=NOW - 100)
        assert name(profile(bucket("a", limits=(burst,)), "b", current="b", model=model), "priority") == chosen

    def test_a_long_window_that_has_ended_is_gone_back_to_at_once(self) -> None:
        """It ends rarely, and not in a burst."""
        pair = profile(bucket("a", limits=(soft(1_060.0, observed_at=1_000.0),)), "b", current="b")
        assert [name(pair, "priority", now=now) for now in (1_059.0, 1_060.0)] == ["b", "a"]

    def test_no_bucket_settles_while_none_else_is_usable(self) -> None:
        """And the session's own never does: leaving it would be the ping-pong."""
        settling = bucket("a", limits=(self.BURST,))
        alone = profile(settling, bucket("b", paused=True), current="b")
        assert name(alone, "priority", now=1_060.0) == "a"
        own = profile(settling, "b", current="a")
        assert name(own, "priority", now=1_060.0) == "a"

    @pytest.mark.parametrize("strategy", [each for each in STRATEGIES if each != "priority"])
    def test_it_is_the_only_one_that_waits_for_it(self, strategy: Strategy) -> None:
        """The others have no first bucket to come back to."""
        pair = profile(bucket("a", limits=(self.BURST,)), bucket("b", calls=1, readings=(week(used=0.1),)), current="b")
        expected = {"sticky": "b", "round-robin": "a", "soonest-reset": "a", "least-used": "a"}
        assert name(pair, strategy, now=1_060.0) == expected[strategy]

    def test_the_findings_tell_of_the_bucket_that_was_left_alone(self) -> None:
        """Nothing rules it out; it stands before the one that was chosen."""
        pair = profile(bucket("a", limits=(self.BURST,)), "b", current="b")
        answer = choose_bucket(pair, now=1_100.0, strategy="priority").unwrap()
        assert [(found.bucket, found.fact) for found in answer.findings] == [("a", "not-read"), ("b", "not-read")]
        assert not answer.switched

    def test_a_bursty_minute_costs_one_switch_and_not_ten(self) -> None:
        """Each call with the first bucket in this quarter of an hour runs into its burst limit again."""
        session, switches = profile("a", "b"), []
        for now in range(1_000, 1_900):
            chosen = name(session, "priority", now=float(now))
            if chosen == "a":
                burst = soft(now + 20.0, window="minute", observed_at=float(now))
                session = rebuilt(session, buckets=(bucket("a", limits=(burst,)), bucket("b")), current="b")
                switches.append(now)
        assert switches == [1_000, 1_300, 1_600]


class TestSpread:
    """A bucket whose limit has just ended is come back to bit by bit."""

    @pytest.mark.parametrize(
        ("now", "draw", "chosen"),
        [
            (1_999.0, 0.0, "b"),
            (2_000.0, 0.0, "a"),
            (2_000.0, 0.1, "b"),
            (2_002.9, 0.1, "b"),
            (2_003.0, 0.1, "a"),
            (2_014.9, 0.5, "b"),
            (2_015.0, 0.5, "a"),
            (2_029.0, 0.999, "b"),
            (2_030.0, 0.999, "a"),
        ],
    )
    @pytest.mark.parametrize("strategy", ["sticky", "priority"])
    def test_by_draw(self, now: float, draw: float, chosen: str, strategy: Strategy) -> None:
        """`draw` times thirty seconds after the end, half-open."""
        pair = profile(bucket("a", limits=(hard(2_000.0),)), "b", current="a")
        assert name(pair, strategy, now=now, draw=draw) == chosen

    def test_the_policy_says_for_how_long(self) -> None:
        """Zero is: not at all."""
        pair = profile(bucket("a", limits=(hard(2_000.0),)), "b", current="a")
        for seconds, chosen in ((0.0, "a"), (100.0, "b")):
            policy = FailoverPolicy(spread_seconds=seconds)
            assert name(rebuilt(pair, policy=policy), "sticky", now=2_049.0, draw=0.5) == chosen

    def test_of_several_that_have_just_ended_the_first_is_used(self) -> None:
        """No request waits; the findings of the others stand before its own."""
        ended: dict[str, Any] = {"limits": (hard(NOW),)}
        trio = profile(bucket("a", paused=True), bucket("b", **ended), bucket("c", **ended), current="a")
        answer = choose_bucket(trio, now=NOW, draw=0.5).unwrap()
        assert (answer.bucket, answer.switched) == ("b", True)
        assert [found.bucket for found in answer.findings] == ["a", "c", "b"]

    @pytest.mark.parametrize(("model", "chosen"), [("opus", "b"), ("haiku", "a"), (None, "b")])
    def test_a_limit_of_another_model_has_not_benched_this_request(self, model: str | None, chosen: str) -> None:
        """So no request for this model has waited for its end."""
        pair = profile(bucket("a", limits=(hard(NOW, model="opus"),)), "b", model=model)
        assert name(pair, "sticky", draw=0.5) == chosen


FIXED: dict[str, str] = {
    "": "default spare vybestack claudius",
    "a": "default vybestack claudius spare",
    "b": "claudius default spare vybestack",
    "c": "spare default claudius vybestack",
    "conversation 1": "vybestack spare default claudius",
    "conversation 2": "vybestack spare default claudius",
    "ü": "vybestack claudius default spare",
    "\udc80": "spare default claudius vybestack",
}
"""By session key: the order of the four buckets below."""


class TestSessionKey:
    """A conversation stays with one bucket; every process finds the same one without asking another process."""

    FOUR = profile("default", "claudius", "vybestack", "spare")

    def test_every_version_finds_the_same_one(self) -> None:
        """These are fixed for good: programs of several versions share the buckets."""
        assert {key: order(self.FOUR, "sticky", key=key) for key in FIXED} == FIXED

    @pytest.mark.parametrize("strategy", STRATEGIES)
    def test_it_decides_instead_of_the_strategy(self, strategy: Strategy) -> None:
        """And whatever the session's bucket is."""
        for current in (None, "default", "claudius", "vybestack", "spare"):
            here = rebuilt(self.FOUR, current=current)
            assert order(here, strategy, key="a") == FIXED["a"]

    def test_an_unusable_bucket_lends_its_conversations_to_the_next(self) -> None:
        """And gets them back."""
        first, second = FIXED["a"].split()[:2]
        spent = tuple(
            bucket(each.name, limits=(hard(2_000.0),)) if each.name == first else each for each in self.FOUR.buckets
        )
        lent = rebuilt(self.FOUR, buckets=spent)
        assert [name(lent, "sticky", session_key="a", now=now) for now in (1_999.0, 2_000.0)] == [second, first]

    def test_a_pinned_conversation_does_not_wait_for_a_burst_to_settle(self) -> None:
        """It is pinned until the bucket is unusable; the strategy, and its five minutes, are not asked."""
        first = FIXED["a"].split()[0]
        burst = soft(NOW - 1, window="minute", observed_at=NOW - 60)
        buckets = tuple(
            bucket(each.name, limits=(burst,)) if each.name == first else each for each in self.FOUR.buckets
        )
        for current in FIXED["a"].split():
            snapshot = rebuilt(self.FOUR, buckets=buckets, current=current)
            assert name(snapshot, "priority", session_key="a") == first

    def test_where_the_key_ends_matters(self) -> None:
        """`a` with the bucket `bc` is another pair than `ab` with `c`."""
        orders = {
            order(profile(BucketSnapshot(name=tail), "other"), "sticky", key=head)
            for head, tail in (("a", "b" * 9), ("ab", "b" * 8), ("abb", "b" * 7), ("abbb", "b" * 6))
        }
        assert {each.split()[0] == "other" for each in orders} == {True, False}
