"""What all tests share: deterministic examples, and no log left over from another test."""

import os

from hypothesis import HealthCheck, settings

# No test touches the keyring of whoever runs it; those about keyrings bring their own.
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
