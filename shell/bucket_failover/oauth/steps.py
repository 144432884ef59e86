"""The steps of the protocols of a token manager, and what a thread performs of them.

The refresh and the login are written once, as generators: they yield a step, and are sent its outcome or thrown its
exception. What a step means is theirs to say; a manager only has it performed (`bucket_failover.effects`).
"""

import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future
from typing import Any, NamedTuple, TypeVar

from bucket_failover.effects import Do, Wait
from bucket_failover.tokens import OAuthToken

_T = TypeVar("_T")


class Read(NamedTuple):
    """Ask the store. Unlike with `Do`, a caller that is cancelled meanwhile does not wait for the answer."""

    call: Callable[[], object]


class Replace(NamedTuple):
    """Have the token with the fingerprint `unwanted` replaced (empty: any that is not live), once for all callers."""

    provider: str
    bucket: str
    unwanted: str


class Present(NamedTuple):
    """Present a token's refresh token to the issuer; call `before_sending` just before the first byte."""

    provider: str
    bucket: str
    held: OAuthToken
    before_sending: Callable[[], None]


class AskToLogIn(NamedTuple):
    """Ask the user for a login; the outcome is a token."""

    provider: str
    bucket: str


Step = Read | Replace | Do | Wait | Present | AskToLogIn
Steps = Generator[Step, Any, _T]


def uninterrupted(run: Callable[[], _T]) -> _T:
    """Run something in a thread of its own, to its end: Ctrl-C is heard, and waits for it.

    Raises:
        KeyboardInterrupt: it came meanwhile; what was to be done is done. Whatever `run` raises.
    """
    outcome: Future[_T] = Future()

    def settle() -> None:
        try:
            outcome.set_result(run())
        except BaseException as error:  # noqa: BLE001 - it is raised again in the caller's thread
            outcome.set_exception(error)

    thread = threading.Thread(target=settle, name="bucket-failover-refresh")
    thread.start()
    try:
        return outcome.result()
    except KeyboardInterrupt:
        thread.join()
        raise
