"""What each event makes of the request: calls, refusals, what it was told of tokens, and a foreign search."""

from typing import Any

import pytest

from bucket_failover_core import (
    BucketSwitched,
    CallAnswered,
    CallBegun,
    Cause,
    Reauthenticated,
    ReauthFailed,
    RefreshFailed,
    RequestEvent,
    RequestSnapshot,
    SearchFailed,
    TokenAbsent,
    TokenRead,
    TokenRefreshed,
    advance_request,
)
from bucket_failover_core.request.advance import note_refreshed, note_refused
from bucket_failover_core.request.state import EndedStep, FailedCall, Heard
from tests.support.dialogue import answer, good, live
from tests.support.worlds import NOW, limit

BEGUN = RequestSnapshot(begun_at=NOW, draw=0.5)
A2 = live("A2")


def after(*events: RequestEvent, request: RequestSnapshot = BEGUN) -> RequestSnapshot:
    """The request after these events."""
    for event in events:
        request = advance_request(request, event)
    return request


def answered(said: Any, fingerprint: str = "A", name: str = "a", **facts: Any) -> CallAnswered:
    """A call has come to its end."""
    return CallAnswered(bucket=name, answer=said, begun_at=NOW, fingerprint=fingerprint, **facts)


# Calls.


@pytest.mark.parametrize("is_probe", [True, False])
def test_a_call_that_is_being_made(is_probe: bool) -> None:  # noqa: FBT001 - a column of the table
    """It is remembered whole; whether it is a probe beyond its end."""
    call = CallBegun(bucket="a", at=NOW, is_probe=is_probe, moves=True)
    assert after(call) == BEGUN.evolve({"call": call, "is_probe": is_probe})
    assert after(call, answered(good())).is_probe is is_probe
    assert after(call, answered(answer("quota")), CallBegun(bucket="b", at=NOW)).is_probe is False


def test_a_call_that_was_served() -> None:
    """It is over, and counted; nothing has failed."""
    end = answered(good())
    assert after(CallBegun(bucket="a", at=NOW), end) == BEGUN.evolve({"attempts": 1, "last": end})


def test_a_call_that_has_failed() -> None:
    """What its verdict says is remembered with its bucket and its token."""
    said = answer("quota", NOW + 20, limit(), at=NOW + 1, detail="slow down")
    end = answered(said)
    failed = FailedCall(
        bucket="a", at=NOW + 1, cause=Cause.QUOTA, detail="slow down", retry_not_before=NOW + 20, fingerprint="A"
    )
    assert after(CallBegun(bucket="a", at=NOW), end) == BEGUN.evolve(
        {"attempts": 1, "last": end, "failures": (failed,)}
    )


def test_a_call_of_which_nothing_is_known() -> None:
    """It has failed, of no known cause."""
    end = answered(answer(None), fingerprint="")
    assert after(end) == BEGUN.evolve(
        {"attempts": 1, "last": end, "failures": (FailedCall(bucket="a", at=NOW, cause=None),)}
    )


def test_calls_are_counted_and_kept_oldest_first() -> None:
    """Those of all buckets."""
    known = after(answered(answer("quota")), answered(answer("timeout"), name="b"), answered(good()))
    assert known.attempts == 3
    assert [(failed.bucket, failed.cause) for failed in known.failures] == [("a", Cause.QUOTA), ("b", Cause.TIMEOUT)]
    assert known.last == answered(good())


@pytest.mark.parametrize(
    ("cause", "fingerprint", "rejected"),
    [
        ("unauthenticated", "A", ("Z", "A")),
        ("forbidden", "A", ("Z", "A")),
        ("unauthenticated", "Z", ("Z",)),
        ("unauthenticated", "", ("Z",)),
        ("quota", "A", ("Z",)),
        ("server-error", "A", ("Z",)),
        (None, "A", ("Z",)),
    ],
)
def test_a_refused_token_is_remembered_once(cause: str | None, fingerprint: str, rejected: tuple[str, ...]) -> None:
    """By its fingerprint; other failures say nothing of it."""
    known = BEGUN.evolve({"rejected": ("Z",)})
    assert after(answered(answer(cause), fingerprint), request=known).rejected == rejected


# Tokens.


@pytest.mark.parametrize(
    ("event", "is_heard", "is_renewed"),
    [
        (TokenRead(bucket="a", token=A2, at=NOW), True, False),
        (TokenRead(bucket="a", token=TokenAbsent(), at=NOW), True, False),
        (TokenRefreshed(bucket="a", token=A2, at=NOW), True, True),
        (Reauthenticated(bucket="a", token=A2, at=NOW), True, True),
        (RefreshFailed(bucket="a", at=NOW), False, False),
        (ReauthFailed(bucket="a", at=NOW), False, False),
    ],
)
def test_of_what_a_request_is_told(event: RequestEvent, is_heard: bool, is_renewed: bool) -> None:  # noqa: FBT001 - columns
    """A step that has failed says nothing of the token."""
    heard = (Heard(bucket="a"),) if is_heard else ()
    assert after(event) == BEGUN.evolve({"heard": heard, "renewed": ("a",) if is_renewed else ()})


def test_when_a_request_was_told_is_counted_in_failed_calls() -> None:
    """The newest word on each bucket, in the order in which they came."""
    read_a, read_b = TokenRead(bucket="a", token=A2, at=NOW), TokenRead(bucket="b", token=A2, at=NOW)
    known = after(read_a, read_b, answered(answer("quota")), read_a)
    assert known.heard == (Heard(bucket="b", failures=0), Heard(bucket="a", failures=1))


