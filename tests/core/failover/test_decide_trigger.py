"""The first pass: what a failover makes of the bucket whose call has failed, and of its token."""

import pytest

from bucket_failover_core import (
    BucketSnapshot,
    Cause,
    KnownToken,
    TokenAbsent,
    TokenCorrupt,
    TokenOutage,
    Trigger,
)
from bucket_failover_core.failover import Fact
from tests.support.playbook import (
    Found,
    Playbook,
    exhausted,
    fails,
    read,
    refresh,
    refresh_brings,
    refresh_fails,
    stay,
    store_holds,
)
from tests.support.worlds import NOW, bucket, held, limit, profile

SPENT: Fact = "call-refused-for-quota"
SOUND: Fact = "credential-sound"
WEEK = limit(until=9_000.0, window="week")


@pytest.mark.requirement("REQ-1598-CL01")
@pytest.mark.requirement("REQ-1598-IC07")
@pytest.mark.parametrize(
    "trigger",
    [
        Trigger(status=429, detail="slow down"),
        Trigger(status=402, detail="slow down"),
        Trigger(cause=Cause.THROTTLED, detail="slow down"),
        Trigger(cause=Cause.QUOTA, status=500, detail="slow down"),
    ],
)
@pytest.mark.parametrize("token", [None, held(NOW, "t-1"), held(NOW + 9, "t-1"), TokenAbsent()])
def test_a_spent_quota_needs_no_look_at_the_token(trigger: Trigger, token: KnownToken | None) -> None:
    """Whatever its token, the bucket is out: no read, no refresh, no login."""
    alone = profile(bucket("default", token), trigger=trigger)
    assert Playbook(alone) << exhausted(default=(SPENT, "slow down"))


def test_a_spent_quota_is_told_with_its_limit() -> None:
    """The limit that came with the answer, or was known before, says until when; the later one counts."""
    told = limit(until=2_000.0, window="5h", detail="")
    assert Playbook(profile("default")) >> fails(429, limits=(told,)) << exhausted(default=(SPENT, "5h", 2_000.0))
    known = profile(bucket("default", limits=(WEEK,)), trigger=Trigger(status=429, limits=(told,)))
    assert Playbook(known) << exhausted(default=(SPENT, "week", 9_000.0))


@pytest.mark.parametrize(("model", "until"), [(None, 9_000.0), ("opus", 9_000.0), ("haiku", None)])
def test_a_spent_quota_of_another_model_says_nothing_of_when(model: str | None, until: float | None) -> None:
    """A limit known to be for another model is not the reason for this refusal."""
    opus = limit(until=9_000.0, scope="model", model="opus", detail="opus is used up")
    spent = profile("default", trigger=Trigger(status=429, limits=(opus,), detail="too many"), model=model)
    told: Found = (SPENT, "too many") if until is None else (SPENT, "opus is used up", until)
    assert Playbook(spent) << exhausted(default=told)


@pytest.mark.requirement("REQ-1598-CL05")
@pytest.mark.requirement("REQ-1598-EC03")
@pytest.mark.parametrize(
    ("trigger", "detail"),
    [
        (Trigger(), ""),
        (Trigger(status=500), "server-error"),
        (Trigger(status=503, detail="down"), "down"),
        (Trigger(status=404), "client-error"),
        (Trigger(cause=Cause.NETWORK, status=401), "network"),
        (Trigger(cause=Cause.CANCELLED, fingerprint="t-1"), "cancelled"),
    ],
)
def test_a_sound_credential_is_not_to_blame(trigger: Trigger, detail: str) -> None:
    """A usable token and a failure that was not about it: skipped, with no refresh. A limit changes nothing."""
    alone = profile(bucket("default", held(NOW + 1, "t-1"), limits=(WEEK,)), trigger=trigger)
    assert Playbook(alone) << exhausted(default=(SOUND, detail))


@pytest.mark.requirement("REQ-1598-CL03")
@pytest.mark.requirement("REQ-1598-CL04")
@pytest.mark.requirement("REQ-1598-EC02")
@pytest.mark.parametrize(
    ("token", "told"),
    [
        (TokenAbsent(), "token-absent"),
        (TokenCorrupt(detail="half a token"), ("token-corrupt", "half a token")),
        (TokenOutage(detail="disk on fire"), ("store-outage", "disk on fire")),
    ],
)
def test_no_token_is_no_token(token: KnownToken, told: Found) -> None:
    """Absent, corrupt, or a store that cannot say: the triggering bucket is read, once, and then out."""
    assert (
        Playbook(profile("default", reauths=0, trigger=Trigger(status=500)))
        << read("default", default="not-read")
        >> store_holds("default", token)
        << exhausted(default=told)
    )


@pytest.mark.requirement("REQ-1598-CL07")
@pytest.mark.requirement("REQ-1598-CL08")
@pytest.mark.requirement("REQ-1598-PE01")
@pytest.mark.requirement("REQ-1598-EC01")
@pytest.mark.requirement("REQ-1598-EC04")
@pytest.mark.parametrize("expired", [held(NOW, "t-1"), held(NOW - 1, "t-1"), held(None, "t-1")])
@pytest.mark.parametrize("status", [None, 401, 403, 500])
def test_a_refresh_heals_the_triggering_bucket_at_once(expired: KnownToken, status: int | None) -> None:
    """Expired, by its expiry or for want of one: one refresh, and no other bucket is looked at."""
    assert (
        Playbook(profile("default", "claudius"))
        >> fails(status)
        << read("default", default="not-read")
        >> store_holds("default", expired)
        << refresh("default", default="refreshable")
        >> refresh_brings("default", held(NOW + 1, "t-2"))
        << stay("default", "refresh", default="usable")
    )


