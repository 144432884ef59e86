"""No bucket is left: which one is given time, and until when?"""

from typing import Any

import pytest

from bucket_failover_core import (
    BucketSnapshot,
    CallAnswered,
    KnownToken,
    Limit,
    RefreshFailed,
    RequestEvent,
    RetryPolicy,
    TokenAbsent,
    TokenRead,
)
from bucket_failover_core.request.patience import Patience, find_patience
from bucket_failover_core.retry.decide import is_waited_for, patient_until
from tests.support.dialogue import Both, answer, live, ready, session, stale
from tests.support.worlds import NOW, bucket, held, limit

FAILED_AT = NOW - 1


def soft(until: float, **facts: Any) -> Limit:
    """A belief."""
    return limit(until, **{"strength": "advisory", **facts})


def failed(
    cause: str | None,
    wish: float | None = None,
    *limits: Limit,
    at: float = FAILED_AT,
    name: str = "a",
    token: str = "A",  # noqa: S107 - no secret
) -> CallAnswered:
    """A call of this request has failed."""
    return CallAnswered(bucket=name, answer=answer(cause, wish, *limits, at=at), begun_at=NOW - 2, fingerprint=token)


def patience(
    *buckets: BucketSnapshot | str, told: tuple[Any, ...] = (), model: str | None = None, **policy: Any
) -> tuple[str, float] | None:
    """The bucket that is given time, and until when."""
    both = Both(session(*buckets), model=model, policy=RetryPolicy(**policy)).own(*told)
    found = find_patience(both.ledger(NOW), both.request, now=NOW)
    assert found is None or isinstance(found, Patience)
    return None if found is None else (found.bucket.name, found.until)


OUT = ready("z", paused=True)
"""A second bucket, which is never given time."""


@pytest.mark.parametrize(
    ("token", "facts", "steps", "is_given"),
    [
        (live("A"), {}, (), True),
        (live("A"), {"paused": True}, (), False),
        (live("A"), {}, (RefreshFailed(bucket="a", at=NOW),), True),
        (stale("A"), {}, (), True),
        (stale("A"), {}, (RefreshFailed(bucket="a", at=NOW),), False),
        (stale("A", refreshable=False), {}, (), False),
        (TokenAbsent(), {}, (), False),
    ],
)
def test_a_bucket_is_given_time_if_its_token_can_be_called_with(
    token: KnownToken,
    facts: dict[str, Any],
    steps: tuple[RequestEvent, ...],
    is_given: bool,  # noqa: FBT001 - a column of the table
) -> None:
    """Or can be made so. One that is merely doubted is given none at all: it can be called at once."""
    told = (TokenRead(bucket="a", token=token, at=NOW), *steps)
    assert patience(bucket("a", **facts), OUT, told=told) == (("a", NOW) if is_given else None)


@pytest.mark.parametrize(("seconds", "given"), [(19.9, None), (20.0, ("a", NOW + 20)), (None, ("a", NOW + 20))])
def test_a_wait_that_the_caller_does_not_accept_is_none(seconds: float | None, given: tuple[str, float] | None) -> None:
    """No bucket is worth it then."""
    assert patience(bucket("a", limits=(limit(NOW + 20),)), OUT, patience_seconds=seconds) == given


def test_a_token_that_was_not_read_may_be_one() -> None:
    """Nothing speaks against it."""
    assert patience(bucket("a"), OUT) == ("a", NOW)


@pytest.mark.parametrize(("calls", "given"), [(1, ("a", NOW + 4)), (2, ("a", NOW + 9)), (3, None)])
def test_a_bucket_that_has_had_its_three_calls_is_not(calls: int, given: tuple[str, float] | None) -> None:
    """Before that, for the backoff of its own failures."""
    assert patience("a", OUT, told=(failed("server-error"),) * calls) == given


