"""Events of a search: their moments, and what they say of a token."""

import pytest
from pydantic import ValidationError

from bucket_failover_core import CallFailed, RefreshFailed, TokenAbsent, TokenHeld, TokenRead, Trigger

MOMENTS = [None, 0.0, 1_786_553_400.5]


@pytest.mark.parametrize("at", MOMENTS)
def test_a_moment_may_be_unknown(at: float | None) -> None:
    """A shell of the single search need not tell one."""
    assert RefreshFailed(bucket="a", at=at).at == at
    assert TokenRead(bucket="a", token=TokenAbsent(), at=at).at == at


@pytest.mark.parametrize("at", [float("nan"), float("inf")])
def test_what_is_no_moment_is_refused(at: float) -> None:
    """The error names the field."""
    with pytest.raises(ValidationError, match="at"):
        RefreshFailed(bucket="a", at=at)


def test_the_defaults_are_the_plain_case() -> None:
    """A refusal is not permanent, a call failed with the bucket in use, and a token is no API key."""
    assert not RefreshFailed(bucket="a").permanent
    assert CallFailed(trigger=Trigger()).bucket is None
    assert not TokenRead(bucket="a", token=TokenHeld(expiry=1.0)).api_key
