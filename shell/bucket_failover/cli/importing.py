"""The command `import`: a token that the user has becomes a bucket's."""

from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr

from bucket_failover.cli.console import answer, print_json, reader_may_leave, say
from bucket_failover.cli.options import JsonOption, ProfileOption, ProviderOption, StoreOption
from bucket_failover.cli.other_tools import TOOLS
from bucket_failover.cli.session import Session, now, open_named_session
from bucket_failover.cli.sources import read_source
from bucket_failover.cli.token_reading import read_key, read_token, token_text
from bucket_failover.errors import UsageError
from bucket_failover.tokens import OAuthToken


def import_command(
    names: Annotated[
        list[str],
        typer.Argument(
            help="The bucket's name; before it the provider's, if the profile file has several.",
            metavar="[PROVIDER] BUCKET",
        ),
    ],
    tool: Annotated[
        str | None, typer.Option("--from", metavar="TOOL", help=f"Read the file of {', '.join(TOOLS)}.")
    ] = None,
    file: Annotated[Path | None, typer.Option("--file", metavar="PATH", help="Read a file instead of stdin.")] = None,
    from_env: Annotated[
        str | None, typer.Option("--from-env", metavar="NAME", help="Read an environment variable instead of stdin.")
    ] = None,
    key: Annotated[
        str | None,
        typer.Option("--key", metavar="PATH", help="Which object of the JSON, if several have a token: `anthropic`."),
    ] = None,
    as_json: JsonOption = False,
    provider: ProviderOption = None,
    profile: ProfileOption = None,
    store: StoreOption = None,
) -> None:
    """Store a token that you have: an issuer's JSON, another tool's file, or the bare text of an API key.

    It is read from stdin, a file or the environment, never from the command line, which every user of the machine can
    read.
    """
    with reader_may_leave(), open_named_session(profile, store, provider, names) as (session, buckets):
        bucket = _only(buckets, session)
        text = read_source(tool=tool, file=file, variable=from_env, bucket=bucket)
        token, path = _parsed(session, text, bucket=bucket, key=key)
        session.tokens.write(session.profile.provider, bucket, token)
        if as_json:
            own = session.profile.provider
            told = {"provider": own, "bucket": bucket, "expiry": token.expiry, "api_key": token.is_api_key}
            print_json({**told, "from": path})
        else:
            answer(f"{bucket}: stored {token_text(token)}")
        _warn_of_sharing(session, bucket, token, tool)


def _parsed(session: Session, text: SecretStr, *, bucket: str, key: str | None) -> tuple[OAuthToken, str | None]:
    """The token in a text, and where in it; the text of an API key is the key.

    Raises:
        UsageError: it has no token, or an API key is looked for in a JSON.
    """
    if not _takes_key(session, bucket):
        return read_token(text, key=key, at=now(), bucket=bucket)
    if key is not None:
        message = f"--key: {bucket} holds an API key, which stands in no JSON"
        raise UsageError(message)
    return read_key(text, bucket=bucket), None


def _only(buckets: list[str], session: Session) -> str:
    """The bucket that was named.

    Raises:
        UsageError: it is none, or there is not exactly one.
    """
    if len(buckets) != 1:
        what = "one at a time; a token is never an argument" if buckets else "name the one that gets the token"
        message = f"BUCKET: {what}"  # what was typed may be a token
        raise UsageError(message)
    return session.check_bucket(buckets[0])


def _takes_key(session: Session, bucket: str) -> bool:
    settings = session.profile.bucket(bucket)
    return settings is not None and settings.api_key


def _warn_of_sharing(session: Session, bucket: str, token: OAuthToken, tool: str | None) -> None:
    """Tell the user that two keepers have one refresh token now; not where the issuer takes it more than once."""
    oauth = session.profile.oauth
    if not token.is_refreshable or (oauth is not None and not oauth.single_use_refresh_tokens):
        return
    other = tool or "the tool that it came from, if that is still in use"
    say(
        f"{bucket}: its refresh token is now shared with {other}. If it is good once, the first of the two to refresh "
        f"logs the other out; so let that tool log in anew, or `bucket-failover login` here."
    )
