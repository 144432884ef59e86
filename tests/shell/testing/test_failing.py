"""Faults around a program: a store that fails at a call, a clock that jumps, a server that drips."""

import time

import httpx2
import pytest

from bucket_failover import MemoryTokenStore, TokenStoreError
from bucket_failover.testing import JumpingClock, dripping_server, failing
from tests.support.people import PROVIDER, token

FULL = TokenStoreError("the disk is full")


@pytest.mark.parametrize(("at", "times", "failed"), [(0, 1, [0]), (1, 1, [1]), (1, 2, [1, 2]), (9, 1, [])])
def test_a_store_fails_at_the_calls_that_were_asked_for(at: int, times: int, failed: list[int]) -> None:
    """Before and after, it does what the one behind it does."""
    store, heard = MemoryTokenStore(), list[str]()
    shaky = failing(store, at=at, times=times, error=FULL, heard=heard.append)
    found = []
    for call in range(4):
        try:
            shaky.write(PROVIDER, f"b{call}", token("a"))
        except TokenStoreError:
            found.append(call)
    assert found == failed
    assert heard == ["write"] * 4
    assert shaky.changes == store.changes == 4 - len(failed)


def test_a_clock_that_jumps() -> None:
    """Where it is told to."""
    clock = JumpingClock(1_000.0)
    clock.jump(-3 * 3_600)
    assert clock() == clock.now == -9_800.0


def test_a_server_that_drips_never_ends_its_answer() -> None:
    """Each blank comes in time, so a timeout of each read never ends; the caller's own does."""
    with dripping_server(begins_with=b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n") as url:
        began, parts = time.monotonic(), 0
        with httpx2.Client(trust_env=False, timeout=5.0) as client, client.stream("GET", url) as answer:
            for part in answer.iter_raw():
                parts += len(part)
                if parts >= 3:
                    break
        assert answer.status_code == 200
    assert time.monotonic() - began < 5.0
