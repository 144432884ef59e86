"""The bucket in use, by provider."""

from bucket_failover.store.sqlite.file import DatabaseFile


class SessionTable(DatabaseFile):
    """A `SessionStore` in the file."""

    def read_session_bucket(self, provider: str) -> str | None:
        """See `SessionStore.read_session_bucket`.

        Raises:
            TokenStoreError: the file cannot be read.
        """
        return self._query("SELECT bucket FROM session_bucket WHERE provider = ?", provider)

    def write_session_bucket(self, provider: str, bucket: str) -> None:
        """See `SessionStore.write_session_bucket`.

        Raises:
            TokenStoreError: the file cannot be written.
        """
        self._change("INSERT OR REPLACE INTO session_bucket VALUES (?, ?)", provider, bucket)
