"""One login at a time for a bucket, over all processes; and a failover that takes a user's word for it."""

import asyncio
import queue
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

import pytest
from returns.result import Failure

from bucket_failover import (
    AllBucketsExhausted,
    Bucket,
    BucketFailoverHandlerImpl,
    BucketFailureReason,
    FailoverContext,
    FailoverPolicy,
    LoginDeclinedError,
    LoginFailedError,
    LoginTimedOutError,
    MemoryTokenStore,
    OAuthToken,
    Profile,
    SqliteTokenStore,
)
from bucket_failover.store import Lease, Purpose
from bucket_failover.wiring import open_accounts
from tests.support.house import House, live
from tests.support.issuer import OAuthServer
from tests.support.people import PROVIDER, token

PATIENCE_SECONDS: Final = 20.0
"""What takes longer is a hang."""

_ASKER: Final = """
import asyncio, sys
from bucket_failover import SqliteTokenStore, load_profiles
from bucket_failover.wiring import open_accounts

def tell(*words):
    print(*words, flush=True)

class Store(SqliteTokenStore):
    is_new = True
    def try_lease(self, *key):
        lease = super().try_lease(*key)
        if lease is None and self.is_new:
            tell("waits")
            self.is_new = False
        return lease

class Window:
    def open_address(self, provider, bucket, address):
        tell("asks", address)

(profile,) = load_profiles(sys.argv[1])
with Store(sys.argv[2]) as store, open_accounts(profile, store, window=Window()) as accounts:
    tell("is there")
    for line in sys.stdin:
        store.is_new = True
        try:
            asyncio.run(accounts.manager.authenticate(profile.provider, line.strip()))
        except Exception as error:
            tell(type(error).__name__, error)
        else:
            tell("has", store.read(profile.provider, line.strip()).fingerprint)
"""


class Asker:
    """A process that logs in to the buckets that it is told, and says what happens."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-c", _ASKER, str(folder / "profile.toml"), str(folder / "buckets.db")]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._said: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._listen, args=(self.process.stdout,), daemon=True).start()

    def _listen(self, file: IO[str]) -> None:
        for line in file:
            self._said.put(line.rstrip())

    def log_in(self, bucket: str) -> None:
        """Begin a login."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{bucket}\n")
        self.process.stdin.flush()

    def says(self, word: str = "") -> str:
        """What it says next, which begins with this word."""
        said = self._said.get(timeout=PATIENCE_SECONDS)
        assert said.startswith(word), said
        return said.removeprefix(word).strip()

    def close(self) -> None:
        """The test wants nothing of it any more."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(PATIENCE_SECONDS)
        self.process.stdout.close()


class Office:
    """An issuer, a store, and two processes."""

    def __init__(self, folder: Path, server: OAuthServer) -> None:
        self.folder = folder
        self.server = server
        buckets = ("said-yes", "said-no", "killed", "one", "other")
        (folder / "profile.toml").write_text(f"[{PROVIDER}]\nbuckets = {list(buckets)}\n{server.table()}")
        self.profile = Profile(provider=PROVIDER, buckets=tuple(map(Bucket, buckets)), oauth=server.settings())
        self.askers = [Asker(folder), Asker(folder)]
        for asker in self.askers:
            asker.says("is there")

    @contextmanager
    def we_ask(self, bucket: str) -> Iterator["queue.SimpleQueue[object]"]:
        """This process asks, too; what comes of it."""
        came: queue.SimpleQueue[object] = queue.SimpleQueue()
        begun = threading.Event()

        class Store(SqliteTokenStore):
            def try_lease(self, provider: str, bucket: str, purpose: Purpose) -> Lease | None:
                got = super().try_lease(provider, bucket, purpose)
                begun.set()
                return got

        class Window:
            def open_address(self, _provider: str, _bucket: str, address: str) -> None:
                came.put(address)

            def show_code(self, *_: object) -> None:
                """Not asked for."""

        def ask() -> None:
            with (
                Store(self.folder / "buckets.db") as store,
                open_accounts(self.profile, store, window=Window()) as accounts,
            ):
                try:
                    asyncio.run(accounts.manager.authenticate(PROVIDER, bucket))
                except LoginFailedError as error:
                    came.put(error)
                else:
                    came.put(store.read(PROVIDER, bucket))

        thread = threading.Thread(target=ask)
        thread.start()
        assert begun.wait(PATIENCE_SECONDS)
        yield came
        thread.join(PATIENCE_SECONDS)

    def windows(self, bucket: str) -> int:
        """How often a window was opened for it."""
        return self.server.windows.count(bucket)


def visit(address: str) -> None:
    """The user answers."""
    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address, timeout=10).close()


def came(answers: "queue.SimpleQueue[object]") -> object:
    """What has come of our own wish."""
    return answers.get(timeout=PATIENCE_SECONDS)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """The processes live as long as the module; each test has buckets of its own."""
    server = OAuthServer()
    with server.serve():
        office = Office(tmp_path_factory.mktemp("office"), server)
        yield office
        for asker in office.askers:
            asker.close()


def test_three_ask_and_one_window_opens(office: Office) -> None:
    """Everybody has the token that it brings."""
    first, second = office.askers
    first.log_in("said-yes")
    address = first.says("asks")
    second.log_in("said-yes")
    second.says("waits")
    with office.we_ask("said-yes") as ours:
        visit(address)
        got = came(ours)
    assert isinstance(got, OAuthToken)
    assert {first.says("has"), second.says("has")} == {got.fingerprint}
    assert office.windows("said-yes") == 1
    assert office.server.owner(got.access_token.get_secret_value()) == "said-yes"


def test_a_no_is_everybodys(office: Office) -> None:
    """It says that another process has asked; a process that asks later may ask again."""
    office.server.answers["said-no"] = "no"
    first, second = office.askers
    first.log_in("said-no")
    address = first.says("asks")
    second.log_in("said-no")
    second.says("waits")
    with office.we_ask("said-no") as ours:
        visit(address)
        error = came(ours)
    assert isinstance(error, LoginDeclinedError)
    assert str(error) == "the login that was under way has brought no token: the user said no"
    assert first.says("LoginDeclinedError") == "the user said no"
    assert second.says("LoginDeclinedError") == str(error)
    assert office.windows("said-no") == 1
    office.server.answers["said-no"] = "yes"
    second.log_in("said-no")
    visit(second.says("asks"))
    second.says("has")


def test_other_buckets_do_not_wait(office: Office) -> None:
    """One login is under way, another begins and ends."""
    first, second = office.askers
    first.log_in("one")
    address = first.says("asks")
    second.log_in("other")
    visit(second.says("asks"))
    other = second.says("has")
    visit(address)
    assert first.says("has") != other


def test_an_asker_that_is_killed_frees_the_others(office: Office) -> None:
    """The next one opens a window of its own, for the first one's leads nowhere any more."""
    killed = Asker(office.folder)
    killed.says("is there")
    killed.log_in("killed")
    killed.says("asks")
    second = office.askers[1]
    second.log_in("killed")
    second.says("waits")
    killed.process.kill()
    visit(second.says("asks"))
    second.says("has")
    killed.close()


