"""A WSGI program as gunicorn loads it before it forks: store, issuer and manager are made once, in the parent."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from bucket_failover import SqliteTokenStore, SyncStoredOAuthManager
from tests.support.people import PROVIDER
from tests.support.token_endpoint import BUCKET, issuer_at

STORE = SqliteTokenStore(Path(os.environ["PREFORK_STORE"]))
MANAGER = SyncStoredOAuthManager(STORE, refresh=issuer_at(os.environ["PREFORK_ISSUER"]))
BEFORE = MANAGER.read_token(PROVIDER, BUCKET)  # it is used before the fork as well


def application(_environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    """Answers with the worker's number, and the fingerprint of the token that it would call with."""
    token = MANAGER.get_oauth_token(PROVIDER, BUCKET)
    start_response("200 OK", [("content-type", "text/plain")])
    return [f"{os.getpid()} {'' if token is None else token.fingerprint}".encode()]
