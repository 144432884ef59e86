"""What a room keeps of each request and of each bucket, and the profile as its user has written it."""

from collections.abc import Sequence
from typing import NamedTuple

from bucket_failover.handler.context import Bucket
from bucket_failover.tokens import OAuthToken
from bucket_failover_core import RequestEvent, RequestSnapshot, SessionSnapshot, TokenHeld, advance_request


class HandlerSnapshot(NamedTuple):
    """What a handler knows.

    Args:
        session: what all its requests share.
        requests: those in flight.
    """

    session: SessionSnapshot
    requests: tuple[RequestSnapshot, ...]


class HeldToken(NamedTuple):
    """A token, and the picture of it that the core sees."""

    token: OAuthToken
    state: TokenHeld


class Entry:
    """A request in flight, and how many searches of it are under way or waiting for their turn.

    Args:
        request: what is known of it.
        is_kept: it stays when the searches are over: it was begun, or one of them came to its end.
    """

    __slots__ = ("is_kept", "request", "searches")

    def __init__(self, request: RequestSnapshot, *, is_kept: bool) -> None:
        self.request = request
        self.is_kept = is_kept
        self.searches = 0

    def hear(self, event: RequestEvent) -> None:
        """What has happened concerns the request."""
        self.request = advance_request(self.request, event)


def as_profile(buckets: Sequence[str | Bucket]) -> Sequence[str | Bucket]:
    """A list stays the caller's, who may change it; anything else is read once.

    Raises:
        ValueError: it is a single text.
    """
    if isinstance(buckets, str):
        message = f"buckets: {buckets!r} is one text, not a list of names"
        raise ValueError(message)  # noqa: TRY004 - one kind of error for all that is wrong with a profile
    return buckets if isinstance(buckets, list) else tuple(buckets)


def as_bucket(bucket: object) -> Bucket:
    """A name or a `Bucket`, as a `Bucket`.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(bucket, str):
        return Bucket(bucket)
    if isinstance(bucket, Bucket):
        return bucket
    message = f"buckets: {bucket!r} is neither a name nor a Bucket"
    raise ValueError(message)


def check_names(names: Sequence[str]) -> None:
    """Refuse a name that is empty or occurs twice.

    Raises:
        ValueError: there is one.
    """
    if "" in names:
        message = "buckets: a name is empty"
        raise ValueError(message)
    seen: set[str] = set()
    for name in names:
        if name in seen:
            message = f"buckets: the name {name!r} occurs twice"
            raise ValueError(message)
        seen.add(name)
