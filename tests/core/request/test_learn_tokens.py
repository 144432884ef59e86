"""What each event about a token makes of the session: what a bucket holds, what has brought it, which steps ended."""

from typing import Any

import pytest

from bucket_failover_core import (
    BucketFailureReason,
    BucketSwitched,
    CallAnswered,
    CallBegun,
    KnownToken,
    ReauthFailed,
    RefreshFailed,
    RequestEvent,
    SearchFailed,
    TokenAbsent,
    TokenCorrupt,
    TokenOutage,
    TokenRead,
    learn,
)
from bucket_failover_core.request.session import AccountFacts
from tests.support.dialogue import good, live, session, stale, told
from tests.support.happenings import NEW, OLD, PAIR, at, declined, facts, logged_in, read, refreshed, token
from tests.support.playbook import login_brings, login_fails, refresh_brings, refresh_fails, store_holds
from tests.support.worlds import NOW, bucket, held

# Who and when.


@pytest.mark.parametrize(
    "event",
    [
        store_holds("a", OLD),
        refresh_brings("a", OLD),
        refresh_fails("a"),
        login_brings("a", OLD),
        login_fails("a"),
    ],
)
def test_an_event_about_a_token_says_when(event: RequestEvent) -> None:
    """Else the session could not tell which of two counts. The error names the field."""
    with pytest.raises(ValueError, match=r"^at: a session needs to know when it happened, in Unix seconds$"):
        learn(PAIR, event)


@pytest.mark.parametrize(
    "event",
    [
        read(OLD, name="gone"),
        refreshed(OLD, name="gone"),
        at(refresh_fails("gone")),
        logged_in(OLD, name="gone"),
        at(login_fails("gone")),
        declined(name="gone"),
        BucketSwitched(bucket="gone"),
        CallBegun(bucket="gone", at=NOW, is_probe=True, moves=True, is_retry=True, is_counted=True),
        CallAnswered(bucket="gone", answer=good(), begun_at=NOW, fingerprint="A"),
        SearchFailed(),
        SearchFailed(reasons={"a": BucketFailureReason.NO_TOKEN}),
    ],
)
def test_what_concerns_no_bucket_of_the_profile_changes_nothing(event: RequestEvent) -> None:
    """A reset may have removed the bucket; and why a foreign search found nothing is the request's."""
    assert learn(PAIR, event) is PAIR


# What a bucket holds.


@pytest.mark.parametrize("state", [OLD, TokenAbsent(), TokenCorrupt(detail="?"), TokenOutage(detail="!")])
@pytest.mark.parametrize("place", [0, 1])
def test_what_was_read_is_what_is_held(state: KnownToken, place: int) -> None:
    """Since that moment; nothing else changes."""
    after = learn(PAIR, read(state, name="ab"[place]))
    assert token(after, place) == state
    assert facts(after, place) == AccountFacts(read_at=NOW, changed_at=NOW)
    assert (token(after, 1 - place), facts(after, 1 - place)) == (token(PAIR), AccountFacts())
    assert (after.budget, after.newest_step_at, after.current) == (PAIR.budget, None, "a")


@pytest.mark.parametrize(
    ("moments", "read_at", "changed_at"),
    [((1.0, 2.0), 2.0, 1.0), ((2.0, 1.0), 2.0, 1.0), ((1.0, 1.0), 1.0, 1.0), ((1.0, 3.0, 2.0), 3.0, 1.0)],
)
def test_reading_the_same_again(moments: tuple[float, ...], read_at: float, changed_at: float) -> None:
    """It has been so since the first of the moments, and is known to be so at the last, in whichever order."""
    after = told(PAIR, *(read(OLD, moment) for moment in moments))
    assert facts(after) == AccountFacts(read_at=read_at, changed_at=changed_at)


def test_a_token_that_a_profile_came_with_has_no_moment() -> None:
    """That it was read confirms it; since when it has been so, the session does not know."""
    after = learn(session(bucket("a", OLD)), read(OLD))
    assert facts(after) == AccountFacts(read_at=NOW)


