"""What a request and its session know together: which tokens are trusted, and which are read again."""

from typing import Any

import pytest

from bucket_failover_core import (
    CallAnswered,
    KnownToken,
    ReauthFailed,
    RequestEvent,
    SessionSnapshot,
    TokenAbsent,
    TokenCorrupt,
    TokenOutage,
    TokenRead,
    TokenUnread,
    Trigger,
    begin_request,
)
from bucket_failover_core.request.advance import note_refreshed
from bucket_failover_core.request.joint import join
from tests.support.dialogue import Both, answer, good, live, session, stale, told, unread
from tests.support.playbook import switched
from tests.support.worlds import NOW, bucket, held

BEFORE, AFTER = NOW - 10, NOW + 10
"""Before and after the request begins."""

PAIR = unread("a", "b")


def read(token: KnownToken, at: float = AFTER, name: str = "a") -> TokenRead:
    """The store was asked."""
    return TokenRead(bucket=name, token=token, at=at)


def failed(
    cause: str | None,
    at: float = NOW + 5,
    *,
    name: str = "a",
    token: str = "A",  # noqa: S107 - no secret
    detail: str = "",
) -> CallAnswered:
    """A call of this request has failed."""
    said = answer(cause, at=at, detail=detail)
    return CallAnswered(bucket=name, answer=said, begun_at=NOW + 1, fingerprint=token)


# A request of which nothing has happened yet.


@pytest.mark.parametrize("model", [None, "opus"])
def test_a_request_that_has_just_begun_sees_the_profile_as_it_is(model: str | None) -> None:
    """With its own model; the very buckets."""
    known = told(session("a", "b"), read(live("A"), BEFORE))
    ledger = Both(known, model=model).ledger()
    assert ledger == known.profile.model_copy(update={"model": model})
    assert all(new is old for new, old in zip(ledger.buckets, known.profile.buckets, strict=True))
    assert (Both(known).ledger() is known.profile) is True


def test_a_bucket_of_which_the_request_knows_nothing_more_stays_the_same_object() -> None:
    """Also where another one is seen differently."""
    known = told(session("a", "b"), read(live("B2"), BEFORE, "b"))
    ledger = Both(known).own(failed("quota")).ledger()
    assert ledger.buckets[1] is known.profile.buckets[1]
    assert ledger.buckets[0] is not known.profile.buckets[0]


@pytest.mark.parametrize("token", [live("A"), stale("A"), TokenAbsent(), TokenCorrupt(), TokenOutage(), TokenUnread()])
def test_a_session_that_was_written_down_is_seen_the_same(token: Any) -> None:
    """A token that the profile came with is as old as any: one that cannot be called with is read again."""
    known = session(bucket("a", token), "b")
    copy = SessionSnapshot.model_validate_json(known.model_dump_json())
    assert Both(known).ledger() == Both(copy).ledger()
    assert Both(known).bucket().token == (token if token == live("A") else TokenUnread())


def test_what_is_known_of_an_unread_tokens_account_changes_nothing() -> None:
    """Another request was served by a bucket whose token this session was not told."""
    known = told(PAIR, CallAnswered(bucket="a", answer=good(), begun_at=1.0))
    assert Both(known).ledger() is known.profile


# Which tokens are trusted.


@pytest.mark.parametrize("read_at", [1.0, BEFORE, NOW, AFTER])
def test_a_token_that_can_be_called_with_is_trusted(read_at: float) -> None:
    """However old the reading."""
    assert Both(told(PAIR, read(live("A"), read_at))).bucket().token == live("A")


@pytest.mark.parametrize(
    "token", [stale("A"), held(None, "A"), TokenAbsent(), TokenCorrupt(detail="?"), TokenOutage(detail="!")]
)
@pytest.mark.parametrize(
    ("read_at", "is_known"), [(BEFORE, False), (NOW - 0.001, False), (NOW, False), (NOW + 0.001, True)]
)
def test_one_that_cannot_be_called_with_is_read_again_by_each_request(
    token: KnownToken,
    read_at: float,
    is_known: bool,  # noqa: FBT001 - a column of the table
) -> None:
    """Unless it was read since the request began."""
    both = Both(told(PAIR, read(token, BEFORE))).other(read(token, read_at))
    assert both.bucket().token == (token if is_known else TokenUnread())


@pytest.mark.parametrize("token", [stale("A"), TokenAbsent(), TokenOutage()])
def test_what_a_request_was_told_itself_it_knows(token: KnownToken) -> None:
    """Though the clock stands still; of another bucket it was not told."""
    known = told(PAIR, read(token, NOW), read(token, NOW, "b"))
    both = Both(known).own(read(token, NOW))
    assert (both.bucket().token, both.bucket("b").token) == (token, TokenUnread())


