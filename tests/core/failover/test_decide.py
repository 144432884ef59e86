"""The second pass, several failures in one request, and the ends; the passes around it have files of their own."""

import sys
from typing import Any

import pytest

from bucket_failover_core import (
    BucketFailureReason,
    Cause,
    FailoverSnapshot,
    KnownToken,
    Limit,
    TokenAbsent,
    TokenCorrupt,
    TokenOutage,
    TokenUnread,
    Trigger,
    advance,
    decide_failover,
)
from bucket_failover_core.facts import Problem
from bucket_failover_core.failover import Fact
from tests.support.playbook import (
    Found,
    Playbook,
    at,
    exhausted,
    fails,
    found,
    login,
    read,
    refresh,
    refresh_brings,
    refresh_fails,
    store_holds,
    succeeds,
    switched,
    use,
)
from tests.support.worlds import NOW, Fate, Mishap, World, answer_of, bucket, held, limit, named, profile, run

SPENT: Fact = "call-refused-for-quota"
SOUND: Fact = "credential-sound"
WEEK = limit(until=9_000.0, window="week")


# The others.

AFTER_A_SPENT_QUOTA = profile("default", "claudius", "vybestack", trigger=Trigger(status=429))


@pytest.mark.requirement("REQ-1598-FL03")
@pytest.mark.requirement("REQ-1598-PE02")
@pytest.mark.requirement("REQ-1598-FL18")
def test_the_first_usable_one_is_used() -> None:
    """One second left is enough, and the core does not look at the third bucket."""
    assert (
        Playbook(AFTER_A_SPENT_QUOTA)
        << read("claudius", default=SPENT, claudius="not-read")
        >> store_holds("claudius", held(NOW + 1, "c-1"))
        << use("claudius", default=SPENT, claudius="usable")
        >> at(NOW + 0.999)
        << use("claudius", default=SPENT, claudius="usable")
        >> at(NOW + 1)
        << refresh("claudius", default=SPENT, claudius="refreshable")
    )


@pytest.mark.requirement("REQ-1598-FL04")
@pytest.mark.requirement("REQ-1598-FL05")
def test_an_expired_one_is_refreshed_and_used() -> None:
    """Expired at this very moment: one refresh makes it usable."""
    assert (
        Playbook(AFTER_A_SPENT_QUOTA)
        << read("claudius", default=SPENT, claudius="not-read")
        >> store_holds("claudius", held(NOW, "c-1"))
        << refresh("claudius", default=SPENT, claudius="refreshable")
        >> refresh_brings("claudius", held(NOW + 1, "c-2"))
        << use("claudius", "refresh", default=SPENT, claudius="usable")
    )


@pytest.mark.requirement("REQ-1598-FL17")
@pytest.mark.requirement("REQ-1598-FL13")
@pytest.mark.requirement("REQ-1598-PE03")
def test_a_failed_refresh_goes_on_to_the_next() -> None:
    """Nothing is read or refreshed twice, and each finding stays."""
    expired: Found = ("token-expired", "refresh failed: no route")
    assert (
        Playbook(AFTER_A_SPENT_QUOTA)
        << read("claudius", default=SPENT, claudius="not-read")
        >> store_holds("claudius", held(NOW, "c-1"))
        << refresh("claudius", default=SPENT, claudius="refreshable")
        >> refresh_fails("claudius", "no route")
        << read("vybestack", default=SPENT, claudius=expired, vybestack="not-read")
        >> store_holds("vybestack", held(NOW + 1))
        << use("vybestack", default=SPENT, claudius=expired, vybestack="usable")
    )


@pytest.mark.requirement("REQ-1598-FL13")
def test_the_search_begins_at_the_top_of_the_profile() -> None:
    """A bucket before the current one is considered again, and comes first; own finding first, then profile order."""
    middle = profile("default", "claudius", "vybestack", current="claudius", trigger=Trigger(status=429))
    assert (
        Playbook(middle)
        << read("default", claudius=SPENT, default="not-read")
        >> store_holds("default", TokenAbsent())
        << read("vybestack", claudius=SPENT, default="token-absent", vybestack="not-read")
        >> store_holds("vybestack", held(NOW + 1))
        << use("vybestack", claudius=SPENT, default="token-absent", vybestack="usable")
    )


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"paused": True}, "paused"),
        ({"paused": True, "limits": [WEEK]}, "paused"),
        ({"limits": [WEEK]}, ("limit-in-force", "week", 9_000.0)),
        ({"limits": [limit(detail="5h at 100 %")]}, ("limit-in-force", "5h at 100 %", NOW + 60)),
    ],
)
def test_a_paused_or_limited_one_is_not_even_read(facts: dict[str, Any], told: Found) -> None:
    """It could not be used anyway, so no refresh token is spent on it."""
    spent = profile("default", bucket("claudius", **facts), trigger=Trigger(status=429))
    assert Playbook(spent) << exhausted(default=SPENT, claudius=told)


