"""Codex: two windows, told apart by their length and never by their name."""

from functools import partial

import pytest

from bucket_failover_core import Cause, Limit
from tests.core.answers.answers import DAY, HOUR, NOW, Pairs, bare, limit, limits_read, verdict, wished

DIALECT = "codex"
judged = partial(verdict, dialect=DIALECT)
read = partial(limits_read, dialect=DIALECT)

REACHED = {"error": {"type": "usage_limit_reached", "message": "The usage limit has been reached"}}


def window(name: str = "primary", **fields: object) -> Pairs:
    """The headers of a window, of names like `used_percent`."""
    return tuple((f"X-Codex-{name}-{field.replace('_', '-')}", str(value)) for field, value in fields.items())


def full(minutes: object = 300, name: str = "primary", **fields: object) -> Pairs:
    """A window at 100 %."""
    return window(name, used_percent=100, window_minutes=minutes, **fields)


def said(wait: float, length: str, name: str = "primary", **fields: object) -> Limit:
    """A limit by the headers of a window at 100 %."""
    return limit(wait, length, "header", f"x-codex-{name}: 100 % used", **fields)


def reached(wait: float, length: str = "unknown", **fields: object) -> Limit:
    """A limit by the body's own word."""
    return limit(wait, length, "body", "usage_limit_reached", strength="directive", **fields)


@pytest.mark.parametrize(
    ("minutes", "length"),
    [
        ("1", "minute"),
        ("60", "minute"),
        ("60.5", "5h"),
        ("61", "5h"),
        ("299", "5h"),
        ("300", "5h"),
        ("360", "5h"),
        ("361", "day"),
        ("1439", "day"),
        ("1440", "day"),
        ("1560", "day"),
        ("1561", "week"),
        ("10080", "week"),
        ("11520", "week"),
        ("11521", "month"),
        ("46080", "month"),
        ("46081", "unknown"),
        ("0", "unknown"),
        ("", "unknown"),
        ("x", "unknown"),
    ],
)
@pytest.mark.parametrize("name", ["primary", "secondary"])
def test_a_window_is_known_by_its_length(name: str, minutes: str, length: str) -> None:
    """In minutes; 0 is a placeholder; the shortest that has room for it."""
    assert read(200, *full(minutes, name, reset_at=f"{NOW + 60:.0f}")) == (said(60, length, name),)


@pytest.mark.parametrize(
    ("pairs", "told"),
    [
        (full(reset_at=NOW + 60), (said(60, "5h"),)),
        (full(reset_after_seconds=60), (said(60, "5h"),)),
        (full(reset_at=NOW + 60, reset_after_seconds=90), (said(90, "5h"),)),
        (full(reset_at=NOW + 90, reset_after_seconds=60), (said(90, "5h"),)),
        (full(reset_at="", reset_after_seconds=60), (said(60, "5h"),)),
        (full(reset_at=0, reset_after_seconds=60), (said(60, "5h"),)),
        (full(reset_at="soon", reset_after_seconds=60), (said(60, "5h"),)),
        (full(reset_at=NOW + 60, reset_after_seconds=0), (said(60, "5h"),)),
        (full(reset_at=NOW + 7 * HOUR), (said(6 * HOUR, "5h"),)),
        (full(reset_at=NOW - 60), ()),
        (full(), (limit(600, "5h", "guess", "x-codex-primary: 100 % used"),)),
        (full(reset_at=0), (limit(600, "5h", "guess", "x-codex-primary: 100 % used"),)),
        (full(0), ()),
        (full(60), ()),
        (
            window(used_percent="100.5", window_minutes=300, reset_after_seconds=60),
            (limit(60, "5h", "header", "x-codex-primary: 100.5 % used"),),
        ),
        (window(used_percent="99.9", window_minutes=300, reset_after_seconds=60), ()),
        (window(used_percent="1.0", window_minutes=300, reset_after_seconds=60), ()),
        (window(used_percent=0, window_minutes=0, reset_at=0), ()),
        (window(window_minutes=300, reset_after_seconds=60), ()),
        (window(reset_at=""), ()),
        (window(used_percent="x"), "x-codex-primary-used-percent cannot be read"),
        (window(reset_after_seconds="-1"), "x-codex-primary-reset-after-seconds cannot be read"),
        (window(window_minutes="x", used_percent="y"), "x-codex-primary-used-percent cannot be read"),
        (window(window_minutes="x"), "x-codex-primary-window-minutes cannot be read"),
        (window(used_percent="x", reset_at=0), ()),
        (window(used_percent="x", window_minutes=300, reset_after_seconds=60), ()),
        ((*window(used_percent="x"), *window("secondary", used_percent=1)), ()),
        ((*full(reset_at=NOW + 60), *window(reset_at=NOW + 90)), (said(90, "5h"),)),
        ((*full(reset_at=NOW + 60), *window(used_percent=5)), (said(60, "5h"),)),
        (
            (*full(reset_after_seconds=60), *full(10_080, "secondary", reset_after_seconds=DAY)),
            (said(60, "5h"), said(DAY, "week", "secondary")),
        ),
        (
            (*full(reset_after_seconds=60), *full(300, "secondary", reset_after_seconds=90)),
            (said(90, "5h", "secondary"),),
        ),
        (window("tertiary", used_percent=100, reset_after_seconds=60), ()),
        ((("x-codex-credits-unlimited", "False"), ("x-codex-credits-has-credits", "0")), ()),
    ],
)
def test_what_a_success_says(pairs: Pairs, told: object) -> None:
    """A window at 100 % is an advisory limit; of two that contradict each other the fuller and the later counts."""
    assert read(200, *pairs) == told