@pytest.mark.parametrize(
    ("first", "second", "is_second"),
    [
        (read(OLD, 1.0), read(NEW, 2.0), True),
        (read(OLD, 2.0), read(NEW, 1.0), False),
        (read(OLD, 1.0), read(NEW, 1.0), True),
        (read(OLD, 1.0), refreshed(NEW, 1.0), True),
        (refreshed(OLD, 1.0), read(NEW, 1.0), False),
        (refreshed(OLD, 1.0), read(NEW, 1.001), True),
        (read(OLD, 1.001), refreshed(NEW, 1.0), False),
        (read(OLD, 1.0), logged_in(NEW, 1.0), True),
        (logged_in(OLD, 1.0), read(NEW, 1.0), False),
        (logged_in(OLD, 1.0), refreshed(NEW, 1.0), True),
        (read(OLD, 2.0), read(TokenAbsent(), 1.0), False),
        (read(OLD, 1.0), read(TokenAbsent(), 2.0), True),
    ],
)
def test_of_two_words_on_one_token_the_later_counts(first: Any, second: Any, is_second: bool) -> None:  # noqa: FBT001 - a column
    """At the same moment what a refresh or a login has brought; else the one that is told last."""
    after = told(PAIR, first, second)
    assert token(after) == (second if is_second else first).token
    counts = second if is_second else first
    assert facts(after).read_at == counts.at
    assert facts(after).changed_at == counts.at


def test_reading_again_what_was_brought_does_not_make_it_an_ordinary_word() -> None:
    """What a refresh has brought at a moment still counts before what was merely read at that moment."""
    brought_and_read = told(PAIR, refreshed(NEW, 1.0), read(NEW, 1.0), read(OLD, 1.0))
    assert token(brought_and_read) == NEW
    read_later = told(PAIR, refreshed(NEW, 1.0), read(NEW, 2.0), read(OLD, 2.0))
    assert token(read_later) == OLD


# What a refresh or a login has brought.


@pytest.mark.parametrize(("event", "by"), [(refreshed, "refresh"), (logged_in, "reauth")])
@pytest.mark.parametrize(
    ("before", "brought", "is_renewed"),
    [
        (OLD, NEW, True),
        (OLD, OLD, False),
        (OLD, live("A1", expiry=95_000.0), True),
        (OLD, TokenAbsent(), False),
        (OLD, stale("A2"), True),
        (held(NOW), held(NOW), True),
        (TokenAbsent(), NEW, True),
    ],
)
def test_what_renews_a_bucket(event: Any, by: str, before: KnownToken, brought: KnownToken, is_renewed: bool) -> None:  # noqa: FBT001 - a column
    """Another token, or the same with another expiry; one without a fingerprint is always another one."""
    after = told(PAIR, read(before, 1.0), event(brought, 2.0))
    assert token(after) == brought
    assert (facts(after).renewed_by, facts(after).renewed_at) == ((by, 2.0) if is_renewed else (None, None))


def test_a_token_that_was_read_later_is_not_the_one_that_was_brought() -> None:
    """The bucket is renewed no longer, until it is again."""
    after = told(PAIR, refreshed(OLD, 1.0), read(NEW, 2.0))
    assert (facts(after).renewed_by, facts(after).renewed_at) == (None, None)


@pytest.mark.parametrize(
    ("read_at", "brought_at", "is_renewed"),
    [(2.0, 1.0, True), (1.001, 1.0, True), (1.0, 1.0, False), (1.0, 2.0, False)],
)
def test_what_was_brought_may_have_been_read_before_it_was_told(
    read_at: float,
    brought_at: float,
    is_renewed: bool,  # noqa: FBT001 - a column of the table
) -> None:
    """Another request has read it between the refresh and the news of it: it was brought nevertheless."""
    after = told(PAIR, read(NEW, read_at), refreshed(NEW, brought_at))
    assert (facts(after).renewed_by, facts(after).renewed_at) == (
        ("refresh", brought_at) if is_renewed else (None, None)
    )
    assert (facts(after).read_at, facts(after).changed_at) == (max(read_at, brought_at), min(read_at, brought_at))


def test_what_was_brought_twice_was_brought_first_by_the_first() -> None:
    """A second word on the same token does not change who has brought it."""
    after = told(PAIR, refreshed(NEW, 1.0), read(NEW, 3.0), logged_in(NEW, 2.0))
    assert (facts(after).renewed_by, facts(after).renewed_at) == ("refresh", 1.0)


def test_an_unnamed_token_that_is_brought_again_is_brought_later() -> None:
    """It is not known to be the same one."""
    unnamed = held(90_000.0)
    later = told(PAIR, refreshed(unnamed, 1.0), logged_in(unnamed, 2.0))
    assert (facts(later).renewed_by, facts(later).renewed_at) == ("reauth", 2.0)
    equal = told(PAIR, refreshed(unnamed, 1.0), logged_in(unnamed, 1.0))
    assert (facts(equal).renewed_by, facts(equal).renewed_at) == ("reauth", 1.0)


