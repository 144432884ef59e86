"""One step about a token, and one search: ask the core, have the step performed, tell the core, ask again.

Both are generators, so that they serve callers with and without an event loop: they yield what is to be asked of the
token manager (`Ask`), and are sent the answer, or thrown the exception. What an exception means as an event is decided
here, once.

Road not taken: an asynchronous loop with a synchronous copy beside it. Copies drift; and a loop that synchronous
callers run through `asyncio.run` cannot be used where a loop is already running.
"""

from collections.abc import Callable, Generator
from typing import NamedTuple, assert_never

from bucket_failover import logs
from bucket_failover.effects import Ask
from bucket_failover.errors import (
    IssuerBusyError,
    LoginDeclinedError,
    LoginTimedOutError,
    RefreshInterruptedError,
    TokenCorruptError,
    safe_text,
)
from bucket_failover.handler.entries import HeldToken
from bucket_failover.tokens import OAuthToken
from bucket_failover_core import (
    FailoverStep,
    KnownToken,
    Reauthenticated,
    ReauthFailed,
    RefreshFailed,
    TokenAbsent,
    TokenCorrupt,
    TokenOutage,
    TokenRead,
    TokenRefreshed,
)

TokenEvent = TokenRead | TokenRefreshed | RefreshFailed | Reauthenticated | ReauthFailed
"""What may come of a step."""


class StepDone(NamedTuple):
    """What came of a step.

    Args:
        event: what the core is told.
        token: the token itself, if it brought one.
        problem: what the manager has raised, if it did.
    """

    event: TokenEvent
    token: OAuthToken | None = None
    problem: Exception | None = None


Asking = Generator[Ask, object, StepDone]

Hold = Callable[[str, OAuthToken], HeldToken]
"""A bucket's token with its picture, which is made once for each."""


def perform_step(provider: str, step: FailoverStep, unwanted: str, clock: Callable[[], float], hold: Hold) -> Asking:
    """One step about a bucket's token.

    Args:
        provider: whose bucket it is.
        step: what the core asks for.
        unwanted: the fingerprint of the token that a refresh is to replace; empty if unknown.
        clock: gives Unix seconds; it is read when the step is over.
        hold: a token with its picture (`Room.held`).
    """
    logs.step_asked(provider, step)
    match step.kind:
        case "read-token":
            done = yield from _read(provider, step.bucket, clock, hold)
        case "refresh-token":
            done = yield from _refresh(provider, step.bucket, unwanted, clock, hold)
        case "reauthenticate":
            done = yield from _log_in(provider, step.bucket, step.timeout_seconds, clock, hold)
        case never:
            assert_never(never)
    logs.step_done(provider, done.event)
    return done


def _read(provider: str, bucket: str, clock: Callable[[], float], hold: Hold) -> Asking:
    try:
        answer = yield Ask("read_token", (provider, bucket))
    except Exception as error:  # noqa: BLE001 - whatever a store raises, it has not answered (REQ-1598-CL04, EC02)
        return StepDone(TokenRead(bucket=bucket, token=state_of_problem(error), at=clock()), problem=error)
    token = answer if isinstance(answer, OAuthToken) else None
    is_key = token is not None and token.is_api_key
    state = state_of_answer(bucket, answer, hold)
    return StepDone(TokenRead(bucket=bucket, token=state, at=clock(), api_key=is_key), token)


def _refresh(provider: str, bucket: str, unwanted: str, clock: Callable[[], float], hold: Hold) -> Asking:
    try:
        answer = yield Ask("replace_token", (provider, bucket, unwanted))
    except Exception as error:  # noqa: BLE001 - whatever it raises, there is no new token
        lost = isinstance(error, RefreshInterruptedError)
        busy = error.retry_at if isinstance(error, IssuerBusyError) else None
        failed = RefreshFailed(bucket=bucket, detail=safe_text(error), permanent=lost, at=clock(), retry_at=busy)
        return StepDone(failed, problem=error)
    if answer is None:
        return StepDone(RefreshFailed(bucket=bucket, permanent=True, at=clock()))
    token = answer if isinstance(answer, OAuthToken) else None
    state = state_of_answer(bucket, answer, hold)
    return StepDone(TokenRefreshed(bucket=bucket, token=state, at=clock()), token)


def _log_in(provider: str, bucket: str, timeout_seconds: float, clock: Callable[[], float], hold: Hold) -> Asking:
    try:
        yield Ask("authenticate", (provider, bucket), timeout_seconds=timeout_seconds)
    except LoginTimedOutError:
        return StepDone(ReauthFailed(bucket=bucket, timed_out=True, at=clock()))
    except Exception as error:  # noqa: BLE001 - whatever a login raises, it has failed (REQ-1598-FL10)
        declined = isinstance(error, LoginDeclinedError)
        return StepDone(ReauthFailed(bucket=bucket, detail=safe_text(error), declined=declined, at=clock()))
    read = yield from _read(provider, bucket, clock, hold)
    assert isinstance(read.event, TokenRead)  # noqa: S101 - a read answers nothing else
    return StepDone(Reauthenticated(bucket=bucket, token=read.event.token, at=clock()), read.token)


def state_of_problem(error: Exception) -> KnownToken:
    """What it is to the core that a token could not be read."""
    if isinstance(error, TokenCorruptError):
        return TokenCorrupt(detail=safe_text(error))
    return TokenOutage(detail=safe_text(error))


def state_of_answer(bucket: str, answer: object, hold: Hold) -> KnownToken:
    """What a manager's answer is to the core."""
    match answer:
        case None:
            return TokenAbsent()
        case OAuthToken():
            return hold(bucket, answer).state
        case _:
            return TokenCorrupt(detail=f"the token manager answered a {type(answer).__name__}, not an OAuthToken")
