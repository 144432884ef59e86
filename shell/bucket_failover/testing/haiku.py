"""The answer itself: a haiku."""

import re
from typing import Final

HAIKU: Final = (
    "One bucket runs dry;\nthe next one stands in the rain,\nalready half full.",
    "The door says: too soon.\nBeside it another door.\nThe lamp there still burns.",
    "A token grows old.\nQuietly it is renewed\nbefore the first frost.",
    "Nobody was asked.\nThe answer came all the same,\nsigned by someone else.",
)
"""Taken in turn, so that a test can say which comes when."""

INPUT_TOKENS: Final = 8
"""How many tokens every question is said to have. Invented: nothing here counts what was asked."""


def pieces(text: str) -> tuple[str, ...]:
    """The text word by word, with the blanks that follow each; joined, they are the text."""
    return tuple(re.findall(r"\S+\s*", text))
