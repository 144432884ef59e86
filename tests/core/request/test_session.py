"""What all requests of a profile share: how it begins, what a reset keeps, and how long a refusal is believed."""

from typing import Any

import pytest
from pydantic import ValidationError

from bucket_failover_core import (
    BucketSnapshot,
    Cause,
    FailoverSnapshot,
    RetryBudget,
    SessionSnapshot,
    TokenRead,
    Trigger,
    begin_session,
)
from bucket_failover_core.facts import Problem, WindowReading
from bucket_failover_core.request.refused_tokens import REFUSED_KEPT_SECONDS, Refusal
from bucket_failover_core.request.session import (
    AccountFacts,
    limits_of,
    refusals_of,
    reset_session,
    with_limits,
    with_phase,
    with_refusals,
)
from tests.support.dialogue import live, ready, session, told, unread
from tests.support.worlds import NOW, bucket, limit, profile

WEEK = limit(until=9_000.0, window="week")
READING = WindowReading(window="5h", used=0.5)
OF_THE_ACCOUNT: dict[str, Any] = {
    "token": live("A"),
    "paused": True,
    "limits": (WEEK,),
    "quota_domain": "org",
    "api_key": True,
    "readings": (READING,),
    "calls": 3,
    "probed_at": 900.0,
}
OF_A_REQUEST: dict[str, Any] = {
    "rejected": ("A",),
    "refresh_spent": True,
    "reauth_spent": True,
    "renewed_by": "refresh",
    "tried": True,
    "problems": (Problem(cause=Cause.QUOTA),),
    "calls_spent": True,
}


def test_a_session_begins_with_what_is_known_of_the_accounts() -> None:
    """What a request had tried, spent or was refused is left out, of each bucket and of the profile."""
    used = FailoverSnapshot(
        provider="anthropic",
        buckets=(BucketSnapshot(name="a", **OF_THE_ACCOUNT, **OF_A_REQUEST), BucketSnapshot(name="b")),
        current="b",
        trigger=Trigger(status=429),
        reauths_spent=1,
        model="opus",
    )
    bare = FailoverSnapshot(
        provider="anthropic",
        buckets=(BucketSnapshot(name="a", **OF_THE_ACCOUNT), BucketSnapshot(name="b")),
        current="b",
    )
    begun = begin_session(used)
    assert begun == SessionSnapshot(profile=bare, accounts=(AccountFacts(), AccountFacts()))
    assert begun.budget == RetryBudget()
    assert (begun.phase, begun.newest_step_at) == (None, None)
    assert begin_session(bare).profile == bare


def test_the_budget_and_the_phase_are_the_users() -> None:
    """None: retries are not counted, and each request goes by its own chance."""
    begun = begin_session(profile("a"), budget=None, phase=0.25)
    assert (begun.budget, begun.phase) == (None, 0.25)
    assert begin_session(profile("a"), budget=RetryBudget(capacity=3.0)).budget == RetryBudget(capacity=3.0)


@pytest.mark.parametrize(("phase", "valid"), [(0.0, True), (0.999, True), (1.0, False), (-0.001, False)])
def test_a_phase_is_a_chance(phase: float, valid: bool) -> None:  # noqa: FBT001 - a column of the table
    """It is in [0, 1)."""
    if valid:
        assert begin_session(profile("a"), phase=phase).phase == phase
        return
    with pytest.raises(ValidationError, match="phase"):
        begin_session(profile("a"), phase=phase)


@pytest.mark.parametrize("accounts", [0, 1, 3])
def test_each_bucket_has_an_account(accounts: int) -> None:
    """Neither more nor fewer; the error says how many there are."""
    with pytest.raises(ValidationError, match=f"accounts: {accounts} of them for 2 buckets"):
        SessionSnapshot(profile=profile("a", "b"), accounts=(AccountFacts(),) * accounts)


@pytest.mark.requirement("REQ-1598-FL15")
@pytest.mark.parametrize(
    ("names", "current", "in_use"), [("ab", None, "a"), ("ab", "a", "a"), ("ab", "b", "b"), ("", None, None)]
)
def test_the_bucket_in_use(names: str, current: str | None, in_use: str | None) -> None:
    """The one that is named, else the first; an empty profile has none."""
    assert begin_session(profile(*names, current=current)).current == in_use


