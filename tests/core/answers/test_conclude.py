"""What follows from what was said: the cause and the wish; the rules know no provider."""

import pytest

from bucket_failover_core import CallFailure, Cause, Unclassifiable, Verdict, classify_failure, read_limits
from bucket_failover_core.answers.signals import (
    NOTED,
    THIS_REQUEST_ONLY,
    Named,
    Open,
    Reach,
    Signal,
    Unreadable,
    Wait,
)
from bucket_failover_core.facts.limits import Window
from tests.core.answers.answers import (
    DAY,
    NOW,
    answer,
    bare,
    judged_by,
    limit,
    limits_read,
    spent,
    unclassifiable,
    verdict,
    wished,
)

LONG: list[Window] = ["5h", "day", "week", "month", "balance"]
SHORT: list[Window] = ["minute", "concurrency"]
OVERLOADED = {"error": {"type": "overloaded_error"}}


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        *(([spent(window)], Cause.QUOTA) for window in LONG),
        *(([spent(window)], Cause.THROTTLED) for window in SHORT),
        ([spent("unknown")], Cause.QUOTA),
        ([spent("minute"), spent("unknown")], Cause.QUOTA),
        ([spent("minute"), spent("concurrency")], Cause.THROTTLED),
        ([spent("minute"), spent("5h")], Cause.QUOTA),
        ([spent("minute"), Open("5h")], Cause.THROTTLED),
        ([spent("5h"), Open("unknown")], Cause.QUOTA),
        ([Open("5h")], Cause.THROTTLED),
        ([Open("unknown"), NOTED], Cause.THROTTLED),
        ([THIS_REQUEST_ONLY], Cause.THROTTLED),
        ([NOTED], Cause.QUOTA),
        ([Unreadable("x")], Cause.QUOTA),
        ([Reach("organization")], Cause.QUOTA),
        ([], Cause.QUOTA),
        ([Wait(NOW + 300)], Cause.THROTTLED),
        ([Wait(NOW + 300.5)], Cause.QUOTA),
        ([Wait(NOW)], Cause.QUOTA),
        ([Wait(NOW - 1)], Cause.QUOTA),
        ([spent("minute"), Wait(NOW + 301)], Cause.QUOTA),
        ([spent("unknown"), Wait(NOW + 1)], Cause.QUOTA),
        ([Named(Cause.THROTTLED, "n")], Cause.THROTTLED),
        ([Named(Cause.THROTTLED, "n"), spent("unknown")], Cause.THROTTLED),
        ([Named(Cause.THROTTLED, "n"), spent("5h")], Cause.QUOTA),
        ([Named(Cause.THROTTLED, "n"), Wait(NOW + 301)], Cause.QUOTA),
        ([Named(Cause.QUOTA, "n"), spent("minute")], Cause.QUOTA),
        ([Named(Cause.FORBIDDEN, "n"), Named(Cause.QUOTA, "m")], Cause.FORBIDDEN),
    ],
)
def test_what_a_429_was(said: list[Signal], cause: Cause) -> None:
    """`quota` for a long window or a wait over 300 s; `throttled` if all that is named is shorter, or open."""
    assert judged_by(said).cause is cause
    named = next((each.cause for each in said if isinstance(each, Named)), Cause.QUOTA)
    assert judged_by(said, 402).cause is named


