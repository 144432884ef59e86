"""One client, many users: threads, event loops, processes."""

import asyncio
import gc
import os
import threading
from typing import Any

import httpx2
import pytest

from bucket_failover.transport import AsyncFailoverTransport, FailoverTransport
from tests.support.callers import KINDS, Script, Waits, calling
from tests.support.inner import Answer, Inner
from tests.support.scripted import ASK, DELTA, ERROR_EVENT, NOW, START, both_families_both_loops, marks, served

THREADS = 32
URL = "https://api.anthropic.com/v1/messages"


def test_threads_that_begin_together_make_one_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 32 first requests none makes a pool that is closed by no user."""
    begins, together = [], threading.Barrier(THREADS)

    class Pool(Inner):
        def __init__(self, **_: Any) -> None:
            together.wait(5.0)  # all threads have found that there is none
            super().__init__(httpx2, lambda _: Answer(200))
            begins.append(self)

    transport = FailoverTransport(keys=["k1"], provider="anthropic")
    monkeypatch.setattr(transport._routes, "_kind", Pool)
    with httpx2.Client(transport=transport) as client:
        threads = [threading.Thread(target=client.post, args=(URL,)) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10.0)
    assert len(begins) == THREADS
    assert [pool.closes for pool in begins] == [1] * THREADS


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_event_loops_one_after_the_other() -> None:
    """A notebook's: connections of an event loop that has ended are not used in the next one."""
    script = Script(k1=[served])
    with script.serve() as url:
        transport = AsyncFailoverTransport(keys=["k1"], provider="anthropic", base_url=url)
        client = httpx2.AsyncClient(transport=transport)

        async def ask() -> list[int]:
            async with asyncio.timeout(10.0):
                return [(await client.post(f"{url}/v1/messages", json=ASK)).status_code for _ in range(2)]

        assert [asyncio.run(ask()) for _ in range(3)] == [[200, 200]] * 3
        asyncio.run(client.aclose())
        assert len(transport._routes._made) == 1
        transport._routes._made.clear()
        gc.collect()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_has_connections_of_its_own() -> None:
    """After a fork, parent and child do not read each other's answers."""
    made: list[int] = []

    class Pool(Inner):
        def __init__(self, **_: Any) -> None:
            super().__init__(httpx2, lambda _: Answer(200))
            made.append(os.getpid())

    transport = FailoverTransport(keys=["k1"], provider="anthropic")
    transport._routes._kind = Pool
    with httpx2.Client(transport=transport) as client:
        client.post(URL)
        child = os.fork()
        if child == 0:
            client.post(URL)
            os._exit(0 if made[-1] == os.getpid() else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        client.post(URL)
    assert made == [os.getpid()]


@both_families_both_loops
@pytest.mark.parametrize("name", ["content-type", "Content-Type", "CoNtEnT-tYpE"])
def test_a_stream_is_known_however_it_is_written(kind: str, name: str) -> None:
    """Names of headers, and types, have no case (RFC 9110, 5.1 and 8.3.1)."""

    def answer(request: Any) -> Answer:
        event = ERROR_EVENT if request.headers["x-api-key"] == "k1" else DELTA
        return Answer(200, {name: "Text/Event-Stream; charset=utf-8"}, (START, event))

    inner = Inner(KINDS[kind].http, answer)
    options: dict[str, Any] = {"keys": ["k1", "k2"], "provider": "anthropic", "inner": inner, "waits": Waits(NOW)}
    with calling(kind, **options) as caller:
        answered, pieces = caller.stream(URL, json=ASK)
    assert (marks(answered)[0], b"".join(pieces)) == ("key-2", START + DELTA)


@pytest.mark.parametrize("address", ["api.example.com/v1", "ftp://api.example.com", "https://", "/v1"])
def test_an_address_that_is_none(address: str) -> None:
    """It is refused at once: nothing would go to it, and each request would go without a credential."""
    with pytest.raises(ValueError, match="base_url: it has to begin with https://"):
        FailoverTransport(keys=["k1"], base_url=address)
