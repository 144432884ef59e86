"""Which of an answer's headers speak of limits, and whose they are: settled once for each set of names.

A provider sends the same names with every answer, so what follows from names alone is remembered for the last sets.
"""

from functools import lru_cache
from typing import Final, NamedTuple

from bucket_failover_core.answers.provider_table import PROVIDERS
from bucket_failover_core.facts.calls import Dialect

HEADER_CHARACTERS_MAX: Final = 65_536
_REMEMBERED_CHARACTERS_MAX: Final = 8_192
"""Longer sets are not remembered: no sender may fill our memory."""

_BY_PREFIX: Final[tuple[tuple[str, Dialect], ...]] = (
    ("x-quota-snapshot-", "copilot"),  # before Azure's, whose gateway stands in front of it
    *((header, provider.dialect) for provider in PROVIDERS for header in provider.headers),
    ("anthropic-ratelimit-unified-", "anthropic-subscription"),
    ("anthropic-", "anthropic"),
    ("x-codex-", "codex"),
    ("x-ms-", "azure-openai"),
    ("azureml-", "azure-openai"),
    ("apim-", "azure-openai"),
    ("x-groq-", "groq"),
    ("x-amzn-", "bedrock"),
    ("x-goog-", "google"),
    ("x-gemini-", "google"),
    ("x-openrouter-", "openrouter"),
    ("openai-", "openai"),
)
_CUSTOMARY: Final = ("x-ratelimit-remaining-", "x-ratelimit-reset-")
_SIZES: Final = ("x-ratelimit-limit-", "ratelimit-limit-")
_TELLING: Final = (
    "anthropic-ratelimit-",
    "x-codex-",
    "x-ratelimit-",
    "ratelimit-",
    "x-rate-limit-",
    "retry-after",
    "x-ms-retry-after-ms",
    "x-amzn-errortype",
    "x-quota-snapshot-",
    *{name for provider in PROVIDERS for count in provider.counts for name in (count.remaining, count.reset) if name},
)


class Layout(NamedTuple):
    """What follows from the names of an answer's headers.

    Args:
        dialect: whose they are; None: no name is only one provider's.
        is_customary: they include names that many providers have taken over from OpenAI.
        places: the names in lower case that speak of limits, and where they stand; not of those that only say how much
            is allowed, of which nothing follows.
        tells_sizes: there are such.
        telling: how many headers that is, the repeated ones included.
        characters: how long all names are together.
        is_challenge: a web gateway has answered in the provider's place (Cloudflare's `cf-mitigated`).
    """

    dialect: Dialect | None
    is_customary: bool
    places: tuple[tuple[str, tuple[int, ...]], ...]
    tells_sizes: bool
    telling: int
    characters: int
    is_challenge: bool = False


def layout_of(names: tuple[str, ...]) -> Layout:
    """What follows from the names of an answer's headers.

    Example: of `("Date", "X-Codex-Primary-Used-Percent")` it is `codex`, and the second one speaks of limits.
    """
    return _remembered(names) if len("".join(names)) <= _REMEMBERED_CHARACTERS_MAX else _layout(names)


def _layout(names: tuple[str, ...]) -> Layout:
    left = HEADER_CHARACTERS_MAX
    lower = [name.lower() for name in names if (left := left - len(name)) >= 0]
    dialect = next((whose for prefix, whose in _BY_PREFIX if any(name.startswith(prefix) for name in lower)), None)
    places: dict[str, list[int]] = {}
    tells_sizes = False
    for place, name in enumerate(lower):
        if not name.startswith(_TELLING):
            continue
        if name.endswith("-limit") or name.startswith(_SIZES):
            tells_sizes = True
        else:
            places.setdefault(name, []).append(place)
    is_customary = any(name.startswith(_CUSTOMARY) for name in places)
    telling, characters = sum(map(len, places.values())), sum(map(len, names))
    where = tuple((name, tuple(found)) for name, found in places.items())
    return Layout(dialect, is_customary, where, tells_sizes, telling, characters, "cf-mitigated" in lower)


_remembered = lru_cache(maxsize=256)(_layout)
