"""The phrases of errors: each is met by an answer of the pack, and by no text that only quotes it."""

import json
import re
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import pytest

from bucket_failover_core import CallFailure
from bucket_failover_core.answers.error_codes import CODES, MEANINGS
from bucket_failover_core.answers.error_message import said_itself, words_of
from bucket_failover_core.answers.phrases import PHRASES, Phrase
from bucket_failover_core.answers.response import answer_of

CASES = Path(__file__).parents[3] / "shell" / "bucket_failover" / "conformance" / "cases"
WORD = re.compile(r"[a-z]+")


def _id(phrase: Phrase) -> str:
    return f"{phrase.meaning}: {phrase.text.pattern[:40]}"


EACH = pytest.mark.parametrize("phrase", PHRASES, ids=_id)


@lru_cache(maxsize=1)
def said() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """What each failed answer of the pack that is no false alarm says of itself, and the names of its error."""
    found = []
    for file in sorted(CASES.glob("*.json")):
        for case in json.loads(file.read_text(encoding="utf-8")):
            if "-false-alarm-" in case["name"]:
                continue
            error = answer_of(CallFailure.model_validate(case["failure"])).error
            found.append((said_itself(error.message), error.names))
    return tuple(found)


def matched(phrase: Phrase) -> list[str]:
    """The texts of the pack that a phrase is in."""
    return [text for text, _ in said() if text and phrase.text.search(text)]


@EACH
def test_a_phrase_is_met_by_an_answer_of_the_pack(phrase: Phrase) -> None:
    """One that no answer has is a guess, and its source is no help to those who look for it."""
    assert matched(phrase), "no case of the pack has it: add one, or take the phrase away"


@EACH
def test_a_phrase_is_looked_for_by_a_word_that_each_of_its_texts_has(phrase: Phrase) -> None:
    """What `words` and `also` leave out is never found."""
    for text in matched(phrase):
        words = words_of(text)
        assert not phrase.words or words & set(phrase.words), text
        assert not phrase.also or words & set(phrase.also), text


@EACH
def test_every_word_is_one_that_can_be_found(phrase: Phrase) -> None:
    """A word is what the reader takes for one, as a whole."""
    for word in (*phrase.words, *phrase.also):
        assert WORD.fullmatch(word), word
    assert phrase.words or not phrase.text.pattern.isascii()


@EACH
def test_no_phrase_is_in_a_text_that_only_quotes_it(phrase: Phrase) -> None:
    """In any quotation marks, in a page, or in an address."""
    for text in (text for text in matched(phrase) if not set(text) & set("\"'`“”\n")):
        for left, right in ('""', "''", "``", "“”"):
            assert not phrase.text.search(said_itself(f"Invalid value: {left}{text.strip()}{right} is not allowed."))
        assert said_itself(f"<html><body>{text}</body></html>") == ""
        address = "https://example.com/" + text.strip().replace(" ", "%20")
        assert not phrase.text.search(said_itself(f"See {address}"))


@EACH
def test_a_phrase_has_a_source_and_statuses(phrase: Phrase) -> None:
    """A page or an issue, and statuses of failures; one for statuses of content is firm."""
    assert "." in phrase.source or "#" in phrase.source
    assert phrase.statuses
    assert all(400 <= status < 600 for status in phrase.statuses)
    assert phrase.text.groups == 0


def test_phrases_stand_in_the_order_of_their_meanings() -> None:
    """The first that matches is what is said, so the table's order is the rule's."""
    places = [MEANINGS.index(phrase.meaning) for phrase in PHRASES]
    assert all(one <= other for one, other in pairwise(places))
    assert {phrase.meaning for phrase in PHRASES} == set(MEANINGS)


def test_every_code_is_met_by_an_answer_of_the_pack() -> None:
    """One that no answer has is a guess."""
    names = {name for _, each in said() for name in each}
    assert sorted(set(CODES) - names) == []
