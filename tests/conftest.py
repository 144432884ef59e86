"""What all tests share: deterministic examples, and no log left over from another test."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# No test touches the keyring of the user who runs it; those about keyrings bring their own.
os.environ["BUCKET_FAILOVER_SECRETS"] = "file"

# Derandomized: the same examples in every run, on every machine. A test that fails once fails always.
settings.register_profile(
    "bucket-failover",
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("bucket-failover")

SLOW = (
    "_exhaustive",
    "_fuzz",
    "_laws",
    "_processes",
    "_kills",
    "test_bodies",
    "test_calendar",
    "test_cancellation",
    "test_cli_",
    "test_credentials",
    "test_demo",
    "test_docs",
    "test_endurance",
    "test_fork",
    "test_http_issuer",
    "test_leaks",
    "test_limit_store",
    "test_login_",
    "test_recipes",
    "test_refresh_",
    "test_renewal",
    "test_sdk",
    "test_secrets",
    "test_serving",
    "test_shape_faults",
    "test_sharing",
    "test_simulated_day",
    "test_store",
    "test_strategies",
    "test_stream_heads",
    "test_structure",
    "test_transport",
    "test_vault",
)
"""Parts of the names of files whose tests take most of the time: worlds, laws, processes, pages."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """What `-m "not slow"` leaves out is not even read."""
    is_left_out = config.option.markexpr == "not slow" and any(part in collection_path.stem for part in SLOW)
    return True if is_left_out and collection_path.suffix == ".py" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what `-m "not slow"` leaves out."""
    for item in items:
        if any(part in item.path.stem for part in SLOW):
            item.add_marker(pytest.mark.slow)
