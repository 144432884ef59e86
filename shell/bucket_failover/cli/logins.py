"""The commands about logins: `login`, `logout`, `import`."""

import asyncio
import getpass
import os
import sys
import webbrowser
from typing import Annotated, Any, Final

import typer

from bucket_failover.cli.console import print_json, reader_may_leave
from bucket_failover.cli.importing import parse_token
from bucket_failover.cli.moments import clock_text
from bucket_failover.cli.options import JsonOption, ProfileOption, StoreOption
from bucket_failover.cli.running import run_until_interrupted
from bucket_failover.cli.session import Session, UsageError, now, open_session
from bucket_failover.errors import LoginFailedError, LoginTimedOutError, TokenStoreError, safe_text
from bucket_failover.tokens import OAuthToken
from bucket_failover.wiring import Accounts, Flow, open_accounts
from bucket_failover_core.oauth import DeviceCode
from bucket_failover_core.outlook import advise, foresee

SOME_FAILED: Final = 1

ProviderArgument = Annotated[str, typer.Argument(help="The provider's name in the profile file.", metavar="PROVIDER")]
BucketsArgument = Annotated[list[str] | None, typer.Argument(help="The buckets' names.", metavar="[BUCKET]...")]


class TerminalWindow:
    """Reaches the person at the terminal: a browser, or an address to open by hand.

    Args:
        opens_browser: open a browser; else print the address alone.
    """

    def __init__(self, *, opens_browser: bool) -> None:
        self._opens_browser = opens_browser

    def open_address(self, provider: str, bucket: str, address: str) -> None:
        """See `Window.open_address`. The address is printed in any case: the browser may open on another screen."""
        say(f"{provider} {bucket}: to log in, open\n  {address}")
        if self._opens_browser and _browser_opens(address):
            say("A browser was asked to open it. Ctrl-C gives the login up.")

    def show_code(self, provider: str, bucket: str, code: DeviceCode) -> None:
        """See `Window.show_code`."""
        until = clock_text(code.expires_at, now=now())
        where = f"{provider} {bucket}: to log in, open\n  {code.verification_uri}"
        say(f"{where}\nand type {code.user_code} (until {until})")
        if code.verification_uri_complete:
            say(f"or open\n  {code.verification_uri_complete}")


def login_command(
    provider: ProviderArgument,
    buckets: BucketsArgument = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print the address; open no browser.")] = False,
    device: Annotated[bool, typer.Option("--device", help="Log in elsewhere, by typing a code.")] = False,
    timeout: Annotated[
        float, typer.Option("--timeout", min=1, max=86_400, help="Seconds that one login may take.")
    ] = 300.0,
    as_json: JsonOption = False,
    profile: ProfileOption = None,
    store: StoreOption = None,
) -> None:
    """Log in to buckets, one after the other: those named, or all that have no usable token.

    A login to the same bucket that another program has asked for is waited for, and its result is ours.
    """
    with reader_may_leave(), open_session(profile, store, provider, named_by="PROVIDER") as session:
        names, outcomes = (_named(session, buckets), {}) if buckets else _without_login(session)
        window = TerminalWindow(opens_browser=not no_browser)
        flow: Flow | None = "device" if device else None
        with open_accounts(session.profile, session.tokens, window=window, flow=flow) as accounts:
            outcomes |= {name: _log_in(session, accounts, name, timeout) for name in names}
        if as_json:
            print_json(
                {"provider": provider, "buckets": {name: {"problem": told or None} for name, told in outcomes.items()}}
            )
        elif not outcomes:
            typer.echo(f"{provider}: every bucket has a usable token or can be refreshed; name one to log in anew")
        raise typer.Exit(SOME_FAILED if any(outcomes.values()) else 0)


def logout_command(
    provider: ProviderArgument,
    buckets: BucketsArgument = None,
    everything: Annotated[bool, typer.Option("--all", help="Every bucket of the profile.")] = False,
    as_json: JsonOption = False,
    profile: ProfileOption = None,
    store: StoreOption = None,
) -> None:
    """Remove a bucket's token here, and ask the issuer to forget the login, if it can be asked."""
    with reader_may_leave(), open_session(profile, store, provider, named_by="PROVIDER") as session:
        if bool(buckets) == everything:
            message = "BUCKET: name the buckets, or say --all"
            raise UsageError(message)
        names = _named(session, buckets or [bucket.name for bucket in session.profile.buckets])
        with open_accounts(session.profile, session.tokens) as accounts:
            outcomes = {name: _log_out(accounts, provider, name) for name in names}
        if as_json:
            print_json({"provider": provider, "buckets": outcomes})
        else:
            for name, told in outcomes.items():
                typer.echo(f"{name}: {_logout_text(told)}")
        raise typer.Exit(SOME_FAILED if any(told["problem"] for told in outcomes.values()) else 0)


def import_command(
    provider: ProviderArgument,
    bucket: Annotated[str, typer.Argument(help="The bucket's name.", metavar="BUCKET")],
    from_env: Annotated[
        str | None, typer.Option("--from-env", metavar="NAME", help="Read an environment variable instead of stdin.")
    ] = None,
    as_json: JsonOption = False,
    profile: ProfileOption = None,
    store: StoreOption = None,
) -> None:
    """Store a token that you have: JSON as an issuer sends it, or the bare text of an API key.

    It is read from stdin or the environment, never from the command line, which every user of the machine can read.
    """
    with reader_may_leave(), open_session(profile, store, provider, named_by="PROVIDER") as session:
        _named(session, [bucket])
        settings = session.profile.bucket(bucket)
        token = parse_token(
            _given(from_env, bucket), is_key=settings is not None and settings.api_key, now=now(), bucket=bucket
        )
        session.tokens.write(provider, bucket, token)
        if as_json:
            print_json({"provider": provider, "bucket": bucket, "expiry": token.expiry, "api_key": token.is_api_key})
            return
        typer.echo(f"{bucket}: stored {_token_text(token)}")


