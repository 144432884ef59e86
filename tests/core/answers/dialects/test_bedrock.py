"""Bedrock: exceptions by name, and no word on when to come again."""

from functools import partial

import pytest

from bucket_failover_core import Cause
from tests.core.answers.answers import bare, limits_read, verdict, wished

DIALECT = "bedrock"
judged = partial(verdict, dialect=DIALECT)
read = partial(limits_read, dialect=DIALECT)


@pytest.mark.parametrize(
    ("status", "name", "cause"),
    [
        (429, "ThrottlingException", Cause.THROTTLED),
        (400, "ThrottlingException", Cause.THROTTLED),
        (400, "ServiceQuotaExceededException", Cause.QUOTA),
        (403, "ExpiredTokenException", Cause.UNAUTHENTICATED),
        (403, "UnrecognizedClientException", Cause.UNAUTHENTICATED),
        (429, "ModelNotReadyException", Cause.SERVER_ERROR),
        (403, "AccessDeniedException", Cause.FORBIDDEN),
        (400, "ValidationException", Cause.CLIENT_ERROR),
        (503, "ServiceUnavailableException", Cause.SERVER_ERROR),
        (408, "ModelTimeoutException", Cause.TIMEOUT),
        (429, "StrangeException", Cause.QUOTA),
    ],
)
def test_the_exception_says_what_it_was(status: int, name: str, cause: Cause) -> None:
    """Where it names no cause the status does; in a header, in the body, and with a name space."""
    limits = (bare(status),) if cause in {Cause.THROTTLED, Cause.QUOTA} else ()
    known = {
        "ThrottlingException",
        "ServiceQuotaExceededException",
        "ExpiredTokenException",
        "UnrecognizedClientException",
    }
    detail = f"HTTP {status}, {name}" if name in {*known, "ModelNotReadyException"} else f"HTTP {status}"
    in_header = judged(status, ("X-Amzn-ErrorType", f"{name}:http://internal.amazon.com/coral/"), body={"message": "m"})
    in_body = judged(status, body={"__type": name, "message": "m"})
    spaced = judged(status, body={"__type": f"com.amazon.coral.service#{name}"})
    for found in (in_header, in_body, spaced):
        assert (found.cause, found.limits, found.detail) == (cause, limits, detail)
    assert read(status, body={"__type": name}) == (limits if detail.endswith(name) else ())


def test_a_wait_is_read_like_everybodys() -> None:
    """Where there is one."""
    found = judged(429, ("retry-after", "20"), body={"__type": "ThrottlingException"})
    assert (found.cause, found.limits) == (Cause.THROTTLED, (wished(20.0),))
    assert judged(429, ("retry-after", "301"), body={"__type": "ThrottlingException"}).cause is Cause.QUOTA


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("throttlingException", Cause.THROTTLED),
        ("modelStreamErrorException", Cause.SERVER_ERROR),
        ("internalServerException", Cause.SERVER_ERROR),
        ("serviceUnavailableException", Cause.SERVER_ERROR),
        ("modelTimeoutException", Cause.TIMEOUT),
        ("validationException", Cause.CLIENT_ERROR),
        ("strangeException", Cause.SERVER_ERROR),
    ],
)
def test_a_stream_that_fails(name: str, cause: Cause) -> None:
    """The event is named like the exception, but for its first letter."""
    found = judged(200, body={name: {"message": "m"}})
    assert found.cause is cause
    assert found.detail.startswith("error event")
    assert bool(found.limits) is (cause is Cause.THROTTLED)


def test_a_success_says_nothing_of_limits() -> None:
    """Bedrock never does."""
    assert read(200, ("x-amzn-requestid", "x"), body={"message": "ThrottlingException"}) == ()
