"""What the codes of an error mean, whichever provider sends it: a table, which docs/phrases.md is generated from.

Rules: a code counts wherever it stands (`code`, `type`, `status`, the `reason` of a detail) and with any status; the
first meaning of `MEANINGS` that an error's codes and phrases have is what it says.

Road not taken: a code's meaning per provider. The same names are sent by all who speak another one's dialect.
"""

from typing import Final, Literal, NamedTuple

from bucket_failover_core.facts.limits import Window

Meaning = Literal["too-large", "no-capacity", "money", "allowance", "disabled", "rate"]
"""What an error says: this request asks for more than the whole limit; the provider has no capacity; money is gone; an
allowance is used up; the account was disabled; too much at once."""

MEANINGS: Final[tuple[Meaning, ...]] = ("too-large", "no-capacity", "money", "allowance", "disabled", "rate")
"""In the order in which they count."""


class Code(NamedTuple):
    """A code, type or status of an error's own.

    Args:
        meaning: what it says.
        statuses: the HTTP statuses it was seen with.
        source: where.
        window: the window that it names; None: none.
    """

    meaning: Meaning
    statuses: tuple[int, ...]
    source: str
    window: Window | None = None


_OPENAI: Final = "platform.openai.com/docs/guides/error-codes"

CODES: Final[dict[str, Code]] = {
    "overloaded_error": Code("no-capacity", (529, 503, 429), "platform.claude.com/docs/en/api/errors"),
    "server_is_overloaded": Code("no-capacity", (503,), "github.com/openai/codex"),
    "engine_overloaded_error": Code("no-capacity", (429,), "MoonshotAI/kimi-cli#2209"),
    "model_overloaded": Code("no-capacity", (429, 503), "docs.together.ai/docs/error-codes"),
    "service_tier_capacity_exceeded": Code(
        "no-capacity", (429, 503), "continuedev/continue#6185; BerriAI/litellm#25078"
    ),
    "queue_exceeded": Code("no-capacity", (429,), "inference-docs.cerebras.ai/support/rate-limits"),
    "MODEL_CAPACITY_EXHAUSTED": Code("no-capacity", (429,), "google-gemini/gemini-cli#26633"),
    "1305": Code("no-capacity", (429,), "docs.z.ai/api-reference/api-code"),
    "insufficient_quota": Code("money", (429, 400, 403), _OPENAI),
    "billing_hard_limit_reached": Code("money", (429, 400), _OPENAI),
    "credit_balance_exhausted": Code("money", (429,), _OPENAI),
    "organization_usage_limit_exceeded": Code("money", (429,), _OPENAI),
    "organization_spend_limit_exceeded": Code("money", (429,), _OPENAI),
    "project_spend_limit_exceeded": Code("money", (429,), _OPENAI),
    "billing_not_active": Code("money", (429,), _OPENAI),
    "BILLING_DISABLED": Code("money", (403,), "cloud.google.com/billing/docs/how-to/modify-project"),
    "blocked_api_access": Code("money", (400,), "console.groq.com/docs/spend-limits"),
    "billing_error": Code("money", (402,), "platform.claude.com/docs/en/api/errors"),
    "exceeded_current_quota_error": Code("money", (429, 403), "platform.moonshot.ai/docs/api/errors"),
    "personal-team-blocked:spending-limit": Code("money", (403, 429), "NousResearch/hermes-agent#26847"),
    "insufficient_balance": Code("money", (402, 403), "continuedev/continue#9942"),
    "Arrearage": Code("money", (400,), "help.aliyun.com/zh/model-studio/error-code"),
    "insufficient_user_quota": Code("money", (403,), "songquanpeng/one-api (relay/controller)"),
    "1113": Code("money", (429,), "docs.z.ai/api-reference/api-code"),
    "QUOTA_EXHAUSTED": Code("allowance", (429,), "google-gemini/gemini-cli#25103"),
    "quota_exceeded": Code("allowance", (402,), "microsoft/vscode-copilot-release#5815"),
    "user_weekly_rate_limited": Code("allowance", (429,), "github/copilot-cli#2696", "week"),
    "1308": Code("allowance", (429,), "docs.z.ai/api-reference/api-code", "5h"),
    "1310": Code("allowance", (429,), "docs.z.ai/api-reference/api-code", "week"),
    "account_deactivated": Code("disabled", (401,), _OPENAI),
    "organization_restricted": Code("disabled", (400,), "console.groq.com/docs/errors"),
    "TOS_VIOLATION": Code("disabled", (403,), "router-for-me/CLIProxyAPI#1823"),
    "CONSUMER_SUSPENDED": Code("disabled", (403,), "ai.google.dev/gemini-api/docs/troubleshooting"),
    "slow_down": Code("rate", (429, 503), _OPENAI),
    "ThrottlingException": Code("rate", (429,), "docs.aws.amazon.com/bedrock/latest/APIReference"),
    "rate_limited": Code("rate", (429,), "cline/cline#9085"),
    "user_global_rate_limited": Code("rate", (429,), "github/copilot-cli#2696"),
    "1300": Code("rate", (429,), "cline/cline#9085"),
    "1302": Code("rate", (429,), "kaitranntt/ccs#402"),
    "1303": Code("rate", (429,), "docs.z.ai/api-reference/api-code"),
}
"""By the name itself."""
