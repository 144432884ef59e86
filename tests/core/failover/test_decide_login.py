"""The third pass: whom a failover asks for a login, for how long, and what comes of it."""

from typing import Any

import pytest

from bucket_failover_core import (
    Cause,
    FailoverPolicy,
    KnownToken,
    TokenAbsent,
    TokenCorrupt,
    TokenOutage,
    Trigger,
)
from bucket_failover_core.facts import Problem
from bucket_failover_core.failover import Fact
from tests.support.playbook import (
    Found,
    Playbook,
    exhausted,
    fails,
    login,
    login_brings,
    login_fails,
    read,
    refresh,
    refresh_fails,
    stay,
    store_holds,
    switched,
    use,
)
from tests.support.worlds import NOW, bucket, held, limit, profile

SPENT: Fact = "call-refused-for-quota"
QUOTA = Trigger(status=429)
WEEK = limit(until=9_000.0, window="week")


@pytest.mark.requirement("REQ-1598-FL06")
@pytest.mark.requirement("REQ-1598-FL07")
@pytest.mark.requirement("REQ-1598-FL08")
@pytest.mark.requirement("REQ-1598-FR01")
@pytest.mark.requirement("REQ-1598-FR02")
def test_a_login_is_the_last_resort() -> None:
    """No bucket is usable: the first bucket that a login would heal is asked for one, for five minutes at most."""
    assert (
        Playbook(profile("default", "claudius", trigger=QUOTA))
        << read("claudius", default=SPENT, claudius="not-read")
        >> store_holds("claudius", TokenAbsent())
        << login("claudius", 300.0, default=SPENT, claudius="token-absent")
        >> login_brings("claudius", held(NOW + 1, "c-1"))
        << use("claudius", "reauth", default=SPENT, claudius="usable")
    )


@pytest.mark.requirement("REQ-1598-FR02")
def test_the_time_for_a_login_is_the_policys() -> None:
    """As many seconds as the user allows."""
    patient = profile("default", bucket("claudius", TokenAbsent()), trigger=QUOTA).model_copy(
        update={"policy": FailoverPolicy(reauth_timeout_seconds=12.5)}
    )
    assert Playbook(patient) << login("claudius", 12.5, default=SPENT, claudius="token-absent")


@pytest.mark.requirement("REQ-1598-FR03")
@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"token": TokenAbsent()}, "token-absent"),
        ({"token": TokenCorrupt(detail="half a token")}, ("token-corrupt", "half a token")),
        ({"token": held(NOW, refreshable=False)}, "token-expired"),
        ({"token": held(NOW, "c-1"), "refresh_spent": True}, "token-expired"),
        ({"token": held(9e9, "c-1"), "rejected": ["c-1"], "refresh_spent": True}, "token-refused"),
    ],
)
def test_a_login_heals_what_has_no_usable_token(facts: dict[str, Any], told: Found) -> None:
    """`expired-refresh-failed` and `no-token`."""
    assert Playbook(profile("default", bucket("claudius", **facts), trigger=QUOTA)) << login(
        "claudius", default=SPENT, claudius=told
    )


@pytest.mark.requirement("REQ-1598-FR03")
@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"token": TokenOutage(detail="disk on fire")}, ("store-outage", "disk on fire")),
        ({"token": TokenOutage(), "api_key": True}, "store-outage"),
        ({"token": TokenAbsent(), "api_key": True}, "key-missing"),
        ({"token": TokenCorrupt(detail="a word"), "api_key": True}, ("key-missing", "a word")),
        ({"token": held(9e9, "c-1"), "rejected": ["c-1"], "api_key": True}, "key-refused"),
        ({"token": TokenAbsent(), "paused": True}, "paused"),
        ({"token": TokenAbsent(), "limits": [WEEK]}, ("limit-in-force", "week")),
        ({"token": TokenAbsent(), "reauth_spent": True}, "login-failed"),
        ({"token": TokenOutage(detail="disk on fire"), "reauth_spent": True}, "login-failed"),
        ({"token": held(NOW, "c-1"), "reauth_spent": True}, "login-failed"),
        ({"token": held(9e9, "c-1"), "tried": True}, "already-tried"),
    ],
)
def test_nobody_is_asked_in_vain(facts: dict[str, Any], told: Found) -> None:
    """A login that could not be stored, would not end a limit, or was had before, is not asked for."""
    assert Playbook(profile("default", bucket("claudius", **facts), trigger=QUOTA)) << exhausted(
        default=SPENT, claudius=told
    )


