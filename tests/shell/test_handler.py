"""The handler in a simulated world: what it finds, what its requests share, and what it forgets.

It runs over both twins, but for the cancellation of a login, which needs an event loop: a thread is left to itself.
"""

import asyncio

import pytest
from returns.result import Failure, Success

from bucket_failover import (
    AllBucketsExhausted,
    Bucket,
    BucketFailoverHandler,
    BucketFailoverHandlerImpl,
    BucketFailureReason,
    Cause,
    FailoverContext,
    FailoverPolicy,
    Limit,
    MemoryTokenStore,
    OAuthManager,
    OAuthToken,
    StoredOAuthManager,
    SyncBucketFailoverHandler,
    SyncBucketFailoverHandlerImpl,
    SyncOAuthManager,
    SyncStoredOAuthManager,
    TokenCorruptError,
    TokenStoreError,
    UseBucket,
    Verdict,
)
from tests.support.house import NAMES, SPENT, House, live
from tests.support.people import PROVIDER, replace, token
from tests.support.twin_house import TwinHouse
from tests.support.twins import Twin, each_twin

twin = each_twin


def test_it_is_what_the_protocols_ask_for() -> None:
    """Type checkers see it, and so does `isinstance`."""
    manager: OAuthManager = StoredOAuthManager(MemoryTokenStore())
    handler: BucketFailoverHandler = BucketFailoverHandlerImpl([], PROVIDER, manager)
    assert isinstance(handler, BucketFailoverHandler)
    assert isinstance(manager, OAuthManager)


def test_its_twin_is_what_the_protocols_without_await_ask_for() -> None:
    """The same for callers without an event loop."""
    manager: SyncOAuthManager = SyncStoredOAuthManager(MemoryTokenStore())
    handler: SyncBucketFailoverHandler = SyncBucketFailoverHandlerImpl([], PROVIDER, manager)
    assert isinstance(handler, SyncBucketFailoverHandler)
    assert isinstance(manager, SyncOAuthManager)


@pytest.mark.requirement("REQ-1598-FL03")
@pytest.mark.requirement("REQ-1598-SM06")
def test_a_spent_bucket_is_left_for_the_next_usable_one(twin: Twin) -> None:
    """The switch is remembered by the handler and by the store."""
    house = TwinHouse(live(*NAMES), twin=twin)
    assert house.handler.get_current_bucket() == "default"
    assert house.try_failover(SPENT) == [True]
    assert house.handler.get_current_bucket() == "claudius"
    assert house.store.read_session_bucket(PROVIDER) == "claudius"
    assert house.handler.get_last_failover_reasons() == {"default": BucketFailureReason.QUOTA_EXHAUSTED}
    assert house.issuer.asked == []
    decision = house.handler.last_decision
    assert isinstance(decision, Success)
    assert decision.unwrap() == UseBucket(
        bucket="claudius", switched=True, via="token", findings=decision.unwrap().findings
    )


@pytest.mark.requirement("REQ-1598-FL11")
@pytest.mark.requirement("REQ-1598-FL12")
@pytest.mark.requirement("REQ-1598-SM01")
def test_a_bucket_that_was_tried_is_not_tried_again(twin: Twin) -> None:
    """Three spent buckets in one request: each is used once, then there is none."""
    house = TwinHouse(live(*NAMES), twin=twin)
    assert house.try_failover(SPENT, SPENT, SPENT) == [True, True, False]
    assert house.handler.get_last_failover_reasons() == dict.fromkeys(NAMES, BucketFailureReason.QUOTA_EXHAUSTED)
    assert isinstance(house.handler.last_decision, Failure)


@pytest.mark.requirement("REQ-1598-SM02")
@pytest.mark.requirement("REQ-1598-CL09")
@pytest.mark.requirement("REQ-1598-TS05")
def test_a_new_request_forgets_what_was_tried_and_keeps_the_bucket(twin: Twin) -> None:
    """After `reset_session` the reasons are gone, the current bucket is not."""
    house = TwinHouse(live(*NAMES), twin=twin)
    house.try_failover(SPENT)
    house.handler.reset_session()
    assert house.handler.get_last_failover_reasons() == {}
    assert house.handler.get_current_bucket() == "claudius"
    assert house.try_failover(SPENT) == [True]
    assert house.handler.get_current_bucket() == "default"
    assert house.handler.get_last_failover_reasons() == {"claudius": BucketFailureReason.QUOTA_EXHAUSTED}


