"""What is known of one bucket, rule by rule: each rule outranks those below it."""

from typing import Any

import pytest

from bucket_failover_core import (
    BucketFailureReason,
    BucketStanding,
    BucketUnavailable,
    Cause,
    NeedsRead,
    NeedsRefresh,
    TokenAbsent,
    TokenCorrupt,
    TokenOutage,
    TokenUnread,
    Usable,
    classify_bucket,
)
from bucket_failover_core.facts import Problem
from bucket_failover_core.failover.standing import find, token_fact
from tests.support.playbook import Found, found
from tests.support.worlds import NOW, bucket, held, limit

WEEK = limit(until=9_000.0, window="week", detail="week at 100 %")
LIMITED: Found = ("limit-in-force", "week at 100 %", 9_000.0)
LIMITED_FOR_LONGER: Found = ("limit-in-force", "week at 100 %")
"""Its end is not told where the bucket would not be usable then."""

Facts = dict[str, Any]


def problems(*causes: Cause | None) -> tuple[Problem, ...]:
    """Oldest first; each says its cause."""
    return tuple(Problem(cause=cause, detail=f"{cause}") for cause in causes)


def standing(facts: Facts, *, model: str | None = None, refused: str = "") -> Found:
    """The finding, in few letters."""
    finding = find(bucket("b", **facts), now=NOW, model=model, refused=refused)
    if finding.until is not None:
        return (finding.fact, finding.detail, finding.until)
    return (finding.fact, finding.detail) if finding.detail else finding.fact


@pytest.mark.parametrize(
    ("facts", "answer"),
    [
        ({}, NeedsRead(bucket="b")),
        ({"token": held(NOW + 1)}, Usable(bucket="b")),
        ({"token": held(NOW + 1, "b-2"), "renewed_by": "refresh"}, Usable(bucket="b", via="refresh")),
        ({"token": held(NOW + 1, "b-2"), "renewed_by": "reauth"}, Usable(bucket="b", via="reauth")),
        ({"token": held(NOW)}, NeedsRefresh(bucket="b")),
        ({"token": held(None)}, NeedsRefresh(bucket="b")),
        ({"token": held(9e9, "b-1"), "rejected": ["b-1"]}, NeedsRefresh(bucket="b")),
        ({"token": held(None), "api_key": True}, Usable(bucket="b")),
        ({"token": held(NOW - 1, "k"), "api_key": True, "reauth_spent": True}, Usable(bucket="b")),
    ],
)
def test_nothing_rules_it_out(facts: Facts, answer: BucketStanding) -> None:
    """Usable, or one step away from it."""
    assert classify_bucket(bucket("b", **facts), now=NOW).unwrap() == answer


@pytest.mark.requirement("REQ-1598-CL03")
@pytest.mark.requirement("REQ-1598-CL04")
@pytest.mark.requirement("REQ-1598-CL05")
@pytest.mark.requirement("REQ-1598-FL17")
@pytest.mark.parametrize(
    ("facts", "reason", "detail", "until"),
    [
        ({"token": TokenAbsent()}, "no-token", "b: it has no token", None),
        (
            {"token": TokenOutage(detail="disk on fire")},
            "no-token",
            "b: the token store could not answer (disk on fire)",
            None,
        ),
        (
            {"token": held(NOW, "b-1"), "refresh_spent": True},
            "expired-refresh-failed",
            "b: its token has expired",
            None,
        ),
        ({"paused": True}, "skipped", "b: paused", None),
        (
            {"limits": [limit(until=9_000.0)]},
            "quota-exhausted",
            "b: a limit is in force until 1970-01-01 02:30:00 UTC (5h)",
            9_000.0,
        ),
        ({"token": TokenAbsent(), "reauth_spent": True}, "reauth-failed", "b: the login brought no usable token", None),
    ],
)
def test_something_rules_it_out(facts: Facts, reason: str, detail: str, until: float | None) -> None:
    """Which of the five reasons, in words, and until when."""
    unavailable = BucketUnavailable(bucket="b", reason=BucketFailureReason(reason), detail=detail, until=until)
    assert classify_bucket(bucket("b", **facts), now=NOW).failure() == unavailable


@pytest.mark.requirement("REQ-1598-FL10")
@pytest.mark.parametrize(
    "token",
    [TokenAbsent(), TokenCorrupt(), TokenOutage(), held(NOW), held(9e9, "b-1"), held(9e9, "b-1", refreshable=False)],
)
def test_a_login_that_failed_outranks_everything(token: object) -> None:
    """Tried, paused, limited or spent: it stays `reauth-failed`, with what was last said."""
    everything = {
        "token": token,
        "rejected": ["b-1"],
        "reauth_spent": True,
        "tried": True,
        "paused": True,
        "limits": [WEEK],
        "problems": [*problems(Cause.QUOTA), Problem(cause=None, detail="login failed: no"), Problem(cause=None)],
    }
    assert standing(everything) == ("login-failed", "login failed: no")


