"""A process is killed (SIGKILL) at a step of a refresh or a login, at each of them in turn; then another one starts.

The next start has a usable token at once, or, where the refresh token was presented and the answer was not stored, is
told that a login is needed. The lock is free, nothing is left behind, and nothing that is used once is presented twice.
"""

import asyncio
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

import pytest

from bucket_failover import OAuthToken, SqliteTokenStore, StoredOAuthManager, SyncStoredOAuthManager
from bucket_failover.testing import EmbeddedProvider
from tests.support.people import PROVIDER, token
from tests.support.refresher import (
    INTERRUPTED,
    Errand,
    Step,
    Trail,
    WatchedStore,
    log_in_once,
    outcome_of,
    refresh_once,
    started,
    wait_until,
)
from tests.support.token_endpoint import BUCKET, PATIENCE_SECONDS, Form, TokenEndpoint, held, issuer_at

REFRESH: Final[tuple[Step, ...]] = (
    "lock",
    "locked",
    "read",
    "has-read",
    "intend",
    "intended",
    "send",
    "sent",
    "heard",
    "decide",
    "decided",
    "settled",
    "release",
    "released",
)
"""The steps of a refresh, as `Step` explains them."""

LOGIN: Final[tuple[Step, ...]] = (
    "decide",
    "decided",
    "settled",
    "lock",
    "locked",
    "decide",
    "decided",
    "settled",
    "ask",
    "asked",
    "decide",
    "decided",
    "settled",
    "release",
    "released",
)
"""The steps of a login: it looks, before and after the lock, in a transaction that could write."""

ASK: Final = LOGIN.index("ask")
STORED: Final = LOGIN.index("settled", ASK)

Death = Step | Literal["received", "used"]
"""Where a process dies: at a step of its own, or when the issuer has received what it presents, or has used it up."""

DEATHS: Final[tuple[Death, ...]] = (*REFRESH[:8], "received", "used", *REFRESH[8:])
IN_DOUBT: Final = frozenset[Death]({"sent", "received", "used", "heard", "decide", "decided"})
"""Where only the issuer can tell whether the refresh token is used up."""

DELIVERED: Final = frozenset[Death]({*DEATHS[8:]})
"""Where the issuer has received it."""

Issuer = Literal["rotates", "keeps", "is misjudged"]
"""It issues a new refresh token each time, or leaves the old one good, which we know, or do not know."""


class Scene:
    """A file with one login in it, and the endpoint that it is from."""

    def __init__(self, path: Path, issuer: Issuer, *, is_expired: bool) -> None:
        self.path = path
        self.single_use = issuer != "keeps"
        self.provider = EmbeddedProvider()
        self.provider.add_account("a")
        self.is_rotating = issuer == "rotates"
        self.endpoint = TokenEndpoint(self.provider if self.is_rotating else self._keep)
        expiry = 1.0 if is_expired else 9e9
        self.old = (
            held(self.provider.issue("a", expired=is_expired)) if self.is_rotating else token("old", expiry=expiry)
        )
        self.unwanted = "" if is_expired else self.old.fingerprint
        with SqliteTokenStore(path) as store:
            store.write(PROVIDER, BUCKET, self.old)

    def _keep(self, form: Form) -> tuple[int, dict[str, object]]:
        assert form["refresh_token"].startswith("refresh-of-")
        return 200, {"access_token": f"access-{len(self.endpoint.presented)}", "expires_in": 3_600}

    def log_in(self, store: SqliteTokenStore) -> None:
        """A user does."""
        new = held(self.provider.issue("a", expired=True)) if self.is_rotating else token("login", expiry=1.0)
        store.write(PROVIDER, BUCKET, new)

    def kill(self, url: str, death: Death) -> None:
        """A process refreshes, and dies there."""
        at = REFRESH.index(death) if death in REFRESH else None
        with started(refresh_once, Errand(self.path, at, url, self.unwanted, self.single_use)) as (process, pipe):
            if death == "received":
                self.endpoint.received = process.kill
            if death == "used":
                self.endpoint.used = process.kill
            pipe.send(None)
            process.join(PATIENCE_SECONDS)
        assert process.exitcode == -signal.SIGKILL

    def refresh(self, store: SqliteTokenStore, url: str, *, in_loop: bool) -> str:
        """The next start."""
        issuer = issuer_at(url, single_use=self.single_use)
        try:
            if in_loop:
                manager = StoredOAuthManager(store, refresh=issuer)
                return outcome_of(lambda: asyncio.run(manager.replace_token(PROVIDER, BUCKET, self.unwanted)))
            sync = SyncStoredOAuthManager(store, refresh=issuer)
            return outcome_of(lambda: sync.replace_token(PROVIDER, BUCKET, self.unwanted))
        finally:
            issuer.close()


def assert_free(store: SqliteTokenStore, purpose: Literal["refresh", "login"]) -> None:
    """No process holds the lock."""
    lease = store.try_lease(PROVIDER, BUCKET, purpose)
    assert lease is not None
    lease.release()


def test_a_refresh_takes_these_steps(tmp_path: Path) -> None:
    """The list is complete: no process dies elsewhere."""
    scene = Scene(tmp_path / "tokens.db", "rotates", is_expired=True)
    with scene.endpoint.serve() as url, started(refresh_once, Errand(scene.path, url=url)) as (_, pipe):
        pipe.send(None)
        assert tuple(pipe.recv()) == REFRESH


