"""What is believed of a bucket at a moment, and what changes that next."""

from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bucket_failover_core import BucketSnapshot, Limit, TokenAbsent, TokenUnread
from bucket_failover_core.failover import Fact
from bucket_failover_core.failover.standing import find
from bucket_failover_core.outlook import NextChange, Outlook, foresee
from bucket_failover_core.outlook.foresee import Change
from tests.support.quotas import quota_buckets
from tests.support.worlds import NOW, bucket, held, limit, used_buckets

HOUR = held(3_600.0, "a-1", issued_at=0.0)
"""Issued at 0.0, it is renewed at 2880.0."""

HOURS = limit(until=9_000.0)
WEEK = limit(until=12_000.0, window="week", strength="advisory")
SOON = limit(until=NOW + 100, window="minute")


@pytest.mark.parametrize(
    ("facts", "fact", "change", "at"),
    [
        ({}, "not-read", None, None),
        ({"token": TokenAbsent()}, "token-absent", None, None),
        ({"token": HOUR}, "usable", "token-renewal", 2_880.0),
        ({"token": held(NOW + 700)}, "usable", "token-renewal", NOW + 560),
        ({"token": held(NOW + 301)}, "usable", "token-renewal", NOW + 0.8 * 301),
        ({"token": held(NOW + 300)}, "usable", "token-expires", NOW + 300),
        ({"token": held(NOW + 700, issued_at=0.0)}, "usable", "token-renewal", 0.8 * 1_700),
        ({"token": held(NOW + 1, issued_at=0.0)}, "usable", "token-renewal", NOW),
        ({"token": held(9_000.0, refreshable=False)}, "usable", "token-expires", 9_000.0),
        ({"token": held(NOW)}, "refreshable", None, None),
        ({"token": held(NOW, refreshable=False)}, "token-expired", None, None),
        ({"token": held(None)}, "refreshable", None, None),
        ({"token": held(9_000.0), "api_key": True}, "usable", None, None),
        ({"token": held(None), "api_key": True}, "usable", None, None),
        ({"paused": True}, "paused", None, None),
        ({"limits": (HOURS,)}, "limit-in-force", "limit-ends", 9_000.0),
        ({"limits": (SOON, HOURS)}, "limit-in-force", "limit-ends", 9_000.0),
        ({"limits": (HOURS,), "token": HOUR}, "limit-in-force", "token-renewal", 2_880.0),
        ({"limits": (SOON,), "token": HOUR}, "limit-in-force", "limit-ends", NOW + 100),
        ({"limits": (limit(2_880.0),), "token": HOUR}, "limit-in-force", "limit-ends", 2_880.0),
        ({"limits": (limit(NOW),)}, "not-read", None, None),
        ({"limits": (limit(NOW + 0.5),)}, "limit-in-force", "limit-ends", NOW + 0.5),
        ({"limits": (limit(9_000.0, scope="request"),)}, "not-read", None, None),
        ({"limits": (HOURS,), "paused": True}, "paused", "limit-ends", 9_000.0),
    ],
)
def test_the_table(facts: dict[str, Any], fact: Fact, change: Change | None, at: float | None) -> None:
    """The fact that settles it, and the earliest of what a clock can tell."""
    told = foresee(bucket("a", **{"token": None, **facts}), now=NOW)
    assert (told.bucket, told.finding.fact) == ("a", fact)
    if change is None or at is None:
        assert told.next_change is None
    else:
        assert told.next_change is not None
        assert told.next_change.change == change
        assert told.next_change.at == pytest.approx(at)


def test_the_limits_in_force_the_longest_first() -> None:
    """Of two that end together the first; ended ones, and those of another model, are not told."""
    twin = limit(until=12_000.0, window="day")
    limits = (HOURS, SOON, WEEK, limit(NOW), twin, limit(20_000.0, model="opus"), limit(20_000.0, scope="request"))
    told = foresee(bucket("a", limits=limits), now=NOW, model="haiku")
    assert told.limits == (WEEK, twin, HOURS, SOON)
    assert foresee(bucket("a", limits=limits), now=NOW).limits[0].model == "opus"
    others = bucket("a", limits=(limit(20_000.0, model="opus"),))
    facts = {model: foresee(others, now=NOW, model=model).finding.fact for model in ("opus", "haiku", None)}
    assert facts == {"opus": "limit-in-force", "haiku": "not-read", None: "limit-in-force"}


def test_a_moment_to_come_shows_what_will_be_believed_then() -> None:
    """One change after the other."""
    own = bucket("a", held(20_000.0, refreshable=False), limits=(HOURS,))
    one = foresee(own, now=NOW).next_change
    assert one == NextChange(change="limit-ends", at=9_000.0)
    two = foresee(own, now=9_000.0)
    assert (two.finding.fact, two.next_change) == ("usable", NextChange(change="token-expires", at=20_000.0))
    three = foresee(own, now=20_000.0)
    assert (three.finding.fact, three.next_change) == ("token-expired", None)


def test_each_change_in_words() -> None:
    """Without its moment, which each surface writes in its own way."""
    assert {change: NextChange(change=change, at=NOW).text for change in get_args(Change)} == {
        "limit-ends": "the limit ends",
        "token-renewal": "its token is to be renewed",
        "token-expires": "its token expires",
    }


@pytest.mark.parametrize("now", [float("nan"), float("inf")])
def test_a_moment_is_a_number(now: float) -> None:
    """As everywhere."""
    with pytest.raises(ValueError, match=r"^now: "):
        foresee(bucket("a"), now=now)


# Laws.

BUCKETS = st.one_of(quota_buckets(), used_buckets())
MODELS = st.sampled_from((None, "opus", "haiku"))
LATER = st.sampled_from((0.0, 0.25, 0.5, 0.999))


@settings(max_examples=200)
@given(each=BUCKETS, model=MODELS)
def test_its_finding_is_the_standing(each: BucketSnapshot, model: str | None) -> None:
    """There is one account of a bucket, and it is told as it is; and it survives JSON."""
    told = foresee(each, now=NOW, model=model)
    assert told.finding == find(each, now=NOW, model=model)
    assert Outlook.model_validate_json(told.model_dump_json()) == told
    if told.finding.fact == "limit-in-force":
        assert told.finding.until in {None, told.limits[0].until}


@settings(max_examples=300)
@given(each=BUCKETS, model=MODELS, share=LATER)
def test_until_the_next_change_nothing_changes(each: BucketSnapshot, model: str | None, share: float) -> None:
    """A moment before it, the finding is the same; where no change is foreseen, for good."""
    told = foresee(each, now=NOW, model=model)
    after = 1e6 if told.next_change is None else (told.next_change.at - NOW) * share
    assert after >= 0
    assert find(each, now=NOW + after, model=model) == told.finding


@settings(max_examples=200)
@given(limits=st.lists(st.integers(900, 1_100), min_size=1, max_size=4))
def test_when_the_limit_ends_the_bucket_is_there_again(limits: list[int]) -> None:
    """At the very moment; the next change is the last of the limits' ends."""
    own = bucket("a", limits=tuple(limit(float(until)) for until in limits))
    change = foresee(own, now=NOW).next_change
    last: Limit = max(own.limits, key=lambda each: each.until)
    if last.until <= NOW:
        assert change is None
    else:
        assert change == NextChange(change="limit-ends", at=last.until)
        assert foresee(own, now=change.at).finding.fact == "not-read"
        assert own.token == TokenUnread()
