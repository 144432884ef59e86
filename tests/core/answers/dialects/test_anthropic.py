"""Anthropic with an API key: counts per minute in headers, and money in the body."""

from functools import partial

import pytest

from bucket_failover_core import Cause, Limit
from tests.core.answers.answers import HOUR, NOW, Pairs, bare, limit, limits_read, verdict, wished

DIALECT = "anthropic"
judged = partial(verdict, dialect=DIALECT)
read = partial(limits_read, dialect=DIALECT)

KINDS = ("requests", "tokens", "input-tokens", "output-tokens")
SEPTEMBER = 1_788_220_800.0
"""2026-09-01T00:00:00Z"""


def counted(kind: str, wait: float | None = 37.0) -> Limit:
    """A count of zero; without a reset it is guessed to last a minute."""
    source = "guess" if wait is None else "header"
    detail = f"anthropic-ratelimit-{kind}-remaining: 0"
    return limit(60.0 if wait is None else wait, "minute", source, detail)


def headers(kind: str, remaining: str | None = "0", reset: str | None = "2026-08-12T16:50:37Z") -> Pairs:
    """What Anthropic says of one kind."""
    told = (("remaining", remaining), ("reset", reset))
    return tuple((f"anthropic-ratelimit-{kind}-{field}", value) for field, value in told if value is not None)


@pytest.mark.parametrize("kind", KINDS)
def test_a_count_of_zero_is_a_used_up_minute(kind: str) -> None:
    """An advisory limit until its refill, on a failure as on a success."""
    found = judged(429, *headers(kind))
    assert (found.cause, found.limits, found.retry_not_before) == (Cause.THROTTLED, (counted(kind),), None)
    assert found.detail == "HTTP 429"
    assert read(429, *headers(kind)) == (counted(kind),)
    assert read(200, *headers(kind)) == (counted(kind),)


@pytest.mark.parametrize(
    ("pairs", "told"),
    [
        (headers("requests", "1"), ()),
        (headers("requests", reset=None), ()),
        (headers("requests", reset="37"), ()),
        (headers("requests", reset="2026-08-12T16:50:00Z"), ()),
        (headers("requests", remaining=None), ()),
        (headers("requests", remaining="x", reset="x"), "anthropic-ratelimit-requests-remaining cannot be read"),
        (headers("requests", remaining=None, reset="x"), "anthropic-ratelimit-requests-reset cannot be read"),
        (headers("requests", remaining="", reset=" "), ()),
        ((*headers("requests", "x", "x"), *headers("tokens", "1")), ()),
        ((*headers("requests", "x", "x"), *headers("tokens")), (counted("tokens"),)),
        ((*headers("requests"), *headers("tokens", reset="2026-08-12T16:51:00Z")), (counted("tokens", 60.0),)),
        ((*headers("requests"), *headers("tokens", reset="2026-08-12T16:50:01Z")), (counted("requests"),)),
    ],
)
def test_what_a_success_says_of_limits(pairs: Pairs, told: object) -> None:
    """A refill that the core cannot read is no limit on a success; of two the later counts."""
    assert read(200, *pairs) == told


@pytest.mark.parametrize(
    ("pairs", "cause", "limits"),
    [
        (headers("requests", "1"), Cause.THROTTLED, (bare(),)),
        (headers("requests", reset=None), Cause.THROTTLED, (counted("requests", None),)),
        (headers("requests", "x", "x"), Cause.QUOTA, (bare(),)),
        ((*headers("requests"), ("retry-after", "20")), Cause.THROTTLED, (wished(20.0, window="minute"),)),
        ((*headers("requests"), ("retry-after", "7200")), Cause.QUOTA, (wished(HOUR, window="minute"),)),
        ((("retry-after", "20"),), Cause.THROTTLED, (wished(20.0),)),
        ((("retry-after", "soon"),), Cause.QUOTA, (bare(),)),
    ],
)
def test_what_a_refusal_says(pairs: Pairs, cause: Cause, limits: tuple[Limit, ...]) -> None:
    """A wait beside a count says better when to come again."""
    found = judged(429, *pairs)
    assert (found.cause, found.limits) == (cause, limits)


@pytest.mark.parametrize("body", [None, {"type": "error", "error": {"type": "rate_limit_error"}}, "words"])
@pytest.mark.parametrize("pairs", [(), (("retry-after", " "),), (("anthropic-version", "x"),)])
def test_a_refusal_without_a_word_on_limits_concerns_that_one_request(body: object, pairs: Pairs) -> None:
    """It is throttled, and no bucket is benched."""
    found = judged(429, *pairs, body=body)
    assert (found.cause, found.limits, found.retry_not_before) == (Cause.THROTTLED, (), None)
    assert read(429, *pairs, body=body) == ()


@pytest.mark.parametrize("name", ["retry-after", "retry-after-ms", "x-ms-retry-after-ms", "anthropic-ratelimit-x"])
def test_a_word_on_limits_is_one_even_if_it_cannot_be_read(name: str) -> None:
    """Then the account is guessed to be meant."""
    assert judged(429, (name, "x")).limits == (bare(),)


