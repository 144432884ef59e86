"""Which bucket a new request starts with: the session's, if nothing known rules it out, else the first that is free."""

from typing import Any

import pytest

from bucket_failover_core import (
    AllBucketsExhausted,
    FailoverSnapshot,
    TokenAbsent,
    Trigger,
    UseBucket,
    choose_bucket,
)
from tests.support.playbook import Found, exhausted, stay, use
from tests.support.worlds import NOW, bucket, held, limit, profile

WEEK = limit(until=9_000.0, window="week")
LIMITED: Found = ("limit-in-force", "week", 9_000.0)


def chosen(snapshot: FailoverSnapshot, *, now: float = NOW) -> UseBucket | AllBucketsExhausted:
    """The answer, without its wrapping."""
    result = choose_bucket(snapshot, now=now)
    return result.value_or(None) or result.failure()


@pytest.mark.parametrize(
    ("facts", "fact"),
    [
        ({}, "not-read"),
        ({"token": held()}, "usable"),
        ({"token": held(NOW)}, "refreshable"),
        ({"tried": False}, "not-read"),
    ],
)
@pytest.mark.parametrize("current", [None, "default"])
def test_the_sessions_bucket_is_kept(facts: dict[str, Any], fact: Any, current: str | None) -> None:
    """Unread, usable, or one refresh away from it: no I/O is asked for, and no other bucket is looked at."""
    assert chosen(profile(bucket("default", **facts), "claudius", current=current)) == stay("default", default=fact)


@pytest.mark.requirement("REQ-1598-SM06")
def test_the_session_stays_where_it_is() -> None:
    """Though the first bucket of the profile would be free as well."""
    pair = profile("default", "claudius", current="claudius")
    assert chosen(pair) == stay("claudius", claudius="not-read")


@pytest.mark.parametrize("renewer", ["refresh", "reauth"])
def test_what_brought_the_token_is_told(renewer: Any) -> None:
    """Of the session's bucket, or another's."""
    renewed = bucket("claudius", held(NOW + 1, "c-2"), renewed_by=renewer)
    assert chosen(profile(renewed)) == stay("claudius", renewer, claudius="usable")
    pair = profile(bucket("default", paused=True), renewed)
    assert chosen(pair) == use("claudius", renewer, default="paused", claudius="usable")


def test_a_limit_ends_and_the_session_is_back() -> None:
    """Half-open: the other one until a second before, the session's own at the very moment."""
    pair = profile("default", bucket("claudius", limits=(WEEK,)), current="claudius")
    assert chosen(pair) == use("default", claudius=LIMITED, default="not-read")
    assert chosen(pair, now=8_999.0) == use("default", claudius=LIMITED, default="not-read")
    assert chosen(pair, now=9_000.0) == stay("claudius", claudius="not-read")


@pytest.mark.parametrize(("model", "stays"), [(None, False), ("opus", False), ("haiku", True)])
def test_limits_count_for_the_requests_model(model: str | None, stays: bool) -> None:  # noqa: FBT001 - a column
    """Of the session's bucket and of the others."""
    opus = limit(until=9_000.0, scope="model", model="opus")
    pair = profile(bucket("default", limits=(opus,)), bucket("claudius", limits=(opus,)), model=model)
    out: Found = ("limit-in-force", "5h", 9_000.0)
    assert chosen(pair) == (stay("default", default="not-read") if stays else exhausted(default=out, claudius=out))
    other = profile(bucket("default", paused=True), bucket("claudius", limits=(opus,)), model=model)
    assert chosen(other) == (
        use("claudius", default="paused", claudius="not-read")
        if stays
        else exhausted(default="paused", claudius=out)
    )  # fmt: skip


@pytest.mark.requirement("REQ-1598-FL13")
def test_the_first_free_one_in_profile_order() -> None:
    """From the top of the profile; the session's own finding comes first, later buckets are not looked at."""
    four = profile(
        bucket("default", TokenAbsent()),
        bucket("claudius", limits=(WEEK,)),
        bucket("vybestack", held(NOW)),
        "spare",
        current="claudius",
    )
    assert chosen(four) == use("vybestack", claudius=LIMITED, default="token-absent", vybestack="refreshable")


def test_no_bucket_is_free() -> None:
    """The findings stand in profile order, the session's in its place."""
    three = profile(
        bucket("default", TokenAbsent()),
        bucket("claudius", limits=(WEEK,)),
        bucket("vybestack", paused=True),
        current="claudius",
    )
    assert chosen(three) == exhausted(default="token-absent", claudius=LIMITED, vybestack="paused")


@pytest.mark.requirement("REQ-1598-FL15")
def test_an_empty_profile_has_none() -> None:
    """And no reasons."""
    assert chosen(profile()) == exhausted()


def test_the_trigger_of_a_request_in_progress_is_not_looked_at() -> None:
    """Nor is a login or a refresh that could be asked for."""
    own = bucket("default", held(NOW + 1, "d-1"))
    refused = profile(own, trigger=Trigger(status=401, fingerprint="d-1"))
    assert chosen(refused) == stay("default", default="usable")


def test_a_tried_bucket_is_left() -> None:
    """A ledger that is still open: what was tried is ruled out."""
    pair = profile(bucket("default", tried=True), "claudius")
    assert chosen(pair) == use("claudius", default="already-tried", claudius="not-read")


def test_of_two_that_hesitate_the_one_that_settles_comes_last() -> None:
    """`priority`: a burst limit of the first has just ended, a limit of the session's bucket too."""
    burst = limit(until=NOW - 40.0, window="minute", observed_at=NOW - 100.0)
    ended = limit(until=NOW - 10.0, window="week")
    pair = profile(bucket("a", limits=(burst,)), bucket("b", limits=(ended,)), current="b")
    for draw in (0.0, 0.5):
        assert choose_bucket(pair, now=NOW, strategy="priority", draw=draw).unwrap().bucket == "b"
