"""The cases: what runs for every request, and what runs when a call has failed."""

import asyncio
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

from bucket_failover import (
    ActiveBucket,
    BucketFailoverHandlerImpl,
    BucketSnapshot,
    CallBucket,
    CallFailed,
    CallFailure,
    CallSucceeded,
    FailoverContext,
    FailoverEvent,
    FailoverSnapshot,
    Limit,
    OAuthToken,
    RetryOrchestrator,
    SqliteTokenStore,
    StoredOAuthManager,
    TokenHeld,
    TokenRead,
    Trigger,
    advance,
    advance_request,
    begin_request,
    begin_session,
    choose_bucket,
    classify_failure,
    decide_failover,
    decide_request,
    in_memory_manager,
    learn,
    read_answer,
    read_limits,
)
from bucket_failover_core.value import Value

NOW = 1_000.0
SIZES = (3, 10, 100, 10_000)
_BATCH = 200

_HELD = TokenHeld(expiry=2_000.0, fingerprint="f")
_WEEK = Limit(until=9_000.0, window="week", source="header")


class FourFields(Value):
    """The unit: one frozen model of four fields."""

    name: str
    until: float
    count: int = 0
    detail: str = ""


def make_one_model() -> FourFields:
    """One *m*."""
    return FourFields(name="default", until=9_000.0, count=1, detail="week")


@dataclass(frozen=True)
class Case:
    """One thing to measure.

    Args:
        name: what it is.
        action: what to perform.
        bar: the most it may cost, in *m*; None: it is measured for comparison.
        operations: how many of it one action performs.
    """

    name: str
    action: Callable[[], object]
    bar: float | None = None
    operations: int = 1


def all_cases(runner: asyncio.Runner) -> Iterator[Case]:
    """Every case, made when it is its turn."""
    for size in SIZES:
        yield _choice(size)
    for size in SIZES:
        yield _decision(size)
    yield from _events()
    for size in SIZES:
        yield _floor(size)
    yield from _readings()
    with tempfile.TemporaryDirectory() as folder:
        yield _live_token(runner, folder)
        yield _whole_call_at_hand(runner, folder)
    yield _whole_failover(runner)
    yield _whole_call(runner)
    yield _whole_switch(runner)
    yield _whole_refusal(runner)
    yield _pure_request()


def _choice(size: int) -> Case:
    """The session's bucket, the last of the profile, is usable."""
    buckets = tuple(BucketSnapshot(name=f"bucket-{number}", token=_HELD) for number in range(size))
    snapshot = FailoverSnapshot(provider="anthropic", buckets=buckets, current=buckets[-1].name)
    return Case(f"choose_bucket, {size} buckets", lambda: choose_bucket(snapshot, now=NOW), bar=3.0)


def _limited_but_last(size: int) -> tuple[BucketSnapshot, ...]:
    return tuple(
        BucketSnapshot(name=f"bucket-{number}", token=_HELD, limits=(_WEEK,) if number < size - 1 else ())
        for number in range(size)
    )


def _decision(size: int) -> Case:
    """The first bucket has just been refused for its quota, all others but the last are limited."""
    snapshot = FailoverSnapshot(
        provider="anthropic", buckets=_limited_but_last(size), trigger=Trigger(status=429, limits=(_WEEK,))
    )
    return Case(f"decide_failover, {size} buckets", lambda: decide_failover(snapshot, now=NOW), bar=10 + 3 * (size - 3))


def _events() -> Iterator[Case]:
    """Each kind of event that a failover usually meets, for three buckets."""
    snapshot = FailoverSnapshot(provider="anthropic", buckets=_limited_but_last(3))
    events: dict[str, FailoverEvent] = {
        "TokenRead": TokenRead(bucket="bucket-1", token=_HELD),
        "CallFailed(429)": CallFailed(trigger=Trigger(status=429)),
        "CallFailed(429) with a limit": CallFailed(trigger=Trigger(status=429, limits=(_WEEK,))),
        "CallFailed(401)": CallFailed(trigger=Trigger(status=401, fingerprint="g")),
        "CallSucceeded": CallSucceeded(),
    }
    for name, event in events.items():
        yield Case(f"advance, {name}", lambda event=event: advance(snapshot, event), bar=6.0)  # type: ignore[misc]  # a default binds it


_EVERY_ANSWER = (
    ("date", "Wed, 12 Aug 2026 16:50:00 GMT"),
    ("content-type", "application/json"),
    ("content-length", "143"),
    ("connection", "keep-alive"),
    ("request-id", "req_0123456789"),
    ("server", "cloudflare"),
    ("cf-ray", "0123456789abcdef-FRA"),
    ("strict-transport-security", "max-age=31536000; includeSubDomains"),
)
_ANTHROPIC_REFUSAL = (
    '{"type":"error","error":{"type":"rate_limit_error","message":"This request would exceed your account\'s rate '
    'limit. Please try again later."},"request_id":"req_0123456789"}'
)
_OPENAI_REFUSAL = (
    '{"error":{"message":"Rate limit reached for gpt-5 in organization org-x on tokens per min (TPM): Limit 30000, '
    'Used 29900, Requested 200. Please try again in 200ms.","type":"tokens","param":null,"code":"rate_limit_exceeded"}}'
)


