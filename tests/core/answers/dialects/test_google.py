"""Google: typed details in the error, limits of a project."""

from functools import partial
from typing import Any

import pytest

from bucket_failover_core import Cause, Limit
from tests.core.answers.answers import DAY, HOUR, NOW, bare, limit, limits_read, verdict, wished

DIALECT = "google"
judged = partial(verdict, dialect=DIALECT)
read = partial(limits_read, dialect=DIALECT)

MIDNIGHT = 14 * HOUR + 600
"""2026-08-13T07:00:00Z is 00:00 in Los Angeles."""

PROJECT = "GenerateRequestsPerDayPerProject"
MODEL = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"


def error(*details: object, message: str = "m", code: int = 429) -> dict[str, object]:
    """An error as Google writes it."""
    status = "RESOURCE_EXHAUSTED" if code == 429 else "INVALID_ARGUMENT"
    return {"error": {"code": code, "status": status, "message": message, "details": list(details)}}


def retry(delay: object) -> dict[str, object]:
    """A wait."""
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}


def quota(*ids: object, **fields: object) -> dict[str, object]:
    """Quotas that were violated."""
    return {"@type": "QuotaFailure", "violations": [{"quotaId": quota_id} | fields for quota_id in ids]}


def info(reason: str = "RATE_LIMIT_EXCEEDED", **metadata: object) -> dict[str, object]:
    """What else is known."""
    return {"@type": "ErrorInfo", "reason": reason, "metadata": metadata}


def per(window: str, **fields: object) -> Limit:
    """A spent quota of a window; of a day until midnight, of others guessed."""
    detail, scope = f"quota per {window}", {"scope": "organization"}
    if window == "day":
        return limit(MIDNIGHT, "day", "body", detail, strength="directive", **scope, **fields)
    return limit(60 if window == "minute" else 600, window, "guess", detail, **scope, **fields)


def asked(wait: float, **fields: Any) -> Limit:
    """A wait in a field of the body."""
    return wished(wait, source="body", scope="organization", **fields)


@pytest.mark.parametrize(
    ("details", "wait"),
    [
        ((retry("34.07s"),), 34.07),
        ((retry("900ms"),), 0.9),
        ((retry("0s"),), None),
        ((retry(""),), None),
        ((retry(None),), None),
        ((retry("soon"),), None),
        ((retry(34),), None),
        ((info(quotaResetDelay="20s"),), 20.0),
        ((info(quotaResetDelay="562476.75s"),), 562_476.75),
        ((info(quotaResetDelay="156h14m36.75s"),), 562_476.75),
        ((retry("34s"), info(quotaResetDelay="20s")), 34.0),
        ((retry("20s"), info(quotaResetDelay="34s")), 34.0),
        ((retry("soon"), retry("20s")), 20.0),
        ((retry("20s"), retry("soon"), "x", None, 7), 20.0),
        ((*[{}] * 99, retry("20s")), 20.0),
        ((*[{}] * 100, retry("20s")), None),
    ],
)
def test_waits_in_details(details: tuple[object, ...], wait: float | None) -> None:
    """Durations as Go prints them; of two the later; the first hundred details are looked at."""
    found = judged(429, body=error(*details))
    assert found.retry_not_before == (None if wait is None else NOW + wait)
    assert found.limits == ((bare(scope="organization") if wait is None else asked(wait)),)
    assert found.cause is (Cause.THROTTLED if wait is not None and wait <= 300 else Cause.QUOTA)
    assert judged(503, body=error(*details)).retry_not_before == found.retry_not_before
    assert judged(503, body=error(*details)).limits == ()


@pytest.mark.parametrize(
    ("detail", "told"),
    [
        (retry("soon"), "retryDelay cannot be read"),
        (retry(34), "retryDelay cannot be read"),
        (info(quotaResetDelay="soon"), "quotaResetDelay cannot be read"),
        (retry(""), ()),
        (retry(None), ()),
        (info(quotaResetDelay=""), ()),
        (retry("0s"), ()),
        ({"metadata": "x"}, ()),
    ],
)
def test_a_wait_that_cannot_be_read_is_named(detail: object, told: object) -> None:
    """An empty one is no speech."""
    assert read(429, body=error(detail)) == told


