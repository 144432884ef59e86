"""One login at a time for a bucket, over all processes; every other caller waits for its result (`decide_login`)."""

import contextlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, assert_never

from returns.methods import unwrap_or_failure

from bucket_failover.effects import Do, Wait
from bucket_failover.errors import (
    LoginDeclinedError,
    LoginFailedError,
    TokenStoreError,
    safe_text,
)
from bucket_failover.oauth.steps import AskToLogIn, Steps
from bucket_failover.store import Change, Lease, TokenStore
from bucket_failover.tokens import OAuthToken
from bucket_failover_core import TokenHeld
from bucket_failover_core.oauth import LoginAnswer, LoginSnapshot, StoredLogin, decide_login

_PAUSE_SECONDS: Final = 0.1
"""A user is slower."""

_SERIAL_BYTES: Final = 8
"""64 bits of chance: no two answers to logins of a bucket bear the same number."""


@dataclass(frozen=True, slots=True)
class LoggingIn:
    """A login that a caller wants.

    Args:
        store: where the token will be.
        provider: whose bucket.
        bucket: which one.
        clock: gives Unix seconds.
    """

    store: TokenStore
    provider: str
    bucket: str
    clock: Callable[[], float]

    def protocol(self) -> Steps[None]:
        """The whole of it; at its end a token is stored.

        Raises:
            LoginFailedError: the login that we waited for has brought none.
            TokenStoreError: the store could not answer. Whatever asking the user raises.
        """
        # A store that cannot be written is told before a user is asked; what is in it need not be readable.
        before: StoredLogin = yield Do(self._look)
        known: LoginAnswer | None = yield Do(self._read_answer)
        unwanted = before.token.fingerprint if isinstance(before.token, TokenHeld) else ""
        lease = yield from self._turn()
        try:
            stored: StoredLogin = yield Do(self._look)
            answer: LoginAnswer | None = yield Do(self._read_answer)
            snapshot = LoginSnapshot(unwanted=unwanted, known=known, stored=stored.token, answer=answer)
            decision = unwrap_or_failure(decide_login(snapshot, now=self.clock()))
            match decision.kind:
                case "adopt-login":
                    return
                case "login-ended":
                    raise _as_error(decision.answer)
                case "ask-user":
                    yield from self._ask()
                case never:
                    assert_never(never)
        finally:
            lease.release()

    def _turn(self) -> Steps[Lease]:
        """Wait for the login that is under way; how long, our caller decides."""
        while True:
            lease: Lease | None = yield Do(lambda: self.store.try_lease(self.provider, self.bucket, "login"))
            if lease is not None:
                return lease
            yield Wait(_PAUSE_SECONDS)

    def _ask(self) -> Steps[None]:
        try:
            token: OAuthToken = yield AskToLogIn(self.provider, self.bucket)
            yield Do(lambda: self.store.write(self.provider, self.bucket, token))
        except GeneratorExit:  # the runner performs nothing any more
            raise
        except BaseException as error:
            ended = _as_answer(error, at=self.clock())
            # If it cannot be written, those who wait ask for themselves; the login's own error is the one to tell.
            with contextlib.suppress(TokenStoreError):
                yield Do(lambda: self.store.write_login_answer(self.provider, self.bucket, ended))
            raise

    def _read_answer(self) -> LoginAnswer | None:
        return self.store.read_login_answer(self.provider, self.bucket)

    def _look(self) -> StoredLogin:
        """What is stored, by its facts, in a transaction that could write."""
        return self.store.change(self.provider, self.bucket, Change)


def _as_answer(error: BaseException, *, at: float) -> LoginAnswer:
    detail = safe_text(error) if isinstance(error, Exception) else "it was given up"
    declined, serial = isinstance(error, LoginDeclinedError), secrets.token_hex(_SERIAL_BYTES)
    return LoginAnswer(at=at, declined=declined, detail=detail, serial=serial)


def _as_error(answer: LoginAnswer) -> LoginFailedError:
    """What a login that another process has asked for is to us."""
    message = f"the login that was under way has brought no token: {answer.detail}"
    return LoginDeclinedError(message) if answer.declined else LoginFailedError(message)
