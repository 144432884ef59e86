"""Moments and waits as people type and read them."""

from zoneinfo import ZoneInfo

import pytest

from bucket_failover.cli.moments import clock_text, date_text, parse_moment, wait_text

NOW = 1_786_553_400.0  # 2026-08-12 16:50:00 UTC, 18:50 in Berlin
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("18:51", 60.0),
        ("18:50:01", 1.0),
        ("18:50", 86_400.0),
        (" 17:50 ", 23 * 3_600.0),
        ("2h30m", 9_000.0),
        ("+90s", 90.0),
        ("1.5h", 5_400.0),
        ("1w1d", 8 * 86_400.0),
        ("2026-08-12 19:50", 3_600.0),
        ("2026-08-12T18:00:00Z", 4_200.0),
        ("2026-08-13", 5 * 3_600.0 + 600.0),
        ("1786553460", 60.0),
    ],
)
def test_a_moment_as_people_type_it(text: str, seconds: float) -> None:
    """A clock is the next time that it shows that; what names no zone is meant in the machine's."""
    assert parse_moment(text, now=NOW, zone=BERLIN) == NOW + seconds


@pytest.mark.parametrize(
    "text", ["", "soon", "25:00", "18:60", "18:50:61", "2h30", "h", "2026-13-01", "-5m", "1e3", "yesterday"]
)
def test_what_is_no_moment(text: str) -> None:
    """None, and never an exception."""
    assert parse_moment(text, now=NOW, zone=BERLIN) is None


def test_a_clock_on_the_day_when_the_clocks_change() -> None:
    """The night of 2026-10-25 is an hour longer in Berlin: 08:00 is eleven hours after 22:00."""
    evening = 1_792_872_000.0 + 0.0
    assert parse_moment("08:00", now=evening, zone=BERLIN) == evening + 11 * 3_600.0


def test_the_machines_zone_is_the_default() -> None:
    """Whatever it is, the moment lies within a day."""
    moment = parse_moment("12:00", now=NOW)
    assert moment is not None
    assert NOW < moment <= NOW + 90_000.0


@pytest.mark.parametrize(
    ("moment", "text"),
    [(NOW, "18:50:00"), (NOW + 86_400.0, "2026-08-13 18:50"), (1e18, "1000000000000000000 s after 1970")],
)
def test_a_moment_for_people(moment: float, text: str) -> None:
    """With its date if it is another day."""
    assert clock_text(moment, now=NOW, zone=BERLIN) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0 s"),
        (45.4, "45 s"),
        (60.0, "1 min 0 s"),
        (125.0, "2 min 5 s"),
        (15_600.0, "4 h 20 min"),
        (273_600.0, "3 d 4 h"),
    ],
)
def test_a_wait_for_people(seconds: float, text: str) -> None:
    """By its two largest units."""
    assert wait_text(seconds) == text


@pytest.mark.parametrize(
    ("moment", "text"), [(NOW, "2026-08-12 18:50:00 +02:00"), (1e18, "1000000000000000000 s after 1970")]
)
def test_a_moment_with_its_day(moment: float, text: str) -> None:
    """In a heading the reader cannot know which day is meant."""
    assert date_text(moment, zone=BERLIN) == text
