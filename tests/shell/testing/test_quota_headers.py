"""The quota over real HTTP: what the headers say, and when to come back."""

import pytest

from bucket_failover.testing import Quota, Window
from tests.shell.testing.stage import START, error, stage

SPENT = (
    429,
    "rate_limit_error",
    "This request would exceed your account's rate limit. Please try again later.",
)


def unified(headers: object) -> dict[str, str]:
    """The headers of a subscription's window, without their common beginning."""
    prefix = "anthropic-ratelimit-unified-"
    return {name.removeprefix(prefix): value for name, value in dict(headers).items() if name.startswith(prefix)}  # type: ignore[call-overload] # httpx2.Headers is a mapping to dict(), not to mypy


@pytest.mark.parametrize("window", ["5h", "7d"])
def test_a_subscription_says_what_is_left_and_when_it_resets(window: Window) -> None:
    """Headers on successes and on the refusal; seconds are rounded up, so that no caller comes back too early."""
    with stage(Quota(requests=2, window_seconds=18_000, window=window)) as at:
        at.now = 1_000.25
        token = at.provider.issue("a", lifetime_seconds=86_400).access_token
        first = at.ask(token)
        at.now = 1_010.0
        second = at.ask(token, stream=True)
        at.now = 1_020.0
        third = at.ask(token)
        at.now = 19_000.25
        fourth = at.ask(token)
    expected = [(first, "allowed", "0.5"), (second, "allowed", "1"), (third, "rejected", "1")]
    for response, status, utilization in expected:
        assert unified(response.headers) == {
            "status": status,
            "reset": "19001",
            f"{window}-status": status,
            f"{window}-reset": "19001",
            f"{window}-utilization": utilization,
        }
    assert error(third) == SPENT
    assert third.headers["retry-after"] == "17981"
    assert "retry-after" not in first.headers
    assert fourth.status_code == 200


def test_a_plain_rate_limit_says_only_when_to_come_back() -> None:
    """The window "minute" has no headers but `retry-after`."""
    with stage(Quota(requests=1, window_seconds=60, window="minute")) as at:
        token = at.provider.issue("a").access_token
        allowed = at.ask(token)
        at.now += 59.5
        rejected = at.ask(token)
    assert error(rejected) == SPENT
    assert (unified(allowed.headers), unified(rejected.headers), rejected.headers["retry-after"]) == ({}, {}, "1")


def test_a_spent_account_is_refused_until_then() -> None:
    """`spend` needs no quota, and the refusal looks like any other."""
    with stage() as at:
        token = at.provider.issue("a").access_token
        at.provider.spend("a", until=START + 90)
        rejected = at.ask(token)
        at.now += 90
        assert at.ask(token).status_code == 200
    assert error(rejected) == SPENT
    assert rejected.headers["retry-after"] == "90"
    assert unified(rejected.headers)["5h-utilization"] == "1"
