"""What a request asks for: which model, and to which conversation it belongs.

Rules:

* The model stands in the body (`model`), or in the path: `/models/NAME:generateContent` (Gemini, Vertex AI),
  `/model/NAME/invoke` (Bedrock, whose names have colons), `/deployments/NAME/` (Azure). The body's word counts first.
* The conversation is what the caller says, in a header of ours or in one that tools send; else what the body says for
  the sake of the provider's prompt cache or its abuse checks.
* A request that says neither, or that cannot be read, belongs to no conversation and asks for an unknown model: that is
  no error, and limits of single models are then not told apart.

Road not taken: a hash of the first messages as the conversation. It is the same for all conversations of an application
that begin with its instructions, and it costs the reading of the whole body.

Source: the API references of OpenAI (`prompt_cache_key`), Anthropic (`metadata.user_id`), Gemini, Bedrock and Azure,
and the headers of Codex (`session_id`, `conversation_id`) and Claude Code (`x-claude-code-session-id`), as of 2026.
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

SESSION_HEADER: Final = "x-bucket-failover-session"
"""By which a caller names a conversation. It is for us, and goes no further."""

SESSION_HEADERS: Final = (
    SESSION_HEADER,
    "x-claude-code-session-id",
    "session_id",
    "session-id",
    "x-session-id",
    "conversation_id",
)
"""By which tools name one, in lower case; the first that is there counts."""

_MODEL_IN_PATH: Final = re.compile(r"/(?:model/([^/]+)|(?:models|deployments)/([^/:]+))")
_ESCAPED: Final = re.compile(r"(?:%[0-9a-fA-F]{2})+")
_NAME_CHARACTERS_MAX: Final = 256
"""Names are shorter; what is longer is no name."""


class Asked(NamedTuple):
    """What a request asks for.

    Args:
        model: the model's name; None: it names none.
        session_key: names the conversation that it belongs to; None: it belongs to none.
    """

    model: str | None = None
    session_key: str | None = None


class _Body(BaseModel):
    """The few fields of a body that we read; the parser passes over everything else without building it."""

    model_config = ConfigDict(extra="ignore")

    model: object = None
    prompt_cache_key: object = None
    metadata: object = None


_METADATA_EMPTY: Final[Mapping[str, object]] = {}


def read_asked(path: str, headers: Mapping[str, str], body: bytes | None) -> Asked:
    """What a request asks for; never raises.

    Example: `read_asked("/v1/messages", {}, b'{"model": "opus", "metadata": {"user_id": "u1"}}')` is
    `Asked(model="opus", session_key="u1")`.

    Args:
        path: of its URL; a query may follow.
        headers: names in lower case.
        body: JSON, anything else, or None: it is unknown.
    """
    known = _known(body)
    model = _name(known.model)
    if model is None:
        found = _MODEL_IN_PATH.search(path.partition("?")[0])
        model = None if found is None else _name(_unescaped(found[1] or found[2]))
    return Asked(model, _session_key(headers, known))


def _known(body: bytes | None) -> _Body:
    if not body or body[:1] not in {b"{", b" ", b"\n", b"\t", b"\r"}:
        return _NOTHING
    try:
        return _Body.model_validate_json(body)
    except ValidationError:
        return _NOTHING


_NOTHING: Final = _Body()


def _unescaped(text: str) -> str:
    """A part of a path in plain text. Source: RFC 3986, 2.1."""
    return _ESCAPED.sub(lambda run: bytes.fromhex(run[0].replace("%", "")).decode(errors="replace"), text)


def _session_key(headers: Mapping[str, str], known: _Body) -> str | None:
    for header in SESSION_HEADERS if headers else ():
        told = _name(headers.get(header))
        if told is not None:
            return told
    metadata = known.metadata if isinstance(known.metadata, dict) else _METADATA_EMPTY
    return _name(known.prompt_cache_key) or _name(metadata.get("user_id"))


def _name(value: object) -> str | None:
    """A text that can be a name; None: it is none."""
    return value if isinstance(value, str) and 0 < len(value) <= _NAME_CHARACTERS_MAX else None
