"""What follows from what was said: the limits and the guesses; the rules know no provider."""

import pytest

from bucket_failover_core import Cause, Limit
from bucket_failover_core.answers.conclude import Conclusion
from bucket_failover_core.answers.signals import (
    THIS_REQUEST_ONLY,
    Named,
    Open,
    Reach,
    Signal,
    Wait,
)
from bucket_failover_core.facts.limits import WINDOW_CEILING_SECONDS, Window
from tests.core.answers.answers import (
    DAY,
    HOUR,
    NOW,
    bare,
    judged_by,
    limit,
    spent,
    wished,
)

WINDOWS = list(WINDOW_CEILING_SECONDS)
LONG: list[Window] = ["5h", "day", "week", "month", "balance"]
SHORT: list[Window] = ["minute", "concurrency"]
OVERLOADED = {"error": {"type": "overloaded_error"}}


@pytest.mark.parametrize("status", [500, 503, 529, 408])
def test_the_providers_own_trouble_creates_no_limit(status: int) -> None:
    """Whatever hint comes with it (lesson 7); the wish is told."""
    found = judged_by([spent("5h"), spent("balance", None), Wait(NOW + 20)], status)
    assert (found.limits, found.guess, found.retry_not_before) == ((), (), NOW + 20)
    overload = judged_by([spent("minute")], 429, ("retry-after", "20"), body=OVERLOADED)
    assert (overload.limits, overload.guess, overload.retry_not_before) == ((), (), NOW + 20)


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_wish_on_any_other_status_is_no_limit(status: int) -> None:
    """What is used up is one all the same."""
    found = judged_by([spent("5h", 600), Wait(NOW + 20)], status)
    assert (found.limits, found.retry_not_before) == ((limit(600, "5h", "header", "d"),), NOW + 20)
    assert judged_by([Wait(NOW + 20)], status).limits == ()
    named = judged_by([Named(Cause.QUOTA, "n"), Wait(NOW + 20)], status)
    assert (named.limits, named.guess, named.is_spoken) == ((), (bare(status),), True)


@pytest.mark.parametrize("window", WINDOWS)
def test_each_window_has_a_ceiling(window: Window) -> None:
    """So that a wild number cannot bench a bucket for ever."""
    ceiling = {
        "minute": HOUR,
        "concurrency": HOUR,
        "5h": 6 * HOUR,
        "day": 26 * HOUR,
        "week": 8 * DAY,
        "unknown": 8 * DAY,
    }
    most = ceiling.get(window, 32 * DAY)
    for wait, until in ((most - 1, most - 1), (most, most), (most + 1, most), (1e12, most)):
        (found,) = judged_by([spent(window, wait)]).limits
        assert found.until == NOW + until
    (asked,) = judged_by([spent(window), Wait(NOW + 1e12)]).limits
    assert (asked.until, asked.strength) == (NOW + most, "directive")


@pytest.mark.parametrize(("wait", "is_meant"), [(1.0, False), (300.0, False), (300.5, True), (301.0, True)])
def test_a_short_wait_beside_a_code_for_money_is_the_gateways(wait: float, *, is_meant: bool) -> None:
    """It is neither a wish nor a limit."""
    body = {"error": {"code": "insufficient_quota"}}
    found = judged_by([spent("balance", None, waiting_heals=False), Wait(NOW + wait)], body=body)
    assert found.retry_not_before == (NOW + wait if is_meant else None)
    money = wished(wait, source="body", window="balance") if is_meant else limit(6 * HOUR, "balance", "guess", "d")
    assert found.limits == (money,)


@pytest.mark.parametrize(("wait", "is_meant"), [(1.0, False), (300.0, False), (300.5, True), (301.0, True)])
def test_what_no_wait_heals_is_not_healed_by_a_short_one(wait: float, *, is_meant: bool) -> None:
    """Money that is gone without a known code: the wish is told, and the limit is the money's."""
    found = judged_by([spent("balance", None, waiting_heals=False), Wait(NOW + wait)])
    assert found.retry_not_before == NOW + wait
    money = wished(wait, source="body", window="balance") if is_meant else limit(6 * HOUR, "balance", "guess", "d")
    assert found.limits == (money,)
    beside = judged_by([spent("balance", 7_200.0, waiting_heals=False), spent("minute"), Wait(NOW + 20)])
    assert beside.limits == (limit(7_200, "balance", "header", "d"), limit(60, "minute", "header", "d"))