@pytest.mark.parametrize(
    ("limits", "until"),
    [
        ((), NOW),
        ((soft(NOW + 9_000),), NOW),
        ((limit(NOW + 299),), NOW + 299),
        ((limit(NOW + 300),), NOW + 300),
        ((limit(NOW + 300.001),), None),
        ((limit(NOW),), NOW),
        ((limit(NOW - 1),), NOW),
        ((limit(NOW + 20), limit(NOW + 40, window="day")), NOW + 40),
        ((limit(NOW + 20), limit(NOW + 9_000, window="day")), None),
        ((limit(NOW + 9_000, model="opus"),), NOW),
        ((limit(NOW + 9_000, model="haiku"),), None),
        ((limit(NOW + 9_000, scope="request"),), NOW),
        ((soft(NOW + 20, source="operator"),), NOW + 20),
        ((soft(NOW + 9_000, source="operator"),), None),
    ],
)
def test_a_directive_limit_is_waited_for_until_it_ends(limits: tuple[Limit, ...], until: float | None) -> None:
    """If that is within `hint_max_seconds`; a belief is not, and neither is what concerns another model."""
    given = None if until is None else ("a", until)
    assert patience(ready("a", limits=limits), OUT, model="haiku") == given


@pytest.mark.parametrize(("seconds", "until"), [(0.0, None), (19.0, None), (20.0, NOW + 20), (21.0, NOW + 20)])
def test_how_long_is_the_policys(seconds: float, until: float | None) -> None:
    """`hint_max_seconds`."""
    given = None if until is None else ("a", until)
    assert patience(ready("a", limits=(limit(NOW + 20),)), OUT, hint_max_seconds=seconds) == given


@pytest.mark.parametrize(
    ("calls", "until"),
    [
        ((failed("server-error"),), FAILED_AT + 5),
        ((failed("server-error"), failed("network", at=NOW - 3)), NOW - 3 + 10),
        ((failed(None),), FAILED_AT + 5),
        ((failed("quota"),), FAILED_AT + 5),
        ((failed("server-error", NOW + 20),), NOW + 20),
        ((failed("server-error", NOW + 9_000),), FAILED_AT + 300),
        ((failed("throttled", NOW + 9_000),), FAILED_AT + 300),
        ((failed("server-error", FAILED_AT),), FAILED_AT + 5),
        ((failed("server-error", NOW + 20), failed("server-error", at=NOW)), NOW + 10),
        ((failed("server-error"), failed("server-error", at=NOW, name="z")), FAILED_AT + 5),
        ((failed("quota", None, soft(NOW + 60)),), FAILED_AT + 5),
        ((failed("quota", None, limit(NOW + 60)),), NOW + 60),
        ((failed("server-error", at=NOW - 100),), NOW - 95),
    ],
)
def test_a_bucket_that_has_failed_is_given_the_backoff_of_its_own_failures(
    calls: tuple[CallAnswered, ...], until: float
) -> None:
    """Or what its last answer asked for, within bounds; a directive limit in force beats both."""
    assert patience("a", OUT, told=calls) == ("a", until)


@pytest.mark.parametrize(
    ("call", "until"),
    [
        (failed("quota", FAILED_AT + 300), FAILED_AT + 300),
        (failed("quota", FAILED_AT + 300.5), None),
        (failed("quota", None, soft(FAILED_AT + 300, window="balance")), FAILED_AT + 5),
        (failed("quota", None, soft(FAILED_AT + 300.5, window="balance")), None),
        (failed("quota", None, soft(FAILED_AT + 9_000, window="week")), FAILED_AT + 5),
        (failed("quota", None, limit(FAILED_AT + 300.5)), None),
        (failed("quota", None, limit(FAILED_AT + 9_000, scope="request")), FAILED_AT + 5),
        (failed("throttled", None, soft(FAILED_AT + 9_000, window="balance")), FAILED_AT + 5),
        (failed("quota", None, limit(NOW), at=NOW - 400), NOW - 395),
        (failed("quota", None, limit(NOW + 0.5), at=NOW - 400), None),
    ],
)
def test_what_the_bucket_alone_would_have_given_up_on_is_not_waited_for(
    call: CallAnswered, until: float | None
) -> None:
    """A quota that is spent for longer than `hint_max_seconds` from the failure on, money that is gone among it."""
    assert patience("a", OUT, told=(call,)) == (None if until is None else ("a", until))