@pytest.mark.parametrize(
    ("before", "told_now", "is_key"), [(False, False, False), (False, True, True), (True, False, True)]
)
def test_a_bucket_may_turn_out_to_hold_a_key(before: bool, told_now: bool, is_key: bool) -> None:  # noqa: FBT001 - columns
    """And stays one."""
    known = session(bucket("a", api_key=before))
    after = learn(known, TokenRead(bucket="a", token=OLD, at=NOW, api_key=told_now))
    assert after.profile.buckets[0].api_key is is_key


# Steps that have ended.


@pytest.mark.parametrize(
    ("event", "field", "problem"),
    [
        (refreshed(NEW), "refresh", ""),
        (at(refresh_fails("a")), "refresh", "refresh failed"),
        (at(refresh_fails("a", "no route", permanent=True)), "refresh", "refresh refused: no route"),
        (logged_in(NEW), "login", ""),
        (at(login_fails("a")), "login", "login failed"),
        (at(login_fails("a", "?", timed_out=True)), "login", "login timed out: ?"),
    ],
)
def test_a_step_has_ended(event: RequestEvent, field: str, problem: str) -> None:
    """When, and why it has brought nothing; the other kind of step is another one."""
    after = learn(PAIR, event)
    names = {"refresh": ("refreshed_at", "refresh_problem"), "login": ("login_at", "login_problem")}
    (moment, words), (other_moment, other_words) = names.pop(field), next(iter(names.values()))
    assert (getattr(facts(after), moment), getattr(facts(after), words)) == (NOW, problem)
    assert (getattr(facts(after), other_moment), getattr(facts(after), other_words)) == (None, "")
    assert after.newest_step_at == NOW
    assert facts(after, 1) == AccountFacts()


@pytest.mark.parametrize("by", ["refresh", "login"])
@pytest.mark.parametrize(
    ("first", "second", "counts"),
    [
        ((1.0, "x"), (2.0, "y"), (2.0, "y")),
        ((2.0, "x"), (1.0, "y"), (2.0, "x")),
        ((2.0, "x"), (2.0, "y"), (2.0, "x")),
        ((2.0, "y"), (2.0, "x"), (2.0, "x")),
        ((2.0, ""), (2.0, "x"), (2.0, "")),
        ((2.0, "x"), (2.0, ""), (2.0, "")),
        ((1.0, ""), (2.0, "x"), (2.0, "x")),
        ((2.0, ""), (1.0, "x"), (2.0, "")),
    ],
)
def test_of_two_steps_the_later_counts(
    by: str, first: tuple[float, str], second: tuple[float, str], counts: tuple[float, str]
) -> None:
    """At one moment the one without a problem; of two problems one and the same, in whichever order they are told."""

    def ended(moment: float, problem: str) -> Any:
        if by == "refresh":
            return RefreshFailed(bucket="a", detail=problem, at=moment) if problem else refreshed(NEW, moment)
        return ReauthFailed(bucket="a", detail=problem, at=moment) if problem else logged_in(NEW, moment)

    known = facts(told(PAIR, ended(*first), ended(*second)))
    held = (known.refreshed_at, known.refresh_problem) if by == "refresh" else (known.login_at, known.login_problem)
    assert held == (counts[0], f"{by} failed: {counts[1]}" if counts[1] else "")


@pytest.mark.parametrize(("moments", "newest"), [((1.0, 2.0), 2.0), ((2.0, 1.0), 2.0), ((2.0, 2.0), 2.0)])
@pytest.mark.parametrize("names", ["aa", "ab"])
def test_the_newest_step_of_all_buckets(moments: tuple[float, float], newest: float, names: str) -> None:
    """Of whichever bucket, and in whichever order they are told."""
    after = told(PAIR, *(at(refresh_fails(name), moment) for name, moment in zip(names, moments, strict=True)))
    assert after.newest_step_at == newest


def test_an_older_step_of_the_account_may_be_the_newest_after_a_reset() -> None:
    """What the account knows stays; the newest moment of all is told anew."""
    former = told(PAIR, at(refresh_fails("a"), 2.0)).evolve({"newest_step_at": None})
    after = learn(former, at(refresh_fails("a"), 1.0))
    assert (facts(after), after.newest_step_at) == (facts(former), 1.0)


def test_an_older_step_of_the_account_changes_nothing() -> None:
    """It is the same object."""
    former = told(PAIR, at(refresh_fails("a"), 2.0))
    assert learn(former, at(refresh_fails("a"), 1.0)) is former
