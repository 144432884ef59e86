"""What the shell raises. Only the shell's callers get exceptions; inside, "no" is an answer."""

import errno
import os
from collections.abc import Mapping, Sequence
from typing import Any

from bucket_failover_core import AllBucketsExhausted, BucketFailureReason
from bucket_failover_core.failover import exhaustion_message


class BucketFailoverError(Exception):
    """The base of the package's exceptions. Its text never has a secret in it, and may be logged."""


class UsageError(BucketFailoverError):
    """What the user asked for cannot be; the text names the option or the variable, and the value."""


class AllBucketsExhaustedError(BucketFailoverError):
    """No bucket of the profile can serve the request (REQ-1598-ER01, REQ-1598-RO05).

    Its text says first what to do, then names provider, buckets and each reason (REQ-1598-ER04).

    Args:
        provider_name: whose credentials they are.
        buckets: the names of the profile's buckets, in its order.
        last_error: the exception of the last failed call; it becomes the `__cause__`.
        bucket_failure_reasons: bucket name to reason; optional (REQ-1598-ER03, REQ-1598-BWC02). Left out, it is read
            off `exhausted`.
        exhausted: the decision that ended the search, with its findings.
    """

    def __init__(
        self,
        provider_name: str,
        buckets: Sequence[str],
        last_error: BaseException | None = None,
        bucket_failure_reasons: Mapping[str, BucketFailureReason] | None = None,
        exhausted: AllBucketsExhausted | None = None,
    ) -> None:
        self.provider_name = provider_name
        self.buckets = list(buckets)
        self.last_error = last_error
        self.exhausted = exhausted
        if bucket_failure_reasons is None:
            bucket_failure_reasons = exhausted.reasons if exhausted is not None else {}
        self.bucket_failure_reasons: dict[str, BucketFailureReason] = dict(bucket_failure_reasons)
        super().__init__(exhausted.message if exhausted is not None else self._message())
        self.__cause__ = last_error

    @property
    def retry_at(self) -> float | None:
        """Unix seconds at which the first bucket is believed to be usable again; None: unknown, or not by waiting."""
        return self.exhausted.retry_at if self.exhausted is not None else None

    def _message(self) -> str:
        reasons = {name: str(self.bucket_failure_reasons.get(name, "")) for name in self.buckets}
        return exhaustion_message(self.provider_name, reasons)

    def __reduce__(self) -> tuple[Any, ...]:
        """Exceptions cross processes; the default would call the class with the text alone."""
        arguments = (self.provider_name, self.buckets, self.last_error, self.bucket_failure_reasons, self.exhausted)
        return (type(self), arguments)


class ReentrantCallError(BucketFailoverError):
    """A function that logs in or refreshes has called the orchestrator or the manager that waits for it.

    Give it what it needs directly: a client of its own, or another manager.
    """


class RetriesExhaustedError(BucketFailoverError):
    """The request has used up its attempts; the last failed call is the `__cause__`.

    Args:
        provider_name: whose credentials they are.
        attempts: calls that were made, 1 or more.
        last_error: the exception of the last one.
    """

    def __init__(self, provider_name: str, attempts: int, last_error: BaseException) -> None:
        self.provider_name = provider_name
        self.attempts = attempts
        self.last_error = last_error
        super().__init__(f"Try again later. {attempts} calls to {provider_name} have failed, and no more are allowed.")
        self.__cause__ = last_error

    def __reduce__(self) -> tuple[Any, ...]:
        """Exceptions cross processes; the default would call the class with the text alone."""
        return (type(self), (self.provider_name, self.attempts, self.last_error))


class TokenStoreError(BucketFailoverError):
    """The token store could not do what it was asked for: an outage, which is not the same as "no token"."""


class TokenCorruptError(TokenStoreError):
    """The store holds something for this bucket that is no token; the rest of the store is not affected."""


class RefreshFailedError(BucketFailoverError):
    """A refresh has brought no token, and the refresh token was not refused: it may work another time."""


class RefreshNotSentError(RefreshFailedError):
    """The refresh token was certainly not sent, so it can be presented again: raise it from a `refresh` of your own."""


class RefreshUnheardError(RefreshFailedError):
    """A refresh token was presented, and its answer was not heard. It may be used up."""


class IssuerBusyError(RefreshFailedError):
    """The issuer has asked not to be asked again before a moment; nothing is lost.

    Args:
        message: for people.
        retry_at: Unix seconds.
    """

    def __init__(self, message: str, retry_at: float) -> None:
        super().__init__(message)
        self.retry_at = retry_at

    def __reduce__(self) -> tuple[type["IssuerBusyError"], tuple[str, float]]:
        """Exceptions cross processes; the default would call the class with the text alone."""
        return (type(self), (str(self), self.retry_at))


class RefreshSupersededError(RefreshFailedError):
    """Nothing was sent: another process has taken over this refresh, or the login is another one by now."""


class RefreshInterruptedError(RefreshFailedError):
    """An earlier refresh was presented and its answer lost. Only a login brings a token now."""


class LoginFailedError(BucketFailoverError):
    """A login has brought no token."""


class LoginUnavailableError(LoginFailedError):
    """There is no user to ask: the manager was made without a `login`."""

    def __init__(self) -> None:
        super().__init__("no way to log in was supplied")


class LoginDeclinedError(LoginFailedError):
    """The user said no. An application's own login raises it too, and is then not asked again in this session."""

    def __init__(self, message: str = "the user said no") -> None:
        super().__init__(message)


class LoginTimedOutError(LoginFailedError):
    """The user has not answered the login in time."""


class LoginCancelledError(LoginFailedError):
    """The login was cancelled, and not by us."""


def safe_text(error: BaseException) -> str:
    """What may be logged and reported of an exception: its kind, and its text only where that is known to be harmless.

    Identity providers echo secrets in their error answers, and client libraries put those into their exceptions. So of
    a foreign exception only the class is named, and for the operating system's errors what the system says of
    their number.

    Example: "OSError: No space left on device", "HTTPStatusError".
    """
    if isinstance(error, BucketFailoverError):
        return str(error)
    if isinstance(error, OSError) and error.errno is not None and error.errno in errno.errorcode:
        return f"{type(error).__name__}: {os.strerror(error.errno)}"
    return type(error).__name__