@pytest.mark.parametrize(("model", "benched"), [(None, True), ("opus", True), ("haiku", False)])
def test_limits_of_another_model_bench_no_bucket(model: str | None, benched: bool) -> None:  # noqa: FBT001 - a column
    """It counts unless the request is known to be for another one."""
    opus = limit(until=9_000.0, scope="model", model="opus")
    pair = profile("default", bucket("claudius", limits=(opus,)), trigger=Trigger(status=429), model=model)
    limited = exhausted(default=SPENT, claudius=("limit-in-force", "5h", 9_000.0))
    assert Playbook(pair) << (limited if benched else read("claudius", default=SPENT, claudius="not-read"))


@pytest.mark.requirement("REQ-1598-CL09")
def test_a_limit_ends_at_its_until() -> None:
    """In force a second before, over at the very moment; and nothing of the earlier answer is left in the later one."""
    spent = profile("default", bucket("claudius", held(9e9), limits=(WEEK,)), trigger=Trigger(status=429))
    assert (
        Playbook(spent)
        >> at(8_999.0)
        << exhausted(default=SPENT, claudius=("limit-in-force", "week", 9_000.0))
        >> at(9_000.0)
        << use("claudius", default=SPENT, claudius="usable")
    )


@pytest.mark.parametrize(
    ("scope", "domains", "benched"),
    [
        ("organization", ("org", "org"), True),
        ("provider", ("org", "org"), True),
        ("credential", ("org", "org"), False),
        ("model", ("org", "org"), False),
        ("organization", ("org", "other"), False),
        ("organization", ("", ""), False),
        ("organization", ("org", ""), False),
    ],
)
@pytest.mark.parametrize("told", [True, False])
def test_a_limit_of_the_organization_benches_its_whole_domain(
    scope: str,
    domains: tuple[str, str],
    benched: bool,  # noqa: FBT001 - a column
    told: bool,  # noqa: FBT001 - both ways in
) -> None:
    """Rotating within it would only waste requests, whether the trigger came by an event or with the snapshot."""
    shared = limit(until=9_000.0, scope=scope)
    own = bucket("default", quota_domain=domains[0])
    other = bucket("claudius", held(9e9), quota_domain=domains[1])
    trigger = Trigger(status=429, limits=(shared,))
    script = (
        Playbook(profile(own, other)) >> fails(429, limits=(shared,))
        if told
        else Playbook(profile(own, other, trigger=trigger))
    )
    out: Found = (SPENT, "5h", 9_000.0)
    if benched:
        assert script << exhausted(default=out, claudius=("limit-in-force", "5h", 9_000.0))
    else:
        assert script << use("claudius", default=out, claudius="usable")


# Several failures in one request.


@pytest.mark.requirement("REQ-1598-SM01")
@pytest.mark.requirement("REQ-1598-SM04")
@pytest.mark.requirement("REQ-1598-FL12")
def test_what_was_tried_keeps_its_reason() -> None:
    """The first bucket's quota is told when the second fails too; its token, never read, is not read for that."""
    assert (
        Playbook(profile("default", "claudius"))
        >> fails(429, detail="slow down")
        << read("claudius", default=(SPENT, "slow down"), claudius="not-read")
        >> store_holds("claudius", held(NOW + 9, "c-1"))
        << use("claudius", default=(SPENT, "slow down"), claudius="usable")
        >> switched("claudius")
        >> fails(500)
        << exhausted(default=(SPENT, "slow down"), claudius=(SOUND, "server-error"))
    )


@pytest.mark.requirement("REQ-1598-CL05")
def test_a_tried_one_that_nothing_is_wrong_with_is_skipped() -> None:
    """Its last trouble was the provider's; it is not tried again in this request, usable or not."""
    pair = profile(bucket("default", held(9e9, "d-1")), bucket("claudius", held(9e9, "c-1")))
    assert (
        Playbook(pair)
        >> fails(500, detail="hiccup")
        << use("claudius", default=(SOUND, "hiccup"), claudius="usable")
        >> switched("claudius")
        >> succeeds()
        >> fails(529)
        << exhausted(default=("already-tried", "hiccup"), claudius=(SOUND, "overloaded"))
    )


