"""Which object of a JSON document is the credential, and when does its token end?

Rules:

* A candidate is an object with an access token, by one of the names that tools use. The short name `access` needs
  another known name beside it: opencode writes `access`, `refresh` and `expires`, and others mean "public" by it.
* If the document is a known tool's, its own login is meant: in Claude Code's file `claudeAiOauth`, never what stands in
  `mcpOAuth`; in Codex' file `tokens`. If that login is missing, the others are named, and none is taken.
* Else the only candidate is meant. Several are named by their path, and the user chooses.
* An end is in seconds, in milliseconds (told by its size) or RFC 3339, under any of the names. The first that can be
  read counts; after them the `exp` of an access token that is a JWT. A field that is not needed spoils nothing, so one
  that cannot be read is an error only if no other end can be.

It stands in the shell. The core may see no secret, so it would need a masked copy of the document, and masking takes
the same walk by the same names. The forms of numbers and moments are the core's.

Source: RFC 6749, 5.1; RFC 7519, 4.1.4; the files of Claude Code, Codex, Gemini CLI, Qwen Code, opencode, pi,
CLIProxyAPI and the AWS SSO cache, as public reports have recorded them in 2025 and 2026.
"""

import json
import math
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from pydantic import SecretStr

from bucket_failover.token_fields import claimed_end
from bucket_failover.tokens import MaskedDict
from bucket_failover_core.formats import number_in, parse_rfc_3339

ACCESS_NAMES: Final = ("access_token", "accessToken", "access")
REFRESH_NAMES: Final = ("refresh_token", "refreshToken", "refresh")
SCOPE_NAMES: Final = ("scope", "scopes")
_END_NAMES: Final = ("expires_at", "expiresAt", "expiry_date", "expires", "expired", "expiry")
_LIFETIME_NAME: Final = "expires_in"
HANDLED_NAMES: Final = frozenset(
    {*ACCESS_NAMES, *REFRESH_NAMES, *SCOPE_NAMES, *_END_NAMES, _LIFETIME_NAME, "token_type"}
)
"""What becomes a field of the token; all else is kept beside it."""

ROOT: Final = "."
"""The path of the whole document."""

_SHORT_NAME: Final = "access"
_LEVELS_MAX: Final = 16
_SHOWN_MAX: Final = 120
_DIGITS_MAX: Final = 4_000  # Python reads no integer with more than 4,300 digits

_MILLISECONDS_FROM: Final = 1e11
"""Unix seconds reach this in the year 5138, milliseconds did in 1973."""
_MOMENT_FROM: Final = 1e9
"""As a lifetime it is 31 years, as a moment it is 2001."""
_TOO_FAR: Final = 1e15
"""Neither seconds nor milliseconds."""


class Candidate(NamedTuple):
    """An object that has an access token.

    Args:
        path: where it stands, its names joined by dots; `.` is the whole document.
        fields: what it has.
    """

    path: str
    fields: MaskedDict


class UnreadableEnd(NamedTuple):
    """An end is named, and none can be read; `name` is the field's."""

    name: str


def parse_document(text: SecretStr) -> MaskedDict | None:
    """A JSON object, all objects in it masked; None: it is none. Nothing raises, for the text would be in the error."""
    try:
        document = json.loads(text.get_secret_value(), object_hook=MaskedDict, parse_int=_integer)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, MaskedDict) else None


def find_candidates(document: MaskedDict) -> tuple[Candidate, ...]:
    """Every object with an access token, in the document's order.

    Example: in `{"anthropic": {"access": "…", "expires": 1}, "openai": {"type": "api", "key": "…"}}` it is `anthropic`.
    """
    return tuple(_walk(document, (), _LEVELS_MAX))


def own_login(document: MaskedDict) -> str | None:
    """Where a known tool keeps its own login; None: the document is of no known tool that keeps others beside it.

    Source: anthropics/claude-code#92748, #95113 (`mcpOAuth` beside `claudeAiOauth`); Soju06/codex-lb#662 (`tokens`).
    """
    if not {"claudeAiOauth", "mcpOAuth"}.isdisjoint(document):
        return "claudeAiOauth"
    if "tokens" in document and not {"OPENAI_API_KEY", "auth_mode", "last_refresh"}.isdisjoint(document):
        return "tokens"
    return None


