"""What each event makes of the snapshot, fact by fact."""

from collections.abc import Callable
from typing import Any

import pytest

from bucket_failover_core import (
    BucketSnapshot,
    BucketSwitched,
    CallFailed,
    CallSucceeded,
    Cause,
    FailoverEvent,
    FailoverSnapshot,
    KnownToken,
    Reauthenticated,
    ReauthFailed,
    RefreshFailed,
    TokenAbsent,
    TokenCorrupt,
    TokenOutage,
    TokenRead,
    TokenRefreshed,
    TokenUnread,
    Trigger,
    advance,
)
from bucket_failover_core.facts import Problem
from bucket_failover_core.failover import forget_token, learn_limits, learn_refusal, learn_success
from bucket_failover_core.failover.learned import as_api_key
from tests.support.playbook import (
    fails,
    login_brings,
    login_fails,
    refresh_brings,
    refresh_fails,
    store_holds,
    succeeds,
    switched,
)
from tests.support.worlds import NOW, bucket, held, limit, named, profile

WEEK = limit(until=9_000.0, window="week")
OLD, NEW = held(NOW, "b-1"), held(NOW + 9, "b-2")


def changed(snapshot: FailoverSnapshot, **facts: dict[str, Any]) -> FailoverSnapshot:
    """The snapshot with some facts of some buckets changed, and no other."""
    buckets = tuple(each.model_copy(update=facts.get(each.name, {})) for each in snapshot.buckets)
    return snapshot.model_copy(update={"buckets": buckets})


def with_own(snapshot: FailoverSnapshot, **facts: object) -> FailoverSnapshot:
    """The snapshot with some of its own facts changed."""
    return snapshot.model_copy(update=facts)


PAIR = profile(bucket("a", OLD, problems=(Problem(cause=None, detail="before"),)), bucket("b", OLD))
LONG_AGO = Problem(cause=None, detail="before")


# What the steps bring.


@pytest.mark.parametrize("token", [NEW, TokenAbsent(), TokenCorrupt(detail="?"), TokenOutage(detail="!")])
@pytest.mark.parametrize("name", ["a", "b"])
def test_what_was_read_is_what_is_held(token: KnownToken, name: str) -> None:
    """Nothing else changes: what is spent stays spent."""
    spent = changed(PAIR, **{name: {"refresh_spent": True, "reauth_spent": True, "tried": True}})
    assert advance(spent, store_holds(name, token)) == changed(spent, **{name: {"token": token}})


@pytest.mark.parametrize(("token", "renewer"), [(NEW, "refresh"), (OLD, None), (held(NOW + 8, "b-2"), None)])
def test_another_token_in_the_store_is_not_the_one_that_a_refresh_brought(token: KnownToken, renewer: Any) -> None:
    """Reading the very one that it brought changes nothing."""
    renewed = changed(PAIR, b={"token": NEW, "renewed_by": "refresh", "refresh_spent": True})
    assert advance(renewed, store_holds("b", token)) == changed(renewed, b={"token": token, "renewed_by": renewer})


@pytest.mark.requirement("REQ-1598-EC04")
@pytest.mark.parametrize(
    ("before", "token", "brought"),
    [
        (OLD, NEW, True),
        (OLD, held(NOW - 5, "b-2"), True),
        (OLD, OLD, False),
        (OLD, held(NOW + 60, "b-1"), True),
        (OLD, held(NOW + 60, "b-0"), False),
        (held(NOW), held(NOW), True),
        (TokenUnread(), NEW, True),
        (OLD, TokenAbsent(), False),
        (OLD, TokenCorrupt(), False),
        (OLD, TokenOutage(), False),
    ],
)
@pytest.mark.parametrize("by", ["refresh", "reauth"])
def test_what_a_renewal_brought(before: KnownToken, token: KnownToken, brought: bool, by: str) -> None:  # noqa: FBT001 - a column
    """Another token, not refused, or the same with another expiry, renews; the step is spent in any case."""
    start = changed(PAIR, b={"token": before, "rejected": ("b-0",), "renewed_by": "refresh"})
    event = refresh_brings("b", token) if by == "refresh" else login_brings("b", token)
    after = changed(start, b={"token": token, f"{by}_spent": True, "renewed_by": by if brought else None})
    assert advance(start, event) == with_own(after, reauths_spent=0 if by == "refresh" else 1)


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (refresh_fails("a"), "refresh failed"),
        (refresh_fails("a", "no route"), "refresh failed: no route"),
        (refresh_fails("a", permanent=True), "refresh refused"),
        (refresh_fails("a", "invalid_grant", permanent=True), "refresh refused: invalid_grant"),
    ],
)
def test_a_failed_refresh_is_spent_and_a_problem(event: FailoverEvent, told: str) -> None:
    """It was no call, so the problem has no cause; the token stays."""
    problems = (LONG_AGO, Problem(cause=None, detail=told))
    assert advance(PAIR, event) == changed(PAIR, a={"refresh_spent": True, "problems": problems})


