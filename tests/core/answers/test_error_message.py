"""The words that an error says itself: what is quoted, and what counts as a word."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucket_failover_core.answers.error_message import NO_MESSAGE, message_of, said_itself, words_of


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("A 'quoted one' here", "a   here"),
        ('A "quoted one" here', "a   here"),
        ("A `quoted one` here", "a   here"),
        ("A “quoted one” here", "a   here"),
        ("You're out of the model's usage", "you're out of the model's usage"),
        ("You’re out", "you're out"),
        ("Don't, won't", "don't, won't"),
        ("See https://x.y/usage-limit now", "see   now"),
        ("<html>usage limit</html>", ""),
        ("  <html>", ""),
        ("", ""),
    ],
)
def test_what_is_quoted_is_not_said(message: str, said: str) -> None:
    """An apostrophe is no quotation mark."""
    assert said_itself(message) == said


@given(st.text(max_size=60) | st.text("aZ-' 5\u0130\u212a小.", max_size=60))
def test_words_are_the_runs_of_letters(text: str) -> None:
    """Whichever way they are found."""
    lower = text.lower()
    assert words_of(lower) == set(re.findall("[a-z]+", lower))


def test_a_message_that_says_nothing() -> None:
    """It is the same object each time."""
    assert message_of("") is NO_MESSAGE
    assert message_of("<html>") is NO_MESSAGE
    assert message_of("You've hit the 5-hour LIMIT").words == {"you", "ve", "hit", "the", "hour", "limit"}


def test_long_repeats_end() -> None:
    """64 KiB of any repeat are read in linear time: this test ends."""
    for piece in ("'", "''", " '", "'a' ", "`", "“", "https://", "“”", "('", "\n'x"):
        message_of(piece * (65_536 // len(piece)))