def test_a_late_failure_is_charged_to_the_bucket_that_made_it() -> None:
    """The failed call was another bucket's: that one is current again, and the search starts from it."""
    pair = profile(bucket("default", held(9e9, "d-1")), bucket("claudius", held(9e9, "c-1")), current="claudius")
    assert Playbook(pair) >> fails(429, bucket="default") << use("claudius", default=SPENT, claudius="usable")


def test_a_token_without_a_name_is_not_remembered_beyond_its_trigger() -> None:
    """Refused while its call is being answered, it is not known from another afterwards; but it is not gone back to."""
    pair = profile(bucket("default", held(9e9, refreshable=False)), bucket("claudius", held(9e9, "c-1")))
    assert (
        Playbook(pair)
        >> fails(401)
        << use("claudius", default="token-refused", claudius="usable")
        >> switched("claudius")
        >> fails(500)
        << exhausted(default="already-tried", claudius=(SOUND, "server-error"))
    )


@pytest.mark.parametrize(("limits", "until"), [((), None), ((WEEK,), 9_000.0)])
def test_a_spent_quota_is_not_forgotten_for_a_hiccup(limits: tuple[Limit, ...], until: float | None) -> None:
    """A call fails for its quota, and a later one, still in flight, for the server's own trouble; once, that hid it."""
    pair = profile(bucket("default", held(9e9, "d-1")), bucket("claudius"), reauths=0)
    told: Found = (SPENT, "slow down") if until is None else (SPENT, "week", until)
    assert (
        Playbook(pair)
        >> fails(429, detail="slow down", limits=limits)
        << read("claudius", default=told, claudius="not-read")
        >> store_holds("claudius", TokenAbsent())
        << exhausted(default=told, claudius="token-absent")
        >> fails(500, detail="hiccup")
        << read("claudius", default=told, claudius="not-read")
        >> store_holds("claudius", TokenAbsent())
        << exhausted(default=told, claudius="token-absent")
    )


def test_what_was_missing_is_read_again_by_the_next_search() -> None:
    """A login that the user has made meanwhile is found; a store that answers again, too (contract, *Three passes*)."""
    trio = profile(bucket("default", held(9e9, "d-1")), bucket("claudius"), bucket("vybestack"), reauths=0)
    assert (
        Playbook(trio)
        >> fails(429, detail="slow down")
        << read("claudius", default=(SPENT, "slow down"), claudius="not-read")
        >> store_holds("claudius", TokenAbsent())
        << read("vybestack", default=(SPENT, "slow down"), claudius="token-absent", vybestack="not-read")
        >> store_holds("vybestack", held(9e9, "v-1"))
        << use("vybestack", default=(SPENT, "slow down"), claudius="token-absent", vybestack="usable")
        >> switched("vybestack")
        >> fails(429, detail="enough")
        << read(
            "claudius",
            vybestack=(SPENT, "enough"),
            default=(SPENT, "slow down"),
            claudius="not-read",
        )
        >> store_holds("claudius", held(9e9, "c-1"))
        << use("claudius", vybestack=(SPENT, "enough"), default=(SPENT, "slow down"), claudius="usable")
    )


def test_what_was_asked_a_login_for_or_tried_is_not_read_again() -> None:
    """Their reasons stay as they were earned."""
    asked = bucket("claudius", TokenAbsent(), reauth_spent=True)
    tried = bucket("vybestack", TokenAbsent(), tried=True)
    trio = profile(bucket("default", held(9e9, "d-1")), asked, tried, reauths=0)
    assert (
        Playbook(trio)
        >> fails(429, detail="slow down")
        << exhausted(default=(SPENT, "slow down"), claudius="login-failed", vybestack="token-absent")
    )


def test_a_spent_quota_does_not_hide_a_token_that_is_gone() -> None:
    """The token's reason is no `skipped`, so it is told; an earlier quota is told only where nothing else would be."""
    own = bucket("default", TokenAbsent(), problems=(Problem(cause=Cause.QUOTA, detail="slow down"),), tried=True)
    assert Playbook(profile(own, reauths=0)) >> fails(500) << exhausted(default=("token-absent", "slow down"))


