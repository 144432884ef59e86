"""What the words and codes of an error mean, whoever sends it: one table, which docs/phrases.md is generated from.

Rules: a code counts wherever it stands; a phrase counts in what the provider says of an error, outside quotation marks
and addresses. On a 400, 404, 412 or 422, which may be about the content of the request, only a code counts, or a phrase
that is `firm`: one that cannot be about content. The first meaning of `MEANINGS` that matches is what the error says.

Intuition: providers disagree on the status of "no money left" (400, 402, 403, 412, 429, 500), and agree on the words.

Road not taken: a list of words ("limit", "quota"). Prompts, model names and links to documentation have them, too.
"""

import re
from typing import Final, Literal, NamedTuple

from bucket_failover_core.facts.limits import Window

Meaning = Literal["too-large", "no-capacity", "money", "allowance", "disabled", "rate"]
"""What an error says: this request asks for more than the whole limit; the provider has no capacity; money is gone; an
allowance is used up; the account was disabled; too much at once."""

MEANINGS: Final[tuple[Meaning, ...]] = ("too-large", "no-capacity", "money", "allowance", "disabled", "rate")
"""In the order in which they count (contract, *What the error says beats the status*)."""


class Phrase(NamedTuple):
    """One way of saying it.

    Args:
        meaning: what it says.
        text: a regular expression for the message in lower case; bounded, so that it takes linear time.
        words: one of these stands in each message that it matches: what is looked for first.
        statuses: the HTTP statuses it was seen with.
        source: where.
        is_firm: it cannot be about the content of a request.
        also: one of these stands there too; empty: nothing is needed.
    """

    meaning: Meaning
    text: "re.Pattern[str]"
    words: tuple[str, ...]
    statuses: tuple[int, ...]
    source: str
    is_firm: bool = False
    also: tuple[str, ...] = ()


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


def _is(text: str) -> "re.Pattern[str]":
    return re.compile(text, re.ASCII)


_OPENAI = "platform.openai.com/docs/guides/error-codes"
_REACHED = r"(?:reached|exceeded|exhausted|hit|used up|depleted)"
_KIND = (
    r"(?:usage|session|weekly|monthly|daily|hourly|plan|allowance|\(?(?:5|24)[ -]hours?(?:\(s\))?|five-hour|"
    r"\(?7-day\)?|\(?30-day\)?|extra usage|premium(?: \w+)?|billing cycle)"
)
_LIMIT = r"(?:limits?|quotas?|caps?|allowance|usage)"
_KIND_WORDS = (
    "usage",
    "session",
    "weekly",
    "monthly",
    "daily",
    "hourly",
    "plan",
    "allowance",
    "hour",
    "hours",
    "five-hour",
    "day",
    "extra",
    "premium",
    "cycle",
)
_LIMIT_WORDS = ("limit", "limits", "quota", "quotas", "cap", "caps", "allowance", "usage")
_WORDS = r"(?:[\w'()/.-]+ )"

CODES: Final[dict[str, Code]] = {
    "overloaded_error": Code("no-capacity", (529, 503, 429), "platform.claude.com/docs/en/api/errors"),
    "server_is_overloaded": Code("no-capacity", (503,), "github.com/openai/codex"),
    "engine_overloaded_error": Code("no-capacity", (429,), "MoonshotAI/kimi-cli#2209"),
    "model_overloaded": Code("no-capacity", (429, 503), "docs.together.ai/docs/error-codes"),
    "MODEL_CAPACITY_EXHAUSTED": Code("no-capacity", (429,), "google-gemini/gemini-cli#26633"),
    "1305": Code("no-capacity", (429,), "docs.z.ai/api-reference/api-code"),
    "insufficient_quota": Code("money", (429, 400, 403), _OPENAI),
    "billing_hard_limit_reached": Code("money", (429, 400), _OPENAI),
    "credit_balance_exhausted": Code("money", (429,), _OPENAI),
    "organization_usage_limit_exceeded": Code("money", (429,), _OPENAI),
    "organization_spend_limit_exceeded": Code("money", (429,), _OPENAI),
    "project_spend_limit_exceeded": Code("money", (429,), _OPENAI),
    "billing_error": Code("money", (402,), "platform.claude.com/docs/en/api/errors"),
    "exceeded_current_quota_error": Code("money", (429, 403), "platform.moonshot.ai/docs/api/errors"),
    "personal-team-blocked:spending-limit": Code("money", (403, 429), "NousResearch/hermes-agent#26847"),
    "insufficient_balance": Code("money", (402, 403), "continuedev/continue#9942"),
    "1113": Code("money", (429,), "docs.z.ai/api-reference/api-code"),
    "QUOTA_EXHAUSTED": Code("allowance", (429,), "google-gemini/gemini-cli#25103"),
    "quota_exceeded": Code("allowance", (402,), "microsoft/vscode-copilot-release#5815"),
    "user_weekly_rate_limited": Code("allowance", (429,), "github/copilot-cli#2696", "week"),
    "1308": Code("allowance", (429,), "docs.z.ai/api-reference/api-code", "5h"),
    "1310": Code("allowance", (429,), "docs.z.ai/api-reference/api-code", "week"),
    "slow_down": Code("rate", (429, 503), _OPENAI),
    "ThrottlingException": Code("rate", (429,), "docs.aws.amazon.com/bedrock/latest/APIReference"),
    "rate_limited": Code("rate", (429,), "cline/cline#9085"),
    "user_global_rate_limited": Code("rate", (429,), "github/copilot-cli#2696"),
    "1300": Code("rate", (429,), "cline/cline#9085"),
    "1302": Code("rate", (429,), "kaitranntt/ccs#402"),
    "1303": Code("rate", (429,), "docs.z.ai/api-reference/api-code"),
}
"""By the name itself."""

