"""Beliefs that may be wrong: at most half of a profile is benched on them, and now and then a request tests one."""

from typing import Any

import pytest

from bucket_failover_core import (
    FailoverPolicy,
    Limit,
    Strategy,
    TokenAbsent,
    TokenCorrupt,
    UseBucket,
    choose_bucket,
    choose_start,
)
from bucket_failover_core.choice import begin_with
from tests.support.beliefs import LONG_AGO, NOW, doubted, start, young
from tests.support.playbook import stay, use
from tests.support.quotas import hard, soft
from tests.support.worlds import bucket, named, profile, rebuilt


class TestProbe:
    """One request of real traffic tests an advisory limit before its end."""

    PAIR = profile(doubted("a"), "b", current="b")

    @pytest.mark.parametrize(
        ("now", "draw", "is_due"),
        [
            (NOW - 1, 0.0, False),
            (NOW, 0.0, True),
            (NOW, 0.01, False),
            (NOW + 59.0, 0.5, False),
            (NOW + 60.0, 0.5, True),
            (NOW + 119.0, 0.999, False),
            (NOW + 120.0, 0.999, True),
        ],
    )
    def test_it_is_due_after_the_interval_and_up_to_a_fifth_of_it(self, now: float, draw: float, is_due: bool) -> None:  # noqa: FBT001 - a column
        """600 s after the limit was observed, and 720 s at the latest, by draw."""
        answer = start(self.PAIR, now=now, draw=draw)
        told = use("a", b="not-read", a="probe-due") if is_due else stay("b", b="not-read")
        assert (answer, answer.is_probe) == (told, is_due)

    def test_the_policy_says_how_often(self) -> None:
        """Every second, if it likes."""
        eager = rebuilt(profile(doubted("a", observed_at=NOW - 1), "b", current="b"))
        assert not start(eager).is_probe
        assert start(rebuilt(eager, policy=FailoverPolicy(probe_interval_seconds=1.0))).is_probe

    @pytest.mark.parametrize(("probed_at", "is_due"), [(NOW - 599.0, False), (NOW - 600.0, True), (NOW + 5.0, False)])
    @pytest.mark.parametrize("name", ["a", "b", "c"])
    def test_one_bucket_at_a_time(self, name: str, probed_at: float, is_due: bool) -> None:  # noqa: FBT001 - a column
        """The interval is that of the whole profile; a clock that was set back delays, and breaks nothing."""
        trio = profile(doubted("a", observed_at=0.0), "b", "c", current="b")
        buckets = tuple(
            each.model_copy(update={"probed_at": probed_at if each.name == name else None}) for each in trio.buckets
        )
        assert start(rebuilt(trio, buckets=buckets)).is_probe is is_due

    def test_of_several_the_one_that_was_heard_of_least_recently(self) -> None:
        """Of its limits the newest counts, and so does the last probe; of equals the first."""
        two_limits = bucket("a", limits=(soft(99_000.0, observed_at=0.0), soft(99_000.0, observed_at=NOW - 700)))
        five = [
            two_limits,
            doubted("b", observed_at=NOW - 800),
            doubted("c", observed_at=NOW - 800),
            doubted("d", observed_at=0.0, probed_at=NOW - 650),
        ]
        sound = [bucket(name) for name in "efgh"]
        assert start(profile(*five, *sound, current="e")).bucket == "b"
        assert start(profile(five[0], five[3], *sound, current="e")).bucket == "a"
        assert start(profile(five[3], *sound, current="e")).bucket == "d"

    def test_a_limit_of_unknown_age_is_as_if_just_heard_of(self) -> None:
        """It is tested no sooner than its end."""
        assert not start(profile(doubted("a", observed_at=None), "b", current="b"), now=90_000.0).is_probe

    @pytest.mark.parametrize(
        "facts",
        [
            {"limits": (hard(99_000.0, observed_at=LONG_AGO),)},
            {"limits": (soft(99_000.0, observed_at=LONG_AGO), hard(NOW + 1, observed_at=LONG_AGO))},
            {"limits": (soft(99_000.0, observed_at=LONG_AGO, source="operator", strength="directive"),)},
            {"limits": (soft(99_000.0, observed_at=LONG_AGO),), "paused": True},
            {"limits": (soft(99_000.0, observed_at=LONG_AGO, scope="request"),)},
            {"limits": (soft(NOW, observed_at=0.0),)},
        ],
    )
    def test_what_is_not_tested(self, facts: dict[str, Any]) -> None:
        """The provider's word, an operator's word; a bucket that is paused; one that nothing benches."""
        assert start(profile(bucket("a", **facts), "b", current="b")) == stay("b", b="not-read")

    def test_an_operators_word_is_an_order_however_it_is_marked(self) -> None:
        """`strength` is advisory unless said otherwise; an operator has said so outright (contract, *Limits*)."""
        word = Limit(until=99_000.0, window="unknown", source="operator", observed_at=LONG_AGO)
        assert start(profile(bucket("a", limits=(word,)), "b", current="b")) == stay("b", b="not-read")

    @pytest.mark.parametrize("token", [TokenAbsent(), TokenCorrupt()])
    def test_a_bucket_without_a_token_has_nothing_to_test_with(self, token: Any) -> None:
        """The call could not be made."""
        pair = profile(doubted("a", token=token), "b", current="b")
        assert start(pair) == stay("b", b="not-read")

    @pytest.mark.parametrize(("model", "is_due"), [("opus", False), ("haiku", True), (None, False)])
    def test_a_directive_about_a_model_is_certain_only_for_that_model(self, model: str | None, is_due: bool) -> None:  # noqa: FBT001 - a column
        """Another model's request is benched by the other limit; for an unknown one both count."""
        told = (hard(99_000.0, model="opus", observed_at=LONG_AGO), soft(99_000.0, observed_at=LONG_AGO))
        assert start(profile(bucket("a", limits=told), "b", current="b", model=model)).is_probe is is_due

    def test_its_findings_are_those_of_the_choice_that_it_replaces(self) -> None:
        """Each bucket once, and its own last; the via is its own."""
        trio = profile(doubted("a", renewed_by="refresh"), bucket("b", paused=True), "c", current="b")
        assert start(trio, strategy="priority") == use("a", "refresh", b="paused", c="not-read", a="probe-due")
        here = profile(doubted("a"), "b", current="a")
        assert start(here) == use("a", switched=False, b="not-read", a="probe-due")

    @pytest.mark.parametrize("strategy", ["sticky", "priority", "round-robin", "soonest-reset", "least-used"])
    def test_whatever_the_strategy_and_the_conversation(self, strategy: Strategy) -> None:
        """Each strategy has beliefs; a conversation is never a canary."""
        assert start(self.PAIR, strategy=strategy).is_probe
        assert not start(self.PAIR, strategy=strategy, session_key="a conversation").is_probe

    def test_a_limit_of_another_model_has_no_age(self) -> None:
        """Only of what benches this request does it matter when it was heard of; and who is the oldest."""
        other = soft(99_000.0, model="opus", observed_at=NOW - 1)
        one = bucket("a", limits=(soft(99_000.0, observed_at=NOW - 700), other))
        two = bucket("b", limits=(soft(99_000.0, observed_at=NOW - 650),))
        sound = [bucket(name) for name in "cd"]
        assert start(profile(one, *sound, current="c", model="haiku")).bucket == "a"
        assert start(profile(one, two, *sound, current="c", model="haiku")).bucket == "a"
        assert start(profile(one, two, *sound, current="c", model="opus")).bucket == "b"
        assert not start(profile(one, *sound, current="c")).is_probe

    def test_a_clock_that_steps_back_delays(self) -> None:
        """What was observed in the future is not due before the interval after it."""
        ahead = profile(doubted("a", observed_at=NOW + 100), "b", current="b")
        assert not start(ahead, now=NOW + 699).is_probe
        assert start(ahead, now=NOW + 700).is_probe


