"""Causes: which are about an amount, and which refuse the credential."""

from bucket_failover_core import Cause
from bucket_failover_core.facts.causes import is_refusal, is_spent


def test_amounts_and_refusals_are_told_apart() -> None:
    """No cause is both; nothing known is neither."""
    assert [cause for cause in Cause if is_spent(cause)] == [Cause.THROTTLED, Cause.QUOTA]
    assert [cause for cause in Cause if is_refusal(cause)] == [Cause.UNAUTHENTICATED, Cause.FORBIDDEN]
    assert not is_spent(None)
    assert not is_refusal(None)
