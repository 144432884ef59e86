"""The command `logout`: a bucket's token goes, here and at the issuer."""

from typing import Annotated, Any

import typer

from bucket_failover.cli import SOME_FAILED
from bucket_failover.cli.console import answer, print_json, reader_may_leave
from bucket_failover.cli.options import JsonOption, NamesArgument, ProfileOption, ProviderOption, StoreOption
from bucket_failover.cli.running import run_until_interrupted
from bucket_failover.cli.session import open_named_session
from bucket_failover.errors import TokenStoreError, UsageError, safe_text
from bucket_failover.wiring import Accounts, open_accounts


def logout_command(
    names: NamesArgument = None,
    everything: Annotated[bool, typer.Option("--all", help="Every bucket of the profile.")] = False,
    as_json: JsonOption = False,
    provider: ProviderOption = None,
    profile: ProfileOption = None,
    store: StoreOption = None,
) -> None:
    """Remove a bucket's token here, and ask the issuer to forget the login, if it can be asked."""
    with reader_may_leave(), open_named_session(profile, store, provider, names) as (session, buckets):
        if bool(buckets) == everything:
            message = "BUCKET: name the buckets, or say --all"
            raise UsageError(message)
        asked = session.check_buckets(buckets or [bucket.name for bucket in session.profile.buckets])
        own = session.profile.provider
        with open_accounts(session.profile, session.tokens) as accounts:
            outcomes = {name: _log_out(accounts, own, name) for name in asked}
        if as_json:
            print_json({"provider": own, "buckets": outcomes})
        else:
            for name, told in outcomes.items():
                answer(f"{name}: {_logout_text(told)}")
        raise typer.Exit(SOME_FAILED if any(told["problem"] for told in outcomes.values()) else 0)


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