@pytest.mark.requirement("REQ-1598-FL07")
def test_untried_buckets_come_before_tried_ones() -> None:
    """First the untried in profile order, then the tried in profile order, the triggering one among them."""
    four = profile(
        bucket("default", TokenAbsent(), tried=True, problems=(Problem(cause=Cause.UNAUTHENTICATED),)),
        bucket("claudius", held(NOW, "c-1", refreshable=False)),
        bucket("vybestack", TokenAbsent()),
        bucket("spare", TokenAbsent()),
        current="claudius",
        trigger=Trigger(status=500),
        reauths=4,
    )
    out: dict[str, Found] = {"claudius": "token-expired", "default": "token-absent"}
    failed: Found = ("login-failed", "login failed: no")
    assert (
        Playbook(four)
        << login("vybestack", **out, vybestack="token-absent", spare="token-absent")
        >> login_fails("vybestack", "no")
        << login("spare", **out, vybestack=failed, spare="token-absent")
        >> login_fails("spare", "no")
        << login("default", **out, vybestack=failed, spare=failed)
        >> login_fails("default", "no")
        << login("claudius", claudius="token-expired", default=failed, vybestack=failed, spare=failed)
        >> login_brings("claudius", held(NOW + 1))
        << stay("claudius", "reauth", claudius="usable")
    )


def test_a_tried_bucket_that_a_login_heals_is_used() -> None:
    """Renewed since its last failure, it is judged like any other."""
    tried = bucket("default", held(9e9, "d-1"), rejected=("d-1",), refresh_spent=True, tried=True)
    pair = profile(tried, "claudius", current="claudius", trigger=QUOTA)
    assert (
        Playbook(pair)
        << login("default", claudius=SPENT, default="token-refused")
        >> login_brings("default", held(NOW + 1, "d-2"))
        << use("default", "reauth", claudius=SPENT, default="usable")
    )


@pytest.mark.requirement("REQ-1598-FL07")
@pytest.mark.parametrize("reauths", [0, 1, 2])
def test_a_request_asks_for_no_more_logins_than_the_policy_allows(reauths: int) -> None:
    """No second prompt, unless the user allows two; what is spent already counts."""
    trio = (bucket("claudius", TokenAbsent()), bucket("vybestack", TokenAbsent()))
    start = Playbook(profile("default", *trio, trigger=QUOTA, reauths=reauths))
    failed: Found = ("login-failed", "login failed")
    if reauths == 0:
        assert start << exhausted(default=SPENT, claudius="token-absent", vybestack="token-absent")
        return
    one = (
        start
        << login("claudius", default=SPENT, claudius="token-absent", vybestack="token-absent")
        >> login_fails("claudius")
    )
    if reauths == 1:
        assert one << exhausted(default=SPENT, claudius=failed, vybestack="token-absent")
        return
    assert (
        one
        << login("vybestack", default=SPENT, claudius=failed, vybestack="token-absent")
        >> login_fails("vybestack")
        << exhausted(default=SPENT, claudius=failed, vybestack=failed)
    )


@pytest.mark.parametrize(("spent", "asks"), [(0, True), (1, True), (2, False), (3, False)])
def test_logins_already_spent_count(spent: int, asks: bool) -> None:  # noqa: FBT001 - a column
    """They are counted per request, over all buckets."""
    pair = profile("default", bucket("claudius", TokenAbsent()), trigger=QUOTA, reauths=2, reauths_spent=spent)
    told: dict[str, Found] = {"default": SPENT, "claudius": "token-absent"}
    assert Playbook(pair) << (login("claudius", **told) if asks else exhausted(**told))


