"""One request of a client, and what comes of it: built anew for each bucket, read ahead, answered.

Everything here is the same for all HTTP clients, with and without an event loop. There is no rule in it: which bucket,
when, and whether again, the request machine says; where a credential stands, what a stream begins with, and how our own
answer looks, `bucket_failover_core.wire` says.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote

from pydantic_core import to_json

from bucket_failover.client_exceptions import describe_exception
from bucket_failover.errors import AllBucketsExhaustedError, BucketFailoverError
from bucket_failover.orchestrator.request import ActiveBucket, Failed
from bucket_failover.transport.family import ahead_stream
from bucket_failover.transport.reading import PACKED, DecodedHead, Reading, is_long, text_of
from bucket_failover.transport.target import PLACEHOLDER, Credentials, Target, UnsendableCredentialError
from bucket_failover_core import CallFailure
from bucket_failover_core.value import trusted
from bucket_failover_core.wire import (
    CREDENTIAL_HEADERS,
    SESSION_HEADER,
    SESSION_HEADERS,
    Asked,
    exhausted_answer,
    read_asked,
)

EXTENSION: Final = "bucket_failover"
"""Under which an answer's extensions hold why no bucket was left (`exhausted_error`)."""

_FAILED_FROM: Final = 400
_RETRY_COUNT: Final = "x-stainless-retry-count"
"""What the SDKs of OpenAI and Anthropic count their own retries in."""

_CREDENTIALS: Final = frozenset(name.encode() for name in CREDENTIAL_HEADERS)
_WANTED: Final = frozenset(name.encode() for name in {*SESSION_HEADERS, _RETRY_COUNT})
_PRINTABLE: Final = " !\"#$&'()*+,/:;<=>?@[\\]^`{|}"
"""What a header's value may have, and a bucket's name too; anything else of a name is percent-encoded."""

_LOOKED_AT: Final = _CREDENTIALS | _WANTED
_STREAM: Final = "text/event-stream"

_described = trusted(CallFailure)


class Refused(Exception):  # noqa: N818 - an answer, on its way through the request machine
    """The provider's answer is a failure. It leaves the transport only behind the error that no bucket was left.

    Args:
        failure: as the core reads it.
        response: as the client gets it, if the request ends with it; None: in another process.
    """

    def __init__(self, failure: CallFailure, response: Any = None) -> None:  # noqa: ANN401 - any family's
        self.failure = failure
        self.response = response
        super().__init__(f"status {failure.status}")

    def __reduce__(self) -> tuple[Any, ...]:
        """As the cause of the error that tells why no bucket was left, it crosses processes."""
        return (type(self), (self.failure,))


class WaitRefusedError(BucketFailoverError):
    """A wait is longer than the client would wait for an answer. It never leaves the transport.

    Args:
        message: says so.
        until: Unix seconds at which the wait would have ended.
    """

    def __init__(self, message: str, *, until: float) -> None:
        self.until = until
        super().__init__(message)


def describe(error: BaseException) -> CallFailure | None:
    """What is left of a failed call, as plain data."""
    return error.failure if isinstance(error, Refused) else describe_exception(error)


