"""Hypothesis strategies for what the core takes, so that users property-test loops of their own.

Needs the extra: `pip install "bucket-failover[testing]"`. It is imported by its own name, and by nothing else here:

    from bucket_failover.testing.strategies import answers, outcomes, sessions

Rules: everything that comes out is valid, survives a JSON round trip, and lies around one moment, `now` (Unix seconds).

Intuition: few values each, so that they meet: three fingerprints over all buckets, two quota domains, five moments that
lie on both sides of `now` and exactly on it. Failures are found where two facts coincide, which random text never does.

Road not taken: `st.from_type` for each record. What it makes is valid as well, but no two fingerprints are equal, every
moment is ages away, and no answer is in words that a provider uses.
"""

from bucket_failover.testing.strategies.answers import answers
from bucket_failover.testing.strategies.events import StepEvent, events, failover_events, outcomes, sessions
from bucket_failover.testing.strategies.facts import (
    FINGERPRINTS,
    NAMES,
    NOW,
    buckets,
    failover_policies,
    limits,
    retry_policies,
    snapshots,
    tokens,
    triggers,
)

__all__ = [
    "FINGERPRINTS",
    "NAMES",
    "NOW",
    "StepEvent",
    "answers",
    "buckets",
    "events",
    "failover_events",
    "failover_policies",
    "limits",
    "outcomes",
    "retry_policies",
    "sessions",
    "snapshots",
    "tokens",
    "triggers",
]
