"""Findings: each fact has words, and those that rule a bucket out have a reason and a remedy."""

from typing import get_args

import pytest

from bucket_failover_core import BucketFinding
from bucket_failover_core.failover import Fact
from tests.support.fact_table import OPEN, SETTLED

FACTS: tuple[Fact, ...] = get_args(Fact)


def test_every_fact_is_open_or_settles_something() -> None:
    """A new one belongs into one of the two tables."""
    assert set(OPEN) | set(SETTLED) == set(FACTS)


@pytest.mark.parametrize("fact", OPEN)
def test_an_open_fact_rules_nothing_out(fact: Fact) -> None:
    """And nothing has to heal."""
    finding = BucketFinding(bucket="b", fact=fact)
    assert (finding.reason, finding.remedy) == (None, "nothing")


@pytest.mark.parametrize("fact", SETTLED)
def test_what_settles_a_bucket_names_a_reason_and_a_remedy(fact: Fact) -> None:
    """Both follow from the fact alone."""
    finding = BucketFinding(bucket="b", fact=fact, detail="whatever", until=5.0)
    assert (finding.reason, finding.remedy) == SETTLED[fact]


@pytest.mark.parametrize("fact", FACTS)
def test_every_fact_has_words_of_its_own(fact: Fact) -> None:
    """A report never shows the fact's bare name."""
    text = BucketFinding(bucket="b", fact=fact).text
    assert text.startswith("b: ")
    assert len({BucketFinding(bucket="b", fact=other).text for other in FACTS}) == len(FACTS)


def test_the_text_says_until_when_and_why() -> None:
    """In this order."""
    finding = BucketFinding(bucket="default", fact="limit-in-force", detail="5h", until=0.0)
    assert finding.text == "default: a limit is in force until 1970-01-01 00:00:00 UTC (5h)"
