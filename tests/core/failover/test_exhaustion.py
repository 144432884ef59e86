"""Findings and exhaustion: what a user reads, and what follows from a fact."""

from typing import get_args

import pytest

from bucket_failover_core import (
    AllBucketsExhausted,
    BucketFailureReason,
    BucketFinding,
)
from bucket_failover_core.failover import Fact, Remedy
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
    """None if waiting helps no bucket."""
    assert (
        exhausted(found("a", "limit-in-force", 9.0), found("b", "paused"), found("c", "limit-in-force", 5.0)).retry_at
        == 5.0
    )
    assert exhausted(found("b", "paused")).retry_at is None


def test_who_needs_a_login() -> None:
    """In profile order; never an API key, and not after an outage."""
    told = exhausted(*(found(fact, fact) for fact in TABLE))
    assert told.needs_login == ("token-expired", "token-refused", "login-failed", "token-absent", "token-corrupt")
