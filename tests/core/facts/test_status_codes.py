"""Status codes: what a bare one says."""

import pytest

from bucket_failover_core import Cause, Trigger
from bucket_failover_core.facts import cause_of_status
from bucket_failover_core.facts.snapshots import cause_of


@pytest.mark.requirement("REQ-1598-IC07")
@pytest.mark.parametrize(
    ("status", "cause"),
    [
        (None, None),
        (100, None),
        (200, None),
        (302, None),
        (399, None),
        (400, Cause.CLIENT_ERROR),
        (401, Cause.UNAUTHENTICATED),
        (402, Cause.QUOTA),
        (403, Cause.FORBIDDEN),
        (404, Cause.CLIENT_ERROR),
        (408, Cause.TIMEOUT),
        (429, Cause.QUOTA),
        (499, Cause.CLIENT_ERROR),
        (500, Cause.SERVER_ERROR),
        (503, Cause.SERVER_ERROR),
        (529, Cause.OVERLOADED),
        (599, Cause.SERVER_ERROR),
        (600, None),
        (999, None),
    ],
)
def test_a_bare_status(status: int | None, cause: Cause | None) -> None:
    """The contract's list, and both sides of each range."""
    assert cause_of_status(status) is cause
    assert cause_of(Trigger(status=status)) is cause


def test_a_cause_beats_a_status() -> None:
    """The caller that has classified the answer knows more than its status says."""
    assert cause_of(Trigger(status=429, cause=Cause.OVERLOADED)) is Cause.OVERLOADED
