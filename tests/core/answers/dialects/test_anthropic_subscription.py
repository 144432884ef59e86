"""Anthropic with a subscription: windows of five hours and seven days, each with a status of its own."""

from functools import partial

import pytest

from bucket_failover_core import Cause, Limit
from tests.core.answers.answers import DAY, HOUR, NOW, Pairs, bare, limit, limits_read, verdict, wished

DIALECT = "anthropic-subscription"
judged = partial(verdict, dialect=DIALECT)
read = partial(limits_read, dialect=DIALECT)


def unified(**fields: str) -> Pairs:
    """Headers like `unified-5h-status`, of names like `w5h_status`; the aggregate's are `status` and `reset`."""
    pairs = ((*name.removeprefix("w").rpartition("_"), value) for name, value in fields.items())
    return tuple(
        (f"Anthropic-Ratelimit-Unified-{f'{window}-' if window else ''}{field}", value)
        for window, _, field, value in pairs
    )


def at(wait: float) -> str:
    """A moment in epoch seconds."""
    return f"{NOW + wait:.0f}"


def said(wait: float, window: str, strength: str = "directive", **fields: object) -> Limit:
    """A limit of a window, by the headers."""
    return limit(wait, window, "header", f"{window} window", strength=strength, **fields)


@pytest.mark.parametrize(
    ("pairs", "limits"),
    [
        (unified(w5h_status="rejected", w5h_reset=at(60)), (said(60, "5h"),)),
        (unified(w7d_status="rejected", w7d_reset=at(DAY)), (said(DAY, "week"),)),
        (unified(w5h_status="REJECTED", w5h_reset=at(60)), (said(60, "5h"),)),
        (unified(w5h_status="strange", w5h_reset=at(60)), (said(60, "5h"),)),
        (unified(w5h_status="rejected", w5h_reset=at(7 * HOUR)), (said(6 * HOUR, "5h"),)),
        (
            unified(w5h_status="rejected", w5h_reset=at(60), w7d_status="rejected", w7d_reset=at(DAY)),
            (said(60, "5h"), said(DAY, "week")),
        ),
        (unified(w5h_status="rejected", w5h_reset=at(60), w7d_status="allowed", w7d_reset=at(DAY)), (said(60, "5h"),)),
        (unified(w5h_status="allowed_warning", w7d_status="rejected", w7d_reset=at(60)), (said(60, "week"),)),
        (unified(w5h_utilization="1.01", w5h_reset=at(60)), (said(60, "5h", "advisory"),)),
        (unified(w5h_utilization="1", w5h_reset=at(60)), (said(60, "5h", "advisory"),)),
        (unified(w5h_status="rejected", w5h_utilization="0.5", w5h_reset=at(60)), (said(60, "5h"),)),
        # Two that contradict each other: the later, the harder, the fuller.
        ((*unified(w5h_status="rejected", w5h_reset=at(60)), *unified(w5h_reset=at(50))), (said(60, "5h"),)),
        ((*unified(w5h_status="rejected", w5h_reset=at(60)), *unified(w5h_status="allowed")), (said(60, "5h"),)),
        ((*unified(w5h_status="allowed"), *unified(w5h_status="rejected", w5h_reset=at(60))), (said(60, "5h"),)),
        (
            (*unified(w5h_utilization="1", w5h_reset=at(60)), *unified(w5h_utilization="0.5")),
            (said(60, "5h", "advisory"),),
        ),
        # The aggregate's reset counts only where no rejected window has its own, and unless it is an allowed one's.
        (unified(status="rejected", reset=at(90), w5h_status="rejected", w5h_reset=at(60)), (said(60, "5h"),)),
        (unified(status="rejected", reset=at(90), w5h_status="rejected"), (said(90, "5h"),)),
        (unified(status="rejected", reset=at(90), w5h_status="rejected", w5h_reset="x"), (said(90, "5h"),)),
        (
            unified(status="rejected", reset=at(90), w5h_status="rejected", w7d_status="rejected", w7d_reset=at(DAY)),
            (said(DAY, "week"), limit(600, "5h", "guess", "5h window")),
        ),
        (
            unified(status="rejected", reset=at(90), w5h_status="rejected", w7d_status="allowed", w7d_reset=at(90)),
            (limit(600, "5h", "guess", "5h window"),),
        ),
        # A used-up window without a readable end.
        (unified(w5h_status="rejected"), (limit(600, "5h", "guess", "5h window"),)),
        (unified(w5h_status="rejected", w5h_reset="soon"), (limit(600, "5h", "guess", "5h window"),)),
        (unified(w5h_status="rejected", w5h_reset="0"), (limit(600, "5h", "guess", "5h window"),)),
        (unified(w5h_status="rejected", w5h_reset=""), (limit(600, "5h", "guess", "5h window"),)),
        # A rejected aggregate without any rejected window is a used-up `unknown` window.
        (
            unified(status="rejected", reset=at(60)),
            (limit(60, "unknown", "header", "unified-status: rejected", strength="directive"),),
        ),
        (
            unified(status="rejected", reset=at(60), w5h_status="allowed", w5h_utilization="0.3"),
            (limit(60, "unknown", "header", "unified-status: rejected", strength="directive"),),
        ),
        (unified(status="rejected"), (limit(60, "unknown", "guess", "unified-status: rejected"),)),
        (
            unified(status="strange", reset=at(60)),
            (limit(60, "unknown", "header", "unified-status: rejected", strength="directive"),),
        ),
    ],
)
def test_a_refusal_by_windows_is_quota(pairs: Pairs, limits: tuple[Limit, ...]) -> None:
    """Each rejected window is a limit of its own; anything but an allowed status is a rejected one."""
    found = judged(429, *pairs)
    assert (found.cause, found.limits, found.retry_not_before, found.detail) == (Cause.QUOTA, limits, None, "HTTP 429")
    assert read(429, *pairs) == limits