@pytest.mark.parametrize(
    ("seconds", "cause"),
    [
        ("1", Cause.THROTTLED),
        ("300", Cause.THROTTLED),
        ("300.001", Cause.QUOTA),
        ("301", Cause.QUOTA),
        ("0", Cause.QUOTA),
    ],
)
def test_three_hundred_seconds_are_the_boundary(seconds: str, cause: Cause) -> None:
    """A wait of nothing is nothing to go by (lesson 6); a 402 is always quota."""
    assert verdict(429, ("retry-after", seconds)).cause is cause
    assert verdict(402, ("retry-after", seconds)).cause is Cause.QUOTA


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        (400, Cause.CLIENT_ERROR),
        (401, Cause.UNAUTHENTICATED),
        (402, Cause.QUOTA),
        (403, Cause.FORBIDDEN),
        (404, Cause.CLIENT_ERROR),
        (408, Cause.TIMEOUT),
        (428, Cause.CLIENT_ERROR),
        (429, Cause.QUOTA),
        (430, Cause.CLIENT_ERROR),
        (499, Cause.CLIENT_ERROR),
        (500, Cause.SERVER_ERROR),
        (528, Cause.SERVER_ERROR),
        (529, Cause.OVERLOADED),
        (599, Cause.SERVER_ERROR),
    ],
)
def test_with_nothing_to_go_by_the_status_decides(status: int, cause: Cause) -> None:
    """And a bare refusal is guessed to last a minute, which no answer has said."""
    limits = (bare(status),) if cause is Cause.QUOTA else ()
    assert verdict(status) == Verdict(cause=cause, limits=limits, detail=f"HTTP {status}")
    assert limits_read(status) == ()


@pytest.mark.parametrize("status", [100, 199, 200, 204, 299, 300, 304, 399, 600, 999])
def test_what_is_no_failure_cannot_be_classified(status: int) -> None:
    """It says so; not even a wait makes it one."""
    assert unclassifiable(status) == f"status {status} is no failure"
    assert unclassifiable(status, ("retry-after", "20"), body="words") == f"status {status} is no failure"
    assert limits_read(status, ("retry-after", "20")) == ()


@pytest.mark.parametrize(
    ("body", "cause", "detail"),
    [
        (None, None, "neither a status nor an error"),
        ("words", None, "no status, and a body that says nothing known"),
        ("", None, "no status, and a body that says nothing known"),
        ({"code": "strange"}, None, "no status, and a body that says nothing known"),
        (OVERLOADED, Cause.OVERLOADED, "error event, overloaded_error"),
        ({"type": "error", "error": {"type": "strange"}}, Cause.SERVER_ERROR, "error event"),
        ({"error": {"type": "authentication_error"}}, Cause.UNAUTHENTICATED, "error event"),
        ({"code": 404}, Cause.CLIENT_ERROR, "error event"),
    ],
)
def test_without_a_status_the_body_decides(body: object, cause: Cause | None, detail: str) -> None:
    """If it says nothing known, the core cannot say what it was."""
    classified = classify_failure(answer(None, body=body), now=NOW)
    if cause is None:
        assert classified.failure() == Unclassifiable(detail=detail)
    else:
        assert classified.unwrap() == Verdict(cause=cause, detail=detail)


def test_a_refusal_without_a_status_is_one_still() -> None:
    """With a wait it is a limit, and with nothing a guess."""
    body = {"error": {"type": "rate_limit_exceeded", "message": "m"}}
    found = verdict(None, ("retry-after", "20"), body=body)
    assert (found.cause, found.limits) == (Cause.THROTTLED, (wished(20.0),))
    assert found.limits[0].detail == "HTTP 429, retry-after"
    guess = limit(60, "unknown", "guess", "error event, with no end given")
    assert verdict(None, body=body).limits == (guess,)
    assert verdict(200, body=body).limits == (guess,)


@pytest.mark.parametrize("kind", ["network", "timeout", "cancelled"])
def test_an_error_kind_beats_a_status(kind: str) -> None:
    """And creates no limit, whatever comes with it."""
    expected = Verdict(cause=Cause(kind), detail=kind)
    assert verdict(None, error_kind=kind) == expected
    assert verdict(429, ("retry-after", "9000"), body=OVERLOADED, error_kind=kind) == expected
    assert limits_read(429, ("retry-after", "9000"), error_kind=kind) == ()
    assert limits_read(429, ("retry-after", "soon"), error_kind=kind) == ()


