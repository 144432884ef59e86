"""What the words of an error mean, whichever provider sends it: a table, which docs/phrases.md is generated from.

Rules: a phrase counts in what the provider says of an error, outside quotation marks and addresses. On a 400, 404, 412
or 422, which may be about the content of the request, only a code counts, or a phrase that is `firm`: one that cannot
be about content. Of several the first counts, in the order of `MEANINGS`.

Intuition: providers disagree on the status of "no money left" (400, 402, 403, 412, 429, 500), and agree on the words.

Road not taken: a list of words ("limit", "quota"). Prompts, model names and links to documentation have them, too.
"""

import re
from typing import Final, NamedTuple

from bucket_failover_core.answers.error_codes import Meaning


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


def _is(text: str) -> "re.Pattern[str]":
    return re.compile(text, re.ASCII)


_REACHED = r"(?:reached|exceeded|exhausted|hit|used up|depleted)"
_KIND = (
    r"(?:usage|session|weekly|monthly|daily|hourly|plan|allowance|\(?(?:5|24)[ -]hours?(?:\(s\))?|five-hour|"
    r"per (?:day|week|month)|\(?7-day\)?|\(?30-day\)?|extra usage|premium(?: \w+)?|billing (?:cycle|period))"
)
_LIMIT = r"(?:limits?|quotas?|caps?|allowance|usage)"
_KIND_WORDS = (
    *("usage", "session", "weekly", "monthly", "daily", "hourly", "plan", "allowance"),
    *("hour", "hours", "five", "day", "week", "month", "extra", "premium", "cycle", "period"),
)
_LIMIT_WORDS = ("limit", "limits", "quota", "quotas", "cap", "caps", "allowance", "usage")
_OFF = r"(?:disabled|deactivated|suspended|banned|terminated)"
_IS_OFF = rf"(?:is|was|been|being) (?:\w+ )?{_OFF}\b"
_OFF_WORDS = ("disabled", "deactivated", "suspended", "banned", "terminated")
_WORDS = r"(?:[\w'()/.-]+ )"

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
        _is(r"\boverloaded\b"),
        ("overloaded",),
        (429, 503, 529),
        "platform.claude.com/docs/en/api/errors; MoonshotAI/kimi-cli#2209",
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
        _is(
            r"\bexperiencing (?:very )?high (?:demand|traffic|load)\b|"
            r"\b(?:service|server|engine|model|system) is (?:too )?busy\b"
        ),
        ("high", "busy"),
        (429, 503),
        "inference-docs.cerebras.ai/support/rate-limits; api-docs.deepseek.com/quick_start/error_codes",
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
            r"\b(?:out of|run out of|ran out of|no more|no remaining|(?:(?:don't|doesn't|not) have |not )enough) "
            r"(?:prepaid |available |api |purchased )?credits\b|"
            r"\bcredits? (?:have |has )?(?:been |are |is )?(?:exhausted|depleted|used up|run out)\b|"
            r"\bno credits (?:left|remaining|available)\b"
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
            r"\b(?:failure|failed) to pay\b"
        ),
        ("unpaid", "overdue", "due", "outstanding", "pay"),
        (402, 403, 412),
        "amd/gaia#3766",
        is_firm=True,
    ),
    Phrase(
        "money",
        _is(r"\bpayment (?:is |was )?(?:overdue|declined|required)\b"),
        ("payment",),
        (402, 403),
        "rfc-editor.org/rfc/rfc9110#section-15.5.3; docs.together.ai/docs/error-codes",
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
        _is(r"\bcredit limit (?:is |has been |was )?(?:exceeded|reached)\b"),
        ("credit",),
        (402,),
        "docs.together.ai/docs/error-codes",
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
            r"\byou(?:'re| are) (?:now )?out of (?:your )?(?:extra |included |premium )?(?:usage|quota|allowance)\b|"
            rf"\byou(?:'ve| have) (?:now )?{_REACHED} your {_WORDS}{{0,4}}?"
            rf"(?:quotas?|allowance|{_KIND} {_WORDS}{{0,2}}?{_LIMIT})\b"
        ),
        ("you",),
        (400, 403, 429),
        "earendil-works/pi#2943; NousResearch/hermes-agent#75147",
        is_firm=True,
        also=_LIMIT_WORDS,
    ),
    Phrase(
        "allowance",
        _is(rf"\byou(?:'ve|'re| have| are) (?:now )?(?:{_REACHED}|over) {_WORDS}{{0,5}}?(?:usage|quotas?|allowance)\b"),
        ("you",),
        (403, 429),
        "earendil-works/pi#3643; GordeyZuev/LEAP#6",
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
            rf"\b(?:limit|quota|usage) {_WORDS}{{0,4}}?billing (?:cycle|period)\b"
        ),
        ("quota", "billing"),
        (402, 403, 429),
        "ai.google.dev/gemini-api/docs/rate-limits; can1357/oh-my-pi#11827",
    ),
    Phrase("allowance", re.compile(r"使用上限|使用限额|额度已用"), (), (429,), "docs.z.ai/api-reference/api-code"),
    Phrase(
        "disabled",
        _is(rf"(?:\b(?:this|your) (?:account|organi[sz]ation|workspace|team)|^account) {_WORDS}{{0,4}}?{_IS_OFF}"),
        _OFF_WORDS,
        (400, 401, 403, 412),
        "anthropics/claude-code#19028 (this organization has been disabled); amd/gaia#3766",
        is_firm=True,
    ),
    Phrase(
        "disabled",
        _is(
            rf"\b(?:account|organi[sz]ation|workspace|project|team|user|consumer) {_WORDS}{{0,7}}?{_IS_OFF}|"
            rf"\b{_OFF} (?:in )?(?:your |this |the )?(?:account|organi[sz]ation|workspace)\b|^access terminated\b"
        ),
        _OFF_WORDS,
        (403,),
        "clacky-ai/openclacky#192; ai.google.dev/gemini-api/docs/troubleshooting",
    ),
    Phrase(
        "rate",
        _is(
            r"\brate[ -]?limit(?:s|ed|ing)?\b|\btoo many (?:concurrent )?(?:requests|tokens|connections)\b|"
            r"\bconcurren(?:t|cy)\b|\b(?:requests|tokens|queries) per (?:second|minute|min)\b|"
            r"\b(?:max|limit|reached|exceeded) (?:\w+ )?[rt]p[md]\b"
        ),
        (
            "rate",
            "ratelimit",
            "ratelimited",
            "many",
            "concurrent",
            "concurrency",
            "per",
            "rpm",
            "tpm",
            "rpd",
            "tpd",
        ),
        (403, 429),
        "nminaya/grammar-nazi-bot#958; kaitranntt/ccs#402",
    ),
)
"""In the order of `MEANINGS`."""
