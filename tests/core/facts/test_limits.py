"""Limits: which are in force, whom they bench, and how new evidence joins old."""

from typing import Any

import pytest

from bucket_failover_core import Limit
from bucket_failover_core.facts import WINDOW_CEILING_SECONDS
from bucket_failover_core.facts.limits import counts_for, is_shared, limit_in_force, limits_worth_keeping, merge_limits


def limit(until: float = 2_000.0, **fields: Any) -> Limit:
    """A limit of the week, unless said otherwise."""
    return Limit.model_validate({"until": until, "window": "week", "source": "header"} | fields)


@pytest.mark.parametrize(("now", "held"), [(1_999.0, True), (1_999.999, True), (2_000.0, False), (2_001.0, False)])
def test_a_limit_is_in_force_until_its_end(now: float, held: bool) -> None:  # noqa: FBT001 - a column of the table
    """Half-open, exactly on the boundary."""
    assert (limit_in_force((limit(),), now=now) is not None) is held


def test_of_several_the_latest_end_counts() -> None:
    """Of two that end together the first is told; ended ones are not."""
    first, second, ended = limit(3_000.0, detail="first"), limit(3_000.0, detail="second"), limit(500.0)
    assert limit_in_force((ended, limit(2_000.0), first, second), now=1_000.0) is first
    assert limit_in_force((first, limit(2_000.0)), now=1_000.0) is first
    assert limit_in_force((), now=0.0) is None


@pytest.mark.parametrize(
    ("fields", "model", "counts"),
    [
        ({}, None, True),
        ({}, "opus", True),
        ({"model": "opus"}, None, True),
        ({"model": "opus"}, "opus", True),
        ({"model": "opus"}, "haiku", False),
        ({"scope": "model"}, "haiku", True),
        ({"scope": "model", "model": "opus"}, "haiku", False),
        ({"scope": "organization", "model": "opus"}, "haiku", False),
        ({"scope": "request"}, None, False),
        ({"scope": "request", "model": "opus"}, "opus", False),
    ],
)
def test_whom_a_limit_benches(fields: dict[str, Any], model: str | None, counts: bool) -> None:  # noqa: FBT001 - a column of the table
    """It counts unless the request is known to be for another model; limits of a request bench no bucket."""
    assert counts_for(limit(**fields), model) is counts
    assert (limit_in_force((limit(**fields),), now=0.0, model=model) is not None) is counts


def test_a_longer_limit_of_another_model_does_not_hide_a_shorter_one() -> None:
    """Each is asked on its own."""
    mine, other = limit(2_000.0), limit(9_000.0, model="opus")
    assert limit_in_force((mine, other), now=0.0, model="haiku") is mine
    assert limit_in_force((mine, other), now=0.0, model="opus") is other


def test_shared_scopes() -> None:
    """An organization and a provider are wider than a bucket."""
    shared = [
        scope
        for scope in ("request", "model", "credential", "organization", "provider")
        if is_shared(limit(scope=scope))
    ]
    assert shared == ["organization", "provider"]


def test_the_ceilings_are_the_contracts() -> None:
    """In seconds."""
    hour, day = 3_600.0, 86_400.0
    assert {
        "minute": hour,
        "concurrency": hour,
        "5h": 6 * hour,
        "day": 26 * hour,
        "week": 8 * day,
        "unknown": 8 * day,
        "month": 32 * day,
        "balance": 32 * day,
    } == WINDOW_CEILING_SECONDS


SOFT_OLD = limit(5_000.0, observed_at=1.0)
SOFT_NEW = limit(3_000.0, observed_at=2.0)
HARD_OLD = limit(4_000.0, observed_at=1.0, strength="directive")
HARD_NEW = limit(2_000.0, observed_at=2.0, strength="directive")
UNDATED = limit(2_500.0)


@pytest.mark.parametrize(
    ("held", "fresh", "merged"),
    [
        ((), (SOFT_OLD,), (SOFT_OLD,)),
        ((SOFT_OLD,), (), (SOFT_OLD,)),
        ((SOFT_OLD,), (SOFT_OLD,), (SOFT_OLD,)),
        ((SOFT_OLD,), (SOFT_NEW,), (SOFT_NEW,)),
        ((SOFT_NEW,), (SOFT_OLD,), (SOFT_NEW,)),
        ((SOFT_OLD,), (HARD_NEW,), (HARD_NEW,)),
        ((SOFT_OLD,), (HARD_OLD,), (HARD_OLD,)),
        ((HARD_OLD,), (SOFT_NEW,), (HARD_OLD, SOFT_NEW)),
        ((HARD_NEW,), (SOFT_OLD,), (HARD_NEW,)),
        ((SOFT_NEW,), (HARD_OLD,), (SOFT_NEW, HARD_OLD)),
        ((HARD_OLD, SOFT_NEW), (HARD_NEW,), (HARD_NEW,)),
        ((SOFT_OLD,), (UNDATED,), (UNDATED,)),
        ((UNDATED,), (SOFT_OLD,), (SOFT_OLD,)),
        ((SOFT_OLD,), (limit(window="day"),), (SOFT_OLD, limit(window="day"))),
        ((SOFT_OLD,), (limit(scope="organization"),), (SOFT_OLD, limit(scope="organization"))),
        ((SOFT_OLD,), (limit(model="opus"),), (SOFT_OLD, limit(model="opus"))),
        ((), (SOFT_OLD, SOFT_NEW), (SOFT_NEW,)),
    ],
)
def test_later_and_harder_evidence_replaces_earlier_and_softer(
    held: tuple[Limit, ...], fresh: tuple[Limit, ...], merged: tuple[Limit, ...]
) -> None:
    """About the same thing: window, scope and model; anything else stands beside it (lesson 8)."""
    assert merge_limits(held, fresh) == merged