@pytest.mark.requirement("REQ-1598-SM05")
@pytest.mark.requirement("REQ-1598-SM08")
def test_reset_goes_back_to_the_first_bucket_of_the_profile_as_it_is_now(twin: Twin) -> None:
    """A list that was changed in place takes effect; limits of buckets that stay are kept."""
    names: list[str | Bucket] = ["default", "claudius"]
    house = TwinHouse(live("default", "claudius", "vybestack"), names, twin=twin)
    limit = Limit(until=2_000_000.0, window="week", source="header")
    verdict = Verdict(cause=Cause.QUOTA, limits=(limit,))
    house.try_failover(FailoverContext(verdict=verdict))
    names[:] = ["vybestack", "default"]
    assert house.handler.get_buckets() == ["default", "claudius"]
    house.handler.reset()
    assert house.handler.get_buckets() == ["vybestack", "default"]
    assert house.handler.get_current_bucket() == "vybestack"
    assert house.handler.get_last_failover_reasons() == {}
    assert house.try_failover(SPENT) == [False]
    assert house.handler.get_last_failover_reasons()["default"] == BucketFailureReason.QUOTA_EXHAUSTED


def test_a_profile_that_became_wrong_is_refused_and_changes_nothing(twin: Twin) -> None:
    """The error names the name that occurs twice."""
    names: list[str | Bucket] = ["default", "claudius"]
    house = TwinHouse(live("default"), names, twin=twin)
    names.append("default")
    with pytest.raises(ValueError, match="'default' occurs twice"):
        house.handler.reset()
    assert house.handler.get_buckets() == ["default", "claudius"]


@pytest.mark.parametrize(("buckets", "message"), [(["a", "a"], "'a' occurs twice"), ([""], "a name is empty")])
def test_a_wrong_profile_is_refused(twin: Twin, buckets: list[str], message: str) -> None:
    """Names are unique and not empty."""
    with pytest.raises(ValueError, match=message):
        TwinHouse({}, buckets, twin=twin)


@pytest.mark.requirement("REQ-1598-FL15")
@pytest.mark.requirement("REQ-1598-FL16")
def test_empty_and_single_profiles_have_nothing_to_fail_over_to(twin: Twin) -> None:
    """An empty profile has no current bucket."""
    empty = TwinHouse({}, [], twin=twin)
    assert empty.handler.get_current_bucket() is None
    assert not empty.handler.is_enabled()
    assert empty.try_failover(None) == [False]
    assert empty.handler.get_last_failover_reasons() == {}
    single = TwinHouse(live("default"), ["default"], twin=twin)
    assert not single.handler.is_enabled()
    assert TwinHouse({}, twin=twin).handler.is_enabled()


@pytest.mark.requirement("REQ-1598-IC02")
@pytest.mark.requirement("REQ-1598-SE02")
def test_the_reasons_are_a_copy(twin: Twin) -> None:
    """What a caller does to them changes nothing inside."""
    house = TwinHouse(live("claudius"), twin=twin)
    house.try_failover(SPENT)
    house.handler.get_last_failover_reasons().clear()
    assert house.handler.get_last_failover_reasons() == {"default": BucketFailureReason.QUOTA_EXHAUSTED}


@pytest.mark.requirement("REQ-1598-IC09")
def test_without_a_context_an_expired_token_is_healed_in_place(twin: Twin) -> None:
    """Nothing is known of the failure; the store says enough."""
    house = TwinHouse({"default": token("old", expiry=1.0)}, twin=twin)
    house.issuer.refreshes["default"] = [token("new")]
    assert house.try_failover(None) == [True]
    assert house.handler.get_current_bucket() == "default"
    assert house.issuer.asked == [("refresh", "default")]
    assert house.store.read(PROVIDER, "default") == token("new")


@pytest.mark.requirement("REQ-1598-CL02")
@pytest.mark.requirement("REQ-1598-FL05")
def test_a_revoked_bucket_is_left_and_an_expired_one_refreshed(twin: Twin) -> None:
    """An unexpired token that the provider refused, and whose refresh is refused as well, is not "recovered"."""
    house = TwinHouse({"default": token("revoked"), "claudius": token("old", expiry=1.0)}, twin=twin)
    house.issuer.refreshes = {"default": [None], "claudius": [token("new")]}
    refused = FailoverContext(triggering_status=401, fingerprint=token("revoked").fingerprint)
    assert house.try_failover(refused) == [True]
    assert house.handler.get_current_bucket() == "claudius"
    assert house.handler.get_last_failover_reasons() == {"default": BucketFailureReason.EXPIRED_REFRESH_FAILED}
    assert house.issuer.asked == [("refresh", "default"), ("refresh", "claudius")]


def test_a_refresh_that_the_caller_has_spent_is_not_repeated(twin: Twin) -> None:
    """`refresh_spent`: what was read before is out of date, and is read anew."""
    house = TwinHouse({"default": token("refused")}, ["default", "claudius"], twin=twin)
    context = FailoverContext(
        triggering_status=401, fingerprint=token("refused").fingerprint, refresh_spent=True
    )  # fmt: skip
    house.issuer.logins["claudius"] = [token("fresh")]
    assert house.try_failover(context) == [True]
    assert house.issuer.asked == [("login", "claudius")]


