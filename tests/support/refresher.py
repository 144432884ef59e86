"""What the processes of the refresh tests run: a manager over a shared file, watched at every step, until it is killed.

The processes are forked from one that has imported everything, so that a killed one is quickly replaced.
"""

import asyncio
import mmap
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeVar

from bucket_failover import (
    OAuthToken,
    RefreshInterruptedError,
    Reply,
    SqliteTokenStore,
    Stored,
    StoredOAuthManager,
    SyncStoredOAuthManager,
)
from bucket_failover.oauth.http_issuer import OAuthIssuer
from bucket_failover.store import Change, Lease, Purpose
from bucket_failover_core.oauth import RefreshMark, StoredLogin
from tests.support.people import PROVIDER, token
from tests.support.token_endpoint import BUCKET, PATIENCE_SECONDS, issuer_at

Step = Literal[
    "idle",
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
    "ask",
    "asked",
]
"""Where a process stands for a bucket; the verbs are said before a step, the participles after it.

Between "send" and "sent" it is noted that the first byte is about to go out; between "decide" and "settled" is the
transaction that ends a refresh or a login.
"""

STEPS: Final[tuple[Step, ...]] = Step.__args__  # type: ignore[attr-defined]  # what a Literal holds, in its order

Reach = Callable[[str, Step], None]
"""Told the bucket and the step that was reached."""

_T = TypeVar("_T")


def processes() -> ForkServerContext:
    """Where processes come from."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["pytest", "bucket_failover", "httpx2", "tests.support.refresher"])
    return context


INTERRUPTED: Final = "interrupted"


class WatchedStore(SqliteTokenStore):
    """The store over a file, which tells each step that is made with it."""

    def __init__(self, path: Path, reach: Reach) -> None:
        super().__init__(path)
        self._reach = reach

    def try_lease(self, provider: str, bucket: str, purpose: Purpose) -> Lease | None:
        """Told before, after, and when it is given back."""
        self._reach(bucket, "lock")
        lease = super().try_lease(provider, bucket, purpose)
        if lease is None:
            return None
        self._reach(bucket, "locked")

        def watched() -> None:
            self._reach(bucket, "release")
            lease.release()
            self._reach(bucket, "released")

        return Lease(lease.number, watched)

    def read_stored(self, provider: str, bucket: str) -> Stored:
        """Told before and after."""
        self._reach(bucket, "read")
        stored = super().read_stored(provider, bucket)
        self._reach(bucket, "has-read")
        return stored

    def change(
        self,
        provider: str,
        bucket: str,
        decide: Callable[[StoredLogin], Change[_T]],
        issued: OAuthToken | None = None,
    ) -> _T:
        """Told within the transaction and after it; of a mark, which of the two it is."""
        done: list[Step] = []

        def watched(stored: StoredLogin) -> Change[_T]:
            change = decide(stored)
            if isinstance(change.mark, RefreshMark):
                self._reach(bucket, "send" if change.mark.is_sent else "intend")
                done.append("sent" if change.mark.is_sent else "intended")
            else:
                self._reach(bucket, "decide")
                self._reach(bucket, "decided")
                done.append("settled")
            return change

        outcome = super().change(provider, bucket, watched, issued)
        self._reach(bucket, done[-1])
        return outcome


class WatchedIssuer:
    """An issuer over HTTP, which tells when the answer was heard."""

    def __init__(self, issuer: OAuthIssuer, reach: Reach) -> None:
        self._issuer = issuer
        self._reach = reach

    @property
    def single_use_refresh_tokens(self) -> bool:
        """See `TokenIssuer`."""
        return self._issuer.single_use_refresh_tokens

    def refresh(self, provider: str, bucket: str, held: OAuthToken, /, *, before_sending: Callable[[], None]) -> Reply:
        """See `TokenIssuer`."""
        reply = self._issuer.refresh(provider, bucket, held, before_sending=before_sending)
        self._reach(bucket, "heard")
        return reply


class Progress:
    """Where each process stands for each bucket, in memory that they share; it outlives them."""

    def __init__(self, path: Path, buckets: tuple[str, ...], rows: int) -> None:
        self._buckets = buckets
        if not path.exists():
            path.write_bytes(bytes(rows * len(buckets)))
        with path.open("r+b") as file:
            self._steps = mmap.mmap(file.fileno(), 0)

    def close(self) -> None:
        """Unmap it."""
        self._steps.close()

    def reset(self) -> None:
        """Everybody is idle."""
        self._steps[:] = bytes(len(self._steps))

    def put(self, row: int, bucket: str, step: Step) -> None:
        """A process has reached a step."""
        self._steps[row * len(self._buckets) + self._buckets.index(bucket)] = STEPS.index(step)

    def steps(self, row: int) -> dict[str, Step]:
        """Where a process stands, or stood when it died."""
        width = len(self._buckets)
        return dict(zip(self._buckets, (STEPS[step] for step in self._steps[row * width :][:width]), strict=True))


@dataclass(frozen=True, slots=True)
class Setting:
    """What all processes share.

    Args:
        paths: of the store's file, by row in turn: one file, whatever it is called.
        url: of the token endpoint.
        progress: where it is told how far each process is.
        buckets: all of them.
        rows: how many processes there are.
    """

    paths: tuple[Path, ...]
    url: str
    progress: Path
    buckets: tuple[str, ...]
    rows: int


class Wish(NamedTuple):
    """What a process is told to get, at which moment: other tokens than these, bucket by bucket."""

    now: float
    unwanted: tuple[tuple[str, str], ...]


def work(told: "Connection[dict[str, str], Wish]", setting: Setting, row: int) -> None:
    """The program: fulfils wishes until the test has none. Even rows are synchronous; others ask for all at once."""
    now = 0.0
    progress = Progress(setting.progress, setting.buckets, setting.rows)

    def reach(bucket: str, step: Step) -> None:
        progress.put(row, bucket, step)

    def clock() -> float:
        return now

    store, issuer = (
        WatchedStore(setting.paths[row % len(setting.paths)], reach),
        WatchedIssuer(issuer_at(setting.url, clock=clock), reach),
    )
    sync = SyncStoredOAuthManager(store, refresh=issuer, clock=clock)
    manager = StoredOAuthManager(store, refresh=issuer, clock=clock)

    async def all_at_once(wish: Wish) -> list[str]:
        wanted = (manager.replace_token(PROVIDER, *each) for each in wish.unwanted)
        return [named(outcome) for outcome in await asyncio.gather(*wanted, return_exceptions=True)]

    told.send({})
    with asyncio.Runner() as runner:
        while True:
            try:
                wish = told.recv()
            except EOFError:
                return
            now = wish.now
            if row % 2:
                got = runner.run(all_at_once(wish))
            else:
                got = [outcome_of(partial(sync.replace_token, PROVIDER, *each)) for each in wish.unwanted]
            told.send(dict(zip((bucket for bucket, _ in wish.unwanted), got, strict=True)))


def outcome_of(refresh: Callable[[], OAuthToken | None]) -> str:
    """What came of a refresh."""
    try:
        return named(refresh())
    except Exception as error:  # noqa: BLE001 - it is told, and the test fails
        return named(error)


def named(outcome: OAuthToken | BaseException | None) -> str:
    """A fingerprint, "interrupted" if it is said what to do about it, or what should not be."""
    if isinstance(outcome, RefreshInterruptedError) and str(outcome).endswith("; log in again"):
        return INTERRUPTED
    return outcome.fingerprint if isinstance(outcome, OAuthToken) else repr(outcome)


def wait_until(is_so: Callable[[], bool]) -> None:
    """Something happens in another thread."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < until, "it hangs"
        time.sleep(0.001)