@pytest.mark.parametrize(
    ("status", "body", "cause"),
    [
        (500, OVERLOADED, Cause.OVERLOADED),
        (599, OVERLOADED, Cause.OVERLOADED),
        (503, {"error": {"code": "server_is_overloaded"}}, Cause.OVERLOADED),
        (503, {"error": {"message": "We are OVERLOADED"}}, Cause.OVERLOADED),
        (503, "The server is currently overloaded", Cause.OVERLOADED),
        (503, "The server is loaded", Cause.SERVER_ERROR),
        (499, OVERLOADED, Cause.OVERLOADED),
        (429, OVERLOADED, Cause.OVERLOADED),
        (429, "overloaded", Cause.OVERLOADED),
        (402, OVERLOADED, Cause.OVERLOADED),
        (400, OVERLOADED, Cause.OVERLOADED),
        (400, {"error": {"message": "the operator is overloaded"}}, Cause.CLIENT_ERROR),
        (503, "<html>overloaded</html>", Cause.SERVER_ERROR),
    ],
)
def test_what_an_overload_is(status: int, body: object, cause: Cause | None) -> None:
    """Whatever the status, in its name or its words; words that may be about content do not count on a 400."""
    classified = classify_failure(answer(status, body=body, dialect="generic"), now=NOW)
    assert classified.map(lambda found: found.cause).value_or(None) is cause


def test_an_overload_is_the_providers_own_trouble() -> None:
    """Neither a used-up window, nor a long wait, nor a name of the dialect's own makes it the account's."""
    stories: list[list[Signal]] = [[spent("5h")], [Wait(NOW + 301)], [spent("minute")], [Named(Cause.THROTTLED, "n")]]
    for said in stories:
        for status in (429, 503):
            found = judged_by(said, status, body=OVERLOADED)
            assert (found.cause, found.limits, found.guess) == (Cause.OVERLOADED, (), ())


@pytest.mark.parametrize(
    ("wait", "wish"),
    [(0.001, 0.001), (32 * DAY - 1, 32 * DAY - 1), (32 * DAY, 32 * DAY), (32 * DAY + 1, 32 * DAY), (1e12, 32 * DAY)],
)
def test_a_wish_is_cut_at_thirty_two_days(wait: float, wish: float) -> None:
    """On every status; None if it is not after now."""
    for status in (429, 402, 503, 404):
        assert judged_by([Wait(NOW + wait)], status).retry_not_before == NOW + wish
        assert verdict(status, ("retry-after", f"{wait}")).retry_not_before == pytest.approx(NOW + wish, abs=1e-6)
        for past in (0.0, -1.0, -1e12):
            assert judged_by([Wait(NOW + past)], status).retry_not_before is None


@pytest.mark.parametrize(
    ("asked", "field", "words", "wait", "source"),
    [
        ("20", None, None, 20.0, "retry-after"),
        ("20", 30.0, None, 30.0, "body"),
        ("30", 20.0, None, 30.0, "retry-after"),
        ("20", 20.0, None, 20.0, "retry-after"),
        ("20", None, "30s", 20.0, "retry-after"),
        (None, 20.0, "30s", 20.0, "body"),
        (None, None, "30s", 30.0, "body"),
        ("soon", None, "30s", 30.0, "body"),
        ("0", None, "30s", 30.0, "body"),
        ("20", -5.0, None, 20.0, "retry-after"),
        ("0", 20.0, None, 20.0, "body"),
        (None, None, "0s", None, ""),
        ("soon", None, None, None, ""),
    ],
)
def test_of_several_wishes(
    asked: str | None, field: float | None, words: str | None, wait: float | None, source: str
) -> None:
    """The later counts; words are read only where no header and no field gives a wait."""
    headers = () if asked is None else (("retry-after", asked),)
    body = None if words is None else f"Please try again in {words}"
    found = judged_by([] if field is None else [Wait(NOW + field)], 429, *headers, body=body)
    assert found.retry_not_before == (None if wait is None else NOW + wait)
    assert found.limits == (() if wait is None else (wished(wait, source=source),))


def test_of_several_waits_in_the_body_the_latest_counts() -> None:
    """In whatever order they stand."""
    assert judged_by([Wait(NOW + 20), Wait(NOW + 30)]).retry_not_before == NOW + 30
    assert judged_by([Wait(NOW + 30), Wait(NOW + 20)]).retry_not_before == NOW + 30


