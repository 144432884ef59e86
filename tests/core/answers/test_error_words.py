"""What an error says of itself: meanings, windows, ends, and what is only quoted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucket_failover_core.answers.error_message import message_of
from bucket_failover_core.answers.error_words import NO_WORDS, Words, read_words
from bucket_failover_core.facts.limits import Window
from bucket_failover_core.formats import parse_rfc_3339

EVENING = parse_rfc_3339("2026-08-12T20:00:00Z")
FIRM = "You're out of extra usage."
LOOSE = "Weekly usage limit reached."


def words(message: str, *names: str, status: int | None = 429) -> Words:
    """What is read of it."""
    return read_words(names, message_of(message), status)


@pytest.mark.parametrize(
    ("message", "meaning"),
    [
        ("Request too large for gpt", "too-large"),
        ("Prompt tokens limit exceeded: 69120 > 36608.", "too-large"),
        ("tokens per min (TPM): Limit 30000, Requested 30001", "too-large"),
        ("tokens per min (TPM): Limit 30000, Requested 30000", "rate"),
        ("tokens per min (TPM): Limit 7000, Used 0, Requested ~12903", "too-large"),
        ("Limit: 30,000 / Requested: 342,389", "too-large"),
        ("requested 9, limit 3", None),
        ("the limit that was requested is not known", None),
        ("12 > 11", "too-large"),
        ("11 > 12", None),
        ("12>11", None),
        ("1.12 > 11", None),
        ("The engine is currently overloaded", "no-capacity"),
        ("overloading is a feature of C++", None),
        ("Insufficient Balance", "money"),
        ("your balance is sufficient", None),
        ("weekly (7-day) usage limit reached", "allowance"),
        ("usage limits are described elsewhere", None),
        ("This organization has been disabled.", "disabled"),
        ("Your account is temporarily suspended", "disabled"),
        ("The account associated with this API key has been deactivated.", "disabled"),
        ("We have suspended your account", "disabled"),
        ("Gemini has been disabled in this account for violation of terms", "disabled"),
        ("Access terminated.", "disabled"),
        ("Tools have been disabled for this model.", None),
        ("Your organization has streaming disabled", None),
        ("Copilot Chat is disabled for your organization.", None),
        ("Rate limit exceeded", "rate"),
        ("moderate limits", None),
        ("", None),
    ],
)
def test_what_is_said(message: str, meaning: str | None) -> None:
    """Both sides of each boundary."""
    assert words(message).meaning == meaning


@pytest.mark.parametrize(
    ("status", "loose"),
    [(400, None), (404, None), (412, None), (422, None), (401, "allowance"), (403, "allowance"), (500, "allowance")],
)
def test_on_a_status_of_content_only_what_is_firm_counts(status: int, loose: str | None) -> None:
    """A code is."""
    assert words(LOOSE, status=status).meaning == loose
    assert words(FIRM, status=status).meaning == "allowance"
    assert words(LOOSE, "insufficient_quota", status=status).code == "insufficient_quota"
    assert words("1000 > 10", status=status).meaning == (None if loose is None else "too-large")


def test_without_a_status_words_count() -> None:
    """An event of a stream has none."""
    assert words(LOOSE, status=None).meaning == "allowance"


@pytest.mark.parametrize(
    ("message", "windows"),
    [
        ("5-hour usage limit reached", {"5h"}),
        ("5 hour(s) usage limit reached", {"5h"}),
        ("5h usage limit reached", {"5h"}),
        ("five-hour usage limit reached", {"5h"}),
        ("15-hour usage limit reached", set()),
        ("session usage limit reached", set()),
        ("daily usage limit reached", {"day"}),
        ("24-hour usage limit reached", {"day"}),
        ("124-hour usage limit reached", set()),
        ("requests per day limit exceeded", {"day"}),
        ("weekly usage limit reached", {"week"}),
        ("7-day usage limit reached", {"week"}),
        ("17-day usage limit reached", set()),
        ("monthly usage limit reached", {"month"}),
        ("30-day usage limit reached", {"month"}),
        ("usage limit reached for this billing cycle", {"month"}),
        ("usage limit reached for this billing period", {"month"}),
        ("usage limit reached for this period", set()),
        ("too many requests per minute", {"minute"}),
        ("too many requests per second", {"minute"}),
        ("rate limit: organization TPD exceeded", {"day"}),
        ("rate limit exceeded (RPD)", {"day"}),
        ("rate limit exceeded, TPD", set()),
        ("daily and weekly usage limit reached", {"day", "week"}),
        ("usage limit reached, try again in 24 hours", set()),
        ("usage limit reached, retry after 7 days", set()),
        ("usage limit reached, resets in 24 hours", set()),
        ("usage limit reached, resets at 2026-08-12T20:00:00Z", set()),
    ],
)
def test_the_windows_that_are_named(message: str, windows: set[Window]) -> None:
    """Waits and ends are none."""
    assert words(message).windows == windows


@pytest.mark.parametrize(
    "end",
    [
        "resets at 2026-08-12T20:00:00Z",
        "resets on 2026-08-12 20:00 UTC",
        "resets: 2026-08-12T20:00:00.000+00:00",
        "will reset at 2026-08-12T22:00:00+02:00",
        "will reset at 2026-08-12T22:00:00+0200",
        "reset time: 2026-08-12T20:00:00Z",
        "refreshed on 2026-08-12 at 20:00 GMT",
        "renews on 2026-08-12, 20:00:00 UTC",
        "available again at 2026-08-12T20:00:00Z",
        "resets on Wed, 12 Aug 2026 20:00:00 GMT",
        "resets at 2026-08-12T20:00:00Z, of another kind resets at 2026-08-12T19:00:00Z",
    ],
)
def test_a_moment_with_a_zone_is_an_end(end: str) -> None:
    """In any of the forms; of several the latest."""
    found = words(f"Usage limit reached, {end}.")
    assert (found.ends_at, found.ends_in) == (EVENING, None)


@pytest.mark.parametrize(
    "end",
    [
        "resets at 2026-08-12 20:00:00",
        "resets at 2026-08-12",
        "resets at 20:00 UTC",
        "resets at 2026-13-12T20:00:00Z",
        "resets soon",
        "was seen at 2026-08-12T20:00:00Z",
        "resets on Wed, 12 Aug 2026 20:00:00",
    ],
)
def test_what_has_no_zone_or_no_date_is_no_end(end: str) -> None:
    """Nor is a moment of which nothing is said."""
    found = words(f"Usage limit reached, {end}.")
    assert (found.meaning, found.ends_at, found.ends_in) == ("allowance", None, None)


@pytest.mark.parametrize(
    ("end", "seconds"),
    [
        ("will reset after 8h44m7s", 31_447.0),
        ("resets in 2 hours and 15 minutes", 8_100.0),
        ("resets in about 3 days", 259_200.0),
        ("refreshed in 45 minutes", 2_700.0),
        ("available again in 45m", 2_700.0),
        ("resets in 1 hour; the other one resets in 2 hours", 7_200.0),
        ("resets in a while", None),
        ("was used up in 45m", None),
    ],
)
def test_a_duration_is_an_end(end: str, seconds: float | None) -> None:
    """Of several the longest."""
    assert words(f"Usage limit reached, {end}.").ends_in == seconds


def test_of_a_moment_and_a_duration_the_later_is_the_end() -> None:
    """A duration counts from the answer."""
    assert Words(ends_at=200.0, ends_in=50.0).end(100.0) == 200.0
    assert Words(ends_at=200.0, ends_in=150.0).end(100.0) == 250.0
    assert Words(ends_at=200.0).end(100.0) == 200.0
    assert Words(ends_in=50.0).end(100.0) == 150.0
    assert Words().end(100.0) is None


def test_a_code_counts_before_words_of_a_later_meaning_only() -> None:
    """The order of meanings, not of places."""
    assert words("Insufficient balance", "1302") == Words("money")
    assert words("Rate limit reached", "1113") == Words("money", code="1113")
    assert words("limit", "user_weekly_rate_limited") == Words(
        "allowance", frozenset({"week"}), code="user_weekly_rate_limited"
    )


def test_an_end_alone_is_something() -> None:
    """It has no meaning, and an end."""
    assert words("Resets in 5m") == Words(ends_in=300.0)
    assert words("Hello") is NO_WORDS


def test_a_long_text_is_looked_at_in_part() -> None:
    """What a provider says of an error is shorter than 2000 characters."""
    assert words("x" * 1_974 + " usage limit reached now").meaning == "allowance"
    assert words("x" * 2_000 + " usage limit reached").meaning is None


@given(st.text(max_size=200))
def test_nothing_that_is_quoted_is_read(text: str) -> None:
    """Whatever stands beside it."""
    inside = "".join(letter for letter in text if letter not in "\"'`“”\n")
    assert words(f'Invalid value: "x{inside} usage limit reached x" is no color').meaning is None