@pytest.mark.parametrize(
    ("quota_id", "window"),
    [
        ("RequestsPerDay", "day"),
        ("requests-daily", "day"),
        ("REQUESTSPERDAY", "day"),
        ("RequestsPerMinute", "minute"),
        ("TokensPerSecond", "minute"),
        ("TokensPerWeek", "week"),
        ("TokensPerMonth", "month"),
        ("PerMinutePerDay", "day"),
    ],
)
def test_a_quota_is_known_by_its_id(quota_id: str, window: str) -> None:
    """Whatever else stands in it, and in any case; a day lasts until midnight on the west coast."""
    found = judged(429, body=error(quota(quota_id)))
    assert found.cause is (Cause.THROTTLED if window == "minute" else Cause.QUOTA)
    assert found.limits == (per(window),)
    assert read(429, body=error(quota(quota_id))) == (per(window),)


@pytest.mark.parametrize(
    "detail",
    [
        quota("Requests"),
        quota(7),
        quota(None),
        quota(),
        {"violations": {}},
        {"violations": ["x"]},
        {"violations": None},
    ],
)
def test_what_is_no_quota_that_is_known(detail: object) -> None:
    """It is the project's, and guessed to last a minute."""
    assert judged(429, body=error(detail)).limits == (bare(scope="organization"),)
    assert read(429, body=error(detail)) == ()
    assert judged(429, body={"error": {"details": detail}}).limits == (bare(scope="organization"),)


@pytest.mark.parametrize("delay", ["0s", "37s"])
def test_a_spent_daily_quota_outranks_a_short_wait(delay: str) -> None:
    """Both have been seen; the wish for a repetition is another question."""
    found = judged(429, body=error(quota(PROJECT), retry(delay)))
    assert (found.cause, found.limits) == (Cause.QUOTA, (per("day"),))
    assert found.retry_not_before == (NOW + 37 if delay == "37s" else None)


def test_of_a_daily_quota_and_a_wait_the_longer_counts() -> None:
    """Up to the ceiling of a day."""
    longer = judged(429, body=error(quota(PROJECT), retry("54000s")))
    assert longer.limits == (asked(15 * HOUR, window="day"),)
    longest = judged(429, body=error(quota(PROJECT), retry("562476.75s")))
    assert (longest.limits, longest.retry_not_before) == ((asked(26 * HOUR, window="day"),), NOW + 562_476.75)


def test_a_wait_says_until_when_a_quota_per_minute_is_used_up() -> None:
    """With both, the day counts for the wait as well."""
    found = judged(429, body=error(quota("PerMinute"), retry("37s")))
    assert (found.cause, found.limits) == (Cause.THROTTLED, (asked(37.0, window="minute"),))
    both = judged(429, body=error(quota("PerMinute", PROJECT), retry("37s")))
    assert (both.cause, both.limits) == (Cause.QUOTA, (per("day"),))
    apart = judged(429, body=error(quota("PerMinute"), quota(PROJECT)))
    assert apart.limits == (per("day"),)


@pytest.mark.parametrize(
    ("asked_model", "details", "model"),
    [
        ("gemini", (quota(MODEL),), "gemini"),
        (None, (quota(MODEL),), None),
        (None, (quota(MODEL, quotaDimensions={"model": "flash"}),), "flash"),
        ("gemini", (quota(MODEL, quotaDimensions={"model": "flash"}),), "gemini"),
        (None, (quota(MODEL), info(model="pro")), "pro"),
        (None, (quota(MODEL, quotaDimensions={"model": "flash"}), info(model="pro")), "flash"),
        (None, (quota(MODEL, quotaDimensions={"model": ""}), info(model="pro")), "pro"),
        (None, (quota(MODEL, quotaDimensions={"model": 7}), info(model=None)), None),
        ("gemini", (quota(PROJECT),), None),
        (None, (quota(PROJECT, quotaDimensions={"model": "flash"}),), None),
        ("gemini", (quota(MODEL, PROJECT),), None),
        ("gemini", (quota(MODEL), quota(PROJECT)), None),
        ("gemini", (quota(MODEL.upper()),), "gemini"),
    ],
)
def test_whom_a_quota_concerns(asked_model: str | None, details: tuple[object, ...], model: str | None) -> None:
    """The project; only for a model if every id says so: the one asked, else the one that the answer names."""
    assert judged(429, body=error(*details), model=asked_model).limits == (per("day", model=model),)