def first_of(fields: MaskedDict, names: tuple[str, ...]) -> Any:  # noqa: ANN401 - JSON is anything
    """The value of the first of the names that has one."""
    return next((fields[name] for name in names if fields.get(name) is not None), None)


def end_of(fields: MaskedDict, *, now: float) -> float | UnreadableEnd | None:
    """When a candidate's token ends, in Unix seconds; None: its issuer has named no end.

    Example: at 1000.0, `{"expires_in": "3600"}` is 4600.0; `{"expiry_date": 1786556940000}` is 1786556940.0;
    `{"expiresAt": "2026-08-12T16:49:00Z"}` is 1786553340.0; `{"expires": 0}` is None; `{"expires": "soon"}` is
    `UnreadableEnd("expires")`.

    Args:
        fields: the candidate's.
        now: Unix seconds, from which a lifetime counts.
    """
    unreadable = None
    for name in (*_END_NAMES, _LIFETIME_NAME):
        value = fields.get(name)
        if _says_nothing(value):
            continue
        moment = _moment(value, lifetime_from=now if name == _LIFETIME_NAME else None)
        if moment is None:
            unreadable = unreadable or UnreadableEnd(name)
        elif moment > 0:  # else it is a placeholder: 0, or the year 1 (Go's zero time)
            return moment
    end = _end_of_jwt(first_of(fields, ACCESS_NAMES))
    return unreadable if end is None else end


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _DIGITS_MAX else math.inf


def _walk(value: object, names: tuple[str, ...], levels: int) -> Iterator[Candidate]:
    if isinstance(value, MaskedDict):
        if _has_access(value):
            yield Candidate(".".join(names) or ROOT, value)
        members = [(_shown(name, place, value), member) for place, (name, member) in enumerate(value.items())]
    elif isinstance(value, list):
        members = [(str(place), member) for place, member in enumerate(value)]
    else:
        return
    if levels > 0:
        for name, member in members:
            yield from _walk(member, (*names, name), levels - 1)


def _has_access(fields: MaskedDict) -> bool:
    name = next((name for name in ACCESS_NAMES if _is_text(fields.get(name))), None)
    return name is not None and (name != _SHORT_NAME or len(HANDLED_NAMES & fields.keys()) > 1)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value.strip() != ""


def _shown(name: str, place: int, fields: MaskedDict) -> str:
    """A member's name as a path shows it; its place, if the name cannot be printed, or is itself the token."""
    member = fields[name]
    is_secret = isinstance(member, MaskedDict) and name in {
        first_of(member, ACCESS_NAMES),
        first_of(member, REFRESH_NAMES),
    }
    return name if 0 < len(name) <= _SHOWN_MAX and name.isprintable() and not is_secret else f"#{place}"


def _says_nothing(value: object) -> bool:
    """A blank, or a truth value (`"expired": false`), is no end."""
    return value is None or isinstance(value, bool) or (isinstance(value, str) and value.strip() == "")


def _moment(value: object, *, lifetime_from: float | None) -> float | None:
    """A moment in Unix seconds; None: it cannot be read. A small number is a lifetime, if it is one by its name."""
    number = number_in(value)
    if number is not None:
        if number >= _TOO_FAR:
            return None
        if lifetime_from is not None and number < _MOMENT_FROM:
            return lifetime_from + number
        return number / 1_000.0 if number >= _MILLISECONDS_FROM else number
    if not isinstance(value, str):
        return None
    text = value.strip()
    # Older versions of the AWS command line wrote "2020-06-11T10:09:52UTC" (aws/aws-cli, awscli/customizations/sso).
    return parse_rfc_3339(text.removesuffix("UTC") + "Z" if text.endswith("UTC") else text)


def _end_of_jwt(token: object) -> float | None:
    """When a JWT says that it ends; None: it is none, or does not say."""
    claimed = claimed_end(token)
    return None if claimed is None else _moment(claimed, lifetime_from=None) or None
