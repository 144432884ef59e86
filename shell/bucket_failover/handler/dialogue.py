"""The one driver loop: ask the core, have one step performed, tell the core, ask again.

It is a generator, so that one loop serves callers with and without an event loop: it yields what is to be asked of the
token manager (`Ask`), and is sent the answer, or thrown the exception. What an exception means as an event is decided
here, once.

Road not taken: an asynchronous loop with a synchronous copy beside it. Copies drift; and a loop that synchronous
callers run through `asyncio.run` cannot be used where a loop is already running.
"""

from collections.abc import Callable, Generator
from typing import Literal, NamedTuple, assert_never

from returns.methods import unwrap_or_failure

from bucket_failover import journal
from bucket_failover.errors import (
    LoginDeclinedError,
    LoginTimedOutError,
    RefreshInterruptedError,
    TokenCorruptError,
    safe_text,
)
from bucket_failover.tokens import OAuthToken
from bucket_failover_core import (
    AllBucketsExhausted,
    FailoverEvent,
    FailoverSnapshot,
    FailoverStep,
    KnownToken,
    Reauthenticated,
    ReauthFailed,
    RefreshFailed,
    TokenAbsent,
    TokenCorrupt,
    TokenHeld,
    TokenOutage,
    TokenRead,
    TokenRefreshed,
    UseBucket,
    advance,
    as_api_key,
    decide_failover,
)

Method = Literal[
    "read_token", "refresh_oauth_token", "replace_token", "authenticate", "get_session_bucket", "set_session_bucket"
]
"""A method of the token manager."""


class Ask(NamedTuple):
    """Call `manager.<method>(*arguments)`; throw `LoginTimedOutError` if it takes longer than the time allowed."""

    method: Method
    arguments: tuple[str, ...]
    timeout_seconds: float | None = None


class Outcome(NamedTuple):
    """How a search has ended.

    Args:
        ledger: what is known now.
        decision: what ended it.
        logins: the outcomes of the logins that were asked for; other requests in flight share them.
    """

    ledger: FailoverSnapshot
    decision: UseBucket | AllBucketsExhausted
    logins: tuple[FailoverEvent, ...]


def search(ledger: FailoverSnapshot, *, clock: Callable[[], float]) -> Generator[Ask, object, Outcome]:
    """From a ledger with a failed call in it to the bucket that the request goes on with.

    Args:
        ledger: what is known, `CallFailed` included.
        clock: Unix seconds; it is read once for each decision.
    """
    listened_to = journal.is_listened_to()
    told: set[tuple[str, str]] = set()
    logins: list[FailoverEvent] = []
    while True:
        decision = unwrap_or_failure(decide_failover(ledger, now=clock()))
        for finding in decision.findings if listened_to else ():
            if finding.reason is not None and (finding.bucket, finding.fact) not in told:
                told.add((finding.bucket, finding.fact))
                journal.bucket_classified(ledger.provider, finding)
        # Kinds, not classes: a class pattern that does not match costs as much as a decision.
        match decision.kind:
            case "use-bucket" | "all-buckets-exhausted":
                return Outcome(ledger, decision, tuple(logins))
            case "read-token" | "refresh-token" | "reauthenticate":
                journal.step_asked(ledger.provider, decision)
                event, is_api_key = yield from _perform(ledger, decision)
                journal.step_done(ledger.provider, event)
                if decision.kind == "reauthenticate":
                    logins.append(event)
                ledger = advance(ledger, event)
                if is_api_key:
                    ledger = as_api_key(ledger, decision.bucket)
            case never:
                assert_never(never)


def _perform(ledger: FailoverSnapshot, step: FailoverStep) -> Generator[Ask, object, tuple[FailoverEvent, bool]]:
    """One step: what came of it, and whether the store has turned out to hold an API key."""
    provider = ledger.provider
    match step.kind:
        case "read-token":
            token, is_api_key = yield from _read(provider, step.bucket)
            return TokenRead(bucket=step.bucket, token=token), is_api_key
        case "refresh-token":
            return (yield from _refresh(ledger, step.bucket)), False
        case "reauthenticate":
            return (yield from _log_in(provider, step.bucket, step.timeout_seconds)), False
        case never:
            assert_never(never)


def _read(provider: str, bucket: str) -> Generator[Ask, object, tuple[KnownToken, bool]]:
    try:
        answer = yield Ask("read_token", (provider, bucket))
    except Exception as error:  # noqa: BLE001 - whatever a store raises, it has not answered (REQ-1598-CL04, EC02)
        return state_of_problem(error), False
    return state_of_answer(answer), isinstance(answer, OAuthToken) and answer.is_api_key


def _refresh(ledger: FailoverSnapshot, bucket: str) -> Generator[Ask, object, FailoverEvent]:
    held = next(other.token for other in ledger.buckets if other.name == bucket)
    unwanted = held.fingerprint if isinstance(held, TokenHeld) else ""
    try:
        answer = yield Ask("replace_token", (ledger.provider, bucket, unwanted))
    except Exception as error:  # noqa: BLE001 - whatever it raises, there is no new token
        lost = isinstance(error, RefreshInterruptedError)
        return RefreshFailed(bucket=bucket, detail=safe_text(error), permanent=lost)
    if answer is None:
        return RefreshFailed(bucket=bucket, permanent=True)
    return TokenRefreshed(bucket=bucket, token=state_of_answer(answer))


def _log_in(provider: str, bucket: str, timeout_seconds: float) -> Generator[Ask, object, FailoverEvent]:
    try:
        yield Ask("authenticate", (provider, bucket), timeout_seconds=timeout_seconds)
    except LoginTimedOutError:
        return ReauthFailed(bucket=bucket, timed_out=True)
    except Exception as error:  # noqa: BLE001 - whatever a login raises, it has failed (REQ-1598-FL10)
        declined = isinstance(error, LoginDeclinedError)
        return ReauthFailed(bucket=bucket, detail=safe_text(error), declined=declined)
    token, _ = yield from _read(provider, bucket)
    return Reauthenticated(bucket=bucket, token=token)


def state_of_problem(error: Exception) -> KnownToken:
    """What it is to the core that a token could not be read."""
    if isinstance(error, TokenCorruptError):
        return TokenCorrupt(detail=safe_text(error))
    return TokenOutage(detail=safe_text(error))


def state_of_answer(answer: object) -> KnownToken:
    """What a manager's answer is to the core."""
    match answer:
        case None:
            return TokenAbsent()
        case OAuthToken():
            return answer.state
        case _:
            return TokenCorrupt(detail=f"the token manager answered a {type(answer).__name__}, not an OAuthToken")
