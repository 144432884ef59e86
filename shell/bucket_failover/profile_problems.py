"""What is wrong with a profile file, in words of our own.

The field is told, the value unless it may be a secret, and the nearest right name; no word of the library is told.
"""

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Final

_Part = Mapping[str, Any]
"""One problem as pydantic tells it: `loc`, `type`, `msg`, `input`, `ctx`."""

_WORDS: Final[Mapping[str, str]] = {
    "missing": "it is missing",
    "string_type": "it is no text",
    "string_too_short": "it is empty",
    "string_pattern_mismatch": "it has a character that does not belong there",
    "bool_type": "it is neither true nor false",
    "bool_parsing": "it is neither true nor false",
    "int_type": "it is no whole number",
    "int_parsing": "it is no whole number",
    "int_from_float": "it is no whole number",
    "float_type": "it is no number",
    "float_parsing": "it is no number",
    "finite_number": "it is no number",
    "tuple_type": 'it is no list; write ["default", "claudius"]',
    "dataclass_type": 'it is neither a name nor a table such as { name = "team", api_key = true }',
    "model_type": "it is no table; write its fields below a heading of its own",
    "model_attributes_type": "it is no table; write its fields below a heading of its own",
}
_BOUNDS: Final[Mapping[str, tuple[str, str]]] = {
    "greater_than": ("gt", "over"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "under"),
    "less_than_equal": ("le", "at most"),
}
_UNKNOWN: Final = frozenset({"extra_forbidden", "unexpected_keyword_argument"})
_TELLING: Final = frozenset({"buckets", "strategy", "policy"})
"""Fields whose values are no secrets; a secret that stands in a wrong place is not shown."""


def problems_of(provider: str, parts: Iterable[_Part], names_at: Callable[[tuple[Any, ...]], Iterable[str]]) -> str:
    """The problems of a provider's table in one line.

    Args:
        provider: its name.
        parts: the problems.
        names_at: the fields that there are at a place.
    """
    told = list(parts)
    if any(part["loc"][:1] == ("buckets",) and len(part["loc"]) > 1 for part in told):
        told = [
            part for part in told if part["loc"] != ("buckets",)
        ]  # what is wrong with one is not that there is none
    return "; ".join(_problem(provider, part, names_at) for part in told)


def _problem(provider: str, part: _Part, names_at: Callable[[tuple[Any, ...]], Iterable[str]]) -> str:
    place = ("oauth", "client_secret") if part["loc"] == ("client_secret",) else part["loc"]
    field = ".".join(str(name) for name in (provider, *place))
    if part["type"] in _UNKNOWN:
        return f"{field}: there is no such field{_nearest(str(place[-1]), names_at(place[:-1]))}"
    return f"{field}: {_reason(part, place)}{_value(part)}"


def _reason(part: _Part, place: tuple[Any, ...]) -> str:
    kind, told = part["type"], part.get("ctx", {})
    if kind == "too_short":
        return "it is empty" if place[-1:] != ("buckets",) else "it is empty; name at least one bucket"
    if kind == "literal_error":
        names = [name.strip("'") for name in str(told["expected"]).replace(" or ", ", ").split(", ")]
        nearest = _nearest(str(part.get("input")), names)
        return f"it is none of {', '.join(names)}{nearest}"
    if kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        return f"it is not {words} {told[name]:g}"
    return _WORDS.get(kind, str(part["msg"]).removeprefix("Value error, "))


def _value(part: _Part) -> str:
    """The value, if it is a plain one that cannot be a secret, and the words do not say it already."""
    place, value = part["loc"], part.get("input")
    is_plain = isinstance(value, str | int | float) and place[:-1] in {(), ("policy",)}
    if not is_plain or place[:1] not in {(name,) for name in _TELLING} or place == ("policy",):
        return ""
    return "" if part["type"] in {"missing", "value_error"} else f" (it is {value!r})"


def _nearest(word: str, names: Iterable[str]) -> str:
    known = {name.replace("_", ""): name for name in names}
    found = get_close_matches(word.lower().replace("_", "").replace("-", ""), known, n=1)
    return f"; did you mean {known[found[0]]}?" if found else ""