@pytest.mark.requirement("REQ-1598-FR04")
@pytest.mark.parametrize(
    ("event", "told"),
    [
        (login_fails("a"), "login failed"),
        (login_fails("a", "window closed"), "login failed: window closed"),
        (login_fails("a", timed_out=True), "login timed out"),
        (login_fails("a", "300 s", timed_out=True), "login timed out: 300 s"),
    ],
)
def test_a_failed_login_is_spent_and_counted(event: FailoverEvent, told: str) -> None:
    """Of the bucket, and of the request."""
    problems = (LONG_AGO, Problem(cause=None, detail=told))
    start = with_own(PAIR, reauths_spent=2)
    after = changed(start, a={"reauth_spent": True, "problems": problems})
    assert advance(start, event) == with_own(after, reauths_spent=3)


# What the calls bring.


@pytest.mark.requirement("REQ-1598-SM01")
@pytest.mark.parametrize(
    ("trigger", "problem"),
    [
        (Trigger(status=429), Problem(cause=Cause.QUOTA)),
        (Trigger(status=500, detail="oh"), Problem(cause=Cause.SERVER_ERROR, detail="oh")),
        (Trigger(cause=Cause.NETWORK), Problem(cause=Cause.NETWORK)),
        (Trigger(detail="who knows"), Problem(cause=None, detail="who knows")),
        (Trigger(status=200), None),
        (Trigger(), None),
    ],
)
@pytest.mark.parametrize("name", [None, "a", "b"])
def test_a_failed_call_is_charged_to_its_bucket(trigger: Trigger, problem: Problem | None, name: str | None) -> None:
    """It becomes current and tried, is renewed no more, and has one more problem, if anything is known of it."""
    start = changed(PAIR, a={"renewed_by": "refresh"}, b={"renewed_by": "reauth"})
    own = name or "a"
    known = named(start, own).problems
    facts = {"tried": True, "renewed_by": None, "problems": (*known, problem) if problem else known}
    after = with_own(changed(start, **{own: facts}), current=own, trigger=trigger)
    assert advance(start, CallFailed(trigger=trigger, bucket=name)) == after


def test_a_failed_call_of_an_empty_profile_is_only_a_trigger() -> None:
    """There is no bucket to charge it to."""
    for status in (500, 401):
        assert advance(profile(), fails(status)) == profile(trigger=Trigger(status=status))
    assert advance(profile(), succeeds()) == profile()


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_is_remembered_everywhere(status: int) -> None:
    """Once: two buckets may hold the same one."""
    start = changed(PAIR, b={"rejected": ("b-0",)})
    failed = advance(start, fails(status, fingerprint="a-9"))
    assert [each.rejected for each in failed.buckets] == [("a-9",), ("b-0", "a-9")]
    again = advance(failed, fails(status, fingerprint="a-9", bucket="b"))
    assert [each.rejected for each in again.buckets] == [("a-9",), ("b-0", "a-9")]
    unnamed = advance(start, fails(status))
    assert unnamed.trigger == Trigger(status=status, fingerprint="b-1")
    assert [each.rejected for each in unnamed.buckets] == [("b-1",), ("b-0", "b-1")]
    assert [each.rejected for each in advance(start, fails(500, fingerprint="a-9")).buckets] == [(), ("b-0",)]


ORG = limit(until=5_000.0, scope="organization")
TRIO = profile(
    bucket("a", quota_domain="org", limits=(WEEK,)),
    bucket("b", quota_domain="org"),
    bucket("c", quota_domain="other"),
    bucket("d"),
    bucket("e"),
)


@pytest.mark.parametrize(
    ("name", "earned", "limits"),
    [
        ("a", (ORG,), {"a": (WEEK, ORG), "b": (ORG,)}),
        ("b", (limit(scope="provider"),), {"a": (WEEK, limit(scope="provider")), "b": (limit(scope="provider"),)}),
        ("a", (limit(), ORG), {"a": (WEEK, limit(), ORG), "b": (ORG,)}),
        ("a", (limit(scope="model"),), {"a": (WEEK, limit(scope="model"))}),
        ("d", (ORG,), {"d": (ORG,)}),
        ("c", (ORG, limit()), {"c": (ORG, limit())}),
        ("a", (), {}),
    ],
)
def test_limits_reach_whom_they_bench(name: str, earned: tuple[Any, ...], limits: dict[str, Any]) -> None:
    """The bucket that earned them; the wider ones its whole, non-empty domain. By a failed call, or learned."""
    known = changed(TRIO, **{each: {"limits": limits[each]} for each in limits})
    assert learn_limits(TRIO, name, earned) == known
    failed = advance(TRIO, fails(limits=earned, bucket=name))
    own = changed(known, **{name: {**({"limits": limits[name]} if limits else {}), "tried": True}})
    assert failed == with_own(own, current=name, trigger=Trigger(limits=earned))


