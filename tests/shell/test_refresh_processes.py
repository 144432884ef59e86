"""Eight processes refresh three logins, and are killed at any moment: SIGKILL, a real file, a real token endpoint.

The endpoint takes each refresh token once, and a second time is theft. So nothing may be presented twice, whichever
process dies and whenever; a login may be lost only where its refresh token was presented and the answer not stored,
and then the next process that asks is told so. What a process was doing when it died is read from memory that outlives
it.
"""

import contextlib
import random
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Final, NamedTuple

from bucket_failover import OAuthToken, SqliteTokenStore, SyncStoredOAuthManager
from bucket_failover.store.sqlite.locks import FileLocks
from bucket_failover.testing import EmbeddedProvider
from tests.support.people import PROVIDER
from tests.support.refresher import (
    INTERRUPTED,
    Progress,
    Setting,
    Step,
    Wish,
    outcome_of,
    processes,
    work,
)
from tests.support.token_endpoint import PATIENCE_SECONDS, TokenEndpoint, held, issuer_at

BUCKETS: Final = ("default", "claudius", "vybestack")
PROCESSES: Final = 8
ROUNDS: Final = 200
SEED: Final = 1598
LIFETIME_SECONDS: Final = 3_600.0
ANSWER_SECONDS: Final = 0.003
"""What the endpoint takes for a request, and for its answer."""

WITHOUT_LOCK: Final = frozenset[Step]({"idle", "lock", "released"})
BEFORE_MARK: Final = frozenset[Step]({"locked", "read", "has-read", "intend", "intended"})
IN_DOUBT: Final = frozenset[Step]({"sent", "heard", "decide"})
"""Where a process that dies leaves a mark that says so."""

AFTER: Final = frozenset[Step]({"settled", "release", "released"})
AMBIGUOUS: Final = frozenset[Step]({"send", "decided"})
"""In the middle of a commit, which is made or is not."""


class Worker(NamedTuple):
    """A process, and how it is spoken to."""

    process: ForkServerProcess
    pipe: "Connection[Wish, dict[str, str]]"