@pytest.mark.parametrize(
    ("name", "window"),
    [
        ("1h", "5h"),
        ("5h", "5h"),
        ("6h", "day"),
        ("24h", "day"),
        ("1d", "day"),
        ("25h", "week"),
        ("2d", "week"),
        ("7d", "week"),
        ("168h", "week"),
        ("169h", "month"),
        ("8d", "month"),
        ("31d", "month"),
        ("744h", "month"),
        ("745h", "unknown"),
        ("32d", "unknown"),
        ("999d", "unknown"),
    ],
)
def test_a_window_is_known_by_its_length(name: str, window: str) -> None:
    """In hours or days; the shortest that has room for it."""
    start = f"anthropic-ratelimit-unified-{name}"
    assert read(429, (f"{start}-status", "rejected"), (f"{start}-reset", at(60))) == (said(60, window),)


@pytest.mark.parametrize("name", ["1000h", "5m", "h", "five_hour", "5h_", "5h_" + "x" * 41, "5h-oi", "5H"])
def test_what_is_no_window_is_passed_over(name: str) -> None:
    """Case aside, for header names have none; any suffix of up to forty letters is a model's."""
    start = f"anthropic-ratelimit-unified-{name}"
    expected = (said(60, "5h"),) if name == "5H" else ()
    assert read(429, (f"{start}-status", "rejected"), (f"{start}-reset", at(60))) == expected
    assert read(200, ("anthropic-ratelimit-unified-fallback", "x"), ("anthropic-ratelimit-unified-5h-x", "x")) == ()
    assert judged(429, (f"{start}-x", "y")).cause is Cause.QUOTA  # it speaks of limits all the same