def test_harder_evidence_replaces_softer() -> None:
    """Not beside it."""
    soft = limit(until=8_000.0, strength="advisory", scope="organization")
    start = changed(TRIO, a={"limits": (soft,)}, b={"limits": (soft,)})
    assert learn_limits(start, "a", (ORG,)) == changed(start, a={"limits": (ORG,)}, b={"limits": (ORG,)})


def soft(scope: str = "credential", **facts: Any) -> Any:
    """A limit that is merely believed."""
    return limit(scope=scope, strength="advisory", **facts)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("a", {"a": (ORG, soft("model", model="haiku")), "b": (soft(), ORG)}),
        ("d", {"d": (ORG,)}),
        ("c", {}),
    ],
)
def test_a_success_disproves_what_was_believed(name: str, kept: dict[str, Any]) -> None:
    """Advisory limits of the bucket, shared ones in its domain; not a directive, nor what is known of another model."""
    known: dict[str, dict[str, Any]] = {
        "a": {"limits": (soft(), ORG, soft("organization"), soft("model", model="haiku"), soft("model", model="opus"))},
        "b": {"limits": (soft(), ORG, soft("organization"), soft("provider"))},
        "c": {"limits": ()},
        "d": {"limits": (ORG, soft("provider"))},
        "e": {"limits": (soft("provider"),)},
    }
    start = with_own(changed(TRIO, **known), model="opus")
    after = changed(start, **{each: {"limits": limits} for each, limits in kept.items()})
    assert learn_success(start, name) == after
    current = with_own(start, current=name)
    assert advance(current, CallSucceeded()) == with_own(after, current=name)


def test_a_success_of_the_first_bucket_if_none_is_named() -> None:
    """`current=None` is the first; a request of unknown model disproves every model's."""
    start = changed(TRIO, a={"limits": (soft("model", model="haiku"), WEEK, soft("request"))})
    assert advance(start, CallSucceeded()) == changed(start, a={"limits": (WEEK, soft("request"))})


def test_nothing_to_disprove_is_no_change() -> None:
    """The very same snapshot."""
    hard = changed(TRIO, a={"limits": (ORG,)}, b={"limits": (soft(),)})
    assert advance(hard, CallSucceeded()) is hard


# Switches.


def test_a_switch_answers_the_trigger() -> None:
    """The bucket becomes current; a failure that `CallFailed` has charged is not charged again."""
    failed = advance(PAIR, fails(429, detail="slow down"))
    assert advance(failed, switched("b")) == with_own(failed, current="b", trigger=Trigger())


def test_a_trigger_that_came_with_the_snapshot_is_charged_before_it_goes() -> None:
    """Its limits, its problem, its refused token: none is forgotten with it."""
    trigger = Trigger(status=403, detail="not you", limits=(ORG,))
    own = bucket("a", held(fingerprint="a-1"), quota_domain="org", renewed_by=None)
    start = profile(own, bucket("b", quota_domain="org"), trigger=trigger)
    facts: dict[str, Any] = {"tried": True, "problems": (Problem(cause=Cause.FORBIDDEN, detail="not you"),)}
    shared: dict[str, Any] = {"limits": (ORG,), "rejected": ("a-1",)}
    left = changed(start, a={**facts, **shared}, b=shared)
    assert advance(start, switched("b")) == with_own(left, current="b", trigger=Trigger())


@pytest.mark.parametrize(
    ("trigger", "facts", "to"),
    [
        (Trigger(status=500), {"tried": True, "problems": (LONG_AGO, Problem(cause=Cause.SERVER_ERROR))}, "b"),
        (Trigger(status=500), {}, "a"),
        (Trigger(), {}, "b"),
    ],
)
def test_a_switch_that_charges_no_bucket(trigger: Trigger, facts: dict[str, Any], to: str) -> None:
    """Already charged; the same bucket again; nothing known."""
    start = with_own(changed(PAIR, a=facts), trigger=trigger)
    assert advance(start, switched(to)) == with_own(start, current=to, trigger=Trigger())


# What the callers tell.


def test_a_token_that_the_caller_refreshed_is_forgotten() -> None:
    """Its refresh is spent, and what was read before is out of date."""
    start = changed(PAIR, b={"renewed_by": "reauth"})
    assert forget_token(start, "b") == changed(
        start, b={"token": TokenUnread(), "refresh_spent": True, "renewed_by": None}
    )


