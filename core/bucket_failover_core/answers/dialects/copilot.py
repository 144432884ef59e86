"""GitHub Copilot: a month's allowance of each kind in a header of its own, and the rest in words.

`x-quota-snapshot-<kind>: ent=300&ov=0.0&ovPerm=false&rem=0.0&rst=2026-09-01T00%3A00%3A00Z`: entitled, overage so far,
overage permitted, remaining percent, reset. It comes with successes as well, of every kind; there it says nothing of
the kind that was asked for.

Sources: microsoft/vscode-copilot-release#5815, caozhiyuan/copilot-api#110.
"""

from typing import Final

from bucket_failover_core.answers.response import Answer
from bucket_failover_core.answers.signals import NOTED, Reach, Signal, Unreadable, UsedUp
from bucket_failover_core.formats import parse_number, parse_rfc_3339

PREFIX: Final = "x-quota-snapshot-"
_PERMITTED: Final = frozenset({"true", "1"})


def read_copilot(answer: Answer, *, now: float) -> list[Signal]:  # noqa: ARG001 - its moments stand by themselves
    """What an answer of Copilot's says."""
    signals: list[Signal] = []
    for name in answer.headers:
        if name.startswith(PREFIX):
            signals += (_snapshot(answer, name, text) for text in answer.values(name))
    return signals if answer.succeeded else [*signals, Reach("credential")]


def _snapshot(answer: Answer, name: str, text: str) -> Signal:
    fields = dict(part.partition("=")[::2] for part in text.split("&"))
    remaining = parse_number(fields.get("rem", "").lstrip("-"))
    if remaining is None:
        return Unreadable(name)
    is_over = remaining == 0 or fields.get("rem", "").startswith("-")
    if answer.succeeded or not is_over or fields.get("ovPerm", "").lower() in _PERMITTED:
        return NOTED
    until = parse_rfc_3339(fields.get("rst", "").replace("%3A", ":").replace("%3a", ":").replace("%2B", "+"))
    return UsedUp("month", until, "header", detail=f"{name}: rem=0")
