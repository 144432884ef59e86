"""What a user reads when no bucket is left: the action first."""

import pytest

from bucket_failover_core import (
    BucketFailureReason,
    BucketFinding,
    BucketSnapshot,
    FailoverPolicy,
    FailoverSnapshot,
    TokenAbsent,
    Trigger,
    decide_failover,
)
from bucket_failover_core.failover import Fact, Remedy, exhaustion_message
from tests.core.failover.test_exhaustion import exhausted, found
from tests.support.fact_table import OPEN, SETTLED

R = BucketFailureReason
TABLE: dict[Fact, tuple[R | None, Remedy]] = {**dict.fromkeys(OPEN, (None, "nothing")), **SETTLED}


@pytest.mark.parametrize(
    ("findings", "action"),
    [
        ((found("a", "token-absent"),), "Log in to a"),
        ((found("a", "token-refused"), found("b", "login-failed")), "Log in to a or b"),
        ((found("a", "key-missing"), found("b", "key-refused")), "Store a valid API key for a or b"),
        ((found("a", "store-outage"),), "Repair the token store"),
        ((found("a", "paused"), found("b", "paused")), "Resume a or b"),
        (
            (found("a", "limit-in-force", 60.0), found("b", "limit-in-force", 30.0)),
            "Wait until 1970-01-01 00:00:30 UTC",
        ),
        ((found("a", "limit-in-force"), found("b", "credential-sound")), "Try again later"),
        (
            (
                found("a", "limit-in-force", 60.0),
                found("b", "paused"),
                found("c", "store-outage"),
                found("d", "key-refused"),
                found("e", "token-absent"),
            ),
            (
                "Log in to e, or store a valid API key for d, or repair the token store, or resume b, "
                "or wait until 1970-01-01 00:01:00 UTC"
            ),
        ),
    ],
)
def test_the_message_says_first_what_to_do(findings: tuple[BucketFinding, ...], action: str) -> None:
    """Then the provider, and every bucket with its reason."""
    told = exhausted(*findings)
    lines = "; ".join(f"{finding.text} [{finding.reason}]" for finding in findings)
    assert told.message == f"{action}. No bucket of anthropic can be used: {lines}."


def test_a_message_without_findings() -> None:
    """Reasons alone, or not even those."""
    assert exhaustion_message("p", {"a": "no-token", "b": ""}) == (
        "Check the buckets. No bucket of p can be used: a [no-token]; b."
    )
    assert exhaustion_message("p", {"a": "x"}, texts={"a": "a: why"}, action="Do") == (
        "Do. No bucket of p can be used: a: why [x]."
    )


def test_where_the_user_cannot_be_asked_the_message_says_what_to_run() -> None:
    """No request asks for a login there; a command of the user's own stays."""
    command = "bucket-failover login {provider} {buckets}"
    policy = FailoverPolicy().without_logins(command)
    assert (policy.reauths_per_request, policy.login_command) == (0, command)
    assert FailoverPolicy(login_command="mine").without_logins(command).login_command == "mine"
    buckets = tuple(BucketSnapshot(name=name, token=TokenAbsent()) for name in ("a", "b"))
    snapshot = FailoverSnapshot(provider="anthropic", buckets=buckets, trigger=Trigger(status=401), policy=policy)
    exhausted = decide_failover(snapshot, now=0.0).failure()
    assert exhausted.reasons == {"a": R.NO_TOKEN, "b": R.NO_TOKEN}
    assert exhausted.message.startswith(
        "Log in to a or b (bucket-failover login anthropic a b). No bucket of anthropic"
    )
