"""What handlers of several processes tell each other of quota, through the file that they share."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from returns.result import Success

from bucket_failover import (
    Bucket,
    BucketFailoverHandlerImpl,
    CallFailure,
    Cause,
    FailoverContext,
    FailoverPolicy,
    Limit,
    SqliteLimitStore,
    SyncBucketFailoverHandlerImpl,
    SyncStoredOAuthManager,
    Verdict,
    in_memory_manager,
)
from tests.support.people import PROVIDER, token
from tests.support.virtual_time import World

NAMES = ["default", "claudius", "vybestack"]


class Process:
    """What a program has: a handler, and a store of limits in the shared file."""

    def __init__(self, world: World, path: Path, buckets: Any = NAMES, **options: Any) -> None:
        self.world = world
        self.limits = SqliteLimitStore(path)
        names = [bucket if isinstance(bucket, str) else bucket.name for bucket in buckets]
        manager = in_memory_manager(PROVIDER, {name: token(name) for name in names}, clock=world.clock)
        try:
            self.handler = BucketFailoverHandlerImpl(
                buckets, PROVIDER, manager, clock=world.clock, limits=self.limits, **options
            )
        except ValueError:
            self.limits.close()
            raise

    def fail(self, bucket: str, *limits: Limit) -> bool:
        """A call with the bucket is refused for its quota."""
        verdict = Verdict(cause=Cause.QUOTA, limits=limits)
        found = self.world.run(self.handler.try_failover(FailoverContext(bucket=bucket, verdict=verdict)))
        assert self.handler.flush_limits()
        return found

    def starts_with(self, **options: Any) -> str | None:
        """Where its next request starts."""
        choice = self.handler.choose_start(**options)
        return choice.unwrap().bucket if isinstance(choice, Success) else None


@pytest.fixture
def world() -> World:
    """A world with a clock of its own."""
    return World()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file that the processes share."""
    return tmp_path / "buckets.db"


@pytest.fixture
def two(world: World, path: Path) -> Iterator[tuple[Process, Process]]:
    """Two programs."""
    ours, theirs = Process(world, path), Process(world, path)
    yield ours, theirs
    ours.limits.close()
    theirs.limits.close()


def week(world: World, seconds: float = 9_000.0, **fields: Any) -> Limit:
    """A week that is used up."""
    known = {"window": "week", "source": "header", "strength": "directive", "observed_at": world.now}
    return Limit.model_validate({"until": world.now + seconds} | known | fields)


def test_what_one_learns_the_other_knows(two: tuple[Process, Process], world: World) -> None:
    """Before its next request starts, and while it searches."""
    ours, theirs = two
    assert theirs.starts_with() == "default"
    ours.fail("default", week(world))
    assert theirs.starts_with() == "claudius"
    ours.fail("claudius", week(world))
    assert theirs.fail("vybestack", week(world)) is False


def test_limits_survive_a_restart(world: World, path: Path) -> None:
    """A program that starts anew does not call a spent bucket; at the end of the limit it does."""
    before = Process(world, path)
    before.fail("default", week(world))
    before.limits.close()
    after = Process(world, path)
    assert after.starts_with() == "claudius"
    world.now += 9_000.0
    assert after.starts_with() == "default"
    after.limits.close()


def test_a_success_here_disproves_a_guess_there(two: tuple[Process, Process], world: World) -> None:
    """Advisory limits go for both; what was said outright stays."""
    ours, theirs = two
    ours.fail("default", week(world, strength="advisory", window="unknown", source="guess"), week(world))
    theirs.starts_with()
    theirs.handler.report_success("default")
    assert [limit.window for limit in ours.limits.read_limits(PROVIDER)["default"]] == ["week"]
    assert ours.starts_with() == "claudius"


def test_a_fresh_reading_replaces_a_stale_one_everywhere(two: tuple[Process, Process], world: World) -> None:
    """The provider has reset its week early, and shows it open."""
    ours, theirs = two
    ours.fail("default", week(world))
    ours.handler.reset()
    headers = (
        ("anthropic-ratelimit-unified-status", "allowed"),
        ("anthropic-ratelimit-unified-7d-status", "allowed"),
        ("anthropic-ratelimit-unified-7d-utilization", "0.02"),
        ("anthropic-ratelimit-unified-7d-reset", str(int(world.now) + 600_000)),
    )
    theirs.starts_with()
    theirs.handler.report_answer("default", CallFailure(status=200, headers=headers))
    assert theirs.starts_with() == "default"
    assert ours.starts_with() == "default"