def test_a_bucket_may_turn_out_to_hold_a_key() -> None:
    """Everything else stays."""
    assert as_api_key(PAIR, "b") == changed(PAIR, b={"api_key": True})


# Mistakes.

TELLING: dict[str, Callable[[FailoverSnapshot, str], FailoverSnapshot]] = {
    "limits": lambda snapshot, name: learn_limits(snapshot, name, ()),
    "success": learn_success,
    "token": forget_token,
    "key": as_api_key,
}

STRANGERS: list[FailoverEvent] = [
    TokenRead(bucket="zed", token=NEW),
    TokenRefreshed(bucket="zed", token=NEW),
    RefreshFailed(bucket="zed"),
    Reauthenticated(bucket="zed", token=NEW),
    ReauthFailed(bucket="zed"),
    BucketSwitched(bucket="zed"),
    CallFailed(trigger=Trigger(), bucket="zed"),
]
NO_SUCH_BUCKET = r"^bucket: 'zed' is not a bucket of 'anthropic', which has \['a', 'b'\]$"


@pytest.mark.parametrize("event", STRANGERS, ids=lambda event: event.kind)
def test_an_event_of_an_unknown_bucket_is_a_mistake(event: FailoverEvent) -> None:
    """It names the field, the value and what there is, and changes nothing."""
    before = PAIR.model_dump_json()
    with pytest.raises(ValueError, match=NO_SUCH_BUCKET):
        advance(PAIR, event)
    assert PAIR.model_dump_json() == before


@pytest.mark.parametrize("told", TELLING)
def test_so_is_anything_else_told_of_one(told: str) -> None:
    """Limits, a success, a refreshed token, a key."""
    with pytest.raises(ValueError, match=NO_SUCH_BUCKET):
        TELLING[told](PAIR, "zed")


@pytest.mark.parametrize("event", [TokenRead, TokenRefreshed, Reauthenticated])
def test_an_event_says_something(event: type[TokenRead | TokenRefreshed | Reauthenticated]) -> None:
    """`TokenUnread` is not an outcome, and a bucket has a name."""
    with pytest.raises(ValueError, match=r"token\n.*unread"):
        event.model_validate({"bucket": "a", "token": {"kind": "unread"}})
    with pytest.raises(ValueError, match=r"bucket\n"):
        event.model_validate({"bucket": "", "token": {"kind": "absent"}})


def test_a_ledger_is_not_changed_by_what_is_told() -> None:
    """Each answer is another value; buckets that nothing happened to are the same objects."""
    after = advance(PAIR, store_holds("b", NEW))
    assert PAIR.buckets[1].token == OLD
    assert after.buckets[0] is PAIR.buckets[0]
    assert isinstance(after.buckets[1], BucketSnapshot)


def test_a_switch_with_nothing_known_of_a_failure_charges_no_bucket() -> None:
    """It is how a request begins with another bucket than the session's; `CallFailed` is what charges a bucket."""
    assert advance(PAIR, switched("b")) == with_own(PAIR, current="b")
    told = advance(advance(PAIR, CallFailed(trigger=Trigger())), switched("b"))
    assert [each.tried for each in told.buckets] == [True, False]


def test_a_trigger_handed_in_for_a_tried_bucket_is_charged_too() -> None:
    """It was tried before, for another reason; what it was refused for now is not forgotten with the trigger."""
    start = with_own(changed(PAIR, a={"tried": True}), trigger=Trigger(status=429))
    told = advance(start, switched("b")).buckets[0].problems
    assert told == (LONG_AGO, Problem(cause=Cause.QUOTA))
    again = advance(with_own(start, trigger=Trigger(cause=Cause.QUOTA, detail="before")), switched("b"))
    assert again.buckets[0].problems == (LONG_AGO, Problem(cause=Cause.QUOTA, detail="before"))


def test_a_refusal_is_learned_by_every_bucket_once() -> None:
    """An unknown one by none; one that is known changes nothing."""
    learned = learn_refusal(changed(PAIR, b={"rejected": ("x",)}), "x")
    assert [each.rejected for each in learned.buckets] == [("x",), ("x",)]
    assert learn_refusal(learned, "x") is learned
    assert learn_refusal(PAIR, "") is PAIR


def test_an_account_that_was_disabled_is_known_to_be() -> None:
    """No refresh and no login is spent on it; the other buckets are not concerned."""
    after = advance(PAIR, CallFailed(trigger=Trigger(status=403, account_disabled=True), bucket="a"))
    assert [each.account_disabled for each in after.buckets] == [True, False]