class Crew:
    """The processes; who was killed is replaced."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._progress = Progress(setting.progress, BUCKETS, PROCESSES)
        self._workers = [self._start(row) for row in range(PROCESSES)]
        for worker in self._workers:
            _answer(worker)

    def _start(self, row: int) -> Worker:
        context = processes()
        ours, theirs = context.Pipe()
        process = context.Process(target=work, args=(theirs, self._setting, row), daemon=True)
        process.start()
        theirs.close()
        return Worker(process, ours)

    def ask(self, wishes: list[Wish]) -> None:
        """Everybody starts."""
        self._progress.reset()
        for worker, wish in zip(self._workers, wishes, strict=True):
            worker.pipe.send(wish)

    def kill(self, row: int) -> None:
        """At once, whatever it is doing."""
        self._workers[row].process.kill()

    def holder(self, bucket: str, alive: list[int]) -> int | None:
        """Who refreshes this bucket just now, as far as we can see."""
        return next((row for row in alive if self._progress.steps(row)[bucket] not in WITHOUT_LOCK), None)

    def gather(self, killed: list[int]) -> tuple[list[dict[str, str]], list[dict[str, Step]]]:
        """What all have said, the dead too if they had come to it, and where those stood; then all are there again."""
        said = [_answer(worker) for row, worker in enumerate(self._workers) if row not in killed]
        stood = []
        for row in killed:
            process, pipe = self._workers[row]
            process.join(PATIENCE_SECONDS)
            assert process.exitcode == -signal.SIGKILL
            stood.append(self._progress.steps(row))
            with contextlib.suppress(EOFError, OSError):
                said.append(pipe.recv())
            pipe.close()
            self._workers[row] = self._start(row)
        for row in killed:
            _answer(self._workers[row])
        return said, stood

    def close(self) -> None:
        """The test wishes for nothing any more."""
        for worker in self._workers:
            worker.pipe.close()
        for worker in self._workers:
            worker.process.join(PATIENCE_SECONDS)
            assert worker.process.exitcode == 0
        self._progress.close()


def _answer(worker: Worker) -> dict[str, str]:
    assert worker.pipe.poll(PATIENCE_SECONDS), "it hangs"
    return worker.pipe.recv()


class Siege:
    """The rounds, and what has come of them."""

    def __init__(self, path: Path) -> None:
        self.now = 1_000_000.0
        self.chance = random.Random(SEED)  # noqa: S311 - the same story in each run
        self.provider = EmbeddedProvider(clock=lambda: self.now)
        self.endpoint = TokenEndpoint(self.provider, seconds=ANSWER_SECONDS)
        self.store = SqliteTokenStore(path)
        self.died: Counter[Step] = Counter()
        self.lost: list[str] = []
        self.refreshed = 0
        self.seconds = 0.02
        for bucket in BUCKETS:
            self.provider.add_account(bucket, token_lifetime_seconds=LIFETIME_SECONDS)
            self.log_in(bucket)

    def log_in(self, bucket: str) -> None:
        """A user does; no trace of a refresh is left."""
        self.store.write(PROVIDER, bucket, held(self.provider.issue(bucket)))
        assert self.store.read_stored(PROVIDER, bucket).mark is None

    def play(self, crew: Crew, manager: SyncStoredOAuthManager) -> None:
        """One round: all tokens are refused or have ended, everybody wants others, and some die."""
        before = {bucket: self.stored(bucket) for bucket in BUCKETS}
        if self.chance.random() < 0.5:
            unwanted = [(bucket, before[bucket].fingerprint) for bucket in BUCKETS]
        else:
            self.now += LIFETIME_SECONDS
            unwanted = [(bucket, "") for bucket in BUCKETS]
        wishes = [Wish(self.now, tuple(self.chance.sample(unwanted, len(unwanted)))) for _ in range(PROCESSES)]
        begun = time.monotonic()
        crew.ask(wishes)
        victims = self.kill_some(crew, begun)
        said, stood = crew.gather(victims)
        if not victims:
            self.seconds = time.monotonic() - begun
        for bucket, fingerprint in unwanted:
            ours = outcome_of(partial(manager.replace_token, PROVIDER, bucket, fingerprint))
            steps = [each[bucket] for each in stood]
            self.died.update(steps)
            self.judge(bucket, before[bucket], {each[bucket] for each in said}, ours, set(steps))
        assert self.provider.reuses == 0, "a refresh token was presented twice"

    def kill_some(self, crew: Crew, begun: float) -> list[int]:
        """Up to three, early rather than late; some as they come, some because they hold a lock."""
        moments = sorted(self.chance.random() ** 2 for _ in range(self.chance.choice((0, 1, 2, 3))))
        alive = self.chance.sample(range(PROCESSES), PROCESSES)
        for moment in moments:
            aim = self.chance.choice((None, *BUCKETS))
            time.sleep(max(0.0, begun + moment * self.seconds - time.monotonic()))
            holder = crew.holder(aim, alive) if aim is not None else None
            victim = alive[0] if holder is None else holder
            crew.kill(victim)
            alive.remove(victim)
        return [row for row in range(PROCESSES) if row not in alive]

    def judge(self, bucket: str, before: OAuthToken, said: set[str], ours: str, died_at: set[Step]) -> None:
        """What holds for a bucket after a round; `ours` is what a start after it finds."""
        assert said <= {ours}, "they do not agree"
        after = self.store.read_stored(PROVIDER, bucket)
        assert after.token is not None
        if ours == INTERRUPTED:
            assert died_at & (IN_DOUBT | AMBIGUOUS), "a login is lost without need"
            assert after.token == before
            self.lost.append(_secret(before))
            self.log_in(bucket)
            return
        assert not died_at & IN_DOUBT, "nobody was told that a refresh token is in doubt"
        assert ours == after.token.fingerprint != before.fingerprint
        assert after.token.is_live(now=self.now)
        assert after.mark is None
        self.refreshed += 1

    def stored(self, bucket: str) -> OAuthToken:
        """What is stored."""
        token = self.store.read(PROVIDER, bucket)
        assert token is not None
        return token


def _secret(token: OAuthToken) -> str:
    assert token.refresh_token is not None
    return token.refresh_token.get_secret_value()


@contextlib.contextmanager
def siege(folder: Path, *links: Path) -> Iterator[tuple[Siege, Crew, SyncStoredOAuthManager]]:
    """The stage: a file, an endpoint, the processes, and us, who come when they are gone.

    Args:
        folder: where all of that is.
        links: other names of the file, by which some of the processes open it.
    """
    story = Siege(folder / "tokens.db")
    with (
        story.store,
        story.endpoint.serve() as url,
        contextlib.closing(issuer_at(url, clock=lambda: story.now)) as issuer,
    ):
        crew = Crew(Setting((folder / "tokens.db", *links), url, folder / "progress", BUCKETS, PROCESSES))
        yield story, crew, SyncStoredOAuthManager(story.store, refresh=issuer, clock=lambda: story.now)
        crew.close()


def test_nothing_is_presented_twice_and_no_login_is_lost_in_silence(tmp_path: Path) -> None:
    """200 rounds; whatever was lost was in doubt, and the next one who asked was told so."""
    with siege(tmp_path) as (story, crew, manager):
        for _ in range(ROUNDS):
            story.play(crew, manager)
    presented = Counter(story.endpoint.presented)
    undelivered = [token for token in story.lost if token not in presented]
    used = sum(story.provider.refreshes(bucket) for bucket in BUCKETS)
    print(f"{story.refreshed=} {len(story.lost)=} {len(undelivered)=} {used=} {story.died=} {story.seconds=}")
    assert max(presented.values()) == 1
    assert story.provider.reuses == 0
    assert story.refreshed + len(story.lost) == ROUNDS * len(BUCKETS)
    assert used == story.refreshed + len(story.lost) - len(undelivered), "each use is stored, or reported as lost"
    in_phase = [sum(story.died[step] for step in phase) for phase in (WITHOUT_LOCK, BEFORE_MARK, IN_DOUBT, AFTER)]
    assert all(in_phase), "nobody was killed there"
    assert len(undelivered) < len(story.lost) / 2


def test_a_process_that_merely_tries_does_not_stand_in_the_way(tmp_path: Path) -> None:
    """One process gets a free lock at once, even if two try at the same moment.

    With `BEGIN EXCLUSIVE` each was in the other's way, and both waited in step, for up to a second.
    """
    locks = FileLocks(tmp_path)
    first = locks.try_lock(PROVIDER, "default", "refresh")
    assert first is not None
    first()
    (file,) = tmp_path.iterdir()
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as trying:
        trying.execute("BEGIN")
        assert trying.execute("SELECT * FROM sqlite_master").fetchall() == []
        second = locks.try_lock(PROVIDER, "default", "refresh")
        assert second is not None
        assert FileLocks(tmp_path).try_lock(PROVIDER, "default", "refresh") is None
        second()
