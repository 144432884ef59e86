"""The retry loop in a simulated world: what it calls, when, with which bucket, and how it ends.

All of it runs over both twins.
"""

import pytest

from bucket_failover import (
    ActiveBucket,
    AllBucketsExhaustedError,
    BucketFailureReason,
    CallFailure,
    FailoverContext,
    OAuthToken,
    RetriesExhaustedError,
    RetryPolicy,
    TokenStoreError,
)
from tests.support.line import THREE, Line, failing, hinting
from tests.support.people import PROVIDER, CallError, replace, token
from tests.support.twins import Twin, each_twin

twin = each_twin


def test_a_call_that_succeeds_is_made_once(twin: Twin) -> None:
    """Nothing is read, refreshed, waited for or remembered."""
    line = Line(*THREE, twin=twin)
    assert line.call() == "an answer from default"
    assert line.calls == [("default", 0.0)]
    assert line.world.sleeps == []
    assert line.handler.snapshot().requests == ()


@pytest.mark.requirement("REQ-1598-RO02")
@pytest.mark.requirement("REQ-1598-IC11")
@pytest.mark.requirement("REQ-1598-SM06")
def test_a_spent_bucket_is_left_at_once_and_stays_left(twin: Twin) -> None:
    """402 fails over without a wait; the next request starts where this one ended."""
    line = Line(*THREE, twin=twin)
    line.faults["default"] = failing(402)
    assert line.call() == "an answer from claudius"
    assert line.calls == [("default", 0.0), ("claudius", 0.0)]
    line.call()
    assert line.names() == ["default", "claudius", "claudius"]


@pytest.mark.requirement("REQ-1598-RO01")
@pytest.mark.requirement("REQ-1598-RO04")
def test_a_burst_is_waited_for_once_and_its_hint_does_not_delay_the_next_bucket(twin: Twin) -> None:
    """Two bursts of the first bucket; the second bucket is called at once (lessons 6 and 25)."""
    line = Line(*THREE, twin=twin)
    line.faults["default"] = [hinting(429, "20"), hinting(429, "20")]
    assert line.call() == "an answer from claudius"
    assert line.calls == [("default", 0.0), ("default", 20.0), ("claudius", 20.0)]


@pytest.mark.requirement("REQ-1598-RO03")
def test_a_refused_token_is_refreshed_once_and_then_left(twin: Twin) -> None:
    """401, refreshed, 401 again with the new token: the next bucket."""
    line = Line(*THREE, twin=twin)
    line.faults["default"] = failing(401, 401)
    line.issuer.refreshes["default"] = [token("renewed")]
    assert line.call() == "an answer from claudius"
    assert line.names() == ["default", "default", "claudius"]
    assert line.fingerprints[:2] == [token("default").fingerprint, token("renewed").fingerprint]
    assert line.issuer.asked == [("refresh", "default")]


def test_a_token_that_another_process_has_renewed_is_used_without_a_refresh(twin: Twin) -> None:
    """The store holds another one than the refused."""
    line = Line(*THREE, twin=twin)

    def operation(bucket: ActiveBucket) -> str:
        if bucket.token == token("default"):
            line.store.write(PROVIDER, "default", token("from-another-process"))
            raise CallError(401)
        return bucket.name

    assert line.call(operation) == "default"
    assert line.issuer.asked == []


@pytest.mark.parametrize("answer", [None, token("default"), token("old", expiry=1.0), RuntimeError("no")])
def test_a_refresh_that_brings_no_other_usable_token_is_none(twin: Twin, answer: OAuthToken | Exception | None) -> None:
    """Refused, the same token again, an expired one, or an exception: the next bucket, without another call."""
    line = Line(*THREE, twin=twin)
    line.faults["default"] = failing(401)
    line.issuer.refreshes["default"] = [answer]
    assert line.call() == "an answer from claudius"
    assert line.names() == ["default", "claudius"]
    assert line.issuer.asked == [("refresh", "default")]


def test_a_login_that_is_gone_from_the_store_is_no_reason_to_call_again(twin: Twin) -> None:
    """Logged out while the call was in flight."""
    line = Line(*THREE, twin=twin)

    def operation(bucket: ActiveBucket) -> str:
        if bucket.name == "default":
            line.store.delete(PROVIDER, "default")
            raise CallError(403)
        return bucket.name

    assert line.call(operation) == "claudius"


