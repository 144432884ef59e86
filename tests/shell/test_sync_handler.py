"""The handler without an event loop: the same driver, other waiting."""

import threading
from collections.abc import Callable

import pytest
from returns.result import Failure

from bucket_failover import (
    BucketFailureReason,
    FailoverContext,
    FailoverPolicy,
    MemoryTokenStore,
    OAuthToken,
    SyncBucketFailoverHandlerImpl,
    SyncOAuthManager,
    SyncStoredOAuthManager,
    TokenStoreError,
)
from tests.support.people import PROVIDER, replace, token

NOW = 1_000.0
SPENT = FailoverContext(triggering_status=429)


def house(
    *held: str,
    login: Callable[[str, str], OAuthToken] | None = None,
    policy: FailoverPolicy = FailoverPolicy(),  # noqa: B008 - an immutable value
    buckets: tuple[str, ...] = ("default", "claudius"),
) -> tuple[SyncBucketFailoverHandlerImpl, SyncStoredOAuthManager, MemoryTokenStore]:
    """A handler over a store that holds live tokens for these buckets."""
    store = MemoryTokenStore()
    for name in held:
        store.write(PROVIDER, name, token(name))
    manager = SyncStoredOAuthManager(store, login=login, clock=lambda: NOW)
    handler = SyncBucketFailoverHandlerImpl(buckets, PROVIDER, manager, policy=policy, clock=lambda: NOW)
    return handler, manager, store


def test_it_switches_remembers_and_exhausts() -> None:
    """As the asynchronous one does."""
    handler, manager, store = house("default", "claudius")
    assert isinstance(manager, SyncOAuthManager)
    assert handler.try_failover(SPENT)
    assert handler.get_current_bucket() == "claudius"
    assert store.read_session_bucket(PROVIDER) == "claudius"
    assert not handler.try_failover(SPENT)
    assert handler.get_last_failover_reasons() == dict.fromkeys(
        ("default", "claudius"), BucketFailureReason.QUOTA_EXHAUSTED
    )


def test_it_adopts_the_session_bucket() -> None:
    """And ignores a store that raises."""
    handler, manager, store = house("default")
    store.write_session_bucket(PROVIDER, "claudius")
    handler.adopt_session_bucket()
    assert handler.get_current_bucket() == "claudius"

    def failing(_provider: str) -> str | None:
        message = "locked"
        raise TokenStoreError(message)

    replace(manager, get_session_bucket=failing)
    handler.adopt_session_bucket()
    assert handler.get_current_bucket() == "claudius"


def test_a_login_heals_it() -> None:
    """It runs in a thread of its own, so that it can take too long."""
    threads: list[str] = []

    def login(_provider: str, _bucket: str) -> OAuthToken:
        threads.append(threading.current_thread().name)
        return token("fresh")

    handler, _, _ = house(login=login)
    assert handler.try_failover(None)
    assert handler.get_current_bucket() == "claudius"
    assert threads == ["bucket-failover-login"]


def test_a_login_that_raises_has_failed() -> None:
    """The exception is told by its class."""

    def login(_provider: str, _bucket: str) -> OAuthToken:
        message = "secret"
        raise PermissionError(message)

    handler, _, _ = house(login=login)
    assert not handler.try_failover(None)
    assert isinstance(handler.last_decision, Failure)
    assert "login failed: PermissionError" in handler.last_decision.failure().message


@pytest.mark.requirement("REQ-1598-FR04")
@pytest.mark.requirement("REQ-1598-FR05")
def test_a_login_that_takes_too_long_is_left_to_itself_and_found_by_the_next_request() -> None:
    """It cannot be cancelled from outside; its late success never switches this request."""
    answered, stored = threading.Event(), threading.Event()

    def login(_provider: str, _bucket: str) -> OAuthToken:
        answered.wait(10)
        return token("late")

    handler, manager, store = house(login=login, policy=FailoverPolicy(reauth_timeout_seconds=0.01))
    write = store.write

    def writing(provider: str, bucket: str, written: OAuthToken) -> None:
        write(provider, bucket, written)
        stored.set()

    replace(store, write=writing)
    assert not handler.try_failover(None)
    assert handler.get_last_failover_reasons()["claudius"] == BucketFailureReason.REAUTH_FAILED
    answered.set()
    assert stored.wait(10)
    assert handler.get_current_bucket() == "default"
    handler.reset_session()
    assert handler.try_failover(SPENT)
    assert handler.get_current_bucket() == "claudius"
    assert manager.read_token(PROVIDER, "claudius") == token("late")


def test_a_wrong_context_changes_nothing() -> None:
    """No ledger is left behind."""
    handler, _, _ = house("default")
    with pytest.raises(ValueError, match="nobody"):
        handler.try_failover(FailoverContext(bucket="nobody"))
    assert handler.snapshot().requests == ()


def test_threads_take_turns() -> None:
    """Eight threads, one handler: each gets an answer of its own request."""
    handler, _, _ = house("default", "claudius")
    found: list[bool] = []

    def search(number: int) -> None:
        context = FailoverContext(triggering_status=500, bucket="default", request=number)
        found.append(handler.try_failover(context))

    threads = [threading.Thread(target=search, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert found == [True] * 8
    assert handler.get_current_bucket() == "claudius"
    assert len(handler.snapshot().requests) == 8
