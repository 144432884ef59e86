"""Groq: OpenAI's headers with other windows (requests per day, tokens per minute), for a whole organization.

Source: https://console.groq.com/docs/rate-limits
"""

from bucket_failover_core.answers.dialects.openai import read_counts, read_openai_error
from bucket_failover_core.answers.response import Answer
from bucket_failover_core.answers.signals import Signal


def read_groq(answer: Answer, *, now: float) -> list[Signal]:
    """What an answer of Groq's says."""
    signals = read_counts(answer, {"requests": "day", "tokens": "minute"}, "organization", now=now)
    return signals if answer.succeeded else signals + read_openai_error(answer, "organization")