class Exchange:
    """A request in progress.

    Args:
        target: where it goes.
        request: as the client has made it.
        clock: gives Unix seconds.
    """

    def __init__(self, target: Target, request: Any, clock: Callable[[], float]) -> None:  # noqa: ANN401 - any family's
        self._target = target
        self._request = request
        self._clock = clock
        self._began = clock()
        self.body: bytes | None = None
        self.is_replayable = True
        self._once: Any = None
        self._size = 0
        self.attempts: list[str] = []
        self.waits = 0
        self.held: Any = None
        """An answer that is open: it has to be closed, unless the client gets it."""
        self.last: Exception | None = None
        self.described: CallFailure | None = None
        self._asked = Asked()
        self._credentials: Credentials = []
        self._wanted: dict[str, str] = {}
        for name, value in request.headers.raw:
            lower = name.lower()
            if lower not in _LOOKED_AT:
                continue
            if lower in _CREDENTIALS:
                self._credentials.append((lower.decode(), PLACEHOLDER.encode() in value))
            else:
                self._wanted[lower.decode()] = value.decode("latin-1")
        if self._wanted.get(_RETRY_COUNT, "0") not in {"0", "false"}:
            target.warn_of_retries()

    def ask(self) -> Mapping[str, Any]:
        """Model, conversation and patience of the request, as an orchestrator takes them."""
        path = self._request.url.raw_path.decode("ascii", "replace")
        self._asked = read_asked(path, self._wanted, self.body)
        policy = self._target.policy_within(self._patience)
        return {"model": self._asked.model, "session_key": self._asked.session_key, "policy": policy}

    def holds_body(self) -> bool:
        """Whether the body is at hand already."""
        if isinstance(self._request.stream, self._target.http.ByteStream):
            self.body = self._request.content
        return self.body is not None

    def buffered(self, chunks: list[bytes], rest: Any) -> None:  # noqa: ANN401 - an iterator of either kind
        """As much of a body as was read: all of it, or more than is kept, and then the rest."""
        self.is_replayable = rest is None
        if rest is None:
            self.body = b"".join(chunks)
        else:
            self._once = ahead_stream(self._target.http)(chunks, rest)

    def is_too_long(self, chunks: list[bytes], chunk: bytes) -> bool:
        """Whether a body is too long to be kept, with one more piece, which joins the others."""
        chunks.append(chunk)
        self._size += len(chunk)
        return self._size > self._target.replay_bytes_max

    def wait(self, seconds: float) -> None:
        """A wait is asked for.

        Raises:
            WaitRefusedError: the client would not wait that long.
        """
        patience = self._patience
        if patience is not None and self._clock() - self._began + seconds > patience:
            message = f"a wait of {seconds:.0f} s is longer than the client waits for an answer ({patience:.0f} s)"
            raise WaitRefusedError(message, until=self._clock() + seconds)
        self.waits += 1

    @property
    def _patience(self) -> float | None:
        """How long the waits of this request may take, in seconds; None: for ever."""
        told = self._target.patience_seconds
        return told if told is not None else (self._request.extensions.get("timeout") or {}).get("read")

    def dressed(self, active: ActiveBucket) -> Any:  # noqa: ANN401 - any family's
        """The request as it is sent with a bucket: its credential, its address, its headers."""
        self.attempts.append(active.name)
        target, request, bucket = self._target, self._request, self._target.buckets[active.name]
        url = target.address(request.url, bucket)
        headers = target.http.Headers(request.headers)
        try:
            target.put_credential(headers, self._credentials, active)
        except UnsendableCredentialError as error:
            body = to_json({"error": {"message": str(error)}})
            response = self._of_our_own(401, (("content-type", "application/json"),), body)
            raise Refused(CallFailure(status=401, body=str(error)), response) from None
        for name, value in bucket.headers.items():
            headers[name] = value
        if SESSION_HEADER in self._wanted:
            del headers[SESSION_HEADER]
        if url is not request.url:
            headers["host"] = url.netloc.decode("ascii")
        built = target.rebuilt(request, headers, url)
        if self._once is not None:
            built.stream = self._once
        if self.body is not None and not isinstance(request.stream, target.http.ByteStream):
            built.stream = target.http.ByteStream(self.body)
            headers.pop("transfer-encoding", None)
            headers["content-length"] = str(len(self.body))
        return built

    def reading(self, response: Any) -> Reading | None:  # noqa: ANN401 - any family's
        """How an answer is read ahead; None: it is passed on as it is."""
        raw: list[tuple[bytes, bytes]] = response.headers.raw
        headers = tuple([(name.decode("latin-1"), value.decode("latin-1")) for name, value in raw])
        status: int = response.status_code
        self.described = _described(status=status, headers=headers, model=self._asked.model)
        if status >= _FAILED_FROM:
            return Reading(is_long)
        if any(name.lower() == "content-type" and value.lower().startswith(_STREAM) for name, value in headers):
            encoding = response.headers.get("content-encoding", "")
            return Reading(DecodedHead(encoding).has_begun) if encoding in PACKED else None
        return None

    def judged(self, response: Any, reading: Reading, ahead: Any) -> object:  # noqa: ANN401 - any family's
        """An answer that was read ahead: to be passed on, or a failure.

        Args:
            response: the provider's.
            reading: what was read of it.
            ahead: a stream of what was read and the rest.
        """
        http, status = self._target.http, response.status_code
        passed = http.Response(status, headers=response.headers, stream=ahead, extensions=response.extensions)
        if status < _FAILED_FROM and reading.found != "error":
            return passed
        text = reading.text if status < _FAILED_FROM else text_of(http, response, reading.head)
        assert self.described is not None  # noqa: S101 - an answer that is judged was looked at
        return self.failed(Refused(self.described.model_copy(update={"body": text}), passed))

    def is_told(self, response: Any) -> bool:  # noqa: ANN401 - any family's
        """Whether an answer that is cut off has said all the same what it is."""
        return bool(response.status_code >= _FAILED_FROM)

    def failed(self, error: Exception) -> Failed:
        """A call has failed; one whose body is gone cannot be made again."""
        self.last = error
        return Failed(error, output_started=not self.is_replayable)

    def let_go(self) -> Any:  # noqa: ANN401 - any family's
        """The answer that is held, which has to be closed now."""
        held, self.held = self.held, None
        return held

    def served(self, response: Any) -> Any:  # noqa: ANN401 - any family's
        """The provider's answer is the client's from now on."""
        self.held = None
        return self._marked(response)

    def _marked(self, response: Any) -> Any:  # noqa: ANN401 - any family's
        """An answer, with what it took to get it."""
        headers = response.headers
        if self.attempts:
            switches = sum(one != other for one, other in zip(self.attempts, self.attempts[1:], strict=False))
            headers["x-bucket-failover-bucket"] = quote(self.attempts[-1], safe=_PRINTABLE)
            headers["x-bucket-failover-switches"] = str(switches)
            headers["x-bucket-failover-waits"] = str(self.waits)
        return response

    def ended(self, error: Exception) -> Any:  # noqa: ANN401 - any family's
        """The answer where a request ends without success: the provider's last one, or our own.

        Raises:
            Exception: there is no answer: the client's own exception, the same object.
        """
        error.with_traceback(None)  # whose frames hold requests and answers for as long as it is kept
        if isinstance(error, AllBucketsExhaustedError):
            return self._own_answer(error, error.retry_at)
        if isinstance(error, WaitRefusedError) and self.last is None:
            return self._own_answer(error, error.until)
        last, self.last = self.last, None
        if isinstance(last, Refused):
            last.response.headers["x-should-retry"] = "false"
            return self.served(last.response)
        raise last or error

    def _own_answer(self, error: BucketFailoverError, retry_at: float | None) -> Any:  # noqa: ANN401 - any family's
        own = exhausted_answer(self._request.url.path, str(error), retry_at=retry_at, now=self._clock())
        return self._marked(self._of_our_own(own.status, own.headers, own.body, {EXTENSION: error}))

    def _of_our_own(
        self, status: int, headers: tuple[tuple[str, str], ...], body: bytes, extensions: dict[str, Any] | None = None
    ) -> Any:  # noqa: ANN401 - any family's
        """An answer that comes from no provider, to be read as one that does."""
        http = self._target.http
        pairs = [*headers, ("content-length", str(len(body)))]
        return http.Response(status, headers=pairs, stream=ahead_stream(http)([body]), extensions=extensions or {})
