"""What the package does to the world, as data, and two runners that have it done: with an event loop and without."""

from bucket_failover.effects.running import Ended, Steps, resume, resume_async, run, run_async
from bucket_failover.effects.vocabulary import Ask, Attempt, Do, Effect, Search, Share, Wait

__all__ = [
    "Ask",
    "Attempt",
    "Do",
    "Effect",
    "Ended",
    "Search",
    "Share",
    "Steps",
    "Wait",
    "resume",
    "resume_async",
    "run",
    "run_async",
]
