"""The retry loop and tokens that are refused, missing, or cannot be read.

All of it runs over both twins.
"""

from typing import Any
from unittest.mock import MagicMock

import pytest

from bucket_failover import (
    ActiveBucket,
    AllBucketsExhaustedError,
    BucketFailureReason,
    OAuthToken,
    TokenStoreError,
)
from tests.support.line import Line, failing
from tests.support.people import PROVIDER, CallError, replace, token
from tests.support.twins import Twin, each_twin

twin = each_twin


def test_a_refused_token_is_not_used_again_in_whatever_bucket_it_turns_up(twin: Twin) -> None:
    """Two buckets hold the same access token: refused in one, it is refreshed before the other is called."""
    line = Line("default", "claudius", twin=twin, tokens={"default": token("shared"), "claudius": token("shared")})
    line.issuer.refreshes = {"default": [token("new-default")], "claudius": [token("new-claudius")]}
    line.faults["default"] = failing(401, 429)
    assert line.call() == "an answer from claudius"
    used = [token(name).fingerprint for name in ("shared", "new-default", "new-claudius")]
    assert line.fingerprints == used


def test_a_store_that_gives_refused_tokens_in_turn_ends_in_the_callers_own_error(twin: Twin) -> None:
    """One bucket: each token is used once (lesson 4)."""
    line = Line("default", twin=twin)
    turn = [token("one"), token("two")] * 9

    @twin.does
    def read(_provider: str, _bucket: str) -> OAuthToken | None:
        return turn.pop(0)

    @twin.does
    def refuse(_provider: str, _bucket: str, _unwanted: str) -> None:
        return None

    replace(line.manager, read_token=read, get_oauth_token=read, replace_token=refuse)
    line.faults["default"] = failing(*[401] * 9)
    with pytest.raises(CallError):
        line.call()
    assert line.fingerprints == [token("one").fingerprint, token("two").fingerprint]


def test_a_refused_token_that_comes_back_is_not_called_with_again(twin: Twin) -> None:
    """Healed by a refresh; then the provider stumbles, and the store holds the refused one again: no usable token."""
    line = Line("default", twin=twin)
    line.issuer.refreshes["default"] = [token("renewed")]
    error = CallError(500)

    def operation(bucket: ActiveBucket) -> str:
        if bucket.token == token("default"):
            raise CallError(401)
        line.store.write(PROVIDER, "default", token("default"))
        raise error

    with pytest.raises(AllBucketsExhaustedError) as caught:
        line.call(operation)
    assert caught.value.__cause__ is error
    assert caught.value.bucket_failure_reasons == {"default": BucketFailureReason.EXPIRED_REFRESH_FAILED}


def test_a_handler_that_always_knows_a_way_cannot_make_it_spin(twin: Twin) -> None:
    """No bucket of its has a token: each is asked once, and then it is told."""
    hope = twin.does(lambda _self, _context=None: True)
    optimist = type("Optimist", (twin.handler,), {"try_failover": hope})
    line = Line("default", "claudius", twin=twin, tokens={})
    line.orchestrator = line.orchestrate(optimist(["default", "claudius"], PROVIDER, line.manager))
    with pytest.raises(AllBucketsExhaustedError, match="Log in to default") as caught:
        line.call()
    assert caught.value.bucket_failure_reasons["default"] == BucketFailureReason.NO_TOKEN


def test_an_outage_of_the_store_spends_no_refresh(twin: Twin) -> None:
    """The token could not be read once; the search reads it, refreshes it, and does not ask the user for a login."""
    line = Line("default", "claudius", twin=twin, tokens={"default": token("old", expiry=1.0)})
    line.issuer.refreshes["default"] = [token("new")]
    get = line.manager.get_oauth_token
    outages = [OSError(5, "whatever")]

    @twin.does
    def shaky(provider: str, bucket: str) -> Any:
        if outages:
            raise outages.pop()
        return get(provider, bucket)

    replace(line.manager, get_oauth_token=shaky)
    assert line.call() == "an answer from default"
    assert line.issuer.asked == [("refresh", "default")]


def test_an_outage_with_one_bucket_is_no_advice_to_log_in(twin: Twin) -> None:
    """The store has to answer again."""
    line = Line("default", twin=twin)

    @twin.does
    def unreadable(_provider: str, _bucket: str) -> OAuthToken | None:
        message = "locked"
        raise TokenStoreError(message)

    replace(line.manager, get_oauth_token=unreadable, read_token=unreadable)
    with pytest.raises(AllBucketsExhaustedError, match=r"Repair the token store.*locked") as caught:
        line.call()
    assert caught.value.exhausted is not None
    assert caught.value.exhausted.needs_login == ()


def test_a_handler_that_answers_anything_to_anything_still_names_its_bucket(twin: Twin) -> None:
    """Mocks in users' tests."""
    line = Line("default", twin=twin)
    handler = MagicMock(provider=PROVIDER)
    handler.get_current_bucket.return_value = "default"
    handler.is_enabled.return_value = False

    @twin.does
    def nothing() -> None:
        """Adopts nothing."""

    handler.adopt_session_bucket = nothing
    line.orchestrator = line.orchestrate(handler)
    assert line.call() == "an answer from default"


def test_an_interrupted_adoption_is_made_up_for(twin: Twin) -> None:
    """The first request was cancelled while the session's bucket was read."""
    line = Line("default", "claudius", twin=twin)
    line.store.write_session_bucket(PROVIDER, "claudius")
    adopt = line.handler.adopt_session_bucket
    attempts: list[int] = []

    @twin.does
    def shaky() -> Any:
        attempts.append(1)
        if len(attempts) == 1:
            message = "locked"
            raise TokenStoreError(message)
        return adopt()

    replace(line.handler, adopt_session_bucket=shaky)
    line.orchestrator = line.orchestrate(line.handler)
    with pytest.raises(TokenStoreError):
        line.call()
    assert line.call() == "an answer from claudius"
    assert line.call() == "an answer from claudius"
    assert len(attempts) == 2


def test_the_adoption_is_the_handlers_at_the_first_request(twin: Twin) -> None:
    """One that was replaced after the orchestrator was made is the one that is asked."""
    line = Line("default", twin=twin)
    adopted: list[int] = []
    replace(line.handler, adopt_session_bucket=twin.does(lambda: adopted.append(1)))
    line.call()
    assert adopted == [1]


def test_a_handler_whose_reset_takes_its_argument_by_name_only_is_told_of_no_request(twin: Twin) -> None:
    """It is called as the oldest handlers are."""
    line = Line("default", twin=twin)
    resets: list[object] = []

    def reset_session(_self: object, *, request: object = None) -> None:
        resets.append(request)

    named = type("Named", (twin.handler,), {"reset_session": reset_session})
    line.orchestrator = line.orchestrate(named(["default"], PROVIDER, line.manager, clock=line.world.clock))
    assert line.call() == "an answer from default"
    assert resets == [None]
