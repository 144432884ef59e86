"""The codes of errors: each is in use, means one thing, and says where it was seen."""

import pytest

from bucket_failover_core.answers.error_codes import CODES, MEANINGS
from bucket_failover_core.answers.error_message import NO_MESSAGE
from bucket_failover_core.answers.error_names import MONEY_NAMES, OVERLOAD_NAMES
from bucket_failover_core.answers.error_words import Words, read_words


@pytest.mark.parametrize("name", CODES)
def test_a_code_says_what_it_means_wherever_it_stands(name: str) -> None:
    """With any status, without a word beside it, and first or last among the names."""
    code = CODES[name]
    windows = frozenset() if code.window is None else frozenset({code.window})
    for names in ((name,), ("error", name), (name, "error")):
        for status in (400, 403, 404, 429, 500):
            assert read_words(names, NO_MESSAGE, status) == Words(code.meaning, windows, code=name)


@pytest.mark.parametrize("name", CODES)
def test_a_code_has_a_source_and_statuses(name: str) -> None:
    """A page or an issue, and statuses of failures."""
    code = CODES[name]
    assert code.meaning in MEANINGS
    assert "." in code.source or "#" in code.source or "/" in code.source
    assert code.statuses
    assert all(400 <= status < 600 for status in code.statuses)


def test_a_name_that_is_no_code_says_nothing() -> None:
    """Nor does a part of one, nor one in other letters."""
    for name in ("insufficient", "insufficient_quota_x", "INSUFFICIENT_QUOTA", "130", "13000", ""):
        assert read_words((name,), NO_MESSAGE, 429) == Words()


def test_the_first_meaning_counts_whichever_name_is_first() -> None:
    """No capacity before money, money before an allowance, an allowance before a rate."""
    order = ("overloaded_error", "insufficient_quota", "quota_exceeded", "account_deactivated", "slow_down")
    for place, name in enumerate(order):
        for other in order[place + 1 :]:
            for names in ((name, other), (other, name)):
                assert read_words(names, NO_MESSAGE, 429).code == name


def test_the_names_that_have_a_status_of_their_own_are_among_the_codes() -> None:
    """Of a stream the status follows from the name; what the name means is said here."""
    assert {name for name in MONEY_NAMES if CODES[name].meaning != "money"} == set()
    assert {name for name in OVERLOAD_NAMES if CODES[name].meaning != "no-capacity"} == set()