def test_an_api_key_is_recognized_by_what_the_store_holds(twin: Twin) -> None:
    """Not only by `Bucket(api_key=True)`: a profile of plain names with keys in the store works as well."""
    keys = {name: OAuthToken.from_api_key(f"key-of-{name}") for name in ("default", "claudius")}
    house = TwinHouse(keys, twin=twin)
    assert house.try_failover(SPENT) == [True]
    assert house.handler.get_current_bucket() == "claudius"
    refused = FailoverContext(triggering_status=401, fingerprint=keys["claudius"].fingerprint)
    house.issuer.logins["vybestack"] = [token("fresh")]
    assert house.try_failover(refused) == [True]
    assert house.issuer.asked == [("login", "vybestack")]


class TestLogin:
    """The last resort."""

    @pytest.mark.requirement("REQ-1598-FL07")
    @pytest.mark.requirement("REQ-1598-FL08")
    @pytest.mark.requirement("REQ-1598-FR01")
    def test_a_login_is_asked_for_that_very_bucket(self, twin: Twin) -> None:
        """Untried buckets first."""
        house = TwinHouse({"default": None, "claudius": None}, ["default", "claudius"], twin=twin)
        house.issuer.logins["claudius"] = [token("fresh")]
        assert house.try_failover(None) == [True]
        assert house.issuer.asked == [("login", "claudius")]
        assert house.handler.get_current_bucket() == "claudius"

    @pytest.mark.requirement("REQ-1598-FL10")
    def test_a_refused_login_is_a_reason(self, twin: Twin) -> None:
        """And no second window is opened in the same request."""
        house = TwinHouse({}, ["default", "claudius"], twin=twin)
        assert house.try_failover(None, SPENT) == [False, False]
        assert house.issuer.asked == [("login", "claudius")]
        assert house.handler.get_last_failover_reasons()["claudius"] == BucketFailureReason.REAUTH_FAILED

    @pytest.mark.requirement("REQ-1598-FR02")
    @pytest.mark.requirement("REQ-1598-FR04")
    @pytest.mark.requirement("REQ-1598-FR05")
    def test_a_login_that_nobody_answers_times_out_and_is_cancelled(self) -> None:
        """After the five minutes of the policy, to the second, on the virtual clock."""
        house = House({}, ["default", "claudius"])
        cancelled = []

        async def never(_provider: str, _bucket: str) -> OAuthToken:
            try:
                await asyncio.sleep(1e6)
            except asyncio.CancelledError:
                cancelled.append(house.world.clock())
                raise
            raise AssertionError

        replace(house.manager, _login=never)
        assert house.try_failover(None) == [False]
        assert cancelled == [house.world.start + 300.0]
        assert house.handler.get_last_failover_reasons()["claudius"] == BucketFailureReason.REAUTH_FAILED
        decision = house.handler.last_decision
        assert isinstance(decision, Failure)
        assert "login timed out" in decision.failure().message

    def test_a_timeout_of_the_login_itself_is_a_failure_not_ours(self, twin: Twin) -> None:
        """The flow's own HTTP timeout is told as what it is."""
        house = TwinHouse({}, ["default", "claudius"], twin=twin)
        house.issuer.logins["claudius"] = [TimeoutError()]
        assert house.try_failover(None) == [False]
        assert isinstance(house.handler.last_decision, Failure)
        assert "login failed: TimeoutError" in house.handler.last_decision.failure().message

    @pytest.mark.requirement("REQ-1598-FL09")
    def test_a_login_that_stores_nothing_has_failed(self, twin: Twin) -> None:
        """The store is read afterwards: what counts is what it holds."""
        house = TwinHouse({}, ["default", "claudius"], FailoverPolicy(reauth_timeout_seconds=10), twin=twin)

        @twin.does
        def forgetful(_provider: str, _bucket: str) -> None:
            house.issuer.asked.append(("login", _bucket))

        replace(house.manager, authenticate=forgetful)  # a manager that stores nothing
        assert house.try_failover(None) == [False]
        assert house.handler.get_last_failover_reasons()["claudius"] == BucketFailureReason.REAUTH_FAILED


