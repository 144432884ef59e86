"""What stands in an issuer's JSON beside the secrets: which of it a store can hold, and when a JWT ends."""

import base64
import json
import math
from typing import Any, Final

_LEVELS_MAX: Final = 16
"""How deep the JSON may be that is kept beside a token: issuers send one or two levels."""


def is_storable(value: Any, levels: int = _LEVELS_MAX) -> bool:  # noqa: ANN401 - JSON is anything
    """Whether it is JSON that a store can hold: no infinity (`1e400`), no NaN, no lone surrogate, no deep nesting."""
    match value:
        case str():
            return value.encode(errors="replace").decode() == value
        case float():
            return math.isfinite(value)
        case list():
            return levels > 0 and all(is_storable(member, levels - 1) for member in value)
        case dict():
            return levels > 0 and all(
                is_storable(name) and is_storable(member, levels - 1) for name, member in value.items()
            )
        case _:
            return True


def claimed_end(token: object) -> object:
    """The `exp` of a JWT; None: it is no JWT, or has none. Source: RFC 7519, 4.1.4."""
    return claims_of(token).get("exp")


def claims_of(token: object) -> dict[str, Any]:
    """The claims of a JWT, read and not verified: the token is our own; none: it is no JWT. Source: RFC 7515, 3.1."""
    parts = token.split(".") if isinstance(token, str) else []
    if len(parts) != 3:  # noqa: PLR2004 - header, claims, signature (RFC 7515, 3.1)
        return {}
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}