REFUSED: Final = FailoverContext(triggering_status=401)


def next_request(house: House, context: FailoverContext = REFUSED) -> bool:
    """A minute later."""
    house.handler.reset_session()
    house.world.now += 60.0
    return house.try_failover(context) == [True]


def test_a_no_is_not_asked_again_until_a_reset() -> None:
    """No more windows in the requests to come, and the report says why."""
    house = House({}, ["default"])
    house.issuer.logins = {"default": [LoginDeclinedError(), token("default")]}
    for _ in range(3):
        assert not next_request(house)
        assert house.handler.get_last_failover_reasons() == {"default": BucketFailureReason.REAUTH_FAILED}
    assert house.issuer.asked == [("login", "default")]
    house.handler.reset()
    assert next_request(house)
    assert house.issuer.asked == [("login", "default")] * 2


def test_a_token_that_has_come_by_other_means_makes_up_for_a_no() -> None:
    """The user has logged in at another terminal; when that token is gone, the user may be asked again."""
    house = House(live("claudius"), ["default", "claudius"])
    house.issuer.logins = {"default": [LoginDeclinedError(), token("new")]}
    spent = FailoverContext(triggering_status=429, bucket="claudius")
    assert not next_request(house, spent)
    assert not next_request(house, spent)
    house.store.write(PROVIDER, "default", token("default"))
    assert next_request(house, spent)
    assert house.handler.get_current_bucket() == "default"
    assert house.issuer.asked == [("login", "default")]
    house.store.delete(PROVIDER, "default")
    assert next_request(house, spent)
    assert house.issuer.asked == [("login", "default")] * 2


def test_who_did_not_answer_in_time_is_asked_again() -> None:
    """In the next request, not in this one."""
    house = House({}, ["default"])
    house.issuer.logins = {"default": [LoginTimedOutError(), token("default")]}
    assert house.try_failover(REFUSED, REFUSED) == [False, False]
    assert house.issuer.asked == [("login", "default")]
    assert next_request(house)
    assert house.issuer.asked == [("login", "default")] * 2


def test_where_the_user_cannot_be_asked_the_report_says_what_to_run() -> None:
    """No login is offered, however many the policy allows."""
    profile = Profile(provider=PROVIDER, buckets=(Bucket("default"), Bucket("claudius")))
    store = MemoryTokenStore()
    store.write(PROVIDER, "default", live("default")["default"] or token("default"))
    with open_accounts(profile, store, clock=lambda: 1_000.0) as accounts:
        handler = BucketFailoverHandlerImpl(
            profile.buckets,
            PROVIDER,
            accounts.manager,
            policy=FailoverPolicy(reauths_per_request=3),
            clock=lambda: 1_000.0,
        )
        assert not asyncio.run(handler.try_failover(FailoverContext(triggering_status=429)))
    decision = handler.last_decision
    assert isinstance(decision, Failure)
    exhausted = decision.failure()
    assert isinstance(exhausted, AllBucketsExhausted)
    assert exhausted.reasons == {
        "default": BucketFailureReason.QUOTA_EXHAUSTED,
        "claudius": BucketFailureReason.NO_TOKEN,
    }
    assert exhausted.message.startswith("Log in to claudius (bucket-failover login anthropic claudius)")
