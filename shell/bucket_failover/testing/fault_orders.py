"""The faults of the embedded provider as its user orders them; what becomes of them is in `faults`."""

import threading
from typing import get_args

from bucket_failover.testing.accounts import Accounts
from bucket_failover.testing.answers import HangUp, JsonObject, Pace
from bucket_failover.testing.checks import count, number, one_of
from bucket_failover.testing.faults import (
    BreakStream,
    Fault,
    FaultPlace,
    Faults,
    Mishap,
    Overload,
    ResetStream,
    Slow,
    failure,
)


class FaultOrders:
    """What goes wrong next; each method may be called from any thread."""

    def __init__(self, accounts: Accounts, faults: Faults, *, lock: threading.Lock) -> None:
        self._accounts = accounts
        self._faults = faults
        self._lock = lock

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
            at: "messages": any of the endpoints that generate answers, whatever its shape; "token": OAuth's.
            retry_after: the header of that name, as it is: seconds, a date, or nonsense; None: no such header.
            body: a mapping: JSON; text: sent as it is; None: an error in the shape of the endpoint that is hit.

        Raises:
            ValueError: the account is unknown, or one of the numbers or names makes no sense.
            TypeError: the body holds something that JSON cannot.
        """
        self._add_fault(failure(status, retry_after=retry_after, body=body), at=at, account=account, times=times)

    def overload(self, times: int = 1, *, account: str | None = None) -> None:
        """Answer the next requests with the API's own overload; see `fail_next`.

        Messages: 529 and an `overloaded_error`; OpenAI: 503 and `server_is_overloaded`; Gemini: 503 and `UNAVAILABLE`.

        Raises:
            ValueError: the account is unknown, or `times` is below 1.
        """
        self._add_fault(Overload(), at="messages", account=account, times=times)

    def disconnect_next(self, *, times: int = 1, account: str | None = None, at: FaultPlace = "messages") -> None:
        """Close the connection of the next requests without an answer; see `fail_next`.

        Raises:
            ValueError: the account is unknown, `times` is below 1, or there is no such endpoint.
        """
        self._add_fault(HangUp(), at=at, account=account, times=times)

    def break_stream_next(self, *, after_pieces: int = 0, times: int = 1, account: str | None = None) -> None:
        """Let the next streams begin with 200 and end in the event with which the API reports an overload.

        Messages and Responses: `event: error`; Chat Completions and Gemini: `data: {"error": …}`.

        Only a request that asks for a stream and is let in uses such a fault up; it counts against the quota.

        Args:
            after_pieces: how many pieces (words; a tool call is one) come first; more than there are: all of them.
            times: how many streams, at least 1.
            account: only streams of this account; None: every stream.

        Raises:
            ValueError: the account is unknown, `times` is below 1, or `after_pieces` is negative.
        """
        mishap = BreakStream(count("after_pieces", after_pieces, at_least=0))
        self._add_fault(mishap, at="messages", account=account, times=times)

    def reset_stream_next(self, *, after_pieces: int = 0, times: int = 1, account: str | None = None) -> None:
        """Let the next streams begin with 200, and close the connection in the middle, without an end.

        Only a request that asks for a stream and is let in uses such a fault up; it counts against the quota.

        Args:
            after_pieces: how many pieces (words; a tool call is one) come first; more than there are: all of them.
            times: how many streams, at least 1.
            account: only streams of this account; None: every stream.

        Raises:
            ValueError: the account is unknown, `times` is below 1, or `after_pieces` is negative.
        """
        mishap = ResetStream(count("after_pieces", after_pieces, at_least=0))
        self._add_fault(mishap, at="messages", account=account, times=times)

    def slow_next(
        self,
        *,
        first_byte_seconds: float = 0.0,
        piece_seconds: float = 0.0,
        times: int = 1,
        account: str | None = None,
    ) -> None:
        """Let the next answers come slowly. These are real seconds, whatever clock the provider has.

        Only a request that is let in uses such a fault up; it counts against the quota. Nothing else waits meanwhile,
        and the end of the server does not wait for it.

        Example: with `first_byte_seconds=2, piece_seconds=0.5` a stream of 14 words takes over 9 seconds.

        Args:
            first_byte_seconds: before the status line, at least 0.
            piece_seconds: before each further piece of a stream (words; the end is one), at least 0.
            times: how many answers, at least 1.
            account: only answers to this account; None: every answer.

        Raises:
            ValueError: the account is unknown, `times` is below 1, or the seconds are negative or not finite.
        """
        pace = Pace(
            number("first_byte_seconds", first_byte_seconds, at_least=0),
            number("piece_seconds", piece_seconds, at_least=0),
        )
        self._add_fault(Slow(pace), at="messages", account=account, times=times)

    def _add_fault(self, mishap: Mishap, *, at: FaultPlace, account: str | None, times: int) -> None:
        one_of("at", at, get_args(FaultPlace))
        count("times", times, at_least=1)
        with self._lock:
            if account is not None:
                self._accounts.get(account)
            self._faults.add(Fault(mishap, at, account), times=times)