def test_a_limit_of_an_organization_benches_its_domain_in_both(world: World, path: Path) -> None:
    """Wherever it was learned."""
    domain = [Bucket("a", quota_domain="acme"), Bucket("b", quota_domain="acme"), Bucket("c")]
    ours, theirs = Process(world, path, domain), Process(world, path, domain)
    ours.fail("a", week(world, scope="organization"))
    assert theirs.starts_with() == "c"
    ours.limits.close()
    theirs.limits.close()


def test_what_an_operator_says_reaches_a_program_that_runs(two: tuple[Process, Process], world: World) -> None:
    """And no success lifts it; only the operator does."""
    ours, theirs = two
    by_hand = week(world, source="operator", window="unknown")
    theirs.limits.change_limits(PROVIDER, lambda _: {"default": (by_hand,)})
    assert ours.starts_with() == "claudius"
    ours.handler.report_success("default")
    assert ours.starts_with() == "claudius"
    theirs.limits.change_limits(PROVIDER, lambda _: {"default": ()})
    assert ours.starts_with() == "default"


def test_a_request_in_flight_learns_too(two: tuple[Process, Process], world: World) -> None:
    """Its search passes over what another process has found spent since it began."""
    ours, theirs = two
    ours.handler.begin_request("mine")
    theirs.fail("claudius", week(world))
    assert world.run(ours.handler.try_failover(FailoverContext(triggering_status=429, request="mine")))
    assert ours.handler.get_current_bucket() == "vybestack"


def test_one_canary_over_all_processes(two: tuple[Process, Process], world: World) -> None:
    """The process that claims it first tests the limit; the others wait for the next interval."""
    ours, theirs = two
    ours.fail("default", week(world, strength="advisory"))
    assert ours.starts_with() == theirs.starts_with() == "claudius"
    world.now += 600.0
    assert ours.starts_with() == "default"
    assert ours.starts_with() == "claudius"
    assert theirs.starts_with() == "claudius"
    world.now += 600.0
    assert theirs.starts_with() == "default"
    assert ours.starts_with() == "claudius"


def test_processes_that_share_come_back_bit_by_bit(two: tuple[Process, Process], world: World) -> None:
    """At the end of a limit, half of the processes wait for longer than fifteen seconds."""
    ours, theirs = two
    ours.fail("default", week(world))
    ours.handler.reset()
    world.now += 9_000.0
    assert ours.starts_with(draw=0.1) == "claudius"
    assert theirs.starts_with(draw=0.5) == "claudius"
    world.now += 3.0
    assert ours.starts_with(draw=0.9) == "default"
    assert theirs.starts_with(draw=0.0) == "claudius"
    world.now += 12.0
    assert theirs.starts_with(draw=0.9) == "default"