PHRASES: Final[tuple[Phrase, ...]] = (
    Phrase(
        "too-large",
        _is(r"\brequest too large\b|\bprompt tokens limit exceeded: \d"),
        ("large", "prompt"),
        (413, 429, 402),
        "continuedev/continue#10962; console.groq.com/docs/errors",
    ),
    Phrase(
        "too-large",
        _is(r"\brequires more credits, or fewer max_tokens\b|\bcan only afford \d"),
        ("afford", "fewer"),
        (402,),
        "openrouter.ai/docs/api-reference/errors",
    ),
    Phrase(
        "too-large",
        _is(r"\bextra usage is required for long context\b"),
        ("context",),
        (429,),
        "NousResearch/hermes-agent#75147",
        is_firm=True,
    ),
    Phrase(
        "no-capacity",
        _is(rf"\b(?:model|engine|server|service|provider|system|api) {_WORDS}{{0,4}}?(?:is|are) (?:\w+ )?overloaded\b"),
        ("overloaded",),
        (429, 503, 529),
        "MoonshotAI/kimi-cli#2209",
        is_firm=True,
    ),
    Phrase(
        "no-capacity",
        _is(r"\boverloaded\b"),
        ("overloaded",),
        (429, 503, 529),
        "platform.claude.com/docs/en/api/errors",
    ),
    Phrase(
        "no-capacity",
        _is(
            r"\b(?:at|over|out of|insufficient|no) (?:full |model |available )?capacity\b|"
            r"\bcapacity (?:is |has been |was )?(?:exceeded|constrained|unavailable)\b"
        ),
        ("capacity",),
        (429, 503, 400),
        "google-gemini/gemini-cli#26633; docs.mistral.ai (service tier capacity exceeded)",
    ),
    Phrase(
        "no-capacity",
        _is(r"^\s*resource exhausted\. please try again later"),
        ("exhausted",),
        (429,),
        "cloud.google.com/vertex-ai/generative-ai/docs/error-code-429",
    ),
    Phrase(
        "money",
        _is(r"^\W*insufficient (?:account )?(?:balance|credits?|funds)\b"),
        ("insufficient",),
        (402, 403, 429, 500),
        "continuedev/continue#9942; platform.minimax.io/docs (1008)",
        is_firm=True,
    ),
    Phrase(
        "money",
        _is(r"\binsufficient (?:account |user |wallet )?(?:balance|credits?|funds)\b"),
        ("insufficient",),
        (402, 500),
        "platform.minimax.io/docs (1008)",
    ),
    Phrase(
        "money",
        _is(
            r"\b(?:credit|account|wallet|prepaid) balance (?:is )?(?:too low|insufficient|not enough|empty|exhausted|"
            r"depleted|negative)\b"
        ),
        ("balance",),
        (400, 402, 403),
        "platform.claude.com/docs/en/api/errors",
        is_firm=True,
    ),
    Phrase(
        "money",
        _is(
            r"\b(?:used|consumed|exhausted|spent) (?:up )?all (?:of )?(?:your |its |the |their )?"
            r"(?:available |remaining |prepaid |purchased )?credits\b|"
            r"\b(?:out of|run out of|ran out of|no more|no remaining|not enough) "
            r"(?:prepaid |available |api |purchased )?credits\b|"
            r"\bcredits? (?:have |has )?(?:been |are |is )?(?:exhausted|depleted|used up)\b"
        ),
        ("credits", "credit"),
        (402, 403, 429),
        "Anantys-oss/koan#2412; warpdotdev/warp#14867",
        is_firm=True,
    ),
    Phrase(
        "money",
        _is(
            rf"\b{_REACHED} {_WORDS}{{0,5}}?spend(?:ing)? (?:limit|cap)\b|"
            rf"\breaching {_WORDS}{{0,4}}?spend(?:ing)? limit\b|"
            rf"\bspend(?:ing)? (?:limit|cap) {_WORDS}{{0,3}}?{_REACHED}\b"
        ),
        ("spending", "spend"),
        (403, 412, 429),
        "pollinations/pollinations#12136; NousResearch/hermes-agent#26847",
        is_firm=True,
    ),
    Phrase(
        "money",
        _is(
            r"\b(?:unpaid|overdue|past[ -]due|outstanding) (?:invoices?|bills?|balance|payments?)\b|"
            r"\b(?:failure|failed) to pay\b|\bpayment (?:is |was )?(?:overdue|declined|required)\b"
        ),
        ("unpaid", "overdue", "due", "past-due", "outstanding", "pay", "payment"),
        (402, 403, 412),
        "amd/gaia#3766",
        is_firm=True,
    ),
    Phrase(
        "money",
        _is(
            r"\breached your specified (?:workspace )?api usage limits\b|\bbilling hard limit\b|\bkey limit exceeded\b"
        ),
        ("specified", "billing", "key"),
        (400, 403, 429),
        "platform.claude.com/docs/en/api/errors; openrouter.ai/docs/api-reference/limits",
        is_firm=True,
    ),
    Phrase(
        "money",
        _is(r"\b(?:you have|has) no quota\b|\bno (?:more )?quota (?:left|remaining)\b"),
        ("quota",),
        (402, 403),
        "microsoft/vscode-copilot-release#13468",
    ),
    Phrase(
        "money",
        re.compile(r"余额不足|欠费|账户余额"),
        (),
        (402, 403, 429),
        "docs.z.ai/api-reference/api-code",
        is_firm=True,
    ),
    Phrase(
        "allowance",
        _is(rf"\b{_REACHED} {_WORDS}{{0,5}}?{_KIND} {_WORDS}{{0,2}}?{_LIMIT}\b"),
        ("reached", "exceeded", "exhausted", "hit", "up", "depleted"),
        (403, 429),
        "openclaw/openclaw#142656; MiniMax-AI/MiniMax-M2.7#36",
        also=_KIND_WORDS,
    ),
    Phrase(
        "allowance",
        _is(rf"\b{_KIND} {_WORDS}{{0,3}}?{_LIMIT} {_WORDS}{{0,4}}?{_REACHED}\b"),
        ("reached", "exceeded", "exhausted", "hit", "up", "depleted"),
        (403, 429),
        "openclaw/openclaw#142656; MiniMax-AI/MiniMax-M2.7#36",
        also=_KIND_WORDS,
    ),
    Phrase(
        "allowance",
        _is(
            rf"\byou(?:'ve|'re| have| are) (?:now )?(?:{_REACHED}|out of|over) {_WORDS}{{0,5}}?"
            rf"(?:usage|quotas?|allowance|{_KIND} {_WORDS}{{0,2}}?{_LIMIT})\b"
        ),
        ("you've", "you're", "you"),
        (400, 403, 429),
        "earendil-works/pi#2943; NousResearch/hermes-agent#75147",
        is_firm=True,
        also=_LIMIT_WORDS,
    ),
    Phrase(
        "allowance",
        _is(
            r"\b(?:out of|used up|exhausted|run out of) (?:your |all |all of your |its |the )?"
            r"(?:extra |included |monthly |weekly |daily |remaining |premium |free |model )*"
            r"(?:usage|allowance|quotas?|capacity|requests|messages|prompts)\b"
        ),
        ("out", "up", "exhausted"),
        (400, 403, 429),
        "google-gemini/gemini-cli#13004; earendil-works/pi#2943",
    ),
    Phrase(
        "allowance",
        _is(
            rf"\bquota {_WORDS}{{0,3}}?{_REACHED}\b|\bexceeded {_WORDS}{{0,4}}?quota\b|"
            rf"\b(?:limit|quota|usage) {_WORDS}{{0,4}}?billing cycle\b"
        ),
        ("quota", "cycle", "billing"),
        (402, 403, 429),
        "ai.google.dev/gemini-api/docs/rate-limits; can1357/oh-my-pi#11827",
    ),
    Phrase("allowance", re.compile(r"使用上限|使用限额|额度已用"), (), (429,), "docs.z.ai/api-reference/api-code"),
    Phrase(
        "disabled",
        _is(
            rf"\b(?:account|organization|organisation|workspace|project|team|user) {_WORDS}{{0,4}}?"
            r"(?:disabled|deactivated|suspended|banned|terminated)\b|"
            rf"\b(?:disabled|deactivated|suspended|banned|terminated) {_WORDS}{{0,3}}?"
            r"(?:account|organization|workspace)\b"
        ),
        ("disabled", "deactivated", "suspended", "banned", "terminated"),
        (400, 403, 412),
        "platform.claude.com/docs/en/api/errors (this organization has been disabled)",
        is_firm=True,
    ),
    Phrase(
        "rate",
        _is(
            r"\brate[ -]?limit(?:s|ed|ing)?\b|\btoo many (?:concurrent )?(?:requests|tokens|connections)\b|"
            r"\bconcurren(?:t|cy)\b|\b(?:requests|tokens) per (?:second|minute|min)\b"
        ),
        ("rate", "rate-limit", "rate-limited", "ratelimit", "ratelimited", "many", "concurrent", "concurrency", "per"),
        (403, 429),
        "nminaya/grammar-nazi-bot#958; kaitranntt/ccs#402",
    ),
)
"""In the order of `MEANINGS`."""
