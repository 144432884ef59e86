"""Buckets of which a limit is believed, and what a request begins with."""

from typing import Any

from bucket_failover_core import BucketSnapshot, FailoverSnapshot, UseBucket, choose_start
from tests.support.playbook import Found
from tests.support.quotas import soft
from tests.support.worlds import bucket

NOW = 10_000.0
"""The limits below were observed ten minutes ago, to the second, unless said otherwise."""

LONG_AGO = NOW - 600.0
IN_FORCE: Found = ("limit-in-force", "week", 99_000.0)


def doubted(name: str, until: float = 99_000.0, observed_at: float | None = LONG_AGO, **facts: Any) -> BucketSnapshot:
    """A bucket with an advisory limit."""
    return bucket(name, limits=(soft(until, observed_at=observed_at),), **facts)


def young(name: str, until: float) -> BucketSnapshot:
    """A bucket with an advisory limit that is too young to be tested."""
    return doubted(name, until, NOW - 1)


def start(snapshot: FailoverSnapshot, **facts: Any) -> UseBucket:
    """What a request begins with."""
    return choose_start(snapshot, **{"now": NOW, **facts}).unwrap()