@pytest.mark.parametrize("model", [None, "opus"])
def test_a_window_with_a_suffix_is_about_a_model(model: str | None) -> None:
    """Where only such are rejected, so are the aggregate and the wait; else these are about the credential."""
    rejected = unified(w7d_oi_status="rejected", w7d_oi_reset=at(DAY))
    of_model = said(DAY, "week", scope="model", model=model)
    assert read(429, *rejected, model=model) == (of_model,)
    aggregate = unified(status="rejected", reset=at(DAY))
    assert read(429, *rejected, *aggregate, model=model) == (of_model,)
    asked = wished(2 * DAY, window="week", scope="model", model=model)
    assert read(429, *rejected, *aggregate, ("retry-after", f"{2 * DAY:.0f}"), model=model) == (asked,)
    assert read(429, *rejected, ("retry-after", "20"), model=model) == (of_model,)
    both = (*rejected, *unified(w5h_status="rejected", w5h_reset=at(60)))
    assert read(429, *both, model=model) == (of_model, said(60, "5h"))
    wide = wished(7_200.0, window="5h")
    assert read(429, *both, ("retry-after", "7200"), model=model) == (of_model, wide)
    over = unified(w7d_oi_status="rejected", w7d_oi_reset=at(0))
    assert judged(429, *over, model=model).limits == (bare(scope="model", model=model),)
    long_suffix = f"anthropic-ratelimit-unified-7d_{'x' * 40}-status"
    assert judged(429, (long_suffix, "rejected"), model=model).limits[0].scope == "model"


@pytest.mark.parametrize(
    ("pairs", "cause", "limits"),
    [
        (unified(status="allowed", w5h_status="allowed"), Cause.THROTTLED, (bare(),)),
        (unified(status="allowed_warning"), Cause.THROTTLED, (bare(),)),
        (unified(w5h_status="allowed"), Cause.THROTTLED, (bare(),)),
        (unified(w5h_utilization="0.99"), Cause.THROTTLED, (bare(),)),
        (unified(w5h_status="allowed", w5h_utilization="1.5"), Cause.THROTTLED, (bare(),)),
        (unified(reset=at(60)), Cause.QUOTA, (bare(),)),
        (unified(w5h_reset=at(60)), Cause.QUOTA, (bare(),)),
        (unified(w5h_status="rejected", w5h_reset=at(0)), Cause.QUOTA, (bare(),)),
        ((("retry-after", "20"),), Cause.THROTTLED, (wished(20.0),)),
        ((), Cause.THROTTLED, ()),
    ],
)
def test_a_refusal_without_a_used_up_window(pairs: Pairs, cause: Cause, limits: tuple[Limit, ...]) -> None:
    """It is a burst if every window reported is allowed; a moment alone says nothing of what is used up."""
    found = judged(429, *pairs)
    assert (found.cause, found.limits) == (cause, limits)
    assert read(429, *pairs) == (limits if limits and limits[0].source != "guess" else ())


def test_a_wait_beside_a_rejected_window_is_a_limit_of_that_window() -> None:
    """Of the two the later counts; a window that is really spent may say that a repetition is welcome."""
    rejected = unified(w5h_status="rejected", w5h_reset=at(600))
    found = judged(429, *rejected, ("retry-after", "20"), ("x-should-retry", "true"))
    assert (found.cause, found.limits, found.retry_not_before) == (Cause.QUOTA, (said(600, "5h"),), NOW + 20)
    assert judged(429, *rejected, ("retry-after", "700")).limits == (wished(700.0, window="5h"),)
    assert judged(429, *rejected, ("retry-after", "600")).limits == (said(600, "5h"),)
    spent = unified(w5h_utilization="1", w5h_reset=at(600))
    assert judged(429, *spent, ("retry-after", "600")).limits == (wished(600.0, window="5h"),)


