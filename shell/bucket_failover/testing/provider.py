"""The embedded provider as its user sees it: accounts to set up, a server to run, a record to read."""

import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import get_args

from bucket_failover.testing import server
from bucket_failover.testing.accounts import Accounts, UserAnswer
from bucket_failover.testing.answers import HangUp, JsonObject
from bucket_failover.testing.checks import count, number, one_of
from bucket_failover.testing.credentials import Credentials, IssuedToken
from bucket_failover.testing.faults import BreakStream, Fault, FaultPlace, Faults, Mishap, failure
from bucket_failover.testing.messages_endpoint import MessagesEndpoint
from bucket_failover.testing.oauth_endpoints import OAuthEndpoints
from bucket_failover.testing.quota import Quota
from bucket_failover.testing.received import ReceivedRequest
from bucket_failover.testing.routes import Routes


def wall_clock() -> float:
    """Unix seconds now. Looked up at every call, so that freezegun and the like can stand in for `time.time`."""
    return time.time()


class EmbeddedProvider:
    """A chat API on loopback with accounts, quotas, OAuth and faults on request.

    Example: an account of two requests per five hours, asked three times at 1000, 1010 and 1020, answers 200, 200, and
    429 with `retry-after: 17980`.

    Every method may be called while the server runs, from any thread. Every `account` is a name given to
    `add_account`; an unknown one raises `ValueError`, as does every other value that makes no sense.

    Args:
        clock: Unix seconds now. It is read once per request; a test moves it instead of sleeping.
    """

    def __init__(self, *, clock: Callable[[], float] = wall_clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._accounts = Accounts()
        self._credentials = Credentials()
        self._faults = Faults()
        self._routes = Routes(
            MessagesEndpoint(self._credentials, self._faults),
            OAuthEndpoints(self._accounts, self._credentials, self._faults),
            clock=clock,
            lock=self._lock,
        )

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        """Run the server in the running event loop while the block lasts; yields "http://127.0.0.1:PORT".

        Raises:
            OSError: the loopback interface gives no port.
        """
        async with server.serve(self._routes.app()) as base_url:
            yield base_url

    @contextmanager
    def serve_in_thread(self) -> Iterator[str]:
        """The same for callers without an event loop: the server has a thread and an event loop of its own.

        Raises:
            OSError: the loopback interface gives no port.
        """
        with server.serve_in_thread(self._routes.app()) as base_url:
            yield base_url

    def add_account(self, name: str, *, quota: Quota | None = None, token_lifetime_seconds: float = 3600.0) -> None:
        """Open an account.

        Args:
            name: any text but the empty one; what `login_hint` and the record call it.
            quota: how much it may ask; None: unlimited.
            token_lifetime_seconds: of each of its access tokens, above 0.

        Raises:
            ValueError: the name is empty or taken, or the lifetime makes no sense.
        """
        with self._lock:
            self._accounts.add(name, quota=quota, token_lifetime_seconds=token_lifetime_seconds)

    def user(self, account: str, *, answer: UserAnswer) -> None:
        """What the user behind the account says from now on when a client asks for a login; "yes" at first.

        Raises:
            ValueError: the account is unknown, or the answer is neither "yes" nor "no".
        """
        one_of("answer", answer, get_args(UserAnswer))
        with self._lock:
            self._accounts.get(account).user = answer

    def issue(self, account: str, *, lifetime_seconds: float | None = None, expired: bool = False) -> IssuedToken:
        """A login obtained out of band. It is a grant of its own: earlier logins stay good.

        Args:
            account: whose.
            lifetime_seconds: of this access token, above 0; None: the account's usual.
            expired: the access token ran out a second ago; its refresh token is good.

        Raises:
            ValueError: the account is unknown, the lifetime makes no sense, or is given for an expired token.
        """
        if expired and lifetime_seconds is not None:
            msg = f"lifetime_seconds must not be given with expired=True, not {lifetime_seconds!r}"
            raise ValueError(msg)
        with self._lock:
            holder, now = self._accounts.get(account), self._clock()
            usual = holder.token_lifetime_seconds
            lifetime = usual if lifetime_seconds is None else number("lifetime_seconds", lifetime_seconds, above=0)
            grant = self._credentials.open_grant(holder, client_id=None)
            return self._credentials.issue(grant, expires_at=now - 1 if expired else now + lifetime, now=now)

    def add_api_key(self, account: str) -> str:
        """A new API key of the account, for the `x-api-key` header; it does not expire.

        Raises:
            ValueError: the account is unknown.
        """
        with self._lock:
            return self._credentials.add_api_key(self._accounts.get(account))

    def spend(self, account: str, *, until: float) -> None:
        """Mark the account's window as spent until that moment (Unix seconds), whatever its quota, even without one.

        Raises:
            ValueError: the account is unknown, or the moment is not finite.
        """
        number("until", until)
        with self._lock:
            self._accounts.get(account).meter.spend(until=until)

    def expire(self, account: str) -> None:
        """Make the account's access tokens expire now; its refresh tokens stay good.

        Raises:
            ValueError: the account is unknown.
        """
        with self._lock:
            self._credentials.expire(self._accounts.get(account), now=self._clock())

    def revoke(self, account: str) -> None:
        """Withdraw all that the account holds now, unexpired or not: access and refresh tokens, codes, API keys.

        A later `issue`, `add_api_key` or login is good again.

        Raises:
            ValueError: the account is unknown.
        """
        with self._lock:
            self._credentials.revoke(self._accounts.get(account))

    def fail_next(
        self,
        status: int = 529,
        *,
        times: int = 1,
        account: str | None = None,
        at: FaultPlace = "messages",
        retry_after: float | str | None = None,
        body: JsonObject | str | None = None,
    ) -> None:
        """Answer the next requests with this status, before anything else is looked at.

        Example: `fail_next(503, at="token", body="<html>…")` is a gateway's error page where JSON is expected.

        Args:
            status: 200 to 599, but none whose answers have no body. 200 with a `body` is a success that is none.
            times: how many requests, at least 1.
            account: only requests with a credential of this account, good or not; None: every request.
            at: the endpoint, "messages" or "token".
            retry_after: the header of that name, as it is: seconds, a date, or nonsense; None: no such header.
            body: a mapping: JSON; text: sent as it is; None: an error in the endpoint's own shape.

        Raises:
            ValueError: the account is unknown, or one of the numbers or names makes no sense.
            TypeError: the body holds something that JSON cannot.
        """
        self._add_fault(failure(status, retry_after=retry_after, body=body), at=at, account=account, times=times)

    def overload(self, times: int = 1, *, account: str | None = None) -> None:
        """Answer the next messages requests with 529 and an `overloaded_error`; see `fail_next`.

        Raises:
            ValueError: the account is unknown, or `times` is below 1.
        """
        self.fail_next(529, times=times, account=account)

    def disconnect_next(self, *, times: int = 1, account: str | None = None, at: FaultPlace = "messages") -> None:
        """Close the connection of the next requests without an answer; see `fail_next`.

        Raises:
            ValueError: the account is unknown, `times` is below 1, or there is no such endpoint.
        """
        self._add_fault(HangUp(), at=at, account=account, times=times)

    def break_stream_next(self, *, after_pieces: int = 0, times: int = 1, account: str | None = None) -> None:
        """Let the next streams begin with 200 and end in an `overloaded_error` event.

        Only a request that asks for a stream and is let in uses such a fault up; it counts against the quota.

        Args:
            after_pieces: how many pieces of text (words) come first; more than there are: all of them.
            times: how many streams, at least 1.
            account: only streams of this account; None: every stream.

        Raises:
            ValueError: the account is unknown, `times` is below 1, or `after_pieces` is negative.
        """
        mishap = BreakStream(count("after_pieces", after_pieces, at_least=0))
        self._add_fault(mishap, at="messages", account=account, times=times)

    def _add_fault(self, mishap: Mishap, *, at: FaultPlace, account: str | None, times: int) -> None:
        one_of("at", at, get_args(FaultPlace))
        count("times", times, at_least=1)
        with self._lock:
            if account is not None:
                self._accounts.get(account)
            self._faults.add(Fault(mishap, at, account), times=times)

    @property
    def requests(self) -> tuple[ReceivedRequest, ...]:
        """Every request so far, in the order in which they were answered."""
        with self._lock:
            return tuple(self._routes.received)

    def refreshes(self, account: str) -> int:
        """How often a refresh token of the account was exchanged with success.

        Raises:
            ValueError: the account is unknown.
        """
        with self._lock:
            return self._accounts.get(account).refreshes

    @property
    def reuses(self) -> int:
        """How often a refresh token was presented that had been used before."""
        with self._lock:
            return self._credentials.reuses