@pytest.mark.requirement("REQ-1598-FL10")
@pytest.mark.requirement("REQ-1598-FR04")
@pytest.mark.parametrize(
    ("detail", "timed_out", "told"),
    [
        ("", True, "login timed out"),
        ("window closed", True, "login timed out: window closed"),
        ("", False, "login failed"),
        ("window closed", False, "login failed: window closed"),
    ],
)
def test_a_failed_login_is_told(detail: str, timed_out: bool, told: str) -> None:  # noqa: FBT001 - a column
    """A timeout or any other end without a token: `reauth-failed`, and the failover comes to its end."""
    assert (
        Playbook(profile("default", bucket("claudius", TokenAbsent()), trigger=QUOTA))
        << login("claudius", default=SPENT, claudius="token-absent")
        >> login_fails("claudius", detail, timed_out=timed_out)
        << exhausted(default=SPENT, claudius=("login-failed", told))
    )


@pytest.mark.requirement("REQ-1598-FL08")
@pytest.mark.requirement("REQ-1598-FL09")
@pytest.mark.parametrize(
    "brought",
    [TokenAbsent(), TokenCorrupt(), TokenOutage(), held(9e9, "d-1"), held(NOW, "d-2"), held(None, "d-2")],
)
def test_a_login_has_to_bring_another_usable_token(brought: KnownToken) -> None:
    """Nothing, the refused one again, or an expired one, which is not refreshed in the same request."""
    own = bucket("default", held(9e9, "d-1"), refresh_spent=True)
    assert (
        Playbook(profile(own))
        >> fails(401, detail="bad token")
        << login("default", default=("token-refused", "bad token"))
        >> login_brings("default", brought)
        << exhausted(default=("login-failed", "bad token"))
    )


def test_a_login_heals_the_triggering_bucket_in_spite_of_a_limit() -> None:
    """Pass 1 looks at no limit, so the login is not in vain; another bucket's limit would bench it all the same."""
    own = bucket("default", TokenAbsent(), limits=(WEEK,))
    other = bucket("claudius", TokenAbsent(), limits=(WEEK,), tried=True)
    limited: Found = ("limit-in-force", "week")
    assert (
        Playbook(profile(own, other, reauths=2))
        >> fails(500)
        << login("default", default="token-absent", claudius=limited)
        >> login_brings("default", held(NOW + 1))
        << stay("default", "reauth", default="usable")
    )


def test_a_tried_bucket_under_a_limit_is_not_asked_for() -> None:
    """Its token was refused, so its reason is not the limit; but the limit would bench it with a fresh login too."""
    refusal = (Problem(cause=Cause.FORBIDDEN, detail="not you"),)
    tried = bucket("claudius", TokenAbsent(), tried=True, problems=refusal, limits=(WEEK,))
    out: Found = ("token-absent", "not you")
    assert Playbook(profile("default", tried, trigger=QUOTA)) << exhausted(default=SPENT, claudius=out)
    free = bucket("vybestack", TokenAbsent())
    assert Playbook(profile("default", tried, free, trigger=QUOTA)) << login(
        "vybestack", default=SPENT, claudius=out, vybestack="token-absent"
    )
    over = tried.model_copy(update={"limits": (limit(until=NOW),)})
    assert Playbook(profile("default", over, trigger=QUOTA)) << login("claudius", default=SPENT, claudius=out)


@pytest.mark.parametrize(("model", "asks"), [(None, False), ("opus", False), ("haiku", True)])
def test_a_limit_of_another_model_does_not_hinder_a_login(model: str | None, asks: bool) -> None:  # noqa: FBT001 - a column
    """A limit that is known to be for another model than this request's is none."""
    opus = limit(until=9_000.0, scope="model", model="opus")
    refusal = (Problem(cause=Cause.FORBIDDEN, detail="not you"),)
    tried = bucket("claudius", TokenAbsent(), tried=True, problems=refusal, limits=(opus,))
    pair = profile("default", tried, trigger=QUOTA, model=model)
    told: dict[str, Found] = {"default": SPENT, "claudius": ("token-absent", "not you")}
    assert Playbook(pair) << (login("claudius", **told) if asks else exhausted(**told))


@pytest.mark.parametrize("token", [held(NOW, "d-1"), TokenAbsent()])
def test_a_paused_bucket_is_not_asked_for(token: KnownToken) -> None:
    """Paused and current, it is classified like any other; but an operator has taken it out, so no prompt."""
    own = bucket("default", token, paused=True, refresh_spent=True)
    told: Found = "token-absent" if token.kind == "absent" else "token-expired"
    assert Playbook(profile(own, trigger=Trigger(status=500))) << exhausted(default=told)