@pytest.mark.requirement("REQ-1598-SM05")
def test_a_reset_goes_back_to_the_first_bucket_and_keeps_what_is_known() -> None:
    """Tokens, limits, readings, calls and probes stay; what the profile says of a bucket is as it says now."""
    facts = {name: value for name, value in OF_THE_ACCOUNT.items() if name not in {"paused", "quota_domain"}}
    former = begin_session(
        FailoverSnapshot(
            provider="anthropic",
            buckets=(BucketSnapshot(name="a", **facts), bucket("gone"), bucket("b", paused=True)),
            current="b",
        ),
        budget=RetryBudget(capacity=7.0),
        phase=0.75,
    ).evolve({"newest_step_at": 950.0})
    anew = FailoverSnapshot(
        provider="anthropic", buckets=(bucket("b"), bucket("a", quota_domain="new"), ready("c")), current=None
    )
    after = reset_session(former, anew)
    assert after.profile == FailoverSnapshot(
        provider="anthropic",
        buckets=(bucket("b"), BucketSnapshot(name="a", **facts, quota_domain="new"), ready("c")),
    )
    assert (after.budget, after.phase, after.newest_step_at) == (RetryBudget(capacity=7.0), 0.75, 950.0)
    assert after.current == "b"


@pytest.mark.parametrize(("before", "now", "is_key"), [(False, False, False), (True, False, True), (False, True, True)])
def test_what_has_turned_out_to_be_a_key_stays_one(before: bool, now: bool, is_key: bool) -> None:  # noqa: FBT001 - columns
    """Whether the store has said so or the profile says so now."""
    after = reset_session(session(ready("a", api_key=before)), profile(bucket("a", api_key=now)))
    assert after.profile.buckets[0].api_key is is_key


def test_after_a_reset_a_person_may_be_asked_again() -> None:
    """The no to a login is forgotten; everything else that is known of the account stays, in its new place."""
    known = AccountFacts(
        read_at=1.0, changed_at=2.0, login_at=3.0, login_problem="no", refusals=(Refusal(fingerprint="A", at=4.0),)
    )
    former = session("a", "b").evolve({"accounts": (AccountFacts(), known.evolve({"declined_at": 3.0}))})
    after = reset_session(former, profile("b", "c", "a"))
    assert after.accounts == (known, AccountFacts(), AccountFacts())


def test_a_session_takes_one_chance_and_stays_with_it() -> None:
    """The first one; 0.0 is one as well. Nothing else changes."""
    begun = session("a")
    assert with_phase(begun, 0.5) == begun.evolve({"phase": 0.5})
    settled = with_phase(begun, 0.0)
    assert with_phase(settled, 0.5) is settled


def test_limits_can_be_taken_over_from_elsewhere() -> None:
    """Exactly these: a bucket that is not named has none, and one that the profile lacks is passed over."""
    day = limit(until=5_000.0, window="day")
    begun = session(ready("a", limits=(WEEK,)), ready("b", limits=(day,)), "c")
    after = with_limits(begun, {"a": (day,), "c": (WEEK, day), "gone": (WEEK,)})
    assert limits_of(after) == {"a": (day,), "b": (), "c": (WEEK, day)}
    assert after.accounts == begun.accounts
    assert limits_of(begun) == {"a": (WEEK,), "b": (day,), "c": ()}
    assert with_limits(after, limits_of(begun)) == begun


def test_a_bucket_whose_limits_are_the_same_stays_the_same_object() -> None:
    """So nothing that goes by identity has to look at it again."""
    begun = session(ready("a", limits=(WEEK,)), "b")
    after = with_limits(begun, {"a": (limit(until=9_000.0, window="week"),), "b": (WEEK,)})
    assert after.profile.buckets[0] is begun.profile.buckets[0]


def test_a_session_survives_json() -> None:
    """As all values do."""
    known = told(session("a", "b"), TokenRead(bucket="b", token=live("B2"), at=NOW))
    assert SessionSnapshot.model_validate_json(known.model_dump_json()) == known


def test_refusals_can_be_taken_over_from_elsewhere() -> None:
    """A bucket that is not named has none; a token that has been replaced is not concerned."""
    known = session("a", "b")
    theirs, other = Refusal(fingerprint="A", at=NOW), Refusal(fingerprint="else", at=NOW)
    after = with_refusals(known, {"a": (theirs, other), "nobody": (theirs,)})
    assert [account.refusals for account in after.accounts] == [(theirs,), ()]
    assert with_refusals(after, {"a": (theirs,)}) is after
    assert with_refusals(after, {}) == known
    assert [account.refusals for account in with_refusals(unread("a"), {"a": (other,)}).accounts] == [(other,)]


def test_a_refusal_is_told_to_other_processes_while_it_is_worth_it() -> None:
    """And no longer: the store keeps no refusals for ever."""
    known = with_refusals(session("a", "b"), {"a": (Refusal(fingerprint="A", at=NOW),)})
    assert refusals_of(known, now=NOW) == {"a": (Refusal(fingerprint="A", at=NOW),), "b": ()}
    assert refusals_of(known, now=NOW + REFUSED_KEPT_SECONDS) == {"a": (), "b": ()}
