"""A provider that no dialect describes: the headers that many have in common, in whatever form they come."""

from functools import partial

import pytest

from bucket_failover_core import Cause, Limit
from tests.core.answers.answers import DAY, HOUR, Pairs, bare, limit, limits_read, verdict, wished

DIALECT = "generic"
judged = partial(verdict, dialect=DIALECT)
read = partial(limits_read, dialect=DIALECT)

PREFIXES = ("x-ratelimit", "ratelimit", "x-rate-limit")


def headers(prefix: str, remaining: str | None = "0", reset: str | None = "37") -> Pairs:
    """A count."""
    told = (("remaining", remaining), ("reset", reset))
    return tuple((f"{prefix}-{field}", value) for field, value in told if value is not None)


def counted(prefix: str, wait: float = 37.0, window: str = "unknown", kind: str = "") -> Limit:
    """A count of zero."""
    return limit(wait, window, "header", f"{prefix}-remaining{kind}: 0")


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize(
    ("reset", "wait"),
    [
        ("37", 37.0),
        ("37s", 37.0),
        ("1786553437", 37.0),
        ("1786553437000", 37.0),
        ("2026-08-12T16:50:37Z", 37.0),
        ("Wed, 12 Aug 2026 16:50:37 GMT", 37.0),
        ("6m0s", 360.0),
        ("99999999", 8 * DAY),
        ("0", None),
        ("soon", None),
    ],
)
def test_a_count_of_zero(prefix: str, reset: str, wait: float | None) -> None:
    """Until its reset, in whatever form; of an unknown window."""
    limits = () if wait is None else (counted(prefix, wait),)
    assert read(200, *headers(prefix, reset=reset)) == limits
    found = judged(429, *headers(prefix, reset=reset))
    assert found.cause is Cause.QUOTA
    if limits:
        assert found.limits == limits
    else:
        assert [(told.source, told.until - told.observed_at) for told in found.limits if told.observed_at] == [
            ("guess", 60.0)
        ]


@pytest.mark.parametrize(
    ("pairs", "told"),
    [
        (headers("ratelimit", "1"), ()),
        (headers("ratelimit", None), ()),
        (headers("ratelimit", None, "soon"), "ratelimit-reset cannot be read"),
        (headers("ratelimit", "x", "soon"), "ratelimit-remaining cannot be read"),
        (headers("ratelimit", reset=None), ()),
        ((*headers("ratelimit"), *headers("x-ratelimit", reset="40")), (counted("x-ratelimit", 40.0),)),
        ((*headers("ratelimit", reset="40"), *headers("x-ratelimit")), (counted("ratelimit", 40.0),)),
        ((("ratelimit-policy", "x"), ("x-rate-limit", "y")), ()),
        (
            (("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "37s")),
            (counted("x-ratelimit", 37.0, "minute", "-tokens"),),
        ),
        (
            (("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "37")),
            (counted("x-ratelimit", 37.0, "minute", "-requests"),),
        ),
        ((), ()),
    ],
)
def test_what_a_success_says(pairs: Pairs, told: object) -> None:
    """OpenAI's names are known as well."""
    assert read(200, *pairs) == told


def test_errors_are_read_as_openais() -> None:
    """Codes for money, words about windows and organizations, and waits."""
    money = judged(429, body={"error": {"code": "insufficient_quota"}})
    assert (money.cause, money.limits) == (Cause.QUOTA, (limit(6 * HOUR, "balance", "guess", "insufficient_quota"),))
    words = judged(429, body="The requests per day in organization x are used up, try again in 20s")
    assert words.limits == (wished(20.0, source="body", window="day", scope="organization"),)
    assert judged(429).limits == (bare(),)
    assert judged(429, *headers("ratelimit"), ("retry-after", "5")).limits == (wished(5.0),)
    assert judged(503, *headers("ratelimit")).limits == ()
    assert judged(404, *headers("ratelimit")).limits == (counted("ratelimit"),)
