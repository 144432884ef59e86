"""either: what a result holds, whichever it is."""

import pytest
from returns.result import Failure, Result, Success

from bucket_failover_core.results import either


@pytest.mark.parametrize("result", [Success("x"), Failure("x")])
def test_it_is_what_the_result_holds(result: Result[str, str]) -> None:
    """The value, or the failure."""
    assert either(result) == "x"


def test_none_is_a_value_like_any_other() -> None:
    """It is not taken for "nothing"."""
    assert either(Success(None)) is None
    assert either(Failure(None)) is None