def _unified(status: str, utilization: str) -> tuple[tuple[str, str], ...]:
    fields = {
        "status": status,
        "reset": "1786560000",
        "5h-status": status,
        "5h-reset": "1786560000",
        "5h-utilization": utilization,
        "7d-status": "allowed",
        "7d-reset": "1786960000",
        "7d-utilization": "0.4",
        "representative-claim": "five_hour",
        "overage-status": "rejected",
    }
    return tuple((f"anthropic-ratelimit-unified-{name}", value) for name, value in fields.items())


def _per_minute(tokens_left: str) -> tuple[tuple[str, str], ...]:
    left = {"requests": "37", "tokens": tokens_left, "input-tokens": tokens_left, "output-tokens": "8000"}
    return tuple(
        (f"anthropic-ratelimit-{kind}-{field}", value)
        for kind, remaining in left.items()
        for field, value in (("limit", "50000"), ("remaining", remaining), ("reset", "2026-08-12T16:51:00Z"))
    )


def _counts(tokens_left: str) -> tuple[tuple[str, str], ...]:
    return (
        ("openai-organization", "org-x"),
        ("openai-processing-ms", "20"),
        ("openai-version", "2020-10-01"),
        ("x-ratelimit-limit-requests", "500"),
        ("x-ratelimit-limit-tokens", "30000"),
        ("x-ratelimit-remaining-requests", "499"),
        ("x-ratelimit-remaining-tokens", tokens_left),
        ("x-ratelimit-reset-requests", "120ms"),
        ("x-ratelimit-reset-tokens", "6m0s"),
    )


def _readings() -> Iterator[Case]:
    """A refusal as it typically comes, and the headers of a success that say nothing new."""
    now = 1_786_553_400.0
    wait = (("retry-after", "20"),)
    refusals = {
        "bare": CallFailure(status=429, headers=_EVERY_ANSWER + wait),
        "openai": CallFailure(status=429, headers=_EVERY_ANSWER + _counts("0"), body=_OPENAI_REFUSAL),
        "anthropic": CallFailure(status=429, headers=_EVERY_ANSWER + _per_minute("0") + wait, body=_ANTHROPIC_REFUSAL),
        "anthropic-subscription": CallFailure(
            status=429, headers=_EVERY_ANSWER + _unified("rejected", "1.01") + wait, body=_ANTHROPIC_REFUSAL
        ),
    }
    for name, failure in refusals.items():
        yield Case(f"classify_failure, 429, {name}", partial(classify_failure, failure, now=now), bar=25.0)
    successes = {
        "openai": _EVERY_ANSWER + _counts("29000"),
        "anthropic": _EVERY_ANSWER + _per_minute("40000"),
        "anthropic-subscription": _EVERY_ANSWER + _unified("allowed", "0.3"),
    }
    for name, headers in successes.items():
        answer = CallFailure(status=200, headers=headers)
        yield Case(f"read_limits, 200, {name}", partial(read_limits, answer, now=now), bar=5.0)


@dataclass(frozen=True, slots=True)
class _Plain:
    name: str
    expiry: float
    until: float


def _floor(size: int) -> Case:
    """The floor: the same choice by a hand-written loop over frozen slotted objects, without any explanation."""
    plain = tuple(
        _Plain(f"bucket-{number}", 2_000.0, 9_000.0 if number < size - 1 else 0.0) for number in range(size)
    )  # fmt: skip

    def choose() -> _Plain | None:
        for bucket in plain:
            if bucket.until <= NOW < bucket.expiry:
                return bucket
        return None

    return Case(f"a hand-written loop, {size} buckets", choose)


def _tokens() -> dict[str, OAuthToken]:
    names = ("default", "claudius", "vybestack")
    return {name: OAuthToken.model_validate({"access_token": name, "expiry": 2_000.0}) for name in names}


def _whole_failover(runner: asyncio.Runner) -> Case:
    """One whole `try_failover` that switches, over a manager in memory: read, decide, remember."""
    manager = in_memory_manager("anthropic", _tokens(), clock=lambda: NOW)
    handler = BucketFailoverHandlerImpl(list(_tokens()), "anthropic", manager, clock=lambda: NOW)
    context = FailoverContext(triggering_status=429)

    async def batch() -> None:
        for _ in range(_BATCH):
            await handler.try_failover(context)
            handler.reset_session()

    return Case("try_failover that switches", lambda: runner.run(batch()), bar=40.0, operations=_BATCH)