@pytest.mark.parametrize("token", [TokenUnread(), held(9e9, "b-1")])
def test_a_login_that_brought_a_usable_token_did_not_fail(token: object) -> None:
    """Nor does one whose outcome the shell has not read."""
    assert standing({"token": token, "reauth_spent": True, "paused": True}) == "paused"


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        # The newest problem that has a reason gives it.
        ({"problems": problems(Cause.QUOTA)}, ("call-refused-for-quota", "quota")),
        ({"problems": problems(Cause.THROTTLED, Cause.SERVER_ERROR, None)}, ("call-refused-for-quota", "throttled")),
        ({"problems": problems(Cause.QUOTA, Cause.THROTTLED)}, ("call-refused-for-quota", "throttled")),
        ({"problems": problems(Cause.QUOTA), "token": TokenAbsent()}, ("call-refused-for-quota", "quota")),
        (
            {"problems": problems(Cause.QUOTA, Cause.UNAUTHENTICATED), "token": TokenAbsent()},
            ("token-absent", "unauthenticated"),
        ),
        (
            {"problems": problems(Cause.FORBIDDEN, Cause.QUOTA), "token": TokenAbsent()},
            ("call-refused-for-quota", "quota"),
        ),
        # A refusal gives the token's reason, while the token is unusable; a limit does not outrank it.
        ({"problems": problems(Cause.FORBIDDEN), "token": held(NOW), "limits": [WEEK]}, ("token-expired", "forbidden")),
        (
            {"problems": problems(Cause.UNAUTHENTICATED), "token": held(9e9, "b-1"), "rejected": ["b-1"]},
            ("token-refused", "unauthenticated"),
        ),
        ({"problems": problems(Cause.FORBIDDEN), "token": held(9e9, "b-2")}, ("already-tried", "forbidden")),
        ({"problems": problems(Cause.FORBIDDEN), "token": held(9e9, "b-2"), "limits": [WEEK]}, LIMITED),
        ({"problems": problems(Cause.FORBIDDEN), "token": held(9e9)}, ("already-tried", "forbidden")),
        ({"problems": problems(Cause.FORBIDDEN)}, ("already-tried", "forbidden")),
        (
            {"problems": problems(Cause.QUOTA, Cause.FORBIDDEN), "token": held(9e9, "b-2")},
            ("call-refused-for-quota", "quota"),
        ),
        # A spent quota is told with the limit that is in force, if one is.
        ({"problems": problems(Cause.QUOTA), "limits": [WEEK]}, ("call-refused-for-quota", "week at 100 %", 9_000.0)),
        ({"problems": problems(Cause.QUOTA), "limits": [limit(until=NOW)]}, ("call-refused-for-quota", "quota")),
        (
            {"problems": problems(Cause.QUOTA), "limits": [WEEK], "token": held(NOW)},
            ("call-refused-for-quota", "week at 100 %", 9_000.0),
        ),
        (
            {"problems": problems(Cause.QUOTA), "limits": [WEEK], "token": held(NOW), "refresh_spent": True},
            ("call-refused-for-quota", "week at 100 %"),
        ),
        # Else the limit; else the token's reason; else it is skipped, paused or not.
        ({"limits": [WEEK]}, LIMITED),
        ({"limits": [WEEK], "token": held(NOW)}, LIMITED),
        ({"limits": [WEEK], "token": TokenAbsent()}, LIMITED_FOR_LONGER),
        ({"limits": [WEEK], "paused": True}, LIMITED_FOR_LONGER),
        ({"token": held(NOW), "problems": problems(Cause.SERVER_ERROR)}, ("token-expired", "server-error")),
        ({"token": TokenCorrupt(detail="half a token"), "problems": problems(None)}, ("token-corrupt", "half a token")),
        ({"token": held(9e9, "b-1"), "paused": True}, "already-tried"),
        ({"problems": [Problem(cause=None, detail="first"), Problem(cause=Cause.TIMEOUT)]}, ("already-tried", "first")),
    ],
)
@pytest.mark.requirement("REQ-1598-CL05")
def test_a_tried_one_is_told_by_what_has_been_proven(facts: Facts, told: Found) -> None:
    """What was tried comes before what is believed; nothing is read or refreshed for a bucket that failed."""
    assert standing({"tried": True, **facts}) == told


