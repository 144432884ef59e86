"""Groq: OpenAI's headers with other windows, for a whole organization."""

from functools import partial

import pytest

from bucket_failover_core import Cause, Limit
from tests.core.answers.answers import HOUR, NOW, Pairs, bare, limit, limits_read, verdict, wished

DIALECT = "groq"
judged = partial(verdict, dialect=DIALECT)
read = partial(limits_read, dialect=DIALECT)


def spent(kind: str, reset: str = "37s") -> Pairs:
    """A count of zero."""
    return ((f"x-ratelimit-remaining-{kind}", "0"), (f"x-ratelimit-reset-{kind}", reset))


def counted(kind: str, wait: float = 37.0) -> Limit:
    """Its limit."""
    window = "day" if kind == "requests" else "minute"
    return limit(wait, window, "header", f"x-ratelimit-remaining-{kind}: 0", scope="organization")


@pytest.mark.parametrize(("kind", "cause"), [("requests", Cause.QUOTA), ("tokens", Cause.THROTTLED)])
def test_requests_are_counted_per_day_and_tokens_per_minute(kind: str, cause: Cause) -> None:
    """For the whole organization, on a failure as on a success."""
    found = judged(429, *spent(kind))
    assert (found.cause, found.limits) == (cause, (counted(kind),))
    assert read(200, *spent(kind)) == (counted(kind),)
    both = (*spent("requests", "2h"), *spent("tokens"))
    assert read(200, *both) == (counted("requests", 7_200.0), counted("tokens"))


def test_a_wait_is_the_organizations_as_well() -> None:
    """In a header or in words; of the longest window that is used up."""
    assert judged(429, ("retry-after", "20")).limits == (wished(20.0, scope="organization"),)
    message = "Rate limit reached for model `m` in organization `o` service tier `x` on TPM."
    words = {"error": {"message": f"{message} Please try again in 7.5s."}}
    found = judged(429, body=words)
    assert (found.cause, found.retry_not_before) == (Cause.THROTTLED, NOW + 7.5)
    assert found.limits == (wished(7.5, source="body", window="minute", scope="organization"),)
    daily = judged(429, *spent("requests"), ("retry-after", "20"))
    assert (daily.cause, daily.limits) == (Cause.QUOTA, (wished(20.0, window="day", scope="organization"),))


def test_a_refusal_that_says_nothing_is_the_organizations() -> None:
    """So is money."""
    assert judged(429).limits == (bare(scope="organization"),)
    money = judged(429, body={"error": {"code": "insufficient_quota"}})
    assert money.limits == (limit(6 * HOUR, "balance", "guess", "insufficient_quota", scope="organization"),)
    assert judged(503, *spent("requests")).limits == ()
