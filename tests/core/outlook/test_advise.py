"""`advise`: a remedy is tried on a copy of the bucket before it is said."""

from typing import Any

import pytest

from bucket_failover_core import (
    BucketSnapshot,
    Cause,
    FailoverSnapshot,
    Limit,
    TokenAbsent,
    TokenCorrupt,
    TokenHeld,
    TokenOutage,
)
from bucket_failover_core.facts.snapshots import Problem
from bucket_failover_core.outlook import Advice, advise

NOW = 1_000.0
LIVE = TokenHeld(expiry=9_999.0, fingerprint="a")
SPENT = TokenHeld(expiry=NOW, fingerprint="a", refreshable=False)


def limit(until: float, **fields: Any) -> Limit:
    """A limit until a moment."""
    return Limit(until=until, window="week", source="header", strength="directive", **fields)


def advice(**facts: Any) -> tuple[Advice, ...]:
    """What is advised for one bucket."""
    bucket = BucketSnapshot(name="default", **facts)
    return advise(FailoverSnapshot(provider="anthropic", buckets=(bucket,)), now=NOW)


@pytest.mark.parametrize(
    "facts",
    [
        {"token": LIVE},
        {},
        {"token": TokenHeld(expiry=NOW, fingerprint="a")},
        {"token": TokenOutage()},
        {"token": LIVE, "limits": (limit(NOW),)},
        {"token": TokenOutage(), "limits": (limit(NOW + 9),)},
    ],
)
def test_what_needs_nothing_or_the_user_cannot_heal_has_no_advice(facts: dict[str, Any]) -> None:
    """Usable, healed by the next step, or the store has to answer first."""
    assert advice(**facts) == ()


@pytest.mark.parametrize("token", [SPENT, TokenAbsent(), TokenCorrupt()])
def test_a_login_is_advised_where_it_is_enough(token: Any) -> None:
    """At once; beside a limit from its end on."""
    assert advice(token=token) == (Advice(bucket="default", remedy="login"),)
    assert advice(token=token, limits=(limit(5_000.0),)) == (Advice(bucket="default", remedy="login", at=5_000.0),)


def test_a_spent_bucket_is_waited_for() -> None:
    """Until the last of its limits ends."""
    wait = Advice(bucket="default", remedy="wait", at=6_000.0)
    assert advice(token=LIVE, limits=(limit(5_000.0), limit(6_000.0))) == (wait,)


def test_a_key_is_stored_and_a_paused_bucket_resumed() -> None:
    """What a login cannot heal."""
    assert advice(token=TokenAbsent(), api_key=True) == (Advice(bucket="default", remedy="new-key"),)
    assert advice(token=LIVE, paused=True) == (Advice(bucket="default", remedy="resume"),)
    assert advice(token=LIVE, paused=True, limits=(limit(5_000.0),)) == (
        Advice(bucket="default", remedy="resume", at=5_000.0),
    )


def test_a_remedy_that_proves_nothing_is_not_given() -> None:
    """Paused, and no user is logged in: to resume it would not be enough."""
    assert advice(token=TokenAbsent(), paused=True) == ()


@pytest.mark.parametrize(
    ("token", "model", "expected"),
    [
        (TokenAbsent(), "haiku", Advice(bucket="default", remedy="login", at=3_000.0)),
        (TokenAbsent(), "opus", Advice(bucket="default", remedy="login", at=5_000.0)),
        (TokenAbsent(), None, Advice(bucket="default", remedy="login", at=5_000.0)),
        (LIVE, "haiku", Advice(bucket="default", remedy="wait", at=3_000.0)),
        (LIVE, "opus", Advice(bucket="default", remedy="wait", at=5_000.0)),
        (LIVE, None, Advice(bucket="default", remedy="wait", at=5_000.0)),
    ],
)
def test_only_limits_of_the_model_that_is_asked_about_count(token: Any, model: str | None, expected: Advice) -> None:
    """Another model's are no reason to wait; of an unknown one each may be."""
    limits = (limit(5_000.0, model="opus"), limit(3_000.0))
    bucket = BucketSnapshot(name="default", token=token, limits=limits)
    snapshot = FailoverSnapshot(provider="anthropic", buckets=(bucket,), model=model)
    assert advise(snapshot, now=NOW) == (expected,)


def test_another_models_limit_alone_is_no_reason_at_all() -> None:
    """The bucket is usable."""
    bucket = BucketSnapshot(name="default", token=LIVE, limits=(limit(5_000.0, model="opus"),))
    assert advise(FailoverSnapshot(provider="anthropic", buckets=(bucket,), model="haiku"), now=NOW) == ()


def test_a_login_heals_what_a_request_has_spent() -> None:
    """Tried, refused, and a login that has failed: a new token is a new beginning."""
    problems = (Problem(cause=Cause.UNAUTHENTICATED),)
    spent = {"tried": True, "problems": problems, "reauth_spent": True, "rejected": ("a",)}
    assert advice(token=LIVE, **spent) == (Advice(bucket="default", remedy="login"),)


def test_the_advice_in_words() -> None:
    """For people."""
    assert Advice(bucket="default", remedy="login").text == "log in to default"
    later = Advice(bucket="default", remedy="wait", at=0.0)
    assert later.text == "wait for default; it can be used from 1970-01-01 00:00:00 UTC on"
    assert Advice(bucket="team", remedy="new-key").text == "store a valid API key for team"
    assert Advice(bucket="team", remedy="resume").text == "resume team"


def test_a_moment_is_a_moment() -> None:
    """No NaN."""
    with pytest.raises(ValueError, match="now"):
        advise(FailoverSnapshot(provider="anthropic"), now=float("inf"))
