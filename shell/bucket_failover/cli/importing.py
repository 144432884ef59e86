"""A token as people have it: an issuer's JSON, another tool's, or the bare text of a key."""

import json
from typing import Any, Final

from pydantic import SecretStr

from bucket_failover.cli.session import UsageError
from bucket_failover.tokens import API_KEY_TYPE, MaskedDict, OAuthToken

_NAMES: Final = {
    "access_token": ("access_token", "accessToken"),
    "refresh_token": ("refresh_token", "refreshToken"),
    "expiry": ("expiry", "expires_at", "expiresAt"),
    "scope": ("scope", "scopes"),
}
"""Our fields, and what other tools call them."""

_HANDLED: Final = frozenset({"expires_in", "token_type", *(alias for names in _NAMES.values() for alias in names)})

_MILLISECONDS_FROM: Final = 1e11
"""Unix seconds reach this in the year 5138, milliseconds did in 1973."""

_TOO_FAR: Final = 1e15
"""Neither seconds nor milliseconds."""


def parse_token(text: str, *, is_key: bool, now: float, bucket: str) -> OAuthToken:
    """The token in a text. Example: `{"access_token": "…", "refresh_token": "…", "expires_in": 3600}`.

    Args:
        text: what was piped in or typed; it is a secret, and no error shows it.
        is_key: the bucket is an API key's.
        now: Unix seconds: the moment of issue, if the text names none.
        bucket: for the error.

    Raises:
        UsageError: it is no token for this bucket.
    """
    text = text.strip()
    if is_key:
        if text.startswith("{") or not _is_presentable(text):
            message = f"{bucket}: an API key is one word of visible ASCII; what came is something else, or JSON"
            raise UsageError(message)
        return OAuthToken.from_api_key(text)
    fields = _fields(text)
    if fields is None:
        message = f"{bucket}: what came is no JSON object; a bare text is stored only in a bucket with api_key = true"
        raise UsageError(message)
    access = _first(fields, "access_token")
    if not isinstance(access, str) or not _is_presentable(access):
        message = f"{bucket}: access_token: the JSON has none, or it is no word of visible ASCII"
        raise UsageError(message)
    refresh, scope, kind = _first(fields, "refresh_token"), _first(fields, "scope"), fields.get("token_type")
    expiry = _expiry(fields, now=now, bucket=bucket)
    if expiry is None and not refresh:
        message = f"{bucket}: expires_in: a token without a known end and without a refresh token can never be used"
        raise UsageError(message)
    return OAuthToken(
        access_token=SecretStr(access),
        refresh_token=SecretStr(refresh) if isinstance(refresh, str) and refresh else None,
        expiry=expiry,
        issued_at=now,
        scope=" ".join(map(str, scope)) if isinstance(scope, list) else scope if isinstance(scope, str) else None,
        token_type=kind if isinstance(kind, str) and kind not in {"", API_KEY_TYPE} else "Bearer",
        extra=MaskedDict({name: value for name, value in fields.items() if name not in _HANDLED}),
    )


def _is_presentable(token: str) -> bool:
    """Whether it can stand in a header. Source: RFC 6750, 2.1 (b64token); keys are a little freer."""
    return token != "" and token.isascii() and token.isprintable() and " " not in token


def _fields(text: str) -> MaskedDict | None:
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        return None
    # Some tools wrap the token in an object of its own.
    if isinstance(fields, dict) and len(fields) == 1 and isinstance(next(iter(fields.values())), dict):
        fields = next(iter(fields.values()))
    return MaskedDict(fields) if isinstance(fields, dict) else None


def _first(fields: MaskedDict, name: str) -> Any:  # noqa: ANN401 - JSON is anything
    return next((fields[alias] for alias in _NAMES[name] if fields.get(alias) is not None), None)


def _expiry(fields: MaskedDict, *, now: float, bucket: str) -> float | None:
    """Unix seconds at which it ends; None: unknown, so it counts as expired, and is refreshed when it is needed.

    Raises:
        UsageError: it is no number.
    """
    moment, wait = _first(fields, "expiry"), fields.get("expires_in")
    called = next((alias for alias in _NAMES["expiry"] if fields.get(alias) is not None), "expiry")
    for name, value in ((called, moment), ("expires_in", wait)):
        if value is not None and not _is_seconds(value):
            message = f"{bucket}: {name}: it is no number of seconds"
            raise UsageError(message)
    if moment is not None:
        return float(moment) / 1000.0 if moment >= _MILLISECONDS_FROM else float(moment)
    return None if wait is None else now + float(wait)


def _is_seconds(value: object) -> bool:
    return not isinstance(value, bool) and isinstance(value, int | float) and 0 <= value < _TOO_FAR
