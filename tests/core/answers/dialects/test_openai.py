"""OpenAI: counts per minute in headers, the window in words, and codes for money that no wait brings back."""

from functools import partial

import pytest

from bucket_failover_core import Cause, Limit
from tests.core.answers.answers import HOUR, NOW, Pairs, bare, limit, limits_read, verdict, wished

DIALECT = "openai"
judged = partial(verdict, dialect=DIALECT)
read = partial(limits_read, dialect=DIALECT)


def headers(kind: str = "requests", remaining: str | None = "0", reset: str | None = "37s") -> Pairs:
    """What OpenAI says of one kind."""
    told = (("remaining", remaining), ("reset", reset))
    return tuple((f"X-RateLimit-{field}-{kind}", value) for field, value in told if value is not None)


def counted(kind: str = "requests", wait: float = 37.0, window: str = "minute", **fields: object) -> Limit:
    """A count of zero."""
    return limit(wait, window, "header", f"x-ratelimit-remaining-{kind}: 0", **fields)


def error(message: str = "m", **fields: object) -> dict[str, object]:
    """An error as OpenAI writes it."""
    return {"error": {"message": message, "param": None} | fields}


@pytest.mark.parametrize("kind", ["requests", "tokens"])
def test_a_count_of_zero_is_a_used_up_minute(kind: str) -> None:
    """An advisory limit until its full refill, on a failure as on a success."""
    found = judged(429, *headers(kind))
    assert (found.cause, found.limits, found.retry_not_before) == (Cause.THROTTLED, (counted(kind),), None)
    assert read(429, *headers(kind)) == (counted(kind),)
    assert read(200, *headers(kind)) == (counted(kind),)


@pytest.mark.parametrize(
    ("pairs", "told"),
    [
        (headers(reset="6m0s"), (counted(wait=360.0),)),
        (headers(reset="500ms"), (counted(wait=0.5),)),
        (headers(reset="2h"), (counted(wait=HOUR),)),
        (headers(reset="37"), (counted(),)),
        (headers(reset="0s"), ()),
        (headers(reset="soon"), ()),
        (headers(reset=None), ()),
        (headers(remaining="1"), ()),
        (headers(remaining=None), ()),
        ((*headers(), *headers("tokens", reset="40s")), (counted("tokens", 40.0),)),
        ((*headers(reset="40s"), *headers("tokens")), (counted(wait=40.0),)),
        (headers(remaining="x", reset="x"), "x-ratelimit-remaining-requests cannot be read"),
        (headers("tokens", remaining=None, reset="x"), "x-ratelimit-reset-tokens cannot be read"),
        ((("x-ratelimit-limit-requests", "0"), ("x-ratelimit-remaining", "0")), ()),
    ],
)
def test_what_a_success_says(pairs: Pairs, told: object) -> None:
    """A refill that the core cannot read is no limit on a success."""
    assert read(200, *pairs) == told


@pytest.mark.parametrize(
    ("message", "cause", "limits"),
    [
        (
            "Rate limit reached for gpt-5 on tokens per min (TPM)",
            Cause.THROTTLED,
            (limit(60, "minute", "guess", "limit per minute"),),
        ),
        ("on requests per day (RPD)", Cause.QUOTA, (limit(600, "day", "guess", "limit per day"),)),
        ("on RPD and TPM", Cause.QUOTA, (limit(600, "day", "guess", "limit per day"),)),
        ("weekly limit", Cause.QUOTA, (limit(600, "week", "guess", "limit per week"),)),
        ("monthly limit", Cause.QUOTA, (limit(600, "month", "guess", "limit per month"),)),
        (
            "limit of RPD in organization org-1 on",
            Cause.QUOTA,
            (limit(600, "day", "guess", "limit per day", scope="organization"),),
        ),
        ("m", Cause.QUOTA, (bare(),)),
        ("limit in organization org-1 on", Cause.QUOTA, (bare(scope="organization"),)),
        ("limit in organizations org-1 on", Cause.QUOTA, (bare(),)),
        ("RPM. Please try again in 20s.", Cause.THROTTLED, (wished(20.0, source="body", window="minute"),)),
        ("RPD. Please try again in 20s.", Cause.QUOTA, (wished(20.0, source="body", window="day"),)),
        ("RPM. Please try again in 6m0s.", Cause.QUOTA, (wished(360.0, source="body", window="minute"),)),
        (
            "RPD in organization org-1. Please try again in 2h",
            Cause.QUOTA,
            (wished(7_200.0, source="body", window="day", scope="organization"),),
        ),
        (
            "Limit in organization org-1. Please try again in 20s",
            Cause.THROTTLED,
            (wished(20.0, source="body", scope="organization"),),
        ),
    ],
)
def test_what_the_words_say(message: str, cause: Cause, limits: tuple[Limit, ...]) -> None:
    """The window, the wait, and whether a whole organization is meant."""
    body = error(message, type="tokens", code="rate_limit_exceeded")
    found = judged(429, body=body)
    assert (found.cause, found.limits) == (cause, limits)
    named = limits[0].window != "unknown" or limits[0].source != "guess"
    assert read(429, body=body) == (limits if named else ())
    assert read(200, body={"choices": [{"message": message}]}) == ()
    assert judged(404, body=body).limits == ()


