"""What follows from an error's words beside its fields."""

from typing import Any

import pytest

from bucket_failover_core import Cause
from bucket_failover_core.answers.error_words import Words
from bucket_failover_core.answers.response import Answer
from bucket_failover_core.answers.signals import NOTED, Named, Reach, Signal, UsedUp
from bucket_failover_core.answers.word_signals import with_words
from bucket_failover_core.facts.limits import Window
from tests.core.answers.answers import NOW

WEEK: frozenset[Window] = frozenset({"week"})
MINUTE: frozenset[Window] = frozenset({"minute"})


def signals(words: Words, *said: Signal, status: int = 429) -> list[Signal]:
    """The signals of an answer with these words, whose dialect has said this."""
    return with_words(Answer(status, status, {}, words=words), list(said), now=NOW)


def in_words(window: Window, until: float | None = None, **fields: Any) -> UsedUp:
    """A window that words alone have named."""
    detail = "an allowance, in words" if window == "unknown" else f"{window}, in words"
    told = UsedUp(
        window,
        until,
        "body",
        "advisory" if until is None else "directive",
        detail=detail,
        guess_seconds=600.0 if window == "unknown" else None,
        waiting_heals=window != "balance",
    )
    return told._replace(**fields)


def test_no_capacity_adds_its_name() -> None:
    """By its code, else by words."""
    assert signals(Words("no-capacity")) == [Named(Cause.OVERLOADED, "no capacity")]
    assert signals(Words("no-capacity", code="1305")) == [Named(Cause.OVERLOADED, "1305")]


def test_a_disabled_account_is_forbidden() -> None:
    """What else was said stays."""
    assert signals(Words("disabled"), NOTED) == [NOTED, Named(Cause.FORBIDDEN, "the account is disabled")]


def test_an_allowance_is_its_windows_or_unknown() -> None:
    """With the end that words give, and as wide as the answer says."""
    cause = Named(Cause.QUOTA, "an allowance is used up")
    assert signals(Words("allowance")) == [in_words("unknown"), cause]
    assert signals(Words("allowance", WEEK)) == [in_words("week"), cause]
    assert signals(Words("allowance", WEEK, ends_in=60.0)) == [in_words("week", NOW + 60.0), cause]
    for moment, until in ((NOW - 1.0, None), (NOW, None), (NOW + 1.0, NOW + 1.0)):
        assert signals(Words("allowance", WEEK, ends_at=moment)) == [in_words("week", until), cause]
    reach = Reach("organization", "m")
    wide = in_words("week", scope="organization", model="m")
    assert signals(Words("allowance", WEEK), reach) == [reach, wide, cause]
    assert signals(Words("allowance", WEEK | {"day"})) == [in_words("day"), in_words("week"), cause]


def test_a_named_window_beats_the_class() -> None:
    """An "allowance" of a minute is a rate, and a "rate" of a week is an allowance."""
    assert signals(Words("allowance", MINUTE))[-1] == Named(Cause.THROTTLED, "an allowance is used up")
    assert signals(Words("rate", WEEK)) == [in_words("week"), Named(Cause.QUOTA, "a rate", is_spoken=False)]
    assert signals(Words("rate", MINUTE)) == [in_words("minute"), Named(Cause.THROTTLED, "a rate", is_spoken=False)]
    assert signals(Words("rate", code="1302")) == [Named(Cause.THROTTLED, "1302")]


def test_a_rate_that_a_field_tells_better_is_not_told_again() -> None:
    """Unless the words name a window of their own."""
    held = UsedUp("minute", NOW + 5.0)
    assert signals(Words("rate"), held) == [held]
    assert signals(Words("rate", WEEK), held) == [
        held,
        in_words("week"),
        Named(Cause.QUOTA, "a rate", is_spoken=False),
    ]


def test_what_a_field_has_said_gets_the_end_of_the_words() -> None:
    """If it has none; an unnamed allowance is whatever a field has said."""
    open_end, ended = UsedUp("week"), UsedUp("week", NOW + 5.0)
    cause = Named(Cause.QUOTA, "an allowance is used up")
    told = open_end._replace(until=NOW + 60.0, strength="directive")
    assert signals(Words("allowance", WEEK, ends_in=60.0), open_end) == [told, cause]
    assert signals(Words("allowance", ends_in=60.0), open_end) == [told, cause]
    assert signals(Words("allowance", WEEK, ends_in=60.0), ended) == [ended, cause]
    assert signals(Words("allowance", WEEK), open_end) == [open_end, cause]


def test_money_is_a_balance() -> None:
    """Whatever window a spending limit is named after; a header's month with an end is what it was for."""
    cause = Named(Cause.QUOTA, "money")
    assert signals(Words("money", frozenset({"month"}))) == [in_words("balance"), cause]
    named = UsedUp("month", source="body")
    assert signals(Words("money"), named) == [in_words("balance"), cause]
    month = UsedUp("month", NOW + 60.0)
    assert signals(Words("money", code="1113"), month) == [month, Named(Cause.QUOTA, "1113")]
    week = UsedUp("week", NOW + 60.0)
    assert signals(Words("money"), week) == [week, in_words("balance"), cause]
    endless = UsedUp("month")
    assert signals(Words("money"), endless) == [endless, in_words("balance"), cause]
    balance = UsedUp("balance", source="body")
    assert signals(Words("money"), balance) == [balance, cause]


def test_an_allowance_beside_money_is_money() -> None:
    """A field that says so knows better."""
    balance = UsedUp("balance")
    assert signals(Words("allowance", WEEK), balance) == [balance]


@pytest.mark.parametrize(
    ("status", "windows"), [(402, ["balance"]), (429, ["unknown"]), (413, []), (400, []), (403, [])]
)
def test_too_large_is_this_requests_own(status: int, windows: list[Window]) -> None:
    """With the cause by status; of the error's own windows none is used up, and headers still count."""
    header, body = UsedUp("minute", NOW + 5.0), UsedUp("minute", source="body")
    alone = [
        UsedUp(window, None, "body", scope="request", detail="larger than the whole limit", waiting_heals=False)
        for window in windows
    ]
    assert signals(Words("too-large", MINUTE), header, body, status=status) == [header, *alone]
    told = UsedUp("balance", source="body", scope="request")
    assert signals(Words("too-large"), told, status=status) == [told]


@pytest.mark.parametrize(("status", "count"), [(402, 2), (403, 2), (429, 2), (401, 0), (500, 0)])
def test_an_end_without_a_meaning_counts_on_a_refusal(status: int, count: int) -> None:
    """An end says by itself that something is used up."""
    found = signals(Words(ends_in=60.0), status=status)
    assert found == [in_words("unknown", NOW + 60.0), Named(Cause.QUOTA, "an end is told")][:count]