def _live_token(runner: asyncio.Runner, folder: str) -> Case:
    """A usable token on the happy path, over a store in a file that was read a moment ago."""
    store = SqliteTokenStore(f"{folder}/tokens.db")
    for name, token in _tokens().items():
        store.write("anthropic", name, token)
    manager = StoredOAuthManager(store, clock=lambda: NOW)

    async def batch() -> None:
        for _ in range(_BATCH):
            await manager.get_oauth_token("anthropic", "default")

    return Case("get_oauth_token", lambda: runner.run(batch()), bar=1.5, operations=_BATCH)


def _whole_call_at_hand(runner: asyncio.Runner, folder: str) -> Case:
    """One whole `RetryOrchestrator.call` that succeeds, over a store in a file whose token was read a moment ago."""
    manager = StoredOAuthManager(SqliteTokenStore(f"{folder}/tokens.db"), clock=lambda: NOW)
    handler = BucketFailoverHandlerImpl(list(_tokens()), "anthropic", manager, clock=lambda: NOW)
    orchestrator = RetryOrchestrator(handler, manager, clock=lambda: NOW)

    async def operation(bucket: ActiveBucket) -> str:
        return bucket.name

    async def batch() -> None:
        for _ in range(_BATCH):
            await orchestrator.call(operation)

    return Case("RetryOrchestrator.call, token at hand", lambda: runner.run(batch()), operations=_BATCH)


def _whole_switch(runner: asyncio.Runner) -> Case:
    """One whole `RetryOrchestrator.call` whose first bucket answers 429, reading that answer included."""
    manager = in_memory_manager("anthropic", _tokens(), clock=lambda: NOW)
    handler = BucketFailoverHandlerImpl(list(_tokens()), "anthropic", manager, clock=lambda: NOW)
    orchestrator = RetryOrchestrator(handler, manager, clock=lambda: NOW)
    refusal = _RefusalError()

    async def operation(bucket: ActiveBucket) -> str:
        if bucket.name == "default":
            raise refusal
        return bucket.name

    async def batch() -> None:
        for _ in range(_BATCH):
            handler.reset()
            await orchestrator.call(operation)

    return Case("RetryOrchestrator.call that switches", lambda: runner.run(batch()), bar=95.0, operations=_BATCH)


def _whole_refusal(runner: asyncio.Runner) -> Case:
    """One whole `RetryOrchestrator.call`, its tokens known, that hears a 429, reads it, and switches."""
    manager = in_memory_manager("anthropic", _tokens(), clock=lambda: NOW)
    handler = BucketFailoverHandlerImpl(list(_tokens()), "anthropic", manager, clock=lambda: NOW)
    orchestrator = RetryOrchestrator(handler, manager, clock=lambda: NOW)
    refusal = _RefusalError()
    for name, token in _tokens().items():
        handler.tell(TokenRead(bucket=name, token=token.state, at=NOW))
    before = handler.session

    async def operation(bucket: ActiveBucket) -> str:
        if bucket.name == "default":
            raise refusal
        return bucket.name

    async def batch() -> None:
        for _ in range(_BATCH):
            handler._session = before  # nothing is known of the refusal that the last one has met
            await orchestrator.call(operation)

    return Case("RetryOrchestrator.call that hears a 429", lambda: runner.run(batch()), operations=_BATCH)


class _RefusalError(Exception):
    """A 429 that asks for one request to be repeated, in the shape of the well-known clients' exceptions."""

    status_code = 429
    headers: Mapping[str, str] = MappingProxyType({})


def _pure_request() -> Case:
    """One request that is served at once, in the core alone, reading the answer included."""
    names = ("default", "claudius", "vybestack")
    profile = FailoverSnapshot(provider="anthropic", buckets=tuple(BucketSnapshot(name=name) for name in names))
    known = learn(begin_session(profile), TokenRead(bucket="default", token=_HELD, at=NOW))
    answer = CallFailure(status=200)

    def run() -> object:
        session, request = known, begin_request(known, now=NOW, draw=0.5)
        call = decide_request(session, request, now=NOW).unwrap()
        assert isinstance(call, CallBucket)
        begun = call.begun(at=NOW)
        session, request = learn(session, begun), advance_request(request, begun)
        answered = begun.answered(read_answer(answer, now=NOW), fingerprint="f")
        session, request = learn(session, answered), advance_request(request, answered)
        return decide_request(session, request, now=NOW)

    return Case("a request served at once, in the core alone", run, bar=16.0)


def _whole_call(runner: asyncio.Runner) -> Case:
    """One whole `RetryOrchestrator.call` on an operation that succeeds at once."""
    manager = in_memory_manager("anthropic", _tokens(), clock=lambda: NOW)
    handler = BucketFailoverHandlerImpl(list(_tokens()), "anthropic", manager, clock=lambda: NOW)
    orchestrator = RetryOrchestrator(handler, manager, clock=lambda: NOW)

    async def operation(bucket: ActiveBucket) -> str:
        return bucket.name

    async def batch() -> None:
        for _ in range(_BATCH):
            await orchestrator.call(operation)

    return Case("RetryOrchestrator.call that succeeds", lambda: runner.run(batch()), bar=12.0, operations=_BATCH)