class TestLastResort:
    """Nothing is believed usable."""

    def test_a_bucket_without_a_token_is_not_it(self) -> None:
        """There is nothing to call with: the other one is tried, though its limit ends later."""
        pair = profile(young("a", NOW + 5).model_copy(update={"token": TokenAbsent()}), young("b", NOW + 9))
        assert start(pair).bucket == "b"

    def test_it_is_no_canary(self) -> None:
        """There is no paced interval to wait for, and nothing for the session to remember."""
        pair = profile(young("a", NOW + 9), young("b", NOW + 5))
        answer = start(pair)
        assert (answer.bucket, answer.switched, answer.is_probe) == ("b", True, False)
        assert begin_with(pair, answer, at=NOW, strategy="sticky") is pair

    @pytest.mark.parametrize("draw", [0.0, 0.999])
    def test_an_operators_word_ends_a_request_too(self, draw: float) -> None:
        """It is directive, however it is marked."""
        word = Limit(until=99_000.0, window="unknown", source="operator", observed_at=LONG_AGO)
        pair = profile(bucket("a", limits=(word,)), bucket("b", limits=(word,)))
        told = choose_start(pair, now=NOW, draw=draw).failure()
        assert told.retry_at == 99_000.0

    def test_the_moment_is_told(self) -> None:
        """Directive limits on all of them: the earliest end."""
        pair = profile(bucket("a", limits=(hard(NOW + 9),)), bucket("b", limits=(hard(NOW + 5),)))
        assert choose_start(pair, now=NOW) == choose_bucket(pair, now=NOW)
        assert choose_start(pair, now=NOW).failure().retry_at == NOW + 5
        assert choose_start(pair, now=NOW + 5).unwrap().bucket == "b"


