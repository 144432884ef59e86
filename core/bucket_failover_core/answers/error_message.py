"""The words that an error says itself, taken out of its message once for all that read them.

Rules: what the message quotes is another's, an address says nothing, and a page or a very long text is no message.
Words are looked up in tables, so that hardly a regular expression runs on a message that says nothing of its kind.

Road not taken: a regular expression that finds the words. It costs more than all the tables together.
"""

import re
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

_LENGTH_MAX: Final = 2_000
"""What a provider says of an error is shorter; a longer text quotes the request, or is a page."""

_ADDRESS: Final = re.compile(r"https?://\S{1,400}")
_QUOTED: Final = re.compile(r"""(?<!\w)(["'`])(?=\S)[^"'`\n]{0,400}(?<=\S)\1(?!\w)|“[^”\n]{0,400}”""")
_MARKS: Final = ('"', " '", "`", "“", "('")
_WORD: Final = re.compile(r"[a-z]+")
_BREAKS: Final = bytes(code if chr(code).isascii() and chr(code).islower() else ord(" ") for code in range(256))


class Message(NamedTuple):
    """What an error says in words of its own.

    Args:
        text: in lower case; empty if it says nothing.
        words: the runs of the letters a to z in it.
    """

    text: str
    words: AbstractSet[str]


NO_MESSAGE: Final = Message("", frozenset())


def message_of(raw: str) -> Message:
    """What an error's message says itself.

    Example: of "You've hit the 5-hour limit" the words are you, ve, hit, the, hour, limit.
    """
    text = said_itself(raw)
    return Message(text, words_of(text)) if text else NO_MESSAGE


def said_itself(message: str) -> str:
    """The message in lower case without what it quotes, and without addresses; empty if it is a page or blank."""
    if not message or message.lstrip()[:1] == "<":
        return ""
    text = message[:_LENGTH_MAX].lower()
    if not text.isascii():
        text = text.replace("’", "'")
    if "://" in text:
        text = _ADDRESS.sub(" ", text)
    for mark in _MARKS:
        if mark in text:
            return _QUOTED.sub(" ", text)
    return text


def words_of(text: str) -> AbstractSet[str]:
    """The runs of the letters a to z in a text in lower case."""
    return set(text.encode().translate(_BREAKS).decode().split() if text.isascii() else _WORD.findall(text))