def test_a_wait_concerns_whom_the_quota_concerns() -> None:
    """And a refusal that says nothing, the project."""
    found = judged(429, body=error(quota("PerMinutePerModel"), retry("37s")), model="gemini")
    assert found.limits == (asked(37.0, window="minute", model="gemini"),)
    assert judged(429, body=error(quota("PerModel")), model="gemini").limits == (
        bare(scope="organization", model="gemini"),
    )
    assert judged(429, ("retry-after", "9"), model="gemini").limits == (wished(9.0, scope="organization"),)


NO_QUOTA = limit(DAY, "balance", "guess", "the tier has no quota", scope="organization")


@pytest.mark.parametrize(
    ("message", "is_none"),
    [
        ("Quota exceeded for metric: x, limit: 0", True),
        ("limit: 0, model: gemini", True),
        ("limit: 0\nPlease retry in 34s", True),
        ("limit: 05", False),
        ("limit: 0.5", False),
        ("limit: 20", False),
        ("limit:0", False),
        ("limit 0", False),
        ("sublimit: 0", False),
        ("Limit: 0", False),
    ],
)
def test_a_tier_without_any_quota(message: str, *, is_none: bool) -> None:
    """Is guessed to last a day, and no short wait beside it heals it."""
    for details in ((), (retry("37s"),)):
        found = judged(429, body=error(*details, message=message))
        assert (NO_QUOTA in found.limits) is is_none
        if is_none:
            assert (found.cause, found.limits) == (Cause.QUOTA, (NO_QUOTA,))


def test_a_sentence_may_end_after_the_limit() -> None:
    """`limit: 0` means that the tier has no quota at all, whatever follows."""
    assert judged(429, body=error(message="Quota exceeded for metric: x, limit: 0. Upgrade.")).limits == (NO_QUOTA,)


@pytest.mark.parametrize(
    ("value", "is_none"),
    [(0, True), ("0", True), (0.0, True), ("0.0", True), (1, False), ("", False), (None, False), (False, False)],
)
def test_a_quota_of_zero_is_none(value: object, *, is_none: bool) -> None:
    """As a number or a text."""
    found = judged(429, body=error(quota("PerMinute", quotaValue=value)))
    assert (NO_QUOTA in found.limits) is is_none


def test_a_tier_without_any_quota_for_a_model() -> None:
    """Beside a spent day, both are told; a long wait is meant."""
    found = judged(429, body=error(quota(MODEL, quotaValue="0")), model="gemini")
    none = NO_QUOTA.model_copy(update={"model": "gemini"})
    assert found.limits == (per("day", model="gemini"), none)
    long = judged(429, body=error(retry("301s"), message="limit: 0"))
    assert long.limits == (asked(301.0, window="balance"),)


def test_violations_are_counted() -> None:
    """The first hundred of each detail are looked at."""
    assert judged(429, body=error(quota(*["x"] * 99, PROJECT))).limits == (per("day"),)
    assert judged(429, body=error(quota(*["x"] * 100, PROJECT))).limits == (bare(scope="organization"),)


@pytest.mark.parametrize(("status", "cause"), [(400, Cause.UNAUTHENTICATED), (403, Cause.UNAUTHENTICATED)])
def test_a_bad_key(status: int, cause: Cause) -> None:
    """It is an HTTP 400."""
    found = judged(status, body=error(info("API_KEY_INVALID"), code=status))
    assert (found.cause, found.limits, found.detail) == (cause, (), f"HTTP {status}, API_KEY_INVALID")
    assert judged(status, body=error(info("OTHER"), code=status)).detail == f"HTTP {status}"


@pytest.mark.parametrize("status", [400, 403, 503])
def test_quotas_on_any_other_status_are_none(status: int) -> None:
    """The status says what it was."""
    found = judged(status, body=error(quota(PROJECT), message="limit: 0"))
    assert (found.limits, found.detail) == ((), f"HTTP {status}")


def test_an_overload() -> None:
    """503, and the words say so."""
    assert judged(503, body=error(message="The model is overloaded.")).cause is Cause.OVERLOADED
    assert judged(503, body=error(message="Unavailable.")).cause is Cause.SERVER_ERROR


def test_a_success_says_nothing_of_limits() -> None:
    """Not even in words."""
    assert read(200, ("x-ratelimit-remaining", "0"), body={"candidates": []}) == ()
    assert read(200, body={"details": [retry("soon")]}) == ()


def test_an_array_of_a_stream() -> None:
    """Google streams arrays."""
    found = judged(200, body=[error(retry("37s"))])
    assert (found.cause, found.retry_not_before, found.detail) == (Cause.THROTTLED, NOW + 37, "error event")
    assert found.limits == (asked(37.0),)
