"""Durations as APIs write them: rounded up to milliseconds, so that a client that waits so long is not too early."""

import math


def _milliseconds(seconds: float) -> int:
    # Rounded first: 0.1 + 0.2 is a little over 0.3, and that would be a millisecond more.
    return max(0, math.ceil(round(seconds * 1_000, 3)))


def _plain(milliseconds: int) -> str:
    return f"{milliseconds / 1_000:.3f}".rstrip("0").rstrip(".")


def go_duration(seconds: float) -> str:
    """As Go prints it: "12ms", "59.5s", "6m0s", "1h2m3s". Source: https://pkg.go.dev/time#Duration.String."""
    all_of_it = _milliseconds(seconds)
    if 0 < all_of_it < 1_000:  # noqa: PLR2004 - a second
        return f"{all_of_it}ms"
    minutes, rest = divmod(all_of_it, 60_000)
    hours, minutes = divmod(minutes, 60)
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if hours or minutes else "") + f"{_plain(rest)}s"


def proto_duration(seconds: float) -> str:
    """As protobuf's JSON has it: "34.075s", "18000s". Source: google/protobuf/duration.proto, "JSON Mapping"."""
    return f"{_plain(_milliseconds(seconds))}s"