class TestBrokenParts:
    """Stores and managers that raise."""

    @pytest.mark.requirement("REQ-1598-CL04")
    @pytest.mark.requirement("REQ-1598-EC02")
    def test_a_store_that_cannot_answer_is_no_cause_for_a_login(self, twin: Twin) -> None:
        """An outage is `no-token`, and the search goes on."""
        house = TwinHouse(live("vybestack"), twin=twin)
        healthy = house.store.read

        def failing(provider: str, bucket: str) -> OAuthToken | None:
            if bucket == "claudius":
                message = "disk on fire"
                raise TokenStoreError(message)
            return healthy(provider, bucket)

        replace(house.store, read=failing)  # a disk that fails for one bucket
        assert house.try_failover(SPENT, SPENT) == [True, False]
        reasons = house.handler.get_last_failover_reasons()
        assert reasons["claudius"] == BucketFailureReason.NO_TOKEN
        assert house.issuer.asked == []
        assert isinstance(house.handler.last_decision, Failure)
        assert "disk on fire" in house.handler.last_decision.failure().message

    @pytest.mark.requirement("REQ-1598-EC01")
    def test_an_entry_that_is_no_token_is_told_apart_from_an_outage(self, twin: Twin) -> None:
        """It is healed by a login; an outage is not."""
        house = TwinHouse({}, ["default", "claudius"], twin=twin)

        def corrupt(_provider: str, bucket: str) -> OAuthToken | None:
            if house.issuer.asked:
                return token("fresh")
            message = f"{bucket} is garbage"
            raise TokenCorruptError(message)

        replace(house.store, read=corrupt)  # a store with garbage in it
        house.issuer.logins["claudius"] = [token("fresh")]
        assert house.try_failover(SPENT) == [True]
        assert house.issuer.asked == [("login", "claudius")]

    def test_a_manager_that_answers_something_else_is_reported(self, twin: Twin) -> None:
        """Not a crash in the middle of a search: a finding that names the type."""
        house = TwinHouse({}, ["default", "claudius"], FailoverPolicy(reauths_per_request=0), twin=twin)

        @twin.does
        def text(_provider: str, _bucket: str) -> str:
            return "access-token"

        replace(house.manager, read_token=text)  # a foreign manager
        assert house.try_failover(SPENT) == [False]
        assert isinstance(house.handler.last_decision, Failure)
        message = house.handler.last_decision.failure().message
        assert "answered a str" in message
        assert "access-token" not in message

    def test_a_refresh_that_raises_has_failed_for_now(self, twin: Twin) -> None:
        """A foreign exception is named by its class alone: its text may have a secret in it."""
        house = TwinHouse({"default": token("old", expiry=1.0)}, ["default", "claudius"], twin=twin)
        house.issuer.refreshes["default"] = [RuntimeError("refresh_token=hunter2")]
        assert house.try_failover(None) == [False]
        assert isinstance(house.handler.last_decision, Failure)
        exhausted = house.handler.last_decision.failure()
        assert isinstance(exhausted, AllBucketsExhausted)
        assert "refresh failed: RuntimeError" in exhausted.message
        assert "hunter2" not in exhausted.message

    @pytest.mark.requirement("REQ-1598-FL14")
    def test_a_session_bucket_that_cannot_be_written_undoes_nothing(self, twin: Twin) -> None:
        """The handler's own bucket is the authority."""
        house = TwinHouse(live(*NAMES), twin=twin)

        def failing(_provider: str, _bucket: str) -> None:
            raise OSError(28, "No space left on device")

        replace(house.store, write_session_bucket=failing)  # a full disk
        assert house.try_failover(SPENT) == [True]
        assert house.handler.get_current_bucket() == "claudius"


class TestAdoption:
    """The session's bucket, as the store remembers it."""

    @pytest.mark.parametrize(("stored", "current"), [("claudius", "claudius"), ("gone", "default"), (None, "default")])
    def test_it_is_taken_over_if_the_profile_has_it(self, twin: Twin, stored: str | None, current: str) -> None:
        """A name from another profile is ignored."""
        house = TwinHouse(live(*NAMES), twin=twin)
        if stored is not None:
            house.store.write_session_bucket(PROVIDER, stored)
        house.run(house.handler.adopt_session_bucket())
        assert house.handler.get_current_bucket() == current

    def test_a_store_that_raises_is_ignored(self, twin: Twin) -> None:
        """The handler begins with its first bucket."""
        house = TwinHouse(live(*NAMES), twin=twin)

        def failing(_provider: str) -> str | None:
            message = "locked"
            raise TokenStoreError(message)

        replace(house.store, read_session_bucket=failing)  # a locked database
        house.run(house.handler.adopt_session_bucket())
        assert house.handler.get_current_bucket() == "default"


@pytest.mark.parametrize(
    ("context", "message"),
    [
        (FailoverContext(bucket="nobody"), "'nobody' is not a bucket of 'anthropic'"),
        (FailoverContext(triggering_status=-1), "greater than or equal to 100"),
    ],
)
def test_a_wrong_context_is_refused_and_changes_nothing(twin: Twin, context: FailoverContext, message: str) -> None:
    """The error names field and value; no request is left behind."""
    house = TwinHouse(live(*NAMES), twin=twin)
    with pytest.raises(ValueError, match=message):
        house.try_failover(context)
    assert house.handler.snapshot().requests == ()
    assert house.handler.last_decision is None
    assert house.handler.get_current_bucket() == "default"
