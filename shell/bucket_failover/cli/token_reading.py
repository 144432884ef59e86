"""A text becomes a token: an issuer's JSON, another tool's, or the bare text of a key; and how it is told.

The text is a secret from its first moment to the token's. No error and no frame shows it.
"""

from typing import Any, NamedTuple

from pydantic import SecretStr

from bucket_failover.cli.credential_files import (
    ACCESS_NAMES,
    HANDLED_NAMES,
    REFRESH_NAMES,
    ROOT,
    SCOPE_NAMES,
    Candidate,
    UnreadableEnd,
    end_of,
    find_candidates,
    first_of,
    own_login,
    parse_document,
)
from bucket_failover.cli.moments import clock_text
from bucket_failover.cli.session import now
from bucket_failover.errors import UsageError
from bucket_failover.token_fields import is_storable
from bucket_failover.tokens import API_KEY_TYPE, MaskedDict, OAuthToken


class TokenFound(NamedTuple):
    """A token, and where in the JSON it stood."""

    token: OAuthToken
    path: str


def read_key(text: SecretStr, *, bucket: str) -> OAuthToken:
    """The API key in a text.

    Raises:
        UsageError: it is none.
    """
    if text.get_secret_value().lstrip().startswith("{") or not _is_presentable(text.get_secret_value().strip()):
        message = f"{bucket}: an API key is one word of visible ASCII; what came is something else, or JSON"
        raise UsageError(message)
    return OAuthToken.from_api_key(text.get_secret_value().strip())


def read_token(text: SecretStr, *, key: str | None, at: float, bucket: str) -> TokenFound:
    """The token in a text. Example: `{"access_token": "…", "refresh_token": "…", "expires_in": 3600}`.

    Args:
        text: what was piped in, or stands in a file.
        key: the path of the object that the user has chosen; None: the only one, or a known tool's own.
        at: Unix seconds: the moment of issue, since no text names it.
        bucket: for the error.

    Raises:
        UsageError: it has no token for this bucket, or several.
    """
    document = parse_document(text)
    if document is None:
        message = f"{bucket}: what came is no JSON object; a bare text is stored only in a bucket with api_key = true"
        raise UsageError(message)
    candidates = find_candidates(document)
    chosen = _chosen(candidates, key=key, own=own_login(document), bucket=bucket)
    name = next(name for name in ACCESS_NAMES if chosen.fields.get(name))
    if not _is_presentable(chosen.fields[name]):
        message = f"{bucket}: {_member(chosen, name)}: it is no word of visible ASCII"
        raise UsageError(message)
    end = end_of(chosen.fields, now=at)
    if isinstance(end, UnreadableEnd):
        message = f"{bucket}: {_member(chosen, end.name)}: it is no number of seconds, and no moment (RFC 3339)"
        raise UsageError(message)
    others = tuple(candidate for candidate in candidates if candidate is not chosen)
    return TokenFound(_token(chosen, expiry=end, issued_at=at, others=others), chosen.path)


def token_text(token: OAuthToken) -> str:
    """A token in a few words for people. Example: "a token until 18:00:00, which can be refreshed"."""
    if token.is_api_key:
        return "an API key"
    at = now()
    if token.expiry is not None:
        end = f"{'that ended at' if token.expiry <= at else 'until'} {clock_text(token.expiry, now=at)}"
    else:
        end = "that is usable until it is refused" if token.is_live(now=at) else "without a known end"
    return f"a token {end}{', which can be refreshed' if token.is_refreshable else ''}"


def _chosen(candidates: tuple[Candidate, ...], *, key: str | None, own: str | None, bucket: str) -> Candidate:
    """The candidate that is meant.

    Raises:
        UsageError: there is none, or several.
    """
    paths = ", ".join(candidate.path for candidate in candidates)
    if not candidates:
        message = f"{bucket}: access_token: the JSON has none, or it is no word of visible ASCII"
        raise UsageError(message)
    wanted = own if key is None else key
    matching = candidates if wanted is None else [candidate for candidate in candidates if candidate.path == wanted]
    if len(matching) == 1:
        return matching[0]
    if key is not None:
        message = f"--key: {key!r} is {'the path of several' if matching else 'none'} of: {paths}"
    elif own is not None:
        message = f"{bucket}: {own}: it has no access token; there are others, choose one with --key: {paths}"
    else:
        message = f"{bucket}: the JSON has several tokens; choose one with --key: {paths}"
    raise UsageError(message)


def _member(candidate: Candidate, name: str) -> str:
    return name if candidate.path == ROOT else f"{candidate.path}.{name}"


def _token(chosen: Candidate, *, expiry: float | None, issued_at: float, others: tuple[Candidate, ...]) -> OAuthToken:
    fields = chosen.fields
    return OAuthToken(
        access_token=SecretStr(first_of(fields, ACCESS_NAMES)),
        refresh_token=_refresh_token(fields),
        expiry=expiry,
        issued_at=issued_at,
        scope=_scope(first_of(fields, SCOPE_NAMES)),
        token_type=_kind(fields.get("token_type")),
        extra=_kept(fields, others),
    )


def _refresh_token(fields: MaskedDict) -> SecretStr | None:
    """The refresh token, an integer as its text; None: there is none that could be sent."""
    value = first_of(fields, REFRESH_NAMES)
    is_sendable = (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, str) and value != "")
    return SecretStr(str(value)) if is_sendable and is_storable(value) else None


def _kind(value: object) -> str:
    return value if isinstance(value, str) and value not in {"", API_KEY_TYPE} and is_storable(value) else "Bearer"


def _scope(value: object) -> str | None:
    """What the token allows, as one text; None: it is not said."""
    text = " ".join(part for part in value if isinstance(part, str)) if isinstance(value, list) else value
    return text if isinstance(text, str) and is_storable(text) else None


def _kept(fields: MaskedDict, others: tuple[Candidate, ...]) -> MaskedDict:
    """What else the issuer has sent, without what no store can hold, and without other logins."""
    kept = {name: value for name, value in fields.items() if name not in HANDLED_NAMES and is_storable(name)}
    foreign = [candidate.fields for candidate in others]
    return MaskedDict(
        {name: value for name, value in kept.items() if is_storable(value) and not _holds(value, foreign)}
    )


def _holds(value: Any, wanted: list[MaskedDict]) -> bool:  # noqa: ANN401 - JSON is anything
    """Whether one of these very objects stands in it."""
    if any(value is one for one in wanted):
        return True
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(_holds(member, wanted) for member in members)


def _is_presentable(token: str) -> bool:
    """Whether it can stand in a header. Source: RFC 6750, 2.1 (b64token); keys are a little freer."""
    return token != "" and token.isascii() and token.isprintable() and " " not in token
