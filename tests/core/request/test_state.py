"""One request: how it begins, and what can be asked of it."""

from math import inf, nan
from typing import Any

import pytest
from pydantic import ValidationError

from bucket_failover_core import (
    Reauthenticated,
    ReauthFailed,
    RefreshFailed,
    RequestSnapshot,
    RetryPolicy,
    SessionSnapshot,
    TokenRead,
    TokenRefreshed,
    begin_request,
)
from bucket_failover_core.request.state import EndedStep, FailedCall
from tests.support.dialogue import live, session, told
from tests.support.worlds import NOW

REFRESH_ENDED = RefreshFailed(bucket="a", at=NOW)
LOGIN_ENDED = ReauthFailed(bucket="b", at=NOW)


def begun(known: SessionSnapshot, now: float = NOW, **facts: Any) -> RequestSnapshot:
    """A request that begins now."""
    return begin_request(known, **{"now": now, "draw": 0.5, **facts})


def test_a_request_begins_with_nothing_tried() -> None:
    """And with what its caller says of it."""
    assert begun(session("a")) == RequestSnapshot(begun_at=NOW, draw=0.5)
    policy = RetryPolicy(max_attempts=2)
    facts: dict[str, Any] = {
        "strategy": "priority",
        "session_key": "k",
        "model": "opus",
        "policy": policy,
        "searches": False,
        "reads_again": True,
    }
    assert begun(session("a"), draw=0.25, **facts) == RequestSnapshot(begun_at=NOW, draw=0.25, begun_with="a", **facts)


@pytest.mark.parametrize(("searches", "current", "name"), [(True, "b", None), (False, "b", "b"), (False, None, "a")])
def test_where_a_foreign_handler_searches_the_bucket_in_use_is_remembered(
    searches: bool,  # noqa: FBT001 - a column of the table
    current: str | None,
    name: str | None,
) -> None:
    """The one with which the request begins, whatever the handler makes current later."""
    assert begun(session("a", "b", current=current), searches=searches).begun_with == name


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"now": nan}, "now: nan is no moment"),
        ({"now": inf}, "now: inf is no moment"),
        ({"draw": 1.0}, r"draw: 1.0 is not in \[0, 1\)"),
        ({"draw": -0.1}, r"draw: -0.1 is not in \[0, 1\)"),
        (
            {"strategy": "best"},
            "^strategy: 'best' is none of sticky, priority, round-robin, soonest-reset, least-used$",
        ),
    ],
)
def test_what_a_request_cannot_begin_with(facts: dict[str, Any], told: str) -> None:
    """The error names the argument and its value."""
    with pytest.raises(ValueError, match=told):
        begun(session("a"), **facts)


@pytest.mark.parametrize("draw", [0.0, 0.999])
def test_any_chance_will_do(draw: float) -> None:
    """In [0, 1)."""
    assert begun(session("a"), draw=draw).draw == draw


@pytest.mark.parametrize(
    "fields", [{"draw": 1.0}, {"draw": -0.5}, {"attempts": -1}, {"heard": ({"bucket": "a", "failures": -1},)}]
)
def test_what_is_no_request(fields: dict[str, Any]) -> None:
    """Chance is in [0, 1); nothing is counted below 0."""
    with pytest.raises(ValidationError):
        RequestSnapshot.model_validate({"begun_at": NOW, **fields})


@pytest.mark.parametrize(
    ("now", "ended"),
    [
        (NOW - 1, ("refresh", "reauth")),
        (NOW, ("refresh", "reauth")),
        (NOW + 0.5, ("reauth",)),
        (NOW + 1, ("reauth",)),
        (NOW + 1.5, ()),
    ],
)
def test_steps_that_had_ended_when_the_request_began_are_remembered(now: float, ended: tuple[str, ...]) -> None:
    """Those whose moment is not before its own: a clock that stands still, or has been set back since."""
    known = told(session("a", "b"), REFRESH_ENDED, LOGIN_ENDED.model_copy(update={"at": NOW + 1}))
    steps = {
        "refresh": EndedStep(bucket="a", by="refresh", at=NOW),
        "reauth": EndedStep(bucket="b", by="reauth", at=NOW + 1),
    }
    assert begun(known, now).ended_before == tuple(steps[by] for by in ended)


