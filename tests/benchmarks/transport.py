"""What failover costs in front of an SDK, over HTTP on loopback: beside the bare client, a hand-written loop, a router.

python -m tests.benchmarks.transport

The server is a process of its own. Each figure is the median of rounds that alternate between the clients, so that what
else the machine does falls on all of them. LiteLLM's Router joins in where it is installed.
"""

import asyncio
import importlib.util
import itertools
import json
import multiprocessing
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import openai

from bucket_failover import Bucket, MemoryTokenStore, OAuthToken, Profile
from bucket_failover.clients import async_openai_client

IN_FLIGHT = (1, 16, 64)
ROUNDS = 8
REQUESTS = 192
"""In each round."""

_ANSWER = json.dumps(
    {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "A haiku."}}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }
).encode()
_SPENT = json.dumps({"error": {"message": "Rate limit reached", "type": "requests", "code": "rate_limit_exceeded"}})
MESSAGES: list[Any] = [{"role": "user", "content": "A haiku, please."}]

Ask = Callable[[], Awaitable[object]]


class Spent(NamedTuple):
    """CPU and time of a request, in microseconds."""

    cpu: float
    wall: float


async def _serve(port: Any) -> None:
    """A server that answers a key named "spent" with 429, and each other one with a completion."""

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    int(line.partition(b":")[2])
                    for line in head.lower().split(b"\r\n")
                    if line.startswith(b"content-length:")
                )
                await reader.readexactly(length)
                is_spent = b"Bearer spent" in head
                body = _SPENT.encode() if is_spent else _ANSWER
                status, more = (b"429 Too Many Requests", b"retry-after: 60\r\n") if is_spent else (b"200 OK", b"")
                writer.write(
                    b"HTTP/1.1 %b\r\ncontent-type: application/json\r\nx-ratelimit-remaining-requests: 4999\r\n"
                    b"x-request-id: req\r\n%bcontent-length: %d\r\n\r\n%b" % (status, more, len(body), body)
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(connection, "127.0.0.1", 0)
    port.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def _server(port: Any) -> None:
    asyncio.run(_serve(port))


def ours(url: str, *keys: str) -> Ask:
    """Our client; its clock jumps by a day with each request, so that no limit outlives the request that has met it."""
    days = itertools.count()
    store = MemoryTokenStore()
    for key in keys:
        store.write("openai", key, OAuthToken.from_api_key(key))
    buckets = tuple(Bucket(key, api_key=True) for key in keys)
    profile = Profile(provider="openai", buckets=buckets, strategy="priority")
    now = 1.8e9
    client = async_openai_client(profile, store=store, base_url=url, clock=lambda: now)

    async def ask() -> object:
        nonlocal now
        now = 1.8e9 + 86_400.0 * next(days)
        return await client.chat.completions.create(model="m", messages=MESSAGES)

    return ask


def bare(url: str, *keys: str) -> Ask:
    """The SDK alone; with several keys, a loop that a program would write by hand."""
    clients = [openai.AsyncOpenAI(api_key=key, base_url=url, max_retries=0) for key in keys]

    async def ask() -> object:
        for client in clients[:-1]:
            try:
                return await client.chat.completions.create(model="m", messages=MESSAGES)
            except openai.RateLimitError:
                continue
        return await clients[-1].chat.completions.create(model="m", messages=MESSAGES)

    return ask


def litellm_router(url: str, *keys: str) -> Ask:
    """LiteLLM's Router: the first key in one group, the others in a group that it falls back to."""
    from litellm import Router  # type: ignore[import-not-found, unused-ignore]  # noqa: PLC0415 - it need not be there

    groups = ["first", *["second"] * (len(keys) - 1)]
    models = [
        {"model_name": group, "litellm_params": {"model": "openai/m", "api_key": key, "api_base": url}}
        for group, key in zip(groups, keys, strict=True)
    ]
    router = Router(model_list=models, fallbacks=[{"first": ["second"]}], num_retries=0, disable_cooldowns=True)

    async def ask() -> object:
        return await router.acompletion(model="first", messages=MESSAGES)

    return ask


async def measure(ask: Ask, in_flight: int) -> Spent:
    """A round."""

    async def one_after_the_other() -> None:
        for _ in range(REQUESTS // in_flight):
            await ask()

    wall, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(one_after_the_other() for _ in range(in_flight)))
    return Spent((time.process_time() - cpu) / REQUESTS * 1e6, (time.perf_counter() - wall) / REQUESTS * 1e6)


async def compare(url: str) -> None:
    """Print the table."""
    kinds: dict[str, Callable[..., Ask]] = {"bare": bare, "ours": ours}
    if importlib.util.find_spec("litellm") is not None:
        kinds["LiteLLM's Router"] = litellm_router
    print("| a request | in flight | client | CPU (µs) | time (µs) | CPU more than bare |")
    print("|---|---|---|---|---|---|")
    for what, keys in (("served at once", ("good",)), ("first key: 429", ("spent", "good"))):
        for in_flight in IN_FLIGHT:
            asks = {name: make(url, *keys) for name, make in kinds.items()}
            rounds: dict[str, list[Spent]] = {name: [] for name in asks}
            for number in range(ROUNDS + 1):
                for name, ask in asks.items():
                    spent = await measure(ask, in_flight)
                    if number:  # the first round opens connections
                        rounds[name].append(spent)
            base = statistics.median(spent.cpu for spent in rounds["bare"])
            for name, all_rounds in rounds.items():
                cpu, wall = (statistics.median(each[place] for each in all_rounds) for place in (0, 1))
                told = {"bare": "hand-written loop"}.get(name, name) if len(keys) > 1 else name
                print(f"| {what} | {in_flight} | {told} | {cpu:.0f} | {wall:.0f} | {cpu - base:+.0f} |")


def main() -> None:
    """Run it."""
    here, there = multiprocessing.get_context("spawn").Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_server, args=(there,), daemon=True)
    server.start()
    asyncio.run(compare(f"http://127.0.0.1:{here.recv()}/v1"))
    server.terminate()


if __name__ == "__main__":
    main()
