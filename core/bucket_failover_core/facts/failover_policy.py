"""What does the user allow: how many logins, how long each may take, how often a limit is probed?"""

from typing import Self, final

from pydantic import Field

from bucket_failover_core.value import Value


@final
class FailoverPolicy(Value):
    """What the user allows.

    Args:
        reauths_per_request: interactive logins that one request may ask for, 0 or more.
        reauth_timeout_seconds: how long one login may take (REQ-1598-FR02), over 0.
        probe_interval_seconds: the least time between two requests that test advisory limits, over 0.
        spread_seconds: how long after a limit's end requests come back to its bucket bit by bit, 0 to 600.
        login_command: what a user runs to log in, for the report: `{provider}` and `{buckets}` stand for their names.
            Empty: the report names the buckets alone.
    """

    reauths_per_request: int = Field(default=1, ge=0)
    reauth_timeout_seconds: float = Field(default=300.0, gt=0)
    probe_interval_seconds: float = Field(default=600.0, gt=0)
    spread_seconds: float = Field(default=30.0, ge=0, le=600)
    login_command: str = ""

    def without_logins(self, command: str) -> Self:
        """The policy where there is no user to ask for a login: a report then says how to (`command`, see above)."""
        return self.evolve({"reauths_per_request": 0, "login_command": self.login_command or command})