def test_an_overloaded_provider_blames_no_account(twin: Twin) -> None:
    """One retry, one other bucket after a wait, and so on; no limit is learned (lesson 7)."""
    line = Line(*THREE, twin=twin)
    line.faults["default"] = failing(529, 529)
    line.faults["claudius"] = failing(529)
    assert line.call() == "an answer from claudius"
    assert line.calls == [("default", 0.0), ("default", 5.0), ("claudius", 10.0), ("claudius", 15.0)]
    assert all(bucket.limits == () for bucket in line.handler.snapshot().session.profile.buckets)


def test_alternating_failures_add_up_and_the_last_bucket_is_reached(twin: Twin) -> None:
    """Every bucket meets something else each time; the budget reaches the last (lessons 23 and 24)."""
    line = Line(*THREE, twin=twin)
    for name in ("default", "claudius"):
        line.faults[name] = failing(500, 401, 500, 401)
        line.issuer.refreshes[name] = [token(f"renewed-{name}")]
    assert line.call() == "an answer from vybestack"
    assert line.names() == ["default"] * 3 + ["claudius"] * 3 + ["vybestack"]


@pytest.mark.requirement("REQ-1598-RO05")
@pytest.mark.requirement("REQ-1598-ER01")
@pytest.mark.requirement("REQ-1598-ER02")
@pytest.mark.requirement("REQ-1598-TS04")
def test_no_bucket_left_is_an_error_with_the_reasons(twin: Twin) -> None:
    """The last call's exception is the cause; the moment at which it goes on is told."""
    line = Line(*THREE, twin=twin, tokens={"default": token("default"), "claudius": token("claudius")})
    line.faults["default"] = [hinting(429, "7200")]
    last = hinting(429, "3600")
    line.faults["claudius"] = [last]
    with pytest.raises(AllBucketsExhaustedError) as caught:
        line.call()
    error = caught.value
    assert error.bucket_failure_reasons == {
        "default": BucketFailureReason.QUOTA_EXHAUSTED,
        "claudius": BucketFailureReason.QUOTA_EXHAUSTED,
        "vybestack": BucketFailureReason.REAUTH_FAILED,
    }
    assert error.__cause__ is error.last_error is last
    assert error.retry_at == line.world.start + 3600.0
    assert error.buckets == list(THREE)
    assert error.provider_name == PROVIDER


def test_a_spent_budget_is_an_error_but_exhaustion_is_told_first(twin: Twin) -> None:
    """On the last attempt the handler is still asked: a bucket left is `RetriesExhaustedError`, none is exhaustion."""
    line = Line(*THREE, twin=twin, policy=RetryPolicy(max_attempts=1))
    line.faults["default"] = failing(402)
    with pytest.raises(RetriesExhaustedError) as caught:
        line.call()
    assert caught.value.attempts == 1
    assert isinstance(caught.value.__cause__, CallError)
    line.faults["claudius"] = failing(500)
    with pytest.raises(RetriesExhaustedError):
        line.call()
    exhausted = Line(
        "default", "claudius", twin=twin, tokens={"default": token("default")}, policy=RetryPolicy(max_attempts=1)
    )
    exhausted.faults["default"] = failing(402)
    with pytest.raises(AllBucketsExhaustedError):
        exhausted.call()


@pytest.mark.parametrize("error", [CallError(400), ValueError("a bug of the caller's"), CallError(200), KeyError(1)])
def test_what_no_repetition_helps_is_raised_as_it_is(twin: Twin, error: Exception) -> None:
    """The same object, after one call."""
    line = Line(*THREE, twin=twin)
    line.faults["default"] = [error]
    with pytest.raises(type(error)) as caught:
        line.call()
    assert caught.value is error
    assert line.names() == ["default"]
    assert line.handler.snapshot().requests == ()


