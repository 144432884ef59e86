"""Leases: the operating system's locks, which exclude, and numbers in the file, which grow."""

from typing import Final

from bucket_failover.store.interfaces import Lease, Purpose
from bucket_failover.store.sqlite.file import DatabaseFile
from bucket_failover.store.sqlite.identity import locks_of
from bucket_failover.store.sqlite.locks import FileLocks

_NEXT_NUMBER: Final = (
    "INSERT INTO lease VALUES (?, ?, ?, 1) "
    "ON CONFLICT (provider, bucket, purpose) DO UPDATE SET number = number + 1 RETURNING number"
)


class LeaseTable(DatabaseFile):
    """A `LeaseStore` in the file, and in a folder of locks beside it."""

    def try_lease(self, provider: str, bucket: str, purpose: Purpose) -> Lease | None:
        """See `LeaseStore.try_lease`. The locks are files in a folder beside the file, the numbers are in it.

        Raises:
            TokenStoreError: the lock file cannot be opened or made, or the file cannot be written.
        """
        release = FileLocks(locks_of(self._path)).try_lock(provider, bucket, purpose)
        if release is None:
            return None
        try:
            number = self._next_number(provider, bucket, purpose)
        except BaseException:
            release()
            raise
        return Lease(number, release)

    def _next_number(self, provider: str, bucket: str, purpose: Purpose) -> int:
        with self._use("written") as connection:
            (number,) = connection.execute(_NEXT_NUMBER, (provider, bucket, purpose)).fetchone()
        return int(number)