def test_a_failed_call_ends_what_its_bucket_was_renewed_by() -> None:
    """Not what other buckets were."""
    renewed = after(*(TokenRefreshed(bucket=name, token=A2, at=NOW) for name in "abc"))
    assert renewed.renewed == ("a", "b", "c")
    assert after(answered(answer("quota"), name="b"), request=renewed).renewed == ("a", "c")
    assert after(answered(good(), name="b"), request=renewed).renewed == ("a", "b", "c")


OLD_REFRESH = EndedStep(bucket="a", by="refresh", at=NOW)
OLD_LOGIN = EndedStep(bucket="a", by="reauth", at=NOW)
OTHER_REFRESH = EndedStep(bucket="b", by="refresh", at=NOW)


@pytest.mark.parametrize(
    ("event", "left"),
    [
        (TokenRefreshed(bucket="a", token=A2, at=NOW), (OLD_LOGIN, OTHER_REFRESH)),
        (RefreshFailed(bucket="a", at=NOW), (OLD_LOGIN, OTHER_REFRESH)),
        (Reauthenticated(bucket="a", token=A2, at=NOW), (OLD_REFRESH, OTHER_REFRESH)),
        (ReauthFailed(bucket="a", at=NOW), (OLD_REFRESH, OTHER_REFRESH)),
        (RefreshFailed(bucket="b", at=NOW), (OLD_REFRESH, OLD_LOGIN)),
        (RefreshFailed(bucket="a", at=NOW + 1), (OLD_REFRESH, OLD_LOGIN, OTHER_REFRESH)),
        (RefreshFailed(bucket="a"), (OLD_REFRESH, OLD_LOGIN, OTHER_REFRESH)),
        (ReauthFailed(bucket="b", at=NOW), (OLD_REFRESH, OLD_LOGIN, OTHER_REFRESH)),
        (TokenRead(bucket="a", token=A2, at=NOW), (OLD_REFRESH, OLD_LOGIN, OTHER_REFRESH)),
    ],
)
def test_a_step_that_it_asked_for_is_its_own(event: RequestEvent, left: tuple[EndedStep, ...]) -> None:
    """Whatever the clock says: it is no longer taken for one that had ended before."""
    known = BEGUN.evolve({"ended_before": (OLD_REFRESH, OLD_LOGIN, OTHER_REFRESH)})
    assert after(event, request=known).ended_before == left


# What the caller does by itself.


def test_a_token_that_the_caller_has_refreshed() -> None:
    """The refresh is spent, and what was read is out of date until the request is told."""
    known = note_refreshed(BEGUN, "a")
    assert known == BEGUN.evolve({"refreshed": ("a",), "spent": ("a",)})
    both = note_refreshed(known, "b")
    assert both == BEGUN.evolve({"refreshed": ("a", "b"), "spent": ("a", "b")})
    read = after(TokenRead(bucket="a", token=A2, at=NOW), request=both)
    assert (read.refreshed, read.spent) == (("b",), ("a", "b"))
    assert after(RefreshFailed(bucket="a", at=NOW), request=both) == both


@pytest.mark.parametrize(
    ("fingerprints", "rejected"),
    [
        ((), ("Z",)),
        (("A",), ("Z", "A")),
        (("A", "B"), ("Z", "A", "B")),
        (("Z", "B"), ("Z", "B")),
        (("",), ("Z",)),
        (("", "A", "Z"), ("Z", "A")),
    ],
)
def test_tokens_that_the_caller_knows_to_be_refused(fingerprints: tuple[str, ...], rejected: tuple[str, ...]) -> None:
    """Each once, and none without a fingerprint; nothing new changes nothing."""
    known = BEGUN.evolve({"rejected": ("Z",)})
    noted = note_refused(known, fingerprints)
    assert noted == known.evolve({"rejected": rejected})
    assert (noted is known) is (rejected == ("Z",))


# A foreign search.


def test_what_a_foreign_handler_has_found() -> None:
    """In the order in which it was found; of its token the request was not told since."""
    told = after(TokenRead(bucket="a", token=A2, at=NOW), TokenRead(bucket="b", token=A2, at=NOW))
    known = after(BucketSwitched(bucket="b"), BucketSwitched(bucket="c"), request=told)
    assert known.found == ("b", "c")
    assert known.heard == (Heard(bucket="a"),)


@pytest.mark.parametrize("reasons", [{}, {"a": "no-token"}])
def test_that_a_foreign_handler_has_found_nothing(reasons: dict[str, Any]) -> None:
    """With its reasons, as far as it tells."""
    event = SearchFailed(reasons=reasons)
    assert after(event) == BEGUN.evolve({"search_failed": event.reasons})


def test_a_failed_call_makes_what_was_found_pointless() -> None:
    """The next search begins anew; a call that was served ends the request anyway."""
    known = after(BucketSwitched(bucket="b"), SearchFailed())
    failed = after(answered(answer("quota"), name="b"), request=known)
    assert (failed.found, failed.search_failed) == ((), None)
    served = after(answered(good(), name="b"), request=known)
    assert (served.found, served.search_failed) == (("b",), {})


def test_an_event_changes_no_request_in_place() -> None:
    """It is an immutable value."""
    after(answered(answer("unauthenticated")), TokenRead(bucket="a", token=A2, at=NOW))
    assert RequestSnapshot(begun_at=NOW, draw=0.5) == BEGUN