@pytest.mark.requirement("REQ-1598-BWC01")
@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"limits": (soft(99_000.0),)},
        {"limits": (hard(99_000.0),)},
        {"limits": (soft(99_000.0, source="operator"),)},
        {"limits": (hard(99_000.0),), "paused": True},
        {"paused": True},
    ],
)
def test_with_a_single_bucket_the_call_is_always_made(facts: dict[str, Any]) -> None:
    """Whatever is believed of it; there is no other bucket, and it is the session's."""
    answer = start(profile(bucket("a", **facts)))
    assert (answer.bucket, answer.switched, answer.is_probe) == ("a", False, False)


class TestBeginWith:
    """What the beginning of a request changes in the session."""

    TRIO = profile(doubted("a"), "b", "c", current="b")

    @pytest.mark.parametrize("strategy", ["sticky", "priority", "soonest-reset"])
    def test_the_session_stays_with_its_bucket(self, strategy: Strategy) -> None:
        """The same object: a request that starts elsewhere makes a detour."""
        for chosen in ("b", "c"):
            answer = UseBucket(bucket=chosen, switched=chosen != "b", via="token")
            assert begin_with(self.TRIO, answer, at=NOW, strategy=strategy) is self.TRIO

    def test_round_robin_moves_on(self) -> None:
        """So that the next request has the next bucket."""
        session, served = self.TRIO, ""
        for second in range(4):
            answer = start(session, now=LONG_AGO + second, strategy="round-robin")
            session = begin_with(session, answer, at=NOW, strategy="round-robin")
            served += answer.bucket
            assert session == rebuilt(self.TRIO, current=answer.bucket)
        assert served == "cbcb"

    def test_least_used_counts(self) -> None:
        """Each call, of its bucket alone."""
        session = self.TRIO
        for name, calls in (("b", (0, 1, 0)), ("c", (0, 1, 1)), ("b", (0, 2, 1))):
            answer = start(session, now=LONG_AGO, strategy="least-used")
            assert answer.bucket == name
            session = begin_with(session, answer, at=NOW, strategy="least-used")
            assert tuple(each.calls for each in session.buckets) == calls
        assert session.current == "b"

    @pytest.mark.parametrize("strategy", ["sticky", "priority", "round-robin", "soonest-reset", "least-used"])
    def test_a_canary_is_remembered(self, strategy: Strategy) -> None:
        """So that there is no second one; the session does not move on for it."""
        answer = start(self.TRIO, strategy=strategy)
        assert answer.is_probe
        session = begin_with(self.TRIO, answer, at=NOW + 0.5, strategy=strategy)
        assert (named(session, "a").probed_at, session.current) == (NOW + 0.5, "b")
        assert not start(session, now=NOW + 600.0, strategy=strategy).is_probe
        assert start(session, now=NOW + 600.5, strategy=strategy).is_probe

    def test_an_answer_without_findings_is_no_canary(self) -> None:
        """Nor one with a finding about it that is not its last."""
        bare = UseBucket(bucket="b", switched=False, via="token", findings=())
        assert begin_with(self.TRIO, bare, at=NOW, strategy="sticky") is self.TRIO
        earlier = use("b", a="probe-due", b="not-read")
        assert begin_with(self.TRIO, earlier, at=NOW, strategy="sticky") is self.TRIO

    @pytest.mark.parametrize(
        ("strategy", "fact"), [("sticky", "probe-due"), ("least-used", "not-read"), ("round-robin", "not-read")]
    )
    def test_a_stranger_is_a_mistake(self, strategy: Strategy, fact: Any) -> None:
        """The profile has no such bucket."""
        with pytest.raises(ValueError, match="'zed' is not a bucket of 'anthropic'"):
            begin_with(self.TRIO, use("zed", zed=fact), at=NOW, strategy=strategy)


@pytest.mark.parametrize(
    ("facts", "message"), [({"now": float("nan")}, "now"), ({"draw": 1.0}, "draw"), ({"strategy": "x"}, "strategy")]
)
def test_mistakes(facts: dict[str, Any], message: str) -> None:
    """As of `choose_bucket`."""
    with pytest.raises(ValueError, match=f"^{message}: "):
        start(profile("a"), **facts)


def test_an_empty_profile_has_nothing_to_start_with() -> None:
    """And no reasons."""
    assert choose_start(profile(), now=NOW) == choose_bucket(profile(), now=NOW)