@pytest.mark.parametrize(("word", "window"), [("RPD", "day"), ("TPD", "day"), ("RPM", "minute"), ("weekly", "minute")])
def test_counts_are_per_minute_unless_the_words_say_per_day(word: str, window: str) -> None:
    """And their scope is the words' as well."""
    found = judged(429, *headers(), body=error(f"Limit on {word} in organization o"))
    assert counted(window=window, scope="organization") in found.limits
    assert found.cause is (Cause.THROTTLED if word == "RPM" else Cause.QUOTA)


def test_a_wait_beside_a_count_says_better_when_to_come_again() -> None:
    """The reset is the time of the full refill."""
    found = judged(429, *headers(reset="6m0s"), ("retry-after", "2"))
    assert (found.cause, found.limits, found.retry_not_before) == (
        Cause.THROTTLED,
        (wished(2.0, window="minute"),),
        NOW + 2,
    )
    words = judged(429, *headers(reset="6m0s"), body=error("Please try again in 20s."))
    assert words.limits == (wished(20.0, source="body", window="minute"),)


MONEY = [
    ("insufficient_quota", "credential"),
    ("billing_hard_limit_reached", "credential"),
    ("credit_balance_exhausted", "credential"),
    ("organization_usage_limit_exceeded", "organization"),
    ("organization_spend_limit_exceeded", "organization"),
    ("project_spend_limit_exceeded", "credential"),
]


@pytest.mark.parametrize(("code", "scope"), MONEY)
@pytest.mark.parametrize("status", [400, 402, 403, 429])
def test_money_that_is_gone(code: str, scope: str, status: int) -> None:
    """By code or type; a short wait beside it is the gateway's, and a long one is meant."""
    gone = limit(6 * HOUR, "balance", "guess", code, scope=scope)
    for fields in ({"code": code}, {"type": code}, {"type": code, "code": code}, {"type": "x", "code": code}):
        body = error("You exceeded your RPD", **fields)
        for pairs in ((), (("retry-after", "20"),), (("retry-after", "300"),)):
            found = judged(status, *pairs, body=body)
            assert (found.cause, found.limits, found.retry_not_before) == (Cause.QUOTA, (gone,), None)
            assert found.detail == f"HTTP {status}, {code}"
            assert read(status, *pairs, body=body) == (gone,)
        long = judged(status, ("retry-after", "301"), body=body)
        meant = wished(301.0, status, window="balance", scope=scope) if status in {402, 429} else gone
        assert (long.limits, long.retry_not_before) == ((meant,), NOW + 301)
    assert judged(404, body=error(code=code)).cause is Cause.QUOTA
    assert judged(404, body=error(f"no model {code}")).limits == ()


def test_money_in_an_organization_is_the_organizations() -> None:
    """If the words say so; the more exact code says it anyway."""
    found = judged(429, body=error("quota in organization org-1", code="insufficient_quota"))
    assert found.limits == (limit(6 * HOUR, "balance", "guess", "insufficient_quota", scope="organization"),)
    both = judged(429, body=error(type="insufficient_quota", code="organization_spend_limit_exceeded"))
    assert both.limits == (limit(6 * HOUR, "balance", "guess", "insufficient_quota", scope="organization"),)


@pytest.mark.parametrize(
    ("status", "cause", "limits"),
    [
        (429, Cause.THROTTLED, (bare(),)),
        (402, Cause.THROTTLED, (bare(402),)),
        (503, Cause.THROTTLED, (bare(503),)),
    ],
)
def test_a_burst(status: int, cause: Cause, limits: tuple[Limit, ...]) -> None:
    """`slow_down` names no window."""
    found = judged(status, body=error("Slow down, RPD", code="slow_down"))
    assert (found.cause, found.limits) == (cause, limits)
    if status == 429:
        assert found.detail == "HTTP 429, slow_down"
        assert read(429, body=error(code="slow_down")) == limits


@pytest.mark.parametrize(
    ("status", "fields", "cause"),
    [
        (503, {"code": "server_is_overloaded"}, Cause.OVERLOADED),
        (503, {"type": "engine_overloaded_error"}, Cause.OVERLOADED),
        (500, {"message": "The engine is OVERLOADED"}, Cause.OVERLOADED),
        (503, {}, Cause.SERVER_ERROR),
        (429, {"code": "server_is_overloaded"}, Cause.OVERLOADED),
        (400, {"code": "server_is_overloaded"}, Cause.OVERLOADED),
        (401, {"code": "invalid_api_key"}, Cause.UNAUTHENTICATED),
        (400, {"code": "context_length_exceeded"}, Cause.CLIENT_ERROR),
    ],
)
def test_overloads_and_other_errors_are_no_limits(status: int, fields: dict[str, object], cause: Cause) -> None:
    """Whatever hint comes with them."""
    found = judged(status, *headers(), ("retry-after", "20"), body={"error": fields})
    assert (found.cause, found.retry_not_before) == (cause, NOW + 20)
    assert found.limits == ((counted(),) if cause in {Cause.CLIENT_ERROR, Cause.UNAUTHENTICATED} else ())