@pytest.mark.parametrize(
    ("pairs", "cause", "limits"),
    [
        (full(reset_after_seconds=60), Cause.QUOTA, (said(60, "5h"),)),
        (full(60, reset_after_seconds=60), Cause.THROTTLED, (said(60, "minute"),)),
        (full(60), Cause.THROTTLED, (limit(60, "minute", "guess", "x-codex-primary: 100 % used"),)),
        (full(0, reset_after_seconds=60), Cause.QUOTA, (said(60, "unknown"),)),
        (full(0), Cause.QUOTA, (limit(60, "unknown", "guess", "x-codex-primary: 100 % used"),)),
        (window(used_percent=50), Cause.THROTTLED, (bare(),)),
        (window(reset_at=0), Cause.QUOTA, (bare(),)),
        ((), Cause.QUOTA, (bare(),)),
        ((("retry-after", "20"),), Cause.THROTTLED, (wished(20.0),)),
        ((*full(reset_after_seconds=60), ("retry-after", "20")), Cause.QUOTA, (said(60, "5h"),)),
        ((*full(reset_after_seconds=60), ("retry-after", "90")), Cause.QUOTA, (wished(90.0, window="5h"),)),
        ((*full(), ("retry-after", "20")), Cause.QUOTA, (wished(20.0, window="5h"),)),
    ],
)
def test_what_a_refusal_says_in_headers(pairs: Pairs, cause: Cause, limits: tuple[Limit, ...]) -> None:
    """Quota if a window of five hours or longer is used up, or one of unknown length."""
    found = judged(429, *pairs, body={"error": {"type": "other"}})
    assert (found.cause, found.limits) == (cause, limits)


@pytest.mark.parametrize(
    ("pairs", "fields", "limits"),
    [
        ((), {"resets_at": NOW + 60}, (reached(60),)),
        ((), {"resets_at": f"{NOW + 60:.0f}"}, (reached(60),)),
        ((), {"resets_in_seconds": 60}, (reached(60),)),
        ((), {"resets_at": NOW + 60, "resets_in_seconds": 90}, (reached(90),)),
        ((), {"resets_at": NOW + 90, "resets_in_seconds": 60}, (reached(90),)),
        ((), {"resets_at": None, "resets_in_seconds": 60}, (reached(60),)),
        ((), {"resets_at": 0, "resets_in_seconds": 0}, (limit(60, "unknown", "guess", "usage_limit_reached"),)),
        ((), {"resets_at": "soon", "resets_in_seconds": True}, (limit(60, "unknown", "guess", "usage_limit_reached"),)),
        ((), {"resets_in_seconds": 9 * DAY}, (reached(8 * DAY),)),
        (full(), {"resets_in_seconds": 60}, (reached(60, "5h"),)),
        (full(), {}, (limit(600, "5h", "guess", "x-codex-primary: 100 % used"),)),
        (full(reset_after_seconds=60), {}, (said(60, "5h"),)),
        (full(reset_after_seconds=60), {"resets_in_seconds": 60}, (reached(60, "5h"),)),
        (full(reset_after_seconds=60), {"resets_in_seconds": 90}, (reached(90, "5h"),)),
        (full(0, reset_after_seconds=60), {}, (said(60, "unknown"),)),
        (window(used_percent=50, window_minutes=300), {"resets_in_seconds": 60}, (reached(60),)),
        (
            (*full(reset_after_seconds=60), *full(10_080, "secondary", reset_after_seconds=80)),
            {"resets_in_seconds": 90},
            (said(60, "5h"), reached(90, "week")),
        ),
        (
            (*full(10_080, reset_after_seconds=80), *full(300, "secondary", reset_after_seconds=60)),
            {"resets_in_seconds": 90},
            (reached(90, "week"), said(60, "5h", "secondary")),
        ),
        (
            (*full(10_080, reset_after_seconds=80), *full(43_200, "secondary", reset_after_seconds=60)),
            {"resets_in_seconds": 90},
            (reached(90, "week"), said(60, "month", "secondary")),
        ),
    ],
)
def test_a_usage_limit_that_is_reached(pairs: Pairs, fields: dict[str, object], limits: tuple[Limit, ...]) -> None:
    """The body's own word: a directive, of the longest window that the headers show to be used up."""
    body = {"error": REACHED["error"] | fields}
    found = judged(429, *pairs, body=body)
    assert (found.cause, found.limits, found.retry_not_before) == (Cause.QUOTA, limits, None)
    assert found.detail == "HTTP 429, usage_limit_reached"
    assert read(429, *pairs, body=body) == limits