@pytest.mark.parametrize(
    ("said", "limits"),
    [
        ([spent("5h", 60), spent("5h", 90)], (limit(90, "5h", "header", "d"),)),
        ([spent("5h", 90), spent("5h", 60)], (limit(90, "5h", "header", "d"),)),
        ([spent("5h", 60), spent("5h", 60, "body")], (limit(60, "5h", "header", "d"),)),
        (
            [spent("5h", 60), spent("5h", 60, "body", "directive")],
            (limit(60, "5h", "body", "d", strength="directive"),),
        ),
        (
            [spent("5h", 60, "body", "directive"), spent("5h", 60)],
            (limit(60, "5h", "body", "d", strength="directive"),),
        ),
        ([spent("5h", 60, "body", "directive"), spent("5h", 66)], (limit(66, "5h", "header", "d"),)),
        (
            [spent("5h", 60, "body", "directive"), spent("5h", 65)],
            (limit(65, "5h", "body", "d", strength="directive"),),
        ),
        (
            [spent("5h", 65), spent("5h", 60, "body", "directive")],
            (limit(65, "5h", "body", "d", strength="directive"),),
        ),
        ([spent("5h"), spent("week")], (limit(60, "5h", "header", "d"), limit(60, "week", "header", "d"))),
        (
            [spent("5h"), spent("5h", scope="model")],
            (limit(60, "5h", "header", "d"), limit(60, "5h", "header", "d", scope="model")),
        ),
        (
            [spent("5h", model="m"), spent("5h")],
            (limit(60, "5h", "header", "d", model="m"), limit(60, "5h", "header", "d")),
        ),
        ([spent("5h", 600), Wait(NOW + 500)], (limit(600, "5h", "header", "d"),)),
        ([spent("5h", 500), Wait(NOW + 600)], (wished(600, source="body", window="5h"),)),
        ([spent("5h", 500), Wait(NOW + 500)], (wished(500, source="body", window="5h"),)),
        ([spent("5h", 500, yields=True), Wait(NOW + 400)], (wished(400, source="body", window="5h"),)),
        ([spent("5h", 500, yields=True)], (limit(500, "5h", "header", "d"),)),
        ([spent("5h", 0)], ()),
        ([spent("5h", -1)], ()),
        ([spent("5h", 0), spent("5h", 60)], (limit(60, "5h", "header", "d"),)),
    ],
)
def test_of_two_statements_about_the_same_thing_the_later_counts(said: list[Signal], limits: tuple[Limit, ...]) -> None:
    """Of equal ends the harder, and then the first; a count's refill yields to a wait; what is over is no limit."""
    assert judged_by(said).limits == limits
    assert judged_by(said).guess == (() if limits else (bare(),))


@pytest.mark.parametrize(
    ("said", "subject"),
    [
        ([], ("unknown", "credential", None)),
        ([Reach("organization")], ("unknown", "organization", None)),
        ([Reach("model", "m")], ("unknown", "model", "m")),
        ([Reach("model", "m"), Reach("organization")], ("unknown", "model", "m")),
        ([Reach("organization"), spent("minute", yields=True)], ("minute", "credential", None)),
        ([spent("minute", None), spent("day", None)], ("day", "credential", None)),
        ([spent("day", None), spent("minute", None)], ("day", "credential", None)),
        ([spent("unknown", None), spent("week", None)], ("week", "credential", None)),
        ([spent("week", None), spent("unknown", None)], ("week", "credential", None)),
        ([spent("unknown", None), spent("day", None)], ("unknown", "credential", None)),
        ([spent("week", None, scope="model", model="m"), spent("minute", None)], ("minute", "credential", None)),
        ([spent("minute", None), spent("week", None, scope="model", model="m")], ("minute", "credential", None)),
        ([spent("week", None), spent("minute", None, scope="organization")], ("minute", "organization", None)),
        (
            [spent("week", None, scope="organization"), spent("minute", None, scope="provider")],
            ("minute", "provider", None),
        ),
        ([spent("week", None, scope="request"), spent("minute", None, scope="model")], ("minute", "model", None)),
        ([spent("week", None, scope="model", model="m")], ("week", "model", "m")),
    ],
)
def test_what_a_wish_on_a_refusal_is_about(said: list[Signal], subject: tuple[str, str, str | None]) -> None:
    """The longest used-up window that the answer names, and as wide as the answer says."""
    for status in (429, 402):
        found = judged_by([*said, Wait(NOW + 20)], status).limits
        assert [(told.window, told.scope, told.model) for told in found if told.strength == "directive"] == [subject]
        assert [told.source for told in found] == ["body"]


