"""Providers whose way of speaking is said by a table: whose headers, which windows, whom they concern, what codes.

A new provider is one entry here, a line in `facts.calls.Dialect`, and its cases in the conformance pack; its phrases
and codes stand in `answers.phrases` and `answers.error_codes`, which all dialects share. `docs/providers.md` shows how,
with one.
"""

from typing import Final, NamedTuple

from bucket_failover_core.facts.calls import Dialect
from bucket_failover_core.facts.limits import LimitScope, Window


class Count(NamedTuple):
    """A pair of headers: how much is left of an allowance, and when it is full again.

    Args:
        window: which allowance.
        remaining: the header that says how much is left.
        reset: the header that says when; empty: the provider sends none. Seconds, a duration, or a moment.
    """

    window: Window
    remaining: str
    reset: str = ""


class Provider(NamedTuple):
    """A provider, as a table.

    Args:
        dialect: its name.
        source: where its headers and codes are described, or were seen.
        counts: what its headers count.
        scope: whom its limits concern, unless they say so themselves.
        headers: beginnings of header names that it alone sends.
        codes: codes and types of errors that it alone sends.
    """

    dialect: Dialect
    source: str
    counts: tuple[Count, ...] = ()
    scope: LimitScope = "credential"
    headers: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()


PROVIDERS: Final[tuple[Provider, ...]] = (
    Provider(
        "mistral",
        "docs.mistral.ai/deployment/ai-studio/tier; cline/cline#9085",
        counts=(
            Count("minute", "x-ratelimit-remaining-req-minute"),
            Count("minute", "x-ratelimit-remaining-tokens-minute"),
            Count("month", "x-ratelimit-remaining-tokens-month"),
        ),
        scope="organization",
        headers=("x-ratelimit-remaining-req-minute", "x-ratelimit-limit-req-minute", "x-ratelimit-limit-tokens-month"),
        codes=("1300", "service_tier_capacity_exceeded"),
    ),
    Provider(
        "xai",
        "docs.x.ai/docs/key-information/consumption-and-rate-limits; NousResearch/hermes-agent#26847",
        counts=(
            Count("minute", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
            Count("minute", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
        ),
        scope="organization",
        codes=("personal-team-blocked:spending-limit",),
    ),
    Provider("deepseek", "api-docs.deepseek.com/quick_start/error_codes; continuedev/continue#9942"),
    Provider(
        "moonshot",
        "platform.moonshot.ai/docs/api/errors; MoonshotAI/kimi-cli#2209",
        scope="organization",
        codes=("engine_overloaded_error", "exceeded_current_quota_error", "access_terminated_error"),
    ),
    Provider(
        "zai",
        "docs.z.ai/api-reference/api-code; kaitranntt/ccs#402",
        codes=("1302", "1303", "1305", "1308", "1310", "1113"),
    ),
    Provider("minimax", "platform.minimax.io/docs; MiniMax-AI/MiniMax-M2.7#36"),
    Provider(
        "cerebras",
        "inference-docs.cerebras.ai/support/rate-limits",
        counts=(
            Count("day", "x-ratelimit-remaining-requests-day", "x-ratelimit-reset-requests-day"),
            Count("day", "x-ratelimit-remaining-tokens-day", "x-ratelimit-reset-tokens-day"),
            Count("minute", "x-ratelimit-remaining-requests-minute", "x-ratelimit-reset-requests-minute"),
            Count("minute", "x-ratelimit-remaining-tokens-minute", "x-ratelimit-reset-tokens-minute"),
        ),
        scope="organization",
        headers=(
            "x-ratelimit-remaining-requests-day",
            "x-ratelimit-limit-requests-day",
            "x-ratelimit-reset-tokens-minute",
        ),
        codes=("request_quota_exceeded", "token_quota_exceeded"),
    ),
    Provider(
        "together",
        "docs.together.ai/docs/rate-limits",
        counts=(
            Count("minute", "x-ratelimit-remaining", "x-ratelimit-reset"),
            Count("minute", "x-tokenlimit-remaining", "x-tokenlimit-reset"),
        ),
        scope="organization",
        headers=("x-tokenlimit-",),
    ),
    Provider(
        "fireworks",
        "docs.fireworks.ai/guides/quotas_usage/rate-limits; pollinations/pollinations#12136",
        counts=(
            Count("minute", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
            Count("minute", "x-ratelimit-remaining-tokens-prompt"),
            Count("minute", "x-ratelimit-remaining-tokens-generated"),
        ),
        headers=("x-ratelimit-over-limit", "x-ratelimit-remaining-tokens-prompt", "fireworks-"),
        codes=("PRECONDITION_FAILED",),
    ),
)
"""In the order in which they are looked for."""

BY_DIALECT: Final[dict[Dialect, Provider]] = {provider.dialect: provider for provider in PROVIDERS}
