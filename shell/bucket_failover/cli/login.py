"""The command `login`: a bucket gets a token from its issuer, or a key from the keyboard."""

import asyncio
import contextlib
import os
import webbrowser
from collections.abc import Iterator
from typing import Annotated, NamedTuple

import typer

from bucket_failover.cli import SOME_FAILED
from bucket_failover.cli.console import answer, print_json, reader_may_leave, say
from bucket_failover.cli.login_notes import notes_on
from bucket_failover.cli.moments import clock_text
from bucket_failover.cli.options import JsonOption, NamesArgument, ProfileOption, ProviderOption, StoreOption
from bucket_failover.cli.running import run_until_interrupted
from bucket_failover.cli.session import Session, now, open_named_session
from bucket_failover.cli.sources import typed_secret
from bucket_failover.cli.token_reading import read_key, token_text
from bucket_failover.errors import LoginFailedError, LoginTimedOutError, TokenStoreError, UsageError, safe_text
from bucket_failover.places import KEY_VARIABLE
from bucket_failover.tokens import OAuthToken
from bucket_failover.wiring import Accounts, Flow, open_accounts
from bucket_failover_core.oauth import DeviceCode
from bucket_failover_core.outlook import advise, foresee


class LoginOutcome(NamedTuple):
    """What came of a login.

    Args:
        problem: what went wrong; empty: nothing.
        notes: what the user should know of the token, a sentence for each.
    """

    problem: str = ""
    notes: tuple[str, ...] = ()


class TerminalWindow:
    """Reaches the user at the terminal: a browser, or an address to open by hand.

    Args:
        opens_browser: open a browser; else print the address alone.
    """

    def __init__(self, *, opens_browser: bool) -> None:
        self._opens_browser = opens_browser

    def open_address(self, provider: str, bucket: str, address: str) -> None:
        """See `Window.open_address`. The address is printed in any case: the browser may open on another screen."""
        say(f"{provider} {bucket}: to log in, open\n  {address}")
        if self._opens_browser:
            say("A browser is asked to open it. Ctrl-C gives the login up.")
            if not _browser_opens(address):
                say("No browser could be opened.")

    def show_code(self, provider: str, bucket: str, code: DeviceCode) -> None:
        """See `Window.show_code`."""
        until = clock_text(code.expires_at, now=now())
        where = f"{provider} {bucket}: to log in, open\n  {code.verification_uri}"
        say(f"{where}\nand type {code.user_code} (until {until})")
        if code.verification_uri_complete:
            say(f"or open\n  {code.verification_uri_complete}")


def login_command(
    names: NamesArgument = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print the address; open no browser.")] = False,
    device: Annotated[bool, typer.Option("--device", help="Log in elsewhere, by typing a code.")] = False,
    timeout: Annotated[
        float, typer.Option("--timeout", min=1, max=86_400, help="Seconds that one login may take.")
    ] = 300.0,
    as_json: JsonOption = False,
    provider: ProviderOption = None,
    profile: ProfileOption = None,
    store: StoreOption = None,
) -> None:
    """Log in to buckets, one after the other: those named, or all that have no usable token.

    A login to the same bucket that another program has asked for is waited for, and its result is ours.
    """
    with reader_may_leave(), open_named_session(profile, store, provider, names) as (session, buckets):
        asked, outcomes = (session.check_buckets(buckets), {}) if buckets else _without_login(session)
        own, window = session.profile.provider, TerminalWindow(opens_browser=not no_browser)
        flow: Flow | None = "device" if device else None
        with open_accounts(session.profile, session.tokens, window=window, flow=flow) as accounts:
            outcomes |= {name: _log_in(session, accounts, name, timeout) for name in asked}
        if as_json:
            told = {name: {"problem": each.problem or None, "notes": each.notes} for name, each in outcomes.items()}
            print_json({"provider": own, "buckets": told})
        elif not outcomes:
            answer(f"{own}: every bucket has a usable token or can be refreshed; name one to log in anew")
        raise typer.Exit(SOME_FAILED if any(each.problem for each in outcomes.values()) else 0)


def _without_login(session: Session) -> tuple[list[str], dict[str, LoginOutcome]]:
    """The buckets that a login would heal, now or when a limit ends; and what is wrong with those that none would."""
    at = now()
    snapshot = session.snapshot()
    findings = [foresee(bucket, now=at).finding for bucket in snapshot.buckets]
    broken = {finding.bucket: LoginOutcome(finding.text) for finding in findings if finding.remedy == "store"}
    for outcome in broken.values():
        say(outcome.problem)
    names = [advice.bucket for advice in advise(snapshot, now=at) if advice.remedy in {"login", "new-key"}]
    return names, broken


def _log_in(session: Session, accounts: Accounts, name: str, timeout_seconds: float) -> LoginOutcome:
    """Log in to one bucket, and say what came of it."""
    provider = session.profile.provider
    settings = session.profile.bucket(name)
    try:
        if settings is not None and settings.api_key:
            key = read_key(typed_secret(f"{provider} {name}: API key: "), bucket=name)
            session.tokens.write(provider, name, key)
        else:
            run_until_interrupted(_within(accounts, provider, name, timeout_seconds))
        token = session.tokens.read(provider, name)
    except (LoginFailedError, TokenStoreError, UsageError) as error:
        say(f"{name}: not logged in: {safe_text(error)}")
        return LoginOutcome(safe_text(error))
    say(f"{name}: logged in{'' if token is None else f' with {token_text(token)}'}")
    if token is None or token.is_api_key:
        return LoginOutcome()
    wanted = session.profile.oauth.scopes if session.profile.oauth is not None else ()
    notes = tuple(notes_on(name, token, wanted=wanted, others=_others(session, name)))
    for note in notes:
        say(note)
    return LoginOutcome(notes=notes)


def _others(session: Session, name: str) -> Iterator[tuple[str, OAuthToken]]:
    """The other buckets' logins, as far as they can be read."""
    for bucket in session.profile.buckets:
        if bucket.name == name:
            continue
        with contextlib.suppress(TokenStoreError):
            token = session.tokens.read(session.profile.provider, bucket.name)
            if token is not None and not token.is_api_key:
                yield bucket.name, token


async def _within(accounts: Accounts, provider: str, name: str, timeout_seconds: float) -> None:
    if not accounts.manager.offers_login:
        what = "table" if accounts.profile.oauth is None else "endpoint for this kind of login in its table"
        message = f"the profile has no {what} [{provider}.oauth]; `bucket-failover import` stores a token that you have"
        raise LoginFailedError(message)
    try:
        async with asyncio.timeout(timeout_seconds):
            await accounts.manager.authenticate(provider, name)
    except TimeoutError:
        message = f"the user has not answered within {timeout_seconds:g} s"
        raise LoginTimedOutError(message) from None


def _browser_opens(address: str) -> bool:
    # The browser, and what it starts, live on: our key is none of their business.
    key = os.environ.pop(KEY_VARIABLE, None)
    try:
        return webbrowser.open(address)
    except webbrowser.Error:
        return False
    finally:
        if key is not None:
            os.environ[KEY_VARIABLE] = key