def said(until: float, observed_at: float, **fields: Any) -> Limit:
    """An operator's word."""
    return limit(until, observed_at=observed_at, source="operator", **fields)


WORD = said(9_000.0, 1.0, strength="directive")
LATER_WORD = said(1_000.0, 2.0, strength="directive")


@pytest.mark.parametrize(
    ("held", "fresh", "merged"),
    [
        ((WORD,), (SOFT_NEW,), (WORD, SOFT_NEW)),
        ((WORD,), (HARD_NEW,), (WORD, HARD_NEW)),
        ((SOFT_OLD,), (WORD,), (SOFT_OLD, WORD)),
        ((HARD_OLD,), (LATER_WORD,), (HARD_OLD, LATER_WORD)),
        ((WORD, HARD_OLD), (HARD_NEW,), (WORD, HARD_NEW)),
        ((HARD_OLD, WORD), (LATER_WORD,), (HARD_OLD, LATER_WORD)),
        ((LATER_WORD,), (WORD,), (LATER_WORD,)),
        ((WORD,), (said(1_000.0, 2.0, window="day"),), (WORD, said(1_000.0, 2.0, window="day"))),
        ((WORD,), (said(1_000.0, 2.0, model="opus"),), (WORD, said(1_000.0, 2.0, model="opus"))),
    ],
)
def test_an_operators_word_stands_beside_all_others(
    held: tuple[Limit, ...], fresh: tuple[Limit, ...], merged: tuple[Limit, ...]
) -> None:
    """No answer lifts it, and it lifts none; only a later word of an operator's about the same thing replaces it."""
    assert merge_limits(held, fresh) == merged


@pytest.mark.parametrize(("until", "is_kept"), [(2_000.0, True), (1_400.1, True), (1_400.0, False), (0.0, False)])
def test_which_limits_still_say_something(until: float, is_kept: bool) -> None:  # noqa: FBT001 - a column of the table
    """Those in force, and those that ended in the last ten minutes; half-open."""
    kept = limits_worth_keeping((limit(9_000.0), limit(until, window="day")), now=2_000.0)
    assert kept == ((limit(9_000.0), limit(until, window="day")) if is_kept else (limit(9_000.0),))


def test_if_all_are_kept_it_is_the_same_object() -> None:
    """Nothing to remember is nothing to change."""
    held = (limit(9_000.0), limit(1_500.0, window="day"))
    assert limits_worth_keeping(held, now=2_000.0) is held
    assert limits_worth_keeping((), now=2_000.0) == ()


@pytest.mark.parametrize("strength", ["advisory", "directive"])
@pytest.mark.parametrize(("first", "second"), [(3_000.0, 5_000.0), (5_000.0, 3_000.0)])
def test_of_two_equally_hard_ones_of_one_moment_the_later_end_counts(
    first: float, second: float, strength: str
) -> None:
    """In whichever order they come."""
    both = [limit(until, observed_at=1.0, strength=strength) for until in (first, second)]
    assert merge_limits((both[0],), (both[1],)) == (limit(5_000.0, observed_at=1.0, strength=strength),)


def test_of_one_moment_and_one_end_the_one_that_comes_last_stays() -> None:
    """It may say more."""
    held, fresh = limit(3_000.0, observed_at=1.0, detail="held"), limit(3_000.0, observed_at=1.0, detail="fresh")
    assert merge_limits((held,), (fresh,)) == (fresh,)


@pytest.mark.parametrize(("first", "second"), [(3_000.0, 5_000.0), (5_000.0, 3_000.0)])
def test_of_two_words_of_an_operator_the_one_that_comes_last_counts(first: float, second: float) -> None:
    """At one moment as well: it is an order, whichever ends later."""
    assert merge_limits((said(first, 1.0),), (said(second, 1.0),)) == (said(second, 1.0),)


def test_at_one_moment_the_harder_one_counts() -> None:
    """Whichever ends later, and in whichever order they come."""
    hard_one = limit(3_000.0, observed_at=1.0, strength="directive")
    assert merge_limits((SOFT_OLD,), (hard_one,)) == (hard_one,)
    assert merge_limits((hard_one,), (SOFT_OLD,)) == (hard_one,)