@pytest.mark.parametrize(
    ("pairs", "told"),
    [
        (unified(status="allowed", w5h_status="rejected", w5h_reset=at(60)), ()),
        (unified(status="allowed_warning", w7d_status="rejected", w7d_reset=at(60)), ()),
        (unified(status="ALLOWED", w7d_status="rejected", w7d_reset=at(60)), ()),
        (unified(status="allowed", w5h_utilization="1", w5h_reset=at(60)), ()),
        (unified(w5h_status="rejected", w5h_reset=at(60)), (said(60, "5h"),)),
        (unified(w5h_status="rejected"), (limit(600, "5h", "guess", "5h window"),)),
        (unified(status="rejected", w5h_status="rejected", w5h_reset=at(60)), (said(60, "5h"),)),
        (
            unified(status="rejected", reset=at(60)),
            (limit(60, "unknown", "header", "unified-status: rejected", strength="directive"),),
        ),
        (unified(status="rejected"), ()),
        (unified(status="strange", w5h_status="rejected", w5h_reset=at(60)), (said(60, "5h"),)),
        (unified(w5h_status="strange", w5h_reset=at(60)), ()),
        (unified(w5h_status="strange", w5h_utilization="1", w5h_reset=at(60)), (said(60, "5h", "advisory"),)),
        (unified(w5h_status="strange", w5h_utilization="0.5"), ()),
        (unified(status="strange", reset=at(60)), ()),
        (unified(reset=at(60)), ()),
        (unified(w5h_reset="soon"), "anthropic-ratelimit-unified-5h-reset cannot be read"),
        (unified(w5h_utilization="-1"), "anthropic-ratelimit-unified-5h-utilization cannot be read"),
        (unified(reset="soon", w5h_reset="soon"), "anthropic-ratelimit-unified-reset cannot be read"),
        (unified(w5h_reset="soon", w5h_status="allowed"), ()),
        (unified(w5h_reset="soon", w7d_reset=at(60)), ()),
        (unified(w5h_reset=" "), ()),
        (unified(status="strange", w5h_reset="soon"), ()),
        (unified(reset=at(60), w5h_reset="soon"), ()),
        ((*unified(w5h_status="strange"), *unified(w5h_status="rejected", w5h_reset=at(60))), (said(60, "5h"),)),
        ((*unified(w5h_status="rejected", w5h_reset=at(60)), *unified(w5h_status="strange")), (said(60, "5h"),)),
    ],
)
def test_what_a_success_says(pairs: Pairs, told: object) -> None:
    """Where the aggregate is allowed the user pays for the overage; a status that the core does not know is unknown."""
    assert read(200, *pairs) == told


def test_a_zero_is_a_placeholder_and_no_speech() -> None:
    """A reset of 0 alone says nothing (contract, Limits: a placeholder is no speech)."""
    assert read(200, *unified(w5h_reset="0")) == ()
    assert read(429, *unified(reset="0")) == ()


def test_two_words_of_the_aggregate_count_in_any_order() -> None:
    """The harder counts: a proxy that repeats a header must not decide by the order."""
    rejected = unified(w5h_status="rejected", w5h_reset=at(60))
    words = (unified(status="allowed"), unified(status="rejected"))
    assert read(200, *words[0], *words[1], *rejected) == (said(60, "5h"),)
    assert read(200, *words[1], *words[0], *rejected) == (said(60, "5h"),)


def usage(utilization: object, resets_at: object = "2026-08-12T17:00:00.000000+00:00") -> dict[str, object]:
    """A window as the usage endpoint has it; its reset is in ten minutes."""
    return {"utilization": utilization, "resets_at": resets_at}


