"""decide_poll and note_poll: a table per rule."""

from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from returns.methods import unwrap_or_failure

from bucket_failover_core.oauth import (
    DeviceCode,
    DeviceCodeExpired,
    DeviceDeclined,
    DeviceFailed,
    DevicePending,
    DevicePoll,
    DeviceRefused,
    PollAt,
    PollNow,
    decide_poll,
)
from bucket_failover_core.oauth.device import note_poll
from bucket_failover_core.value import Value

ISSUED = 1_000.0
END = ISSUED + 900.0


def waiting(**fields: Any) -> DevicePoll:
    """A login elsewhere whose code has just come, with an interval of 5 s, unless said otherwise."""
    return DevicePoll.model_validate({"issued_at": ISSUED, "expires_at": END, "interval_seconds": 5.0} | fields)


def decide(now: float, **fields: Any) -> PollNow | PollAt | DeviceCodeExpired:
    """What to do at `now`."""
    return unwrap_or_failure(decide_poll(waiting(**fields), now=now))


@pytest.mark.parametrize(
    ("now", "decision"),
    [
        (ISSUED, PollAt(at=1_005.0)),
        (1_004.9, PollAt(at=1_005.0)),
        (1_005.0, PollNow()),
        (1_005.1, PollNow()),
    ],
)
def test_the_first_question_comes_an_interval_after_the_code(now: float, decision: object) -> None:
    """No user has logged in any faster."""
    assert decide(now) == decision


@pytest.mark.parametrize(
    ("slow_downs", "now", "decision"),
    [
        (0, 1_100.0, PollAt(at=1_105.0)),
        (0, 1_104.9, PollAt(at=1_105.0)),
        (0, 1_105.0, PollNow()),
        (1, 1_109.9, PollAt(at=1_110.0)),
        (1, 1_110.0, PollNow()),
        (3, 1_119.9, PollAt(at=1_120.0)),
        (3, 1_120.0, PollNow()),
    ],
)
def test_each_slow_down_makes_the_interval_five_seconds_longer(slow_downs: int, now: float, decision: object) -> None:
    """For this question and all that follow (RFC 8628, 3.5)."""
    assert decide(now, asked_at=1_100.0, slow_downs=slow_downs) == decision


@pytest.mark.parametrize("asked_at", [None, END - 6, END])
@pytest.mark.parametrize("now", [END, END + 1])
def test_from_its_end_on_a_code_is_dead(now: float, asked_at: float | None) -> None:
    """Even if a question is due."""
    assert decide(now, asked_at=asked_at) == DeviceCodeExpired()


def test_no_caller_waits_beyond_the_codes_end() -> None:
    """Up to it the code lives."""
    assert decide(END - 0.1, asked_at=END - 1) == PollAt(at=END)
    assert decide(END - 0.1, asked_at=END - 6) == PollNow()
    assert decide(END - 0.1, asked_at=END - 6, interval_seconds=1e308, slow_downs=9) == PollAt(at=END)


@pytest.mark.parametrize("asked_at", [None, 1_100.0])
def test_a_clock_that_has_stepped_back_delays_nothing(asked_at: float | None) -> None:
    """The last question, or the code, seems to lie in the future: the issuer is asked."""
    latest = asked_at or ISSUED
    assert decide(latest - 0.1, asked_at=asked_at) == PollNow()
    assert decide(latest - 5_000.0, asked_at=asked_at) == PollNow()
    assert decide(latest, asked_at=asked_at) == PollAt(at=latest + 5.0)


def test_an_issuer_that_wants_no_pause_gets_none() -> None:
    """An interval of zero."""
    assert decide(ISSUED, interval_seconds=0.0) == PollNow()


@pytest.mark.parametrize("now", [nan, inf, -inf])
def test_now_is_a_moment(now: float) -> None:
    """Even where the answer would not depend on it."""
    with pytest.raises(ValueError, match="is no moment"):
        decide_poll(waiting(), now=now)


@pytest.mark.parametrize("fields", [{"interval_seconds": -1.0}, {"slow_downs": -1}, {"expires_at": inf}])
def test_what_is_no_pace_is_refused(fields: dict[str, float]) -> None:
    """By the field's name."""
    with pytest.raises(ValidationError, match=next(iter(fields))):
        waiting(**fields)


MOMENTS = st.floats(0, 1e9)


@given(
    asked_at=st.none() | MOMENTS,
    interval=st.floats(0, 60),
    slow_downs=st.integers(0, 100),
    now=MOMENTS,
    expires_at=MOMENTS,
)
def test_no_wait_is_longer_than_an_interval_or_reaches_beyond_the_end(
    asked_at: float | None, interval: float, slow_downs: int, now: float, expires_at: float
) -> None:
    """Whatever the clock did; and who comes back at the moment that was said does not wait again."""
    fields: dict[str, Any] = {"asked_at": asked_at, "interval_seconds": interval, "slow_downs": slow_downs}
    decision = decide(now, expires_at=expires_at, **fields)
    if isinstance(decision, PollAt):
        assert now < decision.at <= expires_at
        assert decision.at - now <= (interval + 5 * slow_downs) * (1 + 1e-6) + 1e-6
        assert not isinstance(decide(decision.at, expires_at=expires_at, **fields), PollAt)
    assert isinstance(decision, DeviceCodeExpired) == (now >= expires_at)


EXAMPLES: list[Value] = [
    waiting(asked_at=1_005.0, slow_downs=2),
    PollNow(),
    PollAt(at=1.5),
    DeviceCodeExpired(),
    DeviceCode(user_code="AB-CD", verification_uri="https://issuer.example", expires_at=END, interval_seconds=5.0),
    DeviceRefused(detail="x"),
    DevicePending(slow_down=True),
    DeviceDeclined(),
    DeviceFailed(detail="expired"),
]


@pytest.mark.parametrize("value", EXAMPLES, ids=lambda value: type(value).__name__)
def test_a_trip_through_json_changes_nothing(value: Value) -> None:
    """Each is frozen and strict about names."""
    assert type(value).model_validate_json(value.model_dump_json()) == value
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        type(value).model_validate({**value.model_dump(), "surprise": 1})


@pytest.mark.parametrize(
    ("answer", "slow_downs"), [(None, 2), (DevicePending(), 1), (DevicePending(slow_down=True), 2)]
)
def test_an_answer_that_ends_nothing_sets_the_pace(answer: DevicePending | None, slow_downs: int) -> None:
    """An issuer that cannot be reached is asked more slowly, as one that says so itself."""
    known = unwrap_or_failure(note_poll(waiting(slow_downs=1), answer, at=ISSUED + 7.0))
    assert known == waiting(asked_at=ISSUED + 7.0, slow_downs=slow_downs)


@pytest.mark.parametrize("answer", [DeviceDeclined(), DeviceFailed(detail="expired")])
def test_an_answer_that_ends_the_login_is_handed_on(answer: DeviceDeclined | DeviceFailed) -> None:
    """There is nothing to ask any more."""
    assert unwrap_or_failure(note_poll(waiting(), answer, at=ISSUED)) == answer


@pytest.mark.parametrize("at", [nan, inf])
def test_an_answer_comes_at_a_moment(at: float) -> None:
    """As everywhere."""
    with pytest.raises(ValueError, match="now"):
        note_poll(waiting(), None, at=at)