@pytest.mark.requirement("REQ-1598-TS03")
def test_one_bucket_goes_the_whole_way_alone() -> None:
    """Read, refresh, login: three steps, and it is the same bucket that is used."""
    assert (
        Playbook(profile("default"))
        >> fails(401, fingerprint="d-1")
        << read("default", default="not-read")
        >> store_holds("default", held(9e9, "d-1"))
        << refresh("default", default="refreshable")
        >> refresh_fails("default", "invalid_grant", permanent=True)
        << login("default", default=("token-refused", "refresh refused: invalid_grant"))
        >> login_brings("default", held(9e9, "d-2"))
        << stay("default", "reauth", default="usable")
    )


def test_a_bucket_that_a_login_did_not_heal_stays_so() -> None:
    """Whatever befalls it later in the request: a spent quota does not overwrite it."""
    failed: Found = ("login-failed", "slow down")
    assert (
        Playbook(profile(bucket("default", TokenAbsent())))
        >> fails(500)
        << login("default", default="token-absent")
        >> login_fails("default")
        << exhausted(default=("login-failed", "login failed"))
        >> fails(429, detail="slow down")
        << exhausted(default=failed)
        >> store_holds("default", held(9e9, "d-9"))
        << exhausted(default=(SPENT, "slow down"))
    )


def test_a_login_is_remembered_over_a_switch() -> None:
    """One prompt per request, not per failure; and what it brought is not refreshed in the same request."""
    pair = profile(bucket("default", TokenAbsent()), bucket("claudius", held(9e9, "c-1")))
    assert (
        Playbook(pair)
        >> fails(500)
        << use("claudius", default="token-absent", claudius="usable")
        >> switched("claudius")
        >> fails(500)
        << login("default", claudius=("credential-sound", "server-error"), default="token-absent")
        >> login_brings("default", held(9e9, "d-1"))
        << use("default", "reauth", claudius=("credential-sound", "server-error"), default="usable")
        >> switched("default")
        >> fails(401)
        << exhausted(default="login-failed", claudius="already-tried")
    )


@pytest.mark.parametrize(("spent", "asks"), [(False, True), (True, False)])
def test_a_bucket_that_has_had_its_calls_is_not_asked_for(spent: bool, asks: bool) -> None:  # noqa: FBT001 - columns
    """It could not be called with in this request, whatever a login brings."""
    tried = {"tried": True, "calls_spent": spent}
    pair = profile(bucket("default", TokenAbsent(), **tried), bucket("claudius", paused=True))
    told: dict[str, Found] = {"default": "token-absent", "claudius": "paused"}
    assert Playbook(pair) << (login("default", **told) if asks else exhausted(**told))


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({}, ("credential-sound", "server-error")),
        ({"renewed_by": "refresh"}, ("credential-sound", "server-error")),
        ({"token": held(NOW)}, "token-expired"),
        ({"problems": (Problem(cause=Cause.QUOTA, detail="slow"),)}, (SPENT, "slow")),
        ({"problems": (Problem(cause=Cause.QUOTA, detail="slow"),), "renewed_by": "refresh"}, (SPENT, "slow")),
    ],
)
def test_it_is_neither_refreshed_nor_used_again(facts: dict[str, Any], told: Found) -> None:
    """The triggering bucket, whatever its token is worth; a refusal for quota is told before that."""
    fields = {"token": held(NOW + 1), "tried": True, "calls_spent": True, "reauth_spent": False, **facts}
    token = fields.pop("token")
    pair = profile(
        bucket("default", token, **fields), bucket("claudius", paused=True), trigger=Trigger(status=500), reauths=0
    )
    assert Playbook(pair) << exhausted(default=told, claudius="paused")


def test_nor_is_another_bucket_that_has_had_them() -> None:
    """Renewed or not, it is reported as one that was tried."""
    spent = {"tried": True, "calls_spent": True}
    trio = profile(
        bucket("default", held(NOW + 1)),
        bucket("claudius", held(NOW + 1), renewed_by="refresh", **spent),
        bucket("vybestack", held(NOW), **spent),
        trigger=QUOTA,
    )
    assert Playbook(trio) << exhausted(default=SPENT, claudius="already-tried", vybestack="token-expired")