def test_a_key_does_not_expire() -> None:
    """Nor does a token whose issuer has named no end; what has none because it is unknown is read again."""
    key = TokenRead(bucket="a", token=held(None, "A"), at=BEFORE, api_key=True)
    endless = read(held(None, "B", issued_at=1.0), BEFORE, "b")
    both = Both(told(unread("a", "b", "c"), key, endless))
    for _ in ("before any call", "after a failed one"):
        assert (both.bucket().token, both.bucket("b").token) == (held(None, "A"), held(None, "B", issued_at=1.0))
        both.own(failed("network", name="c"))


@pytest.mark.parametrize("cause", ["unauthenticated", "forbidden"])
@pytest.mark.parametrize(
    ("read_at", "is_known"), [(BEFORE, False), (NOW + 0.5, False), (NOW + 1, False), (NOW + 1.001, True)]
)
def test_a_refused_token_is_read_again_if_it_was_read_before_the_call(
    cause: str,
    read_at: float,
    is_known: bool,  # noqa: FBT001 - a column of the table
) -> None:
    """Another request may have renewed it meanwhile."""
    both = Both(told(PAIR, read(live("A"), BEFORE))).other(read(live("A"), read_at)).own(failed(cause))
    assert both.bucket().token == (live("A") if is_known else TokenUnread())


@pytest.mark.parametrize("cause", ["quota", "server-error", None])
def test_a_token_that_was_not_refused_is_not_read_again(cause: str | None) -> None:
    """Nothing is wrong with it."""
    assert Both(told(PAIR, read(live("A"), BEFORE))).own(failed(cause)).bucket().token == live("A")


@pytest.mark.parametrize(
    ("cause", "events", "is_known"),
    [
        ("unauthenticated", (), False),
        ("forbidden", (), False),
        ("quota", (), True),
        ("unauthenticated", (read(held(90_000.0)),), True),
    ],
)
def test_a_refused_token_without_a_fingerprint_is_read_again(
    cause: str,
    events: tuple[RequestEvent, ...],
    is_known: bool,  # noqa: FBT001 - a column of the table
) -> None:
    """It is the one that the bucket held; once the request was told since, it is known."""
    unnamed = held(90_000.0)
    both = Both(told(PAIR, read(unnamed, BEFORE), read(unnamed, BEFORE, "b"))).own(failed(cause, token=""), *events)
    assert both.bucket().token == (unnamed if is_known else TokenUnread())
    assert both.bucket("b").token == unnamed


@pytest.mark.parametrize(("read_at", "is_known"), [(BEFORE, False), (NOW, False), (NOW + 0.001, True)])
def test_a_refused_token_that_another_bucket_holds_as_well_is_read_again_there(read_at: float, is_known: bool) -> None:  # noqa: FBT001 - a column
    """If that was read before the request began: it may be another one since."""
    known = told(PAIR, read(live("A"), BEFORE), read(live("A"), BEFORE, "b"))
    both = Both(known).other(read(live("A"), read_at, "b")).own(failed("unauthenticated"))
    assert both.bucket("b").token == (live("A") if is_known else TokenUnread())
    assert both.bucket("b").rejected == ("A",)


def test_the_last_call_tells_how_old_a_reading_may_be_only_if_it_was_refused() -> None:
    """A token that has expired since is read again if it was read before the request began."""
    token = live("A", expiry=NOW + 2)
    for read_at, seen in ((NOW, TokenUnread()), (NOW + 0.5, token)):
        both = Both(told(PAIR, read(token, BEFORE))).other(read(token, read_at)).own(failed("network"))
        assert both.bucket().token == seen


@pytest.mark.parametrize(
    ("events", "is_known"),
    [
        ((read(live("A"), NOW), failed("unauthenticated")), False),
        ((failed("unauthenticated"), read(live("A"), NOW)), True),
        ((failed("unauthenticated"), read(live("A"), NOW), failed("quota", name="b", token="B")), True),
        ((failed("unauthenticated"), failed("quota", name="b", token="B"), read(live("A"), NOW)), True),
        ((failed("unauthenticated"), read(live("A"), NOW), failed("unauthenticated")), False),
    ],
)
def test_a_refused_token_that_was_read_since_is_known(events: tuple[RequestEvent, ...], is_known: bool) -> None:  # noqa: FBT001 - a column
    """Since the bucket's own refusal, whatever has befallen other buckets meanwhile."""
    both = Both(told(PAIR, read(live("A"), NOW))).own(*events)
    assert both.bucket().token == (live("A") if is_known else TokenUnread())


