"""Which bucket does a request begin with?"""

from bucket_failover_core.choice.choose import choose_bucket
from bucket_failover_core.choice.start import begin_with, choose_start
from bucket_failover_core.choice.strategies import READING_STRATEGIES, STRATEGIES, Strategy

__all__ = [
    "READING_STRATEGIES",
    "STRATEGIES",
    "Strategy",
    "begin_with",
    "choose_bucket",
    "choose_start",
]
