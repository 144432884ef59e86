"""What a `refresh` function of an application's own raises, and whether its refresh token is presented again."""

import pytest

from bucket_failover import (
    MemoryTokenStore,
    OAuthToken,
    RefreshInterruptedError,
    RefreshNotSentError,
    RefreshUnheardError,
    SyncStoredOAuthManager,
    TokenStoreError,
)
from bucket_failover.errors import IssuerBusyError
from tests.support.people import PROVIDER, CallError, token

OLD, NEW = token("old", expiry=1.0), token("new", expiry=9e9)


class Application:
    """It refreshes by a function of its own, which fails the first time."""

    def __init__(self, problem: Exception, *, single_use: bool = True) -> None:
        self.presented: list[str] = []
        self._problem: Exception | None = problem
        store = MemoryTokenStore()
        store.write(PROVIDER, "default", OLD)
        self.manager = SyncStoredOAuthManager(store, refresh=self._refresh, single_use=single_use)
        with pytest.raises(type(problem)) as caught:
            self.manager.get_oauth_token(PROVIDER, "default")
        assert caught.value is problem

    def _refresh(self, _provider: str, _bucket: str, held: OAuthToken) -> OAuthToken:
        self.presented.append(held.refresh_fingerprint)
        problem, self._problem = self._problem, None
        if problem is not None:
            raise problem
        return NEW


@pytest.mark.parametrize(
    "problem",
    [
        KeyError("access_token"),
        ValueError("no JSON"),
        RuntimeError("?"),
        TimeoutError(),
        ConnectionResetError(),
        CallError(504),
        CallError(408),
        RefreshUnheardError("?"),
    ],
    ids=repr,
)
def test_what_may_come_after_the_answer_presents_nothing_twice(problem: Exception) -> None:
    """The issuer may have used the refresh token up; a mistake in the reading of its answer is no second chance."""
    application = Application(problem)
    with pytest.raises(RefreshInterruptedError, match="log in again"):
        application.manager.get_oauth_token(PROVIDER, "default")
    assert len(application.presented) == 1


@pytest.mark.parametrize(
    "problem",
    [
        RefreshNotSentError("the client secret is not configured"),
        IssuerBusyError("later", 5.0),
        TokenStoreError("?"),
        ConnectionRefusedError(),
        CallError(503),
        CallError(400),
    ],
    ids=repr,
)
def test_what_says_that_it_was_not_used_costs_no_login(problem: Exception) -> None:
    """The application says so, or no connection was made, or the issuer has refused the request."""
    application = Application(problem)
    assert application.manager.get_oauth_token(PROVIDER, "default") == NEW
    assert len(application.presented) == 2


def test_a_refresh_token_that_is_good_more_than_once_is_presented_again() -> None:
    """Whatever the function has raised."""
    application = Application(KeyError("access_token"), single_use=False)
    assert application.manager.get_oauth_token(PROVIDER, "default") == NEW
