"""What tests of the shell have in common: tokens, failing calls, an issuer, and a manager over a real store."""

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from bucket_failover import MemoryTokenStore, OAuthToken, StoredOAuthManager

PROVIDER = "anthropic"


class CallError(Exception):
    """A failed call, in the shape of the well-known clients' exceptions."""

    def __init__(self, status_code: int, *, headers: Iterable[tuple[str, str]] = (), body: str | None = None) -> None:
        super().__init__(f"HTTP {status_code}")
        self.status_code = status_code
        self.headers = dict(headers)
        self.body = body


def token(name: str, *, expiry: float | None = 2_000_000.0, refreshable: bool = True) -> OAuthToken:
    """A token whose secrets are made of its name."""
    refresh_token = f"refresh-of-{name}" if refreshable else None
    return OAuthToken.model_validate(
        {"access_token": f"access-of-{name}", "expiry": expiry, "refresh_token": refresh_token}
    )


@dataclass
class Issuer:
    """The issuer: it answers refreshes and logins as it was told to, and remembers what it was asked.

    `refreshes` and `logins` hold, by bucket, what the next ones bring: a token, None (refused), or an exception.
    """

    refreshes: dict[str, list[OAuthToken | Exception | None]] = field(default_factory=dict)
    logins: dict[str, list[OAuthToken | Exception]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def refresh(self, provider: str, bucket: str, _held: OAuthToken) -> OAuthToken | None:
        """A refresh token grant."""
        self.asked.append(("refresh", bucket))
        queue = self.refreshes.get(bucket, [])
        answer = queue.pop(0) if queue else None
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def login(self, provider: str, bucket: str) -> OAuthToken:
        """An interactive login."""
        self.asked.append(("login", bucket))
        answer = self.logins.get(bucket, [PermissionError("the user said no")]).pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def managed(
    tokens: Mapping[str, OAuthToken | None],
    issuer: Issuer,
    clock: Callable[[], float],
) -> tuple[StoredOAuthManager, MemoryTokenStore]:
    """A manager over a store that holds these tokens."""
    store = MemoryTokenStore()
    for bucket, held in tokens.items():
        if held is not None:
            store.write(PROVIDER, bucket, held)
    return StoredOAuthManager(store, refresh=issuer.refresh, login=issuer.login, clock=clock, in_thread=False), store


def replace(part: object, **methods: object) -> None:
    """Let a part behave otherwise: a disk that fails, a manager that never answers."""
    for name, method in methods.items():
        setattr(part, name, method)


def as_a_person(command: list[str]) -> list[str]:
    """A command as a user starts it: Ctrl-C reaches it, even if the process that runs the tests has turned that off."""
    prepared = "signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
    return [sys.executable, "-c", f"import os, signal, sys; {prepared}", *command]