def test_a_refresh_may_move_the_expiry_of_the_same_token() -> None:
    """The same access token, not refused, with a later expiry: that is a renewal."""
    assert (
        Playbook(profile(bucket("default", held(NOW, "t-1")), trigger=Trigger(status=500)))
        << refresh("default", default="refreshable")
        >> refresh_brings("default", held(NOW + 60, "t-1"))
        << stay("default", "refresh", default="usable")
    )


@pytest.mark.requirement("REQ-1598-CL02")
@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_is_not_believed_again(status: int) -> None:
    """Valid by the clock is not accepted by the server: it is refreshed, and the same one once more heals nothing."""
    assert (
        Playbook(profile("default", reauths=0))
        >> fails(status, detail="bad token", fingerprint="t-1")
        << read("default", default="not-read")
        >> store_holds("default", held(NOW + 9, "t-1"))
        << refresh("default", default="refreshable")
        >> refresh_brings("default", held(NOW + 99, "t-1"))
        << exhausted(default=("token-refused", "bad token"))
    )


def test_a_refusal_that_names_no_token_means_the_one_held() -> None:
    """Held when the call failed, or read next; it counts in every bucket that holds the same one."""
    twin = bucket("claudius", held(NOW + 9, "t-1", refreshable=False))
    assert (
        Playbook(profile("default", twin, reauths=0))
        >> fails(401)
        << read("default", default="not-read")
        >> store_holds("default", held(NOW + 9, "t-1", refreshable=False))
        << exhausted(default="token-refused", claudius="token-refused")
    )


@pytest.mark.parametrize("fingerprint", [None, "t-1"])
def test_a_refusal_that_came_with_the_snapshot_refuses_at_once(fingerprint: str | None) -> None:
    """Nothing has happened yet that `advance` could remember it by; a twin with the same token is refused as well."""
    own, twin = (bucket(name, held(NOW + 9, "t-1", refreshable=False)) for name in ("default", "claudius"))
    refused = profile(own, twin, reauths=0, trigger=Trigger(status=401, fingerprint=fingerprint))
    assert Playbook(refused) << exhausted(default="token-refused", claudius="token-refused")


@pytest.mark.parametrize("status", [401, 403])
def test_another_token_in_the_store_is_used(status: int) -> None:
    """Another process has renewed it meanwhile: no refresh, and the same bucket goes on."""
    assert (
        Playbook(profile("default", "claudius"))
        >> fails(status, fingerprint="t-1")
        << read("default", default="not-read")
        >> store_holds("default", held(NOW + 1, "t-2"))
        << stay("default", default="usable")
    )


@pytest.mark.parametrize("fingerprint", [None, "t-1"])
def test_a_nameless_token_counts_as_refused_until_it_is_replaced(fingerprint: str | None) -> None:
    """It cannot be told from the refused one; what a refresh brings is another, nameless or not."""
    nameless = bucket("default", held(NOW + 9))
    started = Playbook(profile(nameless, reauths=0)) >> fails(401, fingerprint=fingerprint)
    asked = started << refresh("default", default="refreshable")
    assert asked >> refresh_brings("default", held(NOW + 9)) << stay("default", "refresh", default="usable")
    assert asked >> refresh_fails("default") << exhausted(default=("token-refused", "refresh failed"))


@pytest.mark.parametrize(
    ("status", "told"),
    [(401, "key-refused"), (500, (SOUND, "server-error")), (429, SPENT)],
)
def test_a_key_is_never_refreshed_and_has_no_login(status: int, told: Found) -> None:
    """An API key does not expire; refused is refused."""
    key = bucket("default", held(None, "k-1"), api_key=True)
    assert Playbook(profile(key)) >> fails(status) << exhausted(default=told)


@pytest.mark.parametrize(
    ("detail", "permanent", "told"),
    [
        ("invalid_grant", True, "refresh refused: invalid_grant"),
        ("no route", False, "refresh failed: no route"),
        ("", True, "refresh refused"),
        ("", False, "refresh failed"),
    ],
)
@pytest.mark.requirement("REQ-1598-CL02")
def test_a_failed_refresh_is_told(detail: str, permanent: bool, told: str) -> None:  # noqa: FBT001 - a column
    """Expired, and the refresh brought nothing: the newest problem says why."""
    assert (
        Playbook(profile(bucket("default", held(NOW, "t-1")), reauths=0))
        >> fails(500, detail="older")
        << refresh("default", default="refreshable")
        >> refresh_fails("default", detail, permanent=permanent)
        << exhausted(default=("token-expired", told))
    )


@pytest.mark.parametrize("facts", [{"refresh_spent": True}, {"token": held(NOW, "t-1", refreshable=False)}])
def test_without_a_refresh_to_spend_an_expired_token_is_the_end(facts: dict[str, object]) -> None:
    """Spent in this request, or not refreshable at all."""
    own = BucketSnapshot.model_validate({"name": "default", "token": held(NOW, "t-1"), **facts})
    assert Playbook(profile(own, reauths=0, trigger=Trigger(status=500))) << exhausted(default="token-expired")