def say(text: str) -> None:
    """Tell the person; on stderr, so that output for machines stays clean."""
    typer.echo(text, err=True)


def _named(session: Session, names: list[str]) -> list[str]:
    return [session.check_bucket(name) for name in dict.fromkeys(names)]


def _without_login(session: Session) -> tuple[list[str], dict[str, str]]:
    """The buckets that a login would heal, now or when a limit ends; and what is wrong with those that none would."""
    at = now()
    snapshot = session.snapshot()
    findings = [foresee(bucket, now=at).finding for bucket in snapshot.buckets]
    broken = {finding.bucket: finding.text for finding in findings if finding.remedy == "store"}
    for problem in broken.values():
        say(problem)
    names = [advice.bucket for advice in advise(snapshot, now=at) if advice.remedy in {"login", "new-key"}]
    return names, broken


def _log_in(session: Session, accounts: Accounts, name: str, timeout_seconds: float) -> str:
    """Log in to one bucket; what went wrong, empty: nothing."""
    provider = session.profile.provider
    settings = session.profile.bucket(name)
    try:
        if settings is not None and settings.api_key:
            key = _typed(f"{provider} {name}: API key: ")
            session.tokens.write(provider, name, parse_token(key, is_key=True, now=now(), bucket=name))
        else:
            run_until_interrupted(_within(accounts, provider, name, timeout_seconds))
        token = session.tokens.read(provider, name)
    except (LoginFailedError, TokenStoreError, UsageError) as error:
        say(f"{name}: not logged in: {safe_text(error)}")
        return safe_text(error)
    say(f"{name}: logged in{'' if token is None else f' with {_token_text(token)}'}")
    return ""


async def _within(accounts: Accounts, provider: str, name: str, timeout_seconds: float) -> None:
    if not accounts.manager.offers_login:
        what = "table" if accounts.profile.oauth is None else "endpoint for this kind of login in its table"
        message = f"the profile has no {what} [{provider}.oauth]; `bucket-failover import` stores a token that you have"
        raise LoginFailedError(message)
    try:
        async with asyncio.timeout(timeout_seconds):
            await accounts.manager.authenticate(provider, name)
    except TimeoutError:
        message = f"nobody has answered within {timeout_seconds:g} s"
        raise LoginTimedOutError(message) from None


def _log_out(accounts: Accounts, provider: str, name: str) -> dict[str, Any]:
    try:
        return _remove(accounts, provider, name)
    except TokenStoreError as error:
        return {"had_token": None, "api_key": False, "revoked": False, "problem": safe_text(error)}


def _remove(accounts: Accounts, provider: str, name: str) -> dict[str, Any]:
    former = run_until_interrupted(accounts.manager.log_out(provider, name))
    told = {"had_token": former is not None, "api_key": former is not None and former.is_api_key}
    issuer = accounts.issuer
    if former is None or former.is_api_key or issuer is None or not issuer.settings.revocation_endpoint:
        return {**told, "revoked": False, "problem": None}
    problem = issuer.revoke(former)
    return {**told, "revoked": problem == "", "problem": problem or None}


def _logout_text(told: dict[str, Any]) -> str:
    if told["had_token"] is None:
        return f"not logged out: {told['problem']}"
    if not told["had_token"]:
        return "there was no token"
    if told["api_key"]:
        return "the API key was removed here"
    if told["revoked"]:
        return "logged out, and the issuer has forgotten the login"
    if told["problem"] is None:
        return "logged out here; the issuer was not asked to forget the login"
    return f"logged out here, but the issuer still knows the login: {told['problem']}"


def _given(variable: str | None, bucket: str) -> str:
    """What is to be imported.

    Raises:
        UsageError: there is nothing.
    """
    if variable is not None:
        text = os.environ.get(variable, "")
        if not text.strip():
            message = f"--from-env: the variable {variable!r} is not set, or empty"
            raise UsageError(message)
        return text
    if sys.stdin.isatty():
        return _typed(f"{bucket}: token or API key: ")
    try:
        text = sys.stdin.read().removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")
    except UnicodeDecodeError:
        message = "stdin: what came is no text"
        raise UsageError(message) from None
    if not text.strip():
        message = "stdin: nothing came; pipe the token in, or name a variable with --from-env"
        raise UsageError(message)
    return text


def _typed(prompt: str) -> str:
    """A secret as it is typed, without an echo.

    Raises:
        UsageError: there is no terminal, or nothing was typed.
    """
    if not sys.stdin.isatty():
        message = "there is no terminal to type an API key at; `bucket-failover import` takes it from stdin"
        raise UsageError(message)
    try:
        return getpass.getpass(prompt)
    except EOFError:
        message = "nothing was typed"
        raise UsageError(message) from None


def _token_text(token: OAuthToken) -> str:
    if token.is_api_key:
        return "an API key"
    at = now()
    end = "without a known end"
    if token.expiry is not None:
        end = f"{'that ended at' if token.expiry <= at else 'until'} {clock_text(token.expiry, now=at)}"
    return f"a token {end}{', which can be refreshed' if token.is_refreshable else ''}"


def _browser_opens(address: str) -> bool:
    try:
        return webbrowser.open(address)
    except webbrowser.Error:
        return False