@pytest.mark.parametrize("renewer", ["refresh", "reauth"])
def test_a_tried_one_that_was_renewed_is_judged_afresh(renewer: str) -> None:
    """Its problems are answered; what is believed of it counts as before."""
    renewed = {"tried": True, "renewed_by": renewer, "token": held(9e9, "b-2"), "problems": problems(Cause.FORBIDDEN)}
    assert standing(renewed) == "usable"
    assert standing({**renewed, "paused": True}) == "paused"
    assert standing({**renewed, "limits": [WEEK]}) == LIMITED


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"paused": True, "limits": [WEEK], "token": TokenAbsent()}, "paused"),
        ({"limits": [WEEK]}, LIMITED),
        ({"limits": [WEEK], "token": held(9e9)}, LIMITED),
        ({"limits": [WEEK], "token": held(NOW)}, LIMITED),
        ({"limits": [WEEK], "token": held(NOW), "refresh_spent": True}, LIMITED_FOR_LONGER),
        ({"limits": [WEEK], "token": TokenAbsent()}, LIMITED_FOR_LONGER),
        ({"limits": [WEEK, limit(until=9_001.0)]}, ("limit-in-force", "5h", 9_001.0)),
        ({"limits": [limit(until=NOW + 0.001, window="minute")]}, ("limit-in-force", "minute", NOW + 0.001)),
        ({"limits": [limit(until=NOW)]}, "not-read"),
        ({"limits": [limit(scope="request")]}, "not-read"),
    ],
)
def test_what_is_believed_outranks_the_token(facts: Facts, told: Found) -> None:
    """Paused, then a limit in force, and only then the token."""
    assert standing(facts) == told


@pytest.mark.parametrize(("model", "told"), [(None, LIMITED), ("opus", LIMITED), ("haiku", "not-read")])
def test_a_limit_counts_for_its_model(model: str | None, told: Found) -> None:
    """And for a request whose model the caller has not named."""
    opus = WEEK.model_copy(update={"scope": "model", "model": "opus"})
    assert standing({"limits": [opus]}, model=model) == told
    assert classify_bucket(bucket("b", limits=(opus,)), now=NOW, model=model).map(lambda known: known.kind).value_or(
        "out"
    ) == ("needs-read" if told == "not-read" else "out")


def test_limits_of_the_domain_join_its_own() -> None:
    """The longest counts, whichever bucket earned it."""
    shared = limit(until=9_999.0, scope="organization")
    own = bucket("b", limits=(WEEK,))
    assert find(own, now=NOW, shared=(shared,)) == found("b", ("limit-in-force", "5h", 9_999.0))
    assert find(bucket("b"), now=NOW, shared=(shared,)) == found("b", ("limit-in-force", "5h", 9_999.0))
    assert find(bucket("b"), now=NOW) == found("b", "not-read")


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"token": held(9e9, "b-1")}, "refreshable"),
        ({"token": held(9e9, "b-1"), "refresh_spent": True}, "token-refused"),
        ({"token": held(9e9, "b-1", refreshable=False)}, "token-refused"),
        ({"token": held(NOW, "b-1", refreshable=False)}, "token-expired"),
        ({"token": held(9e9, "b-1"), "api_key": True}, "key-refused"),
        ({"token": held(9e9, "b-1"), "reauth_spent": True}, "login-failed"),
        ({"token": held(9e9, "b-1"), "tried": True}, "token-refused"),
        ({"token": held(9e9, "b-2")}, "usable"),
        ({"token": held(9e9, "")}, "usable"),
    ],
)
def test_the_refused_token_of_the_trigger_is_refused_here_too(facts: Facts, told: Found) -> None:
    """Two buckets may hold the same one; an empty fingerprint matches nothing."""
    assert standing(facts, refused="b-1") == told


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"token": TokenAbsent(), "api_key": True}, "key-missing"),
        ({"token": TokenCorrupt(detail="a word"), "api_key": True}, ("key-missing", "a word")),
        ({"token": TokenOutage(), "api_key": True, "reauth_spent": True}, "store-outage"),
        ({"token": TokenAbsent(), "api_key": True, "reauth_spent": True}, "key-missing"),
        ({"token": TokenCorrupt(detail="half a token")}, ("token-corrupt", "half a token")),
    ],
)
def test_a_key_is_missing_where_a_login_would_be(facts: Facts, told: Found) -> None:
    """There is no login for an API key; what is in its place is told by its own name."""
    assert standing(facts) == told


@pytest.mark.parametrize(
    ("facts", "unknown", "fact"),
    [
        ({"token": held(9e9)}, True, "refreshable"),
        ({"token": held(9e9)}, False, "usable"),
        ({"token": held(9e9), "renewed_by": "refresh"}, True, "usable"),
        ({"token": held(9e9, "b-1")}, True, "usable"),
        ({"token": held(9e9, refreshable=False)}, True, "token-refused"),
        ({"token": held(9e9), "api_key": True}, True, "key-refused"),
    ],
)
def test_a_nameless_token_may_be_the_refused_one(facts: Facts, unknown: bool, fact: str) -> None:  # noqa: FBT001 - a column
    """Where the refused token is not known by name, one without a name counts as it until renewed."""
    assert token_fact(bucket("b", **facts), now=NOW, refused_unknown=unknown) == fact


def test_a_bucket_that_may_not_be_refreshed_is_not() -> None:
    """An unspent refresh that this request will not try leaves the token expired."""
    expired = bucket("b", held(NOW, "b-1"))
    assert token_fact(expired, now=NOW) == "refreshable"
    assert token_fact(expired, now=NOW, may_refresh=False) == "token-expired"
