"""The value or the failure of a `Result`, whichever it holds: for a flat `match` over both.

Road not taken: `returns.methods.unwrap_or_failure`, which does the same. Its package imports contexts and futures,
which nothing here needs and which take a tenth of the time of an import of the core.
"""

from typing import TypeVar

from returns.result import Result, Success

_T = TypeVar("_T")
_E = TypeVar("_E")


def either(result: Result[_T, _E]) -> _T | _E:
    """What the result holds.

    Example: `either(Success(1))` is 1, and so is `either(Failure(1))`.
    """
    return result.unwrap() if isinstance(result, Success) else result.failure()
