"""Tokens of authorization servers that other people wrote, in a store on disk: renewed, stolen, given back."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier

import pytest

from bucket_failover import (
    BucketFailureReason,
    FailoverContext,
    OAuthToken,
    SqliteTokenStore,
    StoredOAuthManager,
    SyncBucketFailoverHandlerImpl,
    SyncStoredOAuthManager,
)
from bucket_failover.oauth.http_issuer import OAuthIssuer
from bucket_failover.oauth.issuer import Reply
from bucket_failover_core.oauth import GrantRefused
from tests.foreign.servers import ForeignServer
from tests.foreign.users import BUCKET, PROVIDER, Browser, log_in

pytestmark = pytest.mark.slow

_PATIENCE_SECONDS = 20.0
"""What is longer is a hang."""


class Account:
    """A login that is stored, and the programs that share the store.

    Args:
        path: the store's file.
        issuer: our client of the server.
        first: what the login has brought.
    """

    def __init__(self, path: Path, issuer: OAuthIssuer, first: OAuthToken) -> None:
        self.path = path
        self.issuer = issuer
        self.first = first

    def refresh(self) -> OAuthToken | None:
        """What a program gets that comes anew."""
        with SqliteTokenStore(self.path) as store:
            manager = StoredOAuthManager(store, refresh=self.issuer)
            return asyncio.run(manager.refresh_oauth_token(PROVIDER, BUCKET))

    def stored(self) -> OAuthToken | None:
        """What is in the file."""
        with SqliteTokenStore(self.path) as store:
            return store.read(PROVIDER, BUCKET)

    def present(self, token: OAuthToken) -> object:
        """What the server answers when this refresh token is presented."""
        return self.issuer.refresh(PROVIDER, BUCKET, token, before_sending=lambda: None).answer


@pytest.fixture
def account(tmp_path: Path, issuer: OAuthIssuer, browser: Browser) -> Account:
    """The user has logged in."""
    path = tmp_path / "tokens.db"
    with SqliteTokenStore(path) as store:
        token = log_in(issuer, browser)
        store.write(PROVIDER, BUCKET, token)
    return Account(path, issuer, token)


def refreshed(account: Account) -> OAuthToken:
    """What a refresh brings."""
    token = account.refresh()
    assert token is not None
    return token


def test_a_refresh_rotates(server: ForeignServer, account: Account) -> None:
    """The server sends a new pair each time, and the program stores it and presents the newest."""
    tokens = [account.first, *(refreshed(account) for _ in range(3))]
    assert len({token.access_token.get_secret_value() for token in tokens}) == 4
    assert len({token.refresh_fingerprint for token in tokens}) == 4
    assert account.stored() == tokens[-1]
    assert server.owner(tokens[-1]) == "ada"
    assert {token.scope for token in tokens} == {account.first.scope}


def test_a_thief_presents_the_old_refresh_token(server: ForeignServer, account: Account) -> None:
    """The server ends the login for both; the program presents its own once, and asks for a login then."""
    newest = refreshed(account)
    assert server.owner(newest) == "ada"
    assert account.present(account.first) == GrantRefused()
    assert server.owner(newest) is None
    assert account.refresh() is None
    with SqliteTokenStore(account.path) as store:
        manager = SyncStoredOAuthManager(store, refresh=account.issuer)
        handler = SyncBucketFailoverHandlerImpl([BUCKET], PROVIDER, manager)
        context = FailoverContext(triggering_status=401, fingerprint=newest.fingerprint)
        assert not handler.try_failover(context)
    assert handler.last_decision is not None
    exhausted = handler.last_decision.failure()
    assert exhausted.reasons == {BUCKET: BucketFailureReason.EXPIRED_REFRESH_FAILED}
    assert exhausted.needs_login == (BUCKET,)


def test_a_refresh_token_that_was_refused_is_not_presented_again(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by any program that shares the store, until the user logs in anew."""
    refreshed(account)
    account.present(account.first)
    presented: list[str] = []
    refresh = account.issuer.refresh

    def watched(provider: str, bucket: str, held: OAuthToken, /, *, before_sending: Callable[[], None]) -> Reply:
        presented.append(held.refresh_fingerprint)
        return refresh(provider, bucket, held, before_sending=before_sending)

    monkeypatch.setattr(account.issuer, "refresh", watched)
    assert [account.refresh() for _ in range(3)] == [None] * 3
    assert len(presented) == 1


def test_programs_that_refresh_at_once_present_the_token_once(server: ForeignServer, account: Account) -> None:
    """One of four asks, and the others adopt what it has stored; twice would have ended the login."""
    held = refreshed(account)
    begin = Barrier(4)

    def replace(_: int) -> OAuthToken | None:
        with SqliteTokenStore(account.path) as store, closing(OAuthIssuer(server.settings())) as issuer:
            manager = SyncStoredOAuthManager(store, refresh=issuer)
            begin.wait(_PATIENCE_SECONDS)
            return manager.replace_token(PROVIDER, BUCKET, held.fingerprint)

    with ThreadPoolExecutor(4) as programs:
        got = list(programs.map(replace, range(4), timeout=_PATIENCE_SECONDS))
    assert got == [account.stored()] * 4
    assert server.owner(refreshed(account)) == "ada"


def test_the_user_logs_out(server: ForeignServer, account: Account) -> None:
    """Here and at the server: access and refresh token are refused, and giving them back again is no failure."""
    newest = refreshed(account)
    with SqliteTokenStore(account.path) as store:
        manager = StoredOAuthManager(store, refresh=account.issuer)
        assert asyncio.run(manager.log_out(PROVIDER, BUCKET)) == newest
    assert server.owner(newest) == "ada"
    assert account.issuer.revoke(newest) == ""
    assert server.owner(newest) is None
    assert account.present(newest) == GrantRefused()
    assert account.issuer.revoke(newest) == ""
    assert account.stored() is None


def test_the_user_gives_back_an_access_token_alone(server: ForeignServer, account: Account) -> None:
    """It has no refresh token beside it; the server is told which kind it is."""
    alone = account.first.model_copy(update={"refresh_token": None})
    assert account.issuer.revoke(alone) == ""
    assert server.owner(alone) is None
