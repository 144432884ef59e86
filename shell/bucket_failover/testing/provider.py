"""The embedded provider as its user sees it: accounts to set up, a server to run, a record to read."""

import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import get_args

from bucket_failover.testing import server
from bucket_failover.testing.accounts import Accounts, UserAnswer
from bucket_failover.testing.checks import number, one_of
from bucket_failover.testing.credentials import Credentials, IssuedToken
from bucket_failover.testing.fault_orders import FaultOrders
from bucket_failover.testing.faults import Faults
from bucket_failover.testing.generating import Generating
from bucket_failover.testing.oauth_endpoints import OAuthEndpoints
from bucket_failover.testing.quota import Quota
from bucket_failover.testing.received import ReceivedRequest
from bucket_failover.testing.routes import Routes


def wall_clock() -> float:
    """Unix seconds now. Looked up at every call, so that freezegun and the like can stand in for `time.time`."""
    return time.time()


class EmbeddedProvider(FaultOrders):
    """Chat APIs on loopback with accounts, quotas, OAuth and faults on request.

    Example: an account of two requests per five hours, asked three times at 1000, 1010 and 1020, answers 200, 200, and
    429 with `retry-after: 17980`.

    Every method may be called while the server runs, from any thread. Every `account` is a name given to
    `add_account`; an unknown one raises `ValueError`, as does every other value that makes no sense.

    Args:
        clock: Unix seconds now. It is read once per request; a test moves it instead of sleeping.
    """

    def __init__(self, *, clock: Callable[[], float] = wall_clock) -> None:
        super().__init__(Accounts(), Faults(), lock=threading.Lock())
        self._clock = clock
        self._credentials = Credentials()
        self._routes = Routes(
            Generating(self._credentials, self._faults),
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
        """A new API key of the account, for the header that the API has for it; it does not expire.

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
