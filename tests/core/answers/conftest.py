"""What the tests of reading share: nothing that another test has made the readers remember."""

import pytest

from bucket_failover_core.answers import header_names
from bucket_failover_core.answers.dialects import anthropic_subscription


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    """Answers are computed anew in every test."""
    for module in (header_names, anthropic_subscription):
        for remembered in vars(module).values():
            if hasattr(remembered, "cache_clear"):
                remembered.cache_clear()