@pytest.mark.parametrize("is_expired", [True, False], ids=["expired", "refused"])
@pytest.mark.parametrize("issuer", ["rotates", "keeps", "is misjudged"])
@pytest.mark.parametrize("death", DEATHS)
def test_after_a_killed_refresh(tmp_path: Path, death: Death, issuer: Issuer, *, is_expired: bool) -> None:
    """Repaired, or reported; and after a login all is as ever."""
    scene = Scene(tmp_path / "tokens.db", issuer, is_expired=is_expired)
    is_lost = scene.single_use and death in IN_DOUBT
    with scene.endpoint.serve() as url, SqliteTokenStore(scene.path) as store:
        scene.kill(url, death)
        assert_free(store, "refresh")
        ours = scene.refresh(store, url, in_loop=is_expired)
        stored = store.read_stored(PROVIDER, BUCKET)
        assert stored.token is not None
        assert (stored.mark is not None, stored.token == scene.old, ours == INTERRUPTED) == (is_lost,) * 3
        if not is_lost:
            assert ours == stored.token.fingerprint
        presented = len(scene.endpoint.presented)
        scene.log_in(store)
        assert store.read_stored(PROVIDER, BUCKET).mark is None
        scene.unwanted = ""
        again = scene.refresh(store, url, in_loop=not is_expired)
        assert again not in {INTERRUPTED, "None", ours}
    assert scene.provider.reuses == 0
    is_repeated = not is_lost and (death not in DELIVERED or death in IN_DOUBT)
    assert presented == (death in DELIVERED) + is_repeated


@pytest.mark.parametrize("death", ["heard", "decide", "decided", "settled"])
def test_a_failure_that_is_not_noted_counts_as_not_heard(tmp_path: Path, death: Step) -> None:
    """The issuer has said that the refresh token is unused; a death before the process notes it leaves it in doubt."""
    scene = Scene(tmp_path / "tokens.db", "rotates", is_expired=True)
    scene.provider.fail_next(503, at="token")
    with scene.endpoint.serve() as url, SqliteTokenStore(scene.path) as store:
        scene.kill(url, death)
        assert_free(store, "refresh")
        ours = scene.refresh(store, url, in_loop=False)
        assert (ours == INTERRUPTED) == (death != "settled")
        assert len(scene.endpoint.presented) == 1 + (death == "settled")
    assert scene.provider.reuses == 0


def test_a_login_takes_these_steps(tmp_path: Path) -> None:
    """The list is complete: no process dies elsewhere."""
    with started(log_in_once, Errand(tmp_path / "tokens.db")) as (_, pipe):
        pipe.send(None)
        assert tuple(pipe.recv()) == LOGIN[:ASK]
        pipe.send(None)
        assert tuple(pipe.recv()) == LOGIN


def person(asked: list[str]) -> Callable[[str, str], OAuthToken]:
    """A user who logs in, and counts how often."""

    def login(_provider: str, bucket: str) -> OAuthToken:
        asked.append(bucket)
        return token("ours", expiry=9e9)

    return login


@pytest.mark.parametrize("number", range(len(LOGIN)), ids=lambda number: f"{number}-{LOGIN[number]}")
def test_after_a_killed_login(tmp_path: Path, number: int) -> None:
    """The next one is possible at once, and asks the user; before it, there is all of the former one, or nothing."""
    asked: list[str] = []
    with started(log_in_once, Errand(tmp_path / "tokens.db", number)) as (process, pipe):
        pipe.send(None)
        pipe.send(None)
        process.join(PATIENCE_SECONDS)
    assert process.exitcode == -signal.SIGKILL
    with SqliteTokenStore(tmp_path / "tokens.db") as store:
        theirs = token("by-the-other", expiry=9e9) if number >= STORED else None
        assert store.read(PROVIDER, BUCKET) == theirs
        assert store.read_login_answer(PROVIDER, BUCKET) is None
        assert_free(store, "login")
        SyncStoredOAuthManager(store, login=person(asked)).authenticate(PROVIDER, BUCKET)
        assert store.read(PROVIDER, BUCKET) == token("ours", expiry=9e9)
    assert asked == [BUCKET]


@pytest.mark.parametrize("number", range(ASK, len(LOGIN)), ids=lambda number: f"{number}-{LOGIN[number]}")
def test_those_who_wait_for_a_login_take_over(tmp_path: Path, number: int) -> None:
    """One of them asks the user, and the other adopts; the user is not asked for what is stored already."""
    path = tmp_path / "tokens.db"
    asked: list[str] = []
    trails = [Trail(), Trail()]
    stores = [WatchedStore(path, trail) for trail in trails]
    managers = [SyncStoredOAuthManager(store, login=person(asked)) for store in stores]
    waiting = [threading.Thread(target=manager.authenticate, args=(PROVIDER, BUCKET)) for manager in managers]
    with started(log_in_once, Errand(path, number)) as (process, pipe):
        pipe.send(None)
        pipe.recv()
        for thread in waiting:
            thread.start()
        wait_until(lambda: all("lock" in trail.steps for trail in trails))
        assert asked == []
        pipe.send(None)
        process.join(PATIENCE_SECONDS)
    assert process.exitcode == -signal.SIGKILL
    for thread in waiting:
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()
    is_stored = number >= STORED
    assert asked == ([] if is_stored else [BUCKET])
    assert stores[0].read(PROVIDER, BUCKET) == token("by-the-other" if is_stored else "ours", expiry=9e9)
    for store in stores:
        store.close()