def test_a_store_that_fails_costs_nothing_but_what_it_knew(
    two: tuple[Process, Process], world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged, and the program goes on with what it has learned itself."""
    ours, _ = two
    ours.limits.close()
    with caplog.at_level(logging.WARNING, "bucket_failover"):
        assert ours.fail("default", week(world, strength="advisory"))
        assert ours.starts_with() == "claudius"
        world.now += 600.0
        ours.handler.report_success("claudius")
        assert ours.starts_with() == "default"
    assert {getattr(record, "event", None) for record in caplog.records} == {"limits-failed"}
    assert "could not be" in caplog.text


def test_a_reset_keeps_what_is_believed(two: tuple[Process, Process], world: World) -> None:
    """Back to the first bucket, and its limit with it."""
    ours, _ = two
    ours.fail("default", week(world))
    ours.handler.reset()
    assert ours.handler.get_current_bucket() == "default"
    assert ours.starts_with() == "claudius"


def test_the_twin_without_an_event_loop_shares_too(world: World, path: Path) -> None:
    """The same file, the same beliefs."""
    with SqliteLimitStore(path) as limits:
        limits.change_limits(PROVIDER, lambda _: {"default": (week(world),)})
        store = in_memory_manager(PROVIDER, {name: token(name) for name in NAMES}, clock=world.clock)._store
        handler = SyncBucketFailoverHandlerImpl(
            NAMES, PROVIDER, SyncStoredOAuthManager(store, clock=world.clock), clock=world.clock, limits=limits
        )
        assert handler.choose_start().unwrap().bucket == "claudius"


def test_what_ended_long_ago_is_not_kept(two: tuple[Process, Process], world: World) -> None:
    """The file does not grow with the years."""
    ours, _ = two
    ours.fail("default", week(world, 10.0))
    world.now += 700.0
    ours.fail("claudius", week(world))
    assert set(ours.limits.read_limits(PROVIDER)) == {"claudius"}


class TestStrategies:
    """How a handler chooses among buckets that nothing rules out."""

    def test_round_robin_goes_around(self, world: World, path: Path) -> None:
        """Each request starts with the next bucket."""
        process = Process(world, path, strategy="round-robin")
        assert [process.starts_with() for _ in range(4)] == ["claudius", "vybestack", "default", "claudius"]
        process.limits.close()

    def test_least_used_counts(self, world: World, path: Path) -> None:
        """Equal ones take turns; what the provider reports of its windows counts more."""
        process = Process(world, path, strategy="least-used")
        assert [process.starts_with() for _ in range(4)] == ["default", "claudius", "vybestack", "default"]
        headers = (("x-codex-primary-used-percent", "5"), ("x-codex-primary-window-minutes", "300"))
        for name in NAMES[:2]:
            process.handler.report_answer(name, CallFailure(status=200, headers=headers))
        assert process.starts_with() == "vybestack"
        process.limits.close()

    def test_a_conversation_stays_with_its_bucket(self, world: World, path: Path) -> None:
        """Two processes agree on it without asking each other."""
        ours, theirs = Process(world, path), Process(world, path)
        pinned = {key: ours.starts_with(session_key=key) for key in map(str, range(20))}
        assert set(pinned.values()) == set(NAMES)
        assert pinned == {key: theirs.starts_with(session_key=key) for key in pinned}
        ours.limits.close()
        theirs.limits.close()

    def test_an_unknown_strategy_is_refused(self, world: World, path: Path) -> None:
        """One clear error."""
        with pytest.raises(ValueError, match="strategy: 'random' is none of sticky, priority"):
            Process(world, path, strategy="random")

    def test_the_interval_of_canaries_is_the_users(self, world: World, path: Path) -> None:
        """In the policy."""
        process = Process(world, path, policy=FailoverPolicy(probe_interval_seconds=60.0))
        process.fail("default", week(world, strength="advisory"))
        assert process.starts_with() == "claudius"
        world.now += 60.0
        assert process.starts_with() == "default"
        process.limits.close()


def test_an_answer_of_a_bucket_that_is_not_ours_is_passed_over(two: tuple[Process, Process]) -> None:
    """And so is one that says nothing."""
    ours, _ = two
    ours.handler.report_answer("nobody", CallFailure(status=200))
    ours.handler.report_answer("default", CallFailure(status=200))
    assert ours.limits.read_limits(PROVIDER) == {}


def test_what_the_store_could_not_take_is_told_later(two: tuple[Process, Process], world: World) -> None:
    """The file is busy for a moment; what was learned meanwhile outlives what others write next."""
    import sqlite3  # noqa: PLC0415 - to hold the file as another program would

    ours, theirs = two
    busy = sqlite3.connect(ours.limits._path, isolation_level=None)
    busy.execute("BEGIN IMMEDIATE")
    ours.fail("default", week(world))
    busy.execute("ROLLBACK")
    busy.close()
    theirs.fail("vybestack", week(world))
    world.now += 5.0  # a store that has failed is left alone for a while
    assert ours.starts_with() == "claudius"
    assert theirs.starts_with() == "claudius"
    assert set(theirs.limits.read_limits(PROVIDER)) == {"default", "vybestack"}


def test_a_success_of_one_model_says_nothing_of_another(two: tuple[Process, Process], world: World) -> None:
    """Limits of the model that was asked are disproved, others stay."""
    ours, _ = two
    opus = week(world, strength="advisory", scope="model", model="opus")
    ours.fail("default", opus)
    ours.handler.report_success("default", model="sonnet")
    assert ours.limits.read_limits(PROVIDER)["default"] == (opus,)
    ours.handler.report_answer("default", CallFailure(status=200, model="sonnet"))
    assert ours.limits.read_limits(PROVIDER)["default"] == (opus,)
    ours.handler.report_answer("default", CallFailure(status=200, model="opus"))
    assert ours.limits.read_limits(PROVIDER) == {}
