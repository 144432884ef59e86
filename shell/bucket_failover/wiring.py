"""From a profile to a manager that keeps its logins alive: the store, the issuer, and how a user is asked.

Example:
    (profile,) = load_profiles("profile.toml")
    with open_accounts(profile, SqliteTokenStore("buckets.db")) as accounts:
        handler = BucketFailoverHandlerImpl(profile.buckets, profile.provider, accounts.manager)
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Literal

from bucket_failover.oauth import Login, StoredOAuthManager
from bucket_failover.oauth.http_issuer import OAuthIssuer
from bucket_failover.oauth.login_flows import Window, in_thread, log_in_with_browser, log_in_with_device
from bucket_failover.profile import Profile
from bucket_failover.store import TokenStore
from bucket_failover.tokens import OAuthToken

LOGIN_COMMAND: Final = "bucket-failover login {provider} {buckets}"
"""What a report tells a user to run, where a program cannot ask."""

Flow = Literal["code", "device"]


class Accounts:
    """A profile's issuer and manager.

    Args:
        profile: whose accounts.
        issuer: whom its logins come from; None: the profile names none.
        manager: its tokens.
    """

    def __init__(self, profile: Profile, issuer: OAuthIssuer | None, manager: StoredOAuthManager) -> None:
        self.profile = profile
        self.issuer = issuer
        self.manager = manager


@contextmanager
def open_accounts(
    profile: Profile,
    store: TokenStore,
    *,
    login: Login | None = None,
    window: Window | None = None,
    flow: Flow | None = None,
    clock: Callable[[], float] = time.time,
) -> Iterator[Accounts]:
    """The manager of a profile, until the end of the block. Needs the extra `http`.

    Args:
        profile: whose accounts.
        store: where the tokens are.
        login: an application's own login; None: `window` is used.
        window: how the user is reached for the issuer's own login; None, and no `login`: there is no user to ask,
            and a report says what to run instead.
        flow: which of the issuer's logins; None: the first that it offers.
        clock: gives Unix seconds.
    """
    issuer = None
    if profile.oauth is not None:
        issuer = OAuthIssuer(profile.oauth, client_secret=profile.client_secret, clock=clock)
    if login is None and issuer is not None and window is not None:
        login = issuer_login(issuer, window, flow, clock)
    manager = StoredOAuthManager(store, refresh=issuer, login=login, clock=clock, login_command=LOGIN_COMMAND)
    try:
        yield Accounts(profile, issuer, manager)
    finally:
        if issuer is not None:
            issuer.close()


def issuer_login(
    issuer: OAuthIssuer, window: Window, flow: Flow | None = None, clock: Callable[[], float] = time.time
) -> Login | None:
    """An issuer's own login, for a manager; None: it offers none of that kind.

    Args:
        issuer: whose.
        window: how the user is reached.
        flow: which of its logins; None: the first that it offers.
        clock: gives Unix seconds.
    """
    flows = issuer.settings.flows
    chosen = flow if flow is not None else next(iter(flows), None)
    if chosen not in flows:
        return None

    async def log_in(provider: str, bucket: str) -> OAuthToken:
        def ask(give_up: threading.Event) -> OAuthToken:
            if chosen == "code":
                return log_in_with_browser(issuer, provider, bucket, window, give_up)
            return log_in_with_device(issuer, provider, bucket, window, give_up, clock=clock)

        return await in_thread(ask)

    return log_in
