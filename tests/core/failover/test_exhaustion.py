"""Findings and exhaustion: what a user reads, and what follows from a fact."""

from typing import get_args

import pytest

from bucket_failover_core import (
    AllBucketsExhausted,
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
from bucket_failover_core.formats import moment_text
from tests.support.fact_table import OPEN, SETTLED

R = BucketFailureReason
TABLE: dict[Fact, tuple[R | None, Remedy]] = {**dict.fromkeys(OPEN, (None, "nothing")), **SETTLED}


@pytest.mark.requirement("REQ-1598-TS01")
def test_every_fact_has_its_reason_and_remedy() -> None:
    """All of them, and every reason comes from one."""
    assert set(TABLE) == set(get_args(Fact))
    for fact, (reason, remedy) in TABLE.items():
        finding = BucketFinding(bucket="a", fact=fact)
        assert (finding.reason, finding.remedy) == (reason, remedy)
        assert finding.text.startswith("a: ")
    assert {reason for reason, _ in TABLE.values()} - {None} == set(R)


@pytest.mark.parametrize(
    ("finding", "text"),
    [
        (BucketFinding(bucket="default", fact="token-absent"), "default: it has no token"),
        (
            BucketFinding(bucket="default", fact="limit-in-force", detail="week", until=1_786_553_400.0),
            "default: a limit is in force until 2026-08-12 16:50:00 UTC (week)",
        ),
        (
            BucketFinding(bucket="default", fact="store-outage", detail="disk on fire"),
            "default: the token store could not answer (disk on fire)",
        ),
        (
            BucketFinding(bucket="default", fact="probe-due"),
            "default: this request tests whether its advisory limit still holds",
        ),
    ],
)
def test_a_finding_in_words(finding: BucketFinding, text: str) -> None:
    """What settled it, until when, and the evidence."""
    assert finding.text == text


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (0.0, "1970-01-01 00:00:00 UTC"),
        (1_786_553_400.9, "2026-08-12 16:50:00 UTC"),
        (1e15, "1000000000000000 s after 1970"),
        (1e308, f"{1e308:.0f} s after 1970"),
    ],
)
def test_a_moment_for_people(moment: float, text: str) -> None:
    """Whatever number it is."""
    assert moment_text(moment) == text


def exhausted(*findings: BucketFinding, buckets: tuple[str, ...] | None = None) -> AllBucketsExhausted:
    """With a bucket for each finding."""
    names = tuple(finding.bucket for finding in findings) if buckets is None else buckets
    return AllBucketsExhausted(provider="anthropic", buckets=names, findings=findings)


def found(bucket: str, fact: Fact, until: float | None = None) -> BucketFinding:
    """A finding without a detail."""
    return BucketFinding(bucket=bucket, fact=fact, until=until)


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


def test_an_empty_profile() -> None:
    """There is nothing to list."""
    told = exhausted()
    assert (told.reasons, told.retry_at, told.needs_login) == ({}, None, ())
    assert told.message == "Add a bucket. The profile of anthropic has none."


def test_reasons_are_in_profile_order_and_a_new_dict_each_time() -> None:
    """A bucket without a finding, or with one that rules nothing out, is `skipped`."""
    told = exhausted(found("b", "token-absent"), found("a", "usable"), buckets=("a", "b", "c"))
    assert list(told.reasons.items()) == [("a", R.SKIPPED), ("b", R.NO_TOKEN), ("c", R.SKIPPED)]
    told.reasons.clear()
    assert told.reasons


def test_the_moment_to_retry_is_the_earliest_that_is_known() -> None:
    """None if waiting helps nobody."""
    assert (
        exhausted(found("a", "limit-in-force", 9.0), found("b", "paused"), found("c", "limit-in-force", 5.0)).retry_at
        == 5.0
    )
    assert exhausted(found("b", "paused")).retry_at is None


def test_who_needs_a_login() -> None:
    """In profile order; never an API key, and not after an outage."""
    told = exhausted(*(found(fact, fact) for fact in TABLE))
    assert told.needs_login == ("token-expired", "token-refused", "login-failed", "token-absent", "token-corrupt")


def test_a_message_without_findings() -> None:
    """Reasons alone, or not even those."""
    assert exhaustion_message("p", {"a": "no-token", "b": ""}) == (
        "Check the buckets. No bucket of p can be used: a [no-token]; b."
    )
    assert exhaustion_message("p", {"a": "x"}, texts={"a": "a: why"}, action="Do") == (
        "Do. No bucket of p can be used: a: why [x]."
    )


def test_where_nobody_can_be_asked_the_message_says_what_to_run() -> None:
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