def of_usage(wait: float, window: str, percent: str = "100", **fields: object) -> Limit:
    """A limit by the usage endpoint."""
    return limit(wait, window, "usage-api", f"{window} window: {percent} %", **fields)


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"five_hour": usage(100.0)}, (of_usage(600, "5h"),)),
        ({"five_hour": usage(100)}, (of_usage(600, "5h"),)),
        ({"five_hour": usage("100")}, (of_usage(600, "5h"),)),
        ({"five_hour": usage(101.5)}, (of_usage(600, "5h", "101.5"),)),
        ({"five_hour": usage(99.9)}, ()),
        ({"five_hour": usage(1.0)}, ()),
        ({"seven_day": usage(100)}, (of_usage(600, "week"),)),
        ({"seven_day_opus": usage(100)}, (of_usage(600, "week", scope="model", model="opus"),)),
        ({"seven_day_oauth_apps": usage(100)}, (of_usage(600, "week"),)),
        ({"five_hour": usage(100), "seven_day": usage(100)}, (of_usage(600, "5h"), of_usage(600, "week"))),
        ({"five_hour": usage(100, None)}, (limit(600, "5h", "guess", "5h window: 100 %"),)),
        ({"five_hour": usage(100, "soon")}, (limit(600, "5h", "guess", "5h window: 100 %"),)),
        ({"five_hour": usage(100, 1)}, (limit(600, "5h", "guess", "5h window: 100 %"),)),
        ({"five_hour": usage(100, "2026-08-12T16:50:00Z")}, ()),
        ({"five_hour": usage(None)}, ()),
        ({"five_hour": {}}, ()),
        ({"five_hour": None, "seven_day": 7, "extra_usage": usage(100), "six_day_x": usage(100)}, ()),
        ({"five_hour": usage("much")}, "utilization cannot be read"),
        ({"five_hour": usage(True)}, "utilization cannot be read"),  # noqa: FBT003 - a value of JSON
        ({"extra_usage": usage(100), "seven_day": None, "five_hour": usage(100)}, (of_usage(600, "5h"),)),
        ({"five_hour": usage("much"), "seven_day": usage(1)}, ()),
        ({"five_hour": usage("much"), "seven_day": usage(100)}, (of_usage(600, "week"),)),
        ({}, ()),
        ({"x": 1}, ()),
    ],
)
def test_the_usage_endpoint(document: object, told: object) -> None:
    """Percentages, and moments with fractions; advisory, and of the source that it is."""
    assert read(200, body=document) == told


@pytest.mark.parametrize(
    ("asked", "model"),
    [(None, "opus"), ("claude-opus-4-5", "claude-opus-4-5"), ("opus", "opus"), ("claude-haiku", "opus")],
)
def test_a_usage_window_of_a_model(asked: str | None, model: str) -> None:
    """It is the model asked for, if that is of the family, else the family."""
    told = read(200, body={"seven_day_opus": usage(100)}, model=asked)
    assert told == (of_usage(600, "week", scope="model", model=model),)


def test_no_name_of_the_answer_stands_in_a_detail() -> None:
    """A detail is in words of our own; a model's name stands in the model."""
    told = read(200, body={"seven_day_sk-SECRET": usage(100)})
    assert told == (of_usage(600, "week", scope="model", model="sk-SECRET"),)


def test_an_error_is_read_as_with_a_key() -> None:
    """Whatever the headers say besides."""
    body = {"type": "error", "error": {"type": "invalid_request_error", "message": "Your credit balance is too low"}}
    money = limit(6 * HOUR, "balance", "guess", "usage limit or credit balance")
    assert judged(400, body=body).limits == (money,)
    (spend,) = judged(429, body="enforced_spend_limit_reached").limits
    assert (spend.window, spend.until, spend.strength) == ("balance", 1_788_220_800.0, "directive")
    revoked = {"error": {"type": "permission_error", "message": "OAuth token has been revoked"}}
    assert judged(403, *unified(status="allowed"), body=revoked).cause is Cause.UNAUTHENTICATED


def test_a_stream_that_fails_after_an_allowed_beginning() -> None:
    """It is an overload, and no limit."""
    body = 'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'
    found = judged(200, *unified(status="allowed", w5h_status="allowed"), body=body)
    assert (found.cause, found.limits, found.detail) == (Cause.OVERLOADED, (), "error event, overloaded_error")