@pytest.mark.parametrize(
    ("said", "limits"),
    [
        *(([spent(window, None)], (limit(600, window, "guess", "d"),)) for window in LONG[:4]),
        ([spent("balance", None)], (limit(6 * HOUR, "balance", "guess", "d"),)),
        ([spent("balance", None, guess_seconds=DAY)], (limit(DAY, "balance", "guess", "d"),)),
        *(([spent(window, None)], (limit(60, window, "guess", "d"),)) for window in (*SHORT, "unknown")),
        ([spent("5h", None), spent("week", None)], (limit(600, "5h", "guess", "d"), limit(600, "week", "guess", "d"))),
        ([spent("minute", None), spent("5h", None)], (limit(600, "5h", "guess", "d"),)),
        ([spent("minute", None), spent("5h", 60)], (limit(60, "5h", "header", "d"),)),
        ([spent("minute", None), spent("concurrency", None)], (limit(60, "minute", "guess", "d"),)),
        ([spent("unknown", None), spent("minute", None)], (limit(60, "unknown", "guess", "d"),)),
        (
            [spent("5h", None), spent("minute", 60)],
            (limit(60, "minute", "header", "d"), limit(600, "5h", "guess", "d")),
        ),
        ([spent("5h", None), spent("5h", 60)], (limit(60, "5h", "header", "d"),)),
        ([spent("5h", None, strength="directive")], (limit(600, "5h", "guess", "d"),)),
        ([spent("5h", None), Wait(NOW + 20)], (wished(20, source="body", window="5h"),)),
    ],
)
def test_what_is_guessed(said: list[Signal], limits: tuple[Limit, ...]) -> None:
    """A long window 10 minutes, money 6 hours, anything else a minute, and that only if nothing else is known."""
    found = judged_by(said)
    assert (found.limits, found.guess) == (limits, ())


@pytest.mark.parametrize(
    ("said", "limits"),
    [
        ([spent("5h", None)], (limit(600, "5h", "guess", "d"),)),
        ([spent("balance", None)], (limit(6 * HOUR, "balance", "guess", "d"),)),
        ([spent("minute", None)], ()),
        ([spent("unknown", None)], ()),
        ([spent("5h"), spent("minute", None)], (limit(60, "5h", "header", "d"),)),
        ([spent("5h", yields=True)], (limit(60, "5h", "header", "d"),)),
        ([spent("5h", -1)], ()),
        ([Open("5h"), Named(Cause.QUOTA, "n"), Wait(NOW + 20)], ()),
        ([], ()),
    ],
)
def test_a_success_carries_limits_too(said: list[Signal], limits: tuple[Limit, ...]) -> None:
    """But no cause, no wish, and no guess about a short window."""
    assert judged_by(said, 200, ("retry-after", "20")) == Conclusion(None, limits)


def test_a_bare_refusal_concerns_whom_the_answer_concerns() -> None:
    """But one that concerns this request alone benches no bucket."""
    assert judged_by([Reach("organization")]).guess == (bare(scope="organization"),)
    assert judged_by([Reach("model", "m")]).guess == (bare(scope="model", model="m"),)
    assert judged_by([THIS_REQUEST_ONLY]) == Conclusion(Cause.THROTTLED, detail="HTTP 429")
    assert judged_by([THIS_REQUEST_ONLY, spent("5h")]).limits == (limit(60, "5h", "header", "d"),)
    assert judged_by([THIS_REQUEST_ONLY, Wait(NOW + 20)]).limits == (wished(20, source="body"),)
    assert judged_by([], 403).guess == ()
