"""Durations as APIs write them."""

import pytest

from bucket_failover.testing.durations import go_duration, proto_duration


@pytest.mark.parametrize(
    ("seconds", "go", "proto"),
    [
        (-1.0, "0s", "0s"),
        (0.0, "0s", "0s"),
        (0.0001, "1ms", "0.001s"),
        (0.012, "12ms", "0.012s"),
        (0.1 + 0.2, "300ms", "0.3s"),
        (1.0, "1s", "1s"),
        (59.5, "59.5s", "59.5s"),
        (60.0, "1m0s", "60s"),
        (179.56, "2m59.56s", "179.56s"),
        (3_600.0, "1h0m0s", "3600s"),
        (3_723.0, "1h2m3s", "3723s"),
        (604_800.0, "168h0m0s", "604800s"),
    ],
)
def test_a_duration_is_rounded_up_to_milliseconds(seconds: float, go: str, proto: str) -> None:
    """Both notations."""
    assert (go_duration(seconds), proto_duration(seconds)) == (go, proto)
