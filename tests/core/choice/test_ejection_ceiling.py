"""The ejection ceiling: at most half of a profile's buckets are benched on mere belief."""

import pytest

from bucket_failover_core.choice import STRATEGIES
from tests.support.beliefs import NOW, doubted, start, young
from tests.support.playbook import stay, use
from tests.support.quotas import hard, soft
from tests.support.worlds import bucket, profile, rebuilt


class TestCeiling:
    """At most half of a profile is benched on advisory evidence."""

    @pytest.mark.parametrize(
        ("ends", "sound", "called"),
        [
            ((), 3, "s1"),
            ((5,), 3, "s1"),
            ((5,), 1, "s1"),
            ((5,), 2, "s1"),
            ((5, 6), 2, "s1"),
            ((5, 6), 3, "s1"),
            ((5, 6), 1, "d1"),
            ((6, 5), 1, "d2"),
            ((5, 5), 1, "d1"),
            ((5, 6, 7), 2, "d1"),
            ((6, 7, 5), 2, "d3"),
            ((7, 6, 5), 1, "d3"),
            ((8, 7, 6, 5), 1, "d3"),
            ((5, 6, 7), 1, "d1"),
        ],
    )
    def test_those_over_it_whose_limits_end_first_count_as_usable(
        self, ends: tuple[int, ...], sound: int, called: str
    ) -> None:
        """In the order of the strategy, here the profile's, with the sound ones at its end."""
        doubts = [young(f"d{place}", NOW + end) for place, end in enumerate(ends, 1)]
        snapshot = profile(*doubts, *(f"s{place}" for place in range(1, sound + 1)))
        answer = start(snapshot, strategy="priority")
        assert answer.bucket == called
        assert not answer.is_probe

    def test_the_session_may_stay(self) -> None:
        """With the default strategy the bucket that counts as usable is not looked for; if used, a finding says so."""
        trio = profile(young("a", NOW + 5), young("b", NOW + 6), "c", current="c")
        assert start(trio) == stay("c", c="not-read")
        assert start(rebuilt(trio, current="a")) == use("a", switched=False, a="over-ceiling")
        assert start(rebuilt(trio, current="b")) == use("a", b=("limit-in-force", "week", NOW + 6), a="over-ceiling")

    def test_what_has_been_said_outright_does_not_count(self) -> None:
        """Neither towards the half, nor as one that could be eased."""
        four = profile(bucket("a", limits=(hard(NOW + 5),)), young("b", NOW + 6), young("c", NOW + 7), "d")
        assert start(four, strategy="priority").bucket == "d"
        five = profile(bucket("a", limits=(hard(NOW + 5),)), *(young(each, NOW + 6) for each in "bcd"), "e")
        assert start(five, strategy="priority").bucket == "b"

    def test_of_several_limits_the_last_end_counts(self) -> None:
        """A bucket is as usable as its longest limit says."""
        both = bucket("a", limits=(soft(NOW + 1, observed_at=NOW), soft(NOW + 9, observed_at=NOW, window="5h")))
        trio = profile(both, young("b", NOW + 5), "c")
        assert start(trio, strategy="priority").bucket == "b"

    def test_a_limit_of_another_model_benches_no_bucket(self) -> None:
        """So it does not count."""
        others = [bucket(each, limits=(soft(NOW + 5, model="opus", observed_at=NOW),)) for each in "ab"]
        assert start(profile(*others, "c", model="haiku"), strategy="priority") == stay("a", a="not-read")

    @pytest.mark.parametrize(("model", "called"), [("haiku", "a"), ("opus", "b"), (None, "b")])
    def test_nor_does_it_count_towards_an_end(self, model: str | None, called: str) -> None:
        """For the ceiling, and for the last resort."""
        short = soft(NOW + 5, observed_at=NOW)
        one = bucket("a", limits=(short, soft(NOW + 50, window="5h", model="opus", observed_at=NOW)))
        trio = profile(one, young("b", NOW + 9), "c", model=model)
        assert start(trio, strategy="priority").bucket == called
        assert start(profile(one, young("b", NOW + 9), model=model)).bucket == called

    def test_the_choice_among_them_is_the_strategys(self) -> None:
        """And the conversation's, and by draw."""
        trio = profile(young("a", NOW + 5), young("b", NOW + 6), "c", current="c")
        assert [start(trio, strategy=each).bucket for each in STRATEGIES] == ["c", "a", "a", "a", "a"]
        found = {start(trio, session_key=f"conversation {number}").bucket for number in range(20)}
        assert found == {"a", "c"}
        ended = bucket("c", limits=(soft(NOW - 1, observed_at=NOW - 2),))
        back = profile(young("a", NOW + 5), young("b", NOW + 6), ended, current="c")
        assert [start(back, draw=draw).bucket for draw in (0.0, 0.5)] == ["c", "a"]

    def test_a_canary_goes_first(self) -> None:
        """It tests one belief; the ceiling would have to trust it."""
        trio = profile(doubted("a", NOW + 50), young("b", NOW + 5), "c", current="c")
        assert start(trio).bucket == "a"
        assert start(trio).is_probe