@pytest.mark.parametrize(
    ("words", "is_concurrency"), [("Number of concurrent connections", True), ("CONCURRENCY", True), ("conc", False)]
)
def test_too_many_at_the_same_time(words: str, *, is_concurrency: bool) -> None:
    """Is a burst; guessed to last a minute, unless a wait is given."""
    body = {"error": {"type": "rate_limit_error", "message": words}}
    detail = "too many at the same time"
    found = judged(429, body=body)
    assert found.cause is Cause.THROTTLED
    assert found.limits == ((limit(60.0, "concurrency", "guess", detail),) if is_concurrency else ())
    if is_concurrency:
        assert judged(429, ("retry-after", "9"), body=body).limits == (wished(9.0, window="concurrency"),)
        assert judged(400, body=body).limits == ()


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"type": "rate_limit_error", "details": {"reason": "enforced_spend_limit_reached"}}},
        {"error": {"type": "rate_limit_error", "message": "enforced_spend_limit_reached"}},
        "enforced_spend_limit_reached",
    ],
)
def test_an_enforced_spend_limit_lasts_until_next_month(body: object) -> None:
    """00:00 UTC on its first, wherever in the body it stands; on no other status."""
    found = judged(429, body=body)
    money = limit(SEPTEMBER - NOW, "balance", "body", "enforced_spend_limit_reached", strength="directive")
    assert (found.cause, found.limits, found.retry_not_before) == (Cause.QUOTA, (money,), None)
    assert read(429, body=body) == (money,)
    assert judged(429, ("retry-after", "20"), body=body).limits == (money,)
    assert judged(400, body=body).limits == ()


MONEY = [
    "reached your specified API usage limits",
    "reached your specified workspace API usage limits",
    "Credit balance IS too low",
]


@pytest.mark.parametrize("words", MONEY)
@pytest.mark.parametrize("status", [400, 402, 403, 429])
def test_money_that_is_gone(words: str, status: int) -> None:
    """However it arrives; guessed to last six hours, and no short wait beside it heals it."""
    body = {"type": "error", "error": {"type": "invalid_request_error", "message": f"You have {words}."}}
    gone = limit(6 * HOUR, "balance", "guess", "usage limit or credit balance")
    for pairs in ((), (("retry-after", "20"),)):
        found = judged(status, *pairs, body=body)
        assert (found.cause, found.limits, found.detail) == (Cause.QUOTA, (gone,), f"HTTP {status}, money")
        assert read(status, *pairs, body=body) == (gone,)


@pytest.mark.parametrize("words", MONEY[:2])
def test_money_that_comes_back(words: str) -> None:
    """The moment that the words promise."""
    message = f"You have {words}. You will regain access on 2026-09-01 at 00:00 UTC."
    back = limit(SEPTEMBER - NOW, "balance", "body", "usage limit or credit balance", strength="directive")
    found = judged(400, body={"error": {"type": "invalid_request_error", "message": message}})
    assert (found.cause, found.limits, found.retry_not_before) == (Cause.QUOTA, (back,), None)


@pytest.mark.parametrize("status", [401, 404, 500])
def test_words_about_money_count_on_any_other_status(status: int) -> None:
    """What the error says beats the status; a mere mention says nothing."""
    found = judged(status, body={"error": {"message": f"You have {MONEY[0]}."}})
    assert (found.cause, found.limits[0].window) == (Cause.QUOTA, "balance")
    assert judged(400, body={"error": {"message": "credit balance"}}).cause is Cause.CLIENT_ERROR


def test_billing_is_money() -> None:
    """By its type, whatever the status."""
    body = {"type": "error", "error": {"type": "billing_error", "message": "Pay."}}
    gone = limit(6 * HOUR, "balance", "guess", "billing_error")
    assert judged(402, body=body).limits == (gone,)
    assert judged(402, ("retry-after", "20"), body=body).limits == (gone,)
    assert judged(402, ("retry-after", "301"), body=body).limits == (wished(301.0, 402, window="balance"),)
    assert judged(402, body={"error": {"type": "other"}}).limits == (bare(402),)
    assert judged(400, body=body).cause is Cause.QUOTA


def test_a_revoked_token_is_healed_by_a_login() -> None:
    """And what an organization forbids never is."""
    found = judged(403, body={"error": {"type": "permission_error", "message": "OAuth Token has been revoked."}})
    assert (found.cause, found.limits) == (Cause.UNAUTHENTICATED, ())
    assert found.detail == "HTTP 403, the token has been revoked"
    other = judged(403, body={"error": {"type": "permission_error", "message": "oauth_not_allowed_for_organization"}})
    assert (other.cause, other.detail) == (Cause.FORBIDDEN, "HTTP 403")
    assert judged(400, body={"error": {"message": "token has been revoked"}}).cause is Cause.CLIENT_ERROR


@pytest.mark.parametrize(
    ("kind", "cause"),
    [
        ("overloaded_error", Cause.OVERLOADED),
        ("rate_limit_error", Cause.THROTTLED),
        ("api_error", Cause.SERVER_ERROR),
        ("timeout_error", Cause.TIMEOUT),
        ("authentication_error", Cause.UNAUTHENTICATED),
        ("permission_error", Cause.FORBIDDEN),
        ("billing_error", Cause.QUOTA),
        ("request_too_large", Cause.CLIENT_ERROR),
        ("strange", Cause.SERVER_ERROR),
    ],
)
def test_a_stream_that_fails(kind: str, cause: Cause) -> None:
    """Its error event is what failed."""
    body = f'event: error\ndata: {{"type": "error", "error": {{"type": "{kind}", "message": "m"}}}}\n\n'
    found = judged(200, body=body)
    named = kind in {"overloaded_error", "billing_error"}
    assert (found.cause, found.detail) == (cause, f"error event, {kind}" if named else "error event")
