"""Real parts: the retry loop around the real `anthropic` SDK, over real HTTP, learns what the provider says."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest

from bucket_failover import (
    ActiveBucket,
    AllBucketsExhaustedError,
    BucketFailoverHandlerImpl,
    OAuthToken,
    RetryOrchestrator,
    SqliteLimitStore,
    Strategy,
    in_memory_manager,
)
from bucket_failover.testing import HAIKU, EmbeddedProvider, Quota

_NAMES = ("default", "claudius")
_SPENT_SOON = Quota(requests=1, window_seconds=18_000, window="5h")


@pytest.fixture(autouse=True)
def _no_headers_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK adds headers that it finds in the environment of the user who runs the tests."""
    monkeypatch.delenv("ANTHROPIC_CUSTOM_HEADERS", raising=False)


class Program:
    """A program with two accounts at an embedded provider, its clock, and how long it has waited."""

    def __init__(self, quota: Quota | None, limits: SqliteLimitStore | None, *, strategy: Strategy = "sticky") -> None:
        self.now = 1_000.0
        self.provider = EmbeddedProvider(clock=lambda: self.now)
        tokens = {}
        for name in _NAMES:
            self.provider.add_account(name, quota=quota if name == "default" else None, token_lifetime_seconds=1e6)
            issued = self.provider.issue(name)
            tokens[name] = OAuthToken.model_validate({"access_token": issued.access_token, "expiry": 1e9})
        manager = in_memory_manager("anthropic", tokens, clock=lambda: self.now)
        self.handler = BucketFailoverHandlerImpl(
            list(_NAMES), "anthropic", manager, clock=lambda: self.now, limits=limits, strategy=strategy
        )
        self.orchestrator = RetryOrchestrator(
            self.handler, manager, clock=lambda: self.now, sleep=self._sleep, draw=lambda: 0.5
        )

    async def _sleep(self, seconds: float) -> None:
        self.now += seconds

    def called(self) -> list[str | None]:
        """The accounts that were called with, in order."""
        return [request.account for request in self.provider.requests if request.endpoint == "messages"]


@asynccontextmanager
async def clients(program: Program) -> AsyncIterator[Callable[[ActiveBucket], anthropic.AsyncAnthropic]]:
    """An SDK client for each bucket, which tries once."""
    async with AsyncExitStack() as stack:
        base_url = await stack.enter_async_context(program.provider.serve())
        http = await stack.enter_async_context(httpx2.AsyncClient(trust_env=False))

        def client(bucket: ActiveBucket) -> anthropic.AsyncAnthropic:
            secret = bucket.token.access_token.get_secret_value()
            return anthropic.AsyncAnthropic(base_url=base_url, auth_token=secret, max_retries=0, http_client=http)

        yield client


_QUESTION: dict[str, Any] = {"model": "poet-1", "max_tokens": 64, "messages": [{"role": "user", "content": "?"}]}


def ask(program: Program, times: int, *, raw: bool = False) -> list[str]:
    """So many questions, one after the other; the words of the answers."""

    async def main() -> list[str]:
        async with clients(program) as client:

            async def operation(bucket: ActiveBucket) -> Any:
                messages = client(bucket).messages
                return await (messages.with_raw_response.create if raw else messages.create)(**_QUESTION)

            answers = [await program.orchestrator.call(operation, model="poet-1") for _ in range(times)]
            messages = [await answer.parse() if raw else answer for answer in answers]
            return [str(message.content[0].text) for message in messages]

    return asyncio.run(main())


def test_a_spent_window_is_heard_once(tmp_path: Path) -> None:
    """The refusal says until when: no request of this program, nor of one that starts later, asks before that."""
    with SqliteLimitStore(tmp_path / "buckets.db") as limits:
        program = Program(_SPENT_SOON, limits)
        assert len(ask(program, 4)) == 4
        assert program.called() == ["default", "default", "claudius", "claudius", "claudius"]
        (limit,) = program.handler.snapshot().session.profile.buckets[0].limits
        assert (limit.window, limit.strength, limit.until) == ("5h", "directive", 19_000.0)
    with SqliteLimitStore(tmp_path / "buckets.db") as limits:
        later = Program(_SPENT_SOON, limits)
        ask(later, 1)
        assert later.called() == ["claudius"]
        later.now = 19_015.0  # half of the thirty seconds in which those who share come back
        ask(later, 1)
        assert later.called() == ["claudius", "default"]


def test_the_raw_answer_of_a_success_is_read() -> None:
    """What a success says of its window is known: the account that has used less of it is the next one's."""
    program = Program(Quota(requests=4, window_seconds=18_000, window="5h"), None, strategy="least-used")
    ask(program, 3, raw=True)
    assert program.called() == ["default", "claudius", "claudius"]


@pytest.mark.parametrize("times", [1, 2])
def test_an_error_event_in_a_real_stream(times: int) -> None:
    """Its status was 200; it is repeated, then the other account is asked, and no bucket is benched."""
    program = Program(None, None)
    program.provider.break_stream_next(after_pieces=0, times=times, account="default")

    async def main() -> str:
        async with clients(program) as client:

            async def operation(bucket: ActiveBucket) -> AsyncIterator[str]:
                async with client(bucket).messages.stream(**_QUESTION) as stream:
                    async for text in stream.text_stream:
                        yield text

            return "".join([piece async for piece in program.orchestrator.stream(operation)])

    assert asyncio.run(main()) in HAIKU
    assert program.called() == ["default"] * times + ["claudius" if times == 2 else "default"]
    assert all(not bucket.limits for bucket in program.handler.snapshot().session.profile.buckets)


def test_all_spent_is_told_without_a_call() -> None:
    """By the provider's own word, with the moment."""
    program = Program(None, None)
    for name, until in (("default", 9_000.0), ("claudius", 5_000.0)):
        program.provider.spend(name, until=until)
    for _ in range(2):
        with pytest.raises(AllBucketsExhaustedError) as caught:
            ask(program, 1)
        assert caught.value.retry_at == 5_000.0
    assert program.called() == ["default", "claudius"]
    program.now = 5_000.0
    ask(program, 1)
    assert program.called() == ["default", "claudius", "claudius"]
