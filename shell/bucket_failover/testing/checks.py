"""What may be handed in: every mistake is a `ValueError` that names the field and the value."""

import math


def number(field: str, value: float, *, above: float = -math.inf, at_least: float = -math.inf) -> float:
    """The value, if it is finite and within its bounds.

    Example: `number("window_seconds", 0, above=0)` raises `ValueError: window_seconds must be above 0, not 0`.

    Raises:
        ValueError: NaN, an infinity, or a value outside the bounds.
    """
    if not math.isfinite(value):
        msg = f"{field} must be a finite number, not {value!r}"
        raise ValueError(msg)
    if value <= above:
        msg = f"{field} must be above {above:g}, not {value!r}"
        raise ValueError(msg)
    if value < at_least:
        msg = f"{field} must be at least {at_least:g}, not {value!r}"
        raise ValueError(msg)
    return value


def count(field: str, value: int, *, at_least: int) -> int:
    """The value, if it is a whole number and large enough.

    Raises:
        ValueError: a fraction, NaN, an infinity, or a value below `at_least`.
    """
    if number(field, value, at_least=at_least) != int(value):
        msg = f"{field} must be a whole number, not {value!r}"
        raise ValueError(msg)
    return int(value)


def one_of(field: str, value: str, choices: tuple[str, ...]) -> None:
    """Nothing, if the value is one of the choices.

    Raises:
        ValueError: it is not.
    """
    if value not in choices:
        msg = f"{field} must be one of {', '.join(choices)}, not {value!r}"
        raise ValueError(msg)