def test_the_steps_of_one_bucket_are_told_apart() -> None:
    """A refresh of it may be old when its login is not, and the other way round."""
    older = told(session("a"), RefreshFailed(bucket="a", at=NOW - 1), ReauthFailed(bucket="a", at=NOW))
    assert begun(older).ended_before == (EndedStep(bucket="a", by="reauth", at=NOW),)
    newer = told(session("a"), RefreshFailed(bucket="a", at=NOW), ReauthFailed(bucket="a", at=NOW - 1))
    assert begun(newer).ended_before == (EndedStep(bucket="a", by="refresh", at=NOW),)


@pytest.mark.parametrize(("at", "since"), [(None, False), (NOW - 0.001, False), (NOW, True), (NOW + 0.001, True)])
def test_what_has_ended_since_the_request_began(at: float | None, since: bool) -> None:  # noqa: FBT001 - a column
    """At its very beginning counts; before it does not, and neither does what has never ended."""
    assert begun(session("a")).has_since_begun("a", "refresh", at) is since


@pytest.mark.parametrize(
    ("bucket", "by", "at", "since"),
    [
        ("a", "refresh", NOW, False),
        ("b", "refresh", NOW, True),
        ("a", "reauth", NOW, True),
        ("a", "refresh", NOW + 1, True),
        ("a", "refresh", NOW - 1, False),
    ],
)
def test_what_had_ended_before_is_not_what_has_ended_since(bucket: str, by: Any, at: float, since: bool) -> None:  # noqa: FBT001 - a column
    """The very step: its bucket, its kind and its moment."""
    request = begun(told(session("a", "b"), REFRESH_ENDED))
    assert request.has_since_begun(bucket, by, at) is since


def test_how_many_calls_with_a_bucket_have_failed() -> None:
    """Those of other buckets do not count."""
    failures = tuple(FailedCall(bucket=name, at=NOW, cause=None) for name in "aba")
    request = RequestSnapshot(begun_at=NOW, failures=failures)
    assert [request.failures_with(name) for name in "abc"] == [2, 1, 0]


@pytest.mark.parametrize(
    ("event", "refreshed"),
    [
        (TokenRefreshed(bucket="a", token=live("A2"), at=NOW), True),
        (RefreshFailed(bucket="a", at=NOW), True),
        (RefreshFailed(bucket="a", at=NOW - 1), False),
        (RefreshFailed(bucket="b", at=NOW), False),
        (TokenRead(bucket="a", token=live("A2"), at=NOW), False),
        (Reauthenticated(bucket="a", token=live("A2"), at=NOW), False),
    ],
)
def test_whether_a_bucket_was_refreshed_since_the_request_began(event: Any, refreshed: bool) -> None:  # noqa: FBT001 - a column
    """By whichever request, and however that ended."""
    request = begun(session("a", "b"))
    known = told(session("a", "b"), event)
    assert request.has_refreshed(known, "a") is refreshed
    assert request.has_refreshed(known, "gone") is False


def test_a_refresh_that_had_ended_before_is_none_though_the_clock_stands_still() -> None:
    """The next one is."""
    known = told(session("a", "b"), REFRESH_ENDED)
    assert not begun(known).has_refreshed(known, "a")
    assert begun(known).has_refreshed(told(known, RefreshFailed(bucket="a", at=NOW + 1)), "a")


def test_a_request_survives_json() -> None:
    """As all values do."""
    request = begun(told(session("a"), REFRESH_ENDED), draw=0.25, model="opus")
    assert RequestSnapshot.model_validate_json(request.model_dump_json()) == request