@pytest.mark.parametrize(
    ("said", "headers", "unreadable"),
    [
        ([], (), ""),
        ([Unreadable("x")], (), "x"),
        ([Unreadable("x"), Unreadable("y")], (), "x"),
        ([Unreadable("x"), NOTED], (), ""),
        ([Open("5h"), Unreadable("x")], (), ""),
        ([Unreadable("x"), spent("5h", -1)], (), ""),
        ([Unreadable("x"), Wait(NOW)], (), ""),
        ([Unreadable("x"), Named(Cause.QUOTA, "n"), Reach("model"), THIS_REQUEST_ONLY], (), "x"),
        ([Unreadable("x")], (("retry-after", "soon"),), "x"),
        ([Unreadable("x")], (("retry-after", "20"),), ""),
        ([], (("retry-after", "soon"),), "retry-after"),
        ([], (("retry-after", "soon"), ("retry-after", "20")), ""),
        ([NOTED], (("retry-after", "soon"),), ""),
        ([], (("retry-after-ms", "soon"), ("retry-after", "20")), ""),
    ],
)
def test_unreadable_is_not_silent(said: list[Signal], headers: tuple[tuple[str, str], ...], unreadable: str) -> None:
    """A field is named if something speaks of limits and none of it can be read."""
    assert judged_by(said, 429, *headers).unreadable == unreadable


@pytest.mark.parametrize("status", [200, 400, 402, 429, 503])
def test_a_count_that_cannot_be_read_is_told_on_every_status(status: int) -> None:
    """The provider's own trouble included."""
    assert judged_by([Unreadable("x")], status).unreadable == "x"
    assert judged_by([Unreadable("x"), NOTED], status).unreadable == ""


def test_what_cannot_be_read_spoils_nothing_that_can() -> None:
    """A wait in a header, a field or in words is read, whatever stands beside it (contract, Limits)."""
    broken = ("anthropic-ratelimit-requests-reset", "soon")
    assert limits_read(429, broken, ("retry-after", "20")) == (wished(20.0),)
    assert limits_read(429, broken, body={"error": {"message": "Try again in 20s"}}) == (wished(20.0, source="body"),)
    assert limits_read(402, broken, ("retry-after", "20")) == (wished(20.0, 402),)


@pytest.mark.parametrize(
    ("status", "told"),
    [(429, "retry-after cannot be read"), (402, "retry-after cannot be read"), (503, ()), (403, ()), (200, ())],
)
def test_only_a_refusals_wait_speaks_of_limits(status: int, told: object) -> None:
    """On any other status it is a wish, and no limit."""
    assert limits_read(status, ("retry-after", "soon")) == told
    assert limits_read(status, ("retry-after", " ")) == ()


@pytest.mark.parametrize(
    ("said", "status", "detail", "is_spoken"),
    [
        ([], 429, "HTTP 429", False),
        ([Named(Cause.QUOTA, "n")], 429, "HTTP 429, n", True),
        ([Named(Cause.THROTTLED, "n")], 429, "HTTP 429, n", True),
        ([Named(Cause.FORBIDDEN, "n"), Named(Cause.QUOTA, "m")], 403, "HTTP 403, n", False),
        ([], 503, "HTTP 503", False),
    ],
)
def test_the_detail_is_in_words_of_our_own(said: list[Signal], status: int, detail: str, *, is_spoken: bool) -> None:
    """Where it was said, and what the error names."""
    found = judged_by(said, status, body="try again in 5s, sk-SECRET")
    assert (found.detail, found.is_spoken) == (detail, is_spoken)


@pytest.mark.parametrize("now", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_moment_is_refused(now: float) -> None:
    """By both questions."""
    with pytest.raises(ValueError, match="no moment"):
        classify_failure(CallFailure(status=429), now=now)
    with pytest.raises(ValueError, match="no moment"):
        read_limits(CallFailure(status=429), now=now)
