"""From an SDK's exception to why no bucket was left."""

from bucket_failover.errors import AllBucketsExhaustedError
from bucket_failover.transport.exchange import EXTENSION


def exhausted_error(error: BaseException) -> AllBucketsExhaustedError | None:
    """Why no bucket was left, if that is what an SDK's exception tells; None: it tells something else.

    Example: of the `openai.RateLimitError` of a request for which no bucket was left, the error with each bucket's
    reason, and `retry_at`.

    Args:
        error: an exception with a `response`, as those of the SDKs and of `raise_for_status` have.
    """
    extensions = getattr(getattr(error, "response", None), "extensions", None)
    told = extensions.get(EXTENSION) if isinstance(extensions, dict) else None
    return told if isinstance(told, AllBucketsExhaustedError) else None