class TestSingleBucket:
    """One bucket behaves as without failover."""

    @pytest.mark.requirement("REQ-1598-BWC01")
    @pytest.mark.requirement("REQ-1598-BWC04")
    @pytest.mark.requirement("REQ-1598-FL16")
    @pytest.mark.requirement("REQ-1598-TS03")
    def test_it_is_retried_and_the_handler_is_not_asked(self, twin: Twin) -> None:
        """429 with a hint: waited for."""
        line = Line("default", twin=twin)

        @twin.does
        def unasked(_context: FailoverContext | None = None) -> bool:
            raise AssertionError

        replace(line.handler, try_failover=unasked)
        line.faults["default"] = [hinting(429, "60"), CallError(500), CallError(529)]
        assert line.call() == "an answer from default"
        assert line.calls == [("default", 0.0), ("default", 60.0), ("default", 70.0), ("default", 90.0)]

    def test_a_quota_that_is_spent_for_long_is_told_at_once(self, twin: Twin) -> None:
        """With the caller's own error."""
        line = Line("default", twin=twin)
        line.faults["default"] = [hinting(429, "3600")]
        with pytest.raises(CallError):
            line.call()
        assert line.names() == ["default"]

    def test_the_budget_ends_it(self, twin: Twin) -> None:
        """Six calls; the waits double up to thirty seconds."""
        line = Line("default", twin=twin)
        line.faults["default"] = failing(*[500] * 9)
        with pytest.raises(RetriesExhaustedError) as caught:
            line.call()
        assert caught.value.attempts == 6
        assert line.world.sleeps == [5.0, 10.0, 20.0, 30.0, 30.0]

    def test_without_a_token_it_is_exhausted(self, twin: Twin) -> None:
        """`no-token`, and what to do."""
        line = Line("default", twin=twin, tokens={})
        with pytest.raises(AllBucketsExhaustedError, match="Log in to default") as caught:
            line.call()
        assert caught.value.bucket_failure_reasons == {"default": BucketFailureReason.NO_TOKEN}
        assert line.calls == []

    def test_a_store_outage_is_the_cause(self, twin: Twin) -> None:
        """The exception of the store is not lost."""
        line = Line("default", twin=twin)
        outage = TokenStoreError("locked")

        @twin.does
        def unreadable(_provider: str, _bucket: str) -> OAuthToken | None:
            raise outage

        replace(line.manager, get_oauth_token=unreadable, read_token=unreadable)
        with pytest.raises(AllBucketsExhaustedError) as caught:
            line.call()
        assert caught.value.__cause__ is outage


def test_an_empty_profile_is_exhausted(twin: Twin) -> None:
    """There is nothing to call with."""
    line = Line(twin=twin)
    with pytest.raises(AllBucketsExhaustedError, match="Add a bucket"):
        line.call()


def test_a_bucket_without_a_token_fails_over_and_costs_no_attempt(twin: Twin) -> None:
    """Two buckets without a usable token, one attempt allowed."""
    tokens = {"claudius": token("old", expiry=1.0), "vybestack": token("vybestack")}
    line = Line(*THREE, twin=twin, tokens=tokens, policy=RetryPolicy(max_attempts=1))
    assert line.call() == "an answer from vybestack"
    assert line.issuer.asked == [("refresh", "claudius")]


def test_an_expired_token_is_refreshed_before_the_call(twin: Twin) -> None:
    """By the manager, not by a failover."""
    line = Line("default", twin=twin, tokens={"default": token("old", expiry=1.0)})
    line.issuer.refreshes["default"] = [token("new")]
    assert line.call() == "an answer from default"
    assert line.fingerprints == [token("new").fingerprint]


def test_a_bucket_that_was_refreshed_by_a_failover_is_not_refreshed_again(twin: Twin) -> None:
    """Its refresh is spent in this request, whichever step spent it."""
    line = Line(
        "default", "claudius", twin=twin, tokens={"default": token("default"), "claudius": token("old", expiry=1.0)}
    )
    line.issuer.refreshes["claudius"] = [token("new"), token("newer")]
    line.faults = {"default": [hinting(402, "7200")], "claudius": failing(401)}
    with pytest.raises(AllBucketsExhaustedError) as caught:
        line.call()
    assert line.issuer.asked.count(("refresh", "claudius")) == 1
    assert caught.value.bucket_failure_reasons["claudius"] == BucketFailureReason.REAUTH_FAILED


def test_what_an_exception_was_can_be_told_by_the_application(twin: Twin) -> None:
    """`describe` also tells that output had started, and the model."""
    line = Line(*THREE, twin=twin, describe=lambda error: CallFailure(status=529, output_started=True))
    line.faults["default"] = [KeyError("custom")]
    with pytest.raises(KeyError):
        line.call()
    assert line.names() == ["default"]