@pytest.mark.parametrize(
    ("events", "read_at", "is_known"),
    [
        ((failed("quota", name="b"),), NOW + 4, False),
        ((failed("quota", name="b"),), NOW + 5, False),
        ((failed("quota", name="b"),), NOW + 5.001, True),
        ((failed("quota", 6_000.0, name="b"), failed("quota", name="b")), NOW + 5.001, True),
        ((failed("quota", name="b"), failed("quota", NOW + 8, name="b")), NOW + 5.001, False),
        ((failed("quota"),), BEFORE, True),
        ((ReauthFailed(bucket="a", at=AFTER),), BEFORE, True),
        ((ReauthFailed(bucket="b", at=AFTER),), BEFORE, False),
        ((read(TokenAbsent(), BEFORE), failed("quota", name="b")), BEFORE, False),
        ((failed("quota", name="b"), read(TokenAbsent(), BEFORE)), BEFORE, True),
    ],
)
def test_what_was_missing_is_read_again_after_each_failed_call(
    events: tuple[RequestEvent, ...],
    read_at: float,
    is_known: bool,  # noqa: FBT001 - a column of the table
) -> None:
    """In buckets that were neither tried nor asked a login for: a user may have logged in meanwhile."""
    both = Both(told(PAIR, read(TokenAbsent(), BEFORE))).own(*events).other(read(TokenAbsent(), read_at))
    assert both.bucket().token == (TokenAbsent() if is_known else TokenUnread())


def test_a_token_that_the_caller_has_refreshed_is_out_of_date() -> None:
    """Until the request is told what it is now; the refresh is spent."""
    both = Both(told(PAIR, read(live("A"), BEFORE), read(live("B"), BEFORE, "b")))
    both.request = note_refreshed(both.request, "a")
    assert (both.bucket().token, both.bucket().refresh_spent) == (TokenUnread(), True)
    assert both.bucket("b") == both.session.profile.buckets[1]
    both.other(read(live("A2"), AFTER))
    assert both.bucket().token == TokenUnread()
    both.own(read(live("A2"), AFTER))
    assert (both.bucket().token, both.bucket().refresh_spent) == (live("A2"), True)


@pytest.mark.parametrize("reads_again", [True, False])
@pytest.mark.parametrize(("read_at", "is_new"), [(BEFORE, False), (NOW, False), (NOW + 0.001, True)])
def test_a_request_may_want_each_token_anew(reads_again: bool, read_at: float, is_new: bool) -> None:  # noqa: FBT001 - columns
    """Also one that can be called with, if it was read before the request began; once it is told, it knows."""
    both = Both(told(PAIR, read(live("A"), BEFORE)), reads_again=reads_again).other(read(live("A"), read_at))
    assert both.bucket().token == (live("A") if is_new or not reads_again else TokenUnread())
    both.own(read(live("A"), NOW), failed("quota"))
    assert both.bucket().token == live("A")


def test_a_token_that_no_reading_is_known_of_is_wanted_anew_as_well() -> None:
    """The profile came with it."""
    assert Both(session("a", "b"), reads_again=True).bucket().token == TokenUnread()


@pytest.mark.parametrize(
    ("events", "is_known"),
    [
        ((), True),
        ((switched("a"),), False),
        ((switched("b"),), True),
        ((switched("a"), switched("b")), True),
        ((switched("a"), read(live("A"), BEFORE)), True),
        ((read(live("A"), BEFORE), switched("a")), False),
    ],
)
def test_the_bucket_that_a_foreign_handler_has_found_is_read_again(
    events: tuple[RequestEvent, ...],
    is_known: bool,  # noqa: FBT001 - a column of the table
) -> None:
    """The newest one that it has found: it may have healed it."""
    both = Both(told(PAIR, read(live("A"), BEFORE)), searches=False).own(failed("quota", name="b"), *events)
    assert both.bucket().token == (live("A") if is_known else TokenUnread())


def test_another_failed_call_can_be_the_trigger() -> None:
    """It is that of the bucket that it was made with, which is in use; a bucket of no profile is passed over."""
    known = session("a", "b")
    request = begin_request(known, now=NOW, draw=0.5)
    trigger = Trigger(status=429)
    ledger = join(known, request, now=NOW, answering=("b", trigger))
    assert (ledger.current, ledger.trigger) == ("b", trigger)
    assert join(known, request, now=NOW, answering=("nobody", trigger)) == join(known, request, now=NOW)
