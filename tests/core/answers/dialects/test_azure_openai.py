"""Azure OpenAI: limits belong to a deployment, resets are whole seconds, and the wait is in words too."""

from functools import partial

import pytest

from bucket_failover_core import Cause, Limit
from tests.core.answers.answers import HOUR, NOW, Pairs, bare, limit, limits_read, verdict, wished

DIALECT = "azure-openai"
judged = partial(verdict, dialect=DIALECT)
read = partial(limits_read, dialect=DIALECT)


def headers(kind: str = "tokens", remaining: str | None = "0", reset: str | None = "37") -> Pairs:
    """What Azure says of one kind."""
    told = (("remaining", remaining), ("reset", reset))
    return tuple((f"x-ratelimit-{field}-{kind}", value) for field, value in told if value is not None)


def counted(kind: str = "tokens", wait: float = 37.0, model: str | None = None) -> Limit:
    """A count of zero."""
    return limit(wait, "minute", "header", f"x-ratelimit-remaining-{kind}: 0", scope="model", model=model)


@pytest.mark.parametrize("kind", ["requests", "tokens"])
@pytest.mark.parametrize("model", [None, "gpt-5"])
def test_a_count_of_zero_is_a_used_up_minute_of_the_deployment(kind: str, model: str | None) -> None:
    """An advisory limit until its refill, on a failure as on a success."""
    found = judged(429, *headers(kind), model=model)
    assert (found.cause, found.limits) == (Cause.THROTTLED, (counted(kind, model=model),))
    assert read(200, *headers(kind), model=model) == (counted(kind, model=model),)


@pytest.mark.parametrize(
    ("pairs", "told"),
    [
        (headers(reset="1"), (counted(wait=1.0),)),
        (headers(reset="0"), ()),
        (headers(reset="-1"), ()),
        (headers(reset="6m0s"), ()),
        (headers(reset=None), ()),
        (headers(remaining="1"), ()),
        (headers(remaining="1", reset="-1"), ()),
        (headers(remaining=None), ()),
        (headers(remaining=None, reset="-1"), ()),
        (headers(remaining=None, reset="0"), ()),
        (headers(remaining=None, reset="-2"), "x-ratelimit-reset-tokens cannot be read"),
        (headers(remaining="-1", reset="-1"), "x-ratelimit-remaining-tokens cannot be read"),
        ((*headers(), *headers("requests", reset="40")), (counted("requests", 40.0),)),
        ((*headers(), *headers("requests", reset="-1")), (counted(),)),
    ],
)
def test_what_a_success_says(pairs: Pairs, told: object) -> None:
    """-1 and 0 mean that the service does not know, which is the same as not to say."""
    assert read(200, *pairs) == told


@pytest.mark.parametrize("placeholder", ["-1", "0"])
def test_a_placeholder_that_came_twice_is_one_still(placeholder: str) -> None:
    """It spoils nothing beside it, either."""
    guessed = limit(60, "minute", "guess", "x-ratelimit-remaining-tokens: 0", scope="model")
    assert judged(429, *headers(reset=placeholder)).limits == (guessed,)
    assert judged(429, *headers(reset=placeholder) * 2).limits == (guessed,)
    assert judged(429, *headers(reset=placeholder), *headers(remaining="5", reset=None)).limits == (guessed,)
    assert judged(429, *headers(reset=None)).limits == (guessed,)
    assert read(429, *headers(reset=placeholder), *headers(remaining=None)) == (counted(),)
    assert read(429, *headers(remaining=None, reset=placeholder) * 2) == ()
    assert read(200, *headers(reset=placeholder), *headers(remaining=None)) == (counted(),)


@pytest.mark.parametrize("model", [None, "gpt-5"])
def test_the_wait_is_in_words_too(model: str | None) -> None:
    """And the deployment's; a header beats the words."""
    body = {"error": {"code": "429", "message": "Requests have exceeded the limit. Please retry after 37 seconds."}}
    found = judged(429, body=body, model=model)
    words = wished(37.0, source="body", scope="model", model=model)
    assert (found.cause, found.limits, found.retry_not_before) == (Cause.THROTTLED, (words,), NOW + 37)
    asked = judged(429, ("x-ms-retry-after-ms", "1500"), *headers(), body=body, model=model)
    assert asked.limits == (wished(1.5, window="minute", scope="model", model=model),)


@pytest.mark.parametrize("model", [None, "gpt-5"])
def test_a_refusal_that_says_nothing_is_the_deployments(model: str | None) -> None:
    """So is money, unless an organization is meant."""
    assert judged(429, model=model).limits == (bare(scope="model", model=model),)
    gone = limit(6 * HOUR, "balance", "guess", "insufficient_quota", scope="model", model=model)
    found = judged(429, body={"error": {"code": "insufficient_quota"}}, model=model)
    assert (found.cause, found.limits) == (Cause.QUOTA, (gone,))
    shared = limit(6 * HOUR, "balance", "guess", "organization_spend_limit_exceeded", scope="organization")
    body = {"error": {"code": "organization_spend_limit_exceeded"}}
    assert judged(429, body=body, model=model).limits == (shared,)
    per_day = {"error": {"code": "429", "message": "quota per day"}}
    window = limit(600, "day", "guess", "limit per day", scope="model", model=model)
    assert judged(429, body=per_day, model=model).limits == (window,)