class Errand(NamedTuple):
    """What a process is to do once.

    Args:
        path: the store's file.
        dies_at: at which of its steps it kills itself, counted from 0; None: at none.
        url: the token endpoint.
        unwanted: the token that is to be replaced.
        single_use: what it believes of refresh tokens.
    """

    path: Path
    dies_at: int | None = None
    url: str = ""
    unwanted: str = ""
    single_use: bool = True


class Trail:
    """Remembers the steps of a process, and kills it at one of them."""

    def __init__(self, dies_at: int | None = None) -> None:
        self.steps: list[Step] = []
        self._dies_at = dies_at

    def __call__(self, bucket: str, step: Step) -> None:
        """A step was reached."""
        if len(self.steps) == self._dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        self.steps.append(step)


def refresh_once(told: "Connection[list[Step], None]", errand: Errand) -> None:
    """The program of one refresh, when it is told to begin; tells its steps, if it lives to tell them."""
    trail = Trail(errand.dies_at)
    told.recv()
    issuer = WatchedIssuer(issuer_at(errand.url, single_use=errand.single_use), trail)
    with WatchedStore(errand.path, trail) as store:
        SyncStoredOAuthManager(store, refresh=issuer).replace_token(PROVIDER, BUCKET, errand.unwanted)
    told.send(trail.steps)


def log_in_once(told: "Connection[list[Step], None]", errand: Errand) -> None:
    """The same of a login, whose person answers when told to; tells its steps when it asks, and at its end."""
    trail = Trail(errand.dies_at)
    told.recv()

    def login(_provider: str, bucket: str) -> OAuthToken:
        told.send(trail.steps)
        told.recv()
        trail(bucket, "ask")
        trail(bucket, "asked")
        return token("by-the-other", expiry=9e9)

    with WatchedStore(errand.path, trail) as store:
        SyncStoredOAuthManager(store, login=login).authenticate(PROVIDER, BUCKET)
    told.send(trail.steps)


@contextmanager
def started(
    program: "Callable[[Connection[list[Step], None], Errand], None]", errand: Errand
) -> "Iterator[tuple[ForkServerProcess, Connection[None, list[Step]]]]":
    """A process that waits to be told to begin; at the end of the block it has ended."""
    context = processes()
    ours, theirs = context.Pipe()
    process = context.Process(target=program, args=(theirs, errand), daemon=True)
    process.start()
    theirs.close()
    try:
        yield process, ours
        process.join(PATIENCE_SECONDS)
        assert process.exitcode is not None, "it hangs"
    finally:
        process.kill()
        process.join()
        ours.close()