def test_the_user_is_not_asked_to_log_in_under_a_limit_of_the_whole_domain() -> None:
    """It stands in a trigger that came with the snapshot, and benches the tried one too: a login would be in vain."""
    trigger = Trigger(status=429, limits=(limit(until=9_000.0, scope="organization"),))
    refusal = (Problem(cause=Cause.FORBIDDEN, detail="not you"),)
    tried = bucket("claudius", TokenAbsent(), tried=True, problems=refusal)
    told: dict[str, Found] = {"default": (SPENT, "5h", 9_000.0), "claudius": ("token-absent", "not you")}

    def pair(*domains: str) -> FailoverSnapshot:
        own = bucket("default", quota_domain=domains[0])
        return profile(own, tried.model_copy(update={"quota_domain": domains[1]}), trigger=trigger)

    assert Playbook(pair("org", "org")) << exhausted(**told)
    assert Playbook(pair("org", "other")) << login("claudius", **told)
    assert Playbook(pair("", "")) << login("claudius", **told)


# The ends.


@pytest.mark.requirement("REQ-1598-FL15")
def test_an_empty_profile_is_exhausted() -> None:
    """With no reasons, and no step."""
    assert Playbook(profile()) << exhausted()


@pytest.mark.requirement("REQ-1598-FL11")
@pytest.mark.requirement("REQ-1598-TS01")
@pytest.mark.requirement("REQ-1598-IC08")
def test_all_five_reasons() -> None:
    """Five buckets, five reasons, in profile order, the triggering one in its place."""
    five = FailoverSnapshot(
        provider="anthropic",
        buckets=(
            bucket("limited", limits=(WEEK,)),
            bucket("expired", held(NOW, "e-1")),
            bucket("current", held(9e9, "c-1")),
            bucket("unlucky", held(NOW, "u-1", refreshable=False)),
            bucket("empty", TokenAbsent(), paused=False),
        ),
        current="current",
        trigger=Trigger(status=500),
    )
    fates = {"expired": Fate(refresh=Mishap.REFUSED, login=Mishap.TIMED_OUT)}
    answer = run(five, World.of(**fates)).answer
    assert answer == exhausted(
        limited=("limit-in-force", "week", 9_000.0),
        expired=("login-failed", "login timed out: nobody answered"),
        current=(SOUND, "server-error"),
        unlucky="token-expired",
        empty="token-absent",
    )
    assert set(answer.reasons.values()) == set(BucketFailureReason)
    assert list(answer.reasons.values()) == [
        "quota-exhausted",
        "reauth-failed",
        "skipped",
        "expired-refresh-failed",
        "no-token",
    ]


def test_every_answer_explains_itself_with_the_same_finding() -> None:
    """The finding of the bucket that is asked about comes last."""
    answer = answer_of(AFTER_A_SPENT_QUOTA)
    assert answer.findings == (found("default", SPENT), found("claudius", "not-read"))


@pytest.mark.requirement("REQ-1598-DC03")
def test_the_passes_are_documented_where_they_are_coded() -> None:
    """The module says what its three passes are."""
    rules = sys.modules[decide_failover.__module__].__doc__ or ""
    for word in ("Three passes", "1. **The triggering bucket.**", "2. **The others**", "3. **A login**"):
        assert word in rules


@pytest.mark.parametrize("token", [TokenAbsent(), TokenCorrupt(), TokenOutage()])
@pytest.mark.parametrize(
    ("facts", "is_read"), [({}, True), ({"tried": True}, False), ({"reauth_spent": True, "api_key": True}, False)]
)
def test_with_each_failed_call_what_was_missing_is_unread_again(
    token: KnownToken,
    facts: dict[str, Any],
    is_read: bool,  # noqa: FBT001 - a column of the table
) -> None:
    """In buckets that were neither tried nor asked a login for: the user may have logged in, or the store be back."""
    after = advance(profile("default", bucket("claudius", token, **facts), "vybestack"), fails(429))
    assert named(after, "claudius").token == (TokenUnread() if is_read else token)
    assert named(advance(after, fails(429, bucket="claudius")), "claudius").token == named(after, "claudius").token


def test_what_turns_out_to_be_a_key_does_not_expire() -> None:
    """The store has said so with its token."""
    key = store_holds("claudius", held(NOW)).model_copy(update={"api_key": True})
    pair = profile("default", "claudius", trigger=Trigger(status=429))
    assert Playbook(pair) >> key << use("claudius", default=SPENT, claudius="usable")
