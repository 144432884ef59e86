"""What will happen, and what the user can do about it."""

from bucket_failover_core.outlook.advise import Advice, advise
from bucket_failover_core.outlook.foresee import NextChange, Outlook, foresee

__all__ = [
    "Advice",
    "NextChange",
    "Outlook",
    "advise",
    "foresee",
]
