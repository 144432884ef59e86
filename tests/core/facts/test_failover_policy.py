"""The policy: what the user allows."""

import pytest
from pydantic import ValidationError

from bucket_failover_core import FailoverPolicy


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf")])
def test_a_login_takes_some_time(seconds: float) -> None:
    """Five minutes, unless the user says otherwise."""
    assert FailoverPolicy().reauth_timeout_seconds == 300.0
    with pytest.raises(ValidationError, match="reauth_timeout_seconds"):
        FailoverPolicy(reauth_timeout_seconds=seconds)


def test_a_policy_without_logins_says_how_to_log_in() -> None:
    """The user's own words win over the manager's."""
    assert FailoverPolicy().without_logins("run it") == FailoverPolicy(reauths_per_request=0, login_command="run it")
    assert FailoverPolicy(login_command="mine").without_logins("run it").login_command == "mine"
