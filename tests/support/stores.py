"""Stores that remember what was done with them."""

from collections.abc import Callable
from typing import TypeVar

from bucket_failover import MemoryTokenStore, OAuthToken
from bucket_failover.store import Change
from bucket_failover_core.oauth import RefreshMark, StoredLogin

_T = TypeVar("_T")


class Marked(MemoryTokenStore):
    """A store that remembers every mark."""

    def __init__(self) -> None:
        super().__init__()
        self.marks: list[RefreshMark] = []

    def change(
        self,
        provider: str,
        bucket: str,
        decide: Callable[[StoredLogin], Change[_T]],
        issued: OAuthToken | None = None,
    ) -> _T:
        """See `LoginStore.change`."""

        def watched(login: StoredLogin) -> Change[_T]:
            change = decide(login)
            if isinstance(change.mark, RefreshMark):
                self.marks.append(change.mark)
            return change

        return super().change(provider, bucket, watched, issued)