def test_only_the_last_call_tells_what_the_bucket_is_worth() -> None:
    """What was said before has been answered since."""
    calls = (failed("quota", NOW + 9_000), failed("server-error"))
    assert patience("a", OUT, told=calls) == ("a", FAILED_AT + 10)


@pytest.mark.parametrize(
    ("cause", "token", "is_given"),
    [("unauthenticated", "", False), ("forbidden", "", False), ("quota", "", True), ("unauthenticated", "X", True)],
)
def test_a_refused_token_without_a_fingerprint_is_the_one_that_is_held(cause: str, token: str, is_given: bool) -> None:  # noqa: FBT001 - a column
    """It counts as refused until it is replaced; of another bucket it does not."""
    unnamed = held(90_000.0, refreshable=False)
    if token:
        unnamed = held(90_000.0, "A", refreshable=False)
    told = (failed(cause, token=token), TokenRead(bucket="a", token=unnamed, at=NOW))
    assert patience("a", OUT, told=told) == (("a", FAILED_AT + 5) if is_given else None)
    other = (*told, failed("unauthenticated", name="z", token=""))
    assert patience("a", OUT, told=other) == ("a", FAILED_AT + 5)


@pytest.mark.parametrize(
    ("ends", "name"),
    [((20, 30, 40), "a"), ((30, 20, 40), "b"), ((30, 40, 20), "c"), ((30, 20, 20), "b"), ((20, 20, 20), "a")],
)
def test_the_earliest_bucket_comes_first(ends: tuple[float, ...], name: str) -> None:
    """Of two at one moment the first of the profile."""
    buckets = [ready(each, limits=(limit(NOW + end),)) for each, end in zip("abc", ends, strict=True)]
    assert patience(*buckets) == (name, NOW + min(ends))


def test_where_no_bucket_is_worth_it_none_is_waited_for() -> None:
    """An empty profile has none."""
    assert patience(OUT) is None
    assert patience() is None


# Alone: how long is one bucket given time?


@pytest.mark.parametrize(
    ("failures", "hint", "until"),
    [
        (1, None, 1_005.0),
        (2, None, 1_010.0),
        (3, None, 1_020.0),
        (4, None, 1_030.0),
        (9, None, 1_030.0),
        (1, 1_020.0, 1_020.0),
        (1, 1_000.001, 1_000.001),
        (1, 1_000.0, 1_005.0),
        (1, 999.0, 1_005.0),
        (1, 1_300.0, 1_300.0),
        (1, 1_300.001, 1_300.0),
    ],
)
def test_how_long_one_bucket_is_given_time(failures: int, hint: float | None, until: float) -> None:
    """The provider's wish, within bounds, if it is still to come; else the backoff."""
    assert patient_until(RetryPolicy(), failed_at=1_000.0, failures=failures, hint=hint, draw=0.5) == until


@pytest.mark.parametrize(("draw", "until"), [(0.0, 1_007.0), (0.5, 1_010.0), (0.75, 1_011.5)])
def test_chance_spreads_the_backoff_and_no_wish(draw: float, until: float) -> None:
    """By the policy's jitter and between its bounds."""
    policy = RetryPolicy(backoff_min_seconds=10.0, backoff_max_seconds=10.0, hint_max_seconds=50.0)
    assert patient_until(policy, failed_at=1_000.0, failures=4, hint=None, draw=draw) == until
    assert patient_until(policy, failed_at=1_000.0, failures=4, hint=2_000.0, draw=draw) == 1_050.0


@pytest.mark.parametrize(
    ("told", "waited_for"),
    [
        (limit(), True),
        (soft(9.0), False),
        (soft(9.0, source="operator"), True),
        (limit(scope="request"), False),
        (soft(9.0, window="balance"), True),
        (soft(9.0, window="balance", scope="request"), True),
        (limit(scope="organization"), True),
    ],
)
def test_before_whose_end_a_call_is_pointless(told: Limit, waited_for: bool) -> None:  # noqa: FBT001 - a column
    """What the provider has said outright of more than one request, and money that is gone."""
    assert is_waited_for(told) is waited_for
