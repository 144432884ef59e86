"""The command `renew`."""

import sys
from collections.abc import Callable
from typing import Annotated, Any, Final

import typer
from returns.result import Failure

from bucket_failover.cli.console import answer, print_json_line, reader_may_leave, say
from bucket_failover.cli.moments import clock_text
from bucket_failover.cli.options import BucketsArgument, JsonOption, ProfileOption, ProviderOption, StoreOption
from bucket_failover.cli.running import run_until_interrupted
from bucket_failover.cli.session import Session, now, open_session
from bucket_failover.errors import BucketFailoverError, UsageError, safe_text
from bucket_failover.oauth.renewal import RenewalEvent, RenewalFailed, RenewalScheduler, TokenRenewed
from bucket_failover.wiring import Accounts, open_accounts
from bucket_failover_core import BucketSnapshot, RenewalSnapshot, TokenCorrupt, TokenOutage, decide_renewal

_SOME_FAILED: Final = 1
_WHY: Final = {
    "no-token": "not logged in",
    "not-refreshable": "has no refresh token, so a login is needed when it ends",
    "no-expiry": "its end is unknown, so it is refreshed when a call is refused",
    "short-lived": "lives five minutes at most, so it is refreshed when a call needs it",
}
"""Why a token has no renewal ahead of its end (`NotRenewable`); `failing` is told with the renewal that has failed."""


def renew_command(
    buckets: BucketsArgument = None,
    at_once: Annotated[
        bool, typer.Option("--now", help="Renew the buckets that are named, or all, whether it is time or not.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Keep on until interrupted.")] = False,
    as_json: JsonOption = False,
    provider: ProviderOption = None,
    profile: ProfileOption = None,
    store: StoreOption = None,
) -> None:
    """Renew the tokens that are past four fifths of their life, through the refresh that all programs share.

    Without --watch it looks once. With it, it stays, and renews each token when its time has come.
    """
    if at_once and watch:
        message = "--now: --watch waits for each token's time"
        raise UsageError(message)
    with reader_may_leave(), open_session(profile, store, provider) as session:
        if session.profile.oauth is None:
            message = f"the profile has no table [{session.profile.provider}.oauth], so nothing can be renewed"
            raise UsageError(message)
        failed: list[str] = []
        tell = _teller(failed, as_json=as_json)
        names = session.check_buckets(buckets) if buckets else [bucket.name for bucket in session.profile.buckets]
        with open_accounts(session.profile, session.tokens) as accounts:
            if at_once:
                run_until_interrupted(_renew_now(session, accounts, names, tell))
                raise typer.Exit(_SOME_FAILED if failed else 0)
            scheduler = RenewalScheduler(accounts.manager, session.profile.provider, names, on_event=tell)
            if watch:
                run_until_interrupted(_keep_on(scheduler, as_json=as_json))
            run_until_interrupted(scheduler.look())
            looked_at = [bucket for bucket in session.snapshot().buckets if bucket.name in names]
        failed += _unreadable(looked_at)
        _tell_what_is_left(scheduler, _left_alone(looked_at), as_json=as_json)
        raise typer.Exit(_SOME_FAILED if failed else 0)


def _tell_what_is_left(scheduler: RenewalScheduler, left_alone: dict[str, str], *, as_json: bool) -> None:
    """When the next renewal is, and which tokens have none ahead of their end."""
    if as_json:
        looked = {"event": "looked", "at": now(), "wake_at": scheduler.wake_at, "not_renewable": left_alone}
        print_json_line(looked)
        return
    for name, why in left_alone.items():
        say(f"{name}: {_WHY[why]}")
    answer(_next_text(scheduler))


async def _renew_now(
    session: Session, accounts: Accounts, names: list[str], tell: Callable[[RenewalEvent], None]
) -> None:
    """Refresh each bucket's token, one after the other; a key needs none."""
    provider = session.profile.provider
    for name in names:
        settings = session.profile.bucket(name)
        if settings is not None and settings.api_key:
            continue
        try:
            token = await accounts.manager.refresh_oauth_token(provider, name)
        except BucketFailoverError as error:
            tell(RenewalFailed(name, 1, safe_text(error), None))
            continue
        if token is None:
            tell(RenewalFailed(name, 1, "there is nothing to refresh, or the issuer has refused; log in", None))
        else:
            tell(TokenRenewed(name, token.expiry))


async def _keep_on(scheduler: RenewalScheduler, *, as_json: bool) -> None:
    if not as_json:
        await scheduler.look()
        answer(f"Watching. {_next_text(scheduler)} Ctrl-C ends it.")
        sys.stdout.flush()
    await scheduler.run()


def _unreadable(buckets: list[BucketSnapshot]) -> list[str]:
    """The buckets whose token cannot be read, told on stderr: an outage is not "nothing to renew"."""
    found = []
    for bucket in buckets:
        if isinstance(bucket.token, TokenOutage | TokenCorrupt):
            say(f"{bucket.name}: not looked at: {bucket.token.detail}")
            found.append(bucket.name)
    return found


def _left_alone(buckets: list[BucketSnapshot]) -> dict[str, str]:
    """The buckets whose login is not renewed ahead of its end, and why. A key does not end."""
    found = {}
    for bucket in buckets:
        if isinstance(bucket.token, TokenOutage | TokenCorrupt) or bucket.api_key:
            continue
        decision = decide_renewal(RenewalSnapshot(token=bucket.token), now=now())
        if isinstance(decision, Failure) and decision.failure().why in _WHY:
            found[bucket.name] = decision.failure().why
    return found


def _teller(failed: list[str], *, as_json: bool) -> Callable[[RenewalEvent], None]:
    def tell(event: RenewalEvent) -> None:
        at = now()
        is_renewed = isinstance(event, TokenRenewed)
        if not is_renewed:
            failed.append(event.bucket)
        if as_json:
            fields: dict[str, Any] = {"event": "token-renewed" if is_renewed else "renewal-failed", "at": at}
            print_json_line({**fields, **event._asdict()})
        else:
            answer(_event_text(event, at=at))
        sys.stdout.flush()

    return tell


def _event_text(event: RenewalEvent, *, at: float) -> str:
    if isinstance(event, TokenRenewed):
        until = "" if event.expiry is None else f" until {clock_text(event.expiry, now=at)}"
        return f"{clock_text(at, now=at)} {event.bucket}: renewed{until}"
    again = "not tried again" if event.retry_at is None else f"tried again at {clock_text(event.retry_at, now=at)}"
    return f"{clock_text(at, now=at)} {event.bucket}: not renewed ({event.detail}); {again}"


def _next_text(scheduler: RenewalScheduler) -> str:
    if scheduler.wake_at is None:
        return "No renewal is in sight."
    return f"The next renewal is at {clock_text(scheduler.wake_at, now=now())}."