def test_a_wait_beside_a_usage_limit_that_is_reached() -> None:
    """It says until when, if nothing else does."""
    assert judged(429, ("retry-after", "20"), body=REACHED).limits == (wished(20.0),)
    body = {"error": REACHED["error"] | {"resets_in_seconds": 60}}
    assert judged(429, ("retry-after", "20"), body=body).limits == (reached(60),)


def test_a_usage_limit_counts_on_any_other_status() -> None:
    """Its words say so, unless they may be about the content of a request."""
    body = {"error": REACHED["error"] | {"resets_in_seconds": 60}}
    assert judged(503, body=body).cause is Cause.QUOTA
    assert judged(400, body=body).limits == ()


def test_other_errors_are_read_as_openais() -> None:
    """Codes for money, bursts, words about windows and organizations."""
    money = judged(429, body={"error": {"code": "insufficient_quota"}})
    assert money.limits == (limit(6 * HOUR, "balance", "guess", "insufficient_quota"),)
    burst = judged(429, body={"error": {"code": "slow_down", "message": "Limit reached in organization org-1"}})
    assert (burst.cause, burst.limits) == (Cause.THROTTLED, (bare(scope="organization"),))


@pytest.mark.parametrize(
    "body",
    [
        'data: {"type":"response.failed","response":{"error":{"code":"server_is_overloaded","message":"m"}}}\n\n',
        {"type": "response.failed", "response": {"error": {"code": "server_is_overloaded"}}},
    ],
)
def test_an_overload_inside_a_successful_stream(body: object) -> None:
    """Is an overload."""
    found = judged(200, *full(reset_after_seconds=60), body=body)
    assert (found.cause, found.limits, found.detail) == (Cause.OVERLOADED, (), "error event, server_is_overloaded")


def usage(**windows: object) -> dict[str, object]:
    """The usage endpoint's answer."""
    return {"plan_type": "plus", "rate_limit": {f"{name}_window": fields for name, fields in windows.items()}}


def of_usage(wait: float, length: str, name: str = "primary") -> Limit:
    """A limit by the usage endpoint."""
    return limit(wait, length, "usage-api", f"rate_limit.{name}_window: 100 % used")


FIVE_HOURS = {"used_percent": 100, "limit_window_seconds": 18_000, "reset_after_seconds": 60, "reset_at": NOW + 60}


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (usage(primary=FIVE_HOURS), (of_usage(60, "5h"),)),
        (usage(secondary=FIVE_HOURS), (of_usage(60, "5h", "secondary"),)),
        (usage(primary=FIVE_HOURS | {"limit_window_seconds": 604_800}), (of_usage(60, "week"),)),
        (usage(primary=FIVE_HOURS | {"limit_window_seconds": 21_600}), (of_usage(60, "5h"),)),
        (usage(primary=FIVE_HOURS | {"limit_window_seconds": 21_660}), (of_usage(60, "day"),)),
        (usage(primary=FIVE_HOURS | {"limit_window_seconds": None}), (of_usage(60, "unknown"),)),
        (usage(primary=FIVE_HOURS | {"limit_window_seconds": 0}), (of_usage(60, "unknown"),)),
        (usage(primary=FIVE_HOURS | {"reset_at": None}), (of_usage(60, "5h"),)),
        (usage(primary=FIVE_HOURS | {"reset_at": NOW + 90}), (of_usage(90, "5h"),)),
        (usage(primary=FIVE_HOURS | {"used_percent": 99}), ()),
        (usage(primary=FIVE_HOURS | {"used_percent": None}), ()),
        (
            usage(primary=FIVE_HOURS, secondary=FIVE_HOURS | {"limit_window_seconds": 604_800}),
            (of_usage(60, "5h"), of_usage(60, "week", "secondary")),
        ),
        (usage(primary={"limit_window_seconds": 18_000}), ()),
        (usage(primary={"used_percent": "much"}), "rate_limit.primary_window-used-percent cannot be read"),
        (usage(primary={}, secondary=None), ()),
        (usage(primary=[]), ()),
        ({"rate_limit": None}, ()),
        ({}, ()),
    ],
)
def test_the_usage_endpoint(document: object, told: object) -> None:
    """Lengths in seconds; advisory, and of the source that it is."""
    assert read(200, body=document) == told


def test_an_empty_value_of_the_usage_endpoint_is_no_speech() -> None:
    """As it is none in a header (contract, Limits)."""
    assert read(200, body=usage(primary={"reset_at": ""})) == ()


@pytest.mark.parametrize("value", [[], {}, [100], {"a": 1}, True])
@pytest.mark.parametrize("field", ["used_percent", "reset_at", "reset_after_seconds", "limit_window_seconds"])
def test_what_is_no_number_in_the_usage_endpoint_breaks_nothing(field: str, value: object) -> None:
    """Lists and objects where a number belongs cannot be read, and raise nothing."""
    read(200, body=usage(primary={field: value}))
